"""Passphrase encryption: ours opens elsewhere, others' opens here, and no file can ask for endless work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.x509 import ObjectIdentifier

from pki.errors import KeyAccessError, PassphraseError, UnsupportedAlgorithmError
from pki.signers import pbes2, pkcs8

PLAIN = bytes(range(48))
SALT, IV = bytes(8), bytes(16)
PBES2, PBES1 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.12.1.3"
SCRYPT, PBKDF2 = "1.3.6.1.4.1.11591.4.11", "1.2.840.113549.1.5.12"
AES = {16: "2.16.840.1.101.3.4.1.2", 24: "2.16.840.1.101.3.4.1.22", 32: "2.16.840.1.101.3.4.1.42"}
DES_EDE3 = "1.2.840.113549.3.7"
HMAC = {"sha1": 7, "sha224": 8, "sha256": 9, "sha384": 10, "sha512": 11}


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def octets(value: bytes) -> bytes:
    return der(0x04, value)


def integer(value: int) -> bytes:
    return asn1.encode_der(value)


def identifier(oid: str, parameters: bytes = b"") -> bytes:
    return sequence(asn1.encode_der(ObjectIdentifier(oid)), parameters)


@dataclass(frozen=True)
class File:
    """An EncryptedPrivateKeyInfo put together by hand; each field can be bent."""

    scheme: str = PBES2
    kdf: bytes = identifier(PBKDF2, sequence(octets(SALT), integer(1000)))
    cipher: bytes = identifier(AES[32], octets(IV))
    data: bytes = bytes(64)

    def encode(self) -> bytes:
        return sequence(identifier(self.scheme, sequence(self.kdf, self.cipher)), octets(self.data))


def aes_cbc(secret: bytes, plain: bytes) -> bytes:
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(IV)).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def scrypt_asking(**changes: Any) -> bytes:
    asked = {"cost": 16, "block_size": 8, "parallelization": 1, **changes}
    return identifier(SCRYPT, sequence(octets(SALT), *map(integer, asked.values())))


def test_what_is_encrypted_decrypts() -> None:
    assert pbes2.decrypt(pbes2.encrypt(PLAIN, "secret"), "secret") == PLAIN


def test_files_ask_for_the_work_that_openssl_3_accepts() -> None:
    """Scrypt with N = 2^14, r = 8, p = 5 and a salt of 16 bytes, key length stated; AES-256-CBC."""
    encoded = pbes2.encrypt(PLAIN, "secret")

    costs = integer(2**14) + integer(8) + integer(5) + integer(32)
    assert costs in encoded
    salt_at = encoded.index(costs) - 18
    assert encoded[salt_at : salt_at + 2] == b"\x04\x10"
    assert identifier(AES[32], octets(IV))[:-16] in encoded


@pytest.mark.parametrize("digest", HMAC)
@pytest.mark.parametrize("length", AES)
def test_pbkdf2_files_of_others_open(digest: str, length: int) -> None:
    """RFC 8018 appendix A.2: the PRF is absent for HMAC-SHA-1, its default, and stated otherwise."""
    hash_algorithm = getattr(hashes, digest.upper())()
    secret = PBKDF2HMAC(hash_algorithm, length, SALT, 1000).derive(b"secret")
    prf = b"" if digest == "sha1" else identifier(f"1.2.840.113549.2.{HMAC[digest]}", b"\x05\x00")
    file = File(
        kdf=identifier(PBKDF2, sequence(octets(SALT), integer(1000), prf)),
        cipher=identifier(AES[length], octets(IV)),
        data=aes_cbc(secret, PLAIN),
    )

    assert pbes2.decrypt(file.encode(), "secret") == PLAIN


def test_a_stated_key_length_is_honoured() -> None:
    secret = PBKDF2HMAC(hashes.SHA1(), 16, SALT, 1000).derive(b"secret")
    kdf = identifier(PBKDF2, sequence(octets(SALT), integer(1000), integer(16)))
    file = File(kdf=kdf, cipher=identifier(AES[16], octets(IV)), data=aes_cbc(secret, PLAIN))

    assert pbes2.decrypt(file.encode(), "secret") == PLAIN


@pytest.mark.parametrize(
    ("file", "oid"),
    [
        (File(scheme=PBES1), PBES1),
        (File(cipher=identifier(DES_EDE3, octets(bytes(8)))), DES_EDE3),
        (File(kdf=identifier("1.2.3.4", sequence())), "1.2.3.4"),
        (
            File(kdf=identifier(PBKDF2, sequence(octets(SALT), integer(1000), identifier("1.2.3.5", b"\x05\x00")))),
            "1.2.3.5",
        ),
    ],
    ids=["PBES1", "3DES", "unknown KDF", "unknown PRF"],
)
def test_other_encryptions_are_refused_by_their_oid_with_a_way_out(file: File, oid: str) -> None:
    with pytest.raises(UnsupportedAlgorithmError) as caught:
        pbes2.decrypt(file.encode(), "secret")

    assert oid in str(caught.value)
    assert "openssl pkcs8" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("kdf", "sentence"),
    [
        (scrypt_asking(cost=2**20, block_size=9), "more scrypt work"),
        (scrypt_asking(parallelization=2**40), "more scrypt work"),
        (scrypt_asking(cost=-(2**70)), "more scrypt work"),
        (scrypt_asking(block_size=0), "more scrypt work"),
        (scrypt_asking(cost=17), "damaged"),
        (scrypt_asking(key_length=16), "damaged"),
        (identifier(PBKDF2, sequence(octets(SALT), integer(10_000_001))), "more PBKDF2 iterations"),
        (identifier(PBKDF2, sequence(octets(SALT), integer(0))), "more PBKDF2 iterations"),
        (identifier(PBKDF2, sequence(octets(SALT), integer(1000), integer(16))), "damaged"),
        (identifier(PBKDF2, octets(SALT)), "damaged"),
    ],
    ids=[
        "1.1 GiB of memory",
        "a trillion lanes",
        "negative cost",
        "no block",
        "a cost that is no power of two",
        "a key length of another cipher",
        "ten million iterations and one",
        "no iterations",
        "a key length of another cipher, PBKDF2",
        "no parameters",
    ],
)
def test_absurd_or_broken_parameters_are_refused_before_any_work(kdf: bytes, sentence: str) -> None:
    with pytest.raises(KeyAccessError, match=sentence):
        pbes2.decrypt(File(kdf=kdf).encode(), "secret")


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\x30\x00",
        File().encode()[:-1],
        File(data=bytes(63)).encode(),
        File(cipher=identifier(AES[32], octets(bytes(15)))).encode(),
        File(cipher=identifier(AES[32], integer(7))).encode(),
    ],
    ids=["empty", "no fields", "cut", "half a block", "short IV", "no IV"],
)
def test_damaged_envelopes_are_refused(encoded: bytes) -> None:
    with pytest.raises(KeyAccessError, match="damaged"):
        pbes2.decrypt(encoded, "secret")


def test_an_empty_ciphertext_does_not_open() -> None:
    with pytest.raises(PassphraseError):
        pbes2.decrypt(File(data=b"").encode(), "secret")


def test_a_wrong_passphrase_is_always_noticed() -> None:
    """The padding alone lets one wrong passphrase in 256 pass; the key inside must then fail to parse the same way."""
    kdf = identifier(PBKDF2, sequence(octets(SALT), integer(1)))
    encoded = File(kdf=kdf, data=os.urandom(64)).encode()
    passed_padding = 0
    for attempt in range(2000):
        try:
            pbes2.decrypt(encoded, str(attempt))
        except PassphraseError:
            continue
        passed_padding += 1
        with pytest.raises(PassphraseError, match="does not open") as caught:
            pkcs8.decode_encrypted(encoded, str(attempt))
        assert caught.value.__suppress_context__

    assert passed_padding > 0
