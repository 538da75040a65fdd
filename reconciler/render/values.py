"""Values of certificates and settings in the words of a plan: on one line, printable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from reconciler.render.layout import inline, instant, readable, span

_WORDS = {None: "(none)", True: "yes", False: "no"}


def worded(value: object) -> str:
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, datetime):
        return readable(instant(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{inline(name)} {worded(item)}" for name, item in value.items()) or "(empty)"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(worded, value)) or "(empty)"
    return inline(value)


def listed(value: object) -> list[str]:
    """Return the items of a list, or the one item that a single value is; None has none."""
    if value is None:
        return []
    return [worded(item) for item in value] if isinstance(value, (list, tuple)) else [worded(value)]
