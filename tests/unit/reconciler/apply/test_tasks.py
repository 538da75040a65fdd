"""What a change comes after, and what it must have for itself: two that write the same records never run at once."""

from __future__ import annotations

from typing import Any

from reconciler.apply.schedule import Task
from reconciler.apply.tasks import Tasks
from reconciler.model import Action, Address, Reason, ReasonCode
from reconciler.plan.model import Change, Need
from reconciler.snapshot import Snapshot
from tests.support.observed import (
    ca_in_state,
    certificate,
    credential_in_state,
    facts,
    generation,
    in_state,
    key_id,
)

STATE = in_state(
    ca_in_state(generation("root")),
    ca_in_state(generation("issuing", issuer="root"), generation("issuing.2", issuer="root")),
    ca_in_state(generation("other")),
    credential_in_state(
        "web", certificate(2, number=2), issuer="other", previous=(certificate(1, issuer_key_id=key_id("issuing")),)
    ),
)


def change(address: str, action: Action, **more: Any) -> Change:
    return Change(Address.parse(address), action, (Reason(ReasonCode.FORCED, "it was asked for"),), **more)


def tasks(*changes: Change, snapshot: Snapshot = STATE) -> list[Task[Any]]:
    return Tasks.of(changes, snapshot).all(lambda _: ())


def keep_apart(one: Change, other: Change) -> bool:
    first, second = tasks(one, other)
    return not first.lanes.isdisjoint(second.lanes)


WEB = change("credential/web", Action.RENEW, issuer="issuing.2")


def test_what_one_ca_signs_or_is_waits_for_its_turn_whichever_generation_it_is() -> None:
    assert keep_apart(WEB, change("credential/mail", Action.CREATE, issuer="issuing.2"))
    assert keep_apart(WEB, change("credential/mail", Action.CREATE, issuer="issuing"))
    assert keep_apart(WEB, change("crl/issuing.2", Action.REFRESH))
    assert keep_apart(WEB, change("ca/issuing", Action.UPDATE))
    assert keep_apart(change("ca/issuing", Action.RENEW, issuer="root"), change("crl/root", Action.REFRESH))


def test_what_different_cas_sign_does_not_wait() -> None:
    assert not keep_apart(WEB, change("credential/mail", Action.CREATE, issuer="other"))
    assert not keep_apart(change("crl/root", Action.REFRESH), change("crl/other", Action.REFRESH))


def test_a_revocation_has_every_ca_that_signed_something_on_record() -> None:
    for action in (Action.REVOKE, Action.UPDATE):
        found = change("credential/web", action)
        assert keep_apart(found, change("crl/issuing", Action.REFRESH))
        assert keep_apart(found, change("crl/other", Action.REFRESH))
        assert not keep_apart(found, change("crl/root", Action.REFRESH))
    assert keep_apart(change("ca/issuing", Action.REVOKE), change("crl/root", Action.REFRESH))


def test_a_revocation_has_every_ca_that_has_the_key_that_signed() -> None:
    same = facts(101, "one")
    shared = in_state(
        ca_in_state(generation("one", certificate=same)),
        ca_in_state(generation("two", certificate=same)),
        credential_in_state("web", certificate(1), issuer="one"),
    )
    for name in ("one", "two"):
        first, second = tasks(
            change("credential/web", Action.REVOKE), change(f"crl/{name}", Action.REFRESH), snapshot=shared
        )
        assert not first.lanes.isdisjoint(second.lanes)


def test_a_token_has_one_user_at_a_time() -> None:
    one, two = (
        change(f"key/{name}", Action.CREATE, needs=(Need(f"key/{name}", "generate", hsm=f"hsm/{name}.yaml"),))
        for name in ("one", "two")
    )
    third = change("key/third", Action.CREATE, needs=(Need("key/third", "generate", hsm="hsm/one.yaml"),))

    assert keep_apart(one, third)
    assert not keep_apart(one, two)


def test_a_crl_is_urgent_and_comes_behind_a_renewal_of_its_ca_that_it_can_do_without() -> None:
    below = (Address.parse("ca/issuing"),)
    renewal, first, crl = tasks(
        change("ca/issuing", Action.RENEW, issuer="root"),
        change("credential/web", Action.RENEW, issuer="issuing.2", depends_on=below),
        change("crl/issuing.2", Action.REFRESH, depends_on=below),
    )

    assert [each.urgent for each in (renewal, first, crl)] == [False, False, True]
    assert (first.after, first.behind) == (frozenset({0}), frozenset())
    assert (crl.after, crl.behind) == (frozenset(), frozenset({0}))
