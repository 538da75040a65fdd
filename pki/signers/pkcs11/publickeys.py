"""SubjectPublicKeyInfo from the attributes of a key object; pure, so that every token's dialect can be tested.

Tokens disagree on CKA_EC_POINT: most wrap the point in an OCTET STRING (PKCS#11 2.40 section 2.3.3), some return it
bare, and both begin with 04. Only the exact length tells; then the point must lie on the curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.algorithms import ALGORITHMS, Algorithm, Family
from pki.errors import KeyAccessError, UnsupportedAlgorithmError

Attributes = Mapping[str, Any]
"""Attributes by name without CKA_; what the token does not tell is absent."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; `algorithm` is None for sizes that the table does not have."""

    spki: bytes
    algorithm: Algorithm | None


_CURVES: dict[str, ec.EllipticCurve] = {
    "ecdsa-p256": ec.SECP256R1(),
    "ecdsa-p384": ec.SECP384R1(),
    "ecdsa-p521": ec.SECP521R1(),
}
_EC_PARAMS = {row.parameters: row for row in ALGORITHMS.values() if row.family is Family.EC}
_ED25519_PARAMS = {
    bytes.fromhex("06032b6570"),  # RFC 8410
    bytes.fromhex("130c") + b"edwards25519",  # PKCS#11 3.0 section 2.3.5
    bytes.fromhex("06092b06010401da470f01"),  # the OID that GnuPG used before RFC 8410
}
_ML_DSA: dict[int, tuple[Algorithm, Any]] = {
    1: (ALGORITHMS["ml-dsa-44"], mldsa.MLDSA44PublicKey),
    2: (ALGORITHMS["ml-dsa-65"], mldsa.MLDSA65PublicKey),
    3: (ALGORITHMS["ml-dsa-87"], mldsa.MLDSA87PublicKey),
}


def public_key(kind: str, attributes: Attributes) -> PublicKey:
    """Return the public key that the attributes describe; `kind` is CKA_KEY_TYPE without CKK_.

    Raises:
        UnsupportedAlgorithmError: the kind, curve or parameter set is not one of ours.
        KeyAccessError: an attribute is missing, or they make no valid key.
    """
    reader = _READERS.get(kind)
    if reader is None:
        raise UnsupportedAlgorithmError(f"keys of type {kind} are not supported")
    try:
        key, algorithm = reader(attributes)
    except KeyError as error:
        raise KeyAccessError(f"the token does not tell CKA_{error.args[0]} of the {kind} key") from error
    except ValueError as error:
        raise KeyAccessError(f"the token's attributes make no valid {kind} public key") from error
    return PublicKey(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), algorithm)


def ec_point(value: bytes, field_bytes: int) -> bytes:
    """Return the uncompressed point of CKA_EC_POINT, which may be wrapped in an OCTET STRING.

    Raises:
        ValueError: it is neither.
    """
    return _unwrap(value, 1 + 2 * field_bytes)


def _unwrap(value: bytes, length: int) -> bytes:
    if len(value) == length:
        return value
    header = bytes([0x04, length]) if length < 0x80 else bytes([0x04, 0x81, length])  # noqa: PLR2004  DER's short form
    if value.startswith(header) and len(value) == len(header) + length:
        return value[len(header) :]
    raise ValueError(f"neither a bare value of {length} bytes nor an OCTET STRING around one")


def _rsa(attributes: Attributes) -> tuple[PublicKeyTypes, Algorithm | None]:
    modulus = int.from_bytes(attributes["MODULUS"])
    exponent = int.from_bytes(attributes["PUBLIC_EXPONENT"])
    return rsa.RSAPublicNumbers(exponent, modulus).public_key(), ALGORITHMS.get(f"rsa-{modulus.bit_length()}")


def _ec(attributes: Attributes) -> tuple[PublicKeyTypes, Algorithm]:
    algorithm = _EC_PARAMS.get(attributes["EC_PARAMS"])
    if algorithm is None:
        raise UnsupportedAlgorithmError("the key's curve is not one of P-256, P-384, P-521")
    point = ec_point(attributes["EC_POINT"], (algorithm.bits + 7) // 8)
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[algorithm.name], point), algorithm


def _ed25519(attributes: Attributes) -> tuple[PublicKeyTypes, Algorithm]:
    if attributes["EC_PARAMS"] not in _ED25519_PARAMS:
        raise UnsupportedAlgorithmError("the key's Edwards curve is not Ed25519")
    return ed25519.Ed25519PublicKey.from_public_bytes(_unwrap(attributes["EC_POINT"], 32)), ALGORITHMS["ed25519"]


def _ml_dsa(attributes: Attributes) -> tuple[PublicKeyTypes, Algorithm]:
    found = _ML_DSA.get(attributes["PARAMETER_SET"])
    if found is None:
        raise UnsupportedAlgorithmError("the key's ML-DSA parameter set is unknown")
    algorithm, loader = found
    return loader.from_public_bytes(attributes["VALUE"]), algorithm


_READERS: dict[str, Callable[[Attributes], tuple[PublicKeyTypes, Algorithm | None]]] = {
    "RSA": _rsa,
    "EC": _ec,
    "EC_EDWARDS": _ed25519,
    "ML_DSA": _ml_dsa,
}
