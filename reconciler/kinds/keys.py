"""Keys as manifests describe them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from posixpath import join, normpath

from pki.findings import Location
from pki.keyrefs import KeyRef, SoftwareKeyRef, TokenKeyRef
from reconciler.model import Address, Kind


class Rotation(StrEnum):
    """Whether a renewal makes a new key."""

    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class KeySpec:
    """Where a key is to be.

    Without `hsm` and `resource` it is a PKCS#8 file beside its holder's record. `hsm` and `passphrase_file` are paths
    relative to the workspace. `existing`: the key is on the token already; it is found, never made. `resource` is the
    name of a standalone `Key` whose key is used.
    """

    hsm: str | None = None
    label: str | None = None
    key_id: str | None = None
    existing: bool = False
    resource: str | None = None
    passphrase_env: str | None = None
    passphrase_file: str | None = None

    @property
    def is_made(self) -> bool:
        """Whether it is ours to make: neither found on a token nor another resource's."""
        return not self.existing and self.resource is None


@dataclass(frozen=True, slots=True)
class StandaloneKeySpec:
    """A `Key`: one that stands by itself. `algorithm` is a name of `pki.algorithms` such as `ecdsa-p256`."""

    name: str
    algorithm: str
    key: KeySpec
    where: Location
    prevent_destroy: bool = False

    @property
    def address(self) -> Address:
        return Address(Kind.KEY, self.name)


def token_label(spec: KeySpec, address: Address, generation: int = 1, *, position: int = 1, of: int = 1) -> str | None:
    """Return the label (CKA_LABEL) of a key on a token.

    Each of several keys (`of`) of one label has its position in it, and each generation but the first its number:
    `ca-issuing`, `ca-issuing.g2`, `credential-web-1.g2`. An existing key is called as the spec says, or found by its id
    alone (None).
    """
    if spec.existing:
        return spec.label
    label = spec.label or f"{address.kind}-{address.name}"
    label = f"{label}-{position}" if of > 1 else label
    return f"{label}.g{generation}" if generation > 1 else label


def derived_key_id(workspace: str, address: Address, generation: int = 1, *, position: int = 1) -> str:
    """Return the id (CKA_ID, hex) that a key of ours gets, so that a run after a crash finds the same key again."""
    text = "\0".join((workspace, str(address), str(generation), str(position)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def token_key_id(
    spec: KeySpec, workspace: str, address: Address, generation: int = 1, *, position: int = 1
) -> str | None:
    """Return the id (CKA_ID, hex) of a key on a token: the spec's for the first generation, and else a derived one."""
    if spec.existing or (spec.key_id is not None and generation == 1):
        return spec.key_id
    return derived_key_id(workspace, address, generation, position=position)


def in_workspace(storage: KeyRef, directory: str) -> KeyRef:
    """Return where a key is, with paths relative to the workspace; in a record in `directory` they are to that."""
    if isinstance(storage, TokenKeyRef):
        return replace(storage, config=normpath(join(directory, storage.config)))
    secret = storage.passphrase_file
    return replace(
        storage,
        path=normpath(join(directory, storage.path)),
        passphrase_file=None if secret is None else normpath(join(directory, secret)),
    )


def needs_new_place(spec: KeySpec, stored: KeyRef, directory: str, *, label: str | None) -> bool:
    """Say whether the spec, of no standalone key, wants the key elsewhere than it is.

    `stored` is as `in_workspace` gives it. `label` is the one of the first generation, and only counts where the spec
    gives one: a default follows the name of the resource, which can change.
    """
    if isinstance(stored, SoftwareKeyRef):
        return spec.hsm is not None or not stored.path.startswith(f"{directory}/private/")
    if spec.hsm is None or stored.config != spec.hsm:
        return True
    of_later = spec.label is not None and not spec.existing and _is_of_later(stored.label, label)
    if spec.label is not None and stored.label != label and not of_later:
        return True
    made_later = not spec.existing and stored.label is not None and _LATER.search(stored.label) is not None
    return spec.key_id is not None and not made_later and spec.key_id.lower() != (stored.key_id or "").lower()


_LATER = re.compile(r"\.g[0-9]+$")


def _is_of_later(stored: str | None, label: str | None) -> bool:
    return stored is not None and label is not None and _LATER.sub("", stored) == label


def same_key(one: KeyRef, other: KeyRef) -> bool:
    """Say whether two references, as `in_workspace` gives them, are to one key."""
    if isinstance(one, SoftwareKeyRef) or isinstance(other, SoftwareKeyRef):
        return isinstance(one, SoftwareKeyRef) and isinstance(other, SoftwareKeyRef) and one.path == other.path
    return (one.config, one.label, one.key_id) == (other.config, other.label, other.key_id)
