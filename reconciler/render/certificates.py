"""Certificates as facts and text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from pki.names import display
from pki.store.index import IndexEntry

from pki.errors import PkiError
from pki.signers.base import spki_sha256
from pki.x509.certificates import Certificate, serial_hex
from reconciler.render.extensions import extension_facts, extension_rows
from reconciler.render.layout import Facts, count, day, fields, instant, readable, table


def certificate_facts(certificate: Certificate) -> dict[str, Any]:
    """Return everything that the certificate says."""
    return {
        "type": "certificate",
        "subject": display(certificate.subject),
        "issuer": display(certificate.issuer),
        "serial": f"0x{certificate.serial_hex}",
        "not_before": instant(certificate.not_before),
        "not_after": instant(certificate.not_after),
        "algorithm": or_unknown(lambda: certificate.algorithm.name),
        "signature": or_unknown(lambda: certificate.scheme.label),
        "ca": False,
        "path_length": None,
        **extension_facts(certificate.extensions),
        "fingerprint": certificate.fingerprint,
        "spki_sha256": spki_sha256(certificate.spki),
    }


def certificate_text(facts: Facts) -> str:
    return "Certificate:\n" + fields(
        [
            *summary_rows(facts),
            ("Status", facts.get("status")),
            ("Revoked", facts.get("revoked_at") and f"{readable(facts['revoked_at'])} ({facts['reason']})"),
            ("CA", _ca(facts)),
            *extension_rows(facts),
            ("SHA-256", facts["fingerprint"]),
            ("Stored at", facts.get("path")),
        ]
    )


def summary_rows(facts: Facts) -> list[tuple[str, object]]:
    """Return the rows that every text about a certificate begins with."""
    return [
        ("Subject", facts["subject"]),
        ("Issuer", facts["issuer"]),
        ("Serial", bare(facts["serial"])),
        ("Not Before", readable(facts["not_before"])),
        ("Not After", readable(facts["not_after"])),
        ("Algorithm", facts["algorithm"]),
        ("Signature", facts["signature"]),
    ]


def issued_text(facts: Facts) -> str:
    rows = [*summary_rows(facts), ("Certificate", facts["out"]), ("Stored at", facts["path"])]
    return "Certificate issued successfully!\n" + fields(rows)


def entry_facts(entry: IndexEntry, now: datetime) -> dict[str, Any]:
    """Return one row of a CA's index; a certificate past its date is expired even where the index does not say so."""
    return {
        "serial": f"0x{serial_hex(entry.serial)}",
        "status": status(entry, now),
        "not_after": instant(entry.not_after),
        "subject": entry.subject,
        "revoked_at": entry.revoked_at and instant(entry.revoked_at),
        "reason": (entry.reason or "unspecified") if entry.revoked_at else None,
    }


def status(entry: IndexEntry, now: datetime) -> str:
    if entry.revoked_at is not None:
        return "revoked"
    return "expired" if entry.not_after < now else "valid"


def entries_text(entries: Iterable[Facts]) -> str:
    rows = [(entry["status"], bare(entry["serial"]), day(entry["not_after"]), entry["subject"]) for entry in entries]
    if not rows:
        return "No certificates."
    return f"{table(('STATUS', 'SERIAL', 'EXPIRES', 'SUBJECT'), rows)}\n\nTotal: {count(len(rows), 'certificate')}"


def revoked_text(facts: Facts) -> str:
    rows = [("Subject", facts["subject"]), ("Reason", facts["reason"]), ("Revoked", readable(facts["revoked_at"]))]
    return f"Certificate {bare(facts['serial'])} revoked successfully.\n{fields(rows)}"


def bare(serial: str) -> str:
    """Return a serial as people and files write it, from its form in JSON (`0x…`)."""
    return serial.removeprefix("0x")


def or_unknown(read: Callable[[], str]) -> str:
    """Return what `read` finds, or "unknown" for an algorithm outside our table: looking is not relying."""
    try:
        return read()
    except PkiError:
        return "unknown"


def _ca(facts: Facts) -> str | None:
    if not facts["ca"]:
        return None
    length = facts["path_length"]
    return "yes" if length is None else f"yes, path length {length}"
