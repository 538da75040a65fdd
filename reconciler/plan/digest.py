"""The digest of a plan: what is approved is what is done, or nothing is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from reconciler.plan.facts import plan_facts
from reconciler.plan.model import Plan

FORMAT_MAJOR = 1
"""The digest of the same plan is the same as long as this is."""

_BOUND = ("manifest_digest", "state_fingerprint", "horizon", "selection")
_SHOWN_ONLY = "preview"
_FINDINGS = ("blocked", "notices")
_OF_FINDING = ("severity", "code")
"""The words of a finding can hold dates that depend on the time of planning, and its place is in the manifests."""


def plan_digest(plan: Plan) -> str:
    """Return `sha256:` and the SHA-256 in hex over all that the plan binds.

    That is the manifest, the state, how far it looks ahead, what was selected, and every change but its preview; not
    the time of planning, what is due later, what is not managed, and the warnings.
    """
    return facts_digest(plan_facts(plan))


def facts_digest(facts: Mapping[str, Any]) -> str:
    """Return the digest of a plan by its facts (`reconciler.plan.facts`), as a plan file holds them.

    Raises:
        KeyError, TypeError, AttributeError: they are not those of a plan.
    """
    bound = {name: facts[name] for name in _BOUND}
    changes = [_bound_change(change) for change in facts["changes"]]
    return f"sha256:{hashlib.sha256(canonical({'format': FORMAT_MAJOR, **bound, 'changes': changes})).hexdigest()}"


def canonical(value: Any) -> bytes:  # noqa: ANN401  any JSON value
    """Return JSON in its one form: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _bound_change(change: Mapping[str, Any]) -> dict[str, Any]:
    bound = {name: value for name, value in change.items() if name != _SHOWN_ONLY}
    for name in _FINDINGS:
        if name in bound:
            bound[name] = [{part: finding[part] for part in _OF_FINDING} for finding in bound[name]]
    return bound
