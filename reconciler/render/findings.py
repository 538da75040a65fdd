"""Findings as lines that an editor can jump to: `file:line:column: error: message [code]`, the line, the way out."""

from __future__ import annotations

from collections.abc import Iterable

from pki.findings import Finding
from reconciler.render.layout import inline

TAB = "\t"


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    return [line for finding in findings for line in _lines(finding)]


def _lines(finding: Finding) -> list[str]:
    return [str(finding), *snippet_lines(finding), *([f"  {finding.hint}"] if finding.hint else [])]


def snippet_lines(finding: Finding) -> list[str]:
    """Return the line that the finding is about, and a caret below the column."""
    if finding.snippet is None or finding.where is None:
        return []
    number = f"  {finding.where.line} | "
    column = finding.where.column
    caret = (
        f"{' ' * (len(number) - 2)}| {' ' * (column - 1)}^" if column and column <= len(finding.snippet) + 1 else None
    )
    return [f"{number}{inline(finding.snippet.replace(TAB, ' '))}", *([caret] if caret else [])]
