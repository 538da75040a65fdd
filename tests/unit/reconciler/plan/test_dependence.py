"""What a change that is not made takes with it, and what it does not."""

from __future__ import annotations

import pytest

from reconciler.model import Action, Address, Reason, ReasonCode
from reconciler.plan.dependence import because, must_be_done, stops
from reconciler.plan.model import Change


def change(text: str, action: Action, **more: object) -> Change:
    return Change(Address.parse(text), action, (Reason(ReasonCode.MISSING, "why"),), **more)  # type: ignore[arg-type]  # the fields by name


CRL = change("crl/ca.2", Action.REFRESH)
WEB = change("credential/web", Action.RENEW, issuer="ca")


@pytest.mark.parametrize(
    ("earlier", "later", "must", "stopped"),
    [
        (change("credential/web", Action.REVOKE), CRL, False, False),
        (change("ca/sub", Action.REVOKE), CRL, False, False),
        (change("ca/ca", Action.UPDATE), CRL, False, False),
        (change("ca/ca", Action.RENEW, generation=2), CRL, False, False),
        (change("ca/ca", Action.REKEY, generation=2), CRL, True, True),
        (change("ca/ca", Action.REKEY, generation=3), CRL, False, False),
        (change("ca/ca", Action.ADOPT, generation=2), CRL, True, True),
        (change("ca/ca", Action.CREATE), change("crl/ca", Action.REFRESH), True, True),
        (change("ca/ca", Action.MOVE), CRL, True, True),
        (change("crl/ca.2", Action.UPDATE), CRL, True, True),
        (change("ca/ca", Action.REKEY, generation=2), WEB, False, False),
        (
            change("ca/ca", Action.REKEY, generation=2),
            change("credential/web", Action.RENEW, issuer="ca.2"),
            True,
            True,
        ),
        (change("ca/ca", Action.CREATE), WEB, True, True),
        (change("ca/ca", Action.UPDATE), WEB, True, True),
        (change("ca/ca", Action.RENEW), WEB, True, False),
        (change("ca/ca", Action.REISSUE), WEB, True, False),
        (change("ca/ca", Action.RENEW), change("ca/ca", Action.UPDATE), True, True),
        (change("key/k", Action.CREATE), WEB, True, True),
        (change("credential/web", Action.MOVE), WEB, True, True),
    ],
)
def test_what_cannot_be_made_without_an_earlier_change(earlier, later, must, stopped):
    """A failure in a run stops more than what a plan has taken into account."""
    assert (must_be_done(earlier, later), stops(earlier, later)) == (must, stopped)


def test_it_is_named():
    assert because(Address.parse("ca/ca")).message == "ca/ca is blocked"
