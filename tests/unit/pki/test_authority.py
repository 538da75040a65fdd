"""A CA keeps its records, its key and its certificate in agreement, and says so when they are not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from itertools import repeat

import pytest

from pki.algorithms import SCHEMES, SchemeChoice
from pki.authority import Authority, CaRequest, create_ca
from pki.credentials import Credential, EnrollRequest, credential_ids, enroll, revoke
from pki.errors import (
    AlreadyExistsError,
    IssuanceError,
    KeyAccessError,
    KeyMismatchError,
    RequestError,
    StateCorruptError,
    StoreError,
    UnsupportedAlgorithmError,
)
from pki.findings import FindingsError, LintError
from pki.issuance import sign_request
from pki.keys import FileKey, TokenKeyChoice
from pki.profiles.loader import load_profile
from pki.signers import software
from pki.store.forms import Status
from pki.x509.requests import parse_request
from tests.support.issue import CATALOG, NOW, PORTS

NAMES = {"cn": "a.example.com", "dns_names": ["a.example.com"]}


def make(directory, profile="ec/root-ca", parent=None, **choices):
    request = CaRequest(
        directory=directory, profile=CATALOG.get(profile), variables={"cn": profile}, key=FileKey(), parent=parent
    )
    return create_ca(request, replace(PORTS, **choices))


def credential(ca, directory, *profiles, **changes):
    request = EnrollRequest(
        directory=directory, profiles=[CATALOG.get(name) for name in profiles], variables=NAMES, key=FileKey(), id="web"
    )
    return enroll(ca, replace(request, **changes))


def rewrite(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_ca_with_no_more_than_the_known_fields_works(tmp_path):
    """The HSM guide's `ca.meta.json` has profile, created and keys; nothing else is needed to issue."""
    make(tmp_path / "ca")
    kept = {"profile", "created", "keys"}
    rewrite(tmp_path / "ca" / "ca.meta.json", lambda data: [data.pop(name) for name in set(data) - kept])
    rewrite(tmp_path / "ca" / "ca.meta.json", lambda data: data["keys"][0].pop("spki_sha256"))
    ca = Authority.open(tmp_path / "ca", PORTS)

    assert ca.generate_crl().size == 0
    assert credential(ca, tmp_path / "creds", "ec/tls-server").meta.status is Status.VALID


def test_an_exchanged_certificate_is_noticed(tmp_path):
    make(tmp_path / "ca")
    make(tmp_path / "other")
    (tmp_path / "ca" / "ca.crt").write_bytes((tmp_path / "other" / "ca.crt").read_bytes())
    with pytest.raises(IssuanceError, match=r"not the certificate that ca\.meta\.json records"):
        Authority.open(tmp_path / "ca", PORTS)

    rewrite(tmp_path / "ca" / "ca.meta.json", lambda data: data.pop("certificate"))
    with pytest.raises(KeyMismatchError, match="certifies another key"):
        Authority.open(tmp_path / "ca", PORTS)


def test_a_recorded_number_counts_even_when_the_crl_is_an_older_one(tmp_path):
    """A restored backup of the CRL must not use a number again either."""
    ca = make(tmp_path / "ca")
    ca.generate_crl()
    shutil.copytree(tmp_path / "ca" / "crl", tmp_path / "backup")
    latest = ca.generate_crl()
    shutil.copytree(tmp_path / "backup", tmp_path / "ca" / "crl", dirs_exist_ok=True)

    assert ca.generate_crl().number == latest.number + 1


def test_crls_of_two_branches_have_different_numbers(tmp_path):
    """Whoever merges them takes one of the two, and nobody has seen another CRL of its number."""
    make(tmp_path / "main").generate_crl()
    numbers = []
    for after, branch in enumerate(("left", "right"), start=1):
        shutil.copytree(tmp_path / "main", tmp_path / branch)
        moment = NOW + timedelta(microseconds=10 * after)
        ca = Authority.open(tmp_path / branch, replace(PORTS, clock=lambda moment=moment: moment))
        numbers.append(ca.generate_crl().number)

    assert len(set(numbers)) == 2


def test_a_number_that_a_killed_run_began_is_not_used_again(tmp_path):
    """It can have been signed, and somebody can have that CRL; the clock need not have moved since."""
    ca = make(tmp_path / "ca")
    latest = ca.generate_crl()
    ca.ledger.intend_crl(latest.number + 1, NOW)(b"what was to be signed")

    assert ca.generate_crl().number == latest.number + 2


def test_a_published_number_counts_even_when_the_record_forgot_it(tmp_path):
    """A restored backup of the record must not use a CRL number again."""
    ca = make(tmp_path / "ca")
    ca.generate_crl()
    latest = ca.generate_crl()
    rewrite(tmp_path / "ca" / "ca.meta.json", lambda data: data.pop("crl"))

    assert Authority.open(tmp_path / "ca", PORTS).generate_crl().number == latest.number + 1


def test_a_damaged_crl_stops_the_next_one(tmp_path):
    ca = make(tmp_path / "ca")
    ca.generate_crl()
    ca.layout.crl_der.write_bytes(b"not a CRL")
    with pytest.raises(StateCorruptError, match=r"ca\.crl"):
        ca.generate_crl()


def test_a_serial_source_that_repeats_itself_is_refused(tmp_path):
    make(tmp_path / "ca")
    ca = Authority.open(tmp_path / "ca", replace(PORTS, serials=repeat(2**100).__next__))
    credential(ca, tmp_path / "creds", "ec/tls-server")
    with pytest.raises(IssuanceError, match="repeats itself"):
        credential(ca, tmp_path / "creds", "ec/tls-server", id="second")


def test_a_profile_that_makes_no_ca_is_refused(tmp_path):
    with pytest.raises(IssuanceError, match="does not make a CA"):
        make(tmp_path / "ca", "ec/tls-server")
    assert not (tmp_path / "ca").exists()


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AlreadyExistsError, match=r"notes\.txt"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_csr_with_another_key_than_the_profiles_is_refused(tmp_path):
    ca = make(tmp_path / "ca")
    request = parse_request(
        sign_request(ca.certificate.subject, (), signer=software.generate(ca.certificate.algorithm))
    )
    with pytest.raises(RequestError, match="ecdsa-p384, but profile ec/tls-server asks for ecdsa-p256"):
        ca.issue(CATALOG.get("ec/tls-server"), NAMES, request)


def test_a_ca_below_signs_by_its_profile_only_where_its_own_key_can(tmp_path):
    """PSS is how the RSA root signs the new CA; the new CA's own key is an EC key."""
    parent = make(tmp_path / "root", "rsa/root-ca")
    text = CATALOG.text("ec/issuing-ca") + "\nsignature: {scheme: rsassa-pss, hash: sha256}\n"
    profile = load_profile(text, "own.yaml", "ec/issuing-ca")
    request = CaRequest(
        directory=tmp_path / "issuing", profile=profile, variables={"cn": "I"}, key=FileKey(), parent=parent
    )
    issuing = create_ca(request, PORTS)

    assert issuing.certificate.scheme == SCHEMES["rsa-pss-sha256"]
    assert issuing.meta.keys[0].signature == SchemeChoice()
    assert issuing.generate_crl().scheme == SCHEMES["ecdsa-sha256"]


def test_a_ca_keeps_to_the_signature_of_its_profile(tmp_path):
    text = CATALOG.text("rsa/root-ca") + "\nsignature: {scheme: rsassa-pss, hash: sha512}\n"
    profile = load_profile(text, "own.yaml", "rsa/root-ca")
    ca = create_ca(CaRequest(directory=tmp_path / "ca", profile=profile, variables={"cn": "R"}, key=FileKey()), PORTS)

    assert ca.certificate.scheme == SCHEMES["rsa-pss-sha512"]
    assert Authority.open(tmp_path / "ca", PORTS).generate_crl().scheme == SCHEMES["rsa-pss-sha512"]


def test_an_expired_revocation_stays_for_one_more_crl(tmp_path):
    """RFC 5280 section 3.3."""
    ca = make(tmp_path / "ca")
    web = credential(ca, tmp_path / "creds", "ec/tls-server")
    revoke(ca, web, "keyCompromise")
    later = replace(ca, ports=replace(PORTS, clock=lambda: web.meta.not_after + timedelta(days=1)))

    assert [ca.generate_crl().size, later.generate_crl().size, later.generate_crl().size] == [1, 1, 0]


def test_a_credential_takes_each_profile_once(tmp_path):
    with pytest.raises(IssuanceError, match="each profile once"):
        credential(make(tmp_path / "ca"), tmp_path / "creds", "ec/tls-server", "ec/tls-server")


def test_a_credential_is_revoked_once_and_its_date_stays(tmp_path):
    ca = make(tmp_path / "ca")
    web = revoke(ca, credential(ca, tmp_path / "creds", "ec/tls-server", "ec/tls-client"), "superseded")
    with pytest.raises(StoreError, match="revoked already"):
        revoke(ca, web, "keyCompromise")

    assert Credential.open(tmp_path / "creds", "web").meta.revocation_reason == "superseded"
    assert {entry.reason for entry in ca.ledger.entries(NOW)} == {"superseded"}


def test_a_credential_expires_without_anybody_writing_it_down(tmp_path):
    web = credential(make(tmp_path / "ca"), tmp_path / "creds", "ec/tls-server")

    assert web.status(NOW) is Status.VALID
    assert web.status(web.meta.not_after + timedelta(seconds=1)) is Status.EXPIRED


def test_an_exchanged_certificate_of_a_credential_is_noticed(tmp_path):
    ca = make(tmp_path / "ca")
    web = credential(ca, tmp_path / "creds", "ec/tls-server")
    web.layout.certificate.write_bytes(ca.certificate.pem())
    with pytest.raises(StoreError, match="not the certificate on record"):
        web.certificates()


def test_a_credential_of_another_ca_is_not_revoked_here(tmp_path):
    web = credential(make(tmp_path / "ca"), tmp_path / "creds", "ec/tls-server")
    with pytest.raises(StoreError, match="has no certificate"):
        revoke(make(tmp_path / "other"), web, None)

    assert Credential.open(tmp_path / "creds", "web").meta.status is Status.VALID


def test_nothing_is_made_for_a_credential_that_the_profile_refuses(tmp_path):
    ca = make(tmp_path / "ca")
    with pytest.raises(FindingsError, match="cannot make this certificate"):
        credential(ca, tmp_path / "creds", "ec/tls-server", variables={"cn": "not a host name"})

    assert not (tmp_path / "creds").exists()


def test_a_clone_without_empty_directories_issues(tmp_path):
    """Git keeps no empty directories; a serial must not be used up to find that out."""
    ca = make(tmp_path / "ca")
    shutil.rmtree(ca.layout.certificates)
    shutil.rmtree(ca.layout.journal.parent)
    credential(Authority.open(tmp_path / "ca", PORTS), tmp_path / "creds", "ec/tls-server")

    assert [entry.status for entry in ca.ledger.entries(NOW)] == ["V"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows[:-1],
        lambda rows: [row.replace("R\t", "V\t", 1).replace(row.split("\t")[2], "", 1) for row in rows],
        lambda _rows: [],
    ],
    ids=["a row is gone", "revoked became valid", "empty"],
)
def test_a_crl_that_would_forget_a_revocation_is_not_signed(tmp_path, damage):
    ca = make(tmp_path / "ca")
    revoke(ca, credential(ca, tmp_path / "creds", "ec/tls-server"), "keyCompromise")
    before = ca.generate_crl()
    rows = ca.layout.index.read_text().splitlines(keepends=True)
    ca.layout.index.write_text("".join(damage(rows)))
    with pytest.raises(StateCorruptError, match=r"the last CRL lists|gone or empty"):
        ca.generate_crl()

    assert ca._published_crl() == before


def test_an_index_that_is_gone_is_not_begun_anew(tmp_path):
    ca = make(tmp_path / "ca")
    credential(ca, tmp_path / "creds", "ec/tls-server")
    ca.layout.index.unlink()
    with pytest.raises(StateCorruptError, match="gone or empty, but certificates were issued"):
        credential(ca, tmp_path / "creds", "ec/tls-server", id="second")


def test_a_ca_with_several_keys_signs_nothing_with_one_of_them(tmp_path):
    ca = make(tmp_path / "ca")
    second = {"id": "pqc", "algorithm": "ml-dsa-65", "storage": {"type": "software", "path": "private/pq.key"}}
    rewrite(ca.layout.meta, lambda data: data["keys"].append(second))
    with pytest.raises(UnsupportedAlgorithmError, match="names 2 keys"):
        Authority.open(tmp_path / "ca", PORTS).generate_crl()


def test_certificates_of_a_credential_that_fails_half_way_are_revoked(tmp_path):
    """The second certificate breaks the issuer's name constraints, which is seen when its bytes are linted."""
    text = CATALOG.text("ec/root-ca").replace(
        "extensions:", "extensions:\n  nameConstraints: {critical: true, permitted: {dns: [example.com]}}", 1
    )
    profile = load_profile(text, "own.yaml", "ec/root-ca")
    ca = create_ca(CaRequest(directory=tmp_path / "ca", profile=profile, variables={"cn": "R"}, key=FileKey()), PORTS)
    names = {"cn": "www.example.com", "dns_names": ["www.evil.org"]}
    with pytest.raises(LintError):
        credential(ca, tmp_path / "creds", "ec/signing", "ec/tls-server", variables=names)

    assert [(entry.status, entry.reason) for entry in ca.ledger.entries(NOW)] == [("R", "cessationOfOperation")]
    assert credential_ids(tmp_path / "creds") == []


def test_several_keys_on_a_token_cannot_share_an_id(tmp_path):
    ca = make(tmp_path / "ca")
    token = TokenKeyChoice(config=tmp_path / "hsm.yaml", label="web", key_id="01", generate=True)
    with pytest.raises(KeyAccessError, match="one key id cannot name"):
        credential(ca, tmp_path / "creds", "ec/tls-server", "ec/tls-client", key=token)
