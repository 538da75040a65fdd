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


@click.group(cls=VerbGroup)
def crl() -> None:
    """Publish, read and verify revocation lists."""


@crl.command("gen", examples=["qpki crl gen --ca-dir ./issuing-ca", "qpki crl gen --ca-dir ./root-ca --days 90"])
@options.ca_dir
@options.crl_validity
@click.option("--idp", is_flag=True, help="Add a critical issuing distribution point with the CA's CRL URLs.")
@options.ca_passphrase
@options.output
@click.pass_obj
def gen(
    app: App, ca_dir: Path, validity: timedelta, ca_passphrase: SecretRef | None, output: str, *, idp: bool
) -> None:
    """Sign a new CRL and publish it.

    It lists all that is revoked, and lies in the CA's directory as crl/ca.crl (DER) and crl/ca.crl.pem.
    """
    from pki.authority import Authority
    from pki.errors import about
    from pki.x509.crls import DistributionPoint
    from reconciler.render import crls

    authority = Authority.open(ca_dir, app.ports, passphrase=ca_passphrase)
    with about(ca_dir, hint="make the CA with --crl-url, or leave --idp out"):
        place = DistributionPoint(authority.meta.urls.crl) if idp else None
    crl = authority.generate_crl(validity, distribution_point=place)
    app.show(crls.published_facts(crl, authority.layout), crls.published_text, output)


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
    from pki.x509.path import validate_crl
    from reconciler.render import crls

    found = reading.crl(file)
    validate_crl(found, reading.all_certificates(anchors), at=at or app.ports.clock())
    app.show(crls.verified_facts(found), crls.verified_text, output)
