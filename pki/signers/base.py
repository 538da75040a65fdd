"""The contract between issuance and keys.

A `Signer` signs with one private key and shows the public half. A `Token` holds several keys and makes new ones. The
caller says which scheme to use; neither a key nor a token ever picks one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pki.algorithms import Algorithm, SignatureScheme
from pki.errors import KeyMismatchError


class Signer(Protocol):
    """One private key."""

    @property
    def algorithm(self) -> Algorithm: ...

    @property
    def spki(self) -> bytes:
        """DER SubjectPublicKeyInfo of the public half (RFC 5280 section 4.1.2.7)."""
        ...

    def sign(self, message: bytes, scheme: SignatureScheme) -> bytes:
        """Return the signature over `message` as X.509 carries it: DER for ECDSA, raw bytes elsewhere.

        The whole message is given; the signer hashes it where the scheme asks for that.

        Raises:
            KeyMismatchError: `scheme` is not one that this kind of key can do; the key was not used.
            KeyAccessError: the key or token cannot be used now.
        """
        ...


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A private key as a token lists it. `algorithm` is None for types that the table does not have."""

    label: str
    key_id: str
    kind: str
    algorithm: Algorithm | None
    can_sign: bool
    extractable: bool | None
    sensitive: bool | None
    spki_sha256: str | None


class Token(Protocol):
    """A device, open and logged in, that holds private keys."""

    def keys(self) -> Sequence[TokenKey]: ...

    def supports(self, algorithm: Algorithm) -> bool:
        """Say whether the token's own mechanism list offers what it takes to make such a key and sign with it."""
        ...

    def generate(self, algorithm: Algorithm, *, label: str, key_id: str | None = None) -> TokenKey:
        """Make a key pair that cannot leave the token, and read back that it cannot.

        Raises:
            KeyExistsError: a key with that label or id is there; nothing was made.
            UnsupportedAlgorithmError: the token does not list the mechanism; nothing was made.
        """
        ...

    def signer(self, *, label: str | None, key_id: str | None, spki_sha256: str | None = None) -> Signer:
        """Open a key by label, id or both; `spki_sha256` pins the public key that was recorded for it.

        Raises:
            KeyNotFoundError, KeyAmbiguousError: not exactly one key answers to the names.
            KeyMismatchError: one does, but it is another key than recorded.
        """
        ...


def spki_sha256(spki: bytes) -> str:
    """Return the SHA-256 of a DER SubjectPublicKeyInfo in lower-case hex: the name by which state pins a key."""
    return hashlib.sha256(spki).hexdigest()


def require_algorithm(signer: Signer, wanted: Algorithm, wanted_by: str) -> None:
    """Refuse a key of another type or size than `wanted`, before it signs anything.

    Raises:
        KeyMismatchError: it is another.
    """
    if signer.algorithm != wanted:
        raise KeyMismatchError(
            f"the key is {signer.algorithm}, but {wanted_by} asks for {wanted}",
            hint="the profile decides the algorithm: name another key, or choose a profile for this one",
        )


def require_scheme(algorithm: Algorithm, scheme: SignatureScheme) -> None:
    """Refuse a scheme of another family, or of another parameter set, than the key's.

    Raises:
        KeyMismatchError: it does not fit.
    """
    if scheme.family is not algorithm.family or (scheme.digest is None and scheme.name != algorithm.scheme):
        raise KeyMismatchError(f"a key of type {algorithm} cannot sign with {scheme}")
