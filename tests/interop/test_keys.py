"""Key files meet OpenSSL's command line: it reads ours, we read its."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from pki.algorithms import ALGORITHMS, Algorithm, Family
from pki.errors import PassphraseError, UnsupportedAlgorithmError
from pki.signers import software

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed"),
]

CLASSICAL = [row for row in ALGORITHMS.values() if row.family is not Family.ML_DSA and row.bits != 3072]
PASSPHRASE = "pässwörd with spaces"


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
@pytest.mark.parametrize("row", CLASSICAL, ids=str)
def test_openssl_reads_every_classical_key_file(tmp_path: Path, row: Algorithm, passphrase: str | None) -> None:
    signer = software.generate(row)
    (tmp_path / "key.pem").write_bytes(signer.to_pem(passphrase))
    secret = ["-passin", f"pass:{passphrase}"] if passphrase else []

    spki = openssl("pkey", "-in", tmp_path / "key.pem", *secret, "-pubout", "-outform", "DER")

    assert spki == signer.spki


def test_openssl_refuses_ours_with_a_wrong_passphrase(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(software.generate(ALGORITHMS["ed25519"]).to_pem(PASSPHRASE))

    with pytest.raises(subprocess.CalledProcessError):
        openssl("pkey", "-in", tmp_path / "key.pem", "-passin", "pass:wrong", "-noout")


@pytest.mark.parametrize("name", ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"])
def test_pyca_reads_every_ml_dsa_key_file(name: str) -> None:
    signer = software.generate(ALGORITHMS[name])

    for pem, password in ((signer.to_pem(None), None), (signer.to_pem(PASSPHRASE), PASSPHRASE.encode())):
        assert load_pem_private_key(pem, password).public_key() == load_der_public_key(signer.spki)


GENERATED = {
    "ecdsa-p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ecdsa-p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "rsa-2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["-algorithm", "ED25519"],
}


@pytest.mark.parametrize("name", GENERATED)
def test_we_read_what_openssl_generates(name: str) -> None:
    pem = openssl("genpkey", *GENERATED[name])

    assert software.load(pem, None).algorithm.name == name


ENCRYPTIONS = {
    "scrypt": ["-v2", "aes-256-cbc", "-scrypt"],
    "PBKDF2 with HMAC-SHA-256": ["-v2", "aes-256-cbc"],
    "PBKDF2 with HMAC-SHA-1": ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
    "PBKDF2 with HMAC-SHA-512": ["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512", "-iter", "100000"],
}


@pytest.mark.parametrize("way", ENCRYPTIONS)
def test_we_read_what_openssl_encrypts(tmp_path: Path, way: str) -> None:
    signer = software.generate(ALGORITHMS["ecdsa-p384"])
    (tmp_path / "plain.pem").write_bytes(signer.to_pem(None))
    secret = f"pass:{PASSPHRASE}"

    pem = openssl("pkcs8", "-topk8", *ENCRYPTIONS[way], "-in", tmp_path / "plain.pem", "-passout", secret)

    assert software.load(pem, PASSPHRASE).spki == signer.spki
    with pytest.raises(PassphraseError, match="does not open"):
        software.load(pem, "wrong")


def test_an_old_encryption_by_openssl_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """PBES2 with triple DES: the hint's command must make of it what we read."""
    signer = software.generate(ALGORITHMS["ecdsa-p256"])
    plain, old = tmp_path / "plain.pem", tmp_path / "old.pem"
    plain.write_bytes(signer.to_pem(None))
    old.write_bytes(openssl("pkcs8", "-topk8", "-v2", "des3", "-in", plain, "-passout", "pass:secret"))

    with pytest.raises(UnsupportedAlgorithmError) as caught:
        software.load(old.read_bytes(), "secret")

    command = str(caught.value.hint).partition("openssl ")[2].replace("OLD", str(old)).replace("NEW", str(plain))
    openssl(*command.split(), "-passin", "pass:secret", "-passout", "pass:secret")
    assert software.load(plain.read_bytes(), "secret").spki == signer.spki


@pytest.mark.parametrize("encrypt", [[], ["-aes256", "-passout", "pass:secret"]], ids=["plain", "encrypted"])
@pytest.mark.parametrize(("name", "command"), [("ecdsa-p384", "ec"), ("rsa-2048", "rsa")])
def test_we_read_the_traditional_files_of_openssl(tmp_path: Path, name: str, command: str, encrypt: list[str]) -> None:
    signer = software.generate(ALGORITHMS[name])
    (tmp_path / "key.pem").write_bytes(signer.to_pem(None))
    traditional = ["-traditional"] if command == "rsa" else []

    pem = openssl(command, "-in", tmp_path / "key.pem", *traditional, *encrypt)

    assert f"-----BEGIN {command.upper()} PRIVATE KEY-----".encode() in pem
    assert software.load(pem, "secret" if encrypt else None).spki == signer.spki


def test_we_read_the_parameters_and_key_of_ecparam() -> None:
    pem = openssl("ecparam", "-name", "prime256v1", "-genkey")

    assert b"EC PARAMETERS" in pem
    assert software.load(pem, None).algorithm.name == "ecdsa-p256"


def test_a_curve_with_explicit_parameters_is_refused() -> None:
    """RFC 5480 section 2.1.1 forbids them, and they are how CVE-2020-0601 passed a curve of the attacker's choice."""
    pem = openssl("genpkey", *GENERATED["ecdsa-p256"], "-pkeyopt", "ec_param_enc:explicit")

    with pytest.raises(UnsupportedAlgorithmError):
        software.load(pem, None)
