from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pki.errors import StateCorruptError
from reconciler import audit
from reconciler.audit import AuditLog
from reconciler.model import Address, Event, EventName, Kind

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STARTED = Event(EventName.APPLY_STARTED, None, {"plan": "sha256:00", "now": None})
KEY = Event(EventName.KEY_GENERATED, Address(Kind.CA, "root"), {"label": "ca-root"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def write(path: Path, *events: Event) -> list[dict[str, Any]]:
    AuditLog.load(path).append(events, NOW)
    return list(audit.entries(path))


def test_each_event_names_the_one_before(path: Path) -> None:
    first, second = write(path, STARTED, KEY)
    assert first["prev"] == []
    assert second["prev"] == [first["hash"]]
    (*_, third) = write(path, KEY)
    assert third["prev"] == [second["hash"]]


def test_an_event_is_one_line_of_canonical_json_with_its_own_hash(path: Path) -> None:
    write(path, KEY)
    (line,) = path.read_text().splitlines()
    entry = json.loads(line)
    assert line == json.dumps(entry, sort_keys=True, separators=(",", ":"))
    assert entry["hash"] == audit.digest(entry)
    assert {name: entry[name] for name in ("event", "time", "address", "label")} == {
        "event": "key-generated",
        "time": "2026-11-23T09:00:00Z",
        "address": "ca/root",
        "label": "ca-root",
    }


def test_facts_that_are_none_are_not_told(path: Path) -> None:
    (entry,) = write(path, STARTED)
    assert "now" not in entry
    assert "address" not in entry


def test_any_change_of_an_event_shows_in_its_hash(path: Path) -> None:
    (entry,) = write(path, KEY)
    for name in entry.keys() - {"hash"}:
        assert audit.digest({**entry, name: "another"}) != entry["hash"], name


def test_branches_that_were_merged_line_by_line_are_joined_by_the_next_event(path: Path) -> None:
    write(path, STARTED)
    common = path.read_text()
    ours = write(path, KEY)[-1]
    ours_text = path.read_text()
    path.write_text(common)
    theirs = write(path, Event(EventName.FORGOTTEN, Address(Kind.CREDENTIAL, "web")))[-1]
    path.write_text(ours_text + path.read_text().removeprefix(common))
    joined = write(path, KEY)[-1]
    assert joined["prev"] == sorted([ours["hash"], theirs["hash"]])
    assert write(path, KEY)[-1]["prev"] == [joined["hash"]]


def test_a_run_is_unfinished_until_it_or_a_later_one_says_so(path: Path) -> None:
    assert not AuditLog.load(path).unfinished
    killed = write(path, STARTED)[-1]
    assert AuditLog.load(path).unfinished
    again = write(path, STARTED)[-1]
    log = AuditLog.load(path)
    log.finish({"done": 1}, NOW)
    assert not log.unfinished
    assert not AuditLog.load(path).unfinished
    finished = list(audit.entries(path))[-1]
    assert finished["started"] == sorted([killed["hash"], again["hash"]])
    assert finished["done"] == 1


def test_a_torn_last_line_is_no_event_and_the_next_append_removes_it(path: Path) -> None:
    (entry,) = write(path, STARTED)
    with path.open("ab") as file:
        file.write(b'{"event":"key-gen')
    assert write(path, KEY)[-1]["prev"] == [entry["hash"]]


def test_events_are_durable_when_they_are_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog.load(path)
    log.append([STARTED], NOW)
    synced: list[bytes] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(path.read_bytes()), real(descriptor)))

    log.append([KEY, KEY], NOW)

    assert synced == [path.read_bytes()]


def test_no_events_write_nothing(path: Path) -> None:
    AuditLog.load(path).append([], NOW)
    assert not path.exists()


@pytest.mark.parametrize(
    "line",
    [
        "<<<<<<< ours",
        "[]",
        '{"event":"x","time":"2026-11-23T09:00:00Z","hash":"00"}',
        '{"event":"x","time":"2026-11-23T09:00:00Z","hash":"00","prev":[1]}',
        '{"event":"apply-finished","time":"2026-11-23T09:00:00Z","hash":"00","prev":[],"started":7}',
    ],
)
def test_a_line_that_is_no_event_is_an_error_that_names_it(path: Path, line: str) -> None:
    write(path, STARTED)
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(StateCorruptError, match=r"audit\.jsonl:2"):
        AuditLog.load(path)
