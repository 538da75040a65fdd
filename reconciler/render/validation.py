"""What `qpki validate` found, and what `qpki init` wrote, as facts and text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pki.findings import Finding, Severity
from reconciler.kinds.desired import Manifest
from reconciler.render.layout import Facts, count, fields

_NOUNS = {"cas": "CA", "credentials": "credential", "keys": "key", "policies": "policy"}


def manifest_facts(manifest: Manifest) -> dict[str, Any]:
    return {
        **_verdict(manifest.warnings),
        "workspace": manifest.workspace.name,
        "digest": f"sha256:{manifest.digest}",
        "resources": {name: len(getattr(manifest, name)) for name in _NOUNS},
        "profiles": sorted(manifest.profile_digests),
        "overridden": list(manifest.overridden),
    }


def refused_facts(findings: Sequence[Finding]) -> dict[str, Any]:
    return _verdict(findings)


def manifest_text(facts: Facts) -> str:
    counts = [_count(facts["resources"][name], noun) for name, noun in _NOUNS.items() if facts["resources"][name]]
    rows = [
        ("Resources", ", ".join(counts) or "none"),
        ("Profiles", ", ".join(facts["profiles"])),
        ("In place of builtins", ", ".join(facts["overridden"])),
        ("Digest", facts["digest"]),
    ]
    return f"VALID: workspace {facts['workspace']}\n{fields(rows)}"


def workspace_text(facts: Facts) -> str:
    written = "\n".join(f"  {path}" for path in facts["files"])
    return f"New workspace in {facts['workspace']}:\n{written}\n\nNext: `qpki plan --workspace {facts['workspace']}`"


def _verdict(findings: Iterable[Finding]) -> dict[str, Any]:
    listed = [_diagnostic(finding) for finding in findings]
    wrong = sum(each["severity"] == Severity.ERROR for each in listed)
    warned = sum(each["severity"] == Severity.WARNING for each in listed)
    return {"valid": not wrong, "error_count": wrong, "warning_count": warned, "diagnostics": listed}


def _diagnostic(finding: Finding) -> dict[str, Any]:
    where = finding.where
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "message": finding.message,
        "file": where.source if where else None,
        "line": where.line if where else None,
        "column": where.column if where else None,
        "snippet": finding.snippet,
        "hint": finding.hint,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} policies" if noun == "policy" and number != 1 else count(number, noun)
