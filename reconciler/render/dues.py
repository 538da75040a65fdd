"""What is due, now and soon, as facts and text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from reconciler.model import ReasonCode
from reconciler.plan import facts as plan_facts
from reconciler.plan.model import Due, Plan
from reconciler.render.changes import OVER
from reconciler.render.dates import ahead, date
from reconciler.render.layout import Facts, count, inline, instant, span, table

WHAT = {"renewal": "renewal", "crl-refresh": "refresh", "revocation": "revocation"}
"""The words of people for `Due.what`."""

_OF_TIME = {
    ReasonCode.RENEWAL_DUE: "renewal",
    ReasonCode.EXPIRED: "renewal",
    ReasonCode.CRL_REFRESH_DUE: "crl-refresh",
    ReasonCode.CRL_EXPIRED: "crl-refresh",
}


def due_facts(plan: Plan, soon: Iterable[Due], within: timedelta) -> dict[str, Any]:
    """Return what the plan does because it is due already, and `soon`, which comes due after it.

    What is due already is there once: not again for when it will next be due.
    """
    soon = list(soon)
    pending = sorted(_pending(plan), key=lambda due: (due["at"] or "", due["address"]))
    known = {(due["address"], due["what"]) for due in pending}
    return {
        "now": instant(plan.now),
        "within_seconds": int(within.total_seconds()),
        "pending_changes": len(plan.changes),
        "due_now": pending,
        "due_soon": [plan_facts.due_facts(due) for due in soon if (str(due.address), due.what) not in known],
        "due_total": plan.due_total,
        "complete": len(soon) < len(plan.due) or len(plan.due) == plan.due_total,
    }


def due_text(facts: Facts) -> str:
    now = datetime.fromisoformat(facts["now"])
    rows = [_row(due, "now", now) for due in facts["due_now"]]
    rows += [_row(due, _when(due["at"], now), now) for due in facts["due_soon"]]
    within = f"within {span(timedelta(seconds=facts['within_seconds']))}"
    if not rows:
        return f"Nothing is due {within}."
    total = f"Total: {len(rows)} due {within}"
    total += "." if facts["complete"] else f", and perhaps more: these are the soonest of {facts['due_total']}."
    pending = facts["pending_changes"]
    note = f"\n`qpki plan` has {count(pending, 'change')} to apply now." if pending else ""
    return f"{table(('ADDRESS', 'WHAT', 'DUE', 'EXPIRES'), rows)}\n\n{total}{note}"


def cells(due: Due, now: datetime) -> Sequence[str]:
    """Return one line of what is next: address, what, when, and when it is too late."""
    return (
        inline(due.address),
        WHAT[due.what],
        f"{date(due.at)} ({ahead(due.at, now)})",
        f"expires {date(due.deadline)}",
    )


def _pending(plan: Plan) -> Iterator[dict[str, Any]]:
    for change in plan.changes:
        reason = next((reason for reason in change.reasons if reason.code in _OF_TIME), None)
        if reason is not None:
            deadline = reason.since if reason.code in OVER else reason.deadline
            yield {
                "address": str(change.address),
                "what": _OF_TIME[reason.code],
                "at": reason.since and instant(reason.since),
                "deadline": deadline and instant(deadline),
                "blocked": bool(change.blocked),
            }


def _row(due: Facts, when: str, now: datetime) -> tuple[str, str, str, str]:
    what = WHAT[due["what"]] + (" (blocked)" if due.get("blocked") else "")
    return due["address"], what, when, _when(due["deadline"], now)


def _when(moment: str | None, now: datetime) -> str:
    if moment is None:
        return "-"
    at = datetime.fromisoformat(moment)
    return f"{date(at)} ({ahead(at, now)})"
