"""Keys that are not where, or not the ones that, the manifest wants."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pki.findings import Finding, Location, Severity
from pki.keyrefs import KeyRef, SoftwareKeyRef
from reconciler.kinds.keys import KeySpec, in_workspace, needs_new_place, same_key, token_label
from reconciler.model import Address, Kind, Reason
from reconciler.plan import reasons
from reconciler.plan.context import Context


@dataclass(frozen=True, slots=True)
class Holder:
    """A key on record: whose it is, where its record is, where that says the key is, and which it must be."""

    address: Address
    directory: str
    storage: KeyRef
    spki_sha256: str | None = None
    position: int = 1
    of: int = 1


def key_reasons(ctx: Context, spec: KeySpec, holder: Holder) -> list[Reason]:
    """Return why the key on record is not the one that the manifest wants."""
    stored = in_workspace(holder.storage, holder.directory)
    if spec.resource is not None and Address(Kind.KEY, spec.resource) in ctx.damaged:
        return []  # nobody can say
    if spec.resource is not None:
        return _reasons_of_resource(ctx, spec, spec.resource, stored, holder)
    label = token_label(spec, holder.address, position=holder.position, of=holder.of)
    if needs_new_place(spec, stored, holder.directory, label=label):
        return [reasons.key_elsewhere(stored, place(spec, label))]
    return []


def place(spec: KeySpec, label: str | None = None) -> str:
    """Return where a key is to be, in words."""
    if spec.resource is not None:
        return f"{Kind.KEY}/{spec.resource}'s"
    if spec.hsm is None:
        return "in a file of its own"
    names = [f'label "{label}"'] if label is not None else []
    names += [f"id {spec.key_id}"] if spec.key_id is not None else []
    return f"one with {' and '.join(names) or 'a label of its own'} in {spec.hsm}"


def unmakeable(spec: KeySpec, where: Location) -> tuple[Finding, ...]:
    """Return what stands against a new key in the place of this one: it is found or shared, not made."""
    if spec.is_made:
        return ()
    message = f"a new key is asked for, and its key is {place(spec, spec.label)}, which exists and stays what it is"
    return (Finding(Severity.ERROR, "key.fixed", message, where, hint="name another key in its `key`"),)


def _reasons_of_resource(ctx: Context, spec: KeySpec, name: str, stored: KeyRef, holder: Holder) -> list[Reason]:
    found = ctx.shared_key(name)
    shared, stored = found and _landed(ctx, found), _landed(ctx, stored)
    here = f"{ctx.state}/{Kind.KEY}/{name}/"
    if shared is None and isinstance(stored, SoftwareKeyRef) and stored.path.startswith(here):
        return [reasons.key_gone(name)]
    if shared is None or not same_key(stored, shared):
        return [reasons.key_elsewhere(stored, place(spec))]
    standalone = ctx.key(Address(Kind.KEY, name))
    if standalone and holder.spki_sha256 not in {None, standalone.record.spki_sha256}:
        return [reasons.key_differs(name)]
    return []


def _landed(ctx: Context, ref: KeyRef) -> KeyRef:
    """Return a reference as it will be when what moves has moved, or as it is since: records can lag behind."""
    return replace(ref, path=ctx.landed(ref.path)) if isinstance(ref, SoftwareKeyRef) else ref
