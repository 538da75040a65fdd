"""One change of a plan as people read it: a sentence with its reason, a line of facts, and rows of details.

Text and Markdown are laid out from the same `Block`s, so neither says more than the other. Every value in a block is
printable and on one line: names in certificates are a stranger's choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.model import Action, Kind, Reason, ReasonCode
from reconciler.plan.model import Change
from reconciler.render.dates import date, elapsed, left
from reconciler.render.details import Row, arrow, contents, rows, validity, warnings
from reconciler.render.layout import inline

BLOCKED = "x"
SYMBOLS = {
    Action.CREATE: "+",
    Action.ADOPT: "+",
    Action.RENEW: "~",
    Action.REISSUE: "~",
    Action.REFRESH: "~",
    Action.UPDATE: "~",
    Action.REKEY: "±",
    Action.REVOKE: "!",
    Action.MOVE: ">",
    Action.FORGET: ".",
}

_WILL = {
    Action.CREATE: "created",
    Action.ADOPT: "adopted",
    Action.RENEW: "renewed",
    Action.REKEY: "rekeyed",
    Action.REISSUE: "reissued",
    Action.REVOKE: "revoked",
    Action.REFRESH: "refreshed",
    Action.UPDATE: "updated",
    Action.MOVE: "moved",
    Action.FORGET: "forgotten",
}
_OF_TIME = frozenset({ReasonCode.RENEWAL_DUE, ReasonCode.CRL_REFRESH_DUE})
OVER = frozenset({ReasonCode.EXPIRED, ReasonCode.CRL_EXPIRED})
"""Of these `Reason.since` is when the end came."""


@dataclass(frozen=True, slots=True)
class Block:
    """A change, ready to be laid out; `facts` are columns, and blocks of one kind have them one below the other."""

    symbol: str
    address: str
    kind: Kind
    verb: str
    """`will be renewed`, `cannot be created`."""
    reasons: tuple[str, ...]
    facts: tuple[str, ...]
    rows: tuple[Row, ...]
    warnings: tuple[Row, ...]
    fleet: str | None = None
    """The set that the resource is a member of."""
    sample: tuple[Row, ...] = ()
    """What the certificate of a new member of a set says: a plan tells it of the first one only."""

    @property
    def shape(self) -> tuple[object, ...]:
        """All that changes must have in common to be shown as one: of a set, not what their rows say."""
        rows = tuple(row.label for row in self.rows) if self.fleet else self.rows
        return self.symbol, self.kind, self.verb, self.reasons, self.facts, rows, self.warnings, self.fleet


def block(change: Change, now: datetime, fleet: str | None = None) -> Block:
    sampled = fleet is not None and change.action is Action.CREATE
    return Block(
        symbol=symbol(change),
        address=inline(change.address),
        kind=change.address.kind,
        verb=inline(_verb(change)),
        reasons=tuple(inline(_reason(reason, change, now)) for reason in change.reasons),
        facts=tuple(map(inline, _facts(change))),
        rows=rows(change) if sampled else (*contents(change), *rows(change)),
        warnings=warnings(change),
        fleet=fleet and inline(fleet),
        sample=contents(change) if sampled else (),
    )


def symbol(change: Change) -> str:
    return BLOCKED if change.blocked else SYMBOLS[change.action]


def _verb(change: Change) -> str:
    source = f" from {change.previous}" if change.previous else ""
    return f"{'cannot' if change.blocked else 'will'} be {_WILL[change.action]}{source}"


def _reason(reason: Reason, change: Change, now: datetime) -> str:
    """Return the sentence of a reason with what depends on the time of planning behind it."""
    dates = []
    if reason.since and reason.code in OVER:
        dates.append(left(reason.since, now))
    elif reason.since and date(reason.since) not in reason.message:
        dates.append(f"since {date(reason.since)}")
    if reason.deadline:
        named = date(reason.deadline) in reason.message
        dates.append(left(reason.deadline, now) if named else f"{date(reason.deadline)}: {left(reason.deadline, now)}")
    if reason.code in _OF_TIME and (span := _lifetime(change.preview)):
        dates.append(f"{elapsed(*span, now)}% elapsed")
    return reason.message + (f" ({', '.join(dates)})" if dates else "")


def _lifetime(preview: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Return the life of what the change replaces: of a CRL, or of the certificate that ends first."""
    if preview.get("this_update") and preview.get("next_update"):
        return preview["this_update"], preview["next_update"]
    spans = [(it["not_after"], it["not_before"]) for it in preview.get("replaces", ()) if it.get("not_before")]
    return min(spans)[::-1] if spans else None


def _facts(change: Change) -> tuple[str, ...]:
    preview = change.preview
    if change.address.kind is Kind.CRL:
        return _crl_facts(preview)
    made = preview.get("certificates", ())
    one = [_algorithm(made[0], preview), validity(made[0])] if len(made) == 1 else []
    signer = f"by {preview['issuer']}" if preview.get("issuer") else "self-signed" if "issuer" in preview else ""
    generation = f"generation {change.generation}" if change.generation and change.generation > 1 else ""
    return tuple(fact for fact in (*one, signer, generation) if fact)


def _crl_facts(preview: Mapping[str, Any]) -> tuple[str, ...]:
    facts = []
    if "new_entries" in preview:
        come, gone = len(preview.get("added", ())), len(preview.get("expired", ()))
        sums = f" (+{come} -{gone})" if come or gone else ""
        facts.append(f"entries {arrow(preview.get('entries'), preview['new_entries'])}{sums}")
    if "new_next_update" in preview:
        facts.append(f"next update {arrow(_date(preview.get('next_update')), date(preview['new_next_update']))}")
    return tuple(facts)


def _algorithm(certificate: Mapping[str, Any], preview: Mapping[str, Any]) -> str:
    before = {it["algorithm"] for it in preview.get("replaces", ()) if it.get("algorithm")}
    new = str(certificate["algorithm"])
    return f"{before.pop()} -> {new}" if len(before) == 1 and new not in before else new


def _date(moment: datetime | None) -> str | None:
    return None if moment is None else date(moment)
