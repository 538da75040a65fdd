"""Which changes a plan has: what was chosen, what that depends on, and what it makes necessary."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.kinds.credential import RevokedSpec
from reconciler.model import Address
from reconciler.plan.selection import SelectionError
from tests.support import observed as state
from tests.support.desired import ca, credential, standing_key
from tests.support.planning import Bench, bench, steps
from tests.support.plans import NOW

KINDS = "an address is one of key/NAME, ca/NAME, credential/NAME, crl/NAME; `qpki graph` shows them all"


def fresh() -> Bench:
    """Return a workspace with nothing in state."""
    found = bench(
        ca("root"),
        ca("issuing", issuer="root", resource="k"),
        credential("web", issuer="issuing"),
        credential("mail", issuer="issuing"),
        standing_key("k"),
    )
    found.snapshot = state.in_state()
    return found


def revoking() -> Bench:
    """Return one where a credential is to be revoked, and another CA's CRL is due."""
    found = bench(ca("ca"), ca("other"), credential("web", issuer="ca"))
    found.declare(replace(found.manifest.credentials["web"], revoked=RevokedSpec("superseded")))
    found.touch("ca/other", lambda each: replace(each, crl=state.crl(days=1)))
    return found


def test_without_globs_everything_is_selected():
    plan = fresh().plan()

    assert len(plan.changes) == 7
    assert plan.added == ()


def test_what_is_chosen_takes_along_what_it_depends_on_and_the_crls_of_new_cas():
    plan = fresh().plan(only=("credential/web",))

    assert steps(plan) == [
        "create key/k",
        "create ca/root",
        "create ca/issuing",
        "create credential/web",
        "refresh crl/issuing",
        "refresh crl/root",
    ]
    assert [str(each) for each in plan.added] == ["key/k", "ca/root", "ca/issuing", "crl/issuing", "crl/root"]


def test_several_globs_choose_what_any_of_them_matches():
    assert steps(fresh().plan(only=("ca/ro*", "key/?"))) == ["create key/k", "create ca/root", "refresh crl/root"]


def test_what_is_excluded_takes_away_what_depends_on_it():
    assert steps(fresh().plan(exclude=("ca/issuing",))) == ["create key/k", "create ca/root", "refresh crl/root"]


def test_a_dependency_that_is_excluded_is_not_taken_along():
    assert steps(fresh().plan(only=("credential/*",), exclude=("key/k",))) == []


def test_a_crl_of_a_new_ca_can_be_excluded():
    assert steps(fresh().plan(only=("ca/root",), exclude=("crl/*",))) == ["create ca/root"]


def test_a_revocation_that_is_chosen_gets_its_crl():
    plan = revoking().plan(only=("credential/*",))

    assert steps(plan) == ["revoke credential/web", "refresh crl/ca"]
    assert plan.added == (Address.parse("crl/ca"),)


def test_a_revocation_that_is_not_chosen_is_not_on_the_crl():
    found = revoking()
    found.touch("ca/ca", lambda each: replace(each, crl=state.crl(days=1)))

    plan = found.plan(only=("crl/*",))

    assert steps(plan) == ["refresh crl/ca", "refresh crl/other"]
    assert plan.changes[0].depends_on == ()
    assert plan.changes[0].preview["added"] == []


def test_a_crl_needs_no_refresh_for_a_revocation_that_is_excluded():
    assert steps(revoking().plan(exclude=("credential/web",))) == ["refresh crl/other"]


def test_a_crl_can_be_chosen_when_its_ca_is_not_there_yet():
    plan = fresh().plan(only=("crl/root",))

    assert steps(plan) == ["create ca/root", "refresh crl/root"]
    assert plan.added == (Address.parse("ca/root"),)


def test_what_is_selected_is_in_the_plan():
    plan = fresh().plan(only=("ca/*",), replace=("ca/root",))

    assert (plan.selection.only, plan.selection.replace) == (("ca/*",), ("ca/root",))


def test_due_dates_are_those_after_what_was_selected():
    found = bench(ca("ca"), credential("web", issuer="ca"), credential("mail", issuer="ca"))
    for name in ("web", "mail"):
        record = found.snapshot.credentials[name].record
        later = NOW + timedelta(days=3)
        found.edit(f"credential/{name}", not_before=later - timedelta(days=90), not_after=later)
        assert record.not_after > later

    dues = {str(due.address): due.deadline for due in found.plan(only=("credential/web",)).due}

    assert dues["credential/web"] == NOW + timedelta(days=90)
    assert dues["credential/mail"] == NOW + timedelta(days=3)


@pytest.mark.parametrize(
    ("choice", "glob", "hint"),
    [
        ("only", "credential/wep", "did you mean `credential/web`?"),
        ("exclude", "crl/rooot", "did you mean `crl/root`?"),
        ("replace", "nothing-like-it", KINDS),
    ],
)
def test_a_glob_that_matches_nothing_is_refused(choice, glob, hint):
    with pytest.raises(SelectionError, match=f"--{choice} '{glob}' matches no address") as refused:
        fresh().plan(**{choice: (glob,)})

    assert refused.value.hint == hint


def test_what_only_state_has_can_be_chosen():
    found = bench(ca("ca", generation=2))
    found.undeclare("ca/ca")

    assert steps(found.plan(only=("crl/ca.2",))) == []
