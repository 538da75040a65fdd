"""From a manifest and a snapshot to a plan: a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import nsmallest
from itertools import chain

from pki.findings import Finding
from reconciler.graph import listing, order
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.desired import Manifest
from reconciler.model import Action, Address, Kind
from reconciler.plan import advice, gaps
from reconciler.plan.authorities import plan_authorities
from reconciler.plan.context import Context, ca_of
from reconciler.plan.credentials import plan_credential, with_samples
from reconciler.plan.crls import CrlOutlook, ends, plan_crls
from reconciler.plan.dependence import because, stops
from reconciler.plan.due import soonest_first
from reconciler.plan.keys import plan_key
from reconciler.plan.lanes import lanes
from reconciler.plan.model import DUE_LIMIT, Change, Due, Plan, Selection, Templates
from reconciler.plan.outlook import Life, Outlook
from reconciler.plan.removals import Moves, plan_moves, plan_removals
from reconciler.plan.selection import Changes, Selector, edges_of, forced, require_known, select
from reconciler.plan.signers import Signers
from reconciler.snapshot import Snapshot

EVERYTHING = Selection()

_MAKES = frozenset({Action.CREATE, Action.RENEW, Action.REKEY, Action.REISSUE})


def make_plan(
    manifest: Manifest,
    snapshot: Snapshot,
    templates: Templates,
    *,
    now: datetime,
    horizon: timedelta | None = None,
    selection: Selection = EVERYTHING,
    due_limit: int | None = DUE_LIMIT,
) -> Plan:
    """Return what would be done at `now`, cut to whole seconds, and why.

    `horizon` is the workspace's unless given. `due_limit` bounds the dates in `Plan.due`; None is no bound.

    Raises:
        SelectionError: a glob of the selection matches nothing.
    """
    now = now.replace(microsecond=0)
    snapshot = gaps.judged(snapshot, now)
    moves = plan_moves(manifest, snapshot)
    known = set() if selection == EVERYTHING else set(_known(manifest, snapshot, moves.snapshot))
    require_known(selection, known)
    ahead = manifest.workspace.horizon if horizon is None else horizon
    selector = Selector.of(selection)
    ctx = _context(manifest, templates, moves, now, ahead, forced(selection.replace, known))
    ctx = replace(ctx, held=_held(manifest, moves, selector))
    survey = _survey(ctx, moves)
    chosen = select(survey.changes, selector)
    found = list(plan_crls(ctx, survey.outlooks, _made(survey.changes, chosen)))
    waiting = [crl for crl in found if _waits(crl, survey.changes, chosen)]
    crls = [crl for crl in found if crl not in waiting]
    changes = _with_crls(survey.changes, crls)
    needed = {crl.address for crl in crls if crl.consequence}
    selected = select({**changes}, selector, needed | chosen)
    ordered = _ordered({address: changes[address] for address in changes if address in selected})
    dues = list(chain(survey.dues(selected), _crl_dues(crls, selected, now)))
    unmanaged = tuple(sorted(_unmanaged(ctx), key=listing))
    return Plan(
        changes=tuple(with_samples(ctx, ordered, survey.outlooks)),
        manifest_digest=manifest.digest,
        state_fingerprint=snapshot.fingerprint,
        now=now,
        horizon=ahead,
        selection=selection,
        added=tuple(
            address for address in dict.fromkeys(each.address for each in ordered) if not selector.names(address)
        ),
        unmanaged=unmanaged,
        unchanged=survey.settled + sum(1 for crl in crls if crl.change is None),
        due=_soonest(dues, survey.windows, due_limit),
        due_total=len(dues) + len(survey.windows),
        warnings=(
            *_warnings(ctx, survey, crls, unmanaged),
            *advice.of_selection(ctx, selector, changes, selected, [crl.address for crl in waiting]),
        ),
    )


@dataclass(slots=True)
class _Survey:
    """What every part of the planner found, before anything is selected."""

    outlooks: Mapping[str, Outlook]
    changes: dict[Address, list[Change]] = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    windows: list[tuple[datetime, str, datetime]] = field(default_factory=list)
    """Of credentials that are as they should be: when the window opens, the name, when the certificate ends."""
    revocations: dict[Address, datetime] = field(default_factory=dict)
    """When credentials are to be revoked."""
    warnings: list[Finding] = field(default_factory=list)
    settled: int = 0

    def add(self, address: Address, changes: Iterable[Change]) -> None:
        found = list(changes)
        if found:
            self.changes.setdefault(address, []).extend(found)
        elif address not in self.changes:
            self.settled += 1

    def dues(self, selected: set[Address]) -> Iterator[Due]:
        """Give when what is looked at closer is due next, if the selected changes are made."""
        for life in self.lives:
            changes = self.changes.get(life.address, [])
            made = life.address in selected and not any(change.blocked for change in changes)
            valid = life.after if made and life.after is not None else life.before
            if valid is not None:
                yield Due(life.address, life.renewal.opens(*valid), "renewal", valid[1])
                if at := self.revocations.get(life.address):
                    yield Due(life.address, at, "revocation", valid[1])


def _context(
    manifest: Manifest,
    templates: Templates,
    moves: Moves,
    now: datetime,
    horizon: timedelta,
    replaced: frozenset[Address],
) -> Context:
    snapshot = moves.snapshot
    imports = {entry.target: entry for entry in manifest.workspace.imported}
    arriving = {change.address for change in moves.changes if not change.blocked}
    arriving |= {address for address in snapshot.forgotten if manifest.find(address) is not None}
    arriving |= set(imports)
    return Context(
        manifest,
        snapshot,
        templates,
        now,
        horizon,
        replaced,
        moves.relocated,
        Signers.of(snapshot.generations()),
        {_whole(text): finding for text, finding in snapshot.damaged.items()},
        imports,
        frozenset(arriving),
    )


def _whole(text: str) -> Address:
    """Return the resource that a damaged record is of: a generation of a CA is the CA's."""
    address = Address.parse(text)
    return ca_of(address.name) if address.kind in {Kind.CA, Kind.CRL} else address


def _held(manifest: Manifest, moves: Moves, selector: Selector) -> frozenset[Address]:
    """Return the CAs to which nothing is done: they are excluded, or wait for something to move that cannot."""
    stuck = {change.address for change in moves.changes if change.blocked}
    return frozenset(spec.address for spec in manifest.cas.values() if selector.excludes(spec.address)) | stuck


def _survey(ctx: Context, moves: Moves) -> _Survey:
    keys = {key.address: plan_key(ctx, key) for key in ctx.manifest.keys.values()}
    barred = frozenset(address for address, each in keys.items() if any(change.blocked for change in each))
    found = _Survey(plan_authorities(replace(ctx, barred=barred)))
    for change in moves.changes:
        found.add(change.address, [change])
    for address, changes in keys.items():
        found.add(address, changes)
    for outlook in found.outlooks.values():
        if outlook.changes or not _is_unseen(ctx, outlook.spec):
            found.add(outlook.address, outlook.changes)
        found.warnings += outlook.warnings
        if outlook.life is not None:
            found.lives.append(outlook.life)
    _survey_credentials(ctx, found)
    for change in plan_removals(ctx):
        found.add(change.address, [change])
    return found


def _survey_credentials(ctx: Context, found: _Survey) -> None:
    """Look at every credential; all but a few of a fleet take one glance."""
    by_issuer = lanes(ctx, found.outlooks)
    standing = ctx.snapshot.credentials
    special = {address.name for address in (*ctx.forced, *found.changes) if address.kind is Kind.CREDENTIAL}
    for spec in ctx.manifest.credentials.values():
        lane = by_issuer[spec.issuer]
        observed = standing.get(spec.name)
        opens = lane.window(spec, observed)
        if opens is not None and observed is not None and spec.name not in special:
            found.windows.append((opens, spec.name, observed.record.not_after))
            found.settled += 1
            continue
        outlook = plan_credential(ctx, spec, lane)
        if outlook.changes or not _is_unseen(ctx, spec):
            found.add(spec.address, outlook.changes)
        found.warnings += outlook.warnings
        if outlook.life is not None:
            found.lives.append(outlook.life)
        if spec.revoked is not None and spec.revoked.at is not None and spec.revoked.at > ctx.now:
            found.revocations[spec.address] = spec.revoked.at


def _is_unseen(ctx: Context, spec: CaSpec | CredentialSpec) -> bool:
    """Say whether nothing can be said of something, for the record of its issuer is damaged."""
    return spec.issuer is not None and Address(Kind.CA, spec.issuer) in ctx.damaged


def _known(manifest: Manifest, before: Snapshot, after: Snapshot) -> Iterator[Address]:
    """Give every address that somebody can mean."""
    yield from (resource.address for resource in manifest.resources())
    for snapshot in (before, after):
        yield from (Address(Kind.CA, name) for name in snapshot.cas)
        yield from (Address(Kind.CREDENTIAL, name) for name in snapshot.credentials)
        yield from (Address(Kind.KEY, name) for name in snapshot.keys)
        yield from snapshot.forgotten
        yield from (Address(Kind.CRL, each.name) for each in snapshot.generations())
    yield from (Address(Kind.CRL, name) for name in manifest.cas)


def _made(changes: Changes, chosen: set[Address]) -> list[Change]:
    """Return what is selected, and is not stopped."""
    whole = (each for address, each in changes.items() if address in chosen and not any(one.blocked for one in each))
    return [change for each in whole for change in each]


def _waits(crl: CrlOutlook, changes: Changes, chosen: set[Address]) -> bool:
    """Say whether a CRL comes with a change of its CA that is not chosen: a CRL is no reason to change a CA."""
    owner = crl.owner.address
    return crl.change is not None and owner in crl.change.depends_on and owner in changes and owner not in chosen


def _with_crls(changes: Changes, crls: Sequence[CrlOutlook]) -> dict[Address, list[Change]]:
    joined = {address: list(each) for address, each in changes.items()}
    for crl in crls:
        if crl.change is not None:
            joined.setdefault(crl.address, []).append(crl.change)
    return joined


def _ordered(changes: Changes) -> tuple[Change, ...]:
    """Return changes, each after all that it depends on, with what is blocked by others marked."""
    edges = edges_of(changes)
    stopped: dict[Address, list[Change]] = {}
    found: list[Change] = []
    for address in order(edges, listing):
        for change in changes[address]:
            below = sorted((each for each in set(change.depends_on) if each in edges and each != address), key=listing)
            inherited = [
                because(each)
                for each in (*below, address)
                if any(stops(blocked, change) for blocked in stopped.get(each, ()))
            ]
            blocked = tuple(dict.fromkeys((*change.blocked, *inherited)))
            whole = replace(change, depends_on=tuple(below), blocked=blocked)
            if whole.blocked:
                stopped.setdefault(address, []).append(whole)
            found.append(whole)
    return tuple(found)


def _crl_dues(crls: Sequence[CrlOutlook], selected: set[Address], now: datetime) -> Iterator[Due]:
    for crl in crls:
        outlook = crl if crl.address in selected else replace(crl, change=None)
        if dates := ends(outlook, now):
            yield Due(crl.address, dates[0], "crl-refresh", dates[1])


def _soonest(
    dues: Sequence[Due], windows: Sequence[tuple[datetime, str, datetime]], limit: int | None
) -> tuple[Due, ...]:
    few = nsmallest(limit, windows) if limit is not None and limit < len(windows) else windows
    renewals = (Due(Address(Kind.CREDENTIAL, name), at, "renewal", end) for at, name, end in few)
    return soonest_first(chain(dues, renewals))[:limit]


def _unmanaged(ctx: Context) -> Iterator[Address]:
    """Give what is in state, and neither in the manifest nor in `removed`."""
    manifest, snapshot = ctx.manifest, ctx.snapshot
    removed = {entry.address for entry in manifest.workspace.removed}
    tables = ((Kind.CA, snapshot.cas, manifest.cas), (Kind.KEY, snapshot.keys, manifest.keys))
    for kind, standing, declared in (*tables, (Kind.CREDENTIAL, snapshot.credentials, manifest.credentials)):
        for name in standing.keys() - declared.keys():
            if (address := Address(kind, name)) not in removed:
                yield address


def _warnings(
    ctx: Context, survey: _Survey, crls: Sequence[CrlOutlook], unmanaged: Sequence[Address]
) -> Iterator[Finding]:
    touched = frozenset(
        address for address, each in survey.changes.items() if any(change.action in _MAKES for change in each)
    )
    yield from ctx.manifest.warnings
    yield from advice.overridden(ctx)
    yield from advice.damaged(ctx)
    yield from advice.nameless(ctx)
    yield from gaps.warnings(ctx.snapshot, ctx.now)
    yield from advice.unseen(ctx)
    yield from survey.warnings
    yield from advice.shared_urls(crls, survey.outlooks)
    yield from advice.unmanaged(ctx, unmanaged)
    yield from advice.policy_breaches(ctx, survey.outlooks, touched)
