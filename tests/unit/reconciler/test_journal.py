from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pki.errors import StateCorruptError
from reconciler.journal import KeyIntent, KeyJournal

INTENT = KeyIntent(
    address="ca/root",
    generation=1,
    hsm="hsm/root.yaml",
    label="ca-root",
    key_id="0a1b2c3d4e5f6071",
    at=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
)


@pytest.fixture
def journal(tmp_path: Path) -> KeyJournal:
    return KeyJournal(tmp_path / "journal" / "keys.jsonl")


def test_without_a_file_nothing_is_open(journal: KeyJournal) -> None:
    assert journal.open() == []
    assert not journal.path.exists()


def test_an_intent_is_open_until_it_is_done_and_stays_on_record(journal: KeyJournal) -> None:
    journal.intend(INTENT)
    assert journal.open() == [INTENT]
    journal.done(INTENT)
    assert journal.open() == []
    assert [json.loads(line)["event"] for line in journal.path.read_text().splitlines()] == ["intent", "done"]


def test_an_intent_is_durable_when_the_key_may_be_made(journal: KeyJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.intend(INTENT)
    synced: list[bytes] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(journal.path.read_bytes()), real(descriptor)))

    journal.intend(replace(INTENT, generation=2))

    assert synced == [journal.path.read_bytes()]


@pytest.mark.parametrize(
    "other",
    [
        {"address": "ca/other"},
        {"generation": 2},
        {"hsm": "hsm/other.yaml"},
        {"label": "ca-root-2"},
        {"key_id": "ffffffffffffffff"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_an_open_intent_covers_exactly_the_key_that_it_names(journal: KeyJournal, other: dict[str, object]) -> None:
    journal.intend(INTENT)
    journal.done(replace(INTENT, **other))
    assert journal.open() == [INTENT]


def test_another_time_and_another_case_of_the_id_are_the_same_key(journal: KeyJournal) -> None:
    journal.intend(INTENT)
    journal.done(replace(INTENT, at=datetime(2027, 1, 1, tzinfo=UTC), key_id="0A1B2C3D4E5F6071"))
    assert journal.open() == []


def test_a_torn_last_line_is_no_line_and_the_next_append_removes_it(journal: KeyJournal) -> None:
    journal.intend(INTENT)
    with journal.path.open("ab") as file:
        file.write(b'{"event":"intent","addr')
    assert journal.open() == [INTENT]
    journal.done(INTENT)
    assert journal.open() == []
    assert journal.path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("line", ['{"event":"other"}', "[]", '{"event":"intent","address":"ca/root"}', "<<<<<<< ours"])
def test_a_damaged_line_is_an_error_that_names_it(journal: KeyJournal, line: str) -> None:
    journal.intend(INTENT)
    with journal.path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(StateCorruptError, match=r"keys\.jsonl:2"):
        journal.open()
