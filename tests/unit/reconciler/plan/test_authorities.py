"""What becomes of CAs: each action, and each reason for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pki.errors import PkiError
from pki.keyrefs import SoftwareKeyRef, TokenKeyRef
from pki.store.meta import CaUrls, IssuerFacts
from reconciler.kinds.authority import OnIssuerRekey, UrlsSpec
from reconciler.kinds.credential import RevokedSpec
from reconciler.kinds.desired import HsmFacts
from reconciler.kinds.keys import KeySpec, Rotation
from reconciler.kinds.policy import Effect, PolicySpec, Rule
from reconciler.kinds.renewal import Renewal
from reconciler.kinds.workspace import Imported, Moved
from reconciler.model import Action, Address, ReasonCode
from reconciler.plan.model import Difference, Need
from reconciler.snapshot import Fault, ObservedCa, RevokedRow
from tests.support import observed as state
from tests.support.desired import at, ca, credential, desired, standing_key
from tests.support.planning import DIGESTS, Bench, bench, codes, done, refusal, settled_generation, steps
from tests.support.plans import NOW

ROOT, ISSUING = Address.parse("ca/root"), Address.parse("ca/issuing")


def two_tier(**issuing) -> Bench:
    return bench(ca("root"), ca("issuing", issuer="root", **issuing))


def aged(found: Bench, name: str, *, left: timedelta) -> None:
    """Let the certificate of a generation end that much after now, with the lifetime that it has."""
    facts = found.generation(name).record.certificate
    assert facts is not None
    life = facts.not_after - facts.not_before
    found.edit(f"ca/{name}", certificate=replace(facts, not_before=NOW + left - life, not_after=NOW + left))


def test_state_that_is_as_it_should_be_needs_nothing():
    plan = two_tier().plan()

    assert plan.changes == ()
    assert plan.unchanged == 4


def test_nothing_is_compiled_for_what_is_as_it_should_be():
    found = two_tier()
    found.plan()

    assert found.templates.compiled == []


def test_what_is_missing_is_created_below_its_issuer_as_that_will_be():
    found = bench(ca("root", urls=UrlsSpec(crl=("http://x/{{ generation }}.crl",))), ca("issuing", issuer="root"))
    found.snapshot = state.in_state()

    plan = found.plan()

    assert steps(plan)[:2] == ["create ca/root", "create ca/issuing"]
    issuing = plan.changes[1]
    assert codes(issuing) == [ReasonCode.MISSING]
    assert (issuing.depends_on, issuing.issuer, issuing.generation) == ((ROOT,), "root", 1)
    assert Difference("crlDistributionPoints", None, ("http://x/1.crl",)) in issuing.differences
    assert issuing.needs == (
        Need("ca/root", "sign", path="state/ca/root/private/ca.ecdsa-p256.key"),
        Need("ca/issuing", "generate", path="state/ca/issuing/private/ca.ecdsa-p256.key"),
    )
    assert issuing.preview["issuer"] == "ca/root"
    assert issuing.preview["certificates"][0]["not_after"] == NOW + timedelta(days=1825)


def test_a_ca_can_begin_with_a_later_generation():
    found = bench(ca("root", generation=3))
    found.snapshot = state.in_state()

    assert [(str(each.address), each.generation) for each in found.plan().changes] == [
        ("ca/root", 3),
        ("crl/root.3", 3),
    ]


@pytest.mark.parametrize(
    ("left", "action", "code"),
    [
        (timedelta(days=29), Action.RENEW, ReasonCode.RENEWAL_DUE),
        (timedelta(days=30, hours=23), Action.RENEW, ReasonCode.RENEWAL_DUE),
        (timedelta(days=-1), Action.RENEW, ReasonCode.EXPIRED),
    ],
)
def test_a_root_is_renewed_in_its_window_or_afterwards_with_its_own_key(left, action, code):
    found = two_tier()
    aged(found, "root", left=left)

    change = found.change("ca/root")

    assert done(change) == (action, [code], False)
    assert change.generation == 1
    assert [need.use for need in change.needs] == ["sign"]
    assert change.preview["replaces"][0]["not_after"] == NOW + left


def test_a_renewal_says_when_its_window_opens_and_when_the_certificate_ends():
    found = two_tier()
    aged(found, "issuing", left=timedelta(days=8))

    (reason,) = found.change("ca/issuing").reasons

    assert reason.message == "renewal window open from 2026-11-01, expires 2026-12-01"
    assert (reason.since, reason.deadline) == (NOW + timedelta(days=-22), NOW + timedelta(days=8))


def test_before_its_window_nothing_is_renewed():
    found = two_tier()
    aged(found, "root", left=timedelta(days=31, minutes=1))

    assert found.plan().changes == ()


def test_a_subordinate_is_renewed_with_the_key_of_its_issuer_and_not_its_own():
    found = two_tier()
    aged(found, "issuing", left=timedelta(days=8))

    assert [(need.holder, need.use) for need in found.change("ca/issuing").needs] == [("ca/root", "sign")]


def test_a_certificate_from_before_there_were_facts_is_renewed_by_what_it_says_itself():
    found = bench(ca("root"))
    facts = found.generation("root").record.certificate
    assert facts is not None
    ending = replace(facts, not_after=NOW + timedelta(days=1))
    found.edit("ca/root", certificate=None)
    found.touch("ca/root", lambda each: replace(each, found=ending))

    change = found.change("ca/root")

    assert done(change) == (Action.RENEW, [ReasonCode.RENEWAL_DUE], False)
    assert [each["serial"] for each in change.preview["replaces"]] == [facts.serial]


def test_a_ca_whose_end_nobody_knows_is_not_renewed():
    found = bench(ca("root"))
    found.edit("ca/root", certificate=None)

    assert found.plan().changes == ()


def test_with_rotation_other_content_alone_keeps_the_key_that_all_below_hold_on_to():
    found = bench(ca("root", rotation=Rotation.ALWAYS))
    found.declare(replace(found.manifest.cas["root"], variables={"cn": "root", "policy": "1.2.3"}))

    assert done(found.change("ca/root")) == (Action.REISSUE, [ReasonCode.SPEC_CHANGED], False)


def test_the_generation_that_is_asked_for_is_made_even_if_it_is_not_the_next():
    found = bench(ca("root"))
    found.declare(replace(found.manifest.cas["root"], generation=4))

    assert found.change("ca/root").generation == 4


def test_with_rotation_a_renewal_makes_a_new_key():
    found = two_tier(rotation=Rotation.ALWAYS)
    aged(found, "issuing", left=timedelta(days=8))

    change = found.change("ca/issuing")

    assert done(change) == (Action.REKEY, [ReasonCode.RENEWAL_DUE], False)
    assert change.generation == 2
    assert change.needs[1] == Need("ca/issuing.2", "generate", path="state/ca/issuing.2/private/ca.ecdsa-p256.key")


def test_a_key_that_is_not_made_does_not_rotate():
    found = two_tier(rotation=Rotation.ALWAYS)
    spec = replace(found.manifest.cas["issuing"], key=KeySpec(hsm="hsm/a.yaml", label="old", existing=True))
    found.declare(spec)
    key = found.generation("issuing").record.keys[0]
    found.edit("ca/issuing", keys=(replace(key, storage=TokenKeyRef("../../../hsm/a.yaml", "old")),))
    aged(found, "issuing", left=timedelta(days=8))

    assert found.change("ca/issuing").action is Action.RENEW


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"generation": 2}, ReasonCode.SPEC_CHANGED),
        ({"key": KeySpec(hsm="hsm/a.yaml")}, ReasonCode.SPEC_CHANGED),
        ({"key": KeySpec(resource="shared")}, ReasonCode.SPEC_CHANGED),
        ({"variables": {"cn": "Another"}}, ReasonCode.SPEC_CHANGED),
    ],
)
def test_a_new_generation_key_place_or_name_is_a_new_key(spec, code):
    found = bench(ca("root"), ca("issuing", issuer="root"), standing_key("shared"), hsms={"hsm/a.yaml": "A"})
    found.declare(replace(found.manifest.cas["issuing"], **spec))

    change = found.change("ca/issuing")

    assert done(change) == (Action.REKEY, [code], False)
    assert (change.generation, change.issuer) == (2, "root")


def test_a_key_of_another_algorithm_is_a_new_key():
    found = two_tier()
    found.templates.algorithms["ec/issuing-ca"] = "ecdsa-p384"
    found.manifest = replace(found.manifest, profile_digests={**DIGESTS, "ec/issuing-ca": "f" * 64})

    change = found.change("ca/issuing")

    assert done(change) == (Action.REKEY, [ReasonCode.KEY_MISMATCH, ReasonCode.PROFILE_CHANGED], False)
    assert change.reasons[0].message == "its key is ecdsa-p256, and its profile asks for ecdsa-p384"


def test_replace_is_a_new_key():
    change = two_tier().change("ca/issuing", replace=("ca/iss*",))

    assert done(change) == (Action.REKEY, [ReasonCode.FORCED], False)


def test_a_new_key_on_a_token_has_the_label_of_its_generation_and_the_pin_of_its_config():
    found = bench(ca("root"), hsms={"hsm/a.yaml": "Token A"})
    found.declare(replace(found.manifest.cas["root"], key=KeySpec(hsm="hsm/a.yaml")))

    assert found.change("ca/root").needs == (
        Need("ca/root.2", "generate", hsm="hsm/a.yaml", token="Token A", label="ca-root.g2"),
    )


def test_the_key_of_an_existing_generation_is_found_where_its_record_says():
    found = bench(ca("root"), ca("issuing", issuer="root"), hsms={"hsm/a.yaml": "Token A"})
    root = replace(found.manifest.cas["root"], key=KeySpec(hsm="hsm/a.yaml"))
    found.declare(root)
    key = found.generation("root").record.keys[0]
    found.edit("ca/root", keys=(replace(key, storage=TokenKeyRef("../../../hsm/a.yaml", "ca-root", "0a")),))
    aged(found, "issuing", left=timedelta(days=8))

    assert found.change("ca/issuing").needs == (
        Need("ca/root", "sign", hsm="hsm/a.yaml", token="Token A", label="ca-root"),
    )


def test_a_key_that_is_found_is_not_replaced():
    key = KeySpec(hsm="hsm/a.yaml", label="old", existing=True)
    found = bench(ca("root"), hsms={"hsm/a.yaml": "A"})
    found.declare(replace(found.manifest.cas["root"], key=key))
    record = found.generation("root").record.keys[0]
    found.edit("ca/root", keys=(replace(record, storage=TokenKeyRef("../../../hsm/a.yaml", "old")),))

    change = found.change("ca/root", replace=("ca/root",))

    assert [finding.code for finding in change.blocked] == ["key.fixed"]


def test_content_that_changes_is_certified_anew_for_the_same_key():
    found = two_tier()
    found.declare(replace(found.manifest.cas["issuing"], variables={"cn": "issuing", "policy": "1.2.3"}))

    change = found.change("ca/issuing")

    assert done(change) == (Action.REISSUE, [ReasonCode.SPEC_CHANGED], False)
    assert change.differences == (Difference("policy", None, "1.2.3"),)
    assert change.reasons[0].message == "the manifest gives other variables: policy"


def test_a_profile_that_changes_what_a_certificate_says_is_the_reason():
    found = two_tier()
    found.manifest = replace(found.manifest, profile_digests={**DIGESTS, "ec/issuing-ca": "f" * 64})
    found.templates.lifetimes["ec/issuing-ca"] = 1000

    change = found.change("ca/issuing")

    assert done(change) == (Action.REISSUE, [ReasonCode.PROFILE_CHANGED], False)
    assert change.differences == (Difference("lifetime", timedelta(days=1825), timedelta(days=1000)),)


def test_a_profile_that_changes_nothing_is_noted():
    found = two_tier()
    found.manifest = replace(found.manifest, profile_digests={**DIGESTS, "ec/issuing-ca": "f" * 64})

    change = found.change("ca/issuing")

    assert done(change) == (Action.UPDATE, [ReasonCode.PROFILE_CHANGED], False)
    assert (change.needs, change.depends_on, change.differences) == ((), (), ())
    assert change.inputs_digest not in {None, found.generation("issuing").record.inputs_digest}


def test_another_profile_is_a_changed_spec():
    found = two_tier()
    found.templates.lifetimes["ec/other-ca"] = 1825
    found.declare(replace(found.manifest.cas["issuing"], profile="ec/other-ca"))

    change = found.change("ca/issuing")

    assert done(change) == (Action.UPDATE, [ReasonCode.SPEC_CHANGED], False)
    assert change.reasons[0].message == "it is to be made by profile ec/other-ca, and was by ec/issuing-ca"


def test_a_record_that_does_not_say_what_it_was_made_from_is_completed():
    found = two_tier()
    found.edit("ca/issuing", inputs_digest=None, profile_digest=None)

    assert done(found.change("ca/issuing")) == (Action.UPDATE, [ReasonCode.ADOPTED], False)


def test_what_changes_and_is_due_is_done_at_once_with_both_reasons():
    found = two_tier()
    aged(found, "issuing", left=timedelta(days=8))
    found.declare(replace(found.manifest.cas["issuing"], variables={"cn": "issuing", "policy": "1.2.3"}))

    assert codes(found.change("ca/issuing")) == [ReasonCode.SPEC_CHANGED, ReasonCode.RENEWAL_DUE]


def test_urls_of_a_ca_go_into_its_record_and_into_what_it_certifies():
    found = two_tier()
    found.declare(replace(found.manifest.cas["root"], urls=UrlsSpec(crl=("http://x/root.crl",))))

    root, issuing = found.plan().changes

    assert done(root) == (Action.UPDATE, [ReasonCode.SPEC_CHANGED], False)
    assert root.differences == (Difference("urls.crl", (), ("http://x/root.crl",)),)
    assert done(issuing) == (Action.REISSUE, [ReasonCode.SPEC_CHANGED], False)
    assert issuing.reasons[0].message == "what certificates of ca/root point to changed"
    assert issuing.differences == (Difference("crlDistributionPoints", None, ("http://x/root.crl",)),)


def test_the_urls_of_every_generation_are_held_against_its_number():
    found = bench(ca("root", generation=2, urls=UrlsSpec(crl=("http://x/{{ generation }}.crl",))))
    assert found.plan().changes == ()
    found.touch(
        "ca/root", lambda each: replace(each, record=replace(each.record, urls=CaUrls(crl=("http://x/2.crl",))))
    )

    assert done(found.change("ca/root")) == (Action.UPDATE, [ReasonCode.SPEC_CHANGED], False)


def test_protection_goes_into_the_record():
    found = two_tier()
    found.declare(replace(found.manifest.cas["issuing"], prevent_destroy=True))

    change = found.change("ca/issuing")

    assert done(change) == (Action.UPDATE, [ReasonCode.SPEC_CHANGED], False)
    assert change.differences == (Difference("preventDestroy", False, True),)


def test_another_source_of_the_passphrase_goes_into_the_record():
    found = two_tier()
    found.declare(replace(found.manifest.cas["issuing"], key=KeySpec(passphrase_env="SECRET")))

    change = found.change("ca/issuing")

    assert change.action is Action.UPDATE
    assert change.differences == (Difference("key.passphraseEnv", None, "SECRET"),)


@pytest.mark.parametrize(
    ("missing", "code"), [(True, ReasonCode.ARTIFACT_MISSING), (False, ReasonCode.ARTIFACT_TAMPERED)]
)
def test_files_that_follow_from_others_are_mended(missing, code):
    found = two_tier()
    fault = Fault("state/ca/issuing/chain.crt", missing=missing, detail="is wrong")
    found.touch("ca/issuing", lambda each: replace(each, faults=(fault,)))

    change = found.change("ca/issuing")

    assert done(change) == (Action.UPDATE, [code], False)
    assert change.reasons[0].message == "state/ca/issuing/chain.crt is wrong"


def test_a_certificate_that_is_lost_blocks_the_ca_and_not_its_crl():
    found = bench(ca("root"), ca("issuing", issuer="root"), credential("web", issuer="root"))
    found.touch(
        "ca/root", lambda each: replace(each, faults=(Fault("state/ca/root/ca.crt", True, "is missing", False),))
    )
    aged(found, "issuing", left=timedelta(days=8))

    plan = found.plan()

    assert steps(plan) == ["x update ca/root", "x renew ca/issuing"]
    assert [finding.code for finding in plan.changes[0].blocked] == ["artifact.lost"]
    assert plan.changes[1].blocked[0].message == "ca/root is blocked"


def test_content_is_read_from_the_copy_of_the_issuer_when_the_own_file_is_not_as_it_should_be():
    found = two_tier()
    found.touch(
        "ca/issuing", lambda each: replace(each, faults=(Fault("state/ca/issuing/ca.crt", True, "is missing"),))
    )
    del found.templates.files["state/ca/issuing/ca.crt"]
    found.declare(replace(found.manifest.cas["issuing"], variables={"cn": "issuing", "policy": "1.2.3"}))

    assert steps(found.plan()) == ["update ca/issuing", "reissue ca/issuing"]
    assert found.plan().changes[1].differences == (Difference("policy", None, "1.2.3"),)


def test_a_root_reads_its_own_copy():
    found = bench(ca("root"))
    found.touch("ca/root", lambda each: replace(each, faults=(Fault("state/ca/root/ca.crt", True, "is missing"),)))
    del found.templates.files["state/ca/root/ca.crt"]
    found.declare(replace(found.manifest.cas["root"], variables={"cn": "root", "policy": "1.2.3"}))

    assert found.plan().changes[1].differences == (Difference("policy", None, "1.2.3"),)


def test_content_that_nobody_can_read_is_taken_to_have_changed():
    found = two_tier()
    found.templates.files.clear()
    found.declare(replace(found.manifest.cas["issuing"], variables={"cn": "issuing", "policy": "1.2.3"}))

    change = found.change("ca/issuing")

    assert done(change) == (Action.REISSUE, [ReasonCode.SPEC_CHANGED], False)
    assert change.differences == ()


def test_another_issuer_is_a_new_certificate():
    found = bench(ca("root"), ca("other"), ca("issuing", issuer="root"))
    found.declare(replace(found.manifest.cas["issuing"], issuer="other"))

    change = found.change("ca/issuing")

    assert done(change) == (Action.REISSUE, [ReasonCode.ISSUER_CHANGED], False)
    assert change.reasons[0].message == "its issuer is to be ca/other, and ca/root signed it"
    assert change.issuer == "other"


def test_a_root_can_become_a_subordinate_and_back():
    found = bench(ca("root"), ca("issuing"))
    found.declare(ca("issuing", issuer="root", profile="ec/root-ca"))
    below = found.change("ca/issuing")
    back = bench(ca("root"), ca("issuing", issuer="root", profile="ec/root-ca"))
    back.declare(ca("issuing"))

    assert (below.action, codes(below), below.issuer) == (Action.REISSUE, [ReasonCode.ISSUER_CHANGED], "root")
    assert done(back.change("ca/issuing")) == (Action.REISSUE, [ReasonCode.ISSUER_CHANGED], False)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (OnIssuerRekey.REISSUE, ["rekey ca/root", "reissue ca/issuing", "refresh crl/root.2"]),
        (OnIssuerRekey.AT_RENEWAL, ["rekey ca/root", "refresh crl/root.2"]),
        (OnIssuerRekey.KEEP, ["rekey ca/root", "refresh crl/root.2"]),
    ],
)
def test_a_rekeyed_issuer_says_what_becomes_of_those_below(policy, expected):
    found = bench(ca("root", on_issuer_rekey=policy), ca("issuing", issuer="root"))

    assert steps(found.plan(replace=("ca/root",))) == expected


def test_who_is_signed_again_in_the_same_plan_is_compiled_under_the_new_generation():
    spec = ca("root", on_issuer_rekey=OnIssuerRekey.REISSUE, urls=UrlsSpec(crl=("http://x/{{ generation }}.crl",)))
    found = bench(spec, ca("issuing", issuer="root"))

    change = found.change("ca/issuing", replace=("ca/root",))

    assert change.issuer == "root.2"
    assert done(change) == (Action.REISSUE, [ReasonCode.ISSUER_REKEYED], False)
    assert change.needs == (Need("ca/root.2", "sign", path="state/ca/root.2/private/ca.ecdsa-p256.key"),)


@pytest.mark.parametrize(
    ("policy", "left", "signer"),
    [
        (OnIssuerRekey.AT_RENEWAL, 3650, "root.2"),
        (OnIssuerRekey.KEEP, 3650, "root"),
        (OnIssuerRekey.KEEP, 400, "root.2"),
    ],
)
def test_after_a_rekey_a_renewal_is_signed_by_the_generation_that_the_policy_names(policy, left, signer):
    root = ca("root", generation=2, on_issuer_rekey=policy)
    found = bench(root, ca("issuing", issuer="root"))
    old = settled_generation(found.manifest, found.templates, found.manifest.cas["issuing"], signed_by="root")
    found.snapshot = replace(found.snapshot, cas={**found.snapshot.cas, "issuing": ObservedCa("issuing", (old,))})
    aged(found, "root", left=timedelta(days=left))
    assert found.plan().changes == ()
    aged(found, "issuing", left=timedelta(days=8))

    assert found.change("ca/issuing").issuer == signer


def test_what_stands_below_a_renewed_ca_gets_its_chain_written_again():
    found = bench(ca("root"), ca("issuing", issuer="root"), credential("web", issuer="issuing"))
    aged(found, "root", left=timedelta(days=8))

    plan = found.plan()

    assert steps(plan) == ["renew ca/root", "update ca/issuing", "update credential/web"]
    assert [codes(each) for each in plan.changes[1:]] == [[ReasonCode.ISSUER_CHANGED]] * 2
    assert [list(map(str, each.depends_on)) for each in plan.changes] == [[], ["ca/root"], ["ca/issuing"]]
    assert plan.changes[1].needs == ()


def test_a_renewal_of_both_writes_the_lower_chain_by_itself():
    found = two_tier()
    aged(found, "root", left=timedelta(days=8))
    aged(found, "issuing", left=timedelta(days=8))

    assert steps(found.plan()) == ["renew ca/root", "renew ca/issuing"]


def test_what_cannot_be_compiled_is_blocked_with_all_findings():
    found = two_tier()
    aged(found, "issuing", left=timedelta(days=8))
    found.templates.broken["ec/issuing-ca"] = refusal()

    change = found.change("ca/issuing")

    assert done(change) == (Action.RENEW, [ReasonCode.RENEWAL_DUE], True)
    assert [(each.code, each.where) for each in change.blocked] == [("profile.wrong", at(1))]


def test_a_blocked_issuer_blocks_what_depends_on_it_and_names_it():
    found = two_tier()
    found.snapshot = state.in_state()
    found.templates.broken["ec/root-ca"] = PkiError("no such profile", hint="make one")

    plan = found.plan()

    assert steps(plan) == ["x create ca/root", "x create ca/issuing", "x refresh crl/issuing", "x refresh crl/root"]
    assert [(each.code, each.hint) for each in plan.changes[0].blocked] == [("certificate.refused", "make one")]
    assert {"blocked"} <= {each.code for each in plan.changes[1].blocked}


def test_a_blocked_rekey_leaves_what_is_below_as_it_is():
    found = bench(ca("root", on_issuer_rekey=OnIssuerRekey.REISSUE), ca("issuing", issuer="root"))
    found.templates.broken["ec/root-ca"] = refusal()

    assert steps(found.plan(replace=("ca/root",))) == ["x rekey ca/root", "x refresh crl/root.2"]


class TestBlocked:
    """What must not be done to a CA keeps nothing below it from being renewed: what is there signs."""

    def due(self, *, policy: OnIssuerRekey = OnIssuerRekey.REISSUE, **changes: Any) -> Bench:
        found = bench(ca("root", on_issuer_rekey=policy, **changes), ca("issuing", issuer="root"))
        aged(found, "issuing", left=timedelta(days=8))
        found.templates.broken["ec/root-ca"] = refusal()
        return found

    @pytest.mark.parametrize("policy", OnIssuerRekey)
    def test_a_rekey(self, policy):
        found = self.due(policy=policy)
        found.declare(replace(found.manifest.cas["root"], generation=2))

        plan = found.plan()

        assert steps(plan) == ["renew ca/issuing", "x rekey ca/root", "x refresh crl/root.2"]
        assert (plan.changes[0].issuer, plan.changes[0].depends_on) == ("root", ())

    def test_a_renewal(self):
        found = self.due()
        aged(found, "root", left=timedelta(days=20))

        plan = found.plan()

        assert steps(plan) == ["renew ca/issuing", "x renew ca/root"]
        assert plan.changes[0].depends_on == ()

    def test_other_content(self):
        found = self.due()
        found.declare(replace(found.manifest.cas["root"], variables={"cn": "root", "policy": "1.2.3"}))

        assert steps(found.plan()) == ["renew ca/issuing", "x reissue ca/root"]

    def test_a_policy(self):
        found = self.due()
        del found.templates.broken["ec/root-ca"]
        aged(found, "root", left=timedelta(days=20))
        rule = Rule("short", Effect.DENY, at(8), match=("ca/root",), max_validity=timedelta(days=30))
        found.manifest = replace(found.manifest, policies=(PolicySpec("p", (rule,), at(8)),))

        assert steps(found.plan()) == ["renew ca/issuing", "x renew ca/root"]

    def test_what_can_be_done_to_it_comes_first_all_the_same(self):
        found = self.due()
        aged(found, "root", left=timedelta(days=20))
        found.declare(replace(found.manifest.cas["root"], urls=UrlsSpec(crl=("http://x/root.crl",))))

        plan = found.plan()

        assert steps(plan) == ["update ca/root", "x renew ca/root", "reissue ca/issuing"]
        assert plan.changes[2].depends_on == (ROOT,)

    def test_several_levels(self):
        found = bench(ca("root"), ca("issuing", issuer="root"), credential("web", issuer="issuing"))
        aged(found, "issuing", left=timedelta(days=8))
        found.templates.broken["ec/issuing-ca"] = refusal()
        found.drop("credential/web")

        assert steps(found.plan()) == ["x renew ca/issuing", "create credential/web"]

    def test_a_key_that_cannot_be_made(self):
        found = bench(ca("root"), ca("issuing", issuer="root"), standing_key("k"))
        aged(found, "issuing", left=timedelta(days=8))
        found.declare(replace(found.manifest.cas["root"], key=KeySpec(resource="k")))
        found.declare(replace(found.manifest.keys["k"], algorithm="rsa-2048"))

        assert steps(found.plan()) == ["x rekey key/k", "renew ca/issuing", "x rekey ca/root", "x refresh crl/root.2"]

    def test_a_key_of_the_right_algorithm_that_must_not_be_replaced(self):
        found = bench(ca("root"), ca("issuing", issuer="root"), standing_key("k"))
        aged(found, "issuing", left=timedelta(days=8))
        found.declare(replace(found.manifest.cas["root"], key=KeySpec(resource="k")))

        assert steps(found.plan(replace=("key/k",))) == [
            "x rekey key/k", "renew ca/issuing", "x rekey ca/root", "x refresh crl/root.2",
        ]  # fmt: skip

    def test_a_move_that_cannot_be_made(self):
        found = bench(ca("root"), ca("old"), ca("issuing", issuer="root"))
        aged(found, "issuing", left=timedelta(days=8))
        found.undeclare("ca/old")
        found.settings(moved=(Moved(Address.parse("ca/old"), ROOT, at(5)),))

        plan = found.plan()

        assert steps(plan) == ["renew ca/issuing", "x move ca/root"]
        assert plan.changes[0].depends_on == ()


class TestRevoked:
    """Somebody has revoked a CA's certificate at the CA above it, by hand."""

    def workspace(self, reason: str | None = "keyCompromise", **root: Any) -> Bench:
        found = bench(ca("root", **root), ca("issuing", issuer="root"), credential("web", issuer="issuing"))
        facts = found.generation("issuing").record.certificate
        assert facts is not None
        row = RevokedRow(facts.serial, NOW - timedelta(days=1), reason, facts.not_after, "/CN=issuing")
        crl = replace(state.crl(), serials=frozenset({facts.serial}))
        found.touch("ca/root", lambda each: replace(each, revoked=(row,), crl=crl))
        return found

    def test_it_gets_a_new_key_and_all_below_it_are_signed_again(self):
        plan = self.workspace().plan()

        assert steps(plan) == ["rekey ca/issuing", "rekey credential/web", "refresh crl/issuing.2"]
        assert codes(plan.changes[0]) == [ReasonCode.REVOCATION_ADDED]
        assert plan.changes[0].reasons[0].message == (
            "ca/root has revoked it, on 2026-11-22: keyCompromise, and the manifest does not"
        )
        assert codes(plan.changes[1]) == [ReasonCode.ISSUER_REKEYED]
        assert plan.changes[1].reasons[0].message == (
            "ca/issuing has a new key, generation 2, and the certificate of the one before is revoked"
        )

    def test_without_a_reason_none_is_given(self):
        assert self.workspace(None).change("ca/issuing").reasons[0].message == (
            "ca/root has revoked it, on 2026-11-22, and the manifest does not"
        )

    def test_once_it_has_a_new_key_it_is_in_order(self):
        found = self.workspace()
        spec = replace(found.manifest.cas["issuing"], generation=2)
        new = settled_generation(found.manifest, found.templates, spec, 2)
        old = found.generation("issuing")
        found.snapshot = replace(
            found.snapshot, cas={**found.snapshot.cas, "issuing": ObservedCa("issuing", (old, new))}
        )

        assert steps(found.plan()) == ["rekey credential/web"]

    def test_a_key_that_is_found_cannot_be_made_anew_and_nothing_is_signed_by_it(self):
        found = self.workspace()
        key = KeySpec(hsm="hsm/a.yaml", label="old", existing=True)
        found.declare(replace(found.manifest.cas["issuing"], key=key))
        record = found.generation("issuing").record.keys[0]
        found.edit("ca/issuing", keys=(replace(record, storage=TokenKeyRef("../../../hsm/a.yaml", "old")),))
        found.drop("credential/web")

        plan = found.plan()

        assert steps(plan) == ["x rekey ca/issuing", "x create credential/web", "x refresh crl/issuing.2"]
        assert [each.code for each in plan.changes[0].blocked] == ["key.fixed"]

    def test_an_earlier_certificate_that_is_revoked_is_of_no_matter(self):
        found = self.workspace()
        record = found.generation("issuing").record
        assert record.certificate is not None
        found.edit("ca/issuing", previous=(record.certificate,), certificate=replace(record.certificate, serial=9))

        assert found.plan().changes == ()


class TestOldRecords:
    """Records of the seed document's shape say neither whose key signed nor what was signed."""

    def forget_facts(self, found: Bench, name: str, *, file: bool) -> None:
        record = found.generation(name).record
        facts = record.certificate if file else None
        found.touch(
            f"ca/{name}",
            lambda each: replace(each, record=replace(record, certificate=None, issuer=None), found=facts),
        )

    @pytest.mark.parametrize("file", [True, False])
    def test_what_they_do_not_say_is_not_taken_for_another_issuer(self, file):
        found = two_tier()
        for name in ("root", "issuing"):
            self.forget_facts(found, name, file=file)

        assert found.plan().changes == ()

    def test_who_signed_is_known_by_its_certificate_where_the_identifier_of_the_key_is_not(self):
        found = bench(ca("root"), ca("issuing", issuer="root"), credential("web", issuer="root"))
        facts = found.generation("root").record.certificate
        assert facts is not None
        found.edit("ca/root", certificate=replace(facts, subject_key_id=None, fingerprint="AA"))
        signer = IssuerFacts(subject={}, fingerprint="aa")
        found.edit("ca/issuing", issuer=signer)
        (certificate,) = found.snapshot.credentials["web"].record.certificates
        found.edit("credential/web", issuer=signer, certificates=(replace(certificate, issuer_key_id=None),))
        assert found.plan().changes == ()

        found.declare(replace(found.manifest.cas["root"], urls=UrlsSpec(crl=("http://x",))))
        found.declare(replace(found.manifest.credentials["web"], revoked=RevokedSpec("superseded")))

        assert steps(found.plan()) == [
            "update ca/root", "reissue ca/issuing", "revoke credential/web", "refresh crl/root",
        ]  # fmt: skip

    def test_a_credential_of_that_shape_is_taken_to_be_by_its_issuer(self):
        found = bench(ca("root"), credential("web", issuer="root"))
        (certificate,) = found.snapshot.credentials["web"].record.certificates
        found.edit("credential/web", issuer=None, certificates=(replace(certificate, issuer_key_id=None),))

        assert found.plan().changes == ()


def test_of_two_cas_with_one_key_the_one_on_record_is_the_issuer():
    found = bench(ca("a", resource="k"), ca("b", resource="k"), ca("below", issuer="a"), standing_key("k"))
    shared = found.generation("a").record.certificate
    other = found.generation("b").record.certificate
    assert shared is not None
    assert other is not None
    found.edit("ca/b", certificate=replace(other, subject_key_id=shared.subject_key_id, fingerprint="BB"))
    issuer = found.generation("below").record.issuer
    assert issuer is not None
    found.edit("ca/a", certificate=replace(shared, fingerprint="AA"))
    found.edit("ca/below", issuer=replace(issuer, fingerprint="AA"))
    assert found.plan().changes == ()

    found.edit("ca/below", issuer=replace(issuer, fingerprint="BB"))

    assert codes(found.change("ca/below")) == [ReasonCode.ISSUER_CHANGED]


def test_a_renewal_that_gains_nothing_is_not_made_and_said():
    found = two_tier()
    for name in ("root", "issuing"):
        aged(found, name, left=timedelta(days=20))
    found.declare(replace(found.manifest.cas["root"], renewal=Renewal(before=timedelta(days=1))))
    found.templates.issuers["state/ca/root"] = replace(
        found.templates.issuers["state/ca/root"], not_after=NOW + timedelta(days=20)
    )

    plan = found.plan()

    assert plan.changes == ()
    assert [each.code for each in plan.warnings] == ["renewal.no-gain"]


def test_a_certificate_that_would_be_due_at_once_is_refused():
    found = bench(ca("root"))
    found.snapshot = state.in_state()
    found.templates.lifetimes["ec/root-ca"] = 30

    change = found.change("ca/root")

    assert [each.code for each in change.blocked] == ["renewal.endless"]


def test_a_clipped_certificate_is_made_and_said_without_a_date_that_moves():
    found = two_tier()
    found.snapshot = replace(found.snapshot, cas={"root": found.snapshot.cas["root"]})
    found.templates.lifetimes["ec/issuing-ca"] = 9999

    change = found.change("ca/issuing")

    assert change.blocked == ()
    assert [each.message for each in change.notices] == [
        "the certificate ends with its issuer, ca/root, earlier than its profile says"
    ]
    assert change.preview["certificates"][0]["clipped"] is True
    assert "lifetime" not in {each.field for each in change.differences}


def test_a_lifetime_that_only_the_issuer_decided_is_no_difference():
    found = two_tier()
    aged(found, "root", left=timedelta(days=1000))
    aged(found, "issuing", left=timedelta(days=1000))
    content = found.templates.files["state/ca/issuing/ca.crt"]
    found.templates.files["state/ca/issuing/ca.crt"] = replace(content, lifetime=timedelta(days=1010))
    found.manifest = replace(found.manifest, profile_digests={**DIGESTS, "ec/issuing-ca": "f" * 64})

    assert found.change("ca/issuing").action is Action.UPDATE


def test_a_damaged_record_is_left_alone_and_blocks_what_is_below():
    found = bench(ca("root"), ca("issuing", issuer="root"), credential("web", issuer="issuing"))
    found.drop("ca/issuing")
    found.drop("credential/web")
    finding = refusal("cut off").findings[0]
    found.snapshot = replace(found.snapshot, damaged={"ca/issuing.2": finding})

    plan = found.plan()

    assert steps(plan) == ["x update ca/issuing", "x create credential/web", "x refresh crl/issuing"]
    assert codes(plan.changes[0]) == [ReasonCode.ARTIFACT_TAMPERED]
    assert plan.changes[0].blocked == (finding,)


def test_of_what_is_below_a_damaged_record_nothing_is_said_but_how_much_it_is():
    found = bench(
        ca("root"), ca("issuing", issuer="root"), credential("web", issuer="root"), credential("api", issuer="issuing")
    )
    finding = refusal("cut off").findings[0]
    found.drop("ca/root")
    found.snapshot = replace(found.snapshot, damaged={"ca/root": finding})
    aged(found, "issuing", left=timedelta(days=8))

    plan = found.plan()

    assert steps(plan) == ["x update ca/root", "x refresh crl/root"]
    assert plan.unchanged == 2  # of what issuing signs, and its CRL
    assert [each.message for each in plan.warnings] == [
        "the record of ca/root cannot be read, and 2 resources below it were not looked at"
    ]
    assert "credential/web" in {str(due.address) for due in plan.due}


def test_the_crl_of_a_damaged_ca_is_blocked_whatever_is_selected():
    """A scheduler that only refreshes CRLs must hear of one that it cannot refresh: the plan is not empty."""
    found = bench(ca("root"), ca("issuing", issuer="root"))
    finding = refusal("cut off").findings[0]
    found.drop("ca/issuing")
    found.snapshot = replace(found.snapshot, damaged={"ca/issuing": finding})

    plan = found.plan(only=("crl/*",))

    assert steps(plan) == ["x refresh crl/issuing"]
    assert plan.changes[0].blocked == (finding,)


def test_a_ca_below_a_damaged_record_keeps_its_files_and_its_crl_and_signs():
    found = bench(ca("root"), ca("issuing", issuer="root"), credential("web", issuer="issuing"))
    found.drop("ca/root")
    found.drop("credential/web")
    found.snapshot = replace(found.snapshot, damaged={"ca/root": refusal().findings[0]})
    fault = Fault("state/ca/issuing/chain.crt", missing=True, detail="is missing")
    found.touch("ca/issuing", lambda each: replace(each, crl=state.crl(days=1), faults=(fault,)))

    assert steps(found.plan()) == [
        "update ca/issuing", "x update ca/root", "create credential/web", "refresh crl/issuing", "x refresh crl/root",
    ]  # fmt: skip


def test_what_was_forgotten_is_adopted_and_then_brought_up_to_date():
    found = two_tier()
    aged(found, "issuing", left=timedelta(days=8))
    found.forget("ca/issuing")

    plan = found.plan()

    assert steps(plan) == ["adopt ca/issuing", "renew ca/issuing"]
    assert codes(plan.changes[0]) == [ReasonCode.ADOPTED]


class TestImport:
    def workspace(self) -> Bench:
        found = two_tier()
        found.drop("ca/issuing")
        found.settings(imported=(Imported(ISSUING, at(9), directory="old/issuing"),))
        found.templates.files["old/issuing/ca.crt"] = found.templates.files["state/ca/issuing/ca.crt"]
        found.templates.issuers["old/issuing"] = found.templates.issuers["state/ca/issuing"]
        found.templates.storages["old/issuing"] = SoftwareKeyRef("private/old.key", "SECRET")
        return found

    def test_a_directory_is_adopted_with_its_first_crl(self):
        plan = self.workspace().plan()

        assert steps(plan) == ["adopt ca/issuing", "refresh crl/issuing"]
        assert codes(plan.changes[0]) == [ReasonCode.ADOPTED]
        assert plan.changes[0].inputs_digest is not None
        assert codes(plan.changes[1]) == [ReasonCode.ADOPTED]
        assert plan.changes[1].needs == (
            Need("ca/issuing", "sign", path="state/ca/issuing/private/old.key", secret_env="SECRET"),
        )

    def test_its_key_can_be_on_a_token(self):
        found = self.workspace()
        found.manifest = replace(found.manifest, hsms={"hsm/a.yaml": HsmFacts("A", pin_env="PIN")})
        found.templates.storages["old/issuing"] = TokenKeyRef("../../hsm/a.yaml", "key")

        assert found.change("crl/issuing").needs == (
            Need("ca/issuing", "sign", hsm="hsm/a.yaml", token="A", label="key", secret_env="PIN"),
        )

    def test_a_record_that_cannot_be_read_has_no_key(self):
        found = self.workspace()
        found.templates.storages.clear()
        del found.templates.files["old/issuing/ca.crt"]

        assert steps(found.plan()) == ["x adopt ca/issuing", "x refresh crl/issuing"]

    def test_what_is_below_is_compiled_under_it(self):
        found = self.workspace()
        found.declare(credential("web", issuer="issuing"))

        assert steps(found.plan()) == ["adopt ca/issuing", "create credential/web", "refresh crl/issuing"]

    def test_another_subject_or_algorithm_is_refused(self):
        found = self.workspace()
        content = found.templates.files["old/issuing/ca.crt"]
        found.templates.files["old/issuing/ca.crt"] = replace(
            content, algorithm="rsa-2048", fields={"subject": "CN=other"}
        )

        assert [each.code for each in found.change("ca/issuing").blocked] == ["import.mismatch"] * 2

    def test_what_differs_otherwise_is_adopted_and_said(self):
        found = self.workspace()
        content = found.templates.files["old/issuing/ca.crt"]
        found.templates.files["old/issuing/ca.crt"] = replace(content, lifetime=timedelta(days=1))

        change = found.change("ca/issuing")

        assert (change.blocked, change.inputs_digest) == ((), None)
        assert [each.code for each in change.notices] == ["import.differs"]

    def test_what_cannot_be_read_is_refused(self):
        found = self.workspace()
        del found.templates.files["old/issuing/ca.crt"]

        assert [each.code for each in found.change("ca/issuing").blocked] == ["import.unreadable"]

    def test_what_cannot_be_compiled_is_not_compared(self):
        found = self.workspace()
        found.templates.broken["ec/issuing-ca"] = refusal()

        assert [each.code for each in found.change("ca/issuing").blocked] == ["profile.wrong"]

    def test_once_it_is_in_state_an_import_says_nothing(self):
        found = two_tier()
        found.settings(imported=(Imported(ISSUING, at(9), directory="old/issuing"),))

        assert found.plan().changes == ()


class TestSharedKey:
    def workspace(self) -> Bench:
        return bench(ca("root", resource="shared"), standing_key("shared"))

    def test_a_ca_can_use_a_key_that_stands_by_itself(self):
        assert self.workspace().plan().changes == ()

    def test_the_key_comes_first_and_is_opened_not_made(self):
        found = self.workspace()
        found.snapshot = state.in_state()

        plan = found.plan()

        assert steps(plan) == ["create key/shared", "create ca/root", "refresh crl/root"]
        assert plan.changes[1].needs == (Need("key/shared", "open", path="state/key/shared/private/key.pem"),)

    def test_a_key_that_is_gone_is_replaced(self):
        found = self.workspace()
        found.drop("key/shared")

        plan = found.plan()

        assert steps(plan) == ["create key/shared", "rekey ca/root", "refresh crl/root.2"]
        assert codes(plan.changes[1]) == [ReasonCode.KEY_MISSING]

    def test_another_key_in_its_place_is_certified(self):
        found = self.workspace()
        found.edit("key/shared", spki_sha256="cd" * 32)

        assert done(found.change("ca/root")) == (Action.REKEY, [ReasonCode.KEY_MISMATCH], False)

    def test_a_key_of_another_type_than_the_profile_asks_for_is_refused(self):
        found = self.workspace()
        found.snapshot = state.in_state()
        found.templates.algorithms["ec/root-ca"] = "ecdsa-p384"

        assert [each.code for each in found.change("ca/root").blocked] == ["key.algorithm"]

    def test_a_blocked_key_blocks_its_holder(self):
        found = self.workspace()
        found.snapshot = replace(state.in_state(), damaged={"key/shared": refusal().findings[0]})

        assert steps(found.plan())[:2] == ["x update key/shared", "x create ca/root"]


def test_a_record_of_a_file_elsewhere_asks_for_a_key_of_its_own():
    found = bench(ca("root"))
    key = found.generation("root").record.keys[0]
    found.edit("ca/root", keys=(replace(key, storage=SoftwareKeyRef("../../key/x/private/key.pem")),))

    assert done(found.change("ca/root")) == (Action.REKEY, [ReasonCode.SPEC_CHANGED], False)


def test_an_issuer_whose_certificate_nobody_can_read_blocks_what_it_is_to_sign():
    found = two_tier()
    del found.templates.issuers["state/ca/root"]
    aged(found, "issuing", left=timedelta(days=8))

    assert [each.code for each in found.change("ca/issuing").blocked] == ["issuer.unknown"]


def test_a_manifest_can_name_issuers_after_what_they_issue():
    manifest = desired(ca("issuing", issuer="root"), ca("root"))
    found = bench(*reversed(manifest.cas.values()))
    found.snapshot = state.in_state()

    assert steps(found.plan())[:2] == ["create ca/root", "create ca/issuing"]


def test_what_is_below_a_ca_that_a_policy_refuses_is_shown_and_held_against_policies_too():
    found = two_tier()
    found.snapshot = state.in_state()
    rules = tuple(
        Rule(name, Effect.DENY, at(8), match=(f"ca/{name}",), max_validity=timedelta(days=30))
        for name in ("root", "issuing")
    )
    found.manifest = replace(found.manifest, policies=(PolicySpec("p", rules, at(8)),))

    below = found.change("ca/issuing")

    assert [each.code for each in below.blocked] == ["policy.issuing", "blocked"]
    assert "subject" in {each.field for each in below.differences}


def test_below_a_ca_that_cannot_be_made_only_that_is_told():
    found = two_tier()
    found.snapshot = state.in_state()
    found.templates.broken["ec/root-ca"] = refusal()

    assert [each.code for each in found.change("ca/issuing").blocked] == ["blocked"]
