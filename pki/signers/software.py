"""Private keys in files, used by pyca/cryptography."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

from pki.algorithms import ALGORITHMS, Algorithm, Family, SignatureScheme, algorithm_of_key
from pki.der import pem
from pki.errors import KeyAccessError, PassphraseError, PkiError, UnsupportedAlgorithmError
from pki.signers import pbes2, pkcs8
from pki.signers.base import Signer, require_scheme


@dataclass(frozen=True, slots=True, eq=False)
class SoftwareSigner:
    """A private key in this process's memory."""

    algorithm: Algorithm
    spki: bytes = field(repr=False)
    _key: PrivateKeyTypes = field(repr=False)

    def sign(self, message: bytes, scheme: SignatureScheme) -> bytes:
        require_scheme(self.algorithm, scheme)
        return _FAMILIES[self.algorithm.family].sign(self._key, message, scheme)

    def to_pem(self, passphrase: str | None) -> bytes:
        """Return the key as PKCS#8 PEM, encrypted unless `passphrase` is None.

        Raises:
            PassphraseError: the passphrase is empty.
        """
        der = self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        if passphrase is None:
            return pem(pkcs8.PLAIN, der)
        return pem(pkcs8.ENCRYPTED, pbes2.encrypt(der, passphrase))


def generate(algorithm: Algorithm) -> SoftwareSigner:
    return _signer(algorithm, _FAMILIES[algorithm.family].generate(algorithm))


def load(data: bytes, passphrase: str | None) -> SoftwareSigner:
    """Open a PEM private key: PKCS#8, or the traditional format of RSA and EC keys.

    A passphrase for a key that is not encrypted is refused: whoever configured one believes that the file is protected.

    Raises:
        PassphraseError: the key is encrypted and the passphrase is missing or wrong, or there is one and it is not.
        UnsupportedAlgorithmError: the algorithm table has no such key, or it is encrypted in an old way.
        KeyAccessError: this is not one private key, or it is damaged.
    """
    block = pkcs8.read_pem(data)
    if block.is_encrypted and passphrase is None:
        raise PassphraseError(
            "the private key is encrypted and no passphrase was given",
            hint="name the environment variable or the file that holds its passphrase",
        )
    if passphrase is not None and not block.is_encrypted:
        raise PassphraseError(
            "a passphrase was given, but the private key is not encrypted",
            hint="encrypt it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -scrypt`, or name no passphrase",
        )
    if block.label == pkcs8.ENCRYPTED and passphrase is not None:
        return _from_info(pkcs8.decode_encrypted(block.der, passphrase))
    if block.label == pkcs8.PLAIN:
        return _from_info(pkcs8.decode_plain(block.der))
    return _from_info(_from_traditional(block, passphrase))


def is_encrypted(data: bytes) -> bool:
    """Say whether `load` will need a passphrase.

    Raises:
        KeyAccessError: this is not one private key.
    """
    return pkcs8.read_pem(data).is_encrypted


def _from_traditional(block: pkcs8.PemKey, passphrase: str | None) -> pkcs8.PrivateKeyInfo:
    """Convert a key of PKCS#1 or SEC 1 to PKCS#8, so that all keys pass the same checks."""
    if passphrase is not None and not _DEK_INFO.search(block.block):
        raise UnsupportedAlgorithmError(
            "the private key is encrypted in a way that is not supported",
            hint="convert it: openssl pkcs8 -topk8 -scrypt -in OLD -out NEW",
        )
    try:
        key = load_pem_private_key(block.block, None if passphrase is None else pbes2.octets(passphrase))
    except UnsupportedAlgorithm as error:
        raise UnsupportedAlgorithmError("the private key is of a type that is not supported") from error
    except ValueError as error:
        if passphrase is None:
            raise KeyAccessError("the private key is damaged") from error
        raise pbes2.wrong_passphrase() from None
    return pkcs8.decode_plain(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _from_info(info: pkcs8.PrivateKeyInfo) -> SoftwareSigner:
    try:
        key = load_der_private_key(info.version_1, None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refusal(info) from error
    bits = key.key_size if isinstance(key, rsa.RSAPrivateKey) else None
    signer = _signer(algorithm_of_key(info.oid, info.parameters, bits), key)
    if info.public_key not in (None, pkcs8.subject_public_key(signer.spki)):
        raise KeyAccessError("the private key is damaged: its file names another public key")
    return signer


def _refusal(info: pkcs8.PrivateKeyInfo) -> PkiError:
    """Tell a key that this program does not read from one that nobody can."""
    row = None if info.oid == _RSA else algorithm_of_key(info.oid, info.parameters)
    if row is not None and row.family is Family.ML_DSA and info.private_key[:1] in _EXPANDED_FORMS:
        return UnsupportedAlgorithmError(
            "the ML-DSA private key is in expanded form, which is not supported",
            hint="export it in seed form; a key whose seed was not kept cannot be converted",
        )
    return KeyAccessError("the private key is damaged, or its numbers do not make a key")


def _signer(algorithm: Algorithm, key: PrivateKeyTypes) -> SoftwareSigner:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SoftwareSigner(algorithm, spki, key)


@dataclass(frozen=True, slots=True)
class _Backend:
    """How keys of one family are made and used. The key of `sign` is what `generate` returns."""

    generate: Callable[[Algorithm], PrivateKeyTypes]
    sign: Callable[[Any, bytes, SignatureScheme], bytes]


_DEK_INFO = re.compile(rb"^DEK-Info: *(AES-(128|256)-CBC|DES-EDE3-CBC),", re.MULTILINE)
"""The ciphers of RFC 1421 files that pyca opens; it reports the others as it reports a wrong passphrase."""
_RSA = ALGORITHMS["rsa-2048"].oid
_CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
_ML_DSA: dict[int, Callable[[], PrivateKeyTypes]] = {
    44: mldsa.MLDSA44PrivateKey.generate,
    65: mldsa.MLDSA65PrivateKey.generate,
    87: mldsa.MLDSA87PrivateKey.generate,
}
_EXPANDED_FORMS = (b"\x04", b"\x30")
"""The tags of expandedKey and both; a seed has 0x80 (RFC 9881 section 6)."""
_DIGESTS: dict[str | None, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_PADDINGS: dict[str, Callable[[hashes.HashAlgorithm], AsymmetricPadding]] = {
    "pkcs1v15": lambda _: padding.PKCS1v15(),
    # RFC 4055 section 3.1: the salt is as long as the digest
    "rsassa-pss": lambda digest: padding.PSS(padding.MGF1(digest), digest.digest_size),
}


def _sign_ec(key: ec.EllipticCurvePrivateKey, message: bytes, scheme: SignatureScheme) -> bytes:
    return key.sign(message, ec.ECDSA(_DIGESTS[scheme.digest]))


def _sign_rsa(key: rsa.RSAPrivateKey, message: bytes, scheme: SignatureScheme) -> bytes:
    digest = _DIGESTS[scheme.digest]
    return key.sign(message, _PADDINGS[scheme.kind](digest), digest)


def _sign_whole(key: ed25519.Ed25519PrivateKey | mldsa.MLDSA65PrivateKey, message: bytes, _: SignatureScheme) -> bytes:
    return key.sign(message)


_FAMILIES = {
    Family.EC: _Backend(lambda row: ec.generate_private_key(_CURVES[row.bits]), _sign_ec),
    Family.RSA: _Backend(lambda row: rsa.generate_private_key(65537, row.bits), _sign_rsa),
    Family.ED: _Backend(lambda _: ed25519.Ed25519PrivateKey.generate(), _sign_whole),
    Family.ML_DSA: _Backend(lambda row: _ML_DSA[row.bits](), _sign_whole),
}


if TYPE_CHECKING:

    def _is_a_signer(signer: SoftwareSigner) -> Signer:
        return signer
