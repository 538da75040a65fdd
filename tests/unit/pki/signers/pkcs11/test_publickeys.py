"""Public keys are read from every dialect of attributes that tokens speak, and from nothing that is not a key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.algorithms import ALGORITHMS
from pki.errors import KeyAccessError, UnsupportedAlgorithmError
from pki.signers.pkcs11.publickeys import ec_point, public_key

CURVES = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1(), "ecdsa-p521": ec.SECP521R1()}
ED_PARAMS = ["06032b6570", "130c656477617264733235353139", "06092b06010401da470f01"]


def spki(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def ec_attributes(name):
    key = ec.generate_private_key(CURVES[name]).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return key, {"EC_PARAMS": ALGORITHMS[name].parameters, "EC_POINT": point}


def octet_string(value):
    return bytes([4, len(value)] if len(value) < 128 else [4, 0x81, len(value)]) + value


@pytest.mark.parametrize("wrap", [bytes, octet_string], ids=["bare", "octet-string"])
@pytest.mark.parametrize("name", CURVES)
def test_a_point_is_read_bare_and_wrapped(name, wrap):
    """P-521's header is of the long form; a bare point begins with 04 as an OCTET STRING does."""
    key, attributes = ec_attributes(name)

    found = public_key("EC", {**attributes, "EC_POINT": wrap(attributes["EC_POINT"])})

    assert (found.spki, found.algorithm) == (spki(key), ALGORITHMS[name])


@pytest.mark.parametrize("cut", [0, 1, 2, 33, 64, 66])
def test_a_point_of_another_length_is_refused(cut):
    with pytest.raises(ValueError, match="neither a bare value of 65 bytes nor an OCTET STRING"):
        ec_point((b"\x04\x41" + b"\x04" * 65)[:cut], 32)


def test_an_octet_string_of_the_wrong_header_is_refused():
    with pytest.raises(ValueError, match="neither"):
        ec_point(b"\x03\x41" + b"\x04" * 65, 32)


def test_a_point_off_the_curve_is_refused():
    _, attributes = ec_attributes("ecdsa-p256")

    with pytest.raises(KeyAccessError, match="make no valid EC public key"):
        public_key("EC", {**attributes, "EC_POINT": b"\x04" + b"\x01" * 64})


def test_a_curve_that_is_not_ours_is_refused_by_name():
    with pytest.raises(UnsupportedAlgorithmError, match="not one of P-256, P-384, P-521"):
        public_key("EC", {"EC_PARAMS": bytes.fromhex("06052b8104000a"), "EC_POINT": b""})


@pytest.mark.parametrize("params", ED_PARAMS)
@pytest.mark.parametrize("wrap", [bytes, octet_string], ids=["bare", "octet-string"])
def test_ed25519_is_read_with_every_name_of_its_curve(params, wrap):
    key = ed25519.Ed25519PrivateKey.generate().public_key()

    found = public_key("EC_EDWARDS", {"EC_PARAMS": bytes.fromhex(params), "EC_POINT": wrap(key.public_bytes_raw())})

    assert (found.spki, found.algorithm) == (spki(key), ALGORITHMS["ed25519"])


def test_ed448_is_refused():
    with pytest.raises(UnsupportedAlgorithmError, match="not Ed25519"):
        public_key("EC_EDWARDS", {"EC_PARAMS": bytes.fromhex("06032b6571"), "EC_POINT": bytes(57)})


@pytest.mark.parametrize(("bits", "name"), [(2048, "rsa-2048"), (1024, None)])
def test_rsa_keys_of_other_sizes_are_read_but_have_no_algorithm(bits, name):
    key = rsa.generate_private_key(65537, bits).public_key()
    numbers = key.public_numbers()

    found = public_key("RSA", {"MODULUS": numbers.n.to_bytes(bits // 8 + 1), "PUBLIC_EXPONENT": b"\1\0\1"})

    assert (found.spki, found.algorithm) == (spki(key), ALGORITHMS.get(name))


@pytest.mark.parametrize(
    ("set_", "name", "maker"),
    [
        (1, "ml-dsa-44", mldsa.MLDSA44PrivateKey),
        (2, "ml-dsa-65", mldsa.MLDSA65PrivateKey),
        (3, "ml-dsa-87", mldsa.MLDSA87PrivateKey),
    ],
)
def test_ml_dsa_is_read_by_its_parameter_set(set_, name, maker):
    key = maker.generate().public_key()

    found = public_key("ML_DSA", {"PARAMETER_SET": set_, "VALUE": key.public_bytes_raw()})

    assert (found.spki, found.algorithm) == (spki(key), ALGORITHMS[name])


def test_an_unknown_ml_dsa_parameter_set_is_refused():
    with pytest.raises(UnsupportedAlgorithmError, match="parameter set is unknown"):
        public_key("ML_DSA", {"PARAMETER_SET": 9, "VALUE": b""})


@pytest.mark.parametrize("kind", ["DSA", "type 2147483649", "unknown"])
def test_other_types_of_keys_are_refused_by_name(kind):
    with pytest.raises(UnsupportedAlgorithmError, match=f"keys of type {kind} are not supported"):
        public_key(kind, {})


@pytest.mark.parametrize(
    ("kind", "missing"),
    [("RSA", "MODULUS"), ("EC", "EC_PARAMS"), ("EC_EDWARDS", "EC_PARAMS"), ("ML_DSA", "PARAMETER_SET")],
)
def test_what_the_token_does_not_tell_is_named(kind, missing):
    with pytest.raises(KeyAccessError, match=f"does not tell CKA_{missing}"):
        public_key(kind, {})
