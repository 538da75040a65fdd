"""The certificates on record, found in whichever file still holds them: state keeps copies, and a record has a hash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pki.errors import EncodingError, StateCorruptError, StoreError
from pki.store import files, meta
from pki.store.layout import CaLayout, inside
from pki.store.meta import CaMeta, CertificateFacts
from pki.store.wire import serial_hex
from pki.x509.certificates import Certificate, parse_certificate

RESTORE = "restore the file from git or a backup"
"""The way out when a file of state is missing, damaged or another."""


def recorded_ca(root: Path, state: str, directory: str) -> tuple[CaMeta, Certificate]:
    """Return the record of the CA in a directory of the workspace, and its certificate.

    Raises:
        StoreError: there is no CA, its record is damaged, or no file holds the certificate that it names.
    """
    layout = CaLayout(inside(root, directory))
    record = meta.load_ca(layout.meta)
    if record.certificate is None:  # a record from before there were facts: the file is all there is
        certificate = _parsed(layout.certificate)
    else:
        certificate = find_certificate(root, state, directory, record.certificate)
    if certificate is None:
        raise StateCorruptError(f"no file in {state} holds the certificate that {layout.meta} records", hint=RESTORE)
    return record, certificate


def find_certificate(root: Path, state: str, directory: str, facts: CertificateFacts) -> Certificate | None:
    """Return a CA's certificate, from `ca.crt` or from a copy: its own, or the one that its issuer filed."""
    own = CaLayout(inside(root, directory))
    copies = (own.certificate, own.own(serial_hex(facts.serial)))
    for path in (*copies, *_filed(root, state, facts.serial)):
        certificate = _parsed(path)
        if certificate is not None and facts.describes(certificate):
            return certificate
    return None


def is_filed(root: Path, state: str, serial: int, fingerprint: str) -> bool:
    """Say whether the issuer's copy of a certificate is there, as it was issued."""
    found = map(_parsed, _filed(root, state, serial))
    return any(each.fingerprint == fingerprint.lower() for each in found if each is not None)


def _filed(root: Path, state: str, serial: int) -> Iterator[Path]:
    """Give the places where whoever issued a certificate can have filed it."""
    for name in files.list_directory(inside(root, f"{state}/ca")):
        yield inside(root, f"{state}/ca/{name}/certs/{serial_hex(serial)}.crt")


def _parsed(path: Path) -> Certificate | None:
    try:
        return parse_certificate(files.read(path)) if files.exists(path) else None
    except (EncodingError, StoreError):
        return None
