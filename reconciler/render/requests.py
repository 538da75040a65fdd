"""Certificate requests as facts and text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pki.signers.base import spki_sha256
from pki.x509.requests import CertificateRequest
from reconciler.render.layout import Facts, fields

_RESERVED = re.compile(r'[,+"<>;=\\]')
_BACKSLASHED = r"\\\g<0>"


def request_facts(request: CertificateRequest) -> dict[str, Any]:
    names = request.names
    return {
        "type": "certificate-request",
        "subject": _subject(names.subject),
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


def written_facts(request: CertificateRequest, out: Path, new_key: Path | None) -> dict[str, Any]:
    return {**request_facts(request), "out": str(out), "new_key": new_key and str(new_key)}


def request_text(facts: Facts) -> str:
    return f"Certificate request:\n{fields(_rows(facts))}"


def written_text(facts: Facts) -> str:
    rows = [*_rows(facts), ("Request", facts["out"]), ("Private Key", facts["new_key"])]
    return f"Certificate request generated successfully!\n{fields(rows)}"


def verified_text(facts: Facts) -> str:
    return f"Certificate request is VALID: whoever made it holds its key\n{fields(_rows(facts))}"


def _subject(attributes: Sequence[tuple[str, str]]) -> str:
    """Return the subject as certificates show theirs (RFC 4514, the narrowest first), though nobody has checked it."""
    return ",".join(f"{_label(name)}={_RESERVED.sub(_BACKSLASHED, value)}" for name, value in reversed(attributes))


def _label(name: str) -> str:
    """Return `cn`, `o`, `ou`, `c`, `st` and `l` in capitals, longer names as they are."""
    return name.upper() if len(name) <= len("cn") else name


def _rows(facts: Facts) -> list[tuple[str, object]]:
    return [
        ("Subject", facts["subject"]),
        ("Alternative Names", facts["alternative_names"]),
        ("Other Extensions", facts["other_extensions"]),
        ("Algorithm", facts["algorithm"]),
        ("Signature", facts["signature"]),
        ("SPKI SHA-256", facts["spki_sha256"]),
    ]
