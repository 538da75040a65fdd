"""What follows from other files of a CA can be lost or altered: it is restored without a key."""

from __future__ import annotations

import shutil

import pytest

from pki.authority import Authority, mend_ca
from pki.errors import IssuanceError, StateCorruptError, StoreError
from pki.x509.crls import parse_crl
from tests.support.issue import CATALOG, PORTS, new_ca


@pytest.fixture
def root(tmp_path) -> Authority:
    return new_ca(CATALOG.get("ec/root-ca"), tmp_path / "root", variables={"cn": "Root"})


@pytest.fixture
def issuing(root, tmp_path) -> Authority:
    return new_ca(CATALOG.get("ec/issuing-ca"), tmp_path / "issuing", root, variables={"cn": "Issuing"})


def tree(ca: Authority) -> dict[str, bytes]:
    paths = (path for path in ca.layout.root.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(ca.layout.root)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"damaged")])
@pytest.mark.parametrize("name", ["ca.crt", "chain.crt", "crl/ca.crl", "crl/ca.crl.pem"])
def test_each_derived_file_is_restored_to_the_octet(root, issuing, name, damage):
    issuing.generate_crl()
    whole = tree(issuing)
    damage(issuing.layout.root / name)

    assert mend_ca(issuing.layout.root, PORTS, root) == [issuing.layout.root / name]
    assert tree(issuing) == whole


def test_what_is_whole_is_not_written_again(root, issuing):
    issuing.generate_crl()

    assert mend_ca(issuing.layout.root, PORTS, root) == []
    assert mend_ca(root.layout.root, PORTS) == []


def test_no_private_key_is_needed(root, issuing):
    for ca in (root, issuing):
        shutil.rmtree(ca.layout.private)
    issuing.layout.certificate.unlink()

    assert mend_ca(issuing.layout.root, PORTS, root) == [issuing.layout.certificate]


def test_the_chain_is_that_of_the_parent_as_it_is_now(root, issuing):
    from pki.authority import CaRenewal, renew_ca

    renewed = renew_ca(root, CaRenewal(profile=CATALOG.get("ec/root-ca"), variables={"cn": "Root"}))

    assert mend_ca(issuing.layout.root, PORTS, renewed) == [issuing.layout.chain]
    assert Authority.open(issuing.layout.root, PORTS).chain == (renewed.certificate,)


def test_without_the_parent_the_chain_is_left_alone(issuing):
    issuing.layout.chain.unlink()

    assert mend_ca(issuing.layout.root, PORTS) == []
    assert not issuing.layout.chain.exists()


def test_another_ca_is_no_parent(issuing, tmp_path):
    other = new_ca(CATALOG.get("ec/root-ca"), tmp_path / "other", variables={"cn": "Root"})
    with pytest.raises(IssuanceError, match=r"ca\.crt is not issued by the CA in .*other"):
        mend_ca(issuing.layout.root, PORTS, other)


def test_a_certificate_that_no_file_has_cannot_be_restored(root):
    root.layout.certificate.unlink()
    with pytest.raises(StateCorruptError, match=r"ca\.crt is not there"):
        mend_ca(root.layout.root, PORTS)


def test_a_crl_that_another_key_signed_is_no_copy(root, issuing):
    issuing.generate_crl()
    whole = issuing.layout.crl_der.read_bytes()
    root.generate_crl()
    issuing.layout.crl_der.write_bytes(root.layout.crl_der.read_bytes())

    assert mend_ca(issuing.layout.root, PORTS, root) == [issuing.layout.crl_der]
    assert issuing.layout.crl_der.read_bytes() == whole


def test_of_two_crls_the_later_one_counts(root):
    """A crash came between the two renames of a publication."""
    root.generate_crl()
    before = root.layout.crl_pem.read_bytes()
    latest = root.generate_crl()
    root.layout.crl_pem.write_bytes(before)

    assert mend_ca(root.layout.root, PORTS) == [root.layout.crl_pem]
    assert parse_crl(root.layout.crl_pem.read_bytes()) == latest


def test_a_crl_of_which_both_forms_are_damaged_is_left_alone(root):
    root.generate_crl()
    for path in (root.layout.crl_der, root.layout.crl_pem):
        path.write_bytes(b"damaged")

    assert mend_ca(root.layout.root, PORTS) == []


def test_without_a_record_there_is_nothing_to_mend(tmp_path):
    with pytest.raises(StoreError, match="there is no CA here"):
        mend_ca(tmp_path, PORTS)
    assert list(tmp_path.iterdir()) == []
