"""Findings as lines that an editor can jump to: `file:line:column: error: message [code]`, and the way out below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pki.findings import Finding


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    return [line for finding in findings for line in _lines(finding)]


def finding_facts(finding: Finding) -> dict[str, Any]:
    where = finding.where
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "message": finding.message,
        "source": where and where.source,
        "line": where and where.line,
        "column": where and where.column,
        "hint": finding.hint,
        "clause": finding.clause,
    }


def _lines(finding: Finding) -> list[str]:
    return [str(finding), *([f"  {finding.hint}"] if finding.hint else [])]
