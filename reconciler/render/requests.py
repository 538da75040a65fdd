"""Certificate requests as facts and text."""

from __future__ import annotations

from typing import Any

from pki.signers.base import spki_sha256
from pki.x509.requests import CertificateRequest
from reconciler.render.certificates import or_unknown
from reconciler.render.layout import Facts, fields


def request_facts(request: CertificateRequest) -> dict[str, Any]:
    names = request.names
    return {
        "type": "certificate-request",
        "subject": ", ".join(f"{attribute.upper()}={value}" for attribute, value in names.subject),
        "algorithm": or_unknown(lambda: request.algorithm.name),
        "alternative_names": [
            *(f"DNS:{name}" for name in names.dns),
            *(f"IP:{name}" for name in names.ips),
            *(f"email:{name}" for name in names.emails),
            *(f"URI:{name}" for name in names.uris),
            *names.other,
        ],
        "other_extensions": list(request.ignored),
        "spki_sha256": spki_sha256(request.spki),
    }


def request_text(facts: Facts) -> str:
    return "Certificate request:\n" + fields(rows(facts))


def written_text(facts: Facts) -> str:
    return "Certificate request written.\n" + fields([*rows(facts), ("File", facts["out"]), ("Private Key", facts["key"])])


def verified_text(facts: Facts) -> str:
    return "The request's signature is valid: whoever made it holds the key.\n" + fields(rows(facts))


def rows(facts: Facts) -> list[tuple[str, object]]:
    return [
        ("Subject", facts["subject"]),
        ("Algorithm", facts["algorithm"]),
        ("Alternative Names", facts["alternative_names"]),
        ("Other Extensions", facts["other_extensions"]),
        ("SPKI SHA-256", facts["spki_sha256"]),
    ]
