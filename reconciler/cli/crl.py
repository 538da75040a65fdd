"""`qpki crl`: publish revocation lists, read them, verify them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options, reading
from reconciler.cli.app import App
from reconciler.cli.types import INSTANT
from reconciler.cli.verbs import VerbGroup

if TYPE_CHECKING:
    from pki.ports import SecretRef
    from pki.x509.certificates import Certificate
    from pki.x509.crls import Crl


@click.group(cls=VerbGroup)
def crl() -> None:
    """Publish, read and verify revocation lists."""


@crl.command("gen", examples=["qpki crl gen --ca-dir ./issuing-ca", "qpki crl gen --ca-dir ./root-ca --days 90"])
@options.ca_dir
@options.crl_validity
@options.ca_passphrase
@options.output
@click.pass_obj
def gen(app: App, ca_dir: Path, validity: timedelta, ca_passphrase: SecretRef | None, output: str) -> None:
    """Sign a new CRL and publish it.

    It lists all that is revoked, and lies in the CA's directory as crl/ca.crl (DER) and crl/ca.crl.pem.
    """
    from pki.authority import Authority
    from reconciler.render import crls

    authority = Authority.open(ca_dir, app.ports, passphrase=ca_passphrase)
    app.show(crls.published_facts(authority.generate_crl(validity), authority.layout), crls.published_text, output)


@crl.command("info", examples=["qpki crl info ./issuing-ca/crl/ca.crl"])
@click.argument("file", type=options.FILE)
@options.output
@click.pass_obj
def info(app: App, file: Path, output: str) -> None:
    """Show a CRL; nothing is verified."""
    from reconciler.render import crls

    app.show(crls.crl_facts(reading.crl(file)), crls.crl_text, output)


@crl.command("verify", examples=["qpki crl verify ./issuing-ca/crl/ca.crl --ca ./issuing-ca/ca.crt"])
@click.argument("file", type=options.FILE)
@options.anchors
@click.option("--at", type=INSTANT, metavar="TIME", help="The time to check for.  [default: now]")
@options.output
@click.pass_obj
def verify(app: App, file: Path, anchors: Sequence[Path], at: datetime | None, output: str) -> None:
    """Verify that a CRL is signed by a CA, and current.

    One that does not hold ends with exit code 3.
    """
    from reconciler.render import crls

    found = reading.crl(file)
    _require_valid(found, reading.all_certificates(anchors), at or app.ports.clock())
    app.show(crls.crl_facts(found), crls.verified_text, output)


def _require_valid(crl: Crl, cas: Sequence[Certificate], at: datetime) -> None:
    from pki.errors import VerificationError
    from pki.names import display
    from pki.x509.signatures import verify

    issuer = next((ca for ca in cas if (ca.subject_der, ca.key_id) == (crl.issuer_der, crl.authority_key_id)), None)
    if issuer is None:
        raise VerificationError(
            f"the CRL is one of {display(crl.issuer)}, and none of the CAs given has its name and key"
        )
    if issuer.key_usage and not issuer.key_usage.crl_sign:
        raise VerificationError(f"{display(issuer.subject)} may not sign CRLs (RFC 5280 section 4.2.1.3)")
    verify(issuer.spki, crl.scheme, crl.tbs, crl.signature)
    if at < crl.this_update:
        raise VerificationError(f"the CRL is from the future: {crl.this_update:%Y-%m-%d %H:%M:%S} UTC")
    if crl.next_update is None or at > crl.next_update:
        due = f"{crl.next_update:%Y-%m-%d %H:%M:%S} UTC" if crl.next_update else "a time that it does not tell"
        raise VerificationError(
            f"the CRL is out of date: the next one was due at {due}", hint="get the CA's current CRL"
        )
