"""What a lint rule is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pki.findings import Finding, Severity

T = TypeVar("T")
Check = Callable[[T], Iterable[str]]
"""Yields one sentence for each breach."""

_CODE = re.compile(r"(rfc\d+|x690|fips186-5|cabf-br|openssl)\.((?:[0-9A-Z]+\.)+)[a-z0-9-]+")
_SOURCES = {
    "x690": "ITU-T X.690",
    "fips186-5": "FIPS 186-5",
    "cabf-br": "CA/Browser Forum Baseline Requirements",
    "openssl": "OpenSSL",
}


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """A check and its stable code, which begins with the clause it comes from: `rfc5280.4.1.2.2.serial-not-positive`.

    Codes that begin with `qpki` are our own: no standard asks for them.
    """

    code: str
    severity: Severity
    check: Check[T]

    @property
    def clause(self) -> str | None:
        """The source of the rule, for people: `RFC 5280 section 4.1.2.2`."""
        match = _CODE.fullmatch(self.code)
        if not match:
            return None
        source, section = match[1], match[2].removesuffix(".")
        part = "error" if source == "openssl" else "appendix" if section[0].isalpha() else "section"
        return f"{_SOURCES.get(source) or source.replace('rfc', 'RFC ')} {part} {section}"

    def findings(self, subject: T) -> Iterator[Finding]:
        for message in self.check(subject):
            yield Finding(self.severity, self.code, message, clause=self.clause)


class Rulebook(list[Rule[T]]):
    """The rules on one matter, in the order in which they are written."""

    def rule(self, code: str, severity: Severity = Severity.ERROR) -> Callable[[Check[T]], Check[T]]:
        """Enter the decorated check under `code`."""

        def enter(check: Check[T]) -> Check[T]:
            self.append(Rule(code, severity, check))
            return check

        return enter


def findings(rules: Iterable[Rule[T]], subject: T) -> list[Finding]:
    return [finding for rule in rules for finding in rule.findings(subject)]
