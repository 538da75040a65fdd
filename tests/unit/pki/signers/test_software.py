"""Keys in files: what is generated signs, what is written loads, what must not be used is refused with one sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
    load_pem_private_key,
)

from pki.algorithms import ALGORITHMS, SCHEMES, Algorithm
from pki.der import pem
from pki.errors import KeyAccessError, KeyMismatchError, PassphraseError, UnsupportedAlgorithmError
from pki.signers import pkcs8, software
from pki.signers.base import spki_sha256

PASSPHRASE = "correct horse"
QUICK = [row for row in ALGORITHMS.values() if row.bits not in (3072, 4096)]


def plain(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def traditional(key, passphrase: bytes | None = None) -> bytes:
    how = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, how)


@pytest.fixture(scope="module")
def p256() -> software.SoftwareSigner:
    return software.generate(ALGORITHMS["ecdsa-p256"])


@pytest.fixture(scope="module")
def rsa_2048() -> software.SoftwareSigner:
    return software.generate(ALGORITHMS["rsa-2048"])


@pytest.mark.parametrize("row", QUICK, ids=str)
def test_a_generated_key_is_of_the_row_and_survives_its_file(row: Algorithm) -> None:
    signer = software.generate(row)

    again = software.load(signer.to_pem(None), None)

    assert (row, signer.spki) == (again.algorithm, again.spki)
    assert load_der_public_key(signer.spki) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rsa-3072", "rsa-4096"])
def test_large_rsa_keys_have_the_length_asked_for(name: str) -> None:
    signer = software.generate(ALGORITHMS[name])

    assert ALGORITHMS[name] == software.load(signer.to_pem(None), None).algorithm


def verifier(scheme: str) -> Callable[..., None]:
    """Return pyca's own check of a signature by `scheme`: an oracle that shares no table with the code under test."""
    kind, _, digest = scheme.rpartition("-sha")
    hash_algorithm = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}.get(digest)
    match kind:
        case "ecdsa":
            return lambda key, signature: key.verify(signature, b"message", ec.ECDSA(hash_algorithm))
        case "rsa":
            return lambda key, signature: key.verify(signature, b"message", padding.PKCS1v15(), hash_algorithm)
        case "rsa-pss":
            pss = padding.PSS(padding.MGF1(hash_algorithm), hash_algorithm.digest_size)
            return lambda key, signature: key.verify(signature, b"message", pss, hash_algorithm)
        case _:
            return lambda key, signature: key.verify(signature, b"message")


@pytest.mark.parametrize(
    ("key", "scheme"),
    [
        (row.name, scheme.name)
        for row in QUICK
        for scheme in SCHEMES.values()
        if scheme.family is row.family and (scheme.digest or scheme.name == row.scheme)
    ],
)
def test_every_scheme_of_a_key_signs_what_pyca_verifies(key: str, scheme: str) -> None:
    signer = software.generate(ALGORITHMS[key])

    signature = signer.sign(b"message", SCHEMES[scheme])

    public = load_der_public_key(signer.spki)
    verifier(scheme)(public, signature)
    with pytest.raises(InvalidSignature):
        verifier(scheme)(public, signer.sign(b"another message", SCHEMES[scheme]))


@pytest.mark.parametrize("scheme", ["rsa-sha256", "ed25519", "ml-dsa-44"])
def test_a_key_refuses_the_schemes_of_another_family(p256: software.SoftwareSigner, scheme: str) -> None:
    with pytest.raises(KeyMismatchError):
        p256.sign(b"message", SCHEMES[scheme])


def test_an_ml_dsa_key_refuses_another_parameter_set() -> None:
    with pytest.raises(KeyMismatchError):
        software.generate(ALGORITHMS["ml-dsa-44"]).sign(b"message", SCHEMES["ml-dsa-65"])


def test_repr_shows_no_key_object(p256: software.SoftwareSigner) -> None:
    """Neither the private key nor a way to reach it appears where a log might print the signer."""
    assert "PrivateKey" not in repr(p256)
    assert "_key" not in repr(p256)


@pytest.mark.parametrize("name", ["ecdsa-p384", "rsa-2048", "ed25519", "ml-dsa-65"])
def test_an_encrypted_file_opens_with_its_passphrase_here_and_in_pyca(name: str) -> None:
    signer = software.generate(ALGORITHMS[name])

    pem = signer.to_pem("pässwörd")

    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert signer.spki == software.load(pem, "pässwörd").spki
    assert load_pem_private_key(pem, "pässwörd".encode()).public_key() == load_der_public_key(signer.spki)


def test_a_passphrase_of_arbitrary_environment_bytes_works() -> None:
    """The environment may hold bytes that are not UTF-8; other tools see the bytes themselves."""
    signer = software.generate(ALGORITHMS["ed25519"])
    passphrase = b"caf\xe9".decode("utf-8", "surrogateescape")

    pem = signer.to_pem(passphrase)

    assert signer.spki == software.load(pem, passphrase).spki
    assert load_pem_private_key(pem, b"caf\xe9").public_key() == load_der_public_key(signer.spki)


def test_two_encryptions_of_one_key_share_nothing(p256: software.SoftwareSigner) -> None:
    one, two = (pkcs8.read_pem(p256.to_pem(PASSPHRASE)).der for _ in range(2))

    assert one[-32:] != two[-32:]
    assert one[:120] != two[:120]


def test_an_empty_passphrase_never_encrypts(p256: software.SoftwareSigner) -> None:
    with pytest.raises(PassphraseError, match="empty"):
        p256.to_pem("")


@pytest.mark.parametrize("passphrase", ["wrong", "", PASSPHRASE + "\n"])
def test_a_wrong_passphrase_is_named_as_such_and_shows_nothing(passphrase: str) -> None:
    pem = software.generate(ALGORITHMS["ed25519"]).to_pem(PASSPHRASE)

    with pytest.raises(PassphraseError) as caught:
        software.load(pem, passphrase)

    assert str(caught.value) == "the passphrase does not open the private key"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_encrypted_key_without_passphrase_says_what_to_do() -> None:
    pem = software.generate(ALGORITHMS["ed25519"]).to_pem(PASSPHRASE)

    with pytest.raises(PassphraseError, match="no passphrase was given") as caught:
        software.load(pem, None)

    assert caught.value.hint


def test_a_passphrase_for_a_plain_key_is_refused(p256: software.SoftwareSigner) -> None:
    """Otherwise a key that lost its encryption would go unnoticed."""
    with pytest.raises(PassphraseError, match="not encrypted"):
        software.load(p256.to_pem(None), PASSPHRASE)


def test_is_encrypted_tells_the_four_kinds_of_file_apart(rsa_2048: software.SoftwareSigner) -> None:
    key = load_pem_private_key(rsa_2048.to_pem(None), None)
    files = [plain(key), rsa_2048.to_pem(PASSPHRASE), traditional(key), traditional(key, b"secret")]

    assert [software.is_encrypted(pem) for pem in files] == [False, True, False, True]


@pytest.mark.parametrize("passphrase", [None, "secret"])
@pytest.mark.parametrize("name", ["ecdsa-p256", "rsa-2048"])
def test_traditional_files_are_read(name: str, passphrase: str | None) -> None:
    signer = software.generate(ALGORITHMS[name])
    pem = traditional(load_pem_private_key(signer.to_pem(None), None), passphrase and passphrase.encode())

    assert signer.spki == software.load(pem, passphrase).spki


def test_a_traditional_file_refuses_a_wrong_passphrase(rsa_2048: software.SoftwareSigner) -> None:
    pem = traditional(load_pem_private_key(rsa_2048.to_pem(None), None), b"secret")

    with pytest.raises(PassphraseError, match="does not open"):
        software.load(pem, "wrong")


def test_a_traditional_file_in_an_unknown_cipher_is_refused(rsa_2048: software.SoftwareSigner) -> None:
    pem = traditional(load_pem_private_key(rsa_2048.to_pem(None), None), b"secret")

    with pytest.raises(UnsupportedAlgorithmError):
        software.load(pem.replace(b"AES-256-CBC", b"CAST5-CBC"), "secret")


def test_a_traditional_key_on_an_unknown_curve_is_refused() -> None:
    der = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    prime256v1, prime239v3 = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030106")

    with pytest.raises(UnsupportedAlgorithmError):
        software.load(pem("EC PRIVATE KEY", der.replace(prime256v1, prime239v3)), None)


def test_a_damaged_traditional_file_is_refused() -> None:
    with pytest.raises(KeyAccessError, match="damaged"):
        software.load(pem("RSA PRIVATE KEY", b"\x30\x03\x02\x01\x00"), None)


def test_parameters_and_certificates_beside_the_key_are_passed_over(p256: software.SoftwareSigner) -> None:
    """`openssl ecparam -genkey` writes the parameters first; people append certificates."""
    beside = pem("EC PARAMETERS", b"\x06\x08*\x86H\xce=\x03\x01\x07"), pem("CERTIFICATE", b"\x30\x00")

    assert p256.spki == software.load(beside[0] + p256.to_pem(None) + beside[1], None).spki


@pytest.mark.parametrize(
    ("sentence", "key"),
    [
        ("RSA with 1024 bits is not supported", lambda: rsa.generate_private_key(65537, 1024)),
        ("a key on this elliptic curve is not supported", lambda: ec.generate_private_key(ec.SECP256K1())),
        ("a key of type 1.2.840.10040.4.1 is not supported", lambda: dsa.generate_private_key(2048)),
        ("a key of type 1.3.101.110 is not supported", x25519.X25519PrivateKey.generate),
        ("a key of type 1.3.101.113 is not supported", ed448.Ed448PrivateKey.generate),
    ],
)
def test_keys_outside_the_table_are_refused(sentence: str, key: Callable[[], object]) -> None:
    with pytest.raises(UnsupportedAlgorithmError) as caught:
        software.load(plain(key()), None)

    assert sentence == str(caught.value)


def test_a_key_of_an_algorithm_that_nobody_here_knows_is_refused() -> None:
    """SLH-DSA until its rows are in the table: its PKCS#8 is well formed, and pyca cannot load it."""
    slh_dsa = pkcs8.PrivateKeyInfo("2.16.840.1.101.3.4.3.20", None, bytes(64), None, b"")
    der = bytes.fromhex("3052020100300b06096086480165030403140440") + slh_dsa.private_key

    with pytest.raises(UnsupportedAlgorithmError, match=r"2\.16\.840\.1\.101\.3\.4\.3\.20"):
        software.load(pem(pkcs8.PLAIN, der), None)


def test_a_key_restricted_to_pss_is_refused() -> None:
    """id-RSASSA-PSS keys promise never to sign by PKCS#1 v1.5; pyca would forget the promise."""
    der = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    rsa_encryption, pss = (bytes.fromhex(f"06092a864886f70d0101{arc}0500") for arc in ("01", "0a"))

    with pytest.raises(UnsupportedAlgorithmError, match=r"1\.2\.840\.113549\.1\.1\.10"):
        software.load(pem(pkcs8.PLAIN, der.replace(rsa_encryption, pss)), None)


RFC_9881_KEYS = {
    "ml-dsa-44": ("11", "837832708c5236d951581f1fddf2b79991b3424a0486d16da1ddad0fd69701be"),
    "ml-dsa-65": ("12", "b8b62131bfbe84433efb2273d7f5b87f7a22854a2cfd366fc2aead86d837c52d"),
    "ml-dsa-87": ("13", "07e57c4f14dbad1267f621ec3777b4e2e6c4fbc4c22fbb87510ff8e0b3c6a642"),
}


@pytest.mark.parametrize("name", RFC_9881_KEYS)
def test_the_example_seeds_of_rfc_9881_give_the_keys_of_its_certificates(name: str) -> None:
    """Its example keys all have the seed 00, 01, ... 1f; its example certificates hold the public keys hashed here."""
    arc, digest = RFC_9881_KEYS[name]
    der = bytes.fromhex(f"3034020100300b06096086480165030403{arc}04228020") + bytes(range(32))

    signer = software.load(pem(pkcs8.PLAIN, der), None)

    assert (signer.algorithm.name, spki_sha256(signer.spki)) == (name, digest)


@pytest.mark.parametrize("tag", [b"\x04\x82\x0a\x00", b"\x30\x82\x0a\x00"])
def test_ml_dsa_keys_without_a_bare_seed_are_refused_clearly(tag: bytes) -> None:
    """Only the seed form for now: expandedKey and both (RFC 9881 section 6), are refused."""
    inner = tag + bytes(2560)
    algorithm = bytes.fromhex("020100300b0609608648016503040311")
    body = algorithm + b"\x04\x82" + len(inner).to_bytes(2, "big") + inner
    der = b"\x30\x82" + len(body).to_bytes(2, "big") + body

    with pytest.raises(UnsupportedAlgorithmError, match="expanded form"):
        software.load(pem(pkcs8.PLAIN, der), None)


def test_an_ml_dsa_seed_of_the_wrong_length_is_damaged() -> None:
    der = bytes.fromhex("3033020100300b060960864801650304031204218 01f".replace(" ", "")) + bytes(31)

    with pytest.raises(KeyAccessError, match="damaged"):
        software.load(pem(pkcs8.PLAIN, der), None)


def test_an_ec_key_whose_public_point_is_another_keys_is_refused() -> None:
    one, two = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    point_one, point_two = (key.public_key().public_numbers() for key in (one, two))
    der = one.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    mixed = der.replace(point_one.x.to_bytes(32, "big"), point_two.x.to_bytes(32, "big"))
    mixed = mixed.replace(point_one.y.to_bytes(32, "big"), point_two.y.to_bytes(32, "big"))

    with pytest.raises(KeyAccessError, match="do not make a key"):
        software.load(pem(pkcs8.PLAIN, mixed), None)


def test_an_rsa_key_whose_numbers_do_not_fit_is_refused(rsa_2048: software.SoftwareSigner) -> None:
    key = load_pem_private_key(rsa_2048.to_pem(None), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    exponent = key.private_numbers().d
    right, wrong = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (exponent, exponent + 2))
    der = pkcs8.read_pem(rsa_2048.to_pem(None)).der
    assert right in der

    with pytest.raises(KeyAccessError, match="do not make a key"):
        software.load(pem(pkcs8.PLAIN, der.replace(right, wrong)), None)


def version_2(key: ed25519.Ed25519PrivateKey, public: bytes) -> bytes:
    body = (
        b"\x02\x01\x01" + bytes.fromhex("300506032b657004220420") + key.private_bytes_raw() + b"\x81\x21\x00" + public
    )
    return pem(pkcs8.PLAIN, b"\x30" + bytes([len(body)]) + body)


def test_a_key_file_that_carries_its_public_key_is_read() -> None:
    """Version 2 of RFC 5958, which pyca and OpenSSL 3.0 do not read for every type."""
    key = ed25519.Ed25519PrivateKey.generate()

    signer = software.load(version_2(key, key.public_key().public_bytes_raw()), None)

    assert signer.spki.endswith(key.public_key().public_bytes_raw())


def test_a_key_file_that_carries_another_public_key_is_refused() -> None:
    one, two = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()

    with pytest.raises(KeyAccessError, match="another public key"):
        software.load(version_2(one, two.public_key().public_bytes_raw()), None)
