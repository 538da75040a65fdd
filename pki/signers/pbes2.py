"""Encryption of private key files by a passphrase: PBES2 (RFC 8018 section 6.2).

What is written is scrypt (RFC 7914) with AES-256-CBC, which OpenSSL 3 and pyca read. What is read is that, and what
others write with PBKDF2 and AES. Older schemes are refused by name. The work that a file may ask for is bounded, so
that a hostile one cannot stall its reader. It is our own because pyca lets a caller neither choose nor bound that work.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.x509 import ObjectIdentifier

from pki.errors import KeyAccessError, PassphraseError, UnsupportedAlgorithmError
from pki.signers.der import decode, parse, tlv

SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 5
"""The largest N that OpenSSL 3 reads with its default memory limit (32 MiB); p makes up for some of it."""

MAX_SCRYPT_BYTES = 2**30
MAX_ITERATIONS = 10_000_000

_BLOCK = 16
_DAMAGED = "the encrypted private key is damaged"
_PBES2 = ObjectIdentifier("1.2.840.113549.1.5.13")
_PBKDF2 = ObjectIdentifier("1.2.840.113549.1.5.12")
_SCRYPT = ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
_AES_256_CBC = ObjectIdentifier("2.16.840.1.101.3.4.1.42")
_AES_KEY_BYTES = {
    ObjectIdentifier("2.16.840.1.101.3.4.1.2"): 16,
    ObjectIdentifier("2.16.840.1.101.3.4.1.22"): 24,
    _AES_256_CBC: 32,
}
_HMAC_SHA1 = ObjectIdentifier("1.2.840.113549.2.7")
"""What PBKDF2-params mean when they name no PRF (RFC 8018 appendix A.2)."""
_PRF: dict[ObjectIdentifier, Callable[[], hashes.HashAlgorithm]] = {
    _HMAC_SHA1: hashes.SHA1,
    ObjectIdentifier("1.2.840.113549.2.8"): hashes.SHA224,
    ObjectIdentifier("1.2.840.113549.2.9"): hashes.SHA256,
    ObjectIdentifier("1.2.840.113549.2.10"): hashes.SHA384,
    ObjectIdentifier("1.2.840.113549.2.11"): hashes.SHA512,
}


@asn1.sequence
class _Identifier:
    algorithm: ObjectIdentifier
    parameters: asn1.TLV


@asn1.sequence
class _Envelope:
    """EncryptedPrivateKeyInfo (RFC 5958 section 3)."""

    algorithm: _Identifier
    data: bytes


@asn1.sequence
class _Pbes2Parameters:
    kdf: _Identifier
    cipher: _Identifier


@asn1.sequence
class _ScryptParameters:
    salt: bytes
    cost: int
    block_size: int
    parallelization: int
    key_length: int | None


@asn1.sequence
class _Prf:
    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Pbkdf2Parameters:
    salt: bytes
    iterations: int
    key_length: int | None
    prf: _Prf | None


def octets(passphrase: str) -> bytes:
    """Return the bytes that the environment or the terminal had; other tools hash exactly those."""
    return passphrase.encode("utf-8", "surrogateescape")


def encrypt(plain: bytes, passphrase: str) -> bytes:
    """Return the EncryptedPrivateKeyInfo that holds `plain`.

    Raises:
        PassphraseError: the passphrase is empty.
    """
    if not passphrase:
        raise PassphraseError("an empty passphrase does not protect a key")
    salt, iv = os.urandom(16), os.urandom(_BLOCK)
    kdf = _ScryptParameters(
        salt=salt, cost=SCRYPT_N, block_size=SCRYPT_R, parallelization=SCRYPT_P, key_length=_AES_KEY_BYTES[_AES_256_CBC]
    )
    secret = _derive_by_scrypt(tlv(kdf), octets(passphrase), _AES_KEY_BYTES[_AES_256_CBC])
    padder = padding.PKCS7(_BLOCK * 8).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    data = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    scheme = _Pbes2Parameters(
        kdf=_Identifier(algorithm=_SCRYPT, parameters=tlv(kdf)),
        cipher=_Identifier(algorithm=_AES_256_CBC, parameters=tlv(iv)),
    )
    return asn1.encode_der(_Envelope(algorithm=_Identifier(algorithm=_PBES2, parameters=tlv(scheme)), data=data))


def decrypt(der: bytes, passphrase: str) -> bytes:
    """Return what an EncryptedPrivateKeyInfo holds.

    A wrong passphrase is noticed by the padding alone, so about one in 256 yields noise: the caller must parse it.

    Raises:
        PassphraseError: the passphrase does not open it, or the ciphertext is damaged, which looks the same.
        UnsupportedAlgorithmError: it is encrypted otherwise than by PBES2 with scrypt or PBKDF2 and AES-CBC.
        KeyAccessError: its encoding is damaged, or it asks for more work than the limits of this module.
    """
    envelope = decode(_Envelope, der)
    if envelope.algorithm.algorithm != _PBES2:
        raise _unknown(envelope.algorithm.algorithm)
    scheme = parse(_Pbes2Parameters, envelope.algorithm.parameters)
    if scheme.cipher.algorithm not in _AES_KEY_BYTES:
        raise _unknown(scheme.cipher.algorithm)
    if scheme.kdf.algorithm not in _KDFS:
        raise _unknown(scheme.kdf.algorithm)
    iv = parse(bytes, scheme.cipher.parameters)
    if len(iv) != _BLOCK or len(envelope.data) % _BLOCK:
        raise KeyAccessError(_DAMAGED)
    derive, length = _KDFS[scheme.kdf.algorithm], _AES_KEY_BYTES[scheme.cipher.algorithm]
    decryptor = Cipher(
        algorithms.AES(derive(scheme.kdf.parameters, octets(passphrase), length)), modes.CBC(iv)
    ).decryptor()
    unpadder = padding.PKCS7(_BLOCK * 8).unpadder()
    padded = decryptor.update(envelope.data) + decryptor.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise wrong_passphrase() from None


def wrong_passphrase() -> PassphraseError:
    return PassphraseError("the passphrase does not open the private key")


def _derive_by_scrypt(parameters: asn1.TLV, passphrase: bytes, length: int) -> bytes:
    asked = parse(_ScryptParameters, parameters)
    costs = (asked.cost, asked.block_size, asked.parallelization)
    if min(costs) < 1 or 128 * math.prod(costs) > MAX_SCRYPT_BYTES:
        raise KeyAccessError("the private key asks for more scrypt work than is accepted")
    _require_length(asked.key_length, length)
    try:
        kdf = Scrypt(salt=asked.salt, length=length, n=asked.cost, r=asked.block_size, p=asked.parallelization)
    except ValueError as error:
        raise KeyAccessError(_DAMAGED) from error
    return kdf.derive(passphrase)


def _derive_by_pbkdf2(parameters: asn1.TLV, passphrase: bytes, length: int) -> bytes:
    asked = parse(_Pbkdf2Parameters, parameters)
    prf = _HMAC_SHA1 if asked.prf is None else asked.prf.algorithm
    if prf not in _PRF:
        raise _unknown(prf)
    if not 0 < asked.iterations <= MAX_ITERATIONS:
        raise KeyAccessError("the private key asks for more PBKDF2 iterations than are accepted")
    _require_length(asked.key_length, length)
    return PBKDF2HMAC(_PRF[prf](), length, asked.salt, asked.iterations).derive(passphrase)


_KDFS: dict[ObjectIdentifier, Callable[[asn1.TLV, bytes, int], bytes]] = {
    _SCRYPT: _derive_by_scrypt,
    _PBKDF2: _derive_by_pbkdf2,
}


def _require_length(asked: int | None, length: int) -> None:
    if asked not in (None, length):
        raise KeyAccessError(_DAMAGED)


def _unknown(oid: ObjectIdentifier) -> UnsupportedAlgorithmError:
    return UnsupportedAlgorithmError(
        f"the private key is encrypted in a way that is not supported ({oid.dotted_string})",
        hint="convert it: openssl pkcs8 -topk8 -scrypt -in OLD -out NEW",
    )
