"""A plan that is not the one that was approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pki.findings import Finding, FindingsError, Severity
from reconciler.errors import ExitCode
from reconciler.plan.digest import facts_digest
from reconciler.plan.facts import plan_facts
from reconciler.plan.model import Plan

_UNBOUND = frozenset({"preview", "notices", "blocked"})
_AGAIN = "look at the plan again, and approve that: nothing was done"


class StalePlanError(FindingsError):
    """What would be done now is not what was approved; the findings say what differs."""

    exit_code = ExitCode.STALE


def require_digest(plan: Plan, approved: str, *, before: Mapping[str, Any] | None = None) -> None:
    """Refuse a plan with another digest than the approved one.

    `before` is the approved plan, where it is known, as `plan_facts` has it.

    Raises:
        StalePlanError: it is another.
    """
    facts = plan_facts(plan)
    digest = facts_digest(facts)
    if digest == approved:
        return
    differences = tuple(_differences(before, facts)) if before else ()
    shown = differences or (_finding(f"the digest approved is {approved}, and the one of the plan now is {digest}"),)
    raise StalePlanError("the plan is stale: what would be done is not what was approved", shown, hint=_AGAIN)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    if before["manifest_digest"] != after["manifest_digest"]:
        yield _finding("the manifests, or files that they name, have changed")
    if before["state_fingerprint"] != after["state_fingerprint"]:
        yield _finding("state has changed: something was applied, or done by hand, in the meantime")
    old, new = _by_address(before), _by_address(after)
    for address in dict.fromkeys((*old, *new)):
        if old.get(address) != new.get(address):
            was, would = _actions(old.get(address)), _actions(new.get(address))
            yield _finding(f"{address}: {was} was approved, and it would be {would}")


def _by_address(facts: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for change in facts["changes"]:
        bound = {name: value for name, value in change.items() if name not in _UNBOUND}
        found.setdefault(change["address"], []).append(bound)
    return found


def _actions(changes: Sequence[Mapping[str, Any]] | None) -> str:
    return " and ".join(str(change["action"]) for change in changes or ()) or "no change"


def _finding(message: str) -> Finding:
    return Finding(Severity.ERROR, "plan.stale", message)
