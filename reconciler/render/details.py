"""The rows below a change: what its certificates say, what differs, which serials come and go, which keys it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pki.findings import Finding
from reconciler.model import Action, Kind
from reconciler.plan.model import Change, Difference, Need
from reconciler.render.dates import date
from reconciler.render.layout import inline
from reconciler.render.values import listed, worded

UNKNOWN = "(known after apply)"

_NEW = frozenset({Action.CREATE, Action.ADOPT})
_IN_FACTS = frozenset({"algorithm", "lifetime"})
"""What the line of facts says of a new certificate."""
_MOST_SERIALS = 10
_LONG_SERIAL = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One detail: a label, and its values, each on a line of its own. All is printable and on one line."""

    label: str
    values: tuple[str, ...]

    @classmethod
    def of(cls, label: str, *values: str) -> Row:
        return cls(inline(label), tuple(map(inline, values)))


def contents(change: Change) -> tuple[Row, ...]:
    """Return what certificates say, or what of it differs."""
    return tuple(row for row in _contents(change) if row.values)


def rows(change: Change) -> tuple[Row, ...]:
    """Return what there is below that: serials that come and go, and keys."""
    return tuple(row for row in _rows(change) if row.values)


def warnings(change: Change) -> tuple[Row, ...]:
    """Return what blocks a change, and what was decided on the way and could surprise."""
    return (
        *(Row.of("blocked", *_told(finding)) for finding in change.blocked),
        *(Row.of(finding.severity.value, *_told(finding)) for finding in change.notices),
    )


def short_serial(serial: int) -> str:
    """Return a serial by its ends, `5A3F09..77C1`; JSON output has it whole."""
    digits = f"{serial:X}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return digits if len(digits) <= _LONG_SERIAL else f"{digits[:6]}..{digits[-4:]}"


def arrow(before: object, after: object) -> str:
    """Return `before -> after`, or the one when the other is not there or is equal."""
    return str(after) if before is None or before == after else f"{before} -> {after}"


def validity(certificate: Mapping[str, Any]) -> str:
    clipped = " (its issuer's end)" if certificate.get("clipped") else ""
    return f"valid {date(certificate['not_before'])} -> {date(certificate['not_after'])}{clipped}"


def _rows(change: Change) -> Iterator[Row]:
    if change.address.kind is Kind.CRL:
        yield from _crl_rows(change.preview)
    if change.action is Action.REVOKE:
        yield Row.of("serials", *_serials(change.preview.get("serials", ())))
    yield from _keys(change)


def _contents(change: Change) -> Iterator[Row]:
    """Yield what differs; of several certificates, each with its own below its profile."""
    made = change.preview.get("certificates", ())
    rest = list(change.differences)
    width = max((len(certificate["algorithm"]) for certificate in made), default=0)
    for certificate in made if len(made) > 1 else ():
        prefix = f"{certificate['profile']}."
        own = [each for each in rest if each.field.startswith(prefix)]
        rest = [each for each in rest if each not in own]
        yield Row.of(certificate["profile"], f"{certificate['algorithm']:<{width}}   {validity(certificate)}")
        yield from _differences(own, change, prefix)
    yield from _differences(rest, change)


def _differences(found: Iterable[Difference], change: Change, prefix: str = "") -> Iterator[Row]:
    for difference in found:
        name = difference.field.removeprefix(prefix)
        new = difference.before is None and change.action in _NEW
        if not (new and name in _IN_FACTS and change.preview.get("certificates")):
            label = f"{'  ' if prefix else ''}{name}"
            yield Row.of(label, worded(difference.after)) if new else Row.of(label, *_difference(difference))


def _difference(difference: Difference) -> Sequence[str]:
    """Return what changes as a person reads it: of a list, and of what was not there, only what goes and what comes."""
    before, after = difference.before, difference.after
    if not isinstance(before, (list, tuple)) and not isinstance(after, (list, tuple)) and None not in (before, after):
        return (f"{worded(before)} -> {worded(after)}",)
    old, new = listed(before), listed(after)
    gone, come = [item for item in old if item not in new], [item for item in new if item not in old]
    if not gone and not come:
        return (f"{', '.join(old)} -> {', '.join(new)}",)
    return (*(f"- {item}" for item in gone), *(f"+ {item}" for item in come))


def _crl_rows(preview: Mapping[str, Any]) -> Iterator[Row]:
    if "new_next_update" in preview:
        yield Row.of("number", arrow(preview.get("number"), UNKNOWN))
    yield Row.of("revoked", *_serials(preview.get("added", ()), preview.get("expired", ())))


def _serials(added: Sequence[Sequence[Any]], expired: Sequence[Sequence[Any]] = ()) -> tuple[str, ...]:
    """Return the serials that come and go, and after ten of a sort how many more there are."""
    come = [f"+ {_named(*entry)}" for entry in added]
    gone = [f"- {_named(*entry)}, expired" for entry in expired]
    return (*_bounded(come), *_bounded(gone))


def _bounded(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_MOST_SERIALS]
    if len(lines) > _MOST_SERIALS:
        yield f"{lines[0][0]} {len(lines) - _MOST_SERIALS} more"


def _named(serial: int, reason: str | None) -> str:
    return f"{reason or 'unspecified'} {short_serial(serial)}"


def _keys(change: Change) -> Iterator[Row]:
    """Yield the keys that are made, used as they are, and that sign."""
    own = str(change.address)
    signing = [need for need in change.needs if need.use == "sign" and need.holder != own]
    yield Row.of("new key", *(f"{_place(need)}{_plain(need)}" for need in change.needs if need.use == "generate"))
    yield Row.of("key", *(_place(need) for need in change.needs if need.use != "generate" and need not in signing))
    yield Row.of("signed by", *(f"{need.holder} with {_place(need)}" for need in signing))


def _place(need: Need) -> str:
    """Return where the key of a need is: a label on a token, or a file."""
    if need.hsm is None:
        return need.path or "a file"
    token = f'token "{need.token or need.hsm}"'
    return f'"{need.label}" on {token}' if need.label else token


def _plain(need: Need) -> str:
    """Say of a key file to be whether whoever can read it can sign with it."""
    return "" if need.hsm or need.secret_env or need.secret_file else " (not encrypted)"


def _told(finding: Finding) -> Sequence[str]:
    place = f"{finding.where}: " if finding.where else ""
    return (f"{place}{finding.message}", *([finding.hint] if finding.hint else []))
