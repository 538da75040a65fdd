"""Key files as bytes: PEM as people have it, and every way a file can be damaged."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pki.der import pem
from pki.errors import KeyAccessError, UnsupportedAlgorithmError
from pki.signers import pkcs8

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
LONG = pem(pkcs8.PLAIN, bytes(100))


def test_pem_is_written_as_pyca_writes_it() -> None:
    assert pem(pkcs8.PLAIN, DER) == PEM
    assert max(map(len, LONG.splitlines())) == 64


@pytest.mark.parametrize(
    "text",
    [
        PEM.replace(b"\n", b"\r\n"),
        b"# made by hand\n" + PEM + b"trailing words\n",
        PEM.rstrip(b"\n"),
        b"\xef\xbb\xbf" + PEM,
    ],
    ids=["CRLF", "words around it", "no final newline", "byte order mark"],
)
def test_pem_is_read_as_editors_leave_it(text: bytes) -> None:
    assert pkcs8.read_pem(text).der == DER


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "the file holds no private keys in PEM"),
        (b"\xff" * 100, "the file holds no private keys in PEM"),
        (DER, "the file holds no private keys in PEM"),
        (PEM.replace(b"-----END", b"-----FIN"), "the file holds no private keys in PEM"),
        (PEM + PEM, "the file holds 2 private keys in PEM"),
        (PEM.replace(b"M", b"!"), "the private key is damaged: its base64 is not valid"),
        (LONG.replace(b"A\n", b"\n", 1), "the private key is damaged: its base64 is not valid"),
    ],
    ids=["empty", "noise", "DER", "no end", "two keys", "not base64", "a character lost"],
)
def test_a_file_that_is_not_one_key_says_why(text: bytes, sentence: str) -> None:
    with pytest.raises(KeyAccessError) as caught:
        pkcs8.read_pem(text)

    assert str(caught.value) == sentence


@pytest.mark.parametrize("label", ["OPENSSH PRIVATE KEY", "DSA PRIVATE KEY", "PGP PRIVATE KEY"])
def test_formats_of_other_programs_are_refused_by_name(label: str) -> None:
    with pytest.raises(UnsupportedAlgorithmError, match=label):
        pkcs8.read_pem(pem(label, b"\x30\x00"))


def test_no_repr_shows_key_material() -> None:
    shown = repr(pkcs8.read_pem(PEM)) + repr(pkcs8.decode_plain(DER))

    assert str(bytes(range(32))) not in shown
    assert base64.b64encode(bytes(range(32))[:15]).decode() not in shown
    assert "private_key" not in shown
    assert "block" not in shown


def test_a_plain_key_is_taken_apart() -> None:
    key = pkcs8.decode_plain(DER)

    assert (key.oid, key.parameters, key.public_key) == ("1.3.101.112", None, None)
    assert key.private_key == b"\x04\x20" + bytes(range(32))
    assert key.version_1 == DER


def test_attributes_and_the_public_key_are_left_out_of_version_1() -> None:
    """RFC 8410 section 10.3 has this shape: version 2, a friendly name, and the public key."""
    head, attributes, public = DER[2:], bytes.fromhex("a003300130"), b"\x81\x21\x00" + bytes(32)
    attributes = bytes.fromhex("a0023000")
    body = head.replace(b"\x02\x01\x00", b"\x02\x01\x01", 1) + attributes + public

    key = pkcs8.decode_plain(b"\x30" + bytes([len(body)]) + body)

    assert key.public_key == bytes(32)
    assert key.version_1 == DER


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x00",
        DER + b"\x00",
        DER[:-1],
        DER.replace(b"\x02\x01\x00", b"\x02\x01\x02", 1),
        b"\x30" + bytes([len(DER) + 33]) + DER[2:] + b"\x81\x21\x00" + bytes(32),
        DER.replace(bytes.fromhex("300506032b6570"), bytes.fromhex("300504032b6570")),
    ],
    ids=["empty", "no fields", "bytes after it", "cut", "version 3", "version 1 with a public key", "no OID"],
)
def test_damaged_encodings_are_refused(der: bytes) -> None:
    with pytest.raises(KeyAccessError, match="damaged"):
        pkcs8.decode_plain(der)


def test_the_public_key_of_an_spki_is_its_bit_string() -> None:
    spki = bytes.fromhex("302a300506032b6570032100") + bytes(range(32))

    assert pkcs8.subject_public_key(spki) == bytes(range(32))
