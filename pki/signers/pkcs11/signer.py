"""One private key on a token."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pkcs11 import MGF, Mechanism

from pki.algorithms import Algorithm, SignatureScheme
from pki.signers.base import Signer, TokenKey, require_scheme
from pki.signers.mechanisms import MechanismSpec, PssParameters
from pki.signers.pkcs11.failures import GONE

_Way = tuple[MechanismSpec, Mechanism, tuple[Mechanism, MGF, int] | None]


@dataclass(slots=True, eq=False)
class PkcsSigner:
    """A key that was found and checked once; each signature is then one operation of the token.

    `key` is what the token said of it when it was opened: a key found by its pinned public key can have other names
    than the caller gave.
    """

    algorithm: Algorithm
    spki: bytes = field(repr=False)
    key: TokenKey
    _call: Callable[[str], AbstractContextManager[Any]] = field(repr=False)
    _handle: Any = field(repr=False)
    _find_again: Callable[[], Any] = field(repr=False)
    _choose: Callable[[SignatureScheme], MechanismSpec] = field(repr=False)
    _ways: dict[str, _Way] = field(default_factory=dict, repr=False)

    def sign(self, message: bytes, scheme: SignatureScheme) -> bytes:
        spec, mechanism, parameter = self._ways.get(scheme.name) or self._way(scheme)
        data = spec.prepare(message, self.algorithm)
        with self._call("sign"):
            try:
                raw = self._handle.sign(data, mechanism=mechanism, mechanism_param=parameter)
            except GONE:
                self._handle = self._find_again()
                raw = self._handle.sign(data, mechanism=mechanism, mechanism_param=parameter)
        return spec.finish(raw, self.algorithm)

    def _way(self, scheme: SignatureScheme) -> _Way:
        require_scheme(self.algorithm, scheme)
        spec = self._choose(scheme)
        self._ways[scheme.name] = way = (spec, Mechanism[spec.mechanism], _pss_parameter(spec.pss))
        return way


def _pss_parameter(pss: PssParameters | None) -> tuple[Mechanism, MGF, int] | None:
    return (Mechanism[pss.hash], MGF[pss.mgf], pss.salt_length) if pss else None


if TYPE_CHECKING:

    def _is_a_signer(signer: PkcsSigner) -> Signer:
        return signer
