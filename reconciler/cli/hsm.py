"""`qpki hsm`: find tokens, prove a configuration, see what a token can do."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli import inputs, options
from reconciler.cli.app import App
from reconciler.cli.verbs import VerbGroup


@click.group(cls=VerbGroup)
def hsm() -> None:
    """Find tokens and see what they can do."""


@hsm.command(
    "list",
    examples=["qpki hsm list --lib /usr/lib/softhsm/libsofthsm2.so", "qpki hsm list --hsm-config ./hsm.yaml"],
)
@click.option("--lib", type=options.FILE, metavar="FILE", help="The PKCS#11 module.")
@options.hsm_config
@options.output
@click.pass_obj
def list_(app: App, lib: Path | None, hsm_config: Path | None, output: str) -> None:
    """List slots and tokens; no PIN is needed."""
    from pki.signers.pkcs11 import list_slots
    from reconciler.render import hsm as render

    module, env = inputs.module(lib, hsm_config)
    slots = [render.slot_facts(slot) for slot in list_slots(module, env)]
    app.show({"module": os.path.normpath(module), "slots": slots}, render.slots_text, output)


@hsm.command("test", examples=["qpki hsm test --hsm-config ./hsm.yaml"])
@options.required_hsm_config
@click.option("--self-test", is_flag=True, help="Also sign with a temporary key, which is gone afterwards.")
@options.output
@click.pass_obj
def test(app: App, hsm_config: Path, output: str, *, self_test: bool) -> None:
    """Prove a configuration, step by step.

    The module loads, the token is found, its mechanisms serve, the PIN opens it.
    """
    from pki.signers.config import load_config
    from pki.signers.pkcs11 import check
    from reconciler.render import hsm as render

    app.say(f"Testing HSM configuration: {hsm_config}\n")
    steps = check(load_config(hsm_config), app.ports.secrets, self_test=self_test)
    done = [{"title": step.title, "result": app.step(str(step), step.run, output)} for step in steps]
    app.show({"hsm_config": str(hsm_config), "passed": True, "steps": done}, render.passed_text, output)


@hsm.command("info", examples=["qpki hsm info --hsm-config ./hsm.yaml"])
@options.required_hsm_config
@options.output
@click.pass_obj
def info(app: App, hsm_config: Path, output: str) -> None:
    """Show the token that a configuration leads to; no PIN is needed."""
    from pki.signers.config import load_config
    from pki.signers.pkcs11 import token_info
    from reconciler.render import hsm as render

    app.show(render.device_facts(token_info(load_config(hsm_config))), render.device_text, output)


@hsm.command("mechanisms", examples=["qpki hsm mechanisms --hsm-config ./hsm.yaml --filter ecdsa"])
@options.required_hsm_config
@click.option("--filter", "wanted", default="", metavar="TEXT", help="Only mechanisms with this in their name.")
@options.output
@click.pass_obj
def mechanisms(app: App, hsm_config: Path, wanted: str, output: str) -> None:
    """Show which keys and signatures a token offers; no PIN is needed."""
    from pki.signers.config import load_config
    from pki.signers.pkcs11 import mechanisms
    from reconciler.render import hsm as render

    report = mechanisms(load_config(hsm_config))
    app.show(render.mechanism_facts(report, wanted), render.mechanisms_text, output)
