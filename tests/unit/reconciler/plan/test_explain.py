"""What is told of one address."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pki.findings import Finding, Location, Severity
from pki.keyrefs import TokenKeyRef
from pki.store.forms import Status
from reconciler.model import Action, Address, ReasonCode
from reconciler.plan.explain import Explanation, UnknownAddressError, explain, find
from reconciler.plan.model import Change, Due
from reconciler.plan.views import KeyView, Validity
from reconciler.snapshot import Fault, RevokedRow
from tests.support import plans
from tests.support.desired import at, ca, credential, desired, standing_key
from tests.support.history import OLD
from tests.support.observed import (
    SPKI,
    ca_in_state,
    certificate,
    credential_in_state,
    crl,
    facts,
    generation,
    in_state,
    key_in_state,
)
from tests.support.plans import NOW

TOKEN = TokenKeyRef("../../../hsm/prod.yaml", "ca-issuing", "0a")
MANIFEST = desired(
    ca("root"),
    ca("issuing", issuer="root", prevent_destroy=True),
    credential("web", issuer="issuing", fleet="servers"),
    credential("mail", issuer="issuing", csr="csr/mail.csr"),
    standing_key("shared"),
    hsms={"hsm/prod.yaml": "Prod HSM"},
)
CURRENT = generation("issuing.2", issuer="root", storage=TOKEN, crl=crl(9, age=2, days=6))
WEB = credential_in_state(
    "web",
    certificate(0x53, number=2, issuer_key_id=CURRENT.record.certificate.subject_key_id),
    issuer="issuing.2",
    previous=(
        certificate(0x50, days=-1, issuer_key_id=OLD.record.certificate.subject_key_id),
        certificate(0x51, issuer_key_id=OLD.record.certificate.subject_key_id),
    ),
)
SNAPSHOT = in_state(ca_in_state(generation("root", crl=crl())), ca_in_state(OLD, CURRENT), WEB, key_in_state("shared"))


def told(text: str, manifest=MANIFEST, snapshot=SNAPSHOT, plan=plans.make()) -> Explanation:  # noqa: B008  a value
    return explain(find(text, manifest, snapshot), manifest, snapshot, plan)


def texts(addresses: object) -> list[str]:
    return list(map(str, addresses))  # type: ignore[call-overload]  # any iterable


def test_a_credential_has_its_declaration_issuers_and_generations():
    found = told("credential/web")

    assert found.declared == at(2)
    assert (found.managed, found.forgotten, found.protected, found.in_state) == (True, False, False, True)
    assert (found.profiles, found.fleet, found.subject) == (("ec/tls-server",), "servers", {"common_name": "web"})
    assert texts(found.issuers) == ["ca/issuing", "ca/root"]
    assert found.dependents == ()
    assert [(each.number, each.directory, each.current) for each in found.generations] == [
        (1, "state/credential/web", False),
        (2, "state/credential/web", True),
    ]


def test_each_certificate_says_how_it_stands_and_where_its_key_is():
    old, new = told("credential/web").generations
    expired, revoked = old.certificates
    (valid,) = new.certificates

    assert [each.status for each in (expired, revoked, valid)] == [Validity.EXPIRED, Validity.REVOKED, Validity.VALID]
    assert revoked.revoked is not None
    assert revoked.revoked.reason == "superseded"
    assert valid.revoked is None
    assert valid.serial == 0x53
    assert valid.keys == (KeyView("ecdsa-p256", "file state/credential/web/private/key.pem", SPKI),)
    assert valid.not_after == NOW + timedelta(days=60)


def test_a_certificate_can_begin_later_and_a_record_can_know_of_a_revocation_that_no_ca_here_has():
    later = certificate(0x60, age=-1)
    elsewhere = credential_in_state("web", certificate(0x61), issuer="elsewhere", status=Status.REVOKED)
    snapshots = in_state(credential_in_state("web", later, issuer="issuing")), in_state(elsewhere)

    assert [told("credential/web", snapshot=each).generations[0].certificates[0].status for each in snapshots] == [
        Validity.NOT_YET,
        Validity.REVOKED,
    ]


def test_of_two_cas_with_one_key_the_one_on_record_has_revoked_a_certificate():
    row = RevokedRow(0x62, NOW - timedelta(days=3), "superseded", NOW + timedelta(days=60), "/CN=web")
    first, second = generation("a", revoked=(row,)), generation("b")
    a, b = first.record.certificate, second.record.certificate
    assert a is not None
    assert b is not None
    shared = replace(b, subject_key_id=a.subject_key_id, fingerprint="BB")
    second = replace(second, record=replace(second.record, certificate=shared))
    web = credential_in_state("web", certificate(0x62, issuer_key_id=a.subject_key_id), issuer="a")
    issuer = replace(web.record.issuer, fingerprint=a.fingerprint)
    web = replace(web, record=replace(web.record, issuer=issuer))

    found = told("credential/web", snapshot=in_state(ca_in_state(first), ca_in_state(second), web))

    assert found.generations[0].certificates[0].status == Validity.REVOKED


def test_a_key_that_came_with_a_csr_has_no_place():
    snapshot = in_state(credential_in_state("mail", certificate(0x70, storage=()), issuer="issuing"))
    found = told("credential/mail", snapshot=snapshot)

    assert found.csr == "csr/mail.csr"
    assert found.generations[0].certificates[0].keys == (KeyView("ecdsa-p256", None, SPKI),)


def test_a_ca_has_its_generations_with_all_their_certificates_and_a_crl_for_each():
    renewed = generation("root", previous=(facts(99, "root", days=-2),))
    found = told("ca/issuing")
    root = told("ca/root", snapshot=in_state(ca_in_state(renewed)))

    assert found.protected
    assert found.profiles == ("ec/issuing-ca",)
    assert [(each.number, each.current) for each in found.generations] == [(1, False), (2, True)]
    assert texts(each.address for each in found.crls) == ["crl/issuing", "crl/issuing.2"]
    assert [(each.serial, each.status) for each in root.generations[0].certificates] == [
        (99, Validity.EXPIRED),
        (101, Validity.VALID),
    ]


def test_a_record_from_before_there_were_facts_has_the_certificate_that_its_file_holds():
    first = generation("issuing", issuer="root", last_expiry=NOW + timedelta(days=9000))
    known = first.record.certificate
    old = replace(first, record=replace(first.record, certificate=None), found=known)
    snapshot = in_state(ca_in_state(generation("root")), ca_in_state(old, CURRENT))

    found = told("ca/issuing", snapshot=snapshot)

    assert known is not None
    assert [(each.serial, each.status) for each in found.generations[0].certificates] == [
        (known.serial, Validity.VALID)
    ]
    assert found.crls[0].kept_until == known.not_after


def test_a_key_on_a_token_is_named_by_its_label_and_token_as_far_as_the_manifest_knows_it():
    (key,) = told("ca/issuing").generations[1].certificates[0].keys
    (unknown,) = told("ca/issuing", manifest=replace(MANIFEST, hsms={})).generations[1].certificates[0].keys
    by_id = in_state(key_in_state("shared", TokenKeyRef("../../../hsm/prod.yaml", None, "0a")))

    assert key.place == 'label "ca-issuing" on token "Prod HSM" (hsm/prod.yaml)'
    assert unknown.place == 'label "ca-issuing" on the token of hsm/prod.yaml'
    assert told("key/shared", snapshot=by_id).key == KeyView(
        "ecdsa-p256", 'id 0a on token "Prod HSM" (hsm/prod.yaml)', SPKI
    )


def test_dependents_are_told_directly_and_counted_in_all():
    found = told("ca/root")

    assert texts(found.dependents) == ["ca/issuing", "crl/root"]
    assert found.all_dependents == 6


def test_a_crl_says_how_much_of_its_time_is_over_and_until_when_it_is_kept_alive():
    (old,), (current,) = told("crl/issuing").crls, told("crl/issuing.2").crls

    assert (old.number, old.entries, old.elapsed) == (7, 1, 0.25)
    assert (old.kept_until, old.why) == (
        NOW + timedelta(days=60),
        "until the last certificate that it issued expires",
    )
    assert (current.number, current.entries) == (9, 0)
    assert (current.kept_until, current.why) == (None, "because its CA signs with this generation")


def test_a_crl_belongs_to_its_ca():
    found = told("crl/issuing.2")

    assert found.declared == at(1)
    assert texts(found.issuers) == ["ca/issuing", "ca/root"]
    assert [each.number for each in found.generations] == [2]


@pytest.mark.parametrize(
    ("old", "until", "why"),
    [
        (
            {"last_expiry": NOW + timedelta(days=900)},
            NOW + timedelta(days=365),
            "until the certificate of this generation expires",
        ),
        ({}, NOW - timedelta(days=30), "no longer: the generation issued nothing"),
    ],
)
def test_a_crl_of_an_old_generation_ends_with_what_could_ask_for_it(old, until, why):
    snapshot = in_state(ca_in_state(generation("issuing", issuer="root", **old), CURRENT))
    (view,) = told("crl/issuing", snapshot=snapshot).crls

    assert (view.kept_until, view.why) == (until, why)


def test_a_generation_without_a_crl_has_one_to_come():
    (view,) = told("crl/root", snapshot=in_state(ca_in_state(generation("root")))).crls

    assert (view.number, view.this_update, view.next_update, view.elapsed, view.entries) == (None,) * 5


@pytest.mark.parametrize(("age", "days", "share"), [(-1, 6, 0.0), (8, -1, 1.0), (2, -2, 1.0)])
def test_of_a_crl_s_time_never_less_than_nothing_or_more_than_all_is_over(age, days, share):
    (view,) = told("crl/root", snapshot=in_state(ca_in_state(generation("root", crl=crl(age=age, days=days))))).crls

    assert view.elapsed == share


def test_what_is_declared_and_not_made_yet_has_no_generations():
    found = told("ca/issuing", snapshot=in_state())

    assert not found.in_state
    assert (found.generations, found.crls, found.subject, found.faults) == ((), (), {}, ())


def test_what_no_manifest_declares_is_told_from_its_records():
    snapshot = replace(SNAPSHOT, forgotten={Address.parse("credential/old"): replace(WEB, name="old")})
    manifest = desired()
    unmanaged = told("credential/web", manifest=manifest, snapshot=snapshot)

    assert (unmanaged.declared, unmanaged.managed, unmanaged.forgotten) == (None, False, False)
    assert texts(unmanaged.issuers) == ["ca/issuing", "ca/root"]
    assert unmanaged.profiles == ("ec/tls-server",)
    assert told("credential/old", manifest=manifest, snapshot=snapshot).forgotten
    assert told("ca/root", manifest=manifest, snapshot=snapshot).profiles == ("ec/root-ca",)
    assert told("key/shared", manifest=manifest, snapshot=snapshot).profiles == ()
    assert texts(told("crl/issuing", manifest=manifest, snapshot=snapshot).issuers) == ["ca/issuing", "ca/root"]
    assert told("crl/issuing", manifest=manifest, snapshot=snapshot).crls[0].why == (
        "by nobody: no manifest declares its CA"
    )


def test_what_the_plan_does_and_what_is_next_is_of_that_address():
    change = plans.created_ca()
    moved = Change(
        Address.parse("credential/web"),
        Action.MOVE,
        (plans.reason(ReasonCode.MOVED, "it moved"),),
        previous=Address.parse("credential/mail"),
    )
    dues = tuple(Due(Address.parse(each), NOW, "renewal", NOW) for each in ("ca/issuing", "ca/root"))
    plan = plans.make(change, moved, due=dues)

    assert told("ca/issuing", plan=plan).changes == (change,)
    assert told("ca/issuing", plan=plan).due == dues[:1]
    assert told("credential/mail", plan=plan).changes == told("credential/web", plan=plan).changes == (moved,)
    assert told("ca/root", plan=plan).changes == ()


def test_altered_files_are_told_of_all_generations_and_of_a_crl_its_own():
    certificate_fault = Fault("state/ca/issuing/ca.crt", missing=True, detail="is missing")
    crl_fault = Fault("state/ca/issuing/crl/ca.crl", missing=False, detail="is cut off")
    generations = replace(OLD, faults=(certificate_fault,), crl_faults=(crl_fault,)), CURRENT
    web = replace(WEB, faults=(certificate_fault,))
    snapshot = in_state(ca_in_state(*generations), web)

    assert told("ca/issuing", snapshot=snapshot).faults == (certificate_fault,)
    assert told("crl/issuing", snapshot=snapshot).faults == (crl_fault,)
    assert told("crl/root", snapshot=snapshot).faults == ()
    assert told("credential/web", snapshot=snapshot).faults == (certificate_fault,)


def test_what_cannot_be_read_says_why():
    finding = Finding(Severity.ERROR, "state.damaged", "it is cut off", Location("state/ca/root/ca.meta.json"))
    found = told("ca/root", snapshot=in_state(damaged={"ca/root": finding}))

    assert found.damaged == finding
    assert found.in_state


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("credential/wbe", "did you mean `credential/web`?"),
        ("web", "did you mean `credential/web`?"),
        ("cert/mail", "did you mean `credential/mail`?"),
        ("crl/isuing.2", "did you mean `crl/issuing.2`?"),
        ("", "`qpki show` lists what there is"),
        ("key/", "`qpki show` lists what there is"),
        ("nothing/at-all-like-it", "`qpki show` lists what there is"),
    ],
)
def test_an_unknown_address_is_answered_with_the_nearest_one(text, hint):
    with pytest.raises(UnknownAddressError) as refused:
        find(text, MANIFEST, SNAPSHOT)

    assert refused.value.message == f"there is no {text!r}"
    assert refused.value.hint == hint


def test_a_ca_of_one_s_own_name_is_nearer_than_a_similar_address():
    with pytest.raises(UnknownAddressError) as refused:
        find("root", MANIFEST, SNAPSHOT)

    assert refused.value.hint == "did you mean `ca/root`?"


def test_the_crl_of_a_forgotten_ca_can_be_asked_for():
    old = Address.parse("ca/old")
    snapshot = in_state(forgotten={old: ca_in_state(generation("old", crl=crl()))})
    found = told("crl/old", manifest=desired(), snapshot=snapshot)

    assert found.forgotten
    assert [view.number for view in found.crls] == [7]
    assert texts(found.issuers) == ["ca/old"]
