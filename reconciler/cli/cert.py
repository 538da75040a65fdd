"""`qpki cert`: issue certificates, find them, revoke them, verify them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import inputs, options, outputs, reading
from reconciler.cli.app import App
from reconciler.cli.types import INSTANT, SERIAL_OR_FILE
from reconciler.cli.verbs import VerbGroup

if TYPE_CHECKING:
    from pki.ports import SecretRef


@click.group(cls=VerbGroup)
def cert() -> None:
    """Issue, find, revoke and verify certificates."""


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
def issue(
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

    The profile decides. The CSR gives the key and proposes names: those that the profile has a place for are taken, and
    a --var of that name wins. The certificate is filed in the CA's directory; --out writes a copy.
    """
    from pki.authority import Authority
    from pki.errors import RequestError, about
    from reconciler.render import certificates

    request = reading.request(csr)
    authority = Authority.open(ca_dir, app.ports, passphrase=ca_passphrase)
    policy = inputs.profile(profile)
    with reading.of(csr, RequestError):
        issued = authority.issue(policy, variables, request)
    app.note(issued.notices)
    if out is not None:
        with about(f"the certificate is issued and filed as {issued.path}, but not copied"):
            outputs.write(out, issued.certificate.pem())
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

    now = app.ports.clock()
    entries = Authority.open(ca_dir, app.ports).ledger.entries(now)
    found = [certificates.entry_facts(entry, now) for entry in entries]
    app.show({"certificates": [it for it in found if status in (None, it["status"])]}, certificates.list_text, output)


@cert.command("info", examples=["qpki cert info server.crt --ca-dir ./issuing-ca"])
@certificate
@options.ca_dir
@options.output
@click.pass_obj
def info(app: App, certificate: int | Path, ca_dir: Path, output: str) -> None:
    """Show a certificate that a CA issued, and its status."""
    from pki.authority import Authority
    from reconciler.render import certificates

    authority = Authority.open(ca_dir, app.ports)
    entry, filed = reading.find(authority, certificate)
    app.show(certificates.filed_facts(authority, entry, filed), certificates.filed_text, output)


@cert.command("revoke", examples=["qpki cert revoke server.crt --ca-dir ./issuing-ca --reason keyCompromise --gen-crl"])
@certificate
@options.ca_dir
@options.reason
@click.option("--gen-crl", is_flag=True, help="Publish a new CRL at once.")
@options.crl_validity
@options.ca_passphrase
@options.output
@click.pass_obj
def revoke(
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
    """Revoke a certificate that a CA issued.

    The next CRL lists it; --gen-crl publishes that one now.
    """
    from pki.authority import Authority
    from reconciler.render import certificates

    authority = Authority.open(ca_dir, app.ports, passphrase=ca_passphrase)
    issued, _ = reading.find(authority, certificate)
    (entry,) = authority.revoke([issued.serial], reason)
    crl = inputs.publish(app, authority, validity) if gen_crl else None
    app.show(certificates.revoked_facts(authority, entry, crl), certificates.revoked_text, output)


@cert.command(
    "verify",
    examples=[
        (
            "qpki cert verify server.crt --ca ./root-ca/ca.crt --chain ./issuing-ca/ca.crt \\\n"
            "  --purpose server --hostname server.example.com"
        ),
    ],
)
@click.argument("file", type=options.FILE)
@options.anchors
@click.option("--chain", type=options.FILE, multiple=True, metavar="FILE", help="CA certificates on the way up.")
@click.option("--crl", "crls", type=options.FILE, multiple=True, metavar="FILE", help="A CRL to check against.")
@click.option("--require-crl", is_flag=True, help="Fail when no CRL speaks of a certificate.")
@click.option(
    "--purpose",
    type=click.Choice(["server", "client", "code", "email", "timestamp", "ocsp"]),
    help="What it is to be used for.",
)
@click.option("--hostname", metavar="NAME", help="The DNS name or IP address it must be for.")
@click.option(
    "--at", type=INSTANT, metavar="TIME", help="The time to check for, such as 2026-11-23T09:00:00Z.  [default: now]"
)
@options.output
@click.pass_obj
def verify(  # noqa: PLR0913 - one parameter per option
    app: App,
    *,
    file: Path,
    anchors: Sequence[Path],
    chain: Sequence[Path],
    crls: Sequence[Path],
    purpose: str | None,
    hostname: str | None,
    at: datetime | None,
    output: str,
    require_crl: bool,
) -> None:
    """Verify a certificate by RFC 5280, offline.

    One that does not hold ends with exit code 3.

    The first certificate in FILE is verified; further ones in it help to build the path, as those of --chain do.
    """
    from pki.x509.path import Purpose, validate_path
    from reconciler.render import verification

    leaf, *above = reading.certificates(file)
    path = validate_path(
        leaf,
        [*above, *reading.all_certificates(chain)],
        reading.all_certificates(anchors),
        at=at or app.ports.clock(),
        crls=[reading.crl(name) for name in crls],
        require_crls=require_crl,
        purpose=Purpose(purpose) if purpose else None,
        hostname=hostname,
    )
    app.show(verification.path_facts(path), verification.path_text, output)
