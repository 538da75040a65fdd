"""Finding the one key that a reference means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import pkcs11
from pkcs11 import ObjectClass

from pki.errors import KeyAccessError, KeyAmbiguousError, KeyMismatchError, KeyNotFoundError, PkiError
from pki.signers.base import spki_sha256
from pki.signers.pkcs11.objects import KeyObject, public_half, require_login, search
from pki.signers.pkcs11.publickeys import PublicKey

_KEY_ID = re.compile(r"(?:[0-9a-fA-F]{2}){1,64}")


@dataclass(frozen=True, slots=True)
class KeyNames:
    """What a key is looked for by; `pin` is the SHA-256 of its SubjectPublicKeyInfo, in hex, as state recorded it."""

    label: str | None
    key_id: bytes | None
    pin: str | None

    @classmethod
    def of(cls, label: str | None, key_id: str | None, pin: str | None) -> Self:
        if label is None and key_id is None:
            raise KeyNotFoundError("a key on a token is named by its label, its id, or both")
        return cls(label, decode_id(key_id), pin)

    def __str__(self) -> str:
        names = [f'label "{self.label}"'] if self.label is not None else []
        names += [f"id {self.key_id.hex()}"] if self.key_id is not None else []
        return f"key with {' and '.join(names)}"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key on the token and its public half."""

    private: KeyObject
    public: PublicKey


def decode_id(key_id: str | None) -> bytes | None:
    """Return CKA_ID from hex.

    Raises:
        KeyAccessError: it is not hexadecimal bytes.
    """
    if key_id is None:
        return None
    if not _KEY_ID.fullmatch(key_id):
        raise KeyAccessError(f"the key id {key_id!r} is not hexadecimal bytes", hint="for example 0102030405")
    return bytes.fromhex(key_id)


def private_keys(session: pkcs11.Session, *, label: str | None = None, key_id: bytes | None = None) -> list[KeyObject]:
    """Return the private keys of that label and id.

    Raises:
        UserNotLoggedIn: none is shown, because the token has logged this process out.
    """
    found = search(session, ObjectClass.PRIVATE_KEY, label=label, key_id=key_id)
    if not found:
        require_login(session)
    return found


def public_keys(session: pkcs11.Session, private: KeyObject) -> list[KeyObject]:
    """Return the public objects that could go with a private key."""
    label = None if private.key_id else private.label
    return search(session, ObjectClass.PUBLIC_KEY, label=label, key_id=private.key_id or None)


def find_key(session: pkcs11.Session, names: KeyNames) -> KeyPair:
    """Return the key that the names mean.

    A pin decides: among several keys of one name it picks the recorded one, and a key that was renamed on the token is
    found by it. A key of the right name with another public key is refused.

    Raises:
        KeyNotFoundError, KeyAmbiguousError: not exactly one key answers.
        KeyMismatchError: one does, but it is another key than recorded.
        KeyAccessError, UnsupportedAlgorithmError: its public half is not there, or not of a type that is ours.
    """
    found = private_keys(session, label=names.label, key_id=names.key_id)
    if names.pin is not None:
        return _pinned(session, names, found)
    if not found:
        raise KeyNotFoundError(f"there is no {names}", hint="`qpki key list --hsm-config FILE` shows the keys")
    if len(found) > 1:
        raise KeyAmbiguousError(
            f"{len(found)} keys answer to the {names}: {', '.join(map(str, found))}",
            hint="give both the label and the id",
        )
    return _with_public(session, found[0])


def _pinned(session: pkcs11.Session, names: KeyNames, found: Sequence[KeyObject]) -> KeyPair:
    right = _with_spki(session, found or private_keys(session), names.pin)
    if len(right) == 1:
        return right[0]
    if right:
        raise KeyAmbiguousError(f"{len(right)} copies of the {names} are on the token: remove all but one")
    if found:
        _with_public(session, found[0])  # where its public half is the trouble, that error says more
        raise KeyMismatchError(
            f"the {names} is not the key that was recorded: its public key is another",
            hint="the key was replaced on the token, or the configuration leads to another token",
        )
    raise KeyNotFoundError(
        f"there is no {names}, and no key has the public key that was recorded",
        hint="`qpki key list --hsm-config FILE` shows the keys; is it the right token?",
    )


def _with_spki(session: pkcs11.Session, keys: Sequence[KeyObject], pin: str | None) -> list[KeyPair]:
    pairs = []
    for key in keys:
        with suppress(PkiError):  # a key whose public half cannot be told is not the recorded one
            pairs.append(_with_public(session, key))
    return [pair for pair in pairs if spki_sha256(pair.public.spki) == pin]


def _with_public(session: pkcs11.Session, private: KeyObject) -> KeyPair:
    return KeyPair(private, public_half(private, public_keys(session, private)))
