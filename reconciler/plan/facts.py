"""A plan as plain data: texts, numbers, lists and mappings, as JSON output has them.

Times are RFC 3339 in UTC, durations as manifests write them, serials `0x` and hex, a CRL number a decimal text, because
many JSON readers keep no number above 2^53 exact. What is None or empty is left out, but for the sides of a difference
and what a change depends on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from pki.findings import Finding
from pki.profiles.durations import format_duration
from pki.store.wire import format_time, serial_hex
from reconciler.model import Action, Address, Reason
from reconciler.plan.model import Change, Due, Need, Plan

Facts = dict[str, Any]

_SAFE = 2**53


def plan_facts(plan: Plan) -> Facts:
    """Return all of a plan but its format, its digest and who made it."""
    selection = plan.selection
    return {
        "manifest_digest": plan.manifest_digest,
        "state_fingerprint": plan.state_fingerprint,
        "now": format_time(plan.now),
        "horizon": format_duration(plan.horizon),
        "selection": plain({"only": selection.only, "exclude": selection.exclude, "replace": selection.replace}),
        "summary": summary_facts(plan),
        "changes": [change_facts(change) for change in plan.changes],
        "added": plain(plan.added),
        "unmanaged": plain(plan.unmanaged),
        "due": [due_facts(due) for due in plan.due],
        "due_total": plan.due_total,
        "warnings": [finding_facts(finding) for finding in plan.warnings],
    }


def summary_facts(plan: Plan) -> Facts:
    """Return how many changes there are of each action, of those that are not blocked, and how many are."""
    counts = Counter(change.action for change in plan.changes if not change.blocked)
    blocked = sum(1 for change in plan.changes if change.blocked)
    return {**{str(action): counts[action] for action in Action}, "blocked": blocked, "unchanged": plan.unchanged}


def change_facts(change: Change) -> Facts:
    return {
        "address": str(change.address),
        "action": str(change.action),
        "reasons": [reason_facts(reason) for reason in change.reasons],
        "depends_on": plain(change.depends_on),
    } | _present(
        differences=[
            {"field": each.field, "before": plain(each.before), "after": plain(each.after)}
            for each in change.differences
        ],
        needs=[need_facts(need) for need in change.needs],
        generation=change.generation,
        issuer=change.issuer,
        inputs_digest=change.inputs_digest,
        previous=plain(change.previous),
        blocked=[finding_facts(finding) for finding in change.blocked],
        notices=[finding_facts(finding) for finding in change.notices],
        preview=preview_facts(change.preview),
    )


def reason_facts(reason: Reason) -> Facts:
    return {"code": str(reason.code), "message": reason.message} | _present(
        since=plain(reason.since), deadline=plain(reason.deadline)
    )


def need_facts(need: Need) -> Facts:
    return _present(**{each.name: getattr(need, each.name) for each in fields(need)})


def finding_facts(finding: Finding) -> Facts:
    where = finding.where
    return {"severity": str(finding.severity), "code": finding.code, "message": finding.message} | _present(
        source=where.source if where else None,
        line=where.line if where else None,
        column=where.column if where else None,
        hint=finding.hint,
        clause=finding.clause,
    )


def due_facts(due: Due) -> Facts:
    return {
        "address": str(due.address),
        "what": due.what,
        "at": format_time(due.at),
        "deadline": format_time(due.deadline),
    }


def preview_facts(preview: Mapping[str, Any]) -> Facts:
    """Return the `preview` of a change; serials with their reasons become mappings."""
    return _present(**{key: _previewed(key, value) for key, value in preview.items()})


def plain(value: Any) -> Any:  # noqa: ANN401  any value of a plan
    """Return a value of a plan as JSON has it."""
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() if not isinstance(value, Address):
            return [plain(item) for item in value]
        case bool() | None | float():
            return value
        case int() if abs(value) < _SAFE:
            return value
        case _:
            return _text(value)


def _text(value: object) -> str:
    match value:
        case datetime():
            return format_time(value)
        case timedelta():
            return format_duration(value)
        case _:
            return str(value)


def _previewed(key: str, value: Any) -> Any:  # noqa: ANN401  the same
    match key:
        case "certificates" | "replaces":
            return [{name: _previewed(name, item) for name, item in each.items()} for each in value]
        case "added" | "expired" | "serials":
            return _serials(value)
        case "serial":
            return _serial(value)
        case "number":
            return None if value is None else str(value)
        case _:
            return plain(value)


def _serials(pairs: Iterable[tuple[int, str | None]]) -> list[Facts]:
    return [{"serial": _serial(serial), "reason": reason} for serial, reason in pairs]


def _serial(serial: int) -> str:
    return f"0x{serial_hex(serial)}"


def _present(**facts: Any) -> Facts:  # noqa: ANN401  the same
    return {name: value for name, value in facts.items() if value not in (None, [], {})}
