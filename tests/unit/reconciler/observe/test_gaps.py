"""What is on record is held against what its issuer has of it, row by row and file by file."""

from __future__ import annotations

import json
import shutil

import pytest

from pki.store.wire import serial_hex
from reconciler.model import Address, Kind
from reconciler.observe.authorities import Issuers, find_generation
from reconciler.observe.gaps import find_gaps
from reconciler.observe.reading import Reader
from reconciler.snapshot import Gap, Lack
from tests.support.states import State

WEB = Address(Kind.CREDENTIAL, "web")
ISSUING = Address(Kind.CA, "issuing")
INDEX = "state/ca/issuing/index.txt"


@pytest.fixture
def two(state) -> State:
    """The issuing CA has issued to two credentials, `web` and `api`."""
    state.enroll(state.ca("issuing"), "api")
    return state


def gap(state: State, lack: Lack, path: str, name: str = "web") -> Gap:
    record = state.credential(name).record
    return Gap(lack, path, record.certificates[0].serial, Address(Kind.CREDENTIAL, name), record.not_after)


def drop_row(state: State, serial: int, ca: str = "issuing") -> None:
    path = state.path(f"ca/{ca}/index.txt")
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(row for row in rows if f"\t{serial_hex(serial)}\t" not in row))


def copy_of(state: State, serial: int, ca: str = "issuing"):
    return state.path(f"ca/{ca}/certs/{serial_hex(serial)}.crt")


def serial_of(state: State, name: str = "web") -> int:
    return state.credential(name).record.certificates[0].serial


def without_intent(state: State, serial: int) -> None:
    path = state.path("ca/issuing/journal/issued.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if serial_hex(serial) not in line))


def test_where_all_is_there_nothing_is_missing(two):
    assert two.observe().gaps == ()


class TestRows:
    def test_a_valid_row_that_was_deleted_is_missed(self, two):
        drop_row(two, serial_of(two))

        assert two.observe().gaps == (gap(two, Lack.ROW, INDEX),)
        assert two.observe().damaged == {}

    def test_its_file_alone_shows_that_it_was_issued_there(self, two):
        without_intent(two, serial_of(two))
        drop_row(two, serial_of(two))

        assert two.observe().gaps == (gap(two, Lack.ROW, INDEX),)

    def test_the_journal_alone_shows_it_too(self, two):
        copy_of(two, serial_of(two)).unlink()
        drop_row(two, serial_of(two))

        assert two.observe().gaps == (gap(two, Lack.ROW, INDEX),)

    def test_without_either_it_can_have_come_from_elsewhere(self, two):
        without_intent(two, serial_of(two))
        copy_of(two, serial_of(two)).unlink()
        drop_row(two, serial_of(two))

        assert two.observe().gaps == (gap(two, Lack.ORIGIN, INDEX),)

    def test_a_journal_that_cannot_be_read_does_not_clear_the_index(self, two):
        copy_of(two, serial_of(two)).unlink()
        drop_row(two, serial_of(two))
        path = two.path("ca/issuing/journal/issued.jsonl")
        first, _, others = path.read_bytes().partition(b"\n")
        path.write_bytes(b"?" * len(first) + b"\n" + others)  # before the last clean mark, where nobody looks usually

        assert two.observe().gaps == (gap(two, Lack.ROW, INDEX),)

    def test_an_earlier_certificate_counts(self, two):
        serial = serial_of(two, "api")
        other = two.path("credential/api/credential.meta.json").read_text()

        def remember(record):
            record["previous"] = json.loads(other)["certificates"]

        two.edit("credential/web/credential.meta.json", remember)
        shutil.rmtree(two.path("credential/api"))
        drop_row(two, serial)

        assert [(each.lack, each.serial, each.holder) for each in two.observe().gaps] == [(Lack.ROW, serial, WEB)]

    def test_a_ca_is_missed_in_the_index_of_its_parent(self, two):
        two.add_ca("second", "ec/issuing-ca", two.ca("root"))
        facts = two.generation("issuing").record.certificate
        drop_row(two, facts.serial, "root")

        path = "state/ca/root/index.txt"
        assert two.observe().gaps == (Gap(Lack.ROW, path, facts.serial, ISSUING, facts.not_after),)

    def test_an_earlier_certificate_of_a_ca_counts_whichever_ca_signed_it(self, two):
        two.add_ca("second", "ec/issuing-ca", two.ca("root"))
        facts = two.generation("second").record.certificate
        record = two.path("ca/second/ca.meta.json").read_text()

        def remember(data):
            data["previous"] = [json.loads(record)["certificate"]]

        two.edit("ca/issuing/ca.meta.json", remember)
        shutil.rmtree(two.path("ca/second"))
        assert two.observe().gaps == ()
        drop_row(two, facts.serial, "root")

        path = "state/ca/root/index.txt"
        assert two.observe().gaps == (Gap(Lack.ROW, path, facts.serial, ISSUING, facts.not_after),)

    def test_of_an_issuer_that_is_not_in_state_nothing_is_expected(self, two):
        shutil.rmtree(two.path("ca/root"))

        assert two.observe().gaps == ()

    def test_what_was_issued_while_the_records_were_read_is_not_missed(self, two):
        found = find_generation(Reader(two.root), "state/ca/issuing")
        assert found is not None
        two.enroll(two.ca("issuing"), "late")

        assert find_gaps(two.root, [found], Issuers([found]), [two.credential("late")]) == ()

    def test_an_index_that_cannot_be_read_any_more_has_no_rows(self, two):
        found = find_generation(Reader(two.root), "state/ca/issuing")
        assert found is not None
        two.enroll(two.ca("issuing"), "late")
        two.path("ca/issuing/index.txt").write_bytes(b"nonsense\n")

        gaps = find_gaps(two.root, [found], Issuers([found]), [two.credential("late")])

        assert [(each.lack, each.holder.name) for each in gaps] == [(Lack.ROW, "late")]

    def test_a_revoked_row_is_a_row(self, two):
        two.ca("issuing").revoke([serial_of(two)], "superseded")

        assert two.observe().gaps == ()


class TestFiles:
    def test_a_missing_copy_is_told_by_its_path(self, two):
        copy_of(two, serial_of(two)).unlink()

        path = f"state/ca/issuing/certs/{serial_hex(serial_of(two))}.crt"
        assert two.observe().gaps == (gap(two, Lack.FILE, path),)

    def test_every_copy_can_be_missing(self, two):
        shutil.rmtree(two.path("ca/issuing/certs"))

        assert {each.lack for each in two.observe().gaps} == {Lack.FILE}
        assert len(two.observe().gaps) == 2

    def test_no_certificate_is_opened_for_it(self, two):
        copy_of(two, serial_of(two)).chmod(0)

        assert two.observe().gaps == ()


@pytest.mark.parametrize("content", [None, b""])
def test_a_journal_that_is_gone_is_damage_of_its_ca(state, content):
    path = state.path("ca/issuing/journal/issued.jsonl")
    path.unlink() if content is None else path.write_bytes(content)

    finding = state.observe().damaged["ca/issuing"]

    assert finding.message == "state/ca/issuing/journal/issued.jsonl is gone or empty, but certificates were issued"
    assert finding.hint == "restore the file from git or a backup"


def test_a_ca_that_issued_nothing_needs_no_journal(state):
    state.add_ca("fresh", "ec/root-ca")
    shutil.rmtree(state.path("ca/fresh/journal"), ignore_errors=True)

    assert state.observe().damaged == {}
