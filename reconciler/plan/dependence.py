"""Which changes cannot do without an earlier one that they depend on."""

from __future__ import annotations

from pki.findings import Finding, Severity
from reconciler.model import Action, Address, Kind
from reconciler.plan.context import ca_of, generation_name
from reconciler.plan.model import Change

_BRINGS = frozenset({Action.CREATE, Action.REKEY, Action.ADOPT, Action.MOVE})
"""What makes a generation of a CA be where a change expects it."""

_SAME_KEY = frozenset({Action.RENEW, Action.REISSUE})


def must_be_done(earlier: Change, later: Change) -> bool:
    """Say whether a change makes no sense when an earlier one, which it depends on, was not made.

    A CRL does as long as its generation is there: it is put out when everything else fails, lest it run out. What a
    generation of a CA signs does without the next generation.
    """
    if earlier.address == later.address:
        return True
    if later.address.kind is Kind.CRL:
        return earlier.address.kind is Kind.CA and earlier.action in _BRINGS and _is_for(earlier, later.address.name)
    if earlier.action is Action.REKEY and later.issuer is not None and ca_of(later.issuer) == earlier.address:
        return _is_for(earlier, later.issuer)
    return True


def stops(blocked: Change, later: Change) -> bool:
    """Say whether a change cannot be made because an earlier one, which it depends on, must not be.

    A CA whose certificate must not be renewed signs with the one that it has: what it signs is planned for that.
    """
    stands = blocked.address.kind is Kind.CA and blocked.action in _SAME_KEY and blocked.address != later.address
    return not stands and must_be_done(blocked, later)


def because(address: Address) -> Finding:
    """Return what stands against a change that depends on one of that address."""
    return Finding(Severity.ERROR, "blocked", f"{address} is blocked", hint="see there what stands against it")


def _is_for(earlier: Change, generation: str) -> bool:
    made = generation_name(earlier.address.name, earlier.generation or 1)
    return earlier.action is Action.MOVE or made == generation
