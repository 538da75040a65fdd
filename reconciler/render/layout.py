"""The shapes that all text output is made of, and the one form of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pki.errors import PkiError

Facts = Mapping[str, Any]
"""What JSON output shows: strings, numbers, booleans, lists and mappings of them."""


def instant(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, to the second: the form of every time in JSON output."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def readable(moment: str) -> str:
    """Return the time that `instant` wrote, for people: `2026-11-23 09:06:21 UTC`."""
    return moment.replace("T", " ").replace("Z", " UTC")


def day(moment: str) -> str:
    return moment.partition("T")[0]


def span(duration: timedelta) -> str:
    """Return a duration by its largest whole units: `7 days`, `1 day 12 hours`."""
    minutes = int(duration.total_seconds()) // 60
    counts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    return " ".join(f"{count} {unit}{'s' * (count != 1)}" for count, unit in counts if count) or "less than a minute"


def bare(serial: str) -> str:
    """Return a serial as people and files write it, from its form in JSON (`0x...`)."""
    return serial.removeprefix("0x")


def or_unknown(read: Callable[[], str]) -> str:
    """Return what `read` finds, or "unknown" for an algorithm outside our table: looking is not relying."""
    try:
        return read()
    except PkiError:
        return "unknown"


def fields(rows: Iterable[tuple[str, object]], indent: int = 2) -> str:
    """Return `  Label:   value` lines with the values in one column.

    A row whose value is None or empty is left out; a list takes one line per item.
    """
    shown = [(label, _lines(value)) for label, value in rows if value not in (None, "", [], ())]
    width = max((len(label) for label, _ in shown), default=0) + 2
    return "\n".join(_field(label, lines, indent, width) for label, lines in shown)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return columns two spaces apart, each as wide as its widest cell; nothing trails a line."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def as_json(facts: object) -> str:
    """Return JSON in two-space lines, keys in the order given.

    It is ASCII, so that it reads the same under every locale and no name can carry a control character to a terminal.
    """
    return json.dumps(facts, indent=2)


def printable(text: str) -> str:
    r"""Return `text` with what could steer a terminal or mislead a reader written out as escapes; lines stay lines.

    Names in certificates and requests are a stranger's choice: control characters (ESC, CR, BEL) and invisible format
    characters (bidirectional overrides, zero-width spaces) become `\x1b`, `\u202e`.
    """
    return "\n".join(inline(line) for line in text.split("\n"))


def inline(value: object) -> str:
    """Return one value for the middle of a line: as `printable`, and no line break or tab gets through either."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _field(label: str, lines: list[str], indent: int, width: int) -> str:
    margin = " " * indent
    first, *rest = lines
    return "\n".join([f"{margin}{label + ':':<{width}}{first}", *(f"{margin}{'':<{width}}{line}" for line in rest)])


def _lines(value: object) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [_cell(item) for item in value]
    return [_cell(value)]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else inline(value)
