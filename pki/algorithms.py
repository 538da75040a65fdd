"""The one table of key algorithms and signature schemes.

An `Algorithm` is a kind of key; a `SignatureScheme` is a way such a key signs. What differs between algorithms is data
in these rows, so that the rest of the code asks the row instead of comparing names. Parameters are DER, as they stand
in an AlgorithmIdentifier: `NULL` and "absent" are different (RFC 4055 section 1.2, RFC 5758 section 3.2, RFC 9881
section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pki.errors import UnsupportedAlgorithmError

NULL = b"\x05\x00"


class Family(StrEnum):
    EC = "ec"
    RSA = "rsa"
    ED = "ed"
    ML_DSA = "ml-dsa"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A kind of key.

    `oid` and `parameters` are the AlgorithmIdentifier of its SubjectPublicKeyInfo; `parameters` is None when absent.
    `bits` is the size people name it by: the modulus, the field, or the parameter set. `scheme` names how it signs
    unless a profile asks otherwise.
    """

    name: str
    label: str
    family: Family
    oid: str
    parameters: bytes | None
    bits: int
    scheme: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """A way to sign, as an AlgorithmIdentifier names it.

    `kind` is the word of a profile's `signature.scheme`; `digest` is None where the algorithm hashes by itself.
    """

    name: str
    label: str
    family: Family
    oid: str
    parameters: bytes | None
    kind: str
    digest: str | None = None

    def __str__(self) -> str:
        return self.label


def _pss_parameters(digest_oid_arc: int, salt_length: int) -> bytes:
    """Return RSASSA-PSS-params (RFC 4055 section 3.1): the hash, MGF1 with that hash, a salt of its length."""
    digest = bytes.fromhex("300d06096086480165030402") + bytes([digest_oid_arc]) + NULL
    mgf1 = bytes.fromhex("301a06092a864886f70d010108") + digest
    fields = b"\xa0\x0f" + digest + b"\xa1\x1c" + mgf1 + b"\xa2\x03\x02\x01" + bytes([salt_length])
    return b"\x30" + bytes([len(fields)]) + fields


_EC = "1.2.840.10045.2.1"
_RSA = "1.2.840.113549.1.1.1"
_P256 = bytes.fromhex("06082a8648ce3d030107")
_P384 = bytes.fromhex("06052b81040022")
_P521 = bytes.fromhex("06052b81040023")
_ML_DSA = "2.16.840.1.101.3.4.3"

_ALGORITHMS = (
    # RFC 5480
    Algorithm("ecdsa-p256", "ECDSA P-256", Family.EC, _EC, _P256, 256, "ecdsa-sha256"),
    Algorithm("ecdsa-p384", "ECDSA P-384", Family.EC, _EC, _P384, 384, "ecdsa-sha384"),
    Algorithm("ecdsa-p521", "ECDSA P-521", Family.EC, _EC, _P521, 521, "ecdsa-sha512"),
    # RFC 3279, RFC 4055
    Algorithm("rsa-2048", "RSA 2048", Family.RSA, _RSA, NULL, 2048, "rsa-sha256"),
    Algorithm("rsa-3072", "RSA 3072", Family.RSA, _RSA, NULL, 3072, "rsa-sha256"),
    Algorithm("rsa-4096", "RSA 4096", Family.RSA, _RSA, NULL, 4096, "rsa-sha384"),
    # RFC 8410
    Algorithm("ed25519", "Ed25519", Family.ED, "1.3.101.112", None, 256, "ed25519"),
    # RFC 9881
    Algorithm("ml-dsa-44", "ML-DSA-44", Family.ML_DSA, f"{_ML_DSA}.17", None, 44, "ml-dsa-44"),
    Algorithm("ml-dsa-65", "ML-DSA-65", Family.ML_DSA, f"{_ML_DSA}.18", None, 65, "ml-dsa-65"),
    Algorithm("ml-dsa-87", "ML-DSA-87", Family.ML_DSA, f"{_ML_DSA}.19", None, 87, "ml-dsa-87"),
)

_PKCS1 = "1.2.840.113549.1.1"
_SCHEMES = (
    # RFC 5758 section 3.2: parameters absent
    SignatureScheme("ecdsa-sha256", "ECDSA-SHA256", Family.EC, "1.2.840.10045.4.3.2", None, "ecdsa", "sha256"),
    SignatureScheme("ecdsa-sha384", "ECDSA-SHA384", Family.EC, "1.2.840.10045.4.3.3", None, "ecdsa", "sha384"),
    SignatureScheme("ecdsa-sha512", "ECDSA-SHA512", Family.EC, "1.2.840.10045.4.3.4", None, "ecdsa", "sha512"),
    # RFC 4055 section 5: parameters NULL
    SignatureScheme("rsa-sha256", "RSA-SHA256", Family.RSA, f"{_PKCS1}.11", NULL, "pkcs1v15", "sha256"),
    SignatureScheme("rsa-sha384", "RSA-SHA384", Family.RSA, f"{_PKCS1}.12", NULL, "pkcs1v15", "sha384"),
    SignatureScheme("rsa-sha512", "RSA-SHA512", Family.RSA, f"{_PKCS1}.13", NULL, "pkcs1v15", "sha512"),
    # RFC 4055 section 3.1
    SignatureScheme(
        "rsa-pss-sha256", "RSA-PSS-SHA256", Family.RSA, f"{_PKCS1}.10", _pss_parameters(1, 32), "rsassa-pss", "sha256"
    ),
    SignatureScheme(
        "rsa-pss-sha384", "RSA-PSS-SHA384", Family.RSA, f"{_PKCS1}.10", _pss_parameters(2, 48), "rsassa-pss", "sha384"
    ),
    SignatureScheme(
        "rsa-pss-sha512", "RSA-PSS-SHA512", Family.RSA, f"{_PKCS1}.10", _pss_parameters(3, 64), "rsassa-pss", "sha512"
    ),
    # RFC 8410 section 6, RFC 9881 section 3: parameters absent, no separate digest
    SignatureScheme("ed25519", "Ed25519", Family.ED, "1.3.101.112", None, "ed25519"),
    SignatureScheme("ml-dsa-44", "ML-DSA-44", Family.ML_DSA, f"{_ML_DSA}.17", None, "ml-dsa"),
    SignatureScheme("ml-dsa-65", "ML-DSA-65", Family.ML_DSA, f"{_ML_DSA}.18", None, "ml-dsa"),
    SignatureScheme("ml-dsa-87", "ML-DSA-87", Family.ML_DSA, f"{_ML_DSA}.19", None, "ml-dsa"),
)

ALGORITHMS = {row.name: row for row in _ALGORITHMS}
SCHEMES = {row.name: row for row in _SCHEMES}
_BY_SPKI = {(row.oid, row.parameters): row for row in _ALGORITHMS if row.family is not Family.RSA}
_BY_IDENTIFIER = {(row.oid, row.parameters): row for row in _SCHEMES}


def algorithm(name: str) -> Algorithm:
    """Return the row of that name.

    Raises:
        UnsupportedAlgorithmError: no such row.
    """
    try:
        return ALGORITHMS[name]
    except KeyError:
        raise UnsupportedAlgorithmError(
            f"unknown algorithm {name!r}", hint=f"one of: {', '.join(ALGORITHMS)}"
        ) from None


def algorithm_of_key(oid: str, parameters: bytes | None, rsa_bits: int | None = None) -> Algorithm:
    """Return the row of a public key, from its AlgorithmIdentifier and, for RSA, the modulus length.

    Raises:
        UnsupportedAlgorithmError: no such row; RSA sizes that are not in the table are refused here.
    """
    if oid == _RSA:
        found = ALGORITHMS.get(f"rsa-{rsa_bits}")
        kind = f"RSA with {rsa_bits} bits"
    else:
        found = _BY_SPKI.get((oid, parameters))
        kind = "a key on this elliptic curve" if oid == _EC else f"a key of type {oid}"
    if found is None:
        raise UnsupportedAlgorithmError(f"{kind} is not supported", hint=f"one of: {', '.join(ALGORITHMS)}")
    return found


def scheme_of_identifier(oid: str, parameters: bytes | None) -> SignatureScheme:
    """Return the scheme that an AlgorithmIdentifier names, byte for byte.

    Raises:
        UnsupportedAlgorithmError: no such scheme, or one with other parameters than its RFC prescribes.
    """
    try:
        return _BY_IDENTIFIER[oid, parameters]
    except KeyError:
        raise UnsupportedAlgorithmError(f"signature algorithm {oid} is unknown or has the wrong parameters") from None


@dataclass(frozen=True, slots=True)
class SchemeChoice:
    """What a profile's `signature:` block asks of the issuer's key; None leaves it to the key."""

    kind: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        return " with ".join(part for part in (self.kind, self.digest) if part) or "the key's default"


def select_scheme(key: Algorithm, choice: SchemeChoice = SchemeChoice()) -> SignatureScheme:
    """Return how `key` signs under `choice`.

    Raises:
        UnsupportedAlgorithmError: such a key cannot sign that way.
    """
    default = SCHEMES[key.scheme]
    wanted = (choice.kind or default.kind, choice.digest or default.digest)
    for scheme in _SCHEMES:
        fits = scheme.family is key.family and (scheme.digest is not None or scheme is default)
        if fits and (scheme.kind, scheme.digest) == wanted:
            return scheme
    raise UnsupportedAlgorithmError(f"a key of type {key} cannot sign by {choice}")
