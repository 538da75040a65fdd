"""The table agrees with itself, with the RFCs' bytes and with pyca's encoder."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.algorithms import (
    ALGORITHMS,
    NULL,
    SCHEMES,
    SchemeChoice,
    algorithm,
    algorithm_of_key,
    scheme_of_identifier,
    select_scheme,
)
from pki.errors import UnsupportedAlgorithmError

PYCA_KEYS = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ml-dsa-44": mldsa.MLDSA44PrivateKey.generate,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey.generate,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey.generate,
}


@pytest.mark.parametrize("name", PYCA_KEYS)
def test_oid_and_parameters_are_those_of_the_public_key_encoding(name):
    row = ALGORITHMS[name]
    spki = PYCA_KEYS[name]().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    oid = x509.ObjectIdentifier(row.oid)
    encoded = b"\x06" + _oid_content(oid) + (row.parameters or b"")

    assert encoded in spki[:40]


def _oid_content(oid: x509.ObjectIdentifier) -> bytes:
    first, second, *rest = (int(arc) for arc in oid.dotted_string.split("."))
    content = bytes([first * 40 + second])
    for arc in rest:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.insert(0, arc & 0x7F | 0x80)
        content += bytes(septets)
    return bytes([len(content)]) + content


@pytest.mark.parametrize(("digest", "salt"), [("SHA256", 32), ("SHA384", 48), ("SHA512", 64)])
def test_pss_parameters_are_what_pyca_writes(digest, salt):
    """RFC 4055: hash, MGF1 with the same hash, salt as long as the hash."""
    key = rsa.generate_private_key(65537, 2048)
    hasher = getattr(hashes, digest)()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pss")])
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 5, start, end).sign(
        key, hasher, rsa_padding=padding.PSS(padding.MGF1(hasher), salt)
    )

    assert SCHEMES[f"rsa-pss-{digest.lower()}"].parameters in certificate.tbs_certificate_bytes


@pytest.mark.parametrize("row", ALGORITHMS.values(), ids=str)
def test_every_key_signs_by_its_default_scheme(row):
    scheme = select_scheme(row)

    assert scheme.family is row.family
    assert SCHEMES[row.scheme] == scheme


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda row: row.name)
def test_a_scheme_is_found_by_its_identifier(scheme):
    assert scheme_of_identifier(scheme.oid, scheme.parameters) == scheme


@pytest.mark.parametrize(
    ("key", "choice", "expected"),
    [
        ("rsa-2048", SchemeChoice("rsassa-pss"), "rsa-pss-sha256"),
        ("rsa-4096", SchemeChoice("rsassa-pss"), "rsa-pss-sha384"),
        ("rsa-2048", SchemeChoice("rsassa-pss", "sha512"), "rsa-pss-sha512"),
        ("ecdsa-p256", SchemeChoice(digest="sha512"), "ecdsa-sha512"),
        ("ed25519", SchemeChoice("ed25519"), "ed25519"),
        ("ml-dsa-65", SchemeChoice("ml-dsa"), "ml-dsa-65"),
    ],
)
def test_a_profile_chooses_among_what_the_key_can_do(key, choice, expected):
    assert select_scheme(algorithm(key), choice).name == expected


@pytest.mark.parametrize(
    ("key", "choice"),
    [
        ("ecdsa-p256", SchemeChoice("rsassa-pss")),
        ("rsa-2048", SchemeChoice("ecdsa")),
        ("ed25519", SchemeChoice(digest="sha256")),
        ("ml-dsa-44", SchemeChoice("ml-dsa", "sha512")),
    ],
)
def test_a_scheme_that_the_key_cannot_do_is_refused(key, choice):
    """HashML-DSA is refused here too: RFC 9881 section 3 forbids it in PKIX."""
    with pytest.raises(UnsupportedAlgorithmError, match="cannot sign by"):
        select_scheme(algorithm(key), choice)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnsupportedAlgorithmError, match="dsa-1024") as caught:
        algorithm("dsa-1024")

    assert "ecdsa-p384" in caught.value.hint


def test_rsa_1024_has_no_row():
    with pytest.raises(UnsupportedAlgorithmError, match="RSA with 1024 bits"):
        algorithm_of_key("1.2.840.113549.1.1.1", NULL, 1024)


def test_an_ml_dsa_key_with_parameters_has_no_row():
    """RFC 9881 section 2: parameters MUST be absent."""
    with pytest.raises(UnsupportedAlgorithmError):
        algorithm_of_key("2.16.840.1.101.3.4.3.18", NULL)


def test_an_ecdsa_identifier_with_null_parameters_is_refused():
    """RFC 5758 section 3.2: parameters MUST be absent."""
    with pytest.raises(UnsupportedAlgorithmError, match="wrong parameters"):
        scheme_of_identifier("1.2.840.10045.4.3.2", NULL)
