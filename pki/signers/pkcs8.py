"""Private key files: PEM (RFC 7468) and OneAsymmetricKey (RFC 5958), whose first version is PKCS#8.

OneAsymmetricKey is our own because pyca reads version 1 only, and its errors do not tell an unknown kind of key from a
damaged one.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Annotated

from cryptography.hazmat import asn1

from pki.der import SubjectPublicKeyInfo, octets, split_algorithm_identifier
from pki.errors import EncodingError, KeyAccessError, UnsupportedAlgorithmError
from pki.signers import pbes2
from pki.signers.der import decode

PLAIN = "PRIVATE KEY"
ENCRYPTED = "ENCRYPTED PRIVATE KEY"
TRADITIONAL = ("RSA PRIVATE KEY", "EC PRIVATE KEY")
"""PKCS#1 (RFC 8017 appendix A.1.2) and SEC 1 (RFC 5915), as OpenSSL wrote them before version 3."""


@dataclass(frozen=True, slots=True)
class PemKey:
    """The private key of a PEM file: its label, the bytes in it, and the whole block as it stands."""

    label: str
    der: bytes = field(repr=False)
    block: bytes = field(repr=False)

    @property
    def is_encrypted(self) -> bool:
        """Say so by the label or, in the traditional format, by the header (RFC 1421 section 4.6.1.1)."""
        return self.label == ENCRYPTED or b"4,ENCRYPTED" in self.block


@dataclass(frozen=True, slots=True)
class PrivateKeyInfo:
    """A OneAsymmetricKey.

    `oid` and `parameters` (DER, or None when absent) are its AlgorithmIdentifier. `public_key` is what version 2 may
    add. `version_1` is the same key as PKCS#8 has it (RFC 5208), which every reader knows.
    """

    oid: str
    parameters: bytes | None
    private_key: bytes = field(repr=False)
    public_key: bytes | None
    version_1: bytes = field(repr=False)


@asn1.sequence
class _OneAsymmetricKey:
    version: int
    algorithm: asn1.TLV
    private_key: bytes
    attributes: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(0)]
    public_key: Annotated[asn1.BitString | None, asn1.Implicit(1)]


_BLOCK = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----\r?\n(.*?)-----END \1-----", re.DOTALL)
_HEADERS = re.compile(rb"\A(?:[A-Za-z-]+:[^\n]*\n)+\r?\n")


def read_pem(data: bytes) -> PemKey:
    """Return the private key of a PEM file; certificates and parameters beside it are passed over.

    Raises:
        KeyAccessError: there is no private key, more than one, or its base64 is damaged.
        UnsupportedAlgorithmError: it is in a format of another program.
    """
    blocks = list(_BLOCK.finditer(data))
    if len(blocks) != 1:
        raise KeyAccessError(
            f"the file holds {len(blocks) or 'no'} private keys in PEM", hint="a key file holds exactly one"
        )
    label, body = blocks[0][1].decode(), blocks[0][2]
    if label not in (PLAIN, ENCRYPTED, *TRADITIONAL):
        raise UnsupportedAlgorithmError(
            f"a PEM block of type {label} is not supported", hint="convert the key to PKCS#8: openssl pkcs8 -topk8"
        )
    text = b"".join(_HEADERS.sub(b"", body).split())
    try:
        der = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise KeyAccessError("the private key is damaged: its base64 is not valid") from error
    return PemKey(label, der, blocks[0].group() + b"\n")


def decode_plain(der: bytes) -> PrivateKeyInfo:
    """Parse a OneAsymmetricKey of either version.

    Raises:
        KeyAccessError: it is not one.
    """
    key = decode(_OneAsymmetricKey, der)
    public_key = None if key.public_key is None else key.public_key.as_bytes()
    if key.version not in (0, 1) or (key.version == 0 and public_key is not None):
        raise KeyAccessError("the private key is damaged: its version does not fit its content")
    oid, parameters = _identifier(key.algorithm)
    key.version, key.attributes, key.public_key = 0, None, None
    return PrivateKeyInfo(oid, parameters, key.private_key, public_key, asn1.encode_der(key))


def decode_encrypted(der: bytes, passphrase: str) -> PrivateKeyInfo:
    """Open an EncryptedPrivateKeyInfo; raises as `pbes2.decrypt` does."""
    plain = pbes2.decrypt(der, passphrase)
    try:
        return decode_plain(plain)
    except KeyAccessError:
        # Not chained: what a wrong key makes of the ciphertext is nobody's business.
        raise pbes2.wrong_passphrase() from None


def subject_public_key(spki: bytes) -> bytes:
    """Return what the BIT STRING of a SubjectPublicKeyInfo holds."""
    return decode(SubjectPublicKeyInfo, spki).subject_public_key.as_bytes()


def _identifier(algorithm: asn1.TLV) -> tuple[str, bytes | None]:
    try:
        return split_algorithm_identifier(octets(algorithm))
    except EncodingError as error:
        raise KeyAccessError("the private key is damaged: its algorithm is not valid") from error
