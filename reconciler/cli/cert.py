"""`qpki cert`: issue certificates, find them, revoke them, verify them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import inputs, options
from reconciler.cli.app import App
from reconciler.cli.types import SERIAL_OR_FILE
from reconciler.cli.verbs import VerbGroup

if TYPE_CHECKING:
    from pki.ports import SecretRef


@click.group(cls=VerbGroup)
def cert() -> None:
    """Issue certificates for CSRs, find them, revoke them and verify them."""


certificate = click.argument("certificate", type=SERIAL_OR_FILE, metavar="SERIAL|FILE")


@cert.command(
    "issue",
    examples=["qpki cert issue --ca-dir ./issuing-ca --profile ec/tls-server \\\n  --csr server.csr --out server.crt"],
)
@options.profile
@click.option("--csr", type=options.FILE, required=True, metavar="FILE", help="The request, PEM or DER.")
@options.variables
@options.ca_dir
@options.ca_passphrase
@options.out
@options.output
@click.pass_obj
def issue(  # noqa: PLR0913 - one parameter per option
    app: App,
    profile: str,
    csr: Path,
    variables: Mapping[str, Any],
    ca_dir: Path,
    ca_passphrase: SecretRef | None,
    out: Path | None,
    output: str,
) -> None:
    """Issue a certificate for a CSR.

    The profile decides. The CSR gives the key and proposes names: those that the profile has a place for are taken, and a
    --var of that name wins. The certificate is filed in the CA's directory; --out writes a copy.
    """
    from pki.authority import Authority
    from reconciler.render import certificates

    request = inputs.request(csr)
    authority = Authority.open(ca_dir, app.ports, passphrase=ca_passphrase)
    issued = authority.issue(inputs.profile(profile), variables, request)
    app.note(issued.notices)
    if out is not None:
        app.deliver(issued.certificate.pem(), out)
    app.show(certificates.issued_facts(issued, out), certificates.issued_text, output)


@cert.command("list", examples=["qpki cert list --ca-dir ./issuing-ca --status valid"])
@options.ca_dir
@click.option("--status", type=click.Choice(["valid", "revoked", "expired"]), help="Only those.")
@options.output
@click.pass_obj
def list_(app: App, ca_dir: Path, status: str | None, output: str) -> None:
    """List what a CA has issued."""
    from pki.authority import Authority
    from reconciler.render import certificates

    authority = Authority.open(ca_dir, app.ports)
    entries = [certificates.entry_facts(entry, authority.now()) for entry in authority.ledger.entries()]
    chosen = [entry for entry in entries if status in (None, entry["status"])]
    app.show({"certificates": chosen}, certificates.entries_text, output)


@cert.command("info", examples=["qpki cert info server.crt --ca-dir ./issuing-ca"])
@certificate
@options.ca_dir
@options.output
@click.pass_obj
def info(app: App, certificate: int | Path, ca_dir: Path, output: str) -> None:
    """Show a certificate that a CA issued, and whether it is revoked."""
    from pki.authority import Authority
    from reconciler.render import certificates

    filed = inputs.filed(Authority.open(ca_dir, app.ports), certificate)
    app.show(certificates.filed_facts(filed, app.ports.clock()), certificates.filed_text, output)


@cert.command(
    "revoke", examples=["qpki cert revoke server.crt --ca-dir ./issuing-ca --reason keyCompromise --gen-crl"]
)
@certificate
@options.ca_dir
@options.reason
@click.option("--gen-crl", is_flag=True, help="Publish a new CRL at once.")
@options.crl_validity
@options.ca_passphrase
@options.output
@click.pass_obj
def revoke(  # noqa: PLR0913 - one parameter per option
    app: App,
    certificate: int | Path,
    ca_dir: Path,
    reason: str,
    validity: timedelta,
    ca_passphrase: SecretRef | None,
    output: str,
    *,
    gen_crl: bool,
) -> None:
    """Revoke a certificate that a CA issued. The next CRL lists it; --gen-crl makes that one now."""
    from pki.authority import Authority
    from reconciler.render import certificates

    authority = Authority.open(ca_dir, app.ports, passphrase=ca_passphrase)
    serial = inputs.filed(authority, certificate).entry.serial
    (entry,) = authority.revoke([serial], reason)
    crl = inputs.publish(authority, validity) if gen_crl else None
    ...


@cert.command(
    "verify", examples=["qpki cert verify server.crt --ca ./root-ca/ca.crt --chain ./issuing-ca/ca.crt"]
)
def verify() -> None:
    ...
