"""Certification paths that hold, as facts and text."""

from __future__ import annotations

from typing import Any

from pki.names import display
from pki.x509.path import CertificationPath
from reconciler.render.certificates import certificate_facts, summary_rows
from reconciler.render.layout import Facts, fields, instant


def path_facts(path: CertificationPath) -> dict[str, Any]:
    return {
        "valid": True,
        "certificate": certificate_facts(path.certificates[0]),
        "path": [display(certificate.subject) for certificate in (*path.certificates, path.anchor)],
        "anchor_fingerprint": path.anchor.fingerprint,
        "policies": sorted(path.policies),
        "notices": [notice.message for notice in path.notices],
        "revocation": [
            {
                "subject": display(status.certificate.subject),
                "checked": status.crl is not None,
                "crl_number": status.crl and status.crl.number,
                "crl_this_update": status.crl and instant(status.crl.this_update),
            }
            for status in path.revocation
        ],
    }


def path_text(facts: Facts) -> str:
    rows = [*summary_rows(facts["certificate"]), ("Path", facts["path"]), ("Revocation", _revocation(facts))]
    return f"Certificate is VALID\n{fields(rows)}"


def _revocation(facts: Facts) -> str:
    statuses = [status["checked"] for status in facts["revocation"]]
    if all(statuses):
        return "not revoked" if statuses else "not applicable: it is trusted itself"
    return "partly checked (use --crl)" if any(statuses) else "not checked (use --crl)"
