"""A reference leads to exactly the key that was recorded, or to one clear error."""

from __future__ import annotations

import pytest

from pki.algorithms import ALGORITHMS, SCHEMES
from pki.errors import (
    KeyAccessError,
    KeyAmbiguousError,
    KeyMismatchError,
    KeyNotFoundError,
    TokenError,
    UnsupportedAlgorithmError,
)
from pki.signers.base import require_algorithm
from pki.signers.pkcs11 import open_token
from pki.x509.signatures import verify

pytestmark = [pytest.mark.hsm, pytest.mark.hsm("opensc")]

P256 = ALGORITHMS["ecdsa-p256"]
SHA256 = SCHEMES["ecdsa-sha256"]


def pkcs11_tool_key(hsm, kind="EC:prime256v1", *, label="key", key_id="01", more=()):
    hsm.tool("--keypairgen", "--key-type", kind, "--label", label, "--id", key_id, *more)


def signs(signer):
    scheme = SCHEMES[signer.algorithm.scheme]
    verify(signer.spki, scheme, b"message", signer.sign(b"message", scheme))
    return True


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("EC:prime256v1", "ecdsa-p256"),
        ("EC:secp384r1", "ecdsa-p384"),
        ("EC:secp521r1", "ecdsa-p521"),
        ("rsa:2048", "rsa-2048"),
        ("EC:edwards25519", "ed25519"),
    ],
)
def test_keys_that_another_program_made_can_be_used(hsm, token, kind, name):
    pkcs11_tool_key(hsm, kind)

    signer = token.signer(label="key", key_id="01")

    assert signer.algorithm == ALGORITHMS[name]
    assert signs(signer)


def test_two_keys_with_one_label_are_refused_and_listed(hsm, token):
    for key_id in ("01", "02"):
        pkcs11_tool_key(hsm, key_id=key_id)

    with pytest.raises(KeyAmbiguousError, match='2 keys answer to the key with label "key"') as caught:
        token.signer(label="key", key_id=None)

    assert "id 01" in str(caught.value)
    assert "id 02" in str(caught.value)
    assert caught.value.hint == "give both the label and the id"
    assert token.signer(label="key", key_id="02").key.key_id == "02"


def test_two_keys_with_one_label_are_told_apart_by_the_recorded_public_key(hsm, token):
    """A key that somebody generates over a CA's label does not stop the CA."""
    mine = token.generate(P256, label="key", key_id="01")
    pkcs11_tool_key(hsm, key_id="02")

    signer = token.signer(label="key", key_id=None, spki_sha256=mine.spki_sha256)

    assert signs(signer)
    assert signer.key == mine


def test_two_keys_that_differ_in_nothing_are_refused_with_the_way_out(hsm, token):
    """SoftHSM2 tells neither private key's public half, and both public objects could be it."""
    mine = token.generate(P256, label="key", key_id="01")
    pkcs11_tool_key(hsm, key_id="01")

    with pytest.raises(KeyAmbiguousError, match="2 different public keys go with the private key") as caught:
        token.signer(label="key", key_id="01", spki_sha256=mine.spki_sha256)

    assert "rename or remove the stray ones" in caught.value.hint


def test_two_copies_of_the_recorded_key_are_refused(hsm, token):
    mine = token.generate(P256, label="key")
    hsm.raw("private('key').copy({Attribute.LABEL: 'key'})")

    with pytest.raises(KeyAmbiguousError, match='2 copies of the key with label "key"'):
        token.signer(label="key", key_id=None, spki_sha256=mine.spki_sha256)


def test_a_renamed_key_is_found_by_its_public_key_and_says_its_new_name(hsm, token):
    mine = token.generate(P256, label="key", key_id="01")
    hsm.raw(
        "for key in (private('key'), public('key')):\n"
        "    key[Attribute.LABEL] = 'renamed'\n"
        "    key[Attribute.ID] = b'\\x0f'\n"
    )

    signer = token.signer(label="key", key_id="01", spki_sha256=mine.spki_sha256)

    assert signs(signer)
    assert (signer.key.label, signer.key.key_id) == ("renamed", "0f")


def test_a_replaced_key_is_refused_though_its_names_are_right(hsm, token):
    mine = token.generate(P256, label="key", key_id="01")
    hsm.raw("private('key').destroy(); public('key').destroy()")
    pkcs11_tool_key(hsm)

    with pytest.raises(KeyMismatchError, match="not the key that was recorded: its public key is another") as caught:
        token.signer(label="key", key_id="01", spki_sha256=mine.spki_sha256)

    assert "the configuration leads to another token" in caught.value.hint


def test_a_key_of_the_wrong_type_is_refused_before_it_signs(hsm, token):
    pkcs11_tool_key(hsm, "rsa:2048")

    with pytest.raises(KeyMismatchError, match="the key is rsa-2048, but profile ec/root-ca asks for ecdsa-p384"):
        require_algorithm(token.signer(label="key", key_id=None), ALGORITHMS["ecdsa-p384"], "profile ec/root-ca")


@pytest.mark.parametrize(
    ("kind", "shown"), [("EC:secp256k1", "EC"), ("rsa:1024", "RSA"), ("EC:edwards448", "EC_EDWARDS")]
)
def test_keys_that_are_not_ours_are_listed_and_refused(hsm, token, kind, shown):
    if kind == "EC:edwards448":
        hsm.raw(
            "session.create_domain_parameters(KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: bytes.fromhex('06032b6571')},"
            " local=True).generate_keypair(label='key', id=b'1', store=True)"
        )
    else:
        pkcs11_tool_key(hsm, kind)

    (listed,) = token.keys()

    assert (listed.kind, listed.algorithm) == (shown, None)
    with pytest.raises(UnsupportedAlgorithmError, match=r"not supported|not one of|not Ed25519"):
        token.signer(label="key", key_id=None)


def test_a_key_without_its_public_object_is_refused_with_the_way_out(hsm, token):
    """SoftHSM2's private EC objects do not show the point."""
    pkcs11_tool_key(hsm)
    hsm.tool("--delete-object", "--type", "pubkey", "--label", "key")

    with pytest.raises(KeyAccessError, match='no public key for the private key "key"') as caught:
        token.signer(label="key", key_id=None)

    assert "with the same CKA_ID and CKA_LABEL" in caught.value.hint
    (listed,) = token.keys()
    assert listed.algorithm is None


def test_an_rsa_key_needs_no_public_object(hsm, token):
    pkcs11_tool_key(hsm, "rsa:2048")
    hsm.tool("--delete-object", "--type", "pubkey", "--label", "key")

    assert signs(token.signer(label="key", key_id=None))


def test_public_objects_that_differ_are_refused(hsm, token):
    pkcs11_tool_key(hsm)
    pkcs11_tool_key(hsm, label="other")
    hsm.raw("private('other').destroy(); public('other')[Attribute.LABEL] = 'key'")

    with pytest.raises(KeyAmbiguousError, match="2 different public keys go with the private key"):
        token.signer(label="key", key_id=None)


def test_the_public_object_of_another_key_with_the_same_id_is_not_taken(hsm, token):
    """The label decides where ids repeat."""
    pkcs11_tool_key(hsm)
    pkcs11_tool_key(hsm, label="other")

    first, second = (token.signer(label=label, key_id="01") for label in ("key", "other"))

    assert first.spki != second.spki
    assert signs(first)
    assert signs(second)


def test_a_key_without_an_id_is_paired_by_its_label(hsm, token):
    hsm.raw(
        "session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: bytes.fromhex('06082a8648ce3d030107')},"
        " local=True).generate_keypair(label='key', store=True)"
    )

    signer = token.signer(label="key", key_id=None)

    assert signs(signer)
    assert signer.key.key_id == ""


def test_a_key_that_may_not_sign_is_refused(hsm, token):
    hsm.raw(
        "session.generate_keypair(KeyType.RSA, 2048, label='key', id=b'1', store=True,"
        " capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT)"
    )

    with pytest.raises(KeyAccessError, match="not allowed to sign"):
        token.signer(label="key", key_id=None)


def test_a_key_that_wants_its_pin_for_each_signature_is_refused(hsm, token):
    hsm.raw(
        "session.generate_keypair(KeyType.RSA, 2048, label='key', id=b'1', store=True,"
        " private_template={Attribute.ALWAYS_AUTHENTICATE: True})"
    )

    with pytest.raises(KeyAccessError, match="wants its PIN for each signature"):
        token.signer(label="key", key_id=None)


def test_a_label_that_is_not_utf8_can_be_listed(hsm, token):
    pkcs11_tool_key(hsm)
    hsm.raw(
        "from pkcs11.attributes import AttributeMapper\n"
        "mapper = AttributeMapper()\n"
        "mapper.register_handler(Attribute.LABEL, bytes, bytes)\n"
        "raw = token.open(rw=True, attribute_mapper=mapper)\n"
        "next(iter(list(raw.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))))[Attribute.LABEL] = b'k\\xff'\n"
    )

    (listed,) = token.keys()
    assert listed.label == "k\N{REPLACEMENT CHARACTER}"


def test_a_key_that_is_deleted_while_it_is_in_use_is_one_clear_error(hsm, token):
    token.generate(P256, label="key")
    signer = token.signer(label="key", key_id=None)
    signer.sign(b"message", SHA256)
    hsm.raw("private('key').destroy()")

    with pytest.raises(KeyNotFoundError, match='no key with label "key"'):
        signer.sign(b"message", SHA256)


def test_a_key_whose_handle_changed_is_found_again(hsm, token):
    """A backup that is restored while we run makes new objects of the same keys."""
    mine = token.generate(P256, label="key")
    signer = token.signer(label="key", key_id=None, spki_sha256=mine.spki_sha256)
    signer.sign(b"message", SHA256)
    hsm.raw("private('key').copy({Attribute.LABEL: 'copy'}); private('key').destroy()")

    assert signs(signer)


def test_a_closed_token_says_so(hsm, secrets):
    with open_token(hsm.config(), secrets) as token:
        token.generate(P256, label="key")
        signer = token.signer(label="key", key_id=None)
    token.close()  # twice is once

    with pytest.raises(TokenError, match="cannot sign: the token was closed"):
        signer.sign(b"message", SHA256)
    with pytest.raises(TokenError, match="cannot list the keys: the token was closed"):
        token.keys()
