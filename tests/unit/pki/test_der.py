from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pki import der
from pki.algorithms import ALGORITHMS, NULL, SCHEMES
from pki.errors import EncodingError, UnsupportedAlgorithmError
from tests.support import x509_objects as make

SIGNED = der.assemble(b"\x30\x00", SCHEMES["ed25519"], b"signature")


@pytest.mark.parametrize("parameters", [None, NULL, b"\x30\x03\x02\x01\x05"])
def test_an_algorithm_identifier_is_read_as_it_was_written(parameters):
    """Absent parameters and NULL stay two different things."""
    encoded = der.algorithm_identifier("1.2.840.10045.4.3.2", parameters)

    assert der.split_algorithm_identifier(encoded) == ("1.2.840.10045.4.3.2", parameters)


@pytest.mark.parametrize("broken", ["", "0500", "3000", "30020500", "300806022a0305000500", "300406022a0300"])
def test_what_is_not_an_algorithm_identifier_is_refused(broken):
    with pytest.raises(EncodingError, match="is not valid DER"):
        der.split_algorithm_identifier(bytes.fromhex(broken))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_key_of_the_table_is_recognised(name):
    assert der.spki_algorithm(make.spki_of(make.private_key(name))) == ALGORITHMS[name]


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.BrainpoolP256R1())],
    ids=["RSA-1024", "brainpool"],
)
def test_a_key_that_the_table_does_not_have_is_refused(key):
    with pytest.raises(UnsupportedAlgorithmError, match="is not supported"):
        der.spki_algorithm(make.spki_of(key))


def test_a_broken_key_is_refused():
    rsa_without_content = "3011300d06092a864886f70d0101010500030100"

    for broken in ("", "0500", rsa_without_content):
        with pytest.raises(EncodingError, match="public key is not valid DER"):
            der.spki_algorithm(bytes.fromhex(broken))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_key_identifier_is_the_one_that_pyca_computes(name):
    key = make.private_key(name)

    expected = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    assert der.subject_key_identifier(make.spki_of(key)) == expected


@pytest.mark.parametrize(
    ("moment", "kind", "text"),
    [
        (datetime(2049, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), asn1.UTCTime, b"491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), asn1.GeneralizedTime, b"20500101000000Z"),
        (datetime(2050, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), asn1.UTCTime, b"491231233000Z"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), asn1.GeneralizedTime, b"99991231235959Z"),
    ],
)
def test_times_are_whole_seconds_of_the_right_type(moment, kind, text):
    """UTCTime through 2049 in UTC, GeneralizedTime from 2050, never a fraction (RFC 5280 section 4.1.2.5)."""
    time = der.time(moment)

    assert isinstance(time, kind)
    assert asn1.encode_der(time)[2:] == text


def test_a_signed_object_comes_apart_as_it_was_put_together():
    assert der.split(SIGNED) == der.Signed(b"\x30\x00", "1.3.101.112", None, b"signature")


def test_what_is_not_a_signed_object_is_refused():
    unused_bits = SIGNED.replace(b"\x03\x0a\x00", b"\x03\x0a\x01")[:-1] + b"\x00"

    with pytest.raises(EncodingError, match="not valid DER"):
        der.split(SIGNED[:-1])
    with pytest.raises(EncodingError, match="whole number of octets"):
        der.split(unused_bits)


def test_pem_has_lines_of_64_characters_and_a_final_newline():
    lines = der.pem(der.CERTIFICATE, bytes(100)).decode().split("\n")

    assert [len(line) for line in lines[1:-2]] == [64, 64, 8]
    assert (lines[0], lines[-2], lines[-1]) == ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "")


def test_pem_and_der_of_one_object_are_the_same():
    assert der.der_of(SIGNED, der.CRL) == SIGNED
    assert der.der_of(der.pem(der.CRL, SIGNED), der.CRL) == SIGNED
    assert der.der_of(der.pem(der.CRL, SIGNED).replace(b"\n", b"\r\n"), der.CRL) == SIGNED


def test_all_blocks_with_the_label_are_found_among_others_and_text():
    one, two = (der.assemble(b"\x30\x00", SCHEMES["ed25519"], text) for text in (b"1", b"2"))
    bundle = b"0 s:/CN=x\n" + der.pem("CERTIFICATE", one) + der.pem("X509 CRL", SIGNED) + der.pem("CERTIFICATE", two)

    assert der.ders_of(bundle, der.CERTIFICATE) == [one, two]


def test_pem_inside_der_is_not_read():
    """What stands in a name or an extension is content, not another file."""
    smuggled = b"\n" + der.pem(der.CERTIFICATE, b"\x30\x00")
    outer = der.sequence([der.tlv(asn1.encode_der(smuggled))])

    assert der.der_of(outer, der.CERTIFICATE) == outer


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither PEM nor DER"),
        (b"\x00\x01", "neither PEM nor DER"),
        (SIGNED + b"x", "neither PEM nor DER"),
        (SIGNED[:-1], "neither PEM nor DER"),
        (der.pem("PUBLIC KEY", SIGNED), "holds PUBLIC KEY, not CERTIFICATE"),
        (der.pem(der.CERTIFICATE, SIGNED)[:-10], "cut off"),
        (b"-----BEGIN CERTIFICATE-----\nMA!A\n-----END CERTIFICATE-----\n", "not base64"),
        (b"-----BEGIN CERTIFICATE-----\nMAA\n-----END CERTIFICATE-----\n", "not base64"),
    ],
)
def test_a_file_without_the_object_says_what_is_wrong(data, message):
    with pytest.raises(EncodingError, match=message):
        der.ders_of(data, der.CERTIFICATE)
