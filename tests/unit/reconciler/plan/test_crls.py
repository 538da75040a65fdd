"""What becomes of CRLs: when they are made anew, what comes and goes, and what must not hold them up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.kinds.authority import CrlSpec, DistributionPointSpec, OnIssuerRekey
from reconciler.model import Action, Address, ReasonCode
from reconciler.plan import reasons
from reconciler.plan.model import Need
from reconciler.snapshot import CrlState, Fault, Generation, Orphan, RevokedRow
from tests.support import observed as state
from tests.support.desired import CRL, ca, credential
from tests.support.planning import Bench, bench, codes, done, refusal, settled_credential, steps
from tests.support.plans import NOW

DAY = timedelta(days=1)


def one(**more: Any) -> Bench:
    return bench(ca("ca", **more))


def seen(found: Bench, name: str = "ca", **changes: Any) -> None:
    """Change what is observed of a generation."""
    found.touch(f"ca/{name}", lambda each: replace(each, **changes))


def crl(*serials: int, next_update: Any = NOW + 6 * DAY) -> CrlState:
    return CrlState(7, next_update - 8 * DAY, next_update, frozenset(serials))


def row(serial: int, *, days: int = 60, reason: str | None = "superseded") -> RevokedRow:
    return RevokedRow(serial, NOW - DAY, reason, NOW + days * DAY, "/CN=web")


def orphan(serial: int = 5, **changes: Any) -> Orphan:
    found = Orphan(serial, "credential/web", NOW - DAY, certified=True, not_after=NOW + DAY)
    return replace(found, **changes)


def test_a_crl_that_is_as_it_should_be_stays():
    assert one().plan().changes == ()


@pytest.mark.parametrize(
    ("next_update", "code"),
    [
        (NOW + 4 * DAY, ReasonCode.CRL_REFRESH_DUE),
        (NOW + DAY, ReasonCode.CRL_REFRESH_DUE),
        (NOW, ReasonCode.CRL_EXPIRED),
    ],
)
def test_a_crl_is_refreshed_when_now_and_the_horizon_reach_its_window(next_update, code):
    found = one()
    seen(found, crl=crl(next_update=next_update))

    change = found.change("crl/ca")

    assert done(change) == (Action.REFRESH, [code], False)
    assert change.needs == (Need("ca/ca", "sign", path="state/ca/ca/private/ca.ecdsa-p256.key"),)


def test_a_minute_before_that_it_stays():
    found = one()
    seen(found, crl=crl(next_update=NOW + 4 * DAY + timedelta(minutes=1)))

    assert found.plan().changes == ()


def test_a_new_crl_is_never_due_at_once_however_far_a_plan_looks_ahead():
    found = one()
    seen(found, crl=CrlState(7, NOW, NOW + 7 * DAY, frozenset()))

    assert found.plan(horizon=30 * DAY).changes == ()


@pytest.mark.parametrize("horizon", [3 * DAY, 4 * DAY, 30 * DAY])
def test_who_looks_further_ahead_sees_no_less(horizon):
    found = one()
    seen(found, crl=CrlState(7, NOW - DAY, NOW + 6 * DAY, frozenset()))

    assert steps(found.plan(horizon=horizon)) == ["refresh crl/ca"]


def test_the_sentence_has_both_dates():
    found = one()
    seen(found, crl=crl(next_update=NOW + DAY))

    (reason,) = found.change("crl/ca").reasons

    assert reason.message == "refresh window open from 2026-11-21T09:00Z, next update 2026-11-24T09:00Z"
    assert (reason.since, reason.deadline) == (NOW - 2 * DAY, NOW + DAY)


def test_a_ca_without_a_crl_gets_one():
    found = one()
    seen(found, crl=None)

    change = found.change("crl/ca")

    assert done(change) == (Action.REFRESH, [ReasonCode.CRL_MISSING], False)
    assert change.preview == {
        "new_entries": 0,
        "new_next_update": NOW + 7 * DAY,
        "added": [],
        "expired": [],
    }


@pytest.mark.parametrize(
    ("missing", "code"), [(True, ReasonCode.ARTIFACT_MISSING), (False, ReasonCode.ARTIFACT_TAMPERED)]
)
def test_a_crl_that_cannot_be_restored_is_made_anew(missing, code):
    found = one()
    seen(found, crl=None, crl_faults=(Fault("crl/ca.crl", missing, "is gone", mendable=False),))

    assert done(found.change("crl/ca")) == (Action.REFRESH, [code], False)


def test_a_form_of_it_that_follows_from_the_other_is_written_without_a_key():
    found = one()
    seen(found, crl_faults=(Fault("crl/ca.crl.pem", True, "is missing"),))

    change = found.change("crl/ca")

    assert done(change) == (Action.UPDATE, [ReasonCode.ARTIFACT_MISSING], False)
    assert change.needs == ()


@pytest.mark.parametrize(
    "spec",
    [
        replace(CRL, validity=9 * DAY),
        replace(CRL, keep_expired=True),
        replace(CRL, distribution_point=DistributionPointSpec(("http://x/{{ generation }}.crl",))),
    ],
)
def test_what_the_manifest_says_of_it_is_followed(spec: CrlSpec):
    found = one()
    found.declare(replace(found.manifest.cas["ca"], crl=spec))

    assert done(found.change("crl/ca")) == (Action.REFRESH, [ReasonCode.SPEC_CHANGED], False)


def test_when_it_is_to_be_refreshed_is_not_in_it():
    found = one()
    found.declare(replace(found.manifest.cas["ca"], crl=replace(CRL, refresh_before=2 * DAY)))

    assert found.plan().changes == ()


def test_a_crl_that_no_record_tells_of_is_made_anew():
    found = one()
    found.edit("ca/ca", crl=None)

    assert done(found.change("crl/ca")) == (Action.REFRESH, [ReasonCode.SPEC_CHANGED], False)


def test_what_is_revoked_and_not_listed_is_added_and_what_expired_goes():
    found = one()
    seen(found, crl=crl(1, 2), revoked=(row(1), row(2, days=-5), row(3, reason=None)))

    change = found.change("crl/ca")

    assert done(change) == (Action.REFRESH, [ReasonCode.REVOCATION_ADDED], False)
    assert change.reasons[0].message == "1 revoked certificate is not on it"
    assert change.preview == {
        "number": 7,
        "this_update": NOW - 2 * DAY,
        "next_update": NOW + 6 * DAY,
        "entries": 2,
        "new_entries": 2,
        "new_next_update": NOW + 7 * DAY,
        "added": [(3, None)],
        "expired": [(2, "superseded")],
    }


def test_an_entry_stays_for_one_crl_after_its_certificate_ended():
    found = one()
    seen(found, crl=crl(1, next_update=NOW + DAY), revoked=(row(1, days=-1),))

    assert found.change("crl/ca").preview["expired"] == []


def test_entries_can_be_kept_for_ever():
    found = bench(replace(ca("ca"), crl=replace(CRL, keep_expired=True)))
    seen(found, crl=crl(1, next_update=NOW + DAY), revoked=(row(1, days=-50),))

    assert found.change("crl/ca").preview["new_entries"] == 1


def test_what_expired_unlisted_is_no_reason():
    found = one()
    seen(found, revoked=(row(1, days=-1), row(2, days=0)))

    assert found.plan().changes == ()


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        (orphan(), True),
        (orphan(certified=False, holder=""), True),
        (orphan(not_after=None), True),
        (orphan(holder=""), False),
        (orphan(not_after=NOW), False),
        (orphan(recorded=True), False),
    ],
)
def test_serials_that_a_run_left_behind_are_disowned(which, wanted):
    found = one()
    seen(found, orphans=(which,))

    plan = found.plan()

    assert [codes(each) for each in plan.changes] == ([[ReasonCode.ORPHAN_SERIAL]] if wanted else [])


def test_a_certificate_whose_record_was_lost_is_told_and_left_alone():
    found = one()
    seen(found, orphans=(orphan(5, recorded=True), orphan(6, recorded=True, not_after=NOW)))

    plan = found.plan()

    (warning,) = plan.warnings
    assert warning.code == "state.nameless"
    assert warning.message == (
        "certificate 05 by ca/ca was of credential/web, whose record is gone or no longer names it;"
        " it is valid until 2026-11-24"
    )
    assert plan.changes == ()


def test_what_left_a_serial_behind_is_said_as_far_as_anybody_knows():
    assert reasons.orphans(1).message == "1 serial belongs to nothing on record: a run was cut off, or a record is gone"
    assert reasons.orphans(2).message.startswith("2 serials belong to nothing on record: ")


def test_an_orphan_is_shown_as_what_it_will_be():
    found = one()
    seen(found, orphans=(orphan(5), orphan(6, certified=False)))

    assert found.change("crl/ca").preview["added"] == [(5, "superseded"), (6, None)]


def test_replace_makes_a_new_crl():
    assert done(one().change("crl/ca", replace=("crl/*",))) == (Action.REFRESH, [ReasonCode.FORCED], False)


def old_generation(found: Bench, **changes: Any) -> Generation:
    seen(found, "ca", crl=crl(next_update=NOW + DAY), **changes)
    return found.generation("ca")


@pytest.mark.parametrize(
    ("changes", "live"),
    [
        ({"last_expiry": NOW + DAY}, True),
        ({"last_expiry": NOW}, False),
        ({"last_expiry": None}, False),
    ],
)
def test_an_old_generation_has_a_crl_as_long_as_what_it_issued_is_valid(changes, live):
    found = one(generation=2)
    old_generation(found, **changes)

    assert steps(found.plan()) == (["refresh crl/ca"] if live else [])


def test_an_old_generation_whose_own_certificate_ended_needs_none():
    found = one(generation=2)
    old = old_generation(found, last_expiry=NOW + DAY)
    facts = old.record.certificate
    assert facts is not None
    seen(found, "ca", record=replace(old.record, certificate=replace(facts, not_after=NOW)))

    assert found.plan().changes == ()


def test_an_old_generation_that_signs_again_needs_a_crl_again():
    found = bench(ca("ca", generation=2, on_issuer_rekey=OnIssuerRekey.KEEP), credential("web", issuer="ca"))
    web = settled_credential(found.manifest, found.templates, found.manifest.credentials["web"], signed_by="ca", age=99)
    found.snapshot = replace(found.snapshot, credentials={"web": web})
    old_generation(found, last_expiry=NOW - 9 * DAY)

    plan = found.plan()

    assert plan.changes[0].issuer == "ca"
    assert steps(plan) == ["rekey credential/web", "refresh crl/ca"]


def test_a_new_generation_gets_a_crl_after_it_is_there():
    found = one()

    change = found.change("crl/ca.2", replace=("ca/ca",))

    assert done(change) == (Action.REFRESH, [ReasonCode.CRL_MISSING], False)
    assert change.depends_on == (Address.parse("ca/ca"),)
    assert change.generation == 2
    assert change.needs == (Need("ca/ca.2", "sign", path="state/ca/ca.2/private/ca.ecdsa-p256.key"),)


def broken_ca() -> Bench:
    """Return a CA whose renewal is due and cannot be made, and whose CRL is due."""
    found = bench(ca("ca"), credential("web", issuer="ca"))
    facts = found.generation("ca").record.certificate
    assert facts is not None
    found.edit("ca/ca", certificate=replace(facts, not_after=NOW + DAY))
    found.templates.broken["ec/root-ca"] = refusal()
    seen(found, crl=crl(next_update=NOW + DAY))
    return found


def test_a_crl_is_refreshed_when_everything_else_is_broken():
    plan = broken_ca().plan(only=("crl/*",))

    assert steps(plan) == ["refresh crl/ca"]
    assert (plan.changes[0].depends_on, plan.added) == ((), ())


def test_a_renewal_of_its_ca_is_neither_taken_along_nor_waited_for():
    plan = broken_ca().plan()

    assert steps(plan) == ["x renew ca/ca", "refresh crl/ca"]
    assert plan.changes[1].depends_on == ()


def test_a_certificate_of_the_ca_that_is_lost_stops_its_crl_too():
    found = one()
    seen(found, crl=crl(next_update=NOW + DAY), faults=(Fault("ca.crt", True, "is missing", mendable=False),))

    assert [each.code for each in found.change("crl/ca").blocked] == ["artifact.lost"]


def test_a_ca_that_cannot_be_made_gets_no_crl():
    found = one()
    found.snapshot = state.in_state()
    found.templates.broken["ec/root-ca"] = refusal()

    assert steps(found.plan()) == ["x create ca/ca", "x refresh crl/ca"]


def test_dates_after_the_plan_are_those_of_the_crl_to_be():
    found = one()
    seen(found, crl=crl(next_update=NOW + DAY))

    (due,) = [each for each in found.plan().due if each.what == "crl-refresh"]

    assert (str(due.address), due.at, due.deadline) == ("crl/ca", NOW + 4 * DAY, NOW + 7 * DAY)


def test_dates_of_a_crl_that_is_not_selected_are_those_it_has():
    found = one()
    seen(found, crl=crl(next_update=NOW + DAY))

    (due,) = [each for each in found.plan(only=("ca/*",)).due if each.what == "crl-refresh"]

    assert (due.at, due.deadline) == (NOW - 2 * DAY, NOW + DAY)
