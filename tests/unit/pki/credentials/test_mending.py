"""What follows from other files of a credential can be lost or altered: it is restored without a key."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from pki.authority import Authority, CaRenewal, renew_ca
from pki.credentials import Credential, amend, enroll, mend_credential
from pki.errors import IssuanceError, StoreError
from pki.x509.certificates import serial_hex
from tests.support.enrolling import BOTH, of
from tests.support.issue import CATALOG, new_ca


@pytest.fixture
def root(tmp_path) -> Authority:
    return new_ca(CATALOG.get("ec/root-ca"), tmp_path / "root", variables={"cn": "Root"})


@pytest.fixture
def ca(root, tmp_path) -> Authority:
    return new_ca(CATALOG.get("ec/issuing-ca"), tmp_path / "ca", root, variables={"cn": "CA"})


@pytest.fixture
def web(ca, wanted) -> Credential:
    return enroll(ca, of(wanted, *BOTH))


def tree(credential: Credential) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in credential.layout.directory.iterdir() if path.suffix == ".pem"}


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"damaged")])
@pytest.mark.parametrize(
    "name", ["cert.ec-tls-server.pem", "cert.ec-tls-client.pem", "chain.pem", "fullchain.ec-tls-client.pem"]
)
def test_each_derived_file_is_restored_to_the_octet(ca, web, name, damage):
    whole = tree(web)
    damage(web.layout.file(name))

    assert mend_credential(ca, web) == [web.layout.file(name)]
    assert tree(web) == whole


def test_what_is_whole_is_not_written_again(ca, web):
    assert mend_credential(ca, web) == []


def test_no_private_key_is_needed(ca, root, web):
    for private in (web.layout.private, ca.layout.private, root.layout.private):
        shutil.rmtree(private)
    web.layout.chain.unlink()

    assert mend_credential(ca, web) == [web.layout.chain]


def test_the_chain_is_that_of_the_issuer_as_it_is_now(root, ca, web):
    renewed = renew_ca(ca, CaRenewal(profile=CATALOG.get("ec/issuing-ca"), variables={"cn": "CA"}, parent=root))

    assert len(mend_credential(renewed, web)) == 3
    assert web.chain() == [renewed.certificate, root.certificate]


def test_a_certificate_that_no_file_has_cannot_be_restored(ca, web):
    certificate = web.meta.certificates[0]
    web.layout.file(certificate.path).unlink()
    ca.layout.issued(serial_hex(certificate.serial)).unlink()
    with pytest.raises(StoreError, match=r"cert\.ec-tls-server\.pem is not the certificate on record"):
        mend_credential(ca, web)


def test_another_ca_cannot_mend(root, web):
    with pytest.raises(IssuanceError, match=r"is not issued by the CA in .*root"):
        mend_credential(root, web)


def test_a_record_without_paths_has_one_certificate_file_and_no_chain(ca, web):
    """As in the HSM guide's `credential.meta.json`."""
    only = replace(web.meta.certificates[0], path=None, chain_path=None)
    amended = amend(web, certificates=(only,), profiles=(only.profile,))

    assert mend_credential(ca, amended) == [web.layout.certificate]
