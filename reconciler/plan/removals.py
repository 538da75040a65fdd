"""What leaves, and what moves: reviewed configuration, done once and then without effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pki.findings import Finding, Severity
from pki.store.forms import Status
from reconciler.kinds.desired import Manifest
from reconciler.kinds.workspace import Moved, Removal, Removed
from reconciler.model import Action, Address, Kind, Reason
from reconciler.plan import reasons
from reconciler.plan.context import Context, generation_name
from reconciler.plan.model import Change
from reconciler.plan.revocations import ca_revocation, revocation
from reconciler.snapshot import Observed, ObservedCa, ObservedCredential, ObservedKey, Snapshot


@dataclass(frozen=True, slots=True)
class Moves:
    """State under its new names; `relocated` maps directories that move to where they go."""

    snapshot: Snapshot
    changes: tuple[Change, ...]
    relocated: Mapping[str, str]


def plan_moves(manifest: Manifest, snapshot: Snapshot) -> Moves:
    """Return what moves, and state as if it had."""
    tables: dict[Kind, dict[str, Observed]] = {
        Kind.CA: dict(snapshot.cas),
        Kind.CREDENTIAL: dict(snapshot.credentials),
        Kind.KEY: dict(snapshot.keys),
    }
    changes: list[Change] = []
    relocated: dict[str, str] = {}
    for entry in manifest.workspace.moved:
        source, target = entry.source, _end(manifest.workspace.moved, entry)
        table = tables.get(source.kind, {})
        if manifest.find(source) is not None:
            continue
        if source.name not in table:
            relocated |= _gone(table.get(target.name), source, target, manifest.workspace.state)
            continue
        begun = _begun(table[source.name], table.get(target.name))
        taken = (target.name in table and not begun) or target in snapshot.forgotten or str(target) in snapshot.damaged
        if not taken:
            moved = table.pop(source.name)
            table[target.name] = _joined(_renamed(moved, target.name), begun)
            relocated |= _directories(moved, target, manifest.workspace.state)
        blocked = (_taken(entry, target),) if taken else ()
        changes.append(Change(target, Action.MOVE, (reasons.moved(source),), previous=source, blocked=blocked))
    if not relocated:
        return Moves(snapshot, tuple(changes), relocated)
    return Moves(
        replace(
            snapshot,
            cas={name: each for name, each in tables[Kind.CA].items() if isinstance(each, ObservedCa)},
            credentials={
                name: each for name, each in tables[Kind.CREDENTIAL].items() if isinstance(each, ObservedCredential)
            },
            keys={name: each for name, each in tables[Kind.KEY].items() if isinstance(each, ObservedKey)},
        ),
        tuple(changes),
        relocated,
    )


def plan_removals(ctx: Context) -> Iterator[Change]:
    """Give what `removed` asks for and is not done yet."""
    for entry in ctx.manifest.workspace.removed:
        if ctx.manifest.find(entry.address) is not None:
            continue
        observed = ctx.snapshot.managed(entry.address)
        if finding := ctx.damaged.get(entry.address):
            yield Change(entry.address, _action(entry), (_reason(entry),), blocked=(finding,))
        elif observed is not None:
            yield from _removal(ctx, entry, observed)


def _removal(ctx: Context, entry: Removed, observed: Observed) -> Iterator[Change]:
    """Give the changes that let something go: what is to be revoked first, then forgotten."""
    if refused := _refused(entry, observed):
        yield Change(entry.address, _action(entry), (_reason(entry),), blocked=(refused,))
        return
    if entry.action is Removal.REVOKE and (revoking := _revoked(ctx, entry, observed)):
        yield revoking
    yield Change(entry.address, Action.FORGET, (reasons.forgotten(),))


def _revoked(ctx: Context, entry: Removed, observed: Observed) -> Change | None:
    """Return the change that revokes all certificates, unless they are revoked already."""
    if isinstance(observed, ObservedCa):
        return ca_revocation(ctx, entry.address, observed, entry.reason, _reason(entry))
    if isinstance(observed, ObservedCredential) and observed.record.status is not Status.REVOKED:
        return revocation(ctx, entry.address, observed.record, entry.reason, _reason(entry), entry.where)
    return None


def _refused(entry: Removed, observed: Observed) -> Finding | None:
    """Return what stands against a removal."""
    records = [each.record for each in observed.generations] if isinstance(observed, ObservedCa) else [observed.record]
    if any(record.prevent_destroy for record in records):
        return Finding(
            Severity.ERROR,
            "removal.protected",
            f"state protects {entry.address}: it says `preventDestroy`",
            entry.where,
            hint="declare it again with `preventDestroy: false`, apply that, and remove it then",
        )
    if entry.action is Removal.FORGET:
        return None
    if isinstance(observed, ObservedKey):
        message = f"{entry.address} is a key, and only certificates are revoked"
    elif isinstance(observed, ObservedCa) and observed.record.issuer is None:
        message = f"{entry.address} is a root, which nobody can revoke: whoever trusts it has to take it out"
    else:
        return None
    return Finding(Severity.ERROR, "removal.irrevocable", message, entry.where, hint="say `action: forget`")


def _action(entry: Removed) -> Action:
    return Action.REVOKE if entry.action is Removal.REVOKE else Action.FORGET


def _reason(entry: Removed) -> Reason:
    return reasons.removed(entry.reason) if entry.action is Removal.REVOKE else reasons.forgotten()


def _end(moves: Sequence[Moved], entry: Moved) -> Address:
    """Return where something is in the end that moved several times."""
    ways = {each.source: each.target for each in moves}
    target, seen = entry.target, {entry.source}
    while target in ways and target not in seen:
        seen.add(target)
        target = ways[target]
    return target


def _gone(moved: Observed | None, source: Address, target: Address, state: str) -> dict[str, str]:
    """Return where a standalone key went that moved before: records of its holders can still name the old place."""
    return {f"{state}/{source}": f"{state}/{target}"} if isinstance(moved, ObservedKey) else {}


def _begun(source: Observed, target: Observed | None) -> ObservedCa | None:
    """Return the part of a CA that has moved already: a run was killed between two generations, the newest go first."""
    if not isinstance(source, ObservedCa) or not isinstance(target, ObservedCa):
        return None
    stayed, gone = source.current, target.generations[0]
    follows = stayed.number < gone.number and stayed.record.subject == gone.record.subject
    return target if follows else None


def _joined(moved: Observed, begun: ObservedCa | None) -> Observed:
    if begun is None or not isinstance(moved, ObservedCa):
        return moved
    generations = sorted((*moved.generations, *begun.generations), key=lambda each: each.number)
    return ObservedCa(moved.name, tuple(generations))


def _renamed(observed: Observed, name: str) -> Observed:
    if not isinstance(observed, ObservedCa):
        return replace(observed, name=name)
    generations = tuple(replace(each, name=generation_name(name, each.number)) for each in observed.generations)
    return ObservedCa(name, generations)


def _directories(observed: Observed, target: Address, state: str) -> dict[str, str]:
    if isinstance(observed, ObservedCa):
        return {
            each.directory: f"{state}/{Kind.CA}/{generation_name(target.name, each.number)}"
            for each in observed.generations
        }
    return {observed.directory: f"{state}/{target}"}


def _taken(entry: Moved, target: Address) -> Finding:
    return Finding(
        Severity.ERROR,
        "move.taken",
        f"{entry.source} cannot become {target}: state has that already",
        entry.where,
        hint="choose another name, or remove one of the two",
    )
