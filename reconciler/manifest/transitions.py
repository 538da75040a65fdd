"""Whether `moved`, `removed` and `import` fit what is declared."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import PurePosixPath

from reconciler.kinds.keys import StandaloneKeySpec
from reconciler.kinds.workspace import Imported, Moved, Removal, Removed, WorkspaceSpec
from reconciler.manifest.reading import Reading
from reconciler.model import Address, Kind

_DECIDES = ("ca.meta.json", "ca.crt", "index.txt", "credential.meta.json", "cert.pem")
"""Of a directory that is imported: the records, which name all certificates, and what old records leave out."""


def check_transitions(
    reading: Reading,
    workspace: WorkspaceSpec,
    declared: Container[object],
    keys: Mapping[str, StandaloneKeySpec],
) -> None:
    """Report moves, removals and imports that contradict the declared resources or each other."""
    _check_moves(reading, workspace.moved, declared)
    _check_removals(reading, workspace, declared)
    imported: set[Address] = set()
    for entry in workspace.imported:
        if entry.target in imported:
            message = f"{entry.target} is imported twice"
            reading.error(entry.where, "import.twice", message, "keep one of the entries")
        _check_import(reading, workspace, entry, declared)
        _check_imported_key(reading, entry, keys)
        _read_imported(reading, entry)
        imported.add(entry.target)


def _check_moves(reading: Reading, moves: tuple[Moved, ...], declared: Container[object]) -> None:
    all_sources = {move.source for move in moves}
    sources: set[Address] = set()
    targets: set[Address] = set()
    for move in moves:
        if move.source.kind != move.target.kind:
            reading.error(move.where, "moved.kind", f"{move.source} cannot become {move.target}", "only names change")
        elif move.source == move.target:
            reading.error(move.where, "moved.same", f"{move.source} is where it was", "remove the entry")
        elif move.source in sources:
            reading.error(move.where, "moved.twice", f"{move.source} moves twice", "keep one of the entries")
        elif move.target in targets:
            reading.error(move.where, "moved.twice", f"two resources move to {move.target}", "keep one of the entries")
        elif move.source in declared:
            message, hint = f"{move.source} moves away, but is declared", "rename the resource as the entry says"
            reading.error(move.where, "moved.declared", message, hint)
        elif move.target not in declared and move.target not in all_sources and not _unread(reading, move.target):
            message, hint = f"nothing declares {move.target}, to which {move.source} moves", "rename the resource too"
            reading.error(move.where, "moved.undeclared", message, hint)
        sources.add(move.source)
        targets.add(move.target)


def _check_removals(reading: Reading, workspace: WorkspaceSpec, declared: Container[object]) -> None:
    sources = {move.source for move in workspace.moved}
    seen: set[Address] = set()
    for entry in workspace.removed:
        if entry.address in declared:
            message, hint = f"{entry.address} is removed, but declared", "keep one: the resource, or its removal"
            reading.error(entry.where, "removed.declared", message, hint)
        if entry.address in seen:
            reading.error(entry.where, "removed.twice", f"{entry.address} is removed twice", "keep one of the entries")
        if entry.address in sources:
            message, hint = f"{entry.address} moves away and is removed", "keep one of the two"
            reading.error(entry.where, "removed.moved", message, hint)
        _check_action(reading, entry)
        seen.add(entry.address)


def _check_action(reading: Reading, entry: Removed) -> None:
    if entry.action is Removal.REVOKE and entry.address.kind is Kind.KEY:
        message = f"{entry.address} has no certificate that could be revoked"
        reading.error(entry.where, "removed.key", message, "write `action: forget`")


def _check_import(reading: Reading, workspace: WorkspaceSpec, entry: Imported, declared: Container[object]) -> None:
    target, where = entry.target, entry.where
    if target not in declared and not _unread(reading, target):
        reading.error(where, "import.undeclared", f"nothing declares {target}", "declare what the import becomes")
    if (target.kind is Kind.KEY) != (entry.directory is None):
        hint = "`from` a directory comes a CA or a credential, from an `hsm` a key"
        reading.error(where, "import.kind", f"{target} cannot come from there", hint)
    if entry.directory is not None and PurePosixPath(entry.directory).is_relative_to(workspace.state):
        message = f"{entry.directory} is in state already"
        reading.error(where, "import.from-state", message, "to rename a resource, use `moved`")


def _read_imported(reading: Reading, entry: Imported) -> None:
    """Make what is imported part of the digest: who approves a plan approves the adoption of that, and no other."""
    for name in _DECIDES if entry.directory is not None else ():
        path = f"{entry.directory}/{name}"
        if (reading.root / path).is_file():
            reading.named(entry.where, path, "file")


def _check_imported_key(reading: Reading, entry: Imported, keys: Mapping[str, StandaloneKeySpec]) -> None:
    key = keys.get(entry.target.name) if entry.target.kind is Kind.KEY else None
    if key and entry.hsm and key.key.hsm != entry.hsm:
        message = f"{entry.target} is declared to be {f'on {key.key.hsm}' if key.key.hsm else 'in a file'}"
        reading.error(entry.where, "import.elsewhere", f"{message}, not on {entry.hsm}", "name one HSM in both")


def _unread(reading: Reading, address: Address) -> bool:
    return reading.may_stand_unread(address.name)
