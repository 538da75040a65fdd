"""What becomes of credentials: each action, and each reason for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pki.errors import PkiError
from pki.findings import Finding, Severity
from pki.keyrefs import TokenKeyRef
from pki.store.forms import Status
from reconciler.kinds.authority import OnIssuerRekey, UrlsSpec
from reconciler.kinds.credential import CredentialSpec, RevokedSpec
from reconciler.kinds.keys import KeySpec, Rotation
from reconciler.kinds.workspace import Imported
from reconciler.model import Action, Address, ReasonCode
from reconciler.plan.model import Difference, Need
from reconciler.snapshot import Fault, RevokedRow
from tests.support import observed as state
from tests.support.desired import at, ca, credential, standing_key
from tests.support.planning import DIGESTS, Bench, bench, codes, done, refusal, settled_credential, steps
from tests.support.plans import NOW

CA, WEB = Address.parse("ca/ca"), Address.parse("credential/web")
KEPT = Rotation.NEVER


def web(**more: Any) -> Bench:
    return bench(ca("ca"), credential("web", issuer="ca", **more))


def spec_of(found: Bench, **changes: Any) -> None:
    """Change what the manifest says of the credential."""
    found.declare(replace(found.manifest.credentials["web"], **changes))


def aged(found: Bench, left: timedelta) -> None:
    """Let the certificates end that much after now, with the lifetime that they have."""
    record = found.snapshot.credentials["web"].record
    start = NOW + left - (record.not_after - record.not_before)
    certificates = tuple(replace(each, not_before=start, not_after=NOW + left) for each in record.certificates)
    found.edit("credential/web", not_before=start, not_after=NOW + left, certificates=certificates)


def two_profiles(**more: Any) -> CredentialSpec:
    return replace(credential("web", issuer="ca", **more), profiles=("ec/tls-server", "ec/tls-client"))


def test_a_credential_that_is_as_it_should_be_needs_nothing_and_is_not_compiled():
    found = web()
    plan = found.plan()

    assert (plan.changes, plan.unchanged, found.templates.compiled) == ((), 3, [])


def test_what_is_missing_is_created_after_its_issuer():
    found = web()
    found.snapshot = state.in_state()

    change = found.change("credential/web")

    assert done(change) == (Action.CREATE, [ReasonCode.MISSING], False)
    assert (change.generation, change.issuer, change.depends_on) == (1, "ca", (CA,))
    assert change.needs == (
        Need("ca/ca", "sign", path="state/ca/ca/private/ca.ecdsa-p256.key"),
        Need("credential/web", "generate", path="state/credential/web/private/key.pem"),
    )
    assert [each.field for each in change.differences] == ["subject", "algorithm", "lifetime"]


def test_the_first_new_member_of_each_set_shows_what_it_says_and_it_alone():
    names = {"b": "devices", "a": "devices", "c": "servers", "d": "servers"}
    found = bench(ca("ca"), *(credential(name, issuer="ca", fleet=fleet) for name, fleet in names.items()))
    for name in "abd":
        found.drop(f"credential/{name}")

    said = {str(each.address): [it.field for it in each.differences] for each in found.plan().changes}

    assert {name: said[f"credential/{name}"] for name in "abd"} == {
        "a": ["subject", "algorithm", "lifetime"],
        "b": [],
        "d": ["subject", "algorithm", "lifetime"],
    }
    (chosen,) = found.plan(only=("credential/b",)).changes
    assert [it.field for it in chosen.differences] == ["subject", "algorithm", "lifetime"]


def test_a_member_that_is_blocked_shows_nothing_for_its_set():
    found = web(fleet="devices")
    found.drop("credential/web")
    found.templates.broken["ec/tls-server"] = refusal()

    assert found.change("credential/web").differences == ()


def test_what_compiling_says_is_said():
    found = web()
    found.drop("credential/web")
    found.templates.notices = (Finding(Severity.NOTICE, "names.left-out", "two names"),)

    assert found.change("credential/web").notices == found.templates.notices


def test_several_certificates_have_keys_and_fields_of_their_own():
    found = bench(ca("ca"), replace(two_profiles(), keys=(KeySpec(hsm="hsm/a.yaml"),)), hsms={"hsm/a.yaml": "A"})
    found.drop("credential/web")

    change = found.change("credential/web")

    assert [need.label for need in change.needs[1:]] == ["credential-web-1", "credential-web-2"]
    assert {each.field for each in change.differences} >= {"ec/tls-server.subject", "ec/tls-client.subject"}
    assert [each["profile"] for each in change.preview["certificates"]] == ["ec/tls-server", "ec/tls-client"]


def test_several_certificates_that_are_as_they_should_be_need_nothing():
    found = bench(ca("ca"), two_profiles())

    assert found.plan().changes == ()


@pytest.mark.parametrize("foreign", [0, 1])
def test_one_certificate_of_several_that_another_ca_signed_is_enough_to_sign_all_again(foreign):
    found = bench(ca("ca"), ca("other"), two_profiles())
    certificates = list(found.snapshot.credentials["web"].record.certificates)
    certificates[foreign] = replace(certificates[foreign], issuer_key_id=state.key_id("other"))
    found.edit("credential/web", certificates=tuple(certificates))

    assert done(found.change("credential/web")) == (Action.REKEY, [ReasonCode.ISSUER_CHANGED], False)


def test_files_of_several_keys_are_named_after_their_profiles():
    found = bench(ca("ca"), two_profiles())
    aged(found, timedelta(days=5))

    assert [need.path for need in found.change("credential/web").needs[1:]] == [
        "state/credential/web/private/key.ec-tls-server.g2.pem",
        "state/credential/web/private/key.ec-tls-client.g2.pem",
    ]


@pytest.mark.parametrize(
    ("rotation", "left", "action", "code"),
    [
        (Rotation.ALWAYS, timedelta(days=29), Action.REKEY, ReasonCode.RENEWAL_DUE),
        (Rotation.NEVER, timedelta(days=29), Action.RENEW, ReasonCode.RENEWAL_DUE),
        (Rotation.ALWAYS, timedelta(days=-1), Action.REKEY, ReasonCode.EXPIRED),
        (Rotation.NEVER, timedelta(days=-1), Action.RENEW, ReasonCode.EXPIRED),
    ],
)
def test_a_renewal_makes_new_keys_if_the_manifest_says_so(rotation, left, action, code):
    found = web(rotation=rotation)
    aged(found, left)

    change = found.change("credential/web")

    assert done(change) == (action, [code], False)
    assert change.generation == 2
    assert [need.use for need in change.needs] == (["sign", "generate"] if action is Action.REKEY else ["sign"])
    assert change.preview["replaces"] == [
        {
            "serial": found.snapshot.credentials["web"].record.certificates[0].serial,
            "profile": "ec/tls-server",
            "algorithm": "ecdsa-p256",
            "not_before": NOW + left - timedelta(days=90),
            "not_after": NOW + left,
        }
    ]


def test_the_horizon_brings_a_renewal_forward():
    found = web()
    aged(found, timedelta(days=40))

    assert "rekey credential/web" in steps(found.plan(horizon=timedelta(days=10)))
    assert "rekey credential/web" not in steps(found.plan(horizon=timedelta(days=9)))


def test_a_short_life_is_not_over_before_it_began_however_far_a_plan_looks_ahead():
    found = web()
    found.templates.lifetimes["ec/tls-server"] = 31
    fresh = settled_credential(found.manifest, found.templates, found.manifest.credentials["web"], age=0)
    found.snapshot = replace(found.snapshot, credentials={"web": fresh})

    assert "rekey credential/web" not in steps(found.plan(horizon=timedelta(days=7)))
    found.now = NOW + timedelta(hours=12)
    (reason,) = found.change("credential/web", horizon=timedelta(days=7)).reasons
    assert reason.message == "renewal window open from 2026-11-24, expires 2026-12-24"


def test_the_sentence_of_a_short_life_has_hours():
    found = web()
    aged(found, timedelta(hours=3))
    record = found.snapshot.credentials["web"].record
    found.edit("credential/web", not_before=record.not_after - timedelta(days=1))

    (reason,) = found.change("credential/web").reasons

    assert reason.message == "renewal window open from 2026-11-22T12:00Z, expires 2026-11-23T12:00Z"


@pytest.mark.parametrize(("rotation", "action"), [(Rotation.ALWAYS, Action.REKEY), (Rotation.NEVER, Action.REISSUE)])
def test_content_that_changes_is_issued_anew(rotation, action):
    found = web(rotation=rotation)
    spec_of(found, variables={"cn": "web", "dns_names": ["a.example"]})

    change = found.change("credential/web")

    assert done(change) == (action, [ReasonCode.SPEC_CHANGED], False)
    assert change.differences == (Difference("dns_names", None, ("a.example",)),)


def test_several_reasons_stand_by_importance():
    found = web()
    aged(found, timedelta(days=5))
    spec_of(found, variables={"cn": "Web"})
    found.manifest = replace(found.manifest, profile_digests={**DIGESTS, "ec/tls-server": "f" * 64})

    assert codes(found.change("credential/web", replace=("credential/web",))) == [
        ReasonCode.FORCED,
        ReasonCode.SPEC_CHANGED,
        ReasonCode.PROFILE_CHANGED,
        ReasonCode.RENEWAL_DUE,
    ]


def test_a_profile_that_changes_nothing_is_noted():
    found = web()
    found.manifest = replace(found.manifest, profile_digests={**DIGESTS, "ec/tls-server": "f" * 64})

    change = found.change("credential/web")

    assert done(change) == (Action.UPDATE, [ReasonCode.PROFILE_CHANGED], False)
    assert (change.needs, change.generation) == ((), 1)
    assert change.inputs_digest is not None


def test_a_further_certificate_is_a_new_generation_of_keys():
    found = web(rotation=KEPT)
    spec_of(found, profiles=("ec/tls-server", "ec/tls-client"))

    assert done(found.change("credential/web")) == (Action.REKEY, [ReasonCode.SPEC_CHANGED], False)


def test_a_key_of_another_algorithm_is_a_new_key():
    found = web(rotation=KEPT)
    found.templates.algorithms["ec/tls-server"] = "ecdsa-p384"
    found.manifest = replace(found.manifest, profile_digests={**DIGESTS, "ec/tls-server": "f" * 64})

    change = found.change("credential/web")

    assert done(change) == (Action.REKEY, [ReasonCode.KEY_MISMATCH, ReasonCode.PROFILE_CHANGED], False)
    assert change.preview["replaces"][0]["algorithm"] == "ecdsa-p256"
    assert change.preview["certificates"][0]["algorithm"] == "ecdsa-p384"


@pytest.mark.parametrize(
    "key", [KeySpec(hsm="hsm/a.yaml"), KeySpec(resource="shared"), KeySpec(hsm="hsm/a.yaml", label="x", existing=True)]
)
def test_a_key_elsewhere_is_another_key(key):
    found = bench(ca("ca"), credential("web", issuer="ca"), standing_key("shared"), hsms={"hsm/a.yaml": "A"})
    spec_of(found, keys=(key,), rotation=KEPT)

    change = found.change("credential/web")

    assert done(change) == (Action.REKEY, [ReasonCode.SPEC_CHANGED], False)
    assert change.needs[1].use == ("generate" if key.is_made else "open")


def test_a_key_on_a_token_stays_where_it_is():
    found = bench(
        ca("ca"),
        replace(credential("web", issuer="ca"), keys=(KeySpec(hsm="hsm/a.yaml", label="web"),)),
        hsms={"hsm/a.yaml": "A"},
    )

    assert found.plan().changes == ()


def test_a_key_on_a_token_of_a_later_generation_has_its_number_in_the_label():
    found = bench(
        ca("ca"),
        replace(credential("web", issuer="ca"), keys=(KeySpec(hsm="hsm/a.yaml", label="web"),)),
        hsms={"hsm/a.yaml": "A"},
    )
    (certificate,) = found.snapshot.credentials["web"].record.certificates
    later = replace(certificate, storage=(TokenKeyRef("../../../hsm/a.yaml", "web.g3"),))
    found.edit("credential/web", certificates=(later,), generation=7)

    assert found.plan().changes == ()


def test_a_shared_key_is_used_as_it_is():
    found = bench(ca("ca"), credential("web", issuer="ca", resource="shared"), standing_key("shared"))

    assert found.plan().changes == ()


@pytest.mark.parametrize("message", ["replace"])
def test_a_key_that_is_not_made_is_not_replaced(message):
    found = bench(ca("ca"), credential("web", issuer="ca", resource="shared", rotation=KEPT), standing_key("shared"))

    change = found.change("credential/web", **{message: ("credential/web",)})

    assert [each.code for each in change.blocked] == ["key.fixed"]


class TestCsr:
    def workspace(self) -> Bench:
        found = web(csr="web.csr", csr_sha256="a" * 64, rotation=KEPT)
        found.templates.csr_keys["web.csr"] = state.SPKI
        return found

    def test_a_csr_that_is_certified_needs_nothing(self):
        assert self.workspace().plan().changes == ()

    def test_it_is_renewed_with_the_key_that_it_has(self):
        found = self.workspace()
        aged(found, timedelta(days=5))

        change = found.change("credential/web")

        assert done(change) == (Action.RENEW, [ReasonCode.RENEWAL_DUE], False)
        assert [need.use for need in change.needs] == ["sign"]

    def test_another_key_in_the_file_is_certified(self):
        found = self.workspace()
        spec_of(found, csr_sha256="b" * 64)
        found.templates.csr_keys["web.csr"] = "cd" * 32

        change = found.change("credential/web")

        assert done(change) == (Action.REKEY, [ReasonCode.SPEC_CHANGED], False)
        assert [need.use for need in change.needs] == ["sign"]

    def test_the_same_key_in_other_words_is_noted(self):
        found = self.workspace()
        spec_of(found, csr_sha256="b" * 64)

        assert done(found.change("credential/web")) == (Action.UPDATE, [ReasonCode.SPEC_CHANGED], False)

    def test_a_key_that_is_not_ours_is_not_replaced(self):
        change = self.workspace().change("credential/web", replace=("credential/web",))

        assert [each.code for each in change.blocked] == ["key.fixed"]

    def test_a_key_of_ours_takes_its_place(self):
        found = self.workspace()
        spec_of(found, csr=None, csr_sha256=None)

        assert done(found.change("credential/web")) == (Action.REKEY, [ReasonCode.SPEC_CHANGED], False)

    def test_it_takes_the_place_of_a_key_of_ours(self):
        found = web(rotation=KEPT)
        found.templates.csr_keys["web.csr"] = "cd" * 32
        spec_of(found, csr="web.csr", csr_sha256="a" * 64)

        change = found.change("credential/web")

        assert (change.action, change.blocked) == (Action.REKEY, ())
        assert set(codes(change)) == {ReasonCode.SPEC_CHANGED}


class TestIssuer:
    def test_another_issuer_is_a_new_certificate(self):
        found = bench(ca("ca"), ca("other"), credential("web", issuer="ca", rotation=KEPT))
        spec_of(found, issuer="other")

        change = found.change("credential/web")

        assert done(change) == (Action.REISSUE, [ReasonCode.ISSUER_CHANGED], False)
        assert change.reasons[0].message == "its issuer is to be ca/other, and ca/ca signed it"

    def test_a_key_that_no_ca_in_state_has_is_another_issuer(self):
        found = web(rotation=KEPT)
        (certificate,) = found.snapshot.credentials["web"].record.certificates
        found.edit("credential/web", certificates=(replace(certificate, issuer_key_id="FF"),))

        change = found.change("credential/web")

        assert change.reasons[0].message == "its issuer is to be ca/ca, and another key signed it"

    def test_a_record_without_the_key_of_its_issuer_is_known_by_its_issuer(self):
        found = web()
        (certificate,) = found.snapshot.credentials["web"].record.certificates
        found.edit("credential/web", certificates=(replace(certificate, issuer_key_id=None),))

        assert found.plan().changes == ()

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            (OnIssuerRekey.REISSUE, ["rekey ca/ca", "reissue credential/web", "refresh crl/ca.2"]),
            (OnIssuerRekey.AT_RENEWAL, ["rekey ca/ca", "refresh crl/ca.2"]),
            (OnIssuerRekey.KEEP, ["rekey ca/ca", "refresh crl/ca.2"]),
        ],
    )
    def test_a_new_key_of_the_issuer_is_followed_as_it_says(self, policy, expected):
        found = bench(ca("ca", on_issuer_rekey=policy), credential("web", issuer="ca", rotation=KEPT))

        assert steps(found.plan(replace=("ca/ca",))) == expected

    @pytest.mark.parametrize(
        ("policy", "left", "signer"),
        [
            (OnIssuerRekey.AT_RENEWAL, 3650, "ca.2"),
            (OnIssuerRekey.KEEP, 3650, "ca"),
            (OnIssuerRekey.KEEP, 80, "ca.2"),
        ],
    )
    def test_a_renewal_after_that_is_signed_by_the_generation_that_it_names(self, policy, left, signer):
        found = bench(ca("ca", generation=2, on_issuer_rekey=policy), credential("web", issuer="ca"))
        old = settled_credential(found.manifest, found.templates, found.manifest.credentials["web"], signed_by="ca")
        found.snapshot = replace(found.snapshot, credentials={"web": old})
        facts = found.generation("ca").record.certificate
        assert facts is not None
        record = replace(
            found.generation("ca").record, certificate=replace(facts, not_after=NOW + timedelta(days=left))
        )
        found.touch("ca/ca", lambda each: replace(each, record=record))
        assert found.plan().changes == ()
        aged(found, timedelta(days=5))

        assert found.change("credential/web").issuer == signer

    def test_urls_of_its_issuer_are_in_its_certificate(self):
        found = web(rotation=KEPT)
        found.declare(replace(found.manifest.cas["ca"], urls=UrlsSpec(crl=("http://x/ca.crl",))))

        change = found.change("credential/web")

        assert done(change) == (Action.REISSUE, [ReasonCode.SPEC_CHANGED], False)
        assert change.depends_on == (CA,)

    def test_under_a_generation_to_be_the_urls_have_its_number(self):
        found = bench(
            ca("ca", on_issuer_rekey=OnIssuerRekey.REISSUE, urls=UrlsSpec(crl=("http://x/{{ generation }}.crl",))),
            credential("web", issuer="ca", rotation=KEPT),
        )
        found.manifest = replace(found.manifest, profile_digests={**DIGESTS, "ec/tls-server": "f" * 64})

        change = found.change("credential/web", replace=("ca/ca",))

        assert change.differences == (Difference("crlDistributionPoints", ("http://x/1.crl",), ("http://x/2.crl",)),)

    def test_an_issuer_whose_certificate_nobody_can_read_blocks_what_it_is_to_sign(self):
        found = web()
        aged(found, timedelta(days=5))
        found.templates.issuers.clear()

        assert [each.code for each in found.change("credential/web").blocked] == ["issuer.unknown"]

    def test_a_certificate_that_ends_with_its_issuer_anyway_is_not_renewed_and_said(self):
        found = web()
        aged(found, timedelta(days=5))
        facts = found.templates.issuers["state/ca/ca"]
        found.templates.issuers["state/ca/ca"] = replace(facts, not_after=NOW + timedelta(days=5))

        plan = found.plan()

        assert plan.changes == ()
        assert [each.message for each in plan.warnings] == [
            "credential/web is due for renewal, and a new certificate would end no later: ca/ca ends then"
        ]


class TestRevocation:
    SERIAL = int.from_bytes(b"web") << 8

    def revoked(self, **spec: Any) -> Bench:
        found = web()
        spec_of(found, revoked=RevokedSpec("keyCompromise", **spec))
        return found

    def test_what_the_manifest_revokes_is_revoked_and_goes_on_the_crl(self):
        plan = self.revoked().plan()

        assert steps(plan) == ["revoke credential/web", "refresh crl/ca"]
        assert codes(plan.changes[0]) == [ReasonCode.REVOCATION_ADDED]
        assert plan.changes[0].preview["serials"] == [(self.SERIAL, "keyCompromise")]
        assert plan.changes[0].needs == ()
        assert plan.changes[1].depends_on == (WEB,)

    def test_all_unexpired_certificates_of_all_generations_are_revoked(self):
        found = self.revoked()
        old = replace(found.snapshot.credentials["web"].record.certificates[0], serial=1)
        gone = replace(old, serial=2, not_after=NOW)
        found.edit("credential/web", previous=(gone, old))

        assert [serial for serial, _ in found.change("credential/web").preview["serials"]] == [1, self.SERIAL]

    def test_a_revocation_can_lie_ahead(self):
        found = self.revoked(at=NOW + timedelta(hours=1))
        plan = found.plan(horizon=timedelta(days=30))

        assert steps(plan) == ["refresh crl/ca"]  # for its own time; the revocation waits for its hour
        assert [(due.what, due.at) for due in plan.due if due.address == WEB and due.what == "revocation"] == [
            ("revocation", NOW + timedelta(hours=1))
        ]

    def test_the_past_is_since_when_nobody_should_trust_it(self):
        found = self.revoked(at=NOW - timedelta(days=3))

        (reason,) = found.change("credential/web").reasons

        assert reason.message == (
            "the manifest says that it is revoked: keyCompromise, and not to be trusted since 2026-11-20T09:00Z"
        )
        assert reason.since == NOW - timedelta(days=3)

    def test_what_is_revoked_stays_so_and_is_neither_renewed_nor_due(self):
        found = self.revoked()
        aged(found, timedelta(days=5))
        found.edit("credential/web", status=Status.REVOKED)

        plan = found.plan()

        assert plan.changes == ()
        assert WEB not in {due.address for due in plan.due}

    def test_what_never_was_there_is_not_made_to_be_revoked(self):
        found = self.revoked()
        found.drop("credential/web")

        assert found.plan().changes == ()

    def test_a_revocation_of_what_is_made_now_is_due_after_that(self):
        found = self.revoked(at=NOW + timedelta(hours=1))
        found.drop("credential/web")

        dues = [(due.what, due.at, due.deadline) for due in found.plan().due if due.address == WEB]

        assert dues[0] == ("revocation", NOW + timedelta(hours=1), NOW + timedelta(days=90))
        assert [due for due in found.plan(exclude=("credential/web",)).due if due.address == WEB] == []

    def test_what_is_no_longer_revoked_gets_new_keys(self):
        found = web(rotation=KEPT)
        found.edit("credential/web", status=Status.REVOKED, revoked_at=NOW - timedelta(days=1))

        change = found.change("credential/web")

        assert done(change) == (Action.REKEY, [ReasonCode.SPEC_CHANGED], False)
        assert (
            change.reasons[0].message == "it is revoked since 2026-11-22, and the manifest does not revoke it any more"
        )

    @pytest.mark.parametrize("reason", ["keyCompromise", "cACompromise", "aACompromise"])
    def test_a_compromised_key_is_not_certified_again(self, reason):
        found = web(csr="web.csr", csr_sha256="a" * 64, rotation=KEPT)
        found.templates.csr_keys["web.csr"] = state.SPKI
        found.edit("credential/web", status=Status.REVOKED, revocation_reason=reason)

        change = found.change("credential/web")

        assert (change.action, [each.code for each in change.blocked]) == (Action.REISSUE, ["key.compromised"])

    def test_a_key_that_was_only_superseded_can_be_certified_again(self):
        found = web(csr="web.csr", csr_sha256="a" * 64, rotation=KEPT)
        found.templates.csr_keys["web.csr"] = state.SPKI
        found.edit("credential/web", status=Status.REVOKED, revocation_reason="superseded")

        assert done(found.change("credential/web")) == (Action.REISSUE, [ReasonCode.SPEC_CHANGED], False)

    def test_what_its_ca_has_revoked_already_brings_the_record_in_step(self):
        found = self.revoked()
        revoke_by_hand(found)

        (change,) = found.plan().changes

        assert done(change) == (Action.REVOKE, [ReasonCode.REVOCATION_ADDED], False)
        assert change.preview["serials"] == []

    def test_what_has_ended_need_not_be_revoked(self):
        found = self.revoked()
        aged(found, timedelta(0))

        assert found.plan().changes == ()

    def test_an_earlier_certificate_by_nobody_is_left_and_told(self):
        found = self.revoked()
        (certificate,) = found.snapshot.credentials["web"].record.certificates
        foreign = replace(certificate, serial=1, issuer_key_id="FF")
        found.edit("credential/web", previous=(foreign, replace(foreign, serial=2)))

        change = found.change("credential/web")

        assert (change.blocked, change.preview["serials"]) == ((), [(self.SERIAL, "keyCompromise")])
        assert [each.message for each in change.notices] == [
            "2 earlier certificates are by no CA in state, and will stay unrevoked"
        ]

    def test_what_no_ca_in_state_signed_cannot_be_revoked(self):
        found = self.revoked()
        (certificate,) = found.snapshot.credentials["web"].record.certificates
        found.edit("credential/web", certificates=(replace(certificate, issuer_key_id="FF"),))

        assert [each.code for each in found.change("credential/web").blocked] == ["revocation.no-issuer"]

    def test_a_renewal_of_its_issuer_does_not_hold_it_up(self):
        found = self.revoked()
        found.templates.broken["ec/root-ca"] = refusal()
        facts = found.generation("ca").record.certificate
        assert facts is not None
        found.edit("ca/ca", certificate=replace(facts, not_after=NOW + timedelta(days=3)))

        assert steps(found.plan()) == ["x renew ca/ca", "revoke credential/web", "refresh crl/ca"]

    def test_its_files_are_kept_right_all_the_same(self):
        found = self.revoked()
        found.edit("credential/web", status=Status.REVOKED)
        found.touch("credential/web", lambda each: replace(each, faults=(Fault("cert.pem", True, "is missing"),)))

        assert steps(found.plan()) == ["update credential/web"]

    def test_a_file_of_it_that_is_lost_is_told(self):
        found = self.revoked()
        found.edit("credential/web", status=Status.REVOKED)
        fault = Fault("cert.pem", True, "is missing", mendable=False)
        found.touch("credential/web", lambda each: replace(each, faults=(fault,)))

        assert [each.code for each in found.change("credential/web").blocked] == ["artifact.lost"]


def revoke_by_hand(found: Bench, reason: str | None = "superseded", *, listed: bool = True, position: int = 0) -> None:
    """Revoke a certificate as `qpki cert revoke` does: its CA knows, its own record does not."""
    certificate = found.snapshot.credentials["web"].record.certificates[position]
    row = RevokedRow(certificate.serial, NOW - timedelta(days=1), reason, NOW + timedelta(days=80), "/CN=web")
    serials = frozenset({certificate.serial} if listed else ())
    found.touch("ca/ca", lambda each: replace(each, revoked=(row,), crl=replace(state.crl(), serials=serials)))


class TestRevokedByHand:
    @pytest.mark.parametrize("rotation", Rotation)
    def test_it_gets_new_keys(self, rotation):
        found = web(rotation=rotation)
        revoke_by_hand(found)

        change = found.change("credential/web")

        assert done(change) == (Action.REKEY, [ReasonCode.REVOCATION_ADDED], False)
        assert change.reasons[0].message == (
            "ca/ca has revoked it, on 2026-11-22: superseded, and the manifest does not"
        )
        assert change.reasons[0].since == NOW - timedelta(days=1)

    def test_one_of_several_certificates_is_enough(self):
        found = bench(ca("ca"), two_profiles())
        revoke_by_hand(found, position=1)

        assert found.change("credential/web").action is Action.REKEY

    def test_the_crl_says_it_too(self):
        found = web()
        revoke_by_hand(found, listed=False)

        assert steps(found.plan()) == ["rekey credential/web", "refresh crl/ca"]

    def test_a_key_that_is_not_ours_is_certified_again_unless_it_is_compromised(self):
        found = web(csr="web.csr", csr_sha256="a" * 64, rotation=KEPT)
        found.templates.csr_keys["web.csr"] = state.SPKI
        revoke_by_hand(found)
        assert done(found.change("credential/web")) == (Action.REISSUE, [ReasonCode.REVOCATION_ADDED], False)

        revoke_by_hand(found, "keyCompromise")

        assert [each.code for each in found.change("credential/web").blocked] == ["key.compromised"]

    def test_an_earlier_certificate_is_of_no_matter(self):
        found = web()
        revoke_by_hand(found)
        record = found.snapshot.credentials["web"].record
        found.edit(
            "credential/web", previous=record.certificates, certificates=(replace(record.certificates[0], serial=1),)
        )

        assert found.plan().changes == ()

    def test_a_manifest_that_is_about_to_revoke_it_is_waited_for(self):
        found = web()
        revoke_by_hand(found)
        spec_of(found, revoked=RevokedSpec("superseded", NOW + timedelta(days=1)))

        assert found.plan().changes == ()


class TestUpkeep:
    @pytest.mark.parametrize(
        ("missing", "code"), [(True, ReasonCode.ARTIFACT_MISSING), (False, ReasonCode.ARTIFACT_TAMPERED)]
    )
    def test_files_that_follow_from_others_are_mended(self, missing, code):
        found = web()
        fault = Fault("state/credential/web/chain.pem", missing, "is wrong")
        found.touch("credential/web", lambda each: replace(each, faults=(fault,)))

        assert done(found.change("credential/web")) == (Action.UPDATE, [code], False)

    def test_a_certificate_that_is_lost_is_issued_anew(self):
        found = web()
        fault = Fault("state/credential/web/cert.pem", True, "is missing", mendable=False)
        found.touch("credential/web", lambda each: replace(each, faults=(fault,)))

        assert done(found.change("credential/web")) == (Action.REKEY, [ReasonCode.ARTIFACT_MISSING], False)

    def test_many_files_are_counted(self):
        found = web()
        faults = tuple(Fault(f"{number}.pem", True, "is missing") for number in range(5))
        found.touch("credential/web", lambda each: replace(each, faults=faults))

        (reason,) = found.change("credential/web").reasons

        assert reason.message == "0.pem is missing; 1.pem is missing; 2.pem is missing and 2 more"

    def test_new_certificates_write_all_files(self):
        found = web()
        aged(found, timedelta(days=5))
        found.touch("credential/web", lambda each: replace(each, faults=(Fault("chain.pem", True, "is missing"),)))

        assert steps(found.plan()) == ["rekey credential/web"]

    def test_protection_and_the_source_of_a_passphrase_go_into_the_record(self):
        found = web()
        spec_of(found, prevent_destroy=True, keys=(KeySpec(passphrase_env="SECRET"),))

        assert found.change("credential/web").differences == (
            Difference("key.passphraseEnv", None, "SECRET"),
            Difference("preventDestroy", False, True),
        )

    def test_content_is_read_from_the_copy_of_the_issuer_when_the_own_file_is_not_as_it_should_be(self):
        found = web(rotation=KEPT)
        found.touch("credential/web", lambda each: replace(each, faults=(Fault("cert.pem", True, "is missing"),)))
        del found.templates.files["state/credential/web/cert.pem"]
        spec_of(found, variables={"cn": "web", "dns_names": ["a.example"]})

        assert found.change("credential/web").differences == (Difference("dns_names", None, ("a.example",)),)

    def test_content_that_nobody_can_read_is_taken_to_have_changed(self):
        found = web(rotation=KEPT)
        found.templates.files.clear()
        spec_of(found, variables={"cn": "web", "dns_names": ["a.example"]})

        assert done(found.change("credential/web")) == (Action.REISSUE, [ReasonCode.SPEC_CHANGED], False)

    def test_a_damaged_record_is_left_alone(self):
        found = web()
        found.drop("credential/web")
        found.snapshot = replace(found.snapshot, damaged={"credential/web": refusal().findings[0]})

        assert done(found.change("credential/web")) == (Action.UPDATE, [ReasonCode.ARTIFACT_TAMPERED], True)

    def test_what_cannot_be_compiled_is_blocked(self):
        found = web()
        aged(found, timedelta(days=5))
        found.templates.broken["ec/tls-server"] = PkiError("no such profile")

        change = found.change("credential/web")

        assert done(change) == (Action.REKEY, [ReasonCode.RENEWAL_DUE], True)
        assert "certificates" not in change.preview

    def test_what_was_forgotten_is_adopted(self):
        found = web()
        found.forget("credential/web", NOW - timedelta(days=1))

        change = found.change("credential/web")

        assert done(change) == (Action.ADOPT, [ReasonCode.ADOPTED], False)
        assert change.reasons[0].message == "state has it, forgotten since 2026-11-22, and the manifest has it again"


class TestImport:
    def workspace(self) -> Bench:
        found = web()
        found.drop("credential/web")
        found.settings(imported=(Imported(WEB, at(9), directory="old/web"),))
        found.templates.files["old/web/cert.pem"] = found.templates.files["state/credential/web/cert.pem"]
        return found

    def test_a_directory_is_adopted(self):
        change = self.workspace().change("credential/web")

        assert done(change) == (Action.ADOPT, [ReasonCode.ADOPTED], False)
        assert (change.issuer, change.differences, change.notices) == ("ca", (), ())
        assert change.inputs_digest is not None

    def test_it_waits_for_a_ca_that_is_still_to_be_made(self):
        found = self.workspace()
        found.drop("ca/ca")

        assert found.change("credential/web").depends_on == (CA,)

    def test_what_differs_is_adopted_and_said(self):
        found = self.workspace()
        found.templates.files["old/web/cert.pem"] = replace(
            found.templates.files["old/web/cert.pem"], lifetime=timedelta(days=1)
        )

        change = found.change("credential/web")

        assert [each.field for each in change.differences] == ["lifetime"]
        assert [each.code for each in change.notices] == ["import.differs"]

    def test_what_is_for_somebody_else_is_refused(self):
        found = self.workspace()
        content = found.templates.files["old/web/cert.pem"]
        found.templates.files["old/web/cert.pem"] = replace(content, fields={"subject": "CN=mallory"})

        assert [each.code for each in found.change("credential/web").blocked] == ["import.mismatch"]

    def test_several_certificates_are_compared_when_they_are_in_state(self):
        found = bench(ca("ca"), two_profiles())
        found.drop("credential/web")
        found.settings(imported=(Imported(WEB, at(9), directory="old/web"),))

        change = found.change("credential/web")

        assert done(change) == (Action.ADOPT, [ReasonCode.ADOPTED], False)
        assert (change.differences, change.inputs_digest) == ((), None)

    def test_what_cannot_be_read_is_refused(self):
        found = self.workspace()
        found.templates.files.clear()

        assert [each.code for each in found.change("credential/web").blocked] == ["import.unreadable"]
