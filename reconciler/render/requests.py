"""Certificate requests as facts and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pki.signers.base import spki_sha256
from pki.x509.requests import CertificateRequest
from reconciler.render.layout import Facts, fields
from reconciler.render.names import joined


def request_facts(request: CertificateRequest) -> dict[str, Any]:
    names = request.names
    return {
        "type": "certificate-request",
        "subject": joined(names.subject),
        "alternative_names": [
            *(f"DNS:{name}" for name in names.dns),
            *(f"IP:{name}" for name in names.ips),
            *(f"email:{name}" for name in names.emails),
            *(f"URI:{name}" for name in names.uris),
            *names.other,
        ],
        "other_extensions": list(request.ignored),
        "algorithm": request.algorithm.name,
        "signature": request.scheme.label,
        "spki_sha256": spki_sha256(request.spki),
    }


def verified_facts(request: CertificateRequest) -> dict[str, Any]:
    return {"valid": True, **request_facts(request)}


def written_facts(request: CertificateRequest, out: Path, new_key: Path | None) -> dict[str, Any]:
    return {**request_facts(request), "out": str(out), "new_key": new_key and str(new_key)}


def request_text(facts: Facts) -> str:
    return f"Certificate request:\n{fields(_rows(facts))}"


def written_text(facts: Facts) -> str:
    rows = [*_rows(facts), ("Request", facts["out"]), ("Private Key", facts["new_key"])]
    return f"Certificate request generated successfully!\n{fields(rows)}"


def verified_text(facts: Facts) -> str:
    return f"Certificate request is VALID: whoever made it holds its key\n{fields(_rows(facts))}"


def _rows(facts: Facts) -> list[tuple[str, object]]:
    return [
        ("Subject", facts["subject"]),
        ("Alternative Names", facts["alternative_names"]),
        ("Other Extensions", facts["other_extensions"]),
        ("Algorithm", facts["algorithm"]),
        ("Signature", facts["signature"]),
        ("SPKI SHA-256", facts["spki_sha256"]),
    ]
