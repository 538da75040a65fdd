"""Policies: rules with ids of their own, over addresses and algorithms that there can be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pki.algorithms import ALGORITHMS
from pki.findings import Location
from pki.schemas import closest
from reconciler.kinds.policy import Effect, PolicySpec, Rule
from reconciler.manifest.declarations import Declaration
from reconciler.manifest.reading import Place, Reading
from reconciler.model import Kind


def policy_spec(reading: Reading, declaration: Declaration) -> PolicySpec:
    given = declaration.spec["rules"]
    rules = tuple(_rule(reading, rule, declaration.place.at("rules", n)) for n, rule in enumerate(given))
    return PolicySpec(declaration.name, rules, declaration.where)


def check_ids(reading: Reading, policies: Iterable[PolicySpec]) -> None:
    """Report ids that two rules have, be it in two policies: a refusal names the rule by its id."""
    first: dict[str, Location] = {}
    for rule in (rule for policy in policies for rule in policy.rules):
        if first.setdefault(rule.id, rule.where) is not rule.where:
            message = f"two rules have the id {rule.id}: the first is in {first[rule.id]}"
            reading.error(rule.where, "policy.duplicate-id", message, "give each rule an id of its own")


def _rule(reading: Reading, given: Mapping[str, Any], place: Place) -> Rule:
    for n, pattern in enumerate(given.get("match", [])):
        _check_match(reading, pattern, place.at("match", n))
    for n, pattern in enumerate(given.get("algorithms", [])):
        if not any(fnmatchcase(name, pattern) for name in ALGORITHMS):
            hint = closest(pattern, ALGORITHMS) or f"there are: {', '.join(ALGORITHMS)}"
            message = f"no algorithm is called {pattern}"
            reading.error(place.at("algorithms", n), "policy.algorithm", message, hint)
    validity = given.get("maxValidity")
    return Rule(
        id=given["id"],
        effect=Effect(given["effect"]),
        where=place.where,
        match=tuple(given.get("match", ("*",))),
        description=given.get("description", ""),
        algorithms=tuple(given.get("algorithms", ())),
        max_validity=reading.duration(place.at("maxValidity"), validity) if validity is not None else None,
        key_in_hsm=given.get("keyInHsm", False),
        forbid_wildcards=given.get("forbidWildcards", False),
        require_name_constraints=given.get("requireNameConstraints", False),
        min_rsa_bits=given.get("minRsaBits"),
        min_ec_bits=given.get("minEcBits"),
    )


def _check_match(reading: Reading, pattern: str, place: Place) -> None:
    if not any(_can_begin(pattern, kind) for kind in Kind):
        hint = f"a pattern is over addresses such as {', '.join(f'{kind}/*' for kind in Kind)}"
        reading.error(place, "policy.match", f"no address can match {pattern}", hint)


def _can_begin(pattern: str, kind: Kind) -> bool:
    """Say whether what stands before the first wildcard of a pattern leaves room for an address of that kind."""
    literal, wildcard, _ = re.split(r"([*?[]|$)", pattern, maxsplit=1)
    return literal.startswith(f"{kind}/") or (bool(wildcard) and f"{kind}/".startswith(literal))
