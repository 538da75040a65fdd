from __future__ import annotations

from ipaddress import ip_network

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type as StringType
from cryptography.x509.oid import NameOID

from pki import der
from pki.algorithms import SCHEMES, SignatureScheme, algorithm, select_scheme
from pki.errors import RequestError
from pki.profiles.model import RequestedNames
from pki.x509.requests import MAX_SIZE, CertificationRequestInfo, parse_request, request_tbs, verify_request
from tests.support import x509_objects as make

SAN = make.extension(make.san(dns=["www.example.com", "example.com"], ips=["192.0.2.1"]))
SCHEME = SCHEMES["ecdsa-sha256"]


def request(subject=None, extensions=(), key_name="ecdsa-p256", scheme: SignatureScheme | None = None) -> bytes:
    """Return a request of our encoder, signed by its key."""
    key = make.private_key(key_name)
    scheme = scheme or select_scheme(algorithm(key_name))
    tbs = request_tbs(make.name() if subject is None else subject, make.spki_of(key), extensions)
    return der.assemble(tbs, scheme, make.sign(key, scheme, tbs))


def pyca_request(extensions=(), key=None, digest=None, padding=None) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(make.name())
    for extension in extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key or make.private_key(), digest, rsa_padding=padding)


def edited(edit) -> bytes:
    fields = asn1.decode_der(CertificationRequestInfo, request_tbs(make.name(), make.spki_of(make.private_key())))
    edit(fields)
    return der.assemble(asn1.encode_der(fields), SCHEME, b"no signature")


@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
@pytest.mark.parametrize("extensions", [(), (SAN,), (SAN, make.key_usage("digital_signature"))], ids=len)
def test_a_tbs_is_what_pyca_would_have_encoded(scheme_name, key_name, extensions):
    """For every scheme that pyca knows, its own builder makes the same octets, and we accept its requests."""
    scheme, key = SCHEMES[scheme_name], make.private_key(key_name)
    oracle = pyca_request(extensions, key, make.digest_of(scheme), make.padding_of(scheme))

    tbs = request_tbs(make.name(), make.spki_of(key), extensions)

    assert oracle.tbs_certrequest_bytes == tbs
    assert oracle.public_bytes(Encoding.DER) == der.assemble(tbs, scheme, oracle.signature)
    verify_request(parse_request(oracle.public_bytes(Encoding.PEM)))


@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
def test_the_facts_of_a_request_are_what_it_was_made_from(scheme_name, key_name):
    data = request(extensions=[SAN], key_name=key_name, scheme=SCHEMES[scheme_name])
    parsed = parse_request(data)
    verify_request(parsed)

    assert (parsed.der, parsed.algorithm, parsed.scheme) == (data, algorithm(key_name), SCHEMES[scheme_name])
    assert parsed.spki == make.spki_of(make.private_key(key_name))
    assert parse_request(parsed.pem()) == parsed
    assert parsed.names == RequestedNames(
        subject=(("c", "FR"), ("o", "Example"), ("cn", "Test")),
        dns=("www.example.com", "example.com"),
        ips=("192.0.2.1",),
    )


def test_names_of_every_kind_are_told_apart_and_not_repeated():
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("a.example"),
            x509.DNSName("a.example"),
            x509.RFC822Name("me@example.com"),
            x509.UniformResourceIdentifier("urn:x"),
            x509.IPAddress(ip_network("2001:db8::1/128")[0]),
            x509.IPAddress(ip_network("10.0.0.0/8")),
            x509.DirectoryName(make.name("other")),
            x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
            x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x02me"),
        ]
    )
    parsed = parse_request(request(extensions=[make.extension(names)]))

    assert parsed.names == RequestedNames(
        subject=(("c", "FR"), ("o", "Example"), ("cn", "Test")),
        dns=("a.example",),
        emails=("me@example.com",),
        uris=("urn:x",),
        ips=("2001:db8::1",),
        other=(
            "iPAddress 10.0.0.0/8",
            "directoryName CN=other,O=Example,C=FR",
            "registeredID 1.2.3",
            "otherName 1.3.6.1.4.1.311.20.2.3",
        ),
    )


def test_the_subject_is_told_as_it_stands():
    """NUL, control characters, unknown attributes and repeated ones reach those who check names unchanged."""
    unique_id = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01\x02", StringType.BitString)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "www\0.example.com\n"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "A"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "B"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "A"),
            x509.NameAttribute(x509.ObjectIdentifier("1.2.3.4"), "?"),
            unique_id,
        ]
    )

    assert parse_request(request(subject)).names.subject == (
        ("cn", "www\0.example.com\n"),
        ("ou", "A"),
        ("ou", "B"),
        ("1.2.3.4", "?"),
        ("2.5.4.45", "#0102"),
    )


def test_names_with_control_characters_are_told_as_they_stand():
    names = make.extension(make.san(dns=["a\0b.example", "\u007f"], emails=[], uris=["http://\n/"]))

    assert parse_request(request(extensions=[names])).names.dns == ("a\0b.example", "\u007f")
    assert parse_request(request(extensions=[names])).names.uris == ("http://\n/",)


def test_an_empty_request_asks_for_nothing():
    parsed = parse_request(request(x509.Name([])))

    assert (parsed.names, parsed.ignored) == (RequestedNames(), ())


def test_other_extensions_are_named_but_not_heeded():
    """Only names are taken from a request: who wants to be a CA is not made one."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    wanted = [make.basic_constraints(ca=True), SAN, make.key_usage("key_cert_sign"), make.extension(unknown)]

    assert parse_request(request(extensions=wanted)).ignored == ("basicConstraints", "keyUsage", "1.2.3.4")


def test_the_old_pem_label_is_read():
    old = parse_request(request()).pem().replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")

    assert parse_request(old).names.subject[0] == ("c", "FR")


def foreign(key, digest) -> bytes:
    return pyca_request(key=key, digest=digest).public_bytes(Encoding.DER)


def put(**values):
    def edit(fields: CertificationRequestInfo) -> None:
        for name, value in values.items():
            setattr(fields, name, value)

    return edit


def sha1_request() -> bytes:
    """Return a request that names ecdsa-with-SHA1."""
    fields = [
        request_tbs(make.name(), make.spki_of(make.private_key())),
        der.algorithm_identifier("1.2.840.10045.4.1", None),
        asn1.encode_der(asn1.BitString(b"x", 0)),
    ]
    return der.sequence([der.tlv(field) for field in fields])


CERTIFICATE = make.issue(make.template())
POINT = asn1.encode_der(asn1.BitString(b"\x04" + bytes(64), 0))
OFF_CURVE = der.sequence([der.tlv(bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")), der.tlv(POINT)])
BROKEN_SAN = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x03\x82\x01\xff")
REFUSED = {
    "a certificate": (CERTIFICATE.der, "not a certificate request: it is signed DER of another kind"),
    "a certificate in PEM": (CERTIFICATE.pem(), "not a certificate request: the PEM holds CERTIFICATE, not"),
    "a key in PEM": (der.pem("PRIVATE KEY", b"\x30\x00"), "not a certificate request: the PEM holds PRIVATE KEY, not"),
    "nothing": (b"", "not a certificate request: this is neither PEM nor DER"),
    "noise": (bytes(range(256)), "not a certificate request: this is neither PEM nor DER"),
    "DER of something else": (b"\x30\x00", "not a certificate request: the signed object is not valid DER"),
    "DER that is cut off": (request()[:-1], "not a certificate request: this is neither PEM nor DER"),
    "version 2": (edited(put(version=1)), "not a certificate request: its version is not 1"),
    "a name that is no name": (edited(put(subject=der.tlv(b"\x05\x00"))), "has a part that is not valid"),
    "a broken SAN": (request(extensions=[make.extension(BROKEN_SAN)]), "has a part that is not valid"),
    "an extension twice": (request(extensions=[SAN, SAN]), "has a part that is not valid"),
    "a key that is no key": (edited(put(subject_public_key_info=der.tlv(b"\x05\x00"))), "public key is not valid DER"),
    "a point off its curve": (edited(put(subject_public_key_info=der.tlv(OFF_CURVE))), "the public key is not valid"),
    "RSA-1024": (
        foreign(rsa.generate_private_key(65537, 1024), hashes.SHA256()),
        "cannot be accepted: RSA with 1024 bits is not supported",
    ),
    "another curve": (
        foreign(ec.generate_private_key(ec.SECP256K1()), hashes.SHA256()),
        "cannot be accepted: a key on this elliptic curve is not supported",
    ),
    "a SHA-3 signature": (
        foreign(make.private_key(), hashes.SHA3_256()),
        "cannot be accepted: signature algorithm 2.16.840.1.101.3.4.3.10 is unknown",
    ),
    "a SHA-1 signature": (sha1_request(), "cannot be accepted: signature algorithm 1.2.840.10045.4.1 is unknown"),
    "too much": (request() + bytes(MAX_SIZE), "bytes; more than 65536 are not read"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_accepted_is_refused_with_a_reason(kind):
    data, reason = REFUSED[kind]

    with pytest.raises(RequestError) as caught:
        parse_request(data)

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_request_may_have_exactly_the_size_limit():
    padded = parse_request(request()).pem().rjust(MAX_SIZE, b"\n")

    assert parse_request(padded).names.subject[0] == ("c", "FR")


def test_a_signature_of_another_key_is_refused():
    """Proof of possession: the key that asks is the key that signed."""
    tbs = request_tbs(make.name(), make.spki_of(make.private_key()))
    stolen = der.assemble(tbs, SCHEME, make.sign(make.private_key(role="thief"), SCHEME, tbs))

    with pytest.raises(RequestError, match="own signature does not hold") as caught:
        verify_request(parse_request(stolen))

    assert "another key" in caught.value.hint


def test_a_signature_by_a_scheme_of_another_kind_of_key_is_refused():
    tbs = request_tbs(make.name(), make.spki_of(make.private_key()))
    mixed = der.assemble(tbs, SCHEMES["ed25519"], make.sign(make.private_key("ed25519"), SCHEMES["ed25519"], tbs))

    with pytest.raises(RequestError, match="a key of type ecdsa-p256 does not sign by Ed25519"):
        verify_request(parse_request(mixed))
