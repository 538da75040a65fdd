from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime

import pytest

from pki.errors import StateCorruptError, StoreError
from pki.store import files
from pki.store.journal import TAIL, Intent, Journal

NOW = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
NOT_AFTER = datetime(2027, 11, 23, 9, 0, 0, tzinfo=UTC)


def intent(serial: int, **fields) -> Intent:
    known = {
        "kind": "certificate",
        "serial": serial,
        "tbs_sha256": hashlib.sha256(str(serial).encode()).hexdigest(),
        "at": NOW,
        "subject": f"/CN={serial}",
        "not_after": NOT_AFTER,
        "profile": "ec/tls-server",
    }
    return Intent(**known | fields)


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "issued.jsonl")


@pytest.fixture
def bytes_read(monkeypatch):
    """How much of the journal was read, in bytes, by the last call that read it."""
    seen = []
    read_tail, blocks = files.read_tail, files.blocks

    def counted_tail(path, size):
        tail = read_tail(path, size)
        seen.append(len(tail.data))
        return tail

    def counted_blocks(path):
        for block in blocks(path):
            seen.append(len(block))
            yield block

    monkeypatch.setattr(files, "read_tail", counted_tail)
    monkeypatch.setattr(files, "blocks", counted_blocks)
    return seen


def test_a_journal_that_was_never_written_has_nothing_open(journal):
    assert journal.unfinished() == []
    assert not journal.path.exists()


def test_an_intent_stays_open_until_it_is_done(journal):
    journal.intend([intent(1), intent(2)])
    journal.intend([intent(3, kind="crl", subject="", not_after=None, profile=None)])
    first = journal.unfinished()
    journal.done([2])
    second = journal.unfinished()
    journal.done([3, 1])

    assert first == [intent(1), intent(2), intent(3, kind="crl", subject="", not_after=None, profile=None)]
    assert second == [first[0], first[2]]
    assert journal.unfinished() == []


def test_lines_are_json_objects_with_sorted_keys_that_grep_finds_by_file_name(journal):
    journal.intend([intent(0xABC)])
    journal.done([0xABC])

    lines = journal.path.read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["intent", "done"]
    assert all(list(json.loads(line)) == sorted(json.loads(line)) for line in lines)
    assert all('"serial":"0x0ABC"' in line for line in lines)


def test_nothing_to_say_writes_nothing(journal):
    journal.intend([])
    journal.done([])

    assert not journal.path.exists()


def test_done_can_be_said_twice_and_of_what_was_never_intended(journal):
    journal.intend([intent(1)])
    journal.done([1, 1, 99])
    journal.done([1])

    assert journal.unfinished() == []


def test_a_serial_that_is_intended_again_is_open_again(journal):
    journal.intend([intent(1)])
    journal.done([1])
    journal.intend([intent(1, subject="/CN=again")])

    assert journal.unfinished() == [intent(1, subject="/CN=again")]


def test_two_intents_for_one_serial_are_both_accounted_for(journal):
    both = [intent(1), intent(1, tbs_sha256="0" * 64)]
    journal.intend(both)

    assert journal.unfinished() == both


def test_holders_are_those_of_all_intents_open_or_done(journal):
    assert journal.holders() == {}
    journal.intend([intent(1, holder="credential/web"), intent(2), intent(3, holder="ca/issuing")])
    journal.done([1, 2])
    journal.intend([intent(4, holder="credential/é")])

    assert journal.holders() == {1: "credential/web", 3: "ca/issuing", 4: "credential/é"}


def test_holders_are_found_however_the_lines_are_spelled(journal):
    """Another program wrote some of them: spaces, another order, a key of its own; a torn one is none."""
    journal.intend([intent(1, holder="credential/web")])
    with journal.path.open("ab") as file:
        file.write(b'{"serial": "0x2", "event": "intent", "holder": "ca/a"}\n')
        file.write(b'{"event":"intent","serial":"0x03","holder":"ca/b","more":{"serial":"0x09"}}\n')
        file.write(journal.path.read_bytes().splitlines()[0].replace(b'"0x01"', b'"0x04"'))

    assert journal.holders() == {1: "credential/web", 2: "ca/a", 3: "ca/b"}


def test_a_journal_is_copied_without_holders(journal, tmp_path):
    assert journal.without_holders() == b""
    journal.intend([intent(1, holder="credential/web"), intent(2, holder="ca/issuing"), intent(3, kind="crl")])
    journal.done([1, 3])
    with journal.path.open("ab") as file:
        file.write(b'{"event":"inte')  # torn

    copied = Journal(tmp_path / "copied")
    copied.path.write_bytes(journal.without_holders())

    assert copied.holders() == {}
    assert copied.unfinished() == [intent(2)]
    assert copied.intended() == {1, 2}


def test_a_holder_in_a_line_that_cannot_be_read_is_an_error_with_its_place(journal):
    journal.intend([intent(1, holder="credential/web")])
    with journal.path.open("ab") as file:
        file.write(b'{"event":"intent","holder":"ca/a"}\n')

    with pytest.raises(StateCorruptError, match=r"issued\.jsonl:2"):
        journal.holders()


def test_an_intent_is_on_disk_before_intend_returns(journal, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (synced.append(journal.path.read_bytes().count(b"\n")), real(descriptor))
    )

    journal.intend([intent(1), intent(2)])

    assert synced[0] == 2


def test_an_intent_that_could_not_be_made_durable_is_an_error_and_leaves_no_trace(journal, monkeypatch):
    journal.intend([intent(1)])
    journal.done([1])

    def fails(_descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(StoreError, match="Input/output error"):
            journal.intend([intent(2)])

    assert journal.unfinished() == []


def test_fields_of_a_newer_version_do_not_hide_an_intent(journal):
    journal.intend([intent(1, extra={"approved_by": ["a", "b"]})])

    (found,) = journal.unfinished()
    assert found.extra == {"approved_by": ["a", "b"]}


class TestCleanTail:
    def fill(self, journal, count: int = 1000) -> None:
        journal.intend([intent(serial) for serial in range(1, count)])
        journal.done(range(1, count))

    def test_a_long_journal_that_ends_clean_is_read_from_its_end_only(self, journal, bytes_read):
        self.fill(journal)
        bytes_read.clear()

        assert journal.unfinished() == []
        assert sum(bytes_read) == TAIL
        assert journal.path.stat().st_size > 4 * TAIL

    def test_open_intents_after_a_clean_place_are_found_in_the_tail(self, journal, bytes_read):
        self.fill(journal)
        journal.intend([intent(5000)])
        bytes_read.clear()

        assert journal.unfinished() == [intent(5000)]
        assert sum(bytes_read) == TAIL

    def test_an_open_intent_from_long_ago_is_found_by_reading_everything(self, journal, bytes_read):
        journal.intend([intent(5000)])
        self.fill(journal)
        bytes_read.clear()

        assert journal.unfinished() == [intent(5000)]
        assert sum(bytes_read) == TAIL + journal.path.stat().st_size

    def test_the_next_clean_mark_makes_it_quick_again(self, journal, bytes_read):
        journal.intend([intent(5000)])
        self.fill(journal)
        journal.done([5000])
        bytes_read.clear()

        assert journal.unfinished() == []
        assert sum(bytes_read) == TAIL

    def test_a_mark_that_a_merge_moved_closes_only_its_own_intent(self, tmp_path):
        """Two branches: one ends clean, the other with an open intent. Their union must not lose the open one."""
        ours, theirs = Journal(tmp_path / "ours"), Journal(tmp_path / "theirs")
        ours.intend([intent(1)])
        ours.done([1])
        theirs.intend([intent(2)])
        merged = Journal(tmp_path / "merged")
        merged.path.write_bytes(theirs.path.read_bytes() + ours.path.read_bytes())

        assert merged.unfinished() == [intent(2)]

        merged.done([2])
        assert merged.unfinished() == []
        assert b'"clean":' in merged.path.read_bytes().splitlines()[-1]

    def test_a_subject_that_looks_like_a_mark_is_none(self, journal):
        journal.intend([intent(1, subject='/CN="clean":0}')])

        assert [found.serial for found in journal.unfinished()] == [1]


class TestTornLine:
    """Its fsync never returned, so nothing was signed."""

    @pytest.mark.parametrize("cut", range(1, 240, 13))
    @pytest.mark.parametrize("zeros", [0, 5, 100_000])
    def test_it_is_no_line_and_the_next_one_takes_its_place(self, journal, cut, zeros):
        journal.intend([intent(1)])
        journal.done([1])
        clean = journal.path.read_bytes()
        journal.intend([intent(2)])
        torn = journal.path.read_bytes()[: len(clean) + cut]
        journal.path.write_bytes(torn + b"\0" * zeros)

        assert journal.unfinished() == []
        assert journal.path.read_bytes() == torn + b"\0" * zeros

        journal.intend([intent(3)])
        assert journal.unfinished() == [intent(3)]
        assert journal.path.read_bytes().startswith(clean)

        journal.done([3])
        assert journal.unfinished() == []

    def test_of_a_batch_the_whole_lines_count(self, journal):
        journal.intend([intent(1), intent(2)])
        journal.path.write_bytes(journal.path.read_bytes()[:-10])

        assert journal.unfinished() == [intent(1)]

    def test_a_mark_without_its_newline_does_not_close_the_intent(self, journal):
        journal.intend([intent(1)])
        journal.done([1])
        journal.path.write_bytes(journal.path.read_bytes().rstrip(b"\n"))

        assert journal.unfinished() == [intent(1)]

    def test_one_in_a_long_journal_is_none_either(self, journal):
        journal.intend([intent(5000)])
        journal.intend([intent(serial) for serial in range(1, 1000)])
        journal.done(range(1, 1000))
        with journal.path.open("ab") as file:
            file.write(b'{"event":"intent","serial":"0x')

        assert journal.unfinished() == [intent(5000)]


class TestDamage:
    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"not json",
            b"[]",
            b'"text"',
            b"{}",
            b'{"event":"intent"}',
            b'{"event":"done","serial":7}',
            b'{"event":"done","serial":"seven"}',
            b'{"event":"undone","serial":"0x01"}',
            b'{"event":[],"serial":"0x01"}',
            b'{"event":"done","event":"done","serial":"0x01"}',
            b"<<<<<<< HEAD",
            b'{"clean":0,"event":"done"',
            b"\xff",
        ],
    )
    def test_a_line_that_is_none_of_ours_is_an_error_with_its_place(self, journal, line):
        journal.intend([intent(1)])
        journal.done([1])
        with journal.path.open("ab") as file:
            file.write(line + b"\n")

        with pytest.raises(StateCorruptError, match=r"issued\.jsonl:3"):
            journal.unfinished()
        with pytest.raises(StateCorruptError):
            journal.done([1])

    def test_a_line_in_a_long_journal_is_counted_from_its_beginning(self, journal):
        journal.intend([intent(serial) for serial in range(1, 1000)])
        journal.done(range(1, 1000))
        with journal.path.open("ab") as file:
            file.write(b"{}\n")

        with pytest.raises(StateCorruptError, match=r"issued\.jsonl:1999"):
            journal.unfinished()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("kind", "ocsp"),
            ("tbs_sha256", "abc"),
            ("at", "yesterday"),
            ("not_after", None),
            ("subject", 7),
            ("profile", ""),
            ("serial", "0x"),
        ],
    )
    def test_an_open_intent_with_a_wrong_field_is_an_error_that_names_it(self, journal, field, value):
        journal.intend([intent(1)])
        data = json.loads(journal.path.read_text()) | {field: value}
        journal.path.write_text(json.dumps(data) + "\n")

        with pytest.raises(StateCorruptError) as caught:
            journal.unfinished()

        assert str(journal.path) in caught.value.message
        assert field in caught.value.message or field == "serial"
