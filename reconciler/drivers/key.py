"""Keys that stand by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pki import keys
from pki.algorithms import algorithm
from pki.store import files, meta
from reconciler.drivers import events
from reconciler.drivers.context import Context
from reconciler.drivers.keychoice import WantedKey, chosen
from reconciler.model import Event
from reconciler.plan.model import Change


def create(context: Context, change: Change) -> Iterable[Event]:
    """Make a key, or find the one that is on a token, and record it."""
    spec = context.key_spec(change.address)
    wanted = WantedKey(spec.key, algorithm(spec.algorithm))
    layout = context.key(spec.name)
    with chosen(context, change.address, 1, [wanted]) as (choice,):
        record = keys.create_key(layout, wanted.algorithm, choice, context.ports, prevent_destroy=spec.prevent_destroy)
    return [events.standalone_key(change.address, record, spec.key, context.place(layout.directory))]


def update(context: Context, change: Change) -> Iterable[Event]:
    """Bring the record of a key up to date with the manifest."""
    spec, layout = context.key_spec(change.address), context.key(change.address.name)
    record = meta.load_key(layout.meta)
    storage = context.storage(spec.key, record.storage, context.place(layout.directory))
    amended = replace(record, prevent_destroy=spec.prevent_destroy, storage=storage)
    if amended == record:
        return [events.updated(change.address, [], context.root)]
    files.write(layout.meta, meta.dump(amended))
    return [events.updated(change.address, [layout.meta], context.root)]
