"""A CA that gets a new certificate keeps its key, its name, what it issued and the certificates that it had."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pki.authority import Authority, CaRenewal, CaRequest, create_ca, renew_ca
from pki.errors import IssuanceError, KeyMismatchError, KeyNotFoundError
from pki.keys import FileKey
from pki.ports import Ports
from pki.profiles.loader import load_profile
from pki.store.journal import Intent, Journal
from pki.store.meta import CertificateFacts, dump
from pki.x509.certificates import Certificate, parse_certificates
from pki.x509.crls import EXPIRED_CERTS_ON_CRL
from pki.x509.path import validate_path
from tests.support.issue import CATALOG, NOW, PORTS, new_leaf

LATER = NOW + timedelta(days=100)
NAMES = {"cn": "a.example.com", "dns_names": ["a.example.com"]}


def at(moment: datetime) -> Ports:
    return replace(PORTS, clock=lambda: moment)


def make(directory, profile="ec/root-ca", parent=None) -> Authority:
    request = CaRequest(
        directory=directory, profile=CATALOG.get(profile), variables={"cn": profile}, key=FileKey(), parent=parent
    )
    return create_ca(request, PORTS)


def renew(ca: Authority, parent: Authority | None = None, **changes) -> Authority:
    profile = CATALOG.get("ec/issuing-ca" if parent else "ec/root-ca")
    renewal = CaRenewal(profile=profile, variables={"cn": profile.name}, parent=parent)
    return renew_ca(Authority.open(ca.layout.root, at(LATER)), replace(renewal, **changes))


@pytest.fixture
def root(tmp_path) -> Authority:
    return make(tmp_path / "root")


@pytest.fixture
def issuing(root, tmp_path) -> Authority:
    return make(tmp_path / "issuing", "ec/issuing-ca", root)


def own_files(ca: Authority) -> set[str]:
    return {path.name for path in (ca.layout.root / "own").iterdir()}


def rows(ca: Authority) -> list[tuple[str, int]]:
    return [(entry.status, entry.serial) for entry in ca.ledger.entries(LATER)]


def name(certificate: Certificate) -> str:
    return f"{certificate.serial_hex}.crt"


def test_a_root_keeps_its_key_and_name_and_gets_new_dates(root):
    renewed = renew(root)

    assert (renewed.certificate.spki, renewed.certificate.subject) == (root.certificate.spki, root.certificate.subject)
    assert renewed.certificate.serial != root.certificate.serial
    assert renewed.certificate.not_before > root.certificate.not_before
    assert renewed.meta.certificate == CertificateFacts.of(renewed.certificate)
    assert renewed.meta.previous == (CertificateFacts.of(root.certificate),)
    assert own_files(root) == {name(root.certificate), name(renewed.certificate)}


def test_own_certificates_of_a_root_are_in_no_index_and_on_no_crl(root):
    renewed = renew(renew(root))

    assert rows(renewed) == []
    assert renewed.generate_crl().revocations == ()
    assert Journal(root.layout.journal).unfinished() == []
    assert len(renewed.meta.previous) == 2


def test_a_crl_that_keeps_expired_certificates_goes_back_to_the_first_one(root):
    found = renew(root).generate_crl(keep_expired=True).extensions.get_extension_for_oid(EXPIRED_CERTS_ON_CRL)

    assert found.value.value[2:] == f"{root.certificate.not_before:%Y%m%d%H%M%SZ}".encode()


def test_what_a_root_issued_is_valid_under_its_new_certificate(root):
    leaf = new_leaf(root, CATALOG.get("ec/tls-server"), NAMES).certificate
    renewed = renew(root)

    assert validate_path(leaf, [], [renewed.certificate], at=LATER).anchor == renewed.certificate


def test_a_ca_below_is_certified_by_its_parent_for_its_holder(root, issuing):
    renewed = renew(issuing, root, holder="ca/issuing")

    assert rows(root) == [("V", issuing.certificate.serial), ("V", renewed.certificate.serial)]
    assert Journal(root.layout.journal).holders() == {renewed.certificate.serial: "ca/issuing"}
    assert renewed.chain == (root.certificate,)
    assert renewed.meta.issuer.fingerprint == root.meta.certificate.fingerprint


def test_a_ca_below_another_than_before_has_that_ones_chain(issuing, tmp_path):
    other = make(tmp_path / "other")
    renewed = renew(issuing, other)

    assert renewed.chain == (other.certificate,)
    assert rows(other) == [("V", renewed.certificate.serial)]


def test_a_ca_below_can_become_a_root(issuing):
    text = CATALOG.text("ec/root-ca").replace("ecdsa-p384", "ecdsa-p256")
    profile = load_profile(text, "own.yaml", "ec/root-ca")
    renewed = renew(issuing, None, profile=profile, variables={"cn": "ec/issuing-ca"})

    assert (renewed.chain, renewed.meta.issuer) == ((), None)
    assert not issuing.layout.chain.exists()


def test_the_record_says_what_the_new_certificate_was_made_from(root):
    text = CATALOG.text("ec/root-ca") + "\nsignature: {hash: sha384}\n"
    profile = load_profile(text, "own.yaml", "ec/root-ca")
    renewed = renew(root, profile=profile, variables={"cn": "ec/root-ca"}, inputs_digest="a" * 64)

    assert (renewed.meta.profile, renewed.meta.profile_digest) == ("ec/root-ca", profile.digest)
    assert (renewed.meta.inputs_digest, renewed.meta.created) == ("a" * 64, root.meta.created)
    assert renewed.generate_crl().scheme == renewed.certificate.scheme


def test_a_record_without_facts_of_its_certificate_gets_them(root):
    data = json.loads(root.layout.meta.read_text())
    root.layout.meta.write_text(json.dumps({name: data[name] for name in ("profile", "created", "keys")}))

    assert renew(root).meta.previous == (CertificateFacts.of(root.certificate),)


def test_a_profile_for_another_kind_of_key_is_refused(root):
    with pytest.raises(KeyMismatchError, match="asks for rsa-4096, but the CA's key is ecdsa-p384") as caught:
        renew(root, profile=CATALOG.get("rsa/root-ca"))

    assert "new generation" in caught.value.hint
    assert Authority.open(root.layout.root, PORTS).meta == root.meta


def test_another_name_is_refused(root):
    with pytest.raises(IssuanceError, match="gives the CA the name CN=Other, but it is CN=ec/root-ca"):
        renew(root, variables={"cn": "Other"})


def test_a_profile_that_makes_no_ca_is_refused(root):
    with pytest.raises(IssuanceError, match="does not make a CA"):
        renew(root, profile=CATALOG.get("ec/tls-server"))


def test_a_ca_whose_key_is_gone_gets_no_certificate(root, issuing):
    (issuing.layout.root / issuing.meta.keys[0].storage.path).unlink()
    with pytest.raises(KeyNotFoundError):
        renew(issuing, root)

    assert rows(root) == [("V", issuing.certificate.serial)]


def test_files_that_lag_behind_the_record_do_not_keep_a_ca_from_work(root, issuing, tmp_path):
    """A run that was killed after the record was replaced leaves the old `ca.crt` and `chain.crt`."""
    other = make(tmp_path / "other")
    before = {path: path.read_bytes() for path in (issuing.layout.certificate, issuing.layout.chain)}
    renewed = renew(issuing, other)
    for path, data in before.items():
        path.write_bytes(data)
    opened = Authority.open(issuing.layout.root, PORTS)

    assert opened.certificate == renewed.certificate
    assert opened.chain == ()
    issuing.layout.certificate.unlink()
    assert Authority.open(issuing.layout.root, PORTS).certificate == renewed.certificate
    assert parse_certificates(before[issuing.layout.chain]) == [root.certificate]


def test_a_self_signed_certificate_that_its_record_does_not_name_is_disowned(root):
    """Killed between the file in `own/` and the record: nobody was told of the certificate."""
    lost = renew(root).certificate
    root.layout.meta.write_bytes(dump(root.meta))
    digest = "0" * 64
    Journal(root.layout.journal).intend(
        [Intent(kind="certificate", serial=lost.serial, tbs_sha256=digest, at=LATER, not_after=lost.not_after)]
    )
    renewed = renew(root)

    assert rows(root) == [("R", lost.serial)]
    assert renewed.meta.previous == (CertificateFacts.of(root.certificate),)
