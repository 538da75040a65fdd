"""The next generation of a credential: the same keys or new ones, the same CA or another; the last stays on record."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from pki.authority import Authority
from pki.credentials import Credential, amend, enroll, mend_credential, renew, revoke
from pki.errors import IssuanceError, KeyAccessError, KeyMismatchError, StoreError
from pki.findings import FindingsError, LintError
from pki.keyrefs import SoftwareKeyRef
from pki.profiles.loader import load_profile
from pki.store.forms import Status
from pki.store.meta import load_credential
from tests.support.enrolling import BOTH, at, csr, of, statuses
from tests.support.issue import CATALOG, NOW, new_ca

LATER = NOW + timedelta(days=60)


def spkis(credential: Credential) -> list[str | None]:
    return [certificate.spki_sha256 for certificate in credential.meta.certificates]


def key_files(credential: Credential) -> list[str]:
    return sorted(path.name for path in credential.layout.private.iterdir())


def test_the_same_key_needs_no_private_half(ca, wanted, web):
    shutil.rmtree(web.layout.private)
    renewed = renew(at(ca, LATER), web, wanted, new_keys=False)

    assert spkis(renewed) == spkis(web)
    assert renewed.meta.certificates[0].storage == web.meta.certificates[0].storage
    assert not web.layout.private.exists()


def test_the_generation_before_is_on_record_and_valid(ca, wanted, web):
    renewed = renew(at(ca, LATER), web, wanted, new_keys=False).meta
    before, after = web.meta.certificates[0], renewed.certificates[0]

    assert (renewed.generation, after.generation, renewed.created) == (2, 2, web.meta.created)
    assert renewed.previous == (replace(before, path=None, chain_path=None),)
    assert (renewed.not_before, renewed.not_after) == (after.not_before, after.not_after)
    assert after.not_after > before.not_after
    assert statuses(ca) == ["V", "V"]


def test_every_generation_stays_on_record_oldest_first(ca, wanted, web):
    second = renew(ca, web, wanted, new_keys=True)
    third = renew(ca, second, wanted, new_keys=False)

    assert [each.generation for each in third.meta.previous] == [1, 2]
    assert [each.serial for each in third.meta.previous] == [
        *(each.serial for each in web.meta.certificates),
        *(each.serial for each in second.meta.certificates),
    ]


def test_the_files_are_those_of_the_new_generation(ca, wanted, web):
    renewed = renew(at(ca, LATER), web, wanted, new_keys=False)
    certificate = renewed.certificates()[0]

    assert certificate.serial == renewed.meta.certificates[0].serial
    assert renewed.layout.full_chain.read_bytes() == certificate.pem() + ca.certificate.pem()


def test_new_keys_stand_beside_the_old(ca, wanted, web):
    renewed = renew(ca, web, wanted, new_keys=True)
    again = renew(ca, renewed, wanted, new_keys=True)

    assert len({*spkis(web), *spkis(renewed), *spkis(again)}) == 3
    assert key_files(again) == ["key.g2.pem", "key.g3.pem", "key.pem"]
    assert again.meta.certificates[0].storage == (SoftwareKeyRef("private/key.g3.pem"),)


def test_what_is_asked_for_goes_into_the_record(ca, wanted, web):
    variables = {"cn": "www.example.com", "dns_names": ["www.example.com", "example.com"]}
    request = replace(wanted, variables=variables, inputs_digest="b" * 64, prevent_destroy=True)
    renewed = renew(ca, web, request, new_keys=False).meta

    assert (renewed.variables, renewed.inputs_digest, renewed.prevent_destroy) == (variables, "b" * 64, True)


def test_fields_that_we_do_not_know_survive(ca, wanted, web):
    data = json.loads(web.layout.meta.read_text()) | {"ticket": "OPS-1"}
    data["certificates"][0]["note"] = "first"
    web.layout.meta.write_text(json.dumps(data))
    renewed = renew(ca, Credential.open(wanted.directory, "web"), wanted, new_keys=False).meta

    assert renewed.extra == {"ticket": "OPS-1"}
    assert [each.extra for each in (*renewed.previous, *renewed.certificates)] == [{"note": "first"}, {}]


def test_another_ca_can_issue_the_next_generation(ca, wanted, web, tmp_path):
    other = new_ca(CATALOG.get("ec/root-ca"), tmp_path / "ca.2", variables={"cn": "CA"})
    renewed = renew(other, web, wanted, new_keys=False)

    assert spkis(renewed) == spkis(web)
    assert renewed.chain() == [other.certificate]
    assert renewed.meta.issuer.subject_key_id == other.meta.certificate.subject_key_id
    assert [each.issuer_key_id for each in (*renewed.meta.previous, *renewed.meta.certificates)] == [
        ca.meta.certificate.subject_key_id,
        other.meta.certificate.subject_key_id,
    ]


def test_an_older_record_learns_who_signed_its_certificate(ca, wanted, web):
    """A record of an earlier qpki says so once for all certificates, and the next issuer takes that place."""
    old = tuple(replace(each, issuer_key_id=None) for each in web.meta.certificates)
    renewed = renew(ca, amend(web, certificates=old), wanted, new_keys=False)

    assert renewed.meta.previous[0].issuer_key_id == ca.meta.certificate.subject_key_id


def test_one_profile_can_become_two(ca, wanted, web):
    renewed = renew(ca, web, of(wanted, *BOTH), new_keys=False)

    assert renewed.meta.profiles == ("ec/tls-server", "ec/tls-client")
    assert spkis(renewed)[0] == spkis(web)[0]
    assert key_files(renewed) == ["key.ec-tls-client.g2.pem", "key.pem"]
    assert len(renewed.certificates()) == 2


def test_two_profiles_can_become_one(ca, wanted):
    both = enroll(ca, of(wanted, *BOTH))
    renewed = renew(ca, both, of(wanted, "ec/tls-client"), new_keys=False)

    assert spkis(renewed) == spkis(both)[1:]
    assert [each.profile for each in renewed.meta.previous] == ["ec/tls-server", "ec/tls-client"]
    assert renewed.certificates()[0].serial == renewed.meta.certificates[0].serial


def test_the_only_key_goes_on_under_another_profile(ca, wanted, web):
    renewed = renew(ca, web, of(wanted, "ec/tls-client"), new_keys=False)

    assert spkis(renewed) == spkis(web)


def test_a_profile_without_a_key_needs_a_choice(ca, wanted, web):
    with pytest.raises(KeyAccessError, match="0 keys are chosen"):
        renew(ca, web, of(wanted, *BOTH, key=[]), new_keys=False)

    assert Credential.open(wanted.directory, "web") == web


def test_the_same_key_needs_no_choice(ca, wanted, web):
    assert spkis(renew(ca, web, replace(wanted, key=[]), new_keys=False)) == spkis(web)


def test_a_profile_for_another_kind_of_key_needs_new_ones(ca, wanted, web):
    other = load_profile(CATALOG.text("ec/tls-server").replace("ecdsa-p256", "ecdsa-p384"), "own.yaml", "ec/tls-server")
    with pytest.raises(KeyMismatchError, match="key is ecdsa-p256, but profile ec/tls-server asks for ecdsa-p384"):
        renew(ca, web, replace(wanted, profiles=[other]), new_keys=False)

    assert renew(ca, web, replace(wanted, profiles=[other]), new_keys=True).certificates()[0].algorithm.name == (
        "ecdsa-p384"
    )


def test_a_lost_certificate_file_is_no_hindrance(ca, wanted, web):
    """The CA has it on file; that says which key it is."""
    web.layout.certificate.unlink()
    shutil.rmtree(web.layout.private)

    assert spkis(renew(ca, web, wanted, new_keys=False)) == spkis(web)


def lose(ca: Authority, web: Credential) -> None:
    web.layout.certificate.unlink()
    shutil.rmtree(ca.layout.certificates)
    ca.layout.index.unlink()
    shutil.rmtree(ca.layout.journal.parent)


def test_when_the_certificate_is_lost_the_key_itself_tells(ca, wanted, web):
    lose(ca, web)

    assert spkis(renew(ca, web, wanted, new_keys=False)) == spkis(web)


def test_when_key_and_certificate_are_not_ours_to_open_there_is_no_renewal(ca, wanted):
    enrolled = enroll(ca, replace(wanted, key=csr()))
    lose(ca, enrolled)
    with pytest.raises(StoreError, match="is not the certificate on record"):
        renew(ca, enrolled, wanted, new_keys=False)


@pytest.mark.parametrize("new_keys", [False, True])
def test_the_key_of_a_csr_is_the_one_in_the_csr(ca, wanted, new_keys):
    first, second = csr(), csr()
    enrolled = enroll(ca, replace(wanted, key=first))
    assert enrolled.certificates()[0].spki == first.spki

    renewed = renew(ca, enrolled, replace(wanted, key=second), new_keys=new_keys)
    assert renewed.certificates()[0].spki == second.spki
    assert renewed.meta.certificates[0].storage == ()


def test_a_key_of_ours_can_follow_a_csr(ca, wanted):
    enrolled = enroll(ca, replace(wanted, key=csr()))
    renewed = renew(ca, enrolled, wanted, new_keys=True)

    assert key_files(renewed) == ["key.g2.pem"]


def test_a_revoked_credential_comes_back_with_a_new_key(ca, wanted, web):
    renewed = renew(ca, revoke(ca, web, "keyCompromise"), wanted, new_keys=True).meta

    assert (renewed.status, renewed.revoked_at, renewed.revocation_reason) == (Status.VALID, None, None)
    assert statuses(ca) == ["R", "V"]


def test_a_compromised_key_is_not_certified_again(ca, wanted, web):
    revoked = revoke(ca, web, "keyCompromise")
    with pytest.raises(IssuanceError, match="its key is compromised"):
        renew(ca, revoked, wanted, new_keys=False)

    assert statuses(ca) == ["R"]
    assert Credential.open(wanted.directory, "web") == revoked


def test_a_compromised_key_does_not_come_back_in_a_csr(ca, wanted):
    request = replace(wanted, key=csr())
    revoked = revoke(ca, enroll(ca, request), "keyCompromise")
    with pytest.raises(IssuanceError, match="its key is compromised"):
        renew(ca, revoked, request, new_keys=True)


def test_neither_does_one_of_a_generation_before(ca, wanted):
    """The revocation took that one in too, and the CRL says so."""
    first, second = (replace(wanted, key=csr()) for _ in range(2))
    revoked = revoke(ca, renew(ca, enroll(ca, first), second, new_keys=True), "keyCompromise")
    with pytest.raises(IssuanceError, match="its key is compromised"):
        renew(ca, revoked, first, new_keys=True)

    assert statuses(ca) == ["R", "R"]


def test_a_key_revoked_for_another_reason_may_go_on(ca, wanted, web):
    renewed = renew(ca, revoke(ca, web, "superseded"), wanted, new_keys=False)

    assert spkis(renewed) == spkis(web)
    assert renewed.meta.status is Status.VALID


def test_two_renewals_at_once_make_one_generation(ca, wanted, web):
    renewed = renew(ca, web, wanted, new_keys=False)
    with pytest.raises(StoreError, match="was renewed meanwhile"):
        renew(ca, web, wanted, new_keys=False)

    assert Credential.open(wanted.directory, "web") == renewed


def test_what_the_profile_refuses_changes_nothing(ca, wanted, web):
    with pytest.raises(FindingsError):
        renew(ca, web, replace(wanted, variables={"cn": "not a host name"}), new_keys=True)

    assert key_files(web) == ["key.pem"]
    assert Credential.open(wanted.directory, "web") == web


def test_certificates_of_a_renewal_that_fails_half_way_are_revoked(tmp_path, wanted):
    """The second certificate breaks the issuer's name constraints, which is seen when its bytes are linted."""
    text = CATALOG.text("ec/root-ca").replace(
        "extensions:", "extensions:\n  nameConstraints: {critical: true, permitted: {dns: [example.com]}}", 1
    )
    profile = load_profile(text, "own.yaml", "ec/root-ca")
    ca = new_ca(profile, tmp_path / "constrained", variables={"cn": "R"})
    web = enroll(ca, of(wanted, "ec/signing", variables={"cn": "www.example.com"}))
    evil = {"cn": "www.example.com", "dns_names": ["www.evil.org"]}
    with pytest.raises(LintError):
        renew(ca, web, of(wanted, "ec/signing", "ec/tls-server", variables=evil), new_keys=False)

    assert statuses(ca) == ["V", "R"]
    assert Credential.open(wanted.directory, "web") == web


def test_a_renewal_whose_files_cannot_be_written_has_happened(ca, wanted, web):
    """The record is replaced first: the certificates are in use, and are not revoked. Mending puts them in place."""
    web.layout.certificate.unlink()
    web.layout.certificate.mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*cert\.pem"):
        renew(ca, web, wanted, new_keys=False)
    web.layout.certificate.rmdir()
    renewed = Credential.open(wanted.directory, "web")
    mend_credential(ca, renewed)

    assert renewed.meta.generation == 2
    assert set(statuses(ca)) == {"V"}
    assert renewed.certificates()[0].serial == renewed.meta.certificates[0].serial


def test_amending_changes_the_record_alone(web):
    before = web.layout.certificate.read_bytes()
    amended = amend(web, prevent_destroy=True, forgotten=NOW)

    assert (amended.meta.prevent_destroy, amended.meta.forgotten) == (True, NOW)
    assert load_credential(web.layout.meta) == amended.meta
    assert web.layout.certificate.read_bytes() == before


def test_amending_to_what_is_there_writes_nothing(web):
    before = web.layout.meta.stat().st_ino
    amend(web, prevent_destroy=False)

    assert web.layout.meta.stat().st_ino == before
