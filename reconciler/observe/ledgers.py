"""What a CA has issued, by its index and journal, and what of that no record knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pki.errors import PkiError, StateCorruptError
from pki.store import files, index
from pki.store.index import IndexEntry, Overview
from pki.store.journal import Intent, Journal
from pki.store.layout import CaLayout, inside
from pki.store.wire import serial_hex
from pki.x509.certificates import parse_certificate
from reconciler import audit
from reconciler.drivers.copies import RESTORE
from reconciler.model import EventName
from reconciler.observe.reading import Reader
from reconciler.snapshot import CrlState, Orphan, RevokedRow


@dataclass(frozen=True, slots=True)
class Issued:
    """What a CA's index says, and the intents that its journal has open."""

    rows: Overview
    unfinished: tuple[Intent, ...]

    @property
    def entered(self) -> frozenset[int]:
        """What has a row, or gets one when the CA is opened next."""
        revoked = (entry.serial for entry in self.rows.revoked)
        return frozenset((*self.rows.standing, *revoked, *(intent.serial for intent in self.unfinished)))

    @property
    def revoked(self) -> tuple[RevokedRow, ...]:
        return tuple(
            RevokedRow(entry.serial, entry.revoked_at, entry.reason, entry.not_after, entry.subject)
            for entry in self.rows.revoked
            if entry.revoked_at is not None
        )


def read_ledger(reader: Reader, directory: str) -> Issued:
    """Return what a CA has issued.

    Raises:
        StateCorruptError: its index or its journal is damaged or gone.
    """
    for name in ("index.txt", "journal/issued.jsonl"):
        reader.pass_over(f"{directory}/{name}")
    return read_issued(CaLayout(inside(reader.root, directory)))


def read_issued(layout: CaLayout) -> Issued:
    """Return what a CA has issued, as `read_ledger` does, outside of any fingerprint."""
    unfinished = tuple(intent for intent in Journal(layout.journal).unfinished() if intent.kind == "certificate")
    begun = [
        IndexEntry("R", intent.not_after or intent.at, intent.at, None, intent.serial, intent.subject)
        for intent in unfinished
    ]
    rows = index.overview(layout.index, begun=begun)
    if not rows.standing and not rows.revoked and _has_issued(layout, unfinished):
        raise StateCorruptError(f"{layout.index} is gone or empty, but certificates were issued", hint=RESTORE)
    if (rows.standing or rows.revoked) and not files.read_tail(layout.journal, 1).data:
        # before the next certificate begins a journal that looks whole, and says nothing of what a crash left open
        raise StateCorruptError(f"{layout.journal} is gone or empty, but certificates were issued", hint=RESTORE)
    return Issued(rows, unfinished)


def require_revocations(directory: str, crl: CrlState, issued: Issued) -> None:
    """Refuse an index that has lost a revocation: the next CRL would take it back.

    Raises:
        StateCorruptError: the CRL on disk lists a serial that the index does not have as revoked.
    """
    if lost := crl.serials - {entry.serial for entry in issued.rows.revoked}:
        message = f"{directory}/index.txt: the last CRL lists {serial_hex(min(lost))}, which is not revoked here"
        raise StateCorruptError(message, hint=RESTORE)


def orphans(
    root: Path,
    directory: str,
    issued: Issued,
    named: Collection[int],
    is_damaged: Callable[[str], bool],
    log: Path,
) -> tuple[Orphan, ...]:
    """Return the serials of a CA that no record names, sorted.

    A damaged holder may well name its serials: nothing is said of them. The audit log at `log` tells which a record did
    name, before it was lost.
    """
    layout = CaLayout(inside(root, directory))
    found = [*_reserved(layout, issued, named), *_certified(layout, issued, named, log)]
    return tuple(sorted((each for each in found if not is_damaged(each.holder)), key=lambda each: each.serial))


def _has_issued(layout: CaLayout, unfinished: Sequence[Intent]) -> bool:
    """Say whether a certificate is filed, other than those of which a run was killed before their rows."""
    begun = {layout.issued(serial_hex(intent.serial)).name for intent in unfinished}
    return not begun.issuperset(files.list_directory(layout.certificates))


def _reserved(layout: CaLayout, issued: Issued, named: Collection[int]) -> list[Orphan]:
    """Return the open intents: of a run that was killed, or of one that is at work."""
    standing, revoked = issued.rows.standing, {row.serial for row in issued.rows.revoked}
    found = []
    for intent in issued.unfinished:
        if not any(intent.serial in known for known in (standing, revoked, named)):
            certified = files.exists(layout.issued(serial_hex(intent.serial)))
            if intent.holder or not certified:
                found.append(Orphan(intent.serial, intent.holder, intent.at, certified, intent.not_after))
    return found


def _certified(layout: CaLayout, issued: Issued, named: Collection[int], log: Path) -> list[Orphan]:
    """Return what is valid by the index, was for somebody, and is in nobody's record."""
    standing = issued.rows.standing
    unnamed = [serial for serial in standing if serial not in named]
    if not unnamed:
        return []
    holders = Journal(layout.journal).holders()
    held = [serial for serial in unnamed if serial in holders]
    told = _told(log) if held else frozenset()
    return [
        Orphan(serial, holders[serial], _issued_at(layout, serial), True, standing[serial], serial in told)
        for serial in held
    ]


def _told(log: Path) -> frozenset[int]:
    """Return the serials of certificates that came to stand in a record: only then does a run tell of them.

    What a later run told in its place says `recovered`, and proves nothing. A log that cannot be read tells nothing;
    no apply begins before it is restored.
    """
    try:
        issued = [entry for entry in audit.entries(log) if entry["event"] == EventName.CERTIFICATE_ISSUED]
        return frozenset(int(entry["serial"], 16) for entry in issued if not entry.get("recovered"))
    except (PkiError, KeyError, TypeError, ValueError):
        return frozenset()


def _issued_at(layout: CaLayout, serial: int) -> datetime | None:
    try:
        return parse_certificate(files.read(layout.issued(serial_hex(serial)))).not_before
    except PkiError:
        return None
