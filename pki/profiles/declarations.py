"""The `variables` block of a profile: declarations that make sense, as `Variable`s."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pki import names
from pki.profiles.durations import parse_duration
from pki.profiles.model import Constraints, Variable, VariableType, Wildcard
from pki.profiles.patterns import compile_pattern
from pki.profiles.variables import RefusedError, accept
from pki.schemas import Problem, path_text

_LISTS = frozenset(kind for kind in VariableType if kind.is_list)
_DNS = frozenset({VariableType.DNS_NAME, VariableType.DNS_NAMES})
_TEXTS = _DNS | {VariableType.STRING, VariableType.LIST, VariableType.EMAIL, VariableType.URI}
_ENUMERABLE = frozenset(VariableType) - {VariableType.BOOLEAN}
_URIS = frozenset({VariableType.URI, VariableType.LIST})
_NAMES = _TEXTS - {VariableType.URI}

_APPLIES: dict[str, frozenset[VariableType]] = {
    "pattern": _TEXTS,
    "enum": _ENUMERABLE,
    "minLength": _TEXTS,
    "maxLength": _TEXTS,
    "min": frozenset({VariableType.INTEGER}),
    "max": frozenset({VariableType.INTEGER}),
    "min_duration": frozenset({VariableType.DURATION}),
    "max_duration": frozenset({VariableType.DURATION}),
    "allow_single_label": _DNS,
    "wildcard": _DNS,
    "allowed_suffixes": _NAMES,
    "denied_prefixes": _NAMES,
    "allowed_ranges": frozenset({VariableType.IP_LIST}),
    "allowed_schemes": _URIS,
    "allowed_hosts": _URIS,
    "min_items": _LISTS,
    "max_items": _LISTS,
}

Path = tuple[str | int, ...]


def declare(block: Mapping[str, Any]) -> tuple[dict[str, Variable], list[Problem]]:
    """Return the variables of a block that its schema accepts, and what is wrong with their declarations."""
    declared = {name: _declare(name, data) for name, data in block.items()}
    problems = [problem for _, found in declared.values() for problem in found]
    return {name: variable for name, (variable, _) in declared.items()}, problems


def _declare(name: str, data: Mapping[str, Any]) -> tuple[Variable, list[Problem]]:
    path: Path = ("variables", name)
    kind = VariableType(data["type"])
    problems = list(_inapplicable(kind, data, path))
    constraints = _constraints(kind, data.get("constraints", {}), (*path, "constraints"), problems)
    wildcard = data.get("wildcard", {})
    variable = Variable(
        name=name,
        type=kind,
        required=data.get("required", False),
        default=data.get("default"),
        description=data.get("description", ""),
        pattern=_checked(data, "pattern", lambda text: compile_pattern(text).pattern, path, problems),
        enum=tuple(data.get("enum", ())),
        min_length=data.get("minLength"),
        max_length=data.get("maxLength"),
        min=data.get("min"),
        max=data.get("max"),
        min_duration=_checked(data, "min_duration", parse_duration, path, problems),
        max_duration=_checked(data, "max_duration", parse_duration, path, problems),
        allow_single_label=data.get("allow_single_label", False),
        wildcard=Wildcard(wildcard.get("allowed", False), wildcard.get("forbid_public_suffix", False)),
        constraints=constraints,
    )
    if not problems:
        problems += _contradictions(variable, path)
    return variable, problems


def _problem(path: Path, reason: str, *, at_key: bool = False) -> Problem:
    return Problem(path, "profile.variable", f"`{path_text(path)}`: {reason}", at_key=at_key)


def _inapplicable(kind: VariableType, data: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    given = [(key,) for key in data] + [("constraints", key) for key in data.get("constraints", {})]
    for steps in given:
        if kind not in _APPLIES.get(steps[-1], frozenset(VariableType)):
            yield _problem((*path, *steps), f"it means nothing for a variable of type {kind}", at_key=True)


def _constraints(kind: VariableType, data: Mapping[str, Any], path: Path, problems: list[Problem]) -> Constraints:
    suffix = _host_suffix if kind in _DNS | {VariableType.EMAIL} else str.lower

    def texts(key: str, normal: Callable[[str], str]) -> tuple[str, ...]:
        return tuple(_each(data.get(key, ()), normal, (*path, key), problems))

    return Constraints(
        allowed_suffixes=texts("allowed_suffixes", suffix),
        denied_prefixes=texts("denied_prefixes", str.lower),
        allowed_ranges=texts("allowed_ranges", lambda network: str(ipaddress.ip_network(network))),
        allowed_schemes=texts("allowed_schemes", str.lower),
        allowed_hosts=texts("allowed_hosts", names.host_name),
        min_items=data.get("min_items"),
        max_items=data.get("max_items"),
    )


def _host_suffix(suffix: str) -> str:
    """Return the suffix with its host in the form that names are compared in."""
    lead = suffix[:1] if suffix[:1] in {".", "@"} else ""
    return lead + names.dns_name(suffix.removeprefix(lead), single_label=True)


def _each(texts: Iterable[str], normal: Callable[[str], str], path: Path, problems: list[Problem]) -> Iterator[str]:
    for index, text in enumerate(texts):
        try:
            yield normal(text)
        except ValueError as error:
            problems.append(_problem((*path, index), str(error)))


def _checked(
    data: Mapping[str, Any], key: str, check: Callable[[str], Any], path: Path, problems: list[Problem]
) -> Any:  # noqa: ANN401  what the check gives
    try:
        return check(data[key]) if key in data else None
    except ValueError as error:
        problems.append(_problem((*path, key), str(error)))
        return None


def _contradictions(variable: Variable, path: Path) -> Iterator[Problem]:
    """Find declarations that no value, or not their own default, can satisfy."""
    bounds: tuple[tuple[str, Any, Any], ...] = (
        ("min", variable.min, variable.max),
        ("minLength", variable.min_length, variable.max_length),
        ("min_duration", variable.min_duration, variable.max_duration),
        ("constraints", variable.constraints.min_items, variable.constraints.max_items),
    )
    for key, low, high in bounds:
        if low is not None and high is not None and low > high:
            yield _problem((*path, key), f"the least, {low}, is more than the most, {high}")
    if variable.required and variable.default is not None:
        yield _problem((*path, "default"), "a required variable has no default", at_key=True)
    uncounted = replace(variable, constraints=replace(variable.constraints, min_items=None, max_items=None))
    for index, option in enumerate(variable.enum):
        yield from _refusals(uncounted, [option] if variable.type.is_list else option, (*path, "enum", index))
    if variable.default not in (None, "", [], ()):
        yield from _refusals(variable, variable.default, (*path, "default"))


def _refusals(variable: Variable, value: Any, path: Path) -> Iterator[Problem]:  # noqa: ANN401  what YAML holds
    try:
        accept(variable, value)
    except RefusedError as error:
        yield from (_problem(path, reason) for reason in error.reasons)
