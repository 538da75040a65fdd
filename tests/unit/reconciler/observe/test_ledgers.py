"""What a CA issued is held against who has it: a serial that nobody's record names is found again."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from pki.ledger import Ledger
from pki.profiles.compile import compile_template
from pki.signers import software
from pki.store import index
from pki.store.journal import Intent, Journal
from pki.x509.certificates import Certificate, serial_hex
from reconciler.audit import AuditLog
from reconciler.model import Address, Event, EventName
from reconciler.snapshot import Orphan, RevokedRow
from tests.support.issue import CATALOG, NOW
from tests.support.states import WEB, State


def template_of(state: State):
    return compile_template(CATALOG.get("ec/tls-server"), WEB, issuer=state.ca("issuing").facts(), now=NOW)


def issue(state: State, holder: str) -> Certificate:
    """Issue a certificate as a run does that is killed before its holder's record is there."""
    authority, template = state.ca("issuing"), template_of(state)
    with authority.key() as key:
        spki = software.generate(template.algorithm).spki
        return authority.issue_template(template, spki, key, holder=holder).certificate


def intend(state: State, serial: int, holder: str = "", kind: str = "certificate") -> Intent:
    """Journal an intent as a run does that is killed right after."""
    intent = Intent(
        kind=kind,
        serial=serial,
        tbs_sha256=hashlib.sha256(b"").hexdigest(),
        at=NOW,
        subject="/CN=www.example.com",
        not_after=NOW + timedelta(days=30),
        holder=holder,
    )
    Journal(state.ca("issuing").layout.journal).intend([intent])
    return intent


def orphans(state: State) -> tuple[Orphan, ...]:
    return state.generation("issuing").orphans


class TestRevoked:
    def test_every_revoked_row_is_seen(self, state):
        serial = state.credential().record.certificates[0].serial
        state.ca("issuing").revoke([serial], "superseded")

        (row,) = state.generation("issuing").revoked

        assert row == RevokedRow(serial, NOW, "superseded", state.credential().record.not_after, row.subject)
        assert row.subject.endswith("/CN=www.example.com")

    def test_the_last_expiry_counts_revoked_ones_too(self, state):
        expected = state.credential().record.not_after
        state.ca("issuing").revoke([state.credential().record.certificates[0].serial], None)

        assert state.generation("issuing").last_expiry == expected

    def test_a_ca_that_issued_nothing_has_no_last_expiry(self, state):
        state.add_ca("fresh", "ec/root-ca")

        assert state.generation("fresh").last_expiry is None


class TestCertified:
    def test_a_certificate_that_no_record_names_is_an_orphan(self, state):
        certificate = issue(state, "credential/lost")

        assert orphans(state) == (
            Orphan(certificate.serial, "credential/lost", NOW, certified=True, not_after=certificate.not_after),
        )

    def test_without_its_file_it_is_still_one(self, state):
        certificate = issue(state, "credential/lost")
        state.ca("issuing").layout.issued(certificate.serial_hex).unlink()

        (orphan,) = orphans(state)

        assert (orphan.serial, orphan.at, orphan.certified) == (certificate.serial, None, True)

    @pytest.mark.parametrize(
        ("recovered", "recorded"),
        [
            pytest.param({}, True, id="told by the run that recorded it"),
            pytest.param({"recovered": True}, False, id="told later, of a run that may have died before"),
        ],
    )
    def test_one_that_a_record_named_once_says_so(self, state, recovered, recorded):
        """A run tells of a certificate when its record is there: a record that is gone now was lost, or deleted."""
        certificate = issue(state, "credential/lost")
        facts = {"serial": f"0x{certificate.serial_hex}", **recovered}
        event = Event(EventName.CERTIFICATE_ISSUED, Address.parse("credential/lost"), facts)
        AuditLog(state.path("audit.jsonl")).append([event], NOW)

        (orphan,) = orphans(state)

        assert orphan.recorded is recorded

    @pytest.mark.parametrize("line", [b"nonsense\n", b'{"event":"certificate-issued","hash":"","prev":[],"time":""}\n'])
    def test_a_log_that_cannot_be_read_tells_nothing(self, state, line):
        issue(state, "credential/lost")
        state.path("audit.jsonl").write_bytes(line)

        (orphan,) = orphans(state)

        assert not orphan.recorded

    def test_a_certificate_asked_for_by_hand_is_nobodys_orphan(self, state):
        issue(state, "")

        assert orphans(state) == ()

    def test_a_revoked_one_is_none_any_more(self, state):
        certificate = issue(state, "credential/lost")
        state.ca("issuing").revoke([certificate.serial], "superseded")

        assert orphans(state) == ()

    def test_an_earlier_certificate_is_named_by_its_holders_history(self, state):
        certificate = issue(state, "credential/web")

        def remember(record):
            earlier = record["certificates"][0] | {"serial": f"0x{certificate.serial_hex}"}
            record["previous"] = [earlier]

        state.edit("credential/web/credential.meta.json", remember)

        assert orphans(state) == ()

    @pytest.mark.parametrize("content", [b"{", b'{"format": 99}'])
    def test_what_a_damaged_record_may_name_is_no_orphan(self, state, content):
        assert state.generation("issuing").orphans == ()
        issue(state, "credential/web")
        state.path("credential/web/credential.meta.json").write_bytes(content)

        assert state.observe().damaged.keys() == {"credential/web"}
        assert orphans(state) == ()

    def test_they_are_in_the_order_of_their_serials(self, state):
        serials = [issue(state, f"credential/lost-{number}").serial for number in range(5)]

        assert [orphan.serial for orphan in orphans(state)] == sorted(serials)


class TestReserved:
    @pytest.mark.parametrize("holder", ["", "credential/lost"])
    def test_a_serial_that_was_only_reserved_is_told(self, state, holder):
        intent = intend(state, 0xABCD, holder)

        assert orphans(state) == (
            Orphan(0xABCD, holder, intent.at, certified=False, not_after=NOW + timedelta(days=30)),
        )

    def test_a_certificate_that_missed_its_row_can_be_revoked(self, state):
        intend(state, 0xABCD, "credential/lost")
        state.ca("issuing").layout.issued("ABCD").write_bytes(b"whatever it is")

        (orphan,) = orphans(state)

        assert orphan.certified

    def test_one_asked_for_by_hand_that_missed_its_row_is_adopted_as_it_is(self, state):
        intend(state, 0xABCD)
        state.ca("issuing").layout.issued("ABCD").write_bytes(b"whatever it is")

        assert orphans(state) == ()

    def test_one_that_only_misses_its_mark_is_in_order(self, state):
        intend(state, state.credential().record.certificates[0].serial, "credential/web")

        assert orphans(state) == ()

    def test_a_cas_own_certificate_is_no_orphan(self, state):
        intend(state, state.generation("issuing").record.certificate.serial, "ca/issuing")

        assert orphans(state) == ()

    def test_a_crl_that_was_begun_is_none(self, state):
        intend(state, 7, kind="crl")

        assert orphans(state) == ()

    def test_a_row_that_was_being_written_is_explained_by_its_intent(self, state):
        intent = intend(state, 0xABCD, "credential/lost")
        row = index.format_entry(
            index.IndexEntry("V", intent.not_after, None, None, intent.serial, intent.subject)
        ).encode()
        with state.path("ca/issuing/index.txt").open("ab") as stream:
            stream.write(row[:-9])

        assert state.observe().damaged == {}
        assert [orphan.serial for orphan in orphans(state)] == [0xABCD]

    def test_the_first_certificate_of_all_can_miss_its_row(self, state):
        (certificate,) = state.credential().record.certificates
        intend(state, certificate.serial, "credential/web")
        state.path("ca/issuing/index.txt").unlink()

        assert state.observe().damaged == {}

    def test_whoever_opens_the_ca_next_settles_it(self, state):
        intend(state, 0xABCD, "credential/lost")
        with Ledger(state.ca("issuing").layout).exclusive(NOW):
            pass

        generation = state.generation("issuing")
        assert generation.orphans == ()
        assert [serial_hex(row.serial) for row in generation.revoked] == ["ABCD"]
