"""`state/audit.jsonl`: what was done, by whom, under which plan, in a chain that shows what was changed afterwards.

One JSON object per line. `hash` is the SHA-256 of the line's canonical JSON without it; `prev` has the hashes of all
events that nothing followed when it was written: one, until two branches of a repository append and are merged line by
line (`merge=union`), and then one for each; the next event joins them. `docs/audit-log.md` describes every event.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pki.errors import StateCorruptError
from pki.store import files, records
from pki.store.wire import format_time
from reconciler.model import Event, EventName

NAME = "audit.jsonl"

_RESTORE = "nothing was changed; restore the file from git or a backup"


@dataclass(slots=True)
class AuditLog:
    """The log, ready for further events; the caller holds the workspace's lock to append."""

    path: Path
    _heads: set[str] = field(default_factory=set)
    _open: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, path: Path) -> AuditLog:
        """Read the log, which need not be there yet.

        Raises:
            StateCorruptError: a line is not an event; a torn last line is no line.
        """
        log = cls(path)
        for entry in entries(path):
            log._take(entry)
        return log

    @property
    def unfinished(self) -> bool:
        """Say whether a run was killed: it started, and never came to write that it finished."""
        return bool(self._open)

    def append(self, events: Sequence[Event], at: datetime) -> None:
        """Write events, all durable with one fsync."""
        lines = [self._take(self._entry(event, at)) for event in events]
        if not lines:
            return
        torn = files.read_torn_line(self.path)
        if torn.data:
            files.truncate(self.path, torn.offset)
        files.append(self.path, b"".join(lines))

    def finish(self, facts: Mapping[str, Any], at: datetime) -> None:
        """Write that this run, and with it every killed one before, is accounted for."""
        started = {"started": sorted(self._open)}
        self.append([Event(EventName.APPLY_FINISHED, None, {**facts, **started})], at)

    def _entry(self, event: Event, at: datetime) -> dict[str, Any]:
        facts = {name: value for name, value in event.facts.items() if value is not None}
        address = {} if event.address is None else {"address": str(event.address)}
        entry = {"event": str(event.name), "time": format_time(at), **address, **facts, "prev": sorted(self._heads)}
        return {**entry, "hash": digest(entry)}

    def _take(self, entry: Mapping[str, Any]) -> bytes:
        self._heads.difference_update(entry["prev"])
        self._heads.add(entry["hash"])
        if entry["event"] == EventName.APPLY_STARTED:
            self._open.add(entry["hash"])
        elif entry["event"] == EventName.APPLY_FINISHED:
            self._open.difference_update(entry.get("started", ()))
        return canonical(entry) + b"\n"


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Give the events of a log, as they stand; raises as `AuditLog.load` does."""
    if not files.exists(path):
        return
    number = 0
    for block in files.blocks(path):
        *lines, _torn = block.split(b"\n")
        for line in lines:
            number += 1
            yield _parse(line, f"{path}:{number}")


def canonical(entry: Mapping[str, Any]) -> bytes:
    """Return JSON in its one form: sorted keys, no spaces, UTF-8."""
    return json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def digest(entry: Mapping[str, Any]) -> str:
    """Return what the `hash` of an event must be."""
    return hashlib.sha256(canonical({name: value for name, value in entry.items() if name != "hash"})).hexdigest()


def _parse(line: bytes, place: str) -> dict[str, Any]:
    entry = records.parse(line, place)
    if not isinstance(entry, dict) or not _is_event(entry):
        raise StateCorruptError(f"{place}: not an event of the audit log", hint=_RESTORE)
    return entry


def _is_event(entry: Mapping[str, Any]) -> bool:
    texts = all(isinstance(entry.get(name), str) for name in ("event", "time", "hash"))
    return texts and _is_list_of_text(entry.get("prev")) and _is_list_of_text(entry.get("started", []))


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
