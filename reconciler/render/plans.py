"""A plan as text: what would be done first, why, what it takes, and when something is due next.

JSON is `reconciler.plan.wire`'s; Markdown is `reconciler.render.plan_markdown`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from textwrap import wrap

from reconciler.model import Action, Address, Kind
from reconciler.plan.model import Need, Plan, Selection
from reconciler.render import dues
from reconciler.render.changes import BLOCKED, SYMBOLS, Block, block, symbol
from reconciler.render.details import Row
from reconciler.render.findings import finding_lines
from reconciler.render.layout import count, inline, instant, readable, span

Fleets = Mapping[Address, str]
"""The name of the set that each member of one belongs to."""
NO_FLEETS: Fleets = {}
NOTHING = "No changes. The PKI matches the manifests."
WIDTH = 116
"""Columns of a line, its margin of two not counted."""
ADDRESSES = 4
"""How many addresses are shown of changes that are alike."""
ALIKE = 8
"""From how many on, changes next to each other that differ in their addresses only are shown as one."""

_MOST_LISTED = 10
_WIDEST_ADDRESS = 40
_WIDEST_LABEL = 28


def plan_text(plan: Plan, digest: str, fleets: Fleets = NO_FLEETS) -> str:
    """Return the plan for a terminal of 120 columns; it reads without color."""
    parts = [head(plan, digest), *_change_parts(plan, fleets), *_rest(plan)]
    return "\n\n".join(part for part in parts if part)


def head(plan: Plan, digest: str) -> str:
    """Return the summary, and below it what the plan is for, its digest whole: that is what approval takes."""
    return "\n  ".join([summary(plan), f"digest {digest}", ", ".join(circumstances(plan)), *selected(plan)])


def summary(plan: Plan) -> str:
    """Return the first line: how many of each action, how many are blocked, how many resources stay as they are."""
    if not plan.changes:
        return NOTHING if plan.selection == Selection() else "No changes in what was selected."
    actions = Counter(change.action for change in plan.changes if not change.blocked)
    blocked = sum(1 for change in plan.changes if change.blocked)
    parts = [f"{actions[action]} to {action}" for action in Action if actions[action]]
    parts += [f"{blocked} blocked"] if blocked else []
    parts += [f"{plan.unchanged} unchanged"] if plan.unchanged else []
    return f"Plan: {', '.join(parts)}."


def circumstances(plan: Plan) -> list[str]:
    return [f"now {readable(instant(plan.now))}", f"horizon {span(plan.horizon) if plan.horizon else 'none'}"]


def selected(plan: Plan) -> list[str]:
    """Say what the plan leaves out, and what it takes along that nobody named."""
    selection = plan.selection
    parts = (("only", selection.only), ("without", selection.exclude), ("replacing", selection.replace))
    lines = [f"{word} {', '.join(map(inline, globs))}" for word, globs in parts if globs]
    if plan.added:
        lines.append(f"taken along, because what was named depends on them: {_few(plan.added)}")
    return lines


def legend(plan: Plan) -> str:
    """Return the symbols that this plan uses, each with the actions that it stands for here."""
    used: dict[str, list[str]] = {}
    for action in Action:
        if any(change.action is action and not change.blocked for change in plan.changes):
            used.setdefault(SYMBOLS[action], []).append(action.value)
    if any(symbol(change) == BLOCKED for change in plan.changes):
        used[BLOCKED] = ["blocked"]
    return "   ".join(f"{sign} {', '.join(names)}" for sign, names in used.items())


def blocks(plan: Plan, fleets: Fleets = NO_FLEETS) -> list[Block]:
    return [block(change, plan.now, fleets.get(change.address)) for change in plan.changes]


def alike(found: Iterable[Block]) -> Iterator[list[Block]]:
    """Yield changes one by one, and together where eight or more next to each other are alike.

    New members of a set are together from two on: what they say is told of one.
    """
    for _, group in groupby(found, key=lambda each: each.shape):
        members = list(group)
        least = 2 if any(each.sample for each in members) else ALIKE
        yield from [members] if len(members) >= least else ([member] for member in members)


def columns(found: Sequence[Block]) -> dict[Kind, list[int]]:
    """Return how wide the address and each fact are in the blocks of a kind; CRLs have facts of their own."""
    address = min(max((len(each.address) for each in found), default=0), _WIDEST_ADDRESS)
    widths = {}
    for kind in Kind:
        rows = [each.facts for each in found if each.kind is kind]
        rows = rows if kind is Kind.CRL else [each.facts for each in found if each.kind is not Kind.CRL]
        widths[kind] = [address, *(max(map(len, column)) for column in zip_longest(*rows, fillvalue=""))]
    return widths


def block_lines(members: Sequence[Block], widths: Mapping[Kind, Sequence[int]]) -> list[str]:
    """Return the lines of one change, or of several that are alike; `widths` are those of `columns`."""
    first, *others = members
    lines = _hanging("# ", f"{_subject(members)} {first.verb}: {first.reasons[0]}")
    for further in first.reasons[1:]:
        lines += _hanging("#   also: ", further)
    rows = (*_sample(members), *_common(members), *first.warnings)
    label = max((len(row.label) for row in rows), default=0)
    lines += _fact_lines(first, widths[first.kind])
    lines += [f"{first.symbol} {other.address}" for other in others[: ADDRESSES - 1]]
    lines += [f"{first.symbol} ... and {len(others) - ADDRESSES + 1} more"] if len(others) >= ADDRESSES else []
    for row in rows:
        lines += _row_lines(row, min(label, _WIDEST_LABEL))
    return lines


def needs(plan: Plan) -> list[tuple[str, str]]:
    """Return where the secrets that applying takes come from, each with what it opens; blocked changes need none."""
    opened: dict[tuple[str, str], dict[str, None]] = {}
    for need in (need for change in plan.changes if not change.blocked for need in change.needs):
        if need.hsm is not None:
            token = f'token "{inline(need.token or need.hsm)}" ({inline(need.hsm)})'
            opened.setdefault((_source(need), "PIN of"), {})[token] = None
        elif need.secret_env or need.secret_file:
            opened.setdefault((_source(need), "passphrase of"), {})[inline(need.path)] = None
    return [(source, f"{kind} {_few(list(things), 1)}") for (source, kind), things in sorted(opened.items())]


def next_due(plan: Plan) -> list[str]:
    """Return what comes due first after the plan, at most three, a line each."""
    return aligned([dues.cells(due, plan.now) for due in plan.due[:3]])


def unmanaged(plan: Plan) -> str | None:
    if not plan.unmanaged:
        return None
    return f"Unmanaged, in state but not in the manifests, left alone: {_few(plan.unmanaged)}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with their cells in columns, three spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _change_parts(plan: Plan, fleets: Fleets) -> Iterator[str]:
    if not plan.changes:
        return
    yield f"  {legend(plan)}"
    found = blocks(plan, fleets)
    widths = columns(found)
    for members in alike(found):
        yield "\n".join(f"  {line}" for line in block_lines(members, widths))


def _rest(plan: Plan) -> Iterator[str | None]:
    if wanted := needs(plan):
        yield _section("Apply will need:", aligned(wanted))
    yield unmanaged(plan)
    if plan.warnings:
        yield _section(
            f"{count(len(plan.warnings), 'warning').capitalize()}:", map(inline, finding_lines(plan.warnings))
        )
    yield _section("Next due after this plan:", next_due(plan)) if plan.due else "Next due after this plan: nothing."


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _subject(members: Sequence[Block]) -> str:
    first = members[0]
    if len(members) == 1:
        return first.address
    return f"{first.address} and {len(members) - 1} more{f' of {first.fleet}' if first.fleet else ''}"


def _sample(members: Sequence[Block]) -> Iterator[Row]:
    """Yield what the first of new members of a set says, and of how many it is the first."""
    place, member = next(((n, each) for n, each in enumerate(members, 1) if each.sample), (0, None))
    if member is None:
        return
    if len(members) == 1:
        yield from member.sample
        return
    yield Row(f"{'first' if place == 1 else f'number {place}'} of {len(members)}", (member.address,))
    for row in member.sample:
        yield Row(f"  {row.label}", row.values)


def _common(members: Sequence[Block]) -> Iterator[Row]:
    """Yield the rows of changes that are alike: where they differ, from the first to the last."""
    for several in zip(*(member.rows for member in members), strict=True):
        first, last = several[0], several[-1]
        same = all(row == first for row in several)
        yield first if same else Row(first.label, (f"{first.values[0]} ... {last.values[0]}",))


def _fact_lines(found: Block, widths: Sequence[int]) -> list[str]:
    """Return the line of facts in columns, or without, or in several lines, as it fits."""
    cells = (found.address, *found.facts)
    padded = "   ".join(f"{cell:<{width}}" for width, cell in zip(widths, cells, strict=False))
    line = f"{found.symbol} {padded}".rstrip()
    return [line] if len(line) <= WIDTH else _wrapped("   ".join(cells), f"{found.symbol} ", " " * 4)


def _row_lines(row: Row, width: int) -> list[str]:
    lines: list[str] = []
    for value in row.values:
        label = "" if lines else row.label
        lines += _wrapped(value, f"    {label:<{width}}  ", " " * (width + 6))
    return lines


def _hanging(start: str, text: str) -> list[str]:
    return _wrapped(text, start, "#     ")


def _wrapped(text: str, first: str, further: str) -> list[str]:
    return wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


def _source(need: Need) -> str:
    if need.secret_env:
        return f"variable {inline(need.secret_env)}"
    return f"file {inline(need.secret_file)}" if need.secret_file else "asked for"


def _few(things: Sequence[object], most: int = _MOST_LISTED) -> str:
    more = len(things) - most
    shown = ", ".join(map(inline, things[:most]))
    return f"{shown} and {more} more" if more > 0 else shown
