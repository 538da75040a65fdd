"""A plan that is not the one that was approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pki.findings import Finding, FindingsError, Severity
from reconciler.errors import ExitCode
from reconciler.model import Address
from reconciler.plan.digest import plan_digest
from reconciler.plan.facts import change_facts
from reconciler.plan.model import Plan

_AGAIN = "look at the plan again, and approve that: nothing was done"


class StalePlanError(FindingsError):
    """What would be done now is not what was approved; the findings say what differs."""

    exit_code = ExitCode.STALE


def require_digest(plan: Plan, approved: str, *, before: Plan | None = None) -> None:
    """Refuse a plan with another digest than the approved one; `before` is the approved plan, where it is known.

    Raises:
        StalePlanError: it is another.
    """
    digest = plan_digest(plan)
    if digest == approved:
        return
    differences = tuple(_differences(before, plan)) if before else ()
    shown = differences or (_finding(f"the digest approved is {approved}, and the one of the plan now is {digest}"),)
    raise StalePlanError("the plan is stale: what would be done is not what was approved", shown, hint=_AGAIN)


def _differences(before: Plan, after: Plan) -> Iterator[Finding]:
    if before.manifest_digest != after.manifest_digest:
        yield _finding("the manifests, or files that they name, have changed")
    if before.state_fingerprint != after.state_fingerprint:
        yield _finding("state has changed: something was applied, or done by hand, in the meantime")
    old, new = _by_address(before), _by_address(after)
    for address in dict.fromkeys((*old, *new)):
        if old.get(address) != new.get(address):
            yield _finding(
                f"{address}: {_actions(before, address)} was approved, and it would be {_actions(after, address)}"
            )


def _by_address(plan: Plan) -> Mapping[Address, list[dict[str, object]]]:
    found: dict[Address, list[dict[str, object]]] = {}
    for change in plan.changes:
        facts = change_facts(change)
        facts.pop("preview", None)
        found.setdefault(change.address, []).append(facts)
    return found


def _actions(plan: Plan, address: Address) -> str:
    actions = [str(change.action) for change in plan.changes if change.address == address]
    return " and ".join(actions) or "no change"


def _finding(message: str) -> Finding:
    return Finding(Severity.ERROR, "plan.stale", message)
