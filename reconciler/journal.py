"""`state/journal/keys.jsonl`: which keys on tokens are ours.

A key on a token exists before any file of ours says so. So the intent to make it is durable first, with the label and
the id that it is to have. A run that was killed in between leaves the intent open, and the next one takes the key of
exactly that label and id for its own, if it is there, instead of making a second one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pki.errors import StateCorruptError
from pki.store import files, records
from pki.store.forms import Hex, Instant, Name, Ordinal
from pki.store.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIntent(Record):
    """A key that is about to be made. `hsm` is the HSM config's path in the workspace, `address` whose key it is."""

    address: Name
    generation: Ordinal
    hsm: Name
    label: Name
    key_id: Hex
    at: Instant

    @property
    def names(self) -> tuple[str, ...]:
        """What tells it from all others: whose it is, where it is, and what it is called there."""
        return self.address, str(self.generation), self.hsm, self.label, self.key_id.lower()


@dataclass(frozen=True, slots=True)
class KeyJournal:
    """The journal; the caller holds the workspace's lock, and several of its threads may write."""

    path: Path
    _writing: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def intend(self, intent: KeyIntent) -> None:
        """Make an intent durable; when this returns, the key may be made."""
        self._append("intent", intent)

    def done(self, intent: KeyIntent) -> None:
        """Say that a record names the key by now."""
        self._append("done", intent)

    def open(self) -> list[KeyIntent]:
        """Return the intents whose keys no record is known to name, oldest first.

        Raises:
            StateCorruptError: a line is not what it should be; a torn last line is no line.
        """
        waiting: dict[tuple[str, ...], KeyIntent] = {}
        for event, intent in self._lines():
            if event == "done":
                waiting.pop(intent.names, None)
            else:
                waiting[intent.names] = intent
        return list(waiting.values())

    def _append(self, event: str, intent: KeyIntent) -> None:
        fields = {"event": event, **records.to_dict(intent)}
        line = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._writing:
            files.make_directory(self.path.parent)
            torn = files.read_torn_line(self.path)
            if torn.data:
                files.truncate(self.path, torn.offset)
            files.append(self.path, line)

    def _lines(self) -> Iterator[tuple[str, KeyIntent]]:
        if not files.exists(self.path):
            return
        *lines, _torn = files.read(self.path, limit=None).split(b"\n")
        for number, line in enumerate(lines, start=1):
            yield _parse(line, f"{self.path}:{number}")


def _parse(line: bytes, place: str) -> tuple[str, KeyIntent]:
    data = records.parse(line, place)
    event = data.pop("event", None) if isinstance(data, dict) else None
    if event not in ("intent", "done"):
        raise StateCorruptError(
            f"{place}: neither an intent nor the mark that one is done",
            hint="nothing was changed; restore the file from git or a backup",
        )
    return event, records.from_dict(KeyIntent, data, place)
