"""A plan as a comment of a pull request: bounded in size, and whatever names it holds, it stays what it is.

Names in certificates, paths and messages are a stranger's choice. In tables every character that Markdown, HTML or a
forge reads as more than text is written so that it is text; details stand in code blocks that nothing in them can end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

from pki.findings import Finding
from reconciler.model import Kind
from reconciler.plan.model import Plan
from reconciler.render.changes import BLOCKED, Block
from reconciler.render.findings import finding_lines
from reconciler.render.layout import count, inline
from reconciler.render.plans import (
    NO_FLEETS,
    Fleets,
    alike,
    block_lines,
    blocks,
    circumstances,
    columns,
    needs,
    next_due,
    selected,
    summary,
    unmanaged,
)

MARK = "<!-- qpki-plan -->"
"""By which a program finds its own comment, to edit it."""
MAX_BYTES = 60_000
"""GitHub takes 65,536 characters."""

_TITLES = {
    Kind.KEY: "Keys",
    Kind.CA: "Certification authorities",
    Kind.CREDENTIAL: "Credentials",
    Kind.CRL: "Certificate revocation lists",
}
_OPEN = 20
"""A group of more changes than this is folded away."""
_SPECIAL = re.compile(r"(?<=[wW])\.|:(?=\S)|[^\w .,:;/()'\"+=-]|_")
_REFERRING = frozenset("@#!~%$&")
"""What can begin a mention or a reference, which forges look for after Markdown is done: a comment splits it."""
_RUN = re.compile("`+")
_TABLE = "| | Address | Change | Why |\n|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One change, or several that are alike: its row in the table, and its details."""

    members: Sequence[Block]
    row: str
    details: str

    @property
    def size(self) -> int:
        longer = 2 * (len(_fence(self.details)) - len(_fence("")))
        return len(self.row.encode()) + len(self.details.encode()) + len("\n\n\n") + longer


def plan_markdown(plan: Plan, digest: str, max_bytes: int = MAX_BYTES, fleets: Fleets = NO_FLEETS) -> str:
    """Return the comment, of at most `max_bytes` (2,000 or more); what does not fit is counted in a line of its own."""
    first = [MARK, f"**{summary(plan)}**", _circumstances(plan, digest, max_bytes // 16)]
    entries, last = _entries(plan, fleets), list(_after(plan, max_bytes // 8))
    shown = _fitting(entries, max_bytes - _size([*first, *last]) - _FRAMES)
    hidden = sum(len(entry.members) for entry in entries[len(shown) :])
    parts = [*first, *_groups(shown), *([_cut(hidden, max_bytes)] if hidden else []), *last]
    return "\n\n".join(parts) + "\n"


def escaped(text: object) -> str:
    """Return text that Markdown, HTML and a forge read as that text, and as no mention, reference or link."""
    return _SPECIAL.sub(_entity, inline(text))


def code_block(text: str, language: str = "diff") -> str:
    """Return a code block whose fence is longer than any that the text could end it with."""
    fence = _fence(text)
    return f"{fence}{language}\n{text}\n{fence}"


def _circumstances(plan: Plan, digest: str, room: int) -> str:
    lines = [
        f"digest <code>{digest}</code>",
        " · ".join(circumstances(plan)),
        *(_shortened(line, room) for line in selected(plan)),
    ]
    return "<br>\n".join(lines)


def _entries(plan: Plan, fleets: Fleets) -> list[_Entry]:
    """Return the changes in the order of their kinds, what is blocked first."""
    found = blocks(plan, fleets)
    widths, ranks = columns(found), list(Kind)
    entries = [_entry(members, widths) for members in alike(found)]
    return sorted(entries, key=lambda entry: (entry.members[0].symbol != BLOCKED, ranks.index(entry.members[0].kind)))


def _entry(members: Sequence[Block], widths: Mapping[Kind, Sequence[int]]) -> _Entry:
    first = members[0]
    more = f" and {len(members) - 1} more" if len(members) > 1 else ""
    more += f" of {code(first.fleet)}" if more and first.fleet else ""
    cells = (
        f"<code>{escape(first.symbol)}</code>",
        f"{code(first.address)}{more}",
        escaped(first.verb),
        escaped(first.reasons[0]),
    )
    return _Entry(members, f"| {' | '.join(cells)} |", "\n".join(block_lines(members, widths)))


def code(text: str) -> str:
    return f"<code>{escaped(text)}</code>"


def _fitting(entries: Sequence[_Entry], room: int) -> Sequence[_Entry]:
    sizes = accumulate(entry.size for entry in entries)
    return entries[: sum(1 for size in sizes if size <= room)]


def _groups(entries: Sequence[_Entry]) -> Iterator[str]:
    for kind in Kind:
        if members := [entry for entry in entries if entry.members[0].kind is kind]:
            yield _group(kind, members)


def _group(kind: Kind, entries: Sequence[_Entry]) -> str:
    changes = count(sum(len(entry.members) for entry in entries), "change")
    opened = " open" if len(entries) <= _OPEN else ""
    rows = "\n".join([_TABLE, *(entry.row for entry in entries)])
    details = code_block("\n\n".join(entry.details for entry in entries))
    return f"<details{opened}><summary><b>{_TITLES[kind]}</b>: {changes}</summary>\n\n{rows}\n\n{details}\n\n</details>"


def _cut(hidden: int, max_bytes: int) -> str:
    return f"**{count(hidden, 'change')} not shown**, to stay within {max_bytes} bytes. `qpki plan` shows them all."


def _after(plan: Plan, room: int) -> Iterator[str]:
    """Yield what stands below the changes; of each list only as much as `room` bytes hold."""
    if wanted := [": ".join(each) for each in needs(plan)]:
        yield _list("Apply will need:", wanted, room)
    if left_alone := unmanaged(plan):
        yield _shortened(left_alone, room)
    if plan.warnings:
        yield _list(f"{count(len(plan.warnings), 'warning').capitalize()}:", map(_warning, plan.warnings), room)
    if due := next_due(plan):
        yield _list("Next due after this plan:", (" ".join(line.split()) for line in due), room)


def _list(title: str, lines: Iterable[str], room: int) -> str:
    items = [f"- {escaped(line)}" for line in lines]
    sizes = accumulate(len(item.encode()) + 1 for item in items)
    shown = items[: sum(1 for size in sizes if size <= room)]
    more = [f"- and {len(items) - len(shown)} more"] if len(shown) < len(items) else []
    return "\n".join([title, "", *shown, *more])


def _shortened(text: str, room: int) -> str:
    """Return as much of a text as its escaped form holds in `room` bytes, give or take a half."""
    shown = escaped(text)
    while len(shown.encode()) > room:
        text = text[: len(text) // 2]
        shown = f"{escaped(text)}..."
    return shown


def _warning(finding: Finding) -> str:
    return " ".join(line.strip() for line in finding_lines([finding]))


def _fence(text: str) -> str:
    longest = max(map(len, _RUN.findall(text)), default=0)
    return "`" * max(3, longest + 1)


def _size(parts: Iterable[str]) -> int:
    return sum(len(part.encode()) + len("\n\n") for part in parts)


def _entity(found: re.Match[str]) -> str:
    refers = found[0] in _REFERRING and not found.string[found.end() : found.end() + 1].isspace()
    return f"&#{ord(found[0])};{'<!-- -->' if refers else ''}"


_FRAMES = _size(_group(kind, []) for kind in Kind) + len(_cut(10**9, 10**9)) + 4 * len("9 99,999 changes open ````")
