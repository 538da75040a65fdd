"""Rules of policies, held against what certificates say and where keys are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from pki.algorithms import ALGORITHMS, Algorithm, Family
from pki.findings import Finding, Severity
from pki.profiles.durations import format_duration
from reconciler.kinds.policy import Effect, PolicySpec, Rule
from reconciler.model import Address
from reconciler.plan.model import Content

_SEVERITIES = {Effect.DENY: Severity.ERROR, Effect.WARN: Severity.WARNING}
_CURVES = frozenset({Family.EC, Family.ED})
_COMMON_NAME = re.compile(r"(?:^|[,+])CN=(\*\.[^,+]+)")
_ALTERNATIVE = re.compile(r"DNS:(\*\..+)")


def rules_for(policies: Iterable[PolicySpec], address: Address) -> tuple[Rule, ...]:
    """Return the rules that match an address; when there are none, nothing need be read to check it."""
    text = str(address)
    return tuple(rule for policy in policies for rule in policy.rules if _matches(rule, text))


def violations(
    policies: Iterable[PolicySpec], address: Address, content: Content, *, in_hsm: bool | None
) -> tuple[Finding, ...]:
    """Return what rules refuse (errors) or warn of in a certificate and its key.

    `in_hsm` is None for a key that is not ours: it came with a CSR, and nobody can say where it is.
    """
    return _findings(
        policies, address, lambda rule: (*_of_key(rule, content.algorithm, in_hsm=in_hsm), *_of_content(rule, content))
    )


def key_violations(
    policies: Iterable[PolicySpec], address: Address, algorithm: str, *, in_hsm: bool
) -> tuple[Finding, ...]:
    """Return what rules refuse or warn of in a key that stands alone."""
    return _findings(policies, address, lambda rule: _of_key(rule, algorithm, in_hsm=in_hsm))


def _findings(
    policies: Iterable[PolicySpec], address: Address, check: Callable[[Rule], Iterable[str]]
) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            _SEVERITIES[rule.effect],
            f"policy.{rule.id}",
            f"{address}: {breach}",
            rule.where,
            rule.description or None,
        )
        for rule in rules_for(policies, address)
        for breach in check(rule)
    )


def _matches(rule: Rule, address: str) -> bool:
    return any(fnmatchcase(address, glob) for glob in rule.match)


def _of_key(rule: Rule, algorithm: str, *, in_hsm: bool | None) -> Iterator[str]:
    if rule.algorithms and not any(fnmatchcase(algorithm, glob) for glob in rule.algorithms):
        yield f"its key is {algorithm}, and only {', '.join(rule.algorithms)} may be used"
    if row := ALGORITHMS.get(algorithm):
        yield from _of_size(rule, row)
    if rule.key_in_hsm and in_hsm is None:
        yield "its key comes with a CSR, and must be in an HSM of ours"
    elif rule.key_in_hsm and not in_hsm:
        yield "its key is in a file, and must be in an HSM"


def _of_size(rule: Rule, key: Algorithm) -> Iterator[str]:
    least = {Family.RSA: rule.min_rsa_bits, Family.EC: rule.min_ec_bits, Family.ED: rule.min_ec_bits}.get(key.family)
    if least is not None and key.bits < least:
        yield f"its key is {key}, of {key.bits} bits, and at least {least} are asked for"


def _of_content(rule: Rule, content: Content) -> Iterator[str]:
    if rule.max_validity is not None and content.lifetime > rule.max_validity:
        spans = format_duration(content.lifetime), format_duration(rule.max_validity)
        yield "its certificate is valid for {}, and at most {} is allowed".format(*spans)
    if rule.forbid_wildcards and (names := wildcards(content)):
        yield f"its certificate is for {', '.join(names)}, and wildcards are forbidden"
    if rule.require_name_constraints and content.is_ca and not content.fields.get("nameConstraints"):
        yield "its certificate has no name constraints, and a CA here must have them"


def wildcards(content: Content) -> tuple[str, ...]:
    """Return the names with a star that a certificate is for: of its subject, then its alternative names, each once."""
    fields = (("subject", _COMMON_NAME), ("subjectAltName", _ALTERNATIVE))
    names = (
        name for field, form in fields for text in _texts(content.fields.get(field)) for name in form.findall(text)
    )
    return tuple(dict.fromkeys(names))


def _texts(value: Any) -> Iterable[str]:  # noqa: ANN401  a field: text, a list of texts, or not there
    return [value] if isinstance(value, str) else map(str, value or ())
