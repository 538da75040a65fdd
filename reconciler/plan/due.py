"""What time alone will make a change of, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from reconciler.graph import listing
from reconciler.model import Address
from reconciler.plan.model import Due, Plan


def soonest_first(dues: Iterable[Due]) -> tuple[Due, ...]:
    """Return them by when they come due; at the same time as a listing has them."""
    return tuple(sorted(dues, key=_when))


def due_within(plan: Plan, span: timedelta) -> tuple[Due, ...]:
    """Return what comes due from the time of planning to `span` later, that moment included, soonest first."""
    return soonest_first(due for due in plan.due if due.at - plan.now <= span)


def due_of(plan: Plan, address: Address) -> tuple[Due, ...]:
    """Return what comes due of one address, soonest first."""
    return soonest_first(due for due in plan.due if due.address == address)


def _when(due: Due) -> tuple[datetime, tuple[int, str, int], str]:
    return due.at, listing(due.address), due.what
