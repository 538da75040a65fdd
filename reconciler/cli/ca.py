"""`qpki ca`: make certification authorities and look at them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import inputs, keychoice, options, reading
from reconciler.cli.app import App
from reconciler.cli.verbs import VerbGroup

if TYPE_CHECKING:
    from pki.keys import KeyChoice
    from pki.ports import SecretRef
    from pki.store.meta import CaUrls


@click.group(cls=VerbGroup)
def ca() -> None:
    """Make certification authorities and look at them."""


@ca.command(
    "init",
    examples=[
        'qpki ca init --profile ec/root-ca --var cn="Example Root CA" --dir ./root-ca',
        (
            "qpki ca init --profile ec/issuing-ca --parent ./root-ca \\\n"
            '  --var cn="Example Issuing CA" --dir ./issuing-ca'
        ),
        (
            "qpki ca init --hsm-config ./hsm.yaml --key-label root-ca-key --generate-key \\\n"
            '  --profile ec/root-ca --var cn="HSM Root CA" --dir ./hsm-ca'
        ),
    ],
)
@options.profile
@options.variables
@options.ca_dir
@click.option("--parent", type=options.DIRECTORY, help="The CA that signs; without it, this one is a root.")
@options.key(generate=False)
@options.ca_passphrase
@options.urls
@options.output
@click.pass_obj
def init(  # noqa: PLR0913 - one parameter per option
    app: App,
    *,
    profile: str,
    variables: Mapping[str, Any],
    ca_dir: Path,
    parent: Path | None,
    key: KeyChoice,
    ca_passphrase: SecretRef | None,
    urls: CaUrls,
    output: str,
) -> None:
    """Make a CA: its key, its certificate, its record.

    With --hsm-config the key is on a token: the one of that label or id, or a new one with --generate-key. Otherwise it
    is a new file in the CA's directory, encrypted if a passphrase is named. --ca-passphrase-env and
    --ca-passphrase-file open the key of the parent.
    """
    from pki.authority import Authority, CaRequest, create_ca
    from reconciler.render import authorities

    policy = inputs.profile(profile)
    above = Authority.open(parent, app.ports, passphrase=ca_passphrase) if parent else None
    app.say(f"Using profile: {profile}\nInitializing CA at {ca_dir.resolve()}...")
    request = CaRequest(directory=ca_dir, profile=policy, variables=variables, key=key, parent=above, urls=urls)
    authority = create_ca(request, app.ports)
    app.warn_of_plain_keys(keychoice.plain_keys(ca_dir, [record.storage for record in authority.meta.keys]))
    app.show(authorities.authority_facts(authority), authorities.initialized_text, output)


@ca.command("info", examples=["qpki ca info --ca-dir ./root-ca"])
@options.ca_dir
@options.output
@click.pass_obj
def info(app: App, ca_dir: Path, output: str) -> None:
    """Show a CA: its certificate, where its key is, its CRL."""
    from pki.authority import Authority
    from reconciler.render import authorities

    app.show(authorities.authority_facts(Authority.open(ca_dir, app.ports)), authorities.authority_text, output)


@ca.command("list", examples=["qpki ca list --dir ."])
@click.option(
    "--dir",
    "directory",
    type=options.DIRECTORY,
    default=".",
    show_default=True,
    help="Where to look, all the way down.",
)
@options.output
@click.pass_obj
def list_(app: App, directory: Path, output: str) -> None:
    """List the CAs in a directory and below it.

    Those whose records are damaged are told on stderr, and end the command with exit code 1.
    """
    from pki.authority import Authority
    from pki.store.layout import CaLayout
    from reconciler.render import authorities

    records = sorted(directory.rglob(CaLayout(directory).meta.name))
    found, damaged = reading.each(
        records, lambda record: authorities.authority_facts(Authority.open(record.parent, app.ports))
    )
    app.show({"directory": str(directory), "cas": found, "damaged": len(damaged)}, authorities.authorities_text, output)
    reading.require_all(damaged, "CA")


@ca.command("export", examples=["qpki ca export --ca-dir ./issuing-ca --bundle chain --out chain.pem"])
@options.ca_dir
@click.option(
    "-b",
    "--bundle",
    type=click.Choice(["ca", "chain", "root"]),
    default="ca",
    show_default=True,
    help="The CA's certificate, it and all above it, or the topmost.",
)
@options.encoding
@options.out
@click.pass_obj
def export(app: App, ca_dir: Path, bundle: str, encoding: str, out: Path | None) -> None:
    """Write a CA's certificate, chain or root.

    It goes to a file with --out, or to stdout.
    """
    from pki.authority import Authority

    authority = Authority.open(ca_dir, app.ports)
    chain = [authority.certificate, *authority.chain]
    chosen = {"ca": chain[:1], "chain": chain, "root": chain[-1:]}[bundle]
    app.deliver(reading.encoded(chosen, encoding), out)
