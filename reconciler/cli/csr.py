"""`qpki csr`: make certificate requests, read them, verify them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import inputs, keychoice, options, outputs, reading
from reconciler.cli.app import App
from reconciler.cli.key import new_key_file
from reconciler.cli.outputs import OUTPUT_FILE
from reconciler.cli.types import ALGORITHM
from reconciler.cli.verbs import VerbGroup

if TYPE_CHECKING:
    from pki.ports import SecretRef
    from pki.signers.base import Signer
    from reconciler.cli.inputs import WantedNames


@click.group(cls=VerbGroup)
def csr() -> None:
    """Make, read and verify certificate requests (PKCS#10)."""


@csr.command(
    "gen",
    examples=[
        "qpki csr gen --keyout www.key --cn www.example.com --dns www.example.com --out www.csr",
        "qpki csr gen --key server.key --cn server.example.com --dns server.example.com --out server.csr",
        "qpki csr gen --hsm-config ./hsm.yaml --key-label web-key --cn web.example.com --out web.csr",
    ],
)
@click.option("--key", "file", type=options.FILE, help="Sign with the private key in this file.")
@click.option("--keyout", type=OUTPUT_FILE, metavar="FILE", help="Make a new key, and write it to this file.")
@click.option("-a", "--algorithm", type=ALGORITHM, help="Kind of the new key.  [default: ecdsa-p256]")
@options.passphrase
@options.token_key
@options.wanted_names
@click.option("--out", type=OUTPUT_FILE, required=True, metavar="FILE", help="Write the request to this file.")
@options.output
@click.pass_obj
def gen(  # noqa: PLR0913 - one parameter per option
    app: App,
    *,
    file: Path | None,
    keyout: Path | None,
    algorithm: str | None,
    passphrase: SecretRef | None,
    hsm_config: Path | None,
    key_label: str | None,
    key_id: str | None,
    wanted: WantedNames,
    out: Path,
    output: str,
) -> None:
    """Make a request for a key.

    The key is in a file (--key), on a token (--hsm-config), or new (--keyout).
    """
    from pki.issuance import sign_request
    from pki.x509.requests import parse_request
    from reconciler.render import requests

    inputs.only_one({"--key": file, "--keyout": keyout, "--hsm-config": hsm_config})
    opened: AbstractContextManager[Signer]
    if keyout is not None:
        inputs.refuse_without("--hsm-config", {"--key-label": key_label, "--key-id": key_id})
        opened = nullcontext(new_key_file(app, algorithm or "ecdsa-p256", keyout, passphrase))
    else:
        inputs.refuse_without("--keyout", {"--algorithm": algorithm})
        opened = keychoice.open_key(file, hsm_config, key_label, key_id, passphrase)(app.ports.secrets)
    with opened as signer:
        request = parse_request(sign_request(*wanted, signer=signer))
    outputs.write(out, request.pem())
    app.show(requests.written_facts(request, out, keyout), requests.written_text, output)


@csr.command("info", examples=["qpki csr info server.csr"])
@click.argument("file", type=options.FILE)
@options.output
@click.pass_obj
def info(app: App, file: Path, output: str) -> None:
    """Show what a request asks for; nothing is verified."""
    from reconciler.render import requests

    app.show(requests.request_facts(reading.request(file)), requests.request_text, output)


@csr.command("verify", examples=["qpki csr verify server.csr"])
@click.argument("file", type=options.FILE)
@options.output
@click.pass_obj
def verify(app: App, file: Path, output: str) -> None:
    """Verify that whoever made a request holds its key."""
    from pki.x509.requests import verify_request
    from reconciler.render import requests

    request = reading.request(file)
    with reading.of(file):
        verify_request(request)
    app.show(requests.verified_facts(request), requests.verified_text, output)
