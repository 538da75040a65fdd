"""What validation and lint report: problems with a stable code and a place, collected rather than thrown one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pki.errors import PkiError


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a document; lines and columns count from 1."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem.

    `code` is stable and dotted (`yaml.duplicate-key`, `rfc5280.4.2.1.3.ca-without-cert-sign`).
    `clause` names the rule's source where there is one ("RFC 5280 section 4.2.1.3"). `variable` names the variable of
    a profile that it is about: whoever knows where its value was written can add the place. `snippet` is the line of
    the document that `where` points to, if it may be shown.
    """

    severity: Severity
    code: str
    message: str
    where: Location | None = None
    hint: str | None = None
    clause: str | None = None
    variable: str | None = None
    snippet: str | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        clause = f" ({self.clause})" if self.clause else ""
        return f"{place}{self.severity}: {self.message}{clause} [{self.code}]"


class FindingsError(PkiError):
    """An operation refused for all of these findings; at least one is an error."""

    def __init__(self, summary: str, findings: Iterable[Finding], *, hint: str | None = None) -> None:
        super().__init__(summary, hint=hint)
        self.findings = tuple(findings)


class DocumentError(FindingsError):
    """A YAML or JSON document (HSM config, profile, manifest) that is not valid."""


class LintError(FindingsError):
    """To-be-signed bytes that break a standard or the issuer's constraints; no key was used."""


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)
