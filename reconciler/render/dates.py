"""Dates against the time of planning: how long ago, how long still, how much of it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconciler.render.layout import count

_UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))
_AT_LEAST = 2
"""Of a unit, before it is used: 36 hours say more than 1 day."""


def date(moment: datetime) -> str:
    """Return the day, in UTC."""
    return moment.astimezone(UTC).date().isoformat()


def minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def distance(duration: timedelta) -> str:
    """Return a duration in the largest unit of which it has two: `27 days`, `36 hours`, `90 minutes`."""
    for unit, noun in _UNITS:
        if duration >= _AT_LEAST * unit:
            return count(duration // unit, noun)
    return "1 minute" if duration >= timedelta(minutes=1) else "less than a minute"


def left(deadline: datetime, now: datetime) -> str:
    """Return `27 days left`, or `3 days ago` when it is past."""
    return f"{distance(deadline - now)} left" if deadline > now else f"{distance(now - deadline)} ago"


def ahead(moment: datetime, now: datetime) -> str:
    """Return `in 27 days`, or `3 days ago` when it is past."""
    return f"in {distance(moment - now)}" if moment > now else f"{distance(now - moment)} ago"


def elapsed(start: datetime, end: datetime, now: datetime) -> int:
    """Return how much of a lifetime is over, in whole percent from 0 to 100."""
    if end <= start:
        return 100
    return int(100 * min(max((now - start) / (end - start), 0.0), 1.0))
