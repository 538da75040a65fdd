"""Which keys a change uses or makes, and where the secrets that open them come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from posixpath import relpath
from typing import Literal

from pki.keyrefs import KeyRef, SoftwareKeyRef, TokenKeyRef
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.keys import KeySpec, in_workspace, token_label
from reconciler.model import Address, Kind
from reconciler.plan.certificates import Order
from reconciler.plan.context import Context, generation_name
from reconciler.plan.model import Need
from reconciler.snapshot import Generation

Use = Literal["sign", "generate", "open"]


def of_generation(ctx: Context, generation: Generation) -> Need:
    """Return what signing by a generation that is in state takes."""
    key = generation.record.keys[0]
    return of_ref(ctx, f"{Kind.CA}/{generation.name}", "sign", in_workspace(key.storage, generation.directory))


def of_new_generation(ctx: Context, spec: CaSpec, number: int, algorithm: str | None, use: Use) -> Need:
    """Return what making, or once it is made signing with, the key of a new generation takes."""
    name = generation_name(spec.name, number)
    file = f"{ctx.generation_directory(name)}/private/ca.{algorithm or 'pem'}.key"
    return of_spec(ctx, spec.key, spec.address, f"{Kind.CA}/{name}", use, number, file)


def of_imported(ctx: Context, spec: CaSpec, directory: str, storage: KeyRef) -> Need:
    """Return what signing by a CA takes that is copied from a directory, with its key file if it has one."""
    if isinstance(storage, SoftwareKeyRef):
        landed = f"{ctx.generation_directory(spec.name)}/{relpath(storage.path, directory)}"
        storage = replace(storage, path=landed)
    return of_ref(ctx, str(spec.address), "sign", storage)


def of_credential(ctx: Context, order: Order, generation: int) -> Iterator[Need]:
    """Return what making the keys of a generation of a credential takes; nothing for a CSR."""
    if order.csr is not None:
        return
    for position, profile in enumerate(order.profiles):
        suffix = "" if len(order.profiles) == 1 else "." + re.sub(r"[^A-Za-z0-9]+", "-", profile)
        later = "" if generation == 1 else f".g{generation}"
        file = f"{ctx.state}/{order.address}/private/key{suffix}{later}.pem"
        yield of_spec(
            ctx,
            order.key(position),
            order.address,
            str(order.address),
            "generate",
            generation,
            file,
            position=position + 1,
            of=labels_shared(order),
        )


def labels_shared(order: Order) -> int:
    """Return how many keys have one label between them, and need a number behind it to be told apart."""
    named_each = len(order.keys) == len(order.profiles) and all(key.label is not None for key in order.keys)
    return 1 if named_each else len(order.profiles)


def of_spec(  # noqa: PLR0913  each is a different thing about one key
    ctx: Context,
    key: KeySpec,
    address: Address,
    holder: str,
    use: Use,
    generation: int,
    file: str,
    *,
    position: int = 1,
    of: int = 1,
) -> Need:
    """Return what a key takes that is as the manifest asks for."""
    if key.resource is not None:
        return _of_resource(ctx, key.resource, use)
    used: Use = "open" if key.existing and use == "generate" else use
    if key.hsm is None:
        return Need(holder, used, path=file, secret_env=key.passphrase_env, secret_file=key.passphrase_file)
    label = token_label(key, address, generation, position=position, of=of)
    return of_ref(ctx, holder, used, TokenKeyRef(key.hsm, label, key.key_id))


def of_ref(ctx: Context, holder: str, use: Use, ref: KeyRef) -> Need:
    """Return what a key takes that is where `ref`, with paths relative to the workspace, says."""
    if not isinstance(ref, TokenKeyRef):
        return Need(
            holder, use, path=ctx.landed(ref.path), secret_env=ref.passphrase_env, secret_file=ref.passphrase_file
        )
    hsm = ctx.manifest.hsms.get(ref.config)
    return Need(
        holder,
        use,
        hsm=ref.config,
        token=hsm.token if hsm else None,
        label=ref.label,
        secret_env=hsm.pin_env if hsm else None,
        secret_file=hsm.pin_file if hsm else None,
    )


def _of_resource(ctx: Context, name: str, use: Use) -> Need:
    address = Address(Kind.KEY, name)
    used: Use = "open" if use == "generate" else use
    if ref := ctx.shared_key(name):
        return of_ref(ctx, str(address), used, ref)
    spec = ctx.manifest.keys[name].key
    return of_spec(ctx, spec, address, str(address), used, 1, f"{ctx.state}/{address}/private/key.pem")
