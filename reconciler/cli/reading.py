"""Files that a command is given, and what it writes back; what is wrong with one names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from pki.errors import PkiError

if TYPE_CHECKING:
    from pki.authority import Authority
    from pki.findings import Finding
    from pki.store.index import IndexEntry
    from pki.x509.certificates import Certificate
    from pki.x509.crls import Crl
    from pki.x509.requests import CertificateRequest

Name = TypeVar("Name")
Found = TypeVar("Found")


@contextmanager
def of(file: Path, kind: type[PkiError] = PkiError) -> Iterator[None]:
    """Name the file in what goes wrong with it: a command can read several."""
    try:
        yield
    except kind as error:
        if str(file) not in error.message:
            error.message = f"{file}: {error.message}"
        raise


def request(file: Path) -> CertificateRequest:
    from pki.store import files
    from pki.x509.requests import MAX_SIZE, parse_request

    with of(file):
        return parse_request(files.read(file, limit=MAX_SIZE))


def all_certificates(files: Iterable[Path]) -> list[Certificate]:
    return [certificate for file in files for certificate in certificates(file)]


def certificates(file: Path) -> list[Certificate]:
    from pki.store import files
    from pki.x509.certificates import parse_certificates

    with of(file):
        return parse_certificates(files.read(file))


def crl(file: Path) -> Crl:
    from pki.store import files
    from pki.x509.crls import parse_crl

    with of(file):
        return parse_crl(files.read(file, limit=None))


def find(authority: Authority, certificate: int | Path) -> tuple[IndexEntry, Certificate | None]:
    """Return the CA's record of a certificate, named by serial or by a file, and what is filed under its serial.

    Raises:
        StoreError: the CA did not issue it.
    """
    from pki.errors import StoreError
    from pki.store import files
    from pki.x509.certificates import parse_certificate, serial_hex

    if isinstance(certificate, int):
        serial, given = certificate, None
    else:
        given = certificates(certificate)[0]
        serial = given.serial
    path = authority.layout.issued(serial_hex(serial))
    filed = parse_certificate(files.read(path)) if files.exists(path) else None
    entry = next((row for row in authority.ledger.entries(authority.now()) if row.serial == serial), None)
    if entry is None or given not in (None, filed):
        what = f"certificate with serial {serial_hex(serial)}" if given is None else f"certificate as in {certificate}"
        raise StoreError(
            f"the CA in {authority.layout.root} has issued no {what}",
            hint="`qpki cert list` shows what it has issued",
        )
    return entry, filed


def each(names: Iterable[Name], read: Callable[[Name], Found]) -> tuple[list[Found], list[Finding]]:
    """Return what can be read, and what is wrong with the others: one damaged record hides no other."""
    from pki.findings import Finding, Severity

    found, damaged = [], []
    for name in names:
        try:
            found.append(read(name))
        except PkiError as error:
            damaged.append(Finding(Severity.ERROR, "record.damaged", error.message, hint=error.hint))
    return found, damaged


def require_all(damaged: Sequence[Finding], what: str) -> None:
    """Report what could not be listed, after what could.

    Raises:
        FindingsError: there is something.
    """
    from pki.findings import FindingsError
    from reconciler.render.layout import count

    if damaged:
        raise FindingsError(f"{count(len(damaged), what)} cannot be read", damaged)


def encoded(chosen: Sequence[Certificate], encoding: str) -> bytes:
    """Return certificates as a PEM bundle, or the one certificate as DER."""
    if encoding == "pem":
        return b"".join(certificate.pem() for certificate in chosen)
    if len(chosen) != 1:
        raise click.UsageError("DER holds one certificate: choose --format pem, or less to export")
    return chosen[0].der
