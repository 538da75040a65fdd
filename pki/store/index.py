"""`index.txt`: every certificate that the CA issued, in OpenSSL's CA database format.

One row per certificate, six fields with tabs between them: status, expiry, revocation, serial, file (always `unknown`)
and subject. `openssl ca` and `openssl ocsp` read it. A row is appended in O(1) and found by a search over the bytes; to
revoke replaces the file. Reading is strict: a row that is skipped is a revocation that is lost.

A process killed while it appended can leave a row without its newline. The journal tells that from damage: the torn row
begins as the row of an intent that is still open. Then it is as good as not there, and `mend` removes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pki.errors import StateCorruptError, StoreError
from pki.store import files
from pki.store.rows import ROW, IndexEntry, format_entry, parse_row, read_time
from pki.store.wire import serial_hex

__all__ = [
    "ATTRIBUTES",
    "IndexEntry",
    "Overview",
    "append",
    "find",
    "format_entry",
    "mend",
    "overview",
    "parse_index",
    "read",
    "read_revoked",
    "revoke",
]

ATTRIBUTES = b"unique_subject = no\n"
"""What `index.txt.attr` says: without it, OpenSSL refuses an index where two valid certificates share a subject."""

_SERIAL_FIELD = 3
_STANDING = re.compile(r"^[VE]\t([0-9]+Z)\t\t(00|(?!00)(?:[0-9A-F]{2})+)\t[^\t\n]+\t[^\t\x00-\x1f\x7f]*$", re.MULTILINE)
_REVOKED = re.compile(r"^R\t.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Overview:
    """An index as a whole: the revoked rows, and by serial when the certificates of the others end."""

    revoked: tuple[IndexEntry, ...]
    standing: Mapping[int, datetime]

    @property
    def last_expiry(self) -> datetime | None:
        """When the last of all certificates ends, revoked or not; None when there is none."""
        return max([*self.standing.values(), *(entry.not_after for entry in self.revoked)], default=None)


def parse_index(text: str, source: object = "index.txt") -> list[IndexEntry]:
    """Return the rows of an index.

    Raises:
        StateCorruptError: a row is malformed, a second one for its serial, or torn; the message has its line number.
    """
    *lines, torn = text.split("\n")
    if torn:
        raise _torn(source, len(lines) + 1)
    entries = [_parse_line(line, source, number) for number, line in enumerate(lines, start=1)]
    if len({entry.serial for entry in entries}) != len(entries):
        raise _malformed(source, *_second_row(entries))
    return entries


def read(path: Path, *, begun: Iterable[IndexEntry] = ()) -> list[IndexEntry]:
    """Return the rows of an index file; one that is not there is empty.

    `begun` are the entries of open intents, asked for only when a row is torn: if that is how one of them begins, it is
    being written or never will be, and does not count.

    Raises:
        StateCorruptError: as for `parse_index`.
    """
    return parse_index(_whole_rows(path, begun), path)


def read_revoked(path: Path, *, begun: Iterable[IndexEntry] = ()) -> list[IndexEntry]:
    """Return the revoked rows, as `read` does; the others are checked no further than their shape, which is quicker."""
    lines = _whole_rows(path, begun).split("\n")[:-1]
    return [
        _parse_line(line, path, number)
        for number, line in enumerate(lines, start=1)
        if line.startswith("R") or not ROW.fullmatch(line)
    ]


def overview(path: Path, *, begun: Iterable[IndexEntry] = ()) -> Overview:
    """Return what an index file says as a whole: as strictly as `read`, which takes several times as long."""
    text = _whole_rows(path, begun)
    rows = _STANDING.findall(text)
    try:
        ends = {end: read_time(end) for end in {end for end, _ in rows}}
        revoked = tuple(map(parse_row, _REVOKED.findall(text)))
        standing = {int(serial, 16): ends[end] for end, serial in rows}
    except ValueError:
        revoked, standing = (), {}
    if len(standing.keys() | {entry.serial for entry in revoked}) != text.count("\n"):
        parse_index(text, path)  # says which line it is
        raise AssertionError(path)
    return Overview(revoked, standing)


def find(path: Path, serial: int) -> IndexEntry | None:
    """Return the row of one serial, without parsing the others.

    Raises:
        StateCorruptError: the row is malformed.
    """
    if not files.exists(path):
        return None
    offset = 0
    for block in files.blocks(path):
        if (row := _row_of(block, serial)) is not None:
            start, line = row
            return _parse_found(path, offset + start, line)
        offset += len(block)
    return None


def append(path: Path, *entries: IndexEntry) -> None:
    """Add rows, all durable with one fsync; the caller holds the CA's lock.

    Raises:
        StateCorruptError: the last row is torn: `mend` first.
    """
    rows = "".join(map(format_entry, entries)).encode()
    last = files.read_tail(path, 1)
    if not last.data:
        files.write(path.with_name(f"{path.name}.attr"), ATTRIBUTES)
    elif last.data != b"\n":
        raise _torn(path)
    files.append(path, rows)


def revoke(
    path: Path,
    serials: Iterable[int],
    *,
    at: datetime,
    reason: str | None,
    invalidity_date: datetime | None = None,
) -> list[IndexEntry]:
    """Mark certificates as revoked, all of them or none, and return their new rows; the caller holds the CA's lock.

    Raises:
        StoreError: a serial has no row, or is revoked already.
        StateCorruptError: one of the rows is malformed.
    """
    wanted = {serial_hex(serial) for serial in serials}
    lines = _whole_rows(path).split("\n")
    changed = []
    for position, line in enumerate(lines):
        if wanted.intersection(line.split("\t", _SERIAL_FIELD + 1)[_SERIAL_FIELD : _SERIAL_FIELD + 1]):
            entry = _revoked(_parse_line(line, path, position + 1), at, reason, invalidity_date)
            wanted.discard(serial_hex(entry.serial))
            lines[position] = format_entry(entry).rstrip("\n")
            changed.append(entry)
    if wanted:
        raise StoreError(f"{path} has no certificate {', '.join(sorted(wanted))}")
    if changed:
        files.write(path, "\n".join(lines).encode())
    return changed


def mend(path: Path, begun: Iterable[IndexEntry]) -> bool:
    """Remove a torn last row that begins as one of `begun`, the entries of open intents; say whether there was one.

    Raises:
        StateCorruptError: a row is torn that nobody was writing: the file was damaged, and was left as it is.
    """
    torn = files.read_torn_line(path)
    if not torn.data:
        return False
    if not _is_begun(torn.data, begun):
        raise _torn(path)
    files.truncate(path, torn.offset)
    return True


def _second_row(entries: list[IndexEntry]) -> tuple[int, str]:
    """Return where a serial stands again, as after a careless merge: it could be valid here and revoked there."""
    seen: set[int] = set()
    for number, entry in enumerate(entries, start=1):
        if entry.serial in seen:
            return number, f"certificate {serial_hex(entry.serial)} has a row already"
        seen.add(entry.serial)
    raise AssertionError(entries)


def _torn(source: object, line: int | None = None) -> StateCorruptError:
    return StateCorruptError(
        f"{source}{'' if line is None else f':{line}'}: the last row is cut off",
        hint="a process was killed while it wrote, or the file was shortened: compare it with git or a backup",
    )


def _whole_rows(path: Path, begun: Iterable[IndexEntry] = ()) -> str:
    """Return the text of an index that ends with a row."""
    data = files.read(path, limit=None) if files.exists(path) else b""
    torn = data[data.rfind(b"\n") + 1 :]
    if torn and not _is_begun(torn, begun):
        raise _torn(path, _line_number(data, len(data)))
    whole = data[: len(data) - len(torn)]
    try:
        return whole.decode()
    except UnicodeDecodeError as error:
        raise StateCorruptError(f"{path}:{_line_number(whole, error.start)}: not UTF-8 text") from error


def _is_begun(torn: bytes, begun: Iterable[IndexEntry]) -> bool:
    """Say whether `torn` is the beginning of one of these rows, be it as valid or as revoked.

    After a power cut the file can be as long as the row was to be, with zeros where data never arrived.
    """
    *complete, last = torn.rstrip(b"\0").split(b"\t")
    return any(_begins(complete, last, format_entry(entry).encode().split(b"\t")) for entry in begun)


def _begins(complete: list[bytes], last: bytes, row: list[bytes]) -> bool:
    """Compare all fields but the status and the revocation: recovery may enter as revoked what was to be valid."""
    free = (0, 2)
    position = len(complete)
    same = all(number in free or field == row[number] for number, field in enumerate(complete[: len(row)]))
    return same and position < len(row) and (position in free or row[position].startswith(last))


def _row_of(block: bytes, serial: int) -> tuple[int, bytes] | None:
    """Return where the row of a serial begins, and the row; a torn one is none."""
    needle = f"\t{serial_hex(serial)}\t".encode()
    found = block.find(needle)
    while found >= 0:
        start, end = block.rfind(b"\n", 0, found) + 1, block.find(b"\n", found)
        if end >= 0 and block.count(b"\t", start, found + 1) == _SERIAL_FIELD:
            return start, block[start:end]
        found = block.find(needle, found + 1)
    return None


def _parse_found(path: Path, offset: int, line: bytes) -> IndexEntry:
    try:
        return parse_row(line.decode())
    except ValueError as error:
        raise _malformed(path, _line_number(files.read(path, limit=None), offset), error) from error


def _revoked(entry: IndexEntry, at: datetime, reason: str | None, invalidity_date: datetime | None) -> IndexEntry:
    if entry.status == "R":
        raise StoreError(f"certificate {serial_hex(entry.serial)} is revoked already; its date and reason stay")
    return replace(
        entry,
        status="R",
        revoked_at=_in_seconds(at),
        reason=reason,
        invalidity_date=None if invalidity_date is None else _in_seconds(invalidity_date),
    )


def _in_seconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _line_number(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _parse_line(line: str, source: object, number: int) -> IndexEntry:
    try:
        return parse_row(line)
    except ValueError as error:
        raise _malformed(source, number, error) from error


def _malformed(source: object, number: int, error: ValueError | str) -> StateCorruptError:
    return StateCorruptError(
        f"{source}:{number}: {error}", hint="nothing was changed; restore the row from git or a backup"
    )
