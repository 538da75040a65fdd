"""`qpki key`: make private keys, in files or on tokens, and look at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import inputs, keychoice, options
from reconciler.cli.app import App
from reconciler.cli.verbs import VerbGroup

if TYPE_CHECKING:
    from pki.keys import TokenKeyChoice
    from pki.ports import SecretRef
    from pki.signers.base import TokenKey
    from pki.signers.software import SoftwareSigner
    from reconciler.cli.keychoice import OpenKey


@click.group(cls=VerbGroup, aliases={"generate": "gen"})
def key() -> None:
    """Make private keys and look at them."""


@key.command(
    "gen",
    examples=[
        "qpki key gen --algorithm ecdsa-p256 --out server.key",
        "qpki key gen --algorithm ecdsa-p256 --hsm-config ./hsm.yaml --key-label web-key",
    ],
)
@options.algorithm
@options.out
@options.passphrase
@options.token_key
@options.output
@click.pass_obj
def gen(
    app: App,
    algorithm: str,
    out: Path | None,
    passphrase: SecretRef | None,
    hsm_config: Path | None,
    key_label: str | None,
    key_id: str | None,
    output: str,
) -> None:
    """Make a private key (also: `qpki key generate`).

    With --out, in a new file that only you can read, PKCS#8, encrypted if a passphrase is named. With --hsm-config and
    --key-label, on the token, which it cannot leave. A key is never made over another.
    """
    from reconciler.render import keys

    inputs.only_one({"--out": out, "--hsm-config": hsm_config})
    if out is not None:
        inputs.refuse_without("--hsm-config", {"--key-label": key_label, "--key-id": key_id})
        facts = keys.new_file_facts(
            new_key_file(app, algorithm, out, passphrase), out, encrypted=passphrase is not None
        )
    else:
        choice = keychoice.token_key(hsm_config, key_label, key_id, passphrase, generate=True)
        facts = keys.token_key_facts(new_token_key(app, algorithm, choice))
    app.show(facts, keys.generated_text, output)


@key.command("list", examples=["qpki key list --dir .", "qpki key list --hsm-config ./hsm.yaml"])
@click.option("--dir", "directory", type=options.DIRECTORY, help="List the key files in it and below.  [default: .]")
@options.hsm_config
@options.output
@click.pass_obj
def list_(app: App, directory: Path | None, hsm_config: Path | None, output: str) -> None:
    """List the private keys in files or on a token.

    Files stay closed: an encrypted one does not show its algorithm.
    """
    from pki import keys as library
    from reconciler.render import keys

    inputs.only_one({"--dir": directory, "--hsm-config": hsm_config})
    if hsm_config is not None:
        found = [keys.token_key_facts(it) for it in library.list_token_keys(hsm_config, app.ports.secrets)]
    else:
        found = [keys.file_key_facts(it) for it in library.list_file_keys(directory or Path())]
    app.show({"where": str(hsm_config or directory or "."), "keys": found}, keys.list_text, output)


@key.command("info", examples=["qpki key info server.key"])
@options.existing_key
@options.output
@click.pass_obj
def info(app: App, open_key: OpenKey, output: str) -> None:
    """Open a private key and show what kind it is.

    It shows the algorithm and the SHA-256 of the public half, and nothing of the key itself.
    """
    from pki.signers.software import SoftwareSigner
    from reconciler.render import keys

    with open_key(app.ports.secrets) as signer:
        facts = keys.signer_facts(signer) if isinstance(signer, SoftwareSigner) else keys.token_key_facts(signer.key)
    app.show(facts, keys.information_text, output)


@key.command("pub", examples=["qpki key pub server.key --out server.pub"])
@options.existing_key
@options.out
@click.pass_obj
def pub(app: App, open_key: OpenKey, out: Path | None) -> None:
    """Write the public half of a private key in PEM.

    It goes to a file with --out, or to stdout.
    """
    from pki.der import pem

    with open_key(app.ports.secrets) as signer:
        app.deliver(pem("PUBLIC KEY", signer.spki), out)


def new_key_file(app: App, algorithm: str, path: Path, passphrase: SecretRef | None) -> SoftwareSigner:
    """Make a key in a new file, and warn if it is not encrypted."""
    from pki import algorithms, keys

    app.say(f"Generating {algorithm} key pair...")
    kind = algorithms.algorithm(algorithm)
    signer = keys.generate_file_key(kind, path, passphrase=passphrase, secrets=app.ports.secrets)
    app.warn_of_plain_keys([] if passphrase else [path])
    return signer


def new_token_key(app: App, algorithm: str, choice: TokenKeyChoice) -> TokenKey:
    from pki import algorithms, keys

    app.say(f"Generating {algorithm} key in HSM...")
    kind = algorithms.algorithm(algorithm)
    label = choice.label or ""
    return keys.generate_token_key(kind, choice.config, label=label, key_id=choice.key_id, secrets=app.ports.secrets)
