"""The keys that specs ask for, as the library takes them; keys on tokens are journaled before they are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pki import keys
from pki.algorithms import Algorithm
from pki.errors import KeyExistsError
from pki.store.layout import inside
from reconciler.drivers.context import Context, TokenKey
from reconciler.kinds.keys import KeySpec, token_key_id, token_label
from reconciler.model import Address

_TAKEN = (
    "give another label, or say that it is this key: `existing: true` in the spec, or an `import` for a key resource"
)


@dataclass(frozen=True, slots=True)
class WantedKey:
    """One key of a resource: its spec, what kind it is to be, and its place among all keys (`position` of `of`)."""

    spec: KeySpec
    algorithm: Algorithm
    position: int = 1
    of: int = 1


@contextmanager
def chosen(
    context: Context, holder: Address, generation: int, wanted: Sequence[WantedKey]
) -> Iterator[list[keys.KeyChoice]]:
    """Give the library's choices for the keys of one generation of a resource, for the block that makes and records it.

    Raises:
        KeyExistsError: a key of that name is on the token, and it is not ours.
        KeyAccessError: the token does not answer, or cannot make such a key.
    """
    planned = [_token_key(context, holder, generation, key) for key in wanted]
    choices = [_choice(context, key, token_key) for key, token_key in zip(wanted, planned, strict=True)]
    yield choices
    for token_key in filter(None, planned):
        context.token_keys.recorded(token_key)


def _token_key(context: Context, holder: Address, generation: int, key: WantedKey) -> TokenKey | None:
    """Return the key that is to be made on a token; None when none is."""
    spec = key.spec
    if spec.hsm is None or not spec.is_made:
        return None
    label, key_id = _names(context, holder, generation, key)
    return TokenKey(holder, generation, spec.hsm, label or "", key_id or "")


def _names(context: Context, holder: Address, generation: int, key: WantedKey) -> tuple[str | None, str | None]:
    workspace = context.manifest.workspace.name
    label = token_label(key.spec, holder, generation, position=key.position, of=key.of)
    return label, token_key_id(key.spec, workspace, holder, generation, position=key.position)


def _choice(context: Context, key: WantedKey, planned: TokenKey | None) -> keys.KeyChoice:
    spec = key.spec
    if spec.resource is not None:
        return keys.SharedKey(context.key(spec.resource).directory)
    if spec.hsm is None:
        return keys.FileKey(context.secret(spec))
    config = inside(context.root, spec.hsm)
    if planned is None:
        return keys.TokenKeyChoice(config, spec.label, spec.key_id)
    ours = context.token_keys.is_ours(planned)
    if not ours:
        _require_room(context, key, planned)
        context.token_keys.intend(planned)
    return keys.TokenKeyChoice(config, planned.label, planned.key_id, generate=True, adopt=ours)


def _require_room(context: Context, key: WantedKey, planned: TokenKey) -> None:
    """Look before the intent is written: a foreign key of that name must never pass for one that we were making."""
    try:
        with keys.open_token(inside(context.root, planned.hsm), context.ports.secrets) as token:
            token.require_room(key.algorithm, label=planned.label, key_id=planned.key_id)
    except KeyExistsError as error:
        error.hint = _TAKEN
        raise
