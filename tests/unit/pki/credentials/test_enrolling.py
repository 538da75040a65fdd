"""What a new credential is made of: keys of its own or a CSR's, a certificate for each profile, and the record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pki.authority import Authority, CaRequest, create_ca
from pki.credentials import Credential, credential_ids, enroll
from pki.errors import AlreadyExistsError, IssuanceError, KeyAccessError, RequestError
from pki.findings import FindingsError
from pki.keyrefs import SoftwareKeyRef
from pki.keys import FileKey, TokenKeyChoice, open_signer
from pki.ports import SecretRef
from pki.signers.base import spki_sha256
from pki.store.journal import Intent, Journal
from pki.x509.certificates import serial_hex
from tests.support.enrolling import BOTH, csr, of
from tests.support.issue import CATALOG, PORTS


def journaled(ca: Authority) -> list[Intent]:
    """Return every intent that there ever was."""
    lines = [line for line in ca.layout.journal.read_bytes().splitlines(keepends=True) if b'"done"' not in line]
    copy = ca.layout.root.with_name("intents")
    copy.write_bytes(b"".join(lines))
    return Journal(copy).unfinished()


def nothing_made(directory: Path) -> bool:
    return not directory.exists() and credential_ids(directory) == []


def test_the_record_says_what_was_asked_for(ca, wanted):
    made = enroll(ca, replace(wanted, inputs_digest="a" * 64, prevent_destroy=True)).meta
    certificate = made.certificates[0]

    assert (made.generation, made.inputs_digest, made.prevent_destroy, made.previous) == (1, "a" * 64, True, ())
    assert (certificate.generation, certificate.path, certificate.chain_path) == (1, "cert.pem", "chain.pem")
    assert (certificate.algorithm, certificate.key_algorithm) == ("ECDSA-SHA384", "ecdsa-p256")
    assert certificate.issuer_key_id == ca.meta.certificate.subject_key_id


def test_the_journal_says_whom_a_certificate_is_for(ca, wanted):
    by_hand = enroll(ca, wanted).meta.certificates[0].serial
    managed = enroll(ca, replace(wanted, id="other", holder="credential/other")).meta.certificates[0].serial
    holders = {intent.serial: intent.holder for intent in journaled(ca)}

    assert (holders[by_hand], holders[managed]) == ("", "credential/other")


def test_each_profile_can_have_a_key_of_its_own_choice(ca, wanted, monkeypatch):
    monkeypatch.setenv("SECRET", "correct horse")
    choices = [FileKey(), FileKey(SecretRef(env="SECRET"))]
    made = enroll(ca, of(wanted, *BOTH, key=choices)).meta

    assert [certificate.storage[0] for certificate in made.certificates] == [
        SoftwareKeyRef("private/key.ec-tls-server.pem"),
        SoftwareKeyRef("private/key.ec-tls-client.pem", "SECRET"),
    ]


def test_one_choice_serves_all_profiles(ca, wanted):
    made = enroll(ca, of(wanted, *BOTH, key=[FileKey()])).meta

    assert len({certificate.spki_sha256 for certificate in made.certificates}) == 2


def test_keys_and_profiles_must_be_as_many(ca, wanted):
    with pytest.raises(KeyAccessError, match="2 keys are chosen for 3 profiles"):
        enroll(ca, of(wanted, *BOTH, "ec/signing", key=[FileKey(), FileKey()]))

    assert nothing_made(wanted.directory)


def test_each_key_on_a_token_can_have_its_own_id(ca, wanted, tmp_path):
    """With one choice for all, an id would be for several keys; with one each it goes as far as the token."""
    choices = [TokenKeyChoice(tmp_path / "no.yaml", f"web-{n}", f"0{n}", generate=True) for n in (1, 2)]
    with pytest.raises(FindingsError, match=r"no\.yaml"):
        enroll(ca, of(wanted, *BOTH, key=choices))


def test_a_credential_needs_a_profile(ca, wanted):
    with pytest.raises(IssuanceError, match="needs a profile"):
        enroll(ca, of(wanted))


def test_a_csr_brings_its_key_and_its_names(ca, wanted):
    request = csr()
    made = enroll(ca, replace(wanted, variables={}, key=request))
    certificate = made.certificates()[0]

    assert certificate.spki == request.spki
    assert made.meta.subject == {"common_name": "csr.example.com"}
    assert made.meta.certificates[0].storage == ()
    assert not made.layout.private.exists()


def test_variables_win_over_the_names_of_a_csr(ca, wanted):
    assert enroll(ca, replace(wanted, key=csr())).meta.subject == {"common_name": "www.example.com"}


def test_a_csr_is_for_one_profile(ca, wanted):
    with pytest.raises(RequestError, match="several profiles need several"):
        enroll(ca, of(wanted, *BOTH, key=csr()))


def test_a_csr_that_its_own_key_did_not_sign_is_refused(ca, wanted):
    stolen = replace(csr(), signature=csr().signature)
    with pytest.raises(RequestError, match="signature does not hold"):
        enroll(ca, replace(wanted, key=stolen))

    assert nothing_made(wanted.directory)


def test_the_key_of_a_csr_is_the_one_that_the_profile_asks_for(ca, wanted):
    with pytest.raises(RequestError, match="key is ecdsa-p384, but profile ec/tls-server asks for ecdsa-p256"):
        enroll(ca, replace(wanted, key=csr("ecdsa-p384")))


def test_a_held_ca_opens_its_key_once(tmp_path, wanted, monkeypatch):
    monkeypatch.setenv("SECRET", "correct horse")
    asked = []

    class Secrets:
        def read(self, ref, purpose):
            asked.append(purpose)
            return PORTS.secrets.read(ref, purpose)

    profile, key = CATALOG.get("ec/root-ca"), FileKey(SecretRef(env="SECRET"))
    request = CaRequest(directory=tmp_path / "locked", profile=profile, variables={"cn": "R"}, key=key)
    ca = create_ca(request, replace(PORTS, secrets=Secrets()))
    asked.clear()
    with ca.held() as held:
        for name in ("one", "two", "three"):
            enroll(held, replace(wanted, id=name))

    assert len(asked) == 1


def test_a_name_that_is_taken_stays_as_it_is(ca, wanted):
    before = enroll(ca, wanted)
    with pytest.raises(AlreadyExistsError, match="credential web exists"):
        enroll(ca, wanted)

    assert Credential.open(wanted.directory, "web") == before


def test_a_key_that_a_killed_run_left_is_certified(ca, wanted):
    first = enroll(ca, wanted)
    first.layout.meta.unlink()

    assert enroll(ca, wanted).meta.certificates[0].spki_sha256 == first.meta.certificates[0].spki_sha256


def test_the_recorded_key_is_the_certified_one(ca, wanted):
    made = enroll(ca, wanted)
    certificate = made.meta.certificates[0]
    with open_signer(certificate.storage[0], base=made.layout.directory, secrets=PORTS.secrets) as signer:
        assert spki_sha256(signer.spki) == certificate.spki_sha256
    assert ca.layout.issued(serial_hex(certificate.serial)).read_bytes() == made.layout.certificate.read_bytes()
