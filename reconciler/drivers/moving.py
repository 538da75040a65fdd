"""Resources under another name: their directories are renamed, and their records say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pki.store import files, meta
from pki.store.meta import CredentialMeta, KeyMeta
from reconciler.drivers.context import Context
from reconciler.model import Event, EventName, Kind
from reconciler.plan.model import Change


def move(context: Context, change: Change) -> Iterable[Event]:
    """Rename a resource. The record goes first: a run that dies in between does the same again."""
    old, new = change.previous, change.address
    if old is None:
        raise AssertionError(change)
    {Kind.CA: _move_ca, Kind.CREDENTIAL: _move_credential, Kind.KEY: _move_key}[new.kind](context, old.name, new.name)
    return [Event(EventName.MOVED, new, {"from": str(old)})]


def _move_ca(context: Context, old: str, new: str) -> None:
    """Rename every generation, the oldest last: as long as it has its old name, the move is not done."""
    for name in reversed(context.generations(old)):
        context.release(name)
        files.move(context.ca_directory(name), context.ca_directory(new + name.removeprefix(old)))


def _move_credential(context: Context, old: str, new: str) -> None:
    source, target = context.credential(old), context.credential(new)
    _rename(source.meta, meta.load_credential(source.meta), new)
    files.move(source.directory, target.directory)


def _move_key(context: Context, old: str, new: str) -> None:
    source, target = context.key(old), context.key(new)
    _rename(source.meta, meta.load_key(source.meta), new)
    files.move(source.directory, target.directory)


def _rename(path: Path, record: CredentialMeta | KeyMeta, new: str) -> None:
    if record.id != new:
        files.write(path, meta.dump(replace(record, id=new)))
