"""What was meant to be signed is settled, what was signed is on record, and no CRL forgets what one before it said."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from pki.authority import Authority, CaRenewal, renew_ca
from pki.errors import IssuanceError, StateCorruptError, StoreError
from pki.ledger import intact, revocation, stored_certificates
from pki.store import files
from pki.store.index import IndexEntry
from pki.store.journal import Intent, Journal
from pki.x509.certificates import Certificate
from tests.support.issue import CATALOG, NOW, PORTS, new_ca, new_leaf

LATER = NOW + timedelta(hours=1)
NAMES = {"cn": "a.example.com", "dns_names": ["a.example.com"]}


@pytest.fixture
def ca(tmp_path) -> Authority:
    return new_ca(CATALOG.get("ec/root-ca"), tmp_path / "ca", variables={"cn": "Root"})


@pytest.fixture
def certificate(ca) -> Certificate:
    return new_leaf(ca, CATALOG.get("ec/tls-server"), NAMES).certificate


def journal(ca: Authority) -> Journal:
    return Journal(ca.layout.journal)


def intent(certificate: Certificate, tbs: bytes | None = None) -> Intent:
    return Intent(
        kind="certificate",
        serial=certificate.serial,
        tbs_sha256=hashlib.sha256(tbs or certificate.tbs).hexdigest(),
        at=NOW,
        subject="/CN=a.example.com",
        not_after=certificate.not_after,
        profile="ec/tls-server",
    )


def crash_before_the_row(ca: Authority, certificate: Certificate, tbs: bytes | None = None) -> None:
    """Put back what a run that was killed before it wrote the index leaves."""
    ca.layout.index.unlink()
    journal(ca).intend([intent(certificate, tbs)])


def rows(ca: Authority) -> list[tuple[str, int]]:
    return [(entry.status, entry.serial) for entry in ca.ledger.entries(LATER)]


def test_what_is_journaled_is_the_digest_of_what_was_signed(ca, certificate):
    """Only by that a certificate that reached the disk is known again after a crash."""
    crl = ca.generate_crl()
    events = [json.loads(line) for line in ca.layout.journal.read_text().splitlines()]

    assert [event["tbs_sha256"] for event in events if event["event"] == "intent"] == [
        hashlib.sha256(signed.tbs).hexdigest() for signed in (ca.certificate, certificate, crl)
    ]


def test_a_certificate_that_reached_the_disk_is_adopted(ca, certificate):
    crash_before_the_row(ca, certificate)
    ca.ledger.settle(LATER)

    assert rows(ca) == [("V", certificate.serial)]
    assert journal(ca).unfinished() == []


def test_a_serial_without_its_certificate_is_disowned(ca, certificate):
    crash_before_the_row(ca, certificate)
    ca.layout.issued(certificate.serial_hex).unlink()
    ca.ledger.settle(LATER)

    (entry,) = ca.ledger.entries(LATER)
    assert (entry.status, entry.serial, entry.revoked_at) == ("R", certificate.serial, LATER)
    assert journal(ca).unfinished() == []


def test_another_certificate_in_the_place_of_the_intended_one_is_not_adopted(ca, certificate):
    crash_before_the_row(ca, certificate, tbs=b"something else")
    ca.ledger.settle(LATER)

    assert rows(ca) == [("R", certificate.serial)]


def test_a_certificate_that_is_in_the_index_is_entered_once(ca, certificate):
    journal(ca).intend([intent(certificate)])
    ca.ledger.settle(LATER)

    assert rows(ca) == [("V", certificate.serial)]


def test_the_own_certificate_of_a_ca_is_in_no_index(ca):
    journal(ca).intend([intent(ca.certificate)])
    ca.ledger.settle(LATER)

    assert rows(ca) == []
    assert journal(ca).unfinished() == []


def test_an_earlier_certificate_of_a_ca_is_in_no_index_either(ca):
    renew_ca(ca, CaRenewal(profile=CATALOG.get("ec/root-ca"), variables={"cn": "Root"}))
    journal(ca).intend([intent(ca.certificate)])
    ca.ledger.settle(LATER)

    assert rows(ca) == []
    assert journal(ca).unfinished() == []


def test_the_own_certificate_of_a_ca_that_came_to_nothing_is_disowned(ca):
    journal(ca).intend([intent(ca.certificate)])
    ca.layout.meta.unlink()
    ca.ledger.settle(LATER)

    assert rows(ca) == [("R", ca.certificate.serial)]


def test_who_reads_while_another_writes_sees_whole_rows_and_mends_nothing(ca, certificate):
    """Half of a row is there, because the writer is in the middle of it; the reader holds no lock."""
    whole = ca.layout.index.read_bytes()
    journal(ca).intend([intent(certificate)])
    ca.layout.index.write_bytes(whole[: len(whole) // 2])
    before = ca.layout.index.read_bytes()

    assert rows(ca) == []
    assert ca.ledger.revocations(None, LATER) == ()
    assert ca.layout.index.read_bytes() == before
    assert [each.serial for each in journal(ca).unfinished()] == [certificate.serial]


def test_a_row_that_the_writer_did_not_finish_is_mended(ca, certificate):
    whole = ca.layout.index.read_bytes()
    journal(ca).intend([intent(certificate)])
    ca.layout.index.write_bytes(whole[: len(whole) // 2])
    ca.ledger.settle(LATER)

    assert rows(ca) == [("V", certificate.serial)]
    assert ca.layout.index.read_bytes() == whole


@pytest.mark.usefixtures("certificate")
@pytest.mark.parametrize("use", [lambda ca: ca.ledger.settle(LATER), rows])
def test_half_a_row_that_nobody_was_writing_is_damage_and_stays(ca, use):
    damaged = ca.layout.index.read_bytes()[:-20]
    ca.layout.index.write_bytes(damaged)

    with pytest.raises(StateCorruptError, match=r"index\.txt"):
        use(ca)
    assert ca.layout.index.read_bytes() == damaged


@pytest.mark.usefixtures("certificate")
def test_an_index_that_is_gone_is_not_begun_anew(ca):
    ca.layout.index.unlink()

    with pytest.raises(StateCorruptError, match=r"index\.txt is gone or empty, but certificates were issued"):
        ca.ledger.settle(LATER)
    assert not ca.layout.index.exists()


def test_what_git_does_not_keep_is_made_again(ca):
    ca.layout.certificates.rmdir()
    ca.ledger.settle(LATER)

    assert ca.layout.certificates.is_dir()


@pytest.mark.parametrize("folder", ["", "certs", "own", "crl"])
def test_a_staged_file_of_a_killed_run_is_removed(ca, folder):
    staged = ca.layout.root / folder / ".qpki-0123456789abcdef.tmp"
    staged.parent.mkdir(exist_ok=True)
    staged.write_bytes(b"half")
    ca.layout.lock.write_text("999999999\n")
    ca.ledger.settle(LATER)

    assert not staged.exists()


def test_a_serial_with_a_certificate_is_not_free(ca, certificate):
    assert (ca.ledger.is_free(certificate.serial), ca.ledger.is_free(certificate.serial + 1)) == (False, True)


def test_a_serial_is_free_or_another_is_taken(ca, certificate):
    serials = iter([certificate.serial, certificate.serial, 7])

    assert ca.ledger.free_serial(lambda: next(serials)) == 7
    with pytest.raises(IssuanceError, match="repeats itself"):
        ca.ledger.free_serial(lambda: certificate.serial)


def test_one_row_is_found_by_its_serial(ca, certificate):
    assert ca.ledger.find(certificate.serial) == ca.ledger.entries(LATER)[0]
    assert ca.ledger.find(certificate.serial + 1) is None


def test_an_expired_revocation_can_be_kept(ca, certificate):
    ca.ledger.revoke([certificate.serial], None, NOW)
    crl = replace(ca, ports=replace(PORTS, clock=lambda: certificate.not_after + timedelta(days=1))).generate_crl()
    later = certificate.not_after + timedelta(days=2)

    assert ca.ledger.revocations(crl, later) == ()
    assert [each.serial for each in ca.ledger.revocations(crl, later, keep_expired=True)] == [certificate.serial]


def test_a_revocation_is_listed_with_its_reason_and_date(ca, certificate):
    ca.ledger.revoke([certificate.serial], "keyCompromise", LATER)
    (listed,) = ca.ledger.revocations(None, LATER)

    assert (listed.serial, listed.reason, listed.at) == (certificate.serial, "keyCompromise", LATER)


def test_all_serials_are_revoked_or_none(ca, certificate):
    with pytest.raises(StoreError):
        ca.ledger.revoke([certificate.serial, 4711], "superseded", LATER)

    assert ca.ledger.revocations(None, LATER) == ()


def test_a_revocation_that_the_index_lost_stops_the_next_crl(ca, certificate):
    """The row is valid again, as after a merge that took the wrong side."""
    before = ca.layout.index.read_bytes()
    ca.ledger.revoke([certificate.serial], None, NOW)
    crl = ca.generate_crl()
    ca.layout.index.write_bytes(before)

    with pytest.raises(StateCorruptError, match=f"the last CRL lists {certificate.serial_hex}") as caught:
        ca.ledger.revocations(crl, LATER)
    assert caught.value.hint
    with pytest.raises(StateCorruptError):
        ca.generate_crl()


def test_an_expired_revocation_is_listed_until_a_crl_after_its_expiry_had_it(ca, certificate):
    ca.ledger.revoke([certificate.serial], None, NOW)
    first = ca.generate_crl()
    expired = certificate.not_after + timedelta(days=1)

    assert [each.serial for each in ca.ledger.revocations(first, expired)] == [certificate.serial]


def test_the_number_of_a_crl_is_used_up_until_one_is_published(ca):
    ca.ledger.intend_crl(7, NOW)(b"to be signed")
    assert ca.ledger.open_crl_numbers() == [7]

    ca.ledger.crl_published()
    assert ca.ledger.open_crl_numbers() == []


def test_only_a_revoked_row_is_a_revocation():
    with pytest.raises(StateCorruptError, match="certificate 07 is not revoked"):
        revocation(IndexEntry("V", NOW, None, None, 7, "/CN=x"))


def test_a_file_of_ours_that_is_gone_or_damaged_is_named(ca):
    files.write(ca.layout.certificate, b"damaged")
    with pytest.raises(StateCorruptError, match=r"ca\.crt: ") as damaged:
        stored_certificates(ca.layout.certificate)
    ca.layout.certificate.unlink()
    with pytest.raises(StateCorruptError, match=r"ca\.crt is not there") as gone, intact(ca.layout.certificate):
        pytest.fail("the block must not be entered")

    assert damaged.value.hint == gone.value.hint
