"""Certificates as facts and text."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pki.authority import Authority, Issued
from pki.names import display
from pki.signers.base import spki_sha256
from pki.store.index import IndexEntry
from pki.x509.certificates import Certificate, serial_hex
from pki.x509.crls import Crl
from reconciler.render.crls import published_facts, published_text
from reconciler.render.extensions import extension_facts, extension_rows
from reconciler.render.layout import Facts, bare, count, day, fields, instant, or_unknown, readable, table
from reconciler.render.names import from_index


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
        "fingerprint": certificate.fingerprint.upper(),
        "spki_sha256": spki_sha256(certificate.spki),
    }


def issued_facts(issued: Issued, out: Path | None) -> dict[str, Any]:
    return {
        **certificate_facts(issued.certificate),
        "path": str(issued.path),
        "out": out and str(out),
        "notices": [notice.message for notice in issued.notices],
    }


def entry_facts(entry: IndexEntry, now: datetime) -> dict[str, Any]:
    """Return one row of a CA's index; a certificate past its date is expired even where the index does not say so."""
    return {
        "serial": f"0x{serial_hex(entry.serial)}",
        "status": _status(entry, now),
        "not_after": instant(entry.not_after),
        "subject": from_index(entry.subject),
        "revoked_at": entry.revoked_at and instant(entry.revoked_at),
        "reason": (entry.reason or "unspecified") if entry.revoked_at else None,
    }


def filed_facts(authority: Authority, entry: IndexEntry, certificate: Certificate | None) -> dict[str, Any]:
    """Return a certificate's facts with what the CA's index knows; of a file that a crash lost, only the latter."""
    known = entry_facts(entry, authority.now())
    if certificate is None:
        return {**known, "path": None}
    return {**known, **certificate_facts(certificate), "path": str(authority.layout.issued(certificate.serial_hex))}


def revoked_facts(authority: Authority, entry: IndexEntry, crl: Crl | None) -> dict[str, Any]:
    return {
        **entry_facts(entry, authority.now()),
        "crl": None if crl is None else published_facts(crl, authority.layout),
    }


def certificate_text(facts: Facts) -> str:
    return "Certificate:\n" + fields(
        [
            *summary_rows(facts),
            ("CA", _ca(facts)),
            *extension_rows(facts),
            ("SHA-256", facts["fingerprint"]),
            *_record_rows(facts),
        ]
    )


def filed_text(facts: Facts) -> str:
    if facts["path"] is not None:
        return certificate_text(facts)
    rows = [("Subject", facts["subject"]), ("Serial", bare(facts["serial"])), *_record_rows(facts)]
    return f"Certificate (its file is not there):\n{fields(rows)}"


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
    return f"Certificate issued successfully!\n{fields(rows)}"


def list_text(facts: Facts) -> str:
    rows = [
        (entry["status"], bare(entry["serial"]), day(entry["not_after"]), entry["subject"])
        for entry in facts["certificates"]
    ]
    if not rows:
        return "No certificates."
    return f"{table(('STATUS', 'SERIAL', 'EXPIRES', 'SUBJECT'), rows)}\n\nTotal: {count(len(rows), 'certificate')}"


def revoked_text(facts: Facts) -> str:
    rows = [("Subject", facts["subject"]), ("Reason", facts["reason"]), ("Revoked", readable(facts["revoked_at"]))]
    return f"Certificate {bare(facts['serial'])} revoked successfully.\n{fields(rows)}\n{crl_note(facts)}"


def crl_note(facts: Facts) -> str:
    """Say whether relying parties can know of a revocation yet."""
    if facts["crl"] is None:
        return "Note: Run `qpki crl gen` to publish it in a CRL."
    return published_text(facts["crl"])


def _status(entry: IndexEntry, now: datetime) -> str:
    if entry.revoked_at is not None:
        return "revoked"
    return "expired" if entry.not_after < now else "valid"


def _record_rows(facts: Facts) -> list[tuple[str, object]]:
    """Return what the CA's index knows of a certificate; nothing where nobody asked it."""
    revoked_at = facts.get("revoked_at")
    return [
        ("Status", facts.get("status")),
        ("Revoked", revoked_at and f"{readable(revoked_at)} ({facts['reason']})"),
        ("Stored at", facts.get("path")),
    ]


def _ca(facts: Facts) -> str | None:
    if not facts["ca"]:
        return None
    length = facts["path_length"]
    return "yes" if length is None else f"yes, path length {length}"
