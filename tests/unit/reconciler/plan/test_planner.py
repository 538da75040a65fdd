"""The plan as a whole: the same from the same, in an order that holds, with nothing left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.findings import Finding, Location, Severity
from reconciler.kinds.authority import DistributionPointSpec, OnIssuerRekey, UrlsSpec
from reconciler.kinds.credential import RevokedSpec
from reconciler.kinds.keys import Rotation
from reconciler.kinds.policy import Effect, PolicySpec, Rule
from reconciler.model import Address, Kind
from reconciler.plan.context import generation_name
from reconciler.plan.dependence import stops
from reconciler.plan.digest import plan_digest
from reconciler.plan.model import Due
from reconciler.plan.planner import make_plan
from tests.support import observed as state
from tests.support.desired import CRL, at, ca, credential, standing_key
from tests.support.planning import Bench, bench, refusal, steps
from tests.support.plans import NOW

DAY = timedelta(days=1)


@st.composite
def workspaces(draw: st.DrawFn) -> Bench:
    """Draw CAs below each other, credentials below them, and state that has lost or outlived some of it."""
    cas = draw(st.integers(1, 4))
    specs = []
    for number in range(cas):
        issuer = draw(st.one_of(st.none(), st.integers(0, number - 1))) if number else None
        specs.append(
            ca(
                f"c{number}",
                issuer=None if issuer is None else f"c{issuer}",
                generation=draw(st.integers(1, 2)),
                resource="k" if draw(st.booleans()) and draw(st.booleans()) else None,
                rotation=draw(st.sampled_from(Rotation)),
                on_issuer_rekey=draw(st.sampled_from(OnIssuerRekey)),
                profile="ec/root-ca",
            )
        )
    leaves = [
        credential(f"l{number}", issuer=f"c{draw(st.integers(0, cas - 1))}", rotation=draw(st.sampled_from(Rotation)))
        for number in range(draw(st.integers(0, 4)))
    ]
    found = bench(*specs, *leaves, standing_key("k"))
    for address in [*(spec.address for spec in specs), *(leaf.address for leaf in leaves)]:
        match draw(st.sampled_from(["stays", "stays", "lost", "revoked", "later"])):
            case "lost":
                found.drop(str(address))
            case "revoked" if address.kind is Kind.CREDENTIAL:
                spec = found.manifest.credentials[address.name]
                found.declare(replace(spec, revoked=RevokedSpec("superseded")))
            case "later" if address.kind is Kind.CA:
                spec = found.manifest.cas[address.name]
                found.declare(replace(spec, generation=3, urls=UrlsSpec(crl=("http://x/{{ generation }}",))))
    found.now = NOW + timedelta(days=draw(st.sampled_from([0, 5, 60, 100, 3640])))
    return found


@settings(max_examples=150, deadline=None)
@given(workspaces())
def test_every_change_comes_after_all_that_it_depends_on(found):
    seen: set[Address] = set()
    plan = found.plan()
    changed = {each.address for each in plan.changes}
    for change in plan.changes:
        assert set(change.depends_on) <= changed
        assert set(change.depends_on) <= seen
        seen.add(change.address)


@settings(max_examples=100, deadline=None)
@given(workspaces())
def test_the_same_from_the_same(found):
    one, other = found.plan(), found.plan()

    assert one == other
    assert [each.preview for each in one.changes] == [each.preview for each in other.changes]
    assert plan_digest(one) == plan_digest(other)


@settings(max_examples=100, deadline=None)
@given(workspaces(), st.permutations(range(4)))
def test_the_order_in_which_things_are_declared_does_not_matter(found, places):
    names = sorted(found.manifest.cas)
    shuffled = {names[place]: found.manifest.cas[names[place]] for place in places if place < len(names)}
    before = found.plan()
    found.manifest = replace(found.manifest, cas=shuffled)

    assert plan_digest(found.plan()) == plan_digest(before)


@settings(max_examples=100, deadline=None)
@given(workspaces())
def test_what_is_blocked_blocks_what_depends_on_it(found):
    found.templates.broken["ec/root-ca"] = refusal()
    plan = found.plan()
    stopped = [each for each in plan.changes if each.blocked]
    for change in plan.changes:
        if any(each.address in change.depends_on and stops(each, change) for each in stopped):
            assert "blocked" in {each.code for each in change.blocked}


@settings(max_examples=150, deadline=None)
@given(workspaces(), st.booleans(), st.sampled_from([(), ("ca/c0",), ("ca/c1", "credential/l0"), ("key/k",)]))
def test_what_is_made_is_signed_by_what_is_there_or_made(found, broken, exclude):
    """Whatever is blocked or excluded: a change that is made has its generation in state, or made before it."""
    if broken:
        found.templates.broken["ec/root-ca"] = refusal()
    plan = found.plan(exclude=tuple(each for each in exclude if known(found, each)))
    there = {each.name for each in found.snapshot.generations()}
    for change in plan.changes:
        if change.blocked:
            continue
        if change.issuer is not None:
            assert change.issuer in there
        if change.address.kind is Kind.CRL:
            assert change.address.name in there
        if change.address.kind is Kind.CA and change.generation is not None:
            there.add(generation_name(change.address.name, change.generation))


def known(found: Bench, text: str) -> bool:
    return found.manifest.find(Address.parse(text)) is not None


def test_the_digest_does_not_depend_on_now_while_nothing_comes_due():
    found = bench(ca("ca", issuer=None), credential("web", issuer="ca"), credential("new", issuer="ca"))
    found.drop("credential/new")
    now = plan_digest(found.plan())
    found.now = NOW + timedelta(hours=1)
    later = plan_digest(found.plan())
    found.now = NOW + timedelta(days=5)

    assert later == now
    assert plan_digest(found.plan()) != now


@pytest.mark.parametrize("lifetime", [9999, 90])
def test_nor_where_a_certificate_is_clipped_or_refused(lifetime):
    found = bench(ca("ca"), credential("new", issuer="ca"))
    found.drop("credential/new")
    found.templates.lifetimes["ec/tls-server"] = lifetime
    now = plan_digest(found.plan())
    found.now = NOW + timedelta(minutes=30)

    assert plan_digest(found.plan()) == now


def test_a_plan_remembers_what_it_was_made_from():
    plan = bench(ca("ca")).plan(horizon=2 * DAY)

    assert (plan.manifest_digest, plan.state_fingerprint) == ("0" * 64, "1" * 64)
    assert (plan.now, plan.horizon) == (NOW, 2 * DAY)


def test_a_plan_is_of_a_whole_second():
    found = bench(ca("ca"), credential("web", issuer="ca"))
    found.drop("credential/web")
    found.now = NOW.replace(microsecond=999_999)

    plan = found.plan()

    assert plan.now == NOW
    assert plan.changes[1:] == ()


def test_the_horizon_is_the_workspaces_unless_given():
    found = bench(ca("ca"))
    found.settings(horizon=3 * DAY)

    plan = make_plan(found.manifest, found.snapshot, found.templates, now=NOW)

    assert plan.horizon == 3 * DAY
    assert steps(plan) == ["refresh crl/ca"]


def test_changes_of_like_standing_are_by_kind_and_name_and_generation():
    found = bench(ca("b"), ca("a"), credential("z", issuer="a"), credential("y", issuer="b"), standing_key("k"))
    found.snapshot = state.in_state()

    assert [str(each.address) for each in found.plan().changes] == [
        "key/k", "ca/a", "ca/b", "credential/y", "credential/z", "crl/a", "crl/b",
    ]  # fmt: skip


class TestDue:
    def fleet(self, size: int) -> Bench:
        found = bench(ca("ca"), *(credential(f"d{number}", issuer="ca") for number in range(size)))
        for number in range(size):
            record = found.snapshot.credentials[f"d{number}"].record
            end = record.not_after + number * DAY
            found.edit(f"credential/d{number}", not_after=end)
        return found

    def plan(self, found: Bench, limit: int | None):
        return make_plan(found.manifest, found.snapshot, found.templates, now=NOW, due_limit=limit)

    def test_the_soonest_come_first_and_the_rest_is_counted(self):
        plan = self.plan(self.fleet(20), 3)

        assert [str(due.address) for due in plan.due] == ["crl/ca", "credential/d0", "credential/d1"]
        assert plan.due_total == 22

    def test_all_of_them_can_be_had(self):
        plan = self.plan(self.fleet(20), None)

        assert len(plan.due) == plan.due_total == 22

    def test_a_renewal_is_due_when_its_window_opens(self):
        (due,) = [each for each in self.fleet(1).plan().due if each.address.kind is Kind.CREDENTIAL]

        assert due == Due(Address.parse("credential/d0"), NOW + 50 * DAY, "renewal", NOW + 80 * DAY)

    def test_what_is_blocked_stays_due_as_it_was(self):
        found = self.fleet(1)
        found.now = NOW + 60 * DAY
        found.templates.broken["ec/tls-server"] = refusal()

        (due,) = [each for each in found.plan().due if each.address.kind is Kind.CREDENTIAL]

        assert due.at == NOW + 50 * DAY


class TestUnmanaged:
    def test_what_the_manifest_does_not_name_is_listed_and_left_alone(self):
        found = bench(ca("ca"), credential("web", issuer="ca"), standing_key("k"))
        for text in ("ca/ca", "credential/web", "key/k"):
            found.undeclare(text)

        plan = found.plan()

        assert (plan.changes, plan.unchanged) == ((), 0)
        assert [str(each) for each in plan.unmanaged] == ["key/k", "ca/ca", "credential/web"]
        assert [each.message for each in plan.warnings] == [
            "crl/ca is refreshed by nobody, and its next update is 2026-11-29T09:00Z"
        ]

    def test_a_ca_without_a_crl_says_nothing_of_it(self):
        found = bench(ca("ca"))
        found.touch("ca/ca", lambda each: replace(each, crl=None))
        found.undeclare("ca/ca")

        assert found.plan().warnings == ()

    def test_what_is_forgotten_is_not_listed(self):
        found = bench(ca("ca"))
        found.undeclare("ca/ca")
        found.forget("ca/ca")

        assert found.plan().unmanaged == ()

    def test_a_record_of_it_that_cannot_be_read_is_told(self):
        found = bench(ca("ca"))
        finding = Finding(Severity.ERROR, "state.corrupt", "cut off")
        found.snapshot = replace(found.snapshot, damaged={"credential/old": finding})

        assert found.plan().warnings == (replace(finding, severity=Severity.WARNING),)


class TestWarnings:
    def test_those_of_the_manifest_and_of_profiles_that_take_the_place_of_builtins(self):
        found = bench(ca("ca"))
        told = Finding(Severity.WARNING, "x", "y")
        found.manifest = replace(found.manifest, warnings=(told,), overridden=("ec/root-ca",))

        assert [each.code for each in found.plan().warnings] == ["x", "profile.overridden"]

    @pytest.mark.parametrize(
        ("spec", "shared"),
        [
            ({"urls": UrlsSpec(crl=("http://x/ca.crl",))}, True),
            ({"urls": UrlsSpec(crl=("http://x/{{ generation }}.crl",))}, False),
            ({"crl": replace(CRL, distribution_point=DistributionPointSpec(("http://x/p.crl",)))}, True),
        ],
    )
    def test_generations_that_publish_their_crls_in_one_place(self, spec, shared):
        found = bench(replace(ca("ca", generation=2), **spec))
        found.touch("ca/ca", lambda each: replace(each, last_expiry=NOW + DAY))

        assert [each.code for each in found.plan().warnings] == (["crl.shared-url"] if shared else [])

    def test_a_generation_to_be_counts_too(self):
        found = bench(ca("ca", urls=UrlsSpec(crl=("http://x/ca.crl",))))

        (warning,) = found.plan(replace=("ca/ca",)).warnings

        assert warning.message == "generations 1 and 2 of ca/ca publish their CRLs at http://x/ca.crl"


class TestPolicies:
    def policy(self, effect: Effect, *match: str) -> tuple[PolicySpec, ...]:
        rule = Rule("short", effect, at(8), match=match or ("*",), max_validity=30 * DAY)
        return (PolicySpec("p", (rule,), Location("policy.yaml")),)

    def test_what_a_rule_denies_is_blocked_and_what_it_warns_of_is_said(self):
        found = bench(ca("ca"), credential("a", issuer="ca"), credential("b", issuer="ca"))
        denied = self.policy(Effect.DENY, "credential/a")
        found.manifest = replace(found.manifest, policies=(*denied, *self.policy(Effect.WARN, "credential/b")))
        found.drop("credential/a")
        found.drop("credential/b")

        one, other = found.plan().changes

        assert ([each.code for each in one.blocked], one.notices) == (["policy.short"], ())
        assert (other.blocked, [each.code for each in other.notices]) == ((), ["policy.short"])

    def test_what_was_issued_before_is_only_told(self):
        found = bench(ca("ca"), credential("a", issuer="ca"))
        found.manifest = replace(found.manifest, policies=self.policy(Effect.DENY))

        plan = found.plan()

        assert plan.changes == ()
        assert [(each.severity, each.code) for each in plan.warnings] == [(Severity.WARNING, "policy.short")] * 2

    @pytest.mark.parametrize("there", [True, False])
    def test_what_is_said_of_several_certificates_is_said_once(self, there):
        rule = Rule("in-hsm", Effect.WARN, at(8), match=("credential/*",), key_in_hsm=True)
        spec = replace(credential("a", issuer="ca"), profiles=("ec/tls-server", "ec/tls-client"))
        found = bench(ca("ca"), spec, policies=(PolicySpec("p", (rule,), at(8)),))
        if not there:
            found.drop("credential/a")

        plan = found.plan()

        told = plan.warnings if there else plan.changes[0].notices
        assert [each.code for each in told] == ["policy.in-hsm"]

    def test_files_are_read_only_for_what_a_rule_is_about(self):
        found = bench(ca("ca"), credential("a", issuer="ca"))
        found.manifest = replace(found.manifest, policies=self.policy(Effect.DENY, "ca/other"))
        found.templates.files.clear()

        assert found.plan().warnings == ()

    def test_a_file_that_cannot_be_read_is_no_breach(self):
        found = bench(ca("ca"))
        found.manifest = replace(found.manifest, policies=self.policy(Effect.DENY))
        found.templates.files.clear()

        assert found.plan().warnings == ()
