"""Signature verification over the algorithm table."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pki.algorithms import Family, SignatureScheme
from pki.der import spki_algorithm
from pki.errors import EncodingError, VerificationError

_HASHES: dict[str | None, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def verify(spki: bytes, scheme: SignatureScheme, message: bytes, signature: bytes) -> None:
    """Check a signature as X.509 carries it: DER for ECDSA, raw bytes elsewhere.

    Raises:
        VerificationError: it does not hold, or a key of this kind cannot sign by this scheme.
        EncodingError, UnsupportedAlgorithmError: the public key is broken, or not in the table.
    """
    key = spki_algorithm(spki)
    if scheme.family is not key.family or (scheme.digest is None and scheme.name != key.scheme):
        raise VerificationError(f"a key of type {key} does not sign by {scheme}")
    try:
        _VERIFIERS[scheme.family](public_key(spki), scheme, message, signature)
    except InvalidSignature as error:
        raise VerificationError(f"the {scheme} signature does not hold") from error


@lru_cache(maxsize=64)  # one issuer's key verifies all that it signs
def public_key(spki: bytes) -> PublicKeyTypes:
    """Return pyca's object for a DER SubjectPublicKeyInfo.

    Raises:
        EncodingError: it is broken: a point off its curve, a key of the wrong length.
    """
    try:
        return load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EncodingError("the public key is not valid") from error


def _ecdsa(key: ec.EllipticCurvePublicKey, scheme: SignatureScheme, message: bytes, signature: bytes) -> None:
    key.verify(signature, message, ec.ECDSA(_HASHES[scheme.digest]))


def _rsa(key: rsa.RSAPublicKey, scheme: SignatureScheme, message: bytes, signature: bytes) -> None:
    digest = _HASHES[scheme.digest]
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    key.verify(signature, message, pss if scheme.kind == "rsassa-pss" else padding.PKCS1v15(), digest)


def _pure(key: Ed25519PublicKey, _scheme: SignatureScheme, message: bytes, signature: bytes) -> None:
    key.verify(signature, message)  # ML-DSA's three classes have the same method


_VERIFIERS: dict[Family, Callable[..., None]] = {
    Family.EC: _ecdsa,
    Family.RSA: _rsa,
    Family.ED: _pure,
    Family.ML_DSA: _pure,
}
