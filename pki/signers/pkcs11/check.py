"""The steps of `qpki hsm test`: each says what it found, or raises."""

from __future__ import annotations

import secrets as entropy
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pki.algorithms import ALGORITHMS, SCHEMES
from pki.errors import TokenError
from pki.ports import SecretSource
from pki.signers.config import HsmConfig
from pki.signers.pkcs11.module import load
from pki.signers.pkcs11.report import mechanisms
from pki.signers.pkcs11.slots import token_info
from pki.signers.pkcs11.token import open_token

_SELF_TEST = ("ecdsa-p256", "rsa-2048")


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Show `str(step)`, then call `run`, which returns one line or raises a PkiError."""

    number: int
    total: int
    title: str
    run: Callable[[], str]

    def __str__(self) -> str:
        return f"[{self.number}/{self.total}] {self.title}"


def check(config: HsmConfig, secrets: SecretSource, *, self_test: bool = False) -> list[Step]:
    """Return the steps that prove a configuration, in order; stop at the first that raises.

    With `self_test` a last step makes a temporary key pair, signs and verifies. Nothing is left on the token.
    """
    steps: list[tuple[str, Callable[[], str]]] = [
        ("Loading the module", lambda: _loading(config)),
        ("Finding the token", lambda: _finding(config)),
        ("Reading its mechanisms", lambda: _reading(config)),
        ("Authenticating and listing keys", lambda: _listing(config, secrets)),
    ]
    if self_test:
        steps.append(("Signing with a temporary key", lambda: _signing(config, secrets)))
    return [Step(number, len(steps), title, run) for number, (title, run) in enumerate(steps, start=1)]


def _loading(config: HsmConfig) -> str:
    info = load(config.lib, config.env).info()
    return f"{info.manufacturer}: {info.description} {info.version}, Cryptoki {info.cryptoki}"


def _finding(config: HsmConfig) -> str:
    slot = token_info(config).slot
    return f"{slot.token} in slot {slot.slot}"


def _reading(config: HsmConfig) -> str:
    names = [row.name for row, usable in mechanisms(config).algorithms.items() if usable]
    if not names:
        raise TokenError("the token lists no mechanism for any supported algorithm")
    return f"can make {', '.join(names)}"


def _listing(config: HsmConfig, secrets: SecretSource) -> str:
    with open_token(config, secrets) as token:
        count = len(token.keys())
    return f"logged in; {count} private {'key' if count == 1 else 'keys'}"


def _signing(config: HsmConfig, secrets: SecretSource) -> str:
    message = entropy.token_bytes(32)
    with open_token(config, secrets) as token:
        usable = [ALGORITHMS[name] for name in _SELF_TEST if token.supports(ALGORITHMS[name])]
        if not usable:
            return f"skipped: the token makes none of {', '.join(_SELF_TEST)}"
        with token.temporary_signer(usable[0]) as signer:
            scheme = SCHEMES[usable[0].scheme]
            verify(signer.spki, message, signer.sign(message, scheme))
    return f"signed and verified with a temporary {usable[0]} key, which is gone"


def verify(spki: bytes, message: bytes, signature: bytes) -> None:
    key = load_der_public_key(spki)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise TokenError("the token's signature does not verify with its own public key") from error
