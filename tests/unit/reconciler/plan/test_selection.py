"""Which changes a plan has: what was chosen, what that depends on, and what it makes necessary."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.kinds.authority import OnIssuerRekey, UrlsSpec
from reconciler.kinds.credential import RevokedSpec
from reconciler.model import Action, Address, ReasonCode
from reconciler.plan.model import Change, Plan, Selection
from reconciler.plan.selection import SelectionError, Selector, select
from tests.support import observed as state
from tests.support.desired import ca, credential, standing_key
from tests.support.planning import Bench, bench, codes, steps
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


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in plan.warnings]


WAITING = "left out, for it comes with a change of its CA, which is not selected: "


@pytest.mark.parametrize("glob", ["crl/root", "crl/*"])
def test_a_crl_is_no_reason_to_make_its_ca(glob):
    plan = fresh().plan(only=(glob,))

    assert plan.changes == ()
    assert told(plan) == [
        ("selection.waiting", WAITING + ("crl/root" if glob == "crl/root" else "crl/issuing, crl/root"))
    ]


def test_a_crl_is_no_reason_to_give_its_ca_a_new_key():
    """A scheduler that keeps CRLs alive runs unattended."""
    found = bench(ca("ca"), ca("other"), credential("web", issuer="ca"))
    found.declare(replace(found.manifest.cas["ca"], generation=2))
    found.touch("ca/ca", lambda each: replace(each, crl=state.crl(days=1)))

    plan = found.plan(only=("crl/*",))

    assert steps(plan) == ["refresh crl/ca"]
    assert told(plan) == [("selection.waiting", WAITING + "crl/ca.2")]
    assert steps(found.plan(only=("ca/ca",))) == ["rekey ca/ca", "refresh crl/ca.2"]
    assert steps(found.plan(only=("ca/ca", "crl/*"))) == ["rekey ca/ca", "refresh crl/ca", "refresh crl/ca.2"]


def test_a_crl_is_no_reason_to_take_its_ca_back():
    found = bench(ca("ca"))
    found.touch("ca/ca", lambda each: replace(each, crl=state.crl(days=1)))
    found.forget("ca/ca")

    assert found.plan(only=("crl/*",)).changes == ()
    assert steps(found.plan()) == ["adopt ca/ca", "refresh crl/ca"]


class TestExcludedCa:
    """What is below a CA is planned for what that is, when what is to be done to it is excluded."""

    def due(self, **changes: Any) -> Bench:
        found = bench(ca("ca", on_issuer_rekey=OnIssuerRekey.REISSUE), credential("web", issuer="ca"))
        record = found.snapshot.credentials["web"].record
        start, end = record.not_before - timedelta(days=75), record.not_after - timedelta(days=75)
        certificates = tuple(replace(each, not_before=start, not_after=end) for each in record.certificates)
        found.edit("credential/web", not_before=start, not_after=end, certificates=certificates)
        found.declare(replace(found.manifest.cas["ca"], **changes))
        return found

    def test_a_renewal_is_by_the_present_generation(self):
        plan = self.due(generation=2).plan(exclude=("ca/ca",))

        assert steps(plan) == ["rekey credential/web"]
        assert (plan.changes[0].issuer, plan.changes[0].depends_on, plan.warnings) == ("ca", (), ())

    def test_a_renewal_points_to_what_the_record_says(self):
        found = self.due(urls=UrlsSpec(crl=("http://new/ca.crl",)))

        assert "crlDistributionPoints" in {each.field for each in found.change("credential/web").differences}
        (change,) = found.plan(exclude=("ca/ca",)).changes
        assert codes(change) == [ReasonCode.RENEWAL_DUE]
        assert change.inputs_digest == found.snapshot.credentials["web"].record.inputs_digest

    def test_chains_stay(self):
        found = bench(ca("root"), ca("ca", issuer="root"), credential("web", issuer="ca"))
        facts = found.generation("root").record.certificate
        assert facts is not None
        found.edit("ca/root", certificate=replace(facts, not_after=NOW + timedelta(days=3)))

        assert steps(found.plan()) == ["renew ca/root", "update ca/ca", "update credential/web"]
        assert steps(found.plan(exclude=("ca/ca",))) == ["renew ca/root"]
        assert steps(found.plan(exclude=("ca/root",))) == []

    def test_what_has_to_wait_for_it_is_told(self):
        found = self.due()
        found.drop("ca/ca")

        plan = found.plan(exclude=("ca/ca",))

        assert plan.changes == ()
        assert told(plan) == [("selection.excluded", "left out, for it depends on what is excluded: credential/web")]


def test_what_depends_on_what_is_excluded_is_told():
    plan = fresh().plan(exclude=("key/k",))

    assert told(plan) == [
        (
            "selection.excluded",
            "left out, for it depends on what is excluded: ca/issuing, credential/mail, credential/web",
        )
    ]


def test_many_exclusions_take_no_longer_than_one():
    below = Address.parse("ca/ca")
    addresses = [Address.parse(f"credential/c{number}") for number in range(10_000)]
    changes = {each: [Change(each, Action.CREATE, (), depends_on=(below,))] for each in addresses}
    begun = time.process_time()

    assert select(changes, Selector.of(Selection(exclude=("credential/*",)))) == set()
    assert time.process_time() - begun < 5  # a walk for each would take minutes


@pytest.mark.parametrize(
    ("text", "only", "idle"),
    [
        ("ca/root", ("credential/web",), "ca/root"),
        ("credential/*", ("credential/web",), "credential/mail"),
        ("credential/*", ("ca/root",), "credential/mail, credential/web"),
    ],
)
def test_a_replacement_that_is_not_selected_is_told(text, only, idle):
    found = bench(ca("root"), credential("web", issuer="root"), credential("mail", issuer="root"))

    plan = found.plan(only=only, replace=(text,))

    assert idle not in {str(each.address) for each in plan.changes}
    assert told(plan) == [
        ("selection.not-replaced", f"--replace has no effect on what is not selected, or is made no more: {idle}")
    ]


def test_a_replacement_of_what_nobody_declares_is_told():
    found = bench(ca("ca"), credential("web", issuer="ca"))
    found.undeclare("credential/web")

    (warning,) = found.plan(replace=("credential/web",)).warnings

    assert warning.code == "selection.not-replaced"


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
