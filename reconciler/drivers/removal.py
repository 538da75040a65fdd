"""Resources that the manifest lets go: revoked if it says so, then marked as nobody's business."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from pki import credentials
from pki.credentials import Credential
from pki.store import files, meta
from reconciler.drivers import revocation
from reconciler.drivers.context import Context
from reconciler.model import Address, Event, EventName, Kind
from reconciler.plan.model import Change


def forget(context: Context, change: Change) -> Iterable[Event]:
    """Mark the records of a resource: it is managed no longer, and stays as it is."""
    mark(context, change.address, context.ports.clock())
    return [Event(EventName.FORGOTTEN, change.address)]


def revoke(context: Context, change: Change) -> Iterable[Event]:
    """Revoke all certificates of a resource that is removed."""
    address = change.address
    reason = next(each.reason for each in context.manifest.workspace.removed if each.address == address)
    by_kind = {Kind.CA: revocation.of_ca, Kind.CREDENTIAL: revocation.of_credential}
    return by_kind[address.kind](context, address, reason)


def mark(context: Context, address: Address, forgotten: datetime | None) -> None:
    """Write into the records of a resource since when it is forgotten; None takes it back."""
    match address.kind:
        case Kind.CA:
            for name in context.generations(address.name):
                context.release(name)
                context.authority(name).amend(forgotten=forgotten)
        case Kind.CREDENTIAL:
            layout = context.credential(address.name)
            credentials.amend(Credential.open(layout.root, layout.id), forgotten=forgotten)
        case _:
            path = context.key(address.name).meta
            record = meta.load_key(path)
            files.write(path, meta.dump(replace(record, forgotten=forgotten)))
