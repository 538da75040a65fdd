"""How state files spell times and serial numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from pki.errors import StoreError

_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")


def format_time(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC, without fractions of a second.

    Raises:
        StoreError: `moment` has no time zone, so that nobody can say when it is.
    """
    if moment.tzinfo is None:
        raise StoreError(f"the time {moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


@lru_cache(maxsize=1024)  # a record says the same time in several places
def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time in UTC, in whole seconds; raises ValueError for anything else."""
    try:
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)
    except (OverflowError, ValueError):  # no such day, or an offset that leads out of the calendar
        pass
    raise ValueError(f"{text!r} is not a time")


def serial_hex(serial: int) -> str:
    """Return a serial as OpenSSL and file names have it: upper-case hex, whole octets."""
    text = f"{serial:X}"
    return text.zfill(len(text) + len(text) % 2)
