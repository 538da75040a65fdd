"""What records name, held against what the directories of their issuers have of it.

Where nothing is missing, this costs differences of sets, and a list of names for each CA; no certificate is opened. The
journal is read only where a row is missing: it tells a row that was lost from one that never was there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path

from pki.errors import PkiError
from pki.store import files
from pki.store.journal import Journal
from pki.store.layout import CaLayout, inside
from pki.store.wire import serial_hex
from reconciler.model import Address, Kind
from reconciler.observe.authorities import Found, Issuers, resource_name
from reconciler.observe.ledgers import read_issued
from reconciler.snapshot import Gap, Lack, ObservedCredential

_FILED = re.compile(r"^([0-9A-F]+)\.crt$", re.MULTILINE)


def find_gaps(
    root: Path, generations: Sequence[Found], issuers: Issuers, credentials: Sequence[ObservedCredential]
) -> tuple[Gap, ...]:
    """Return what is missing of the certificates on record, sorted by place; nothing for issuers not in state."""
    lacks: list[tuple[str, int, Lack]] = []
    for key_id, serials in _by_signer(generations, credentials).items():
        signers = issuers.sharing(key_id) if key_id else generations
        lacks += (each for each in _lacks(root, signers, serials) if key_id or each[2] is Lack.ROW)
    if not lacks:
        return ()
    held = _held(generations, credentials, {serial for _, serial, _ in lacks})
    return tuple(Gap(lack, path, serial, *held[serial]) for path, serial, lack in sorted(lacks))


def _by_signer(
    generations: Iterable[Found], credentials: Iterable[ObservedCredential]
) -> Mapping[str | None, AbstractSet[int]]:
    """Return the serials on record by the key that signed them; under None those of which no record says that."""
    signed: defaultdict[str | None, set[int]] = defaultdict(set)
    for credential in credentials:
        record = credential.record
        usual = record.issuer.subject_key_id if record.issuer else None
        for each in (*record.previous, *record.certificates):
            signed[each.issuer_key_id or usual].add(each.serial)
    for found in generations:
        if not found.is_root and found.facts is not None:
            signed[found.record.issuer.subject_key_id if found.record.issuer else None].add(found.facts.serial)
            signed[None].update(facts.serial for facts in found.record.previous)
    return signed


def _lacks(root: Path, signers: Sequence[Found], serials: AbstractSet[int]) -> Iterator[tuple[str, int, Lack]]:
    """Give what CAs lack, with the path of what should have it; more than one when they share a key, or may be it."""
    if not signers or not serials:
        return
    missing = serials
    for found in signers:
        missing = _without_row(missing, found)
    filed = {found.directory: _filed(root, found) for found in signers}
    for serial in serials - missing - frozenset().union(*filed.values()):
        yield f"{signers[0].directory}/certs/{serial_hex(serial)}.crt", serial, Lack.FILE
    if not missing:
        return
    layouts = {found.directory: CaLayout(inside(root, found.directory)) for found in signers}
    for layout in layouts.values():  # again, and after the records: somebody can have been issuing while they were read
        missing = missing - _entered(layout)
    for directory, layout in layouts.items():
        lost = missing & filed[directory] | _intended(layout, missing)
        yield from ((f"{directory}/index.txt", serial, Lack.ROW) for serial in lost)
        missing = missing - lost
    yield from ((f"{signers[0].directory}/index.txt", serial, Lack.ORIGIN) for serial in missing)


def _without_row(serials: AbstractSet[int], found: Found) -> AbstractSet[int]:
    """Return which of them an index does not have; the row of an open intent comes when the CA is opened next."""
    missing = set(serials).difference(found.issued.rows.standing)
    return missing - found.issued.entered if missing else missing


def _filed(root: Path, found: Found) -> frozenset[int]:
    names = "\n".join(files.list_directory(inside(root, f"{found.directory}/certs")))
    return frozenset(int(serial, 16) for serial in _FILED.findall(names))


def _entered(layout: CaLayout) -> AbstractSet[int]:
    try:
        return read_issued(layout).entered
    except PkiError:  # it could be read before: what is wrong with it is told when it is looked at next
        return frozenset()


def _intended(layout: CaLayout, missing: AbstractSet[int]) -> AbstractSet[int]:
    """Return which of `missing` a CA has issued by its journal; all, if that cannot be read to say otherwise."""
    try:
        return missing & Journal(layout.journal).intended()
    except PkiError:
        return missing


def _held(
    generations: Iterable[Found], credentials: Iterable[ObservedCredential], wanted: AbstractSet[int]
) -> dict[int, tuple[Address, datetime]]:
    """Return by serial whose certificates these are, and when they end."""
    held = {}
    for credential in credentials:
        record = credential.record
        for each in (*record.previous, *record.certificates):
            if each.serial in wanted:
                held[each.serial] = Address(Kind.CREDENTIAL, credential.name), each.not_after or record.not_after
    for found in generations:
        for facts in (*found.record.previous, found.facts):
            if facts is not None and facts.serial in wanted:
                held[facts.serial] = Address(Kind.CA, resource_name(found.name)), facts.not_after
    return held
