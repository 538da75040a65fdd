"""Credentials as facts and text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pki.authority import Authority
from pki.credentials import Credential
from pki.store.meta import CredentialCertificate
from pki.x509.certificates import serial_hex
from pki.x509.crls import Crl
from reconciler.render.certificates import crl_note
from reconciler.render.crls import published_facts
from reconciler.render.keys import storage_facts, where
from reconciler.render.layout import Facts, bare, count, day, fields, instant, readable, table
from reconciler.render.names import recorded


def credential_facts(credential: Credential, now: datetime) -> dict[str, Any]:
    record = credential.meta
    return {
        "type": "credential",
        "id": record.id,
        "directory": str(credential.layout.directory),
        "subject": record.subject,
        "profiles": list(record.profiles),
        "status": credential.status(now).value,
        "created": instant(record.created),
        "not_before": instant(record.not_before),
        "not_after": instant(record.not_after),
        "revoked_at": record.revoked_at and instant(record.revoked_at),
        "revocation_reason": record.revocation_reason,
        "certificates": [_certificate(credential, certificate) for certificate in record.certificates],
    }


def revoked_facts(authority: Authority, credential: Credential, crl: Crl | None) -> dict[str, Any]:
    facts = credential_facts(credential, authority.now())
    return {**facts, "crl": None if crl is None else published_facts(crl, authority.layout)}


def enrolled_text(facts: Facts) -> str:
    rows = [
        ("Credential ID", facts["id"]),
        ("Subject", recorded(facts["subject"])),
        ("Profiles", ", ".join(facts["profiles"])),
        ("Valid", f"{day(facts['not_before'])} to {day(facts['not_after'])}"),
        ("Directory", facts["directory"]),
    ]
    issued = f"Certificates issued: {len(facts['certificates'])}"
    return f"Credential created successfully!\n\n{fields(rows, indent=0)}\n\n{issued}\n{_certificates(facts)}"


def credential_text(facts: Facts) -> str:
    rows = [
        ("Credential ID", facts["id"]),
        ("Subject", recorded(facts["subject"])),
        ("Profiles", ", ".join(facts["profiles"])),
        ("Status", facts["status"]),
        ("Revoked", facts["revoked_at"] and f"{readable(facts['revoked_at'])} ({facts['revocation_reason']})"),
        ("Created", readable(facts["created"])),
        ("Valid From", readable(facts["not_before"])),
        ("Valid Until", readable(facts["not_after"])),
        ("Directory", facts["directory"]),
    ]
    return f"{fields(rows, indent=0)}\n\nCertificates: {len(facts['certificates'])}\n{_certificates(facts)}"


def list_text(facts: Facts) -> str:
    rows = [
        (it["id"], it["subject"].get("common_name"), ",".join(it["profiles"]), it["status"], day(it["not_after"]))
        for it in facts["credentials"]
    ]
    if not rows and not facts["damaged"]:
        return f"No credentials in {facts['directory']}"
    header = ("ID", "SUBJECT", "PROFILES", "STATUS", "VALID UNTIL")
    return f"{table(header, rows)}\n\nTotal: {count(len(rows), 'credential')}"


def revoked_text(facts: Facts) -> str:
    rows = [
        ("Reason", facts["revocation_reason"]),
        ("Revoked", readable(facts["revoked_at"])),
        ("Certificates", [bare(certificate["serial"]) for certificate in facts["certificates"]]),
    ]
    return f"Credential {facts['id']} revoked successfully.\n{fields(rows)}\n{crl_note(facts)}"


def _certificate(credential: Credential, certificate: CredentialCertificate) -> dict[str, Any]:
    layout = credential.layout
    path = layout.file(certificate.path) if certificate.path else layout.certificate
    return {
        "serial": f"0x{serial_hex(certificate.serial)}",
        "role": certificate.role,
        "profile": certificate.profile,
        "algorithm": certificate.algorithm,
        "fingerprint": certificate.fingerprint,
        "path": str(path),
        "storage": [storage_facts(ref.to_dict(), str(layout.directory)) for ref in certificate.storage],
    }


def _certificates(facts: Facts) -> str:
    return "\n".join(
        f"  [{number}] Serial: {bare(certificate['serial'])}\n" + fields(_certificate_rows(certificate), indent=6)
        for number, certificate in enumerate(facts["certificates"], start=1)
    )


def _certificate_rows(certificate: Facts) -> list[tuple[str, object]]:
    return [
        ("Profile", certificate["profile"]),
        ("Algorithm", certificate["algorithm"]),
        ("Certificate", certificate["path"]),
        ("Key", [where(storage) for storage in certificate["storage"]]),
    ]
