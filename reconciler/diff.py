"""What differs between two mappings, field by field, as people read certificates and specs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

READING_ORDER = (
    "issuer",
    "profile",
    "subject",
    "subjectEncoding",
    "algorithm",
    "key",
    "signature",
    "lifetime",
    "validity",
    "subjectAltName",
    "basicConstraints",
    "keyUsage",
    "extKeyUsage",
    "certificatePolicies",
    "nameConstraints",
    "crlDistributionPoints",
    "authorityInfoAccess",
)
"""The order in which the fields of a certificate are read; others follow by name."""

Path = tuple[str, ...]
"""Names of mappings in mappings."""

_RANKS = {name: rank for rank, name in enumerate(READING_ORDER)}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that changes; None is not there.

    Of a list on both sides, `before` has what leaves and `after` what comes, as tuples; the whole lists when nothing
    but their order differs.
    """

    field: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Difference, ...]:
    """Return the fields that differ, in the order in which certificates are read; None is nothing at all.

    A field of a mapping inside is named with dots (`urls.crl`). Lists and tuples are the same thing.
    """
    old, new = _plain(before or {}), _plain(after or {})
    if old == new:
        return ()
    paths = {leaf for path in _changed(old, new) for leaf in _leaves(path, _at(old, path), _at(new, path))}
    return tuple(_difference(path, old, new) for path in sorted(paths, key=_reading))


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Path]:
    """Return the paths through mappings to what differs."""
    if not old or not new:
        return [()]
    from deepdiff import DeepDiff  # noqa: PLC0415  costs 100 ms, and most plans find nothing that differs

    found = DeepDiff(old, new, view="tree", threshold_to_diff_deeper=0)
    paths = (level.path(output_format="list") for levels in found.values() for level in levels)
    return (tuple(takewhile(_is_name, path)) for path in paths)


def _leaves(path: Path, before: Any, after: Any) -> Iterator[Path]:  # noqa: ANN401  any value of a field
    """Yield the paths to what a mapping holds that is on one side only, and any other path as it is."""
    there = before if after in (None, {}) else after if before in (None, {}) else None
    if not (isinstance(there, Mapping) and there):
        yield path
        return
    for name, value in there.items():
        yield from _leaves((*path, name), None, value)


def _is_name(step: str | int) -> bool:
    """Say whether a step of a path leads into a mapping, not into a list."""
    return isinstance(step, str)


def _difference(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    before, after = _at(old, path), _at(new, path)
    if isinstance(before, list) and isinstance(after, list):
        left, came = _without(before, after), _without(after, before)
        before, after = (left, came) if left or came else (before, after)
    return Difference(".".join(path), _frozen(before), _frozen(after))


def _at(value: Any, path: Path) -> Any:  # noqa: ANN401  any value of a field
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _without(items: list[Any], others: list[Any]) -> list[Any]:
    """Return the items that `others` lacks, one for one, in their order."""
    spare = Counter(map(repr, others))
    missing: list[Any] = []
    for item in items:
        if spare[repr(item)]:
            spare[repr(item)] -= 1
        else:
            missing.append(item)
    return missing


def _plain(value: Any) -> Any:  # noqa: ANN401  any value of a field
    match value:
        case Mapping():
            return {name: _plain(item) for name, item in value.items() if item is not None}
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            return sorted(map(_plain, value))
        case _:
            return value


def _frozen(value: Any) -> Any:  # noqa: ANN401  the same
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _reading(path: Path) -> list[tuple[int, str]]:
    return [(_RANKS.get(name, len(_RANKS)), name) for name in path]
