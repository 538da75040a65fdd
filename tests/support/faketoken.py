"""A token in memory: real keys, real signatures, and it can be told to fail.

It keeps the promises of `pki.signers.base.Token` (the contract suite runs over it), so that what is built on tokens can
be tested at every failure of one without a device.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from pki.algorithms import ALGORITHMS, Algorithm, Family, SignatureScheme
from pki.errors import (
    KeyAccessError,
    KeyAmbiguousError,
    KeyExistsError,
    KeyMismatchError,
    KeyNotFoundError,
    UnsupportedAlgorithmError,
)
from pki.signers import software
from pki.signers.base import Signer, Token, TokenKey, spki_sha256

CLASSICAL = tuple(row.name for row in ALGORITHMS.values() if row.family is not Family.ML_DSA)

_KINDS = {Family.EC: "EC", Family.RSA: "RSA", Family.ED: "EC_EDWARDS", Family.ML_DSA: "ML_DSA"}


@dataclass(slots=True, eq=False)
class FakeToken:
    """A `Token`, also a context manager. `calls` counts what was asked of it, failures included."""

    algorithms: Iterable[str] = CLASSICAL
    calls: Counter[str] = field(default_factory=Counter)
    _keys: list[tuple[TokenKey, Signer]] = field(default_factory=list, repr=False)
    _failures: dict[tuple[str, int], BaseException] = field(default_factory=dict, repr=False)

    def fail(self, operation: str, error: BaseException, *, at: int = 1) -> None:
        """Raise `error` at the `at`-th call of `operation` from now: keys, generate, generated, signer or sign.

        `generated` fails after the key was made: what a crash, or a device lost in that moment, leaves behind.
        """
        self._failures[operation, self.calls[operation] + at] = error

    def rename(self, label: str, new_label: str) -> None:
        """Change a key's label, as an operator can with the vendor's tool."""
        self._keys = [(replace(key, label=new_label) if key.label == label else key, s) for key, s in self._keys]

    def remove(self, label: str) -> None:
        """Delete a key, as an operator can; nothing of ours ever does."""
        self._keys = [entry for entry in self._keys if entry[0].label != label]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def keys(self) -> Sequence[TokenKey]:
        self.reach("keys")
        return sorted((key for key, _ in self._keys), key=lambda key: (key.label, key.key_id))

    def supports(self, algorithm: Algorithm) -> bool:
        return algorithm.name in self.algorithms

    def generate(self, algorithm: Algorithm, *, label: str, key_id: str | None = None) -> TokenKey:
        self.reach("generate")
        if not label:
            raise KeyAccessError("a new key on a token needs a label")
        wanted = _normal_id(key_id)
        if not self.supports(algorithm):
            raise UnsupportedAlgorithmError(f"the token cannot make {algorithm} keys")
        if any(key.label == label or key.key_id == wanted for key, _ in self._keys):
            raise KeyExistsError(f'the token holds a key with label "{label}" or id {wanted} already')
        signer = software.generate(algorithm)
        key = TokenKey(
            label=label,
            key_id=wanted or secrets.token_hex(8),
            kind=_KINDS[algorithm.family],
            algorithm=algorithm,
            can_sign=True,
            extractable=False,
            sensitive=True,
            spki_sha256=spki_sha256(signer.spki),
        )
        self._keys.append((key, signer))
        self.reach("generated")
        return key

    def signer(self, *, label: str | None, key_id: str | None, spki_sha256: str | None = None) -> Signer:
        self.reach("signer")
        if label is None and key_id is None:
            raise KeyNotFoundError("a key on a token is named by its label, its id, or both")
        wanted = _normal_id(key_id)
        named = [(k, s) for k, s in self._keys if label in (None, k.label) and wanted in (None, k.key_id)]
        pinned = [(k, s) for k, s in named or self._keys if spki_sha256 in (None, k.spki_sha256)]
        if not named and (spki_sha256 is None or not pinned):
            raise KeyNotFoundError(f'there is no key with label "{label}" and id {key_id}')
        if not pinned:
            raise KeyMismatchError("the key is not the one that was recorded: its public key is another")
        if len(pinned) > 1:
            raise KeyAmbiguousError(f"{len(pinned)} keys answer")
        return _FakeSigner(self, pinned[0][1])

    def reach(self, operation: str) -> None:
        """Count a call, and fail if this one was chosen to."""
        self.calls[operation] += 1
        if failure := self._failures.pop((operation, self.calls[operation]), None):
            raise failure


@dataclass(frozen=True, slots=True, eq=False)
class _FakeSigner:
    token: FakeToken
    key: Signer

    @property
    def algorithm(self) -> Algorithm:
        return self.key.algorithm

    @property
    def spki(self) -> bytes:
        return self.key.spki

    def sign(self, message: bytes, scheme: SignatureScheme) -> bytes:
        self.token.reach("sign")
        return self.key.sign(message, scheme)


def _normal_id(key_id: str | None) -> str | None:
    try:
        return key_id and bytes.fromhex(key_id).hex()
    except ValueError:
        raise KeyAccessError(f"the key id {key_id!r} is not hexadecimal bytes") from None


def _is_a_token(token: FakeToken) -> Token:
    return token
