"""Findings as lines that an editor can jump to: `file:line:column: error: message [code]`, and the way out below."""

from __future__ import annotations

from collections.abc import Iterable

from pki.findings import Finding


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    return [line for finding in findings for line in _lines(finding)]


def _lines(finding: Finding) -> list[str]:
    return [str(finding), *([f"  {finding.hint}"] if finding.hint else [])]
