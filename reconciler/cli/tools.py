"""`qpki inspect`, `schema`, `completion` and `version`: what belongs to no group."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import options, reading
from reconciler.cli.app import App
from reconciler.cli.types import SCHEMA
from reconciler.cli.verbs import Verb

DISTRIBUTION = "qpki-reconciler"
MAX_INSPECTED = 256 * 1024 * 1024
"""Bytes; a CRL with a million entries has a fifth of it."""

_LIBRARIES = ("click", "cryptography", "python-pkcs11")


@click.command(cls=Verb, examples=["qpki inspect server.crt", "qpki inspect ./root-ca/ca.meta.json --output json"])
@click.argument("file", type=options.FILE)
@options.output
@click.pass_obj
def inspect(app: App, file: Path, output: str) -> None:
    """Say what a file holds, whatever its name.

    Certificates and chains, requests, CRLs, private and public keys in PEM or DER, and qpki's own *.meta.json. Nothing
    is decrypted and nothing is verified.
    """
    from pki.store import files
    from reconciler.render import inspection

    with reading.of(file):
        found = inspection.inspect(files.read(file, limit=MAX_INSPECTED), file)
    app.show(found, inspection.text, output)


@click.command(cls=Verb, examples=["qpki schema", "qpki schema credential"])
@click.argument("name", type=SCHEMA, required=False)
@click.pass_obj
def schema(app: App, name: str | None) -> None:
    """Print a JSON Schema, for editors and CI.

    Without NAME, list the schemas.
    """
    from pki.schemas import bundled_schema, schema_names

    if name is None:
        app.raw("\n".join(schema_names()))
    elif name not in schema_names():
        raise click.BadParameter(f"there is no schema {name!r}; one of: {', '.join(schema_names())}")
    else:
        app.raw(bundled_schema(name))


@click.command(
    cls=Verb,
    examples=[
        'eval "$(qpki completion bash)"',
        "qpki completion fish > ~/.config/fish/completions/qpki.fish",
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options, profiles, algorithms and revocation reasons.
    """
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    kinds = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    script = kinds[shell](context.find_root().command, {}, "qpki", "_QPKI_COMPLETE")
    context.obj.raw(script.source_template % script.source_vars())


@click.command(cls=Verb, examples=["qpki version --output json"])
@options.output
@click.pass_obj
def version(app: App, output: str) -> None:
    """Show versions, for a report."""
    from platform import python_version

    from cryptography.hazmat.backends.openssl.backend import backend

    from reconciler.render.layout import fields

    facts = {"qpki": own_version(), "python": python_version(), "openssl": backend.openssl_version_text()}
    facts |= {name.replace("-", "_"): installed(name) for name in _LIBRARIES}
    app.show(facts, lambda found: fields(found.items(), indent=0), output)


def own_version() -> str:
    return installed(DISTRIBUTION)


def installed(distribution: str) -> str:
    """Return the version of an installed distribution; a checkout that nobody installed has none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown (not installed)"
