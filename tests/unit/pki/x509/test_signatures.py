from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from pki.algorithms import SCHEMES
from pki.errors import EncodingError, UnsupportedAlgorithmError, VerificationError
from pki.x509.signatures import public_key, verify
from tests.support import x509_objects as make

MESSAGE = b"to be signed"


@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
def test_a_signature_holds_for_its_key_scheme_and_message_alone(scheme_name, key_name):
    scheme, key = SCHEMES[scheme_name], make.private_key(key_name)
    signature = make.sign(key, scheme, MESSAGE)
    verify(make.spki_of(key), scheme, MESSAGE, signature)

    other_key = make.spki_of(make.private_key(key_name, "other"))
    for spki, message, value in (
        (make.spki_of(key), MESSAGE + b".", signature),
        (make.spki_of(key), MESSAGE, signature[:-1] + bytes([signature[-1] ^ 1])),
        (make.spki_of(key), MESSAGE, signature[:-1]),
        (make.spki_of(key), MESSAGE, signature + b"\0"),
        (make.spki_of(key), MESSAGE, b""),
        (other_key, MESSAGE, signature),
    ):
        with pytest.raises(VerificationError, match=f"the {scheme} signature does not hold"):
            verify(spki, scheme, message, value)


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
@pytest.mark.parametrize(("key_name", "kind"), [("ecdsa-p256", "ecdsa"), ("rsa-2048", "rsa"), ("rsa-2048", "rsa-pss")])
def test_another_digest_does_not_pass(key_name, kind, digest):
    key = make.private_key(key_name)
    signature = make.sign(key, SCHEMES[f"{kind}-sha256"], MESSAGE)

    with pytest.raises(VerificationError):
        verify(make.spki_of(key), SCHEMES[f"{kind}-{digest}"], MESSAGE, signature)


def test_a_pss_salt_of_another_length_does_not_pass():
    """The salt is as long as the digest; others, which some libraries accept, are refused."""
    key = make.private_key("rsa-2048")
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 20)

    with pytest.raises(VerificationError):
        verify(make.spki_of(key), SCHEMES["rsa-pss-sha256"], MESSAGE, key.sign(MESSAGE, pss, hashes.SHA256()))


@pytest.mark.parametrize(
    ("key_name", "scheme_name"),
    [("ecdsa-p256", "rsa-sha256"), ("rsa-2048", "ed25519"), ("ml-dsa-44", "ml-dsa-65"), ("ed25519", "ecdsa-sha256")],
)
def test_a_scheme_of_another_kind_of_key_is_refused(key_name, scheme_name):
    with pytest.raises(VerificationError, match=f"a key of type {key_name} does not sign by"):
        verify(make.spki_of(make.private_key(key_name)), SCHEMES[scheme_name], MESSAGE, b"x")


def test_a_key_that_is_not_in_the_table_or_broken_is_told_apart():
    """A foreign key is unsupported; a point off its curve is broken."""
    slh_dsa = bytes.fromhex("3030300b0609608648016503040314032100") + bytes(32)
    off_curve = make.spki_of(make.private_key())[:-1] + b"\0"

    with pytest.raises(UnsupportedAlgorithmError):
        verify(slh_dsa, SCHEMES["ed25519"], MESSAGE, b"x")
    with pytest.raises(EncodingError, match="the public key is not valid"):
        verify(off_curve, SCHEMES["ecdsa-sha256"], MESSAGE, b"x")
    with pytest.raises(EncodingError, match="the public key is not valid"):
        public_key(slh_dsa)
