"""A CA with its key held open, its record amended, its revocations dated, and its CRL for those who look back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pki.authority import Authority, CaRequest, create_ca
from pki.errors import AlreadyExistsError, KeyNotFoundError, StoreError
from pki.keys import FileKey
from pki.profiles.compile import compile_template
from pki.store.journal import Journal
from pki.store.meta import CaUrls, load_ca
from pki.x509.crls import EXPIRED_CERTS_ON_CRL, parse_crl
from tests.support.issue import CATALOG, NOW, PORTS, new_ca, new_leaf, subject_key

NAMES = {"cn": "a.example.com", "dns_names": ["a.example.com"]}
LEAF = CATALOG.get("ec/tls-server")


@pytest.fixture
def ca(tmp_path) -> Authority:
    return new_ca(CATALOG.get("ec/root-ca"), tmp_path / "ca", variables={"cn": "Root"})


def leaf(ca: Authority):
    return new_leaf(ca, LEAF, NAMES).certificate


def test_what_a_request_says_of_the_resource_is_in_the_records(tmp_path):
    wanted = CaRequest(
        directory=tmp_path / "ca.2",
        profile=CATALOG.get("ec/root-ca"),
        variables={"cn": "Root"},
        key=FileKey(),
        generation=2,
        inputs_digest="a" * 64,
        prevent_destroy=True,
        holder="ca/ca",
    )
    ca = create_ca(wanted, PORTS)

    assert (ca.meta.generation, ca.meta.inputs_digest, ca.meta.prevent_destroy) == (2, "a" * 64, True)
    assert Journal(ca.layout.journal).holders() == {ca.certificate.serial: "ca/ca"}


def test_a_ca_below_is_held_by_its_address_in_its_parents_journal(ca, tmp_path):
    wanted = CaRequest(
        directory=tmp_path / "issuing",
        profile=CATALOG.get("ec/issuing-ca"),
        variables={"cn": "Issuing"},
        key=FileKey(),
        parent=ca,
        holder="ca/issuing",
    )
    issuing = create_ca(wanted, PORTS)

    assert Journal(ca.layout.journal).holders() == {issuing.certificate.serial: "ca/issuing"}


def test_a_certificate_is_for_its_holder_and_one_by_hand_for_nobody(ca):
    by_hand = leaf(ca)
    template = compile_template(LEAF, NAMES, issuer=ca.facts(), now=NOW)
    with ca.key() as key:
        held = ca.issue_template(template, subject_key(LEAF.algorithm).spki, key, holder="credential/web").certificate

    assert Journal(ca.layout.journal).holders() == {held.serial: "credential/web"}
    assert {entry.serial for entry in ca.ledger.entries(NOW)} == {by_hand.serial, held.serial}


def test_a_held_key_is_opened_once(ca):
    """Its file is gone, and the CA goes on signing; not held, it does not."""
    template = compile_template(LEAF, NAMES, issuer=ca.facts(), now=NOW)
    spki = subject_key(LEAF.algorithm).spki
    with ca.held() as held:
        (ca.layout.root / ca.meta.keys[0].storage.path).unlink()
        with held.held() as again, again.key() as key:
            issued = again.issue_template(template, spki, key).certificate
        crl = held.generate_crl()

    assert [entry.serial for entry in ca.ledger.entries(NOW)] == [issued.serial]
    assert parse_crl(ca.layout.crl_der.read_bytes()) == crl
    assert held == ca
    with pytest.raises(KeyNotFoundError), ca.held():
        pytest.fail("the block must not be entered")


def test_the_record_is_amended_without_the_key(ca):
    (ca.layout.root / ca.meta.keys[0].storage.path).unlink()
    urls = CaUrls(crl=("http://pki.example.com/crl",))
    amended = ca.amend(urls=urls, prevent_destroy=True, inputs_digest="b" * 64, forgotten=NOW)

    assert amended.meta == load_ca(ca.layout.meta)
    assert amended.meta == replace(ca.meta, urls=urls, prevent_destroy=True, inputs_digest="b" * 64, forgotten=NOW)
    assert amended.facts().defaults["crl_urls"] == urls.crl


def test_an_amendment_that_changes_nothing_writes_nothing(ca):
    before = ca.layout.meta.stat().st_ino
    ca.amend(urls=ca.meta.urls, forgotten=None)

    assert ca.layout.meta.stat().st_ino == before


def test_an_amendment_keeps_what_another_wrote_since(ca):
    ca.generate_crl()

    assert ca.amend(prevent_destroy=True).meta.crl == load_ca(ca.layout.meta).crl


@pytest.mark.parametrize("reason", ["keyCompromise", "superseded"])
def test_an_invalidity_date_is_on_the_crl(ca, reason):
    certificate = leaf(ca)
    since = NOW - timedelta(days=3)
    (entry,) = ca.revoke([certificate.serial], reason, invalidity_date=since)
    (listed,) = ca.generate_crl().revocations

    assert (entry.revoked_at, entry.reason, entry.invalidity_date) == (NOW, reason, since)
    assert (listed.at, listed.reason, listed.invalidity_date) == (NOW, reason, since)


def test_an_invalidity_date_stands_beside_a_reason(ca):
    certificate = leaf(ca)
    with pytest.raises(StoreError, match="stands beside a reason"):
        ca.revoke([certificate.serial], None, invalidity_date=NOW)

    assert [entry.status for entry in ca.ledger.entries(NOW)] == ["V"]


def test_what_is_revoked_already_keeps_its_invalidity_date(ca):
    first, second = leaf(ca), leaf(ca)
    since = NOW - timedelta(days=3)
    ca.revoke([first.serial], "keyCompromise", invalidity_date=since)
    revocations = ca.ensure_revoked([first.serial, second.serial], "superseded", invalidity_date=NOW)

    assert [(each.reason, each.invalidity_date) for each in revocations] == [
        ("keyCompromise", since),
        ("superseded", NOW),
    ]


def test_to_ensure_what_is_so_already_writes_nothing(ca):
    certificate = leaf(ca)
    first = ca.ensure_revoked([certificate.serial], "superseded")
    before = ca.layout.index.stat().st_ino

    assert ca.ensure_revoked([certificate.serial], "keyCompromise") == first
    assert ca.layout.index.stat().st_ino == before


def test_a_directory_that_holds_a_ca_gets_no_other(ca):
    with pytest.raises(AlreadyExistsError, match="there is a CA in"):
        new_ca(CATALOG.get("ec/root-ca"), ca.layout.root, variables={"cn": "Root"})

    assert load_ca(ca.layout.meta) == ca.meta


def test_expired_revocations_stay_when_they_are_to(ca):
    certificate = leaf(ca)
    ca.revoke([certificate.serial], "keyCompromise")
    later = replace(ca, ports=replace(PORTS, clock=lambda: certificate.not_after + timedelta(days=1)))
    for _ in range(2):
        later.generate_crl()
    gone = later.generate_crl()
    kept = later.generate_crl(keep_expired=True)

    assert [gone.size, kept.size, later.generate_crl(keep_expired=True).size] == [0, 1, 1]
    found = kept.extensions.get_extension_for_oid(EXPIRED_CERTS_ON_CRL)
    assert (found.critical, found.value.value) == (
        False,
        b"\x18\x0f" + f"{ca.certificate.not_before:%Y%m%d%H%M%SZ}".encode(),
    )
    assert EXPIRED_CERTS_ON_CRL not in {extension.oid for extension in gone.extensions}


def test_a_crl_is_recorded_with_what_decided_it(ca):
    ca.generate_crl(inputs_digest="c" * 64)
    assert load_ca(ca.layout.meta).crl.inputs_digest == "c" * 64

    ca.generate_crl()
    assert load_ca(ca.layout.meta).crl.inputs_digest is None
