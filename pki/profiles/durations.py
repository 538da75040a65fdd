"""Durations as profiles and manifests write them: `8760h`, `365d`, `1y`, `30d12h`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "y": timedelta(days=365),
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS), re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` writes, from larger units to smaller; a year is 365 days.

    Raises:
        ValueError: it is not a duration, or it is zero.
    """
    found = _DURATION.fullmatch(text)
    counts = [int(count or 0) for count in found.groups()] if found else []
    if not any(counts):
        raise ValueError(f"{text!r} is not a duration, such as 8760h, 365d, 1y or 30d12h")
    try:
        return sum((count * unit for count, unit in zip(counts, _UNITS.values(), strict=True)), timedelta())
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than time itself counts") from error


def parse_span(text: str) -> timedelta:
    """Return a duration that may be none, which is `0s`: all that `format_duration` writes.

    Raises:
        ValueError: as `parse_duration`.
    """
    return timedelta() if text == "0s" else parse_duration(text)


def format_duration(duration: timedelta) -> str:
    """Return a duration that is not negative as `parse_span` reads it, in days and less: `30d12h`; none is `0s`."""
    seconds = int(duration.total_seconds())
    counts = (seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")
    return "".join(f"{count}{unit}" for count, unit in counts if count) or "0s"
