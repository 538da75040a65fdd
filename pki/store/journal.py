"""`journal/issued.jsonl`: what a CA is about to sign, durable before its key is used.

One JSON object per line: an intent, later the mark that it is done. Only the holder of the CA's lock writes. An intent
without its mark is open, and tells the next holder of the lock that a process died:

- while it wrote the intent: a torn line, or none. Nothing was signed; the line is dropped.
- after the intent, before or after the signature: there is no certificate file. Nobody can prove that no signature was
  made, so the serial is entered as revoked.
- after the certificate file, before the index row: the file's TBS digest is the intended one, so the row is added.
- while it wrote the index row: `index.mend` removes what is there of it, since this intent explains it.
- after the index row: nothing is missing but the mark.

A mark that leaves no intent open says so, with its own place in the file (`clean`, in bytes): the next reader starts
there. Where a merge or an editor moved lines, the place is wrong, and the reader goes through the whole file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pki.errors import StateCorruptError
from pki.store import files, records
from pki.store.forms import Instant, Name, Serial, Sha256, Text, one_of
from pki.store.records import Record
from pki.store.wire import serial_hex

TAIL = 64 * 1024
"""Bytes at the end of the file to look for a clean mark in; a line takes about 400."""

Kind = Literal["certificate", "crl"]

_HELD = re.compile(
    rb'^\{"at":"[^"\\]*","event":"intent","holder":"([^"\\]+)","kind":"certificate",[^{}\n]*"serial":"0x([0-9A-F]+)"[^{}\n]*\}$',
    re.MULTILINE,
)
"""An intent with a holder as it is written here."""


_OF_ITS_PLACE = frozenset({"holder", "clean"})
"""Fields that are true of one file in one workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent(Record):
    """One signature that is about to be made. For a CRL, `serial` is its number, far shorter than any random serial.

    `holder` is the address of the resource that the certificate is for; a certificate without one was asked for by
    hand, and is nobody's orphan.
    """

    kind: Annotated[Kind, one_of(("certificate", "crl"))]
    serial: Serial
    tbs_sha256: Sha256
    at: Instant
    subject: Text = ""
    not_after: Instant | None = None
    profile: Name | None = None
    holder: Text = ""


@dataclass(frozen=True, slots=True)
class Journal:
    path: Path

    def intend(self, intents: Iterable[Intent]) -> None:
        """Make intents durable, all with one fsync; when this returns, the key may be used."""
        self._append([{"event": "intent", **records.to_dict(intent)} for intent in intents])

    def done(self, serials: Iterable[int]) -> None:
        """Mark the intents of these serials as accounted for: filed and entered, or entered as revoked.

        A mark that a power cut takes away costs nothing: the intent is looked at again, and found settled.
        """
        settled = list(dict.fromkeys(serials))
        marks: list[dict[str, Any]] = [{"event": "done", "serial": f"0x{serial_hex(serial)}"} for serial in settled]
        clean = {intent.serial for intent in self.unfinished()} <= set(settled)
        self._append(marks, clean=clean, durable=False)

    def unfinished(self) -> list[Intent]:
        """Return the open intents, oldest first.

        Raises:
            StateCorruptError: a line is not what it should be; a torn last line is no line.
        """
        tail = files.read_tail(self.path, TAIL)
        start = _start_of_open(tail)
        if start is None:
            return _open_intents(_events(self.path, 0, files.blocks(self.path)))
        return _open_intents(_events(self.path, tail.offset + start, [tail.data[start:]]))

    def holders(self) -> dict[int, str]:
        """Return the holder of every serial that was meant for one, from the whole file; no file is no holders.

        Raises:
            StateCorruptError: as `unfinished`, for the lines that name a holder and are not as this module writes them.
        """
        if not files.exists(self.path):
            return {}
        held: dict[int, str] = {}
        offset = 0
        for block in files.blocks(self.path):
            held.update(_held(block, self.path, offset))
            offset += len(block)
        return held

    def intended(self) -> frozenset[int]:
        """Return the serials of all certificates that were begun, from the whole file; no file is none.

        Raises:
            StateCorruptError: as `unfinished`.
        """
        blocks = files.blocks(self.path) if files.exists(self.path) else ()
        events = (event for event in _events(self.path, 0, blocks) if event.data.get("kind") == "certificate")
        return frozenset(event.serial for event in events)

    def without_holders(self) -> bytes:
        """Return all whole lines, but not whom the certificates were for: that means something only where it was said.

        Raises:
            StateCorruptError: as `unfinished`.
        """
        blocks = files.blocks(self.path) if files.exists(self.path) else ()
        kept = (event.data.items() for event in _events(self.path, 0, blocks))
        return b"".join(_line({name: value for name, value in items if name not in _OF_ITS_PLACE}) for items in kept)

    def _append(self, lines: list[dict[str, Any]], *, clean: bool = False, durable: bool = True) -> None:
        if not lines:
            return
        torn = files.read_torn_line(self.path)
        if torn.data:
            files.truncate(self.path, torn.offset)
        data = b"".join(map(_line, lines[:-1]))
        last = lines[-1] | ({"clean": torn.offset + len(data)} if clean else {})
        files.append(self.path, data + _line(last), durable=durable)


@dataclass(frozen=True, slots=True)
class _Place:
    """A line by where it begins; its number is counted only if a message needs it."""

    path: Path
    offset: int

    def __str__(self) -> str:
        number = files.read(self.path, limit=None).count(b"\n", 0, self.offset) + 1
        return f"{self.path}:{number}"


@dataclass(frozen=True, slots=True)
class _Event:
    place: _Place
    data: dict[str, Any]
    serial: int


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _start_of_open(tail: files.Tail) -> int | None:
    """Return where in the tail to start: after the last clean mark, or at the file's beginning; None if neither."""
    end = tail.data.rfind(b"\n") + 1
    while end > 0:
        start = tail.data.rfind(b"\n", 0, end - 1) + 1
        if b'"clean":' in tail.data[start:end] and _is_clean_mark(tail.data[start:end], tail.offset + start):
            return end
        end = start
    return None if tail.offset else 0


def _is_clean_mark(line: bytes, offset: int) -> bool:
    """Say whether a line is a clean mark in its place; one that cannot be read is not, and gets its error later."""
    try:
        mark = json.loads(line)
    except ValueError:
        return False
    return isinstance(mark, dict) and (mark.get("event"), mark.get("clean")) == ("done", offset)


def _held(block: bytes, path: Path, offset: int) -> Iterable[tuple[int, str]]:
    """Return serials and holders of a block of lines; it is parsed only if somebody else wrote some of them."""
    whole = block[: block.rfind(b"\n") + 1]
    lines = _HELD.findall(whole)
    if len(lines) == whole.count(b'"holder"'):
        return [(int(serial, 16), holder.decode()) for holder, serial in lines]
    events = _events(path, offset, [block])
    return [(event.serial, str(event.data["holder"])) for event in events if event.data.get("holder")]


def _events(path: Path, offset: int, blocks: Iterable[bytes]) -> Iterator[_Event]:
    for block in blocks:
        *lines, _torn = block.split(b"\n")
        for line in lines:
            yield _event(line, _Place(path, offset))
            offset += len(line) + 1


def _event(line: bytes, place: _Place) -> _Event:
    data = records.parse(line, place)
    try:
        if data["event"] not in ("intent", "done"):
            raise ValueError(data["event"])  # noqa: TRY301 - the same answer as for a serial that is none
        return _Event(place, data, int(data["serial"], 16))
    except (KeyError, TypeError, ValueError) as error:
        raise StateCorruptError(
            f"{place}: neither an intent nor the mark that one is done",
            hint="nothing was changed; restore the file from git or a backup",
        ) from error


def _open_intents(events: Iterable[_Event]) -> list[Intent]:
    waiting: dict[int, list[_Event]] = {}
    for event in events:
        if event.data["event"] == "done":
            waiting.pop(event.serial, None)
        else:
            waiting.setdefault(event.serial, []).append(event)
    return [_intent(event) for group in waiting.values() for event in group]


def _intent(event: _Event) -> Intent:
    data = {name: value for name, value in event.data.items() if name != "event"}
    return records.from_dict(Intent, data, event.place)
