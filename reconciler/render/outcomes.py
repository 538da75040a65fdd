"""How an apply ended: what was done, what failed and why, what was not tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pki.errors import PkiError
from pki.findings import FindingsError
from reconciler.model import Action, Event, EventName
from reconciler.plan.model import Change
from reconciler.render.findings import finding_lines
from reconciler.render.layout import Facts, inline

_DOING = {
    Action.CREATE: "creating",
    Action.ADOPT: "adopting",
    Action.RENEW: "renewing",
    Action.REKEY: "making a new key and certificate",
    Action.REISSUE: "reissuing",
    Action.REVOKE: "revoking",
    Action.REFRESH: "signing a new CRL",
    Action.UPDATE: "updating",
    Action.MOVE: "moving",
    Action.FORGET: "forgetting",
}
_WORDS = {"done": "done", "failed": "failed", "skipped": "skipped", "blocked": "blocked", "left": "not begun"}


def doing(change: Change) -> str:
    """Return the line that says what is being done."""
    return f"{change.address}: {_DOING[change.action]}..."


def outcome_facts(
    change: Change,
    verdict: str,
    *,
    error: Exception | None = None,
    because: object = None,
    events: Iterable[Event] = (),
) -> dict[str, Any]:
    """Return one outcome as JSON has it."""
    facts: dict[str, Any] = {"address": str(change.address), "action": str(change.action), "result": str(verdict)}
    if error is not None:
        facts |= _error(error)
    if change.blocked:
        facts["blocked"] = [finding.message for finding in change.blocked]
    elif because is not None:
        facts["because"] = str(because)
    if told := [_event(event) for event in events]:
        facts["events"] = told
    return facts


def report_facts(digest: str, counts: Mapping[str, int], outcomes: Sequence[Facts], *, settled: bool) -> dict[str, Any]:
    """Return the whole of an apply; `settled`: nothing of it is left to do."""
    return {"plan": digest, "settled": settled, "counts": dict(counts), "outcomes": list(outcomes)}


def report_text(facts: Facts) -> str:
    """Return what a person reads at the end: the counts, and a line or more for each change that was not made."""
    counts = ", ".join(f"{number} {_WORDS[verdict]}" for verdict, number in facts["counts"].items())
    lines = [f"Applied: {counts or 'nothing was to be done'}."]
    for outcome in facts["outcomes"]:
        lines += _lines(outcome)
    if not facts["settled"]:
        lines += ["", "Apply again to go on: it does what is left."]
    return "\n".join(lines)


def _lines(outcome: Facts) -> Iterator[str]:
    result = outcome["result"]
    if result == "done":
        return
    head = f"  {_WORDS[result]:<9}  {outcome['address']}"
    match result:
        case "failed":
            yield f"{head}  {inline(outcome['error'])}"
            yield from (f"{'':13}{inline(line)}" for line in outcome.get("findings", ()))
            if hint := outcome.get("hint"):
                yield f"{'':13}hint: {inline(hint)}"
        case "skipped":
            yield f"{head}  because {outcome['because']} failed"
        case "blocked":
            yield f"{head}  {inline('; '.join(outcome.get('blocked', ())))}"
        case _:
            yield head


def _error(error: Exception) -> dict[str, Any]:
    if not isinstance(error, PkiError):
        return {"error": f"something unforeseen: {type(error).__name__}: {error}"}
    facts: dict[str, Any] = {"error": error.message}
    if isinstance(error, FindingsError):
        facts["findings"] = finding_lines(error.findings)
    if error.hint:
        facts["hint"] = error.hint
    return facts


def _event(event: Event) -> dict[str, Any]:
    facts = {name: value for name, value in event.facts.items() if value is not None}
    return {"event": str(event.name), **facts}


def plain_keys(events: Iterable[Event], encrypted: frozenset[str]) -> list[str]:
    """Return the key files that were made without a passphrase: those that none of `encrypted` names."""
    made = (event.facts.get("path") for event in events if event.name is EventName.KEY_GENERATED)
    return [path for path in made if path is not None and path not in encrypted]
