"""The smallest CA that keeps every promise of the store: it "signs" text. For crash tests of the store alone."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from pki.store import files, index
from pki.store.index import IndexEntry
from pki.store.journal import Intent, Journal
from pki.store.layout import CaLayout
from pki.store.wire import serial_hex

NOW = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
NOT_AFTER = datetime(2027, 11, 23, 9, 0, 0, tzinfo=UTC)


def sign(tbs: bytes) -> bytes:
    return b"signed " + tbs


def issue(root: Path, serial: int) -> None:
    layout = CaLayout(root)
    journal = Journal(layout.journal)
    for directory in (layout.certificates, layout.journal.parent):
        files.make_directory(directory)
    with files.locked(layout.lock, timeout=0):
        settle(layout)
        tbs = f"serial {serial}".encode()
        digest = hashlib.sha256(tbs).hexdigest()
        journal.intend(
            [Intent(kind="certificate", serial=serial, tbs_sha256=digest, at=NOW, subject="/CN=x", not_after=NOT_AFTER)]
        )
        files.create(layout.issued(serial_hex(serial)), sign(tbs))
        index.append(layout.index, _entry(serial))
        journal.done([serial])
        files.write(layout.meta, f"last {serial}\n".encode())


def settle(layout: CaLayout) -> None:
    """Account for what a killed process left: a serial with a certificate is valid, one without is revoked."""
    journal = Journal(layout.journal)
    left = [intent.serial for intent in journal.unfinished()]
    for directory in (layout.root, layout.certificates):
        files.sweep(directory)
    index.mend(layout.index, [_entry(serial) for serial in left])
    for serial in left:
        if index.find(layout.index, serial) is None:
            filed = files.exists(layout.issued(serial_hex(serial)))
            index.append(layout.index, _entry(serial) if filed else _revoked(serial))
    journal.done(left)


def _entry(serial: int) -> IndexEntry:
    return IndexEntry("V", NOT_AFTER, None, None, serial, "/CN=x")


def _revoked(serial: int) -> IndexEntry:
    return IndexEntry("R", NOT_AFTER, NOW, None, serial, "/CN=x")
