"""Certification paths that hold, as facts and text."""

from __future__ import annotations

from typing import Any

from pki.names import display
from pki.x509.path import CertificationPath, CrlStatus
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
        "revocation": [_status(status) for status in path.revocation],
    }


def path_text(facts: Facts) -> str:
    rows = [*summary_rows(facts["certificate"]), ("Path", facts["path"]), ("Revocation", _revocation(facts))]
    return f"Certificate is VALID\n{fields(rows)}"


def _status(status: CrlStatus) -> dict[str, Any]:
    crl = status.crl
    return {
        "subject": display(status.certificate.subject),
        "checked": crl is not None,
        # not `crl and`: an empty CRL is false
        "crl_number": None if crl is None or crl.number is None else str(crl.number),
        "crl_this_update": None if crl is None else instant(crl.this_update),
    }


def _revocation(facts: Facts) -> str:
    statuses = facts["revocation"]
    unknown = [status["subject"] for status in statuses if not status["checked"]]
    if not unknown:
        return "not revoked" if statuses else "not applicable: it is trusted itself"
    how_far = "partly checked" if len(unknown) < len(statuses) else "not checked"
    return f"{how_far}: no --crl speaks of {' or '.join(unknown)}"
