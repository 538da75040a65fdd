"""CRLs: one for every generation of a CA as long as it has certificates to speak of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pki.findings import Finding
from reconciler.kinds.inputs import crl_inputs
from reconciler.model import Action, Address, Kind, Reason, ReasonCode
from reconciler.plan import needs, reasons
from reconciler.plan.context import Context
from reconciler.plan.model import Change
from reconciler.plan.outlook import Outlook
from reconciler.plan.revocations import entries_of
from reconciler.plan.upkeep import lost
from reconciler.snapshot import CrlState, Generation, Orphan


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that this plan revokes: by which change, and why."""

    serial: int
    reason: str | None
    by: Address


@dataclass(frozen=True, slots=True)
class CrlOutlook:
    """What becomes of one CRL, and when it runs out if nothing does.

    `consequence`: something else makes it needed, a new generation of its CA or a revocation.
    """

    address: Address
    owner: Outlook
    change: Change | None
    present: CrlState | None = None
    consequence: bool = False


def plan_crls(ctx: Context, outlooks: Mapping[str, Outlook], changes: Sequence[Change]) -> Iterator[CrlOutlook]:
    """Give every CRL of the manifest's CAs; `changes` are those that will be made."""
    coming = _coming(ctx, changes)
    signing = {change.issuer for change in changes}
    for outlook in outlooks.values():
        if finding := ctx.damaged.get(outlook.address):
            yield _unknown(outlook, finding)
        for generation in outlook.observed.generations if outlook.observed else ():
            if generation.name in signing or is_live(ctx, outlook, generation):
                yield _present(ctx, outlook, generation, coming.get(generation.name, []))
        for change in outlook.changes:
            if number := _new_generation(outlook, change):
                yield _first(ctx, outlook, number)


def is_live(ctx: Context, outlook: Outlook, generation: Generation) -> bool:
    """Say whether a generation's CRL matters: it is the current one, or it and something that it issued are valid."""
    if outlook.observed is not None and generation is outlook.observed.current:
        return True
    own_end = generation.certificate.not_after if generation.certificate else ctx.now
    return generation.last_expiry is not None and min(generation.last_expiry, own_end) > ctx.now


def crl_address(name: str) -> Address:
    return Address(Kind.CRL, name)


def _unknown(outlook: Outlook, finding: Finding) -> CrlOutlook:
    """Return what is said of the CRL of a CA whose records are damaged: it can run out, and nobody may sign another.

    It depends on nothing, lest a selection of CRLs leave it out without a word.
    """
    reason = Reason(ReasonCode.ARTIFACT_TAMPERED, "the record of its CA cannot be read")
    change = Change(crl_address(outlook.spec.name), Action.REFRESH, (reason,), blocked=(finding,))
    return CrlOutlook(change.address, outlook, change)


def _new_generation(outlook: Outlook, change: Change) -> int | None:
    """Return the number of the generation that a change brings."""
    makes = change.action in {Action.CREATE, Action.REKEY} or (change.action is Action.ADOPT and outlook.imported)
    return change.generation if makes else None


def _first(ctx: Context, outlook: Outlook, number: int) -> CrlOutlook:
    address = crl_address(outlook.name(number))
    change = Change(
        address,
        Action.REFRESH,
        (reasons.crl_imported() if outlook.imported else reasons.crl_missing(),),
        depends_on=(outlook.address,),
        needs=(outlook.need(ctx, number),),
        generation=number,
        inputs_digest=crl_inputs(outlook.spec.crl, number),
        preview={"new_entries": 0, "new_next_update": ctx.now + outlook.spec.crl.validity},
    )
    return CrlOutlook(address, outlook, change, consequence=True)


def _present(ctx: Context, outlook: Outlook, generation: Generation, coming: Sequence[Revoked]) -> CrlOutlook:
    address = crl_address(generation.name)
    why = _reasons(ctx, outlook, generation, coming)
    mendable = [fault for fault in generation.crl_faults if fault.mendable]
    if not why and not mendable:
        return CrlOutlook(address, outlook, None, generation.crl)
    arriving = (outlook.address,) if _arrives(ctx, outlook) else ()
    if not why:
        change = Change(
            address, Action.UPDATE, tuple(reasons.faults(mendable)), depends_on=arriving, generation=generation.number
        )
        return CrlOutlook(address, outlook, change, generation.crl)
    change = Change(
        address,
        Action.REFRESH,
        reasons.ranked((*why, *reasons.faults(mendable))),
        depends_on=(*arriving, *dict.fromkeys(each.by for each in coming)),
        needs=(needs.of_generation(ctx, generation),),
        generation=generation.number,
        inputs_digest=crl_inputs(outlook.spec.crl, generation.number),
        blocked=lost(outlook.spec.where, generation.faults),
        preview=_preview(ctx, outlook, generation, coming),
    )
    return CrlOutlook(address, outlook, change, generation.crl, consequence=bool(coming))


def _arrives(ctx: Context, outlook: Outlook) -> bool:
    """Say whether the CA, or a standalone key that its records name, is moved or adopted first."""
    key = outlook.spec.key.resource
    return outlook.address in ctx.arriving or (key is not None and Address(Kind.KEY, key) in ctx.arriving)


def _reasons(ctx: Context, outlook: Outlook, generation: Generation, coming: Sequence[Revoked]) -> list[Reason]:
    """Return why a new CRL is needed; files that can be mended are no reason."""
    spec, crl = outlook.spec.crl, generation.crl
    why = [reasons.forced()] if crl_address(generation.name) in ctx.forced else []
    broken = [fault for fault in generation.crl_faults if not fault.mendable]
    why += reasons.faults(broken)
    if crl is None and not generation.crl_faults:
        why.append(reasons.crl_missing())
    if unlisted := _unlisted(ctx, generation, coming):
        why.append(reasons.not_listed(len(unlisted)))
    if found := _orphans(ctx, generation):
        why.append(reasons.orphans(len(found)))
    recorded = generation.record.crl
    if crl is not None and (recorded is None or recorded.inputs_digest != crl_inputs(spec, generation.number)):
        why.append(reasons.crl_spec_changed())
    if crl is not None:
        why += _time_reasons(ctx, outlook, crl)
    return why


def _time_reasons(ctx: Context, outlook: Outlook, crl: CrlState) -> list[Reason]:
    if crl.next_update <= ctx.now:
        return [reasons.crl_expired(crl.next_update)]
    opens = crl.next_update - outlook.spec.crl.refresh_before
    return [reasons.crl_due(opens, crl.next_update)] if ctx.acts_on(crl.this_update, opens) else []


def _unlisted(ctx: Context, generation: Generation, coming: Sequence[Revoked]) -> set[int]:
    """Return the serials that are revoked and unexpired, or will be, and that the CRL lacks."""
    listed = generation.crl.serials if generation.crl else frozenset()
    standing = {row.serial for row in generation.revoked if row.not_after > ctx.now} if generation.crl else set()
    return (standing | {each.serial for each in coming}) - listed


def _orphans(ctx: Context, generation: Generation) -> list[Orphan]:
    """Return the serials that nothing names: to be revoked if there is a certificate, and entered as revoked if not.

    One that a record named is left alone: what became of the record nobody can say, and a warning tells of it.
    """
    return [
        orphan
        for orphan in generation.orphans
        if (orphan.holder or not orphan.certified) and orphan.is_left_over(ctx.now)
    ]


def _preview(ctx: Context, outlook: Outlook, generation: Generation, coming: Sequence[Revoked]) -> dict[str, Any]:
    """Return what is shown: an entry stays until a CRL after its certificate's end had it (RFC 5280 section 3.3)."""
    crl, keeps = generation.crl, outlook.spec.crl.keep_expired
    rows = (row for row in generation.revoked if keeps or crl is None or row.not_after > crl.this_update)
    after: dict[int, str | None] = {row.serial: row.reason for row in rows}
    after |= {each.serial: each.reason for each in coming}
    after |= {orphan.serial: "superseded" if orphan.certified else None for orphan in _orphans(ctx, generation)}
    listed = crl.serials if crl else frozenset()
    known = {row.serial: row.reason for row in generation.revoked}
    shown: dict[str, Any] = {
        "new_entries": len(after),
        "new_next_update": ctx.now + outlook.spec.crl.validity,
        "added": sorted((serial, reason) for serial, reason in after.items() if serial not in listed),
        "expired": sorted((serial, known.get(serial)) for serial in listed - after.keys()),
    }
    if crl is not None:
        shown |= {
            "number": crl.number,
            "this_update": crl.this_update,
            "next_update": crl.next_update,
            "entries": len(crl.serials),
        }
    return shown


def _coming(ctx: Context, changes: Sequence[Change]) -> dict[str, list[Revoked]]:
    """Return what is revoked by this plan, by the generation that signed it."""
    coming: dict[str, list[Revoked]] = {}
    for change in (each for each in changes if each.action is Action.REVOKE):
        for entry, reason in entries_of(ctx, change):
            name, serial, _ = entry
            coming.setdefault(name, []).append(Revoked(serial, reason, change.address))
    return coming


def ends(outlook: CrlOutlook, now: datetime) -> tuple[datetime, datetime] | None:
    """Return when the CRL is to be refreshed and when it runs out, as it will be; None when there will be none."""
    spec = outlook.owner.spec.crl
    if outlook.change is not None and outlook.change.action is Action.REFRESH and not outlook.change.blocked:
        end = now + spec.validity
    elif outlook.present is not None:
        end = outlook.present.next_update
    else:
        return None
    return end - spec.refresh_before, end
