from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type as StringType
from cryptography.x509.oid import NameOID

from pki import der
from pki.algorithms import SCHEMES, algorithm
from pki.errors import EncodingError, UnsupportedAlgorithmError
from pki.x509.certificates import (
    Certificate,
    IssuerIdentity,
    TBSCertificate,
    certificate_tbs,
    parse_certificate,
    parse_certificates,
    serial_hex,
)
from tests.support import x509_objects as make

CA_CONSTRAINTS = (make.basic_constraints(ca=True, path_length=3), make.key_usage("key_cert_sign", "crl_sign"))
CA = make.issue(make.template(make.name("CA"), CA_CONSTRAINTS), serial=0xABC)
LEAF = make.issue(
    make.template(make.name("leaf"), make.LEAF_EXTENSIONS), issuer=CA, key=make.private_key("ecdsa-p256", "leaf")
)
SLH_DSA = "2.16.840.1.101.3.4.3.20"


def changed(edit: Callable[[TBSCertificate], None], certificate: Certificate = CA) -> bytes:
    """Return a certificate with these changes; its signature does not hold, which parsing does not ask."""
    fields = asn1.decode_der(TBSCertificate, certificate.tbs)
    edit(fields)
    return der.assemble(asn1.encode_der(fields), certificate.scheme, certificate.signature)


def put(**values: object) -> Callable[[TBSCertificate], None]:
    def edit(fields: TBSCertificate) -> None:
        for name, value in values.items():
            setattr(fields, name, value)

    return edit


def pyca_builder(template, serial, public_key, issuer_name, key_ids) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(template.subject)
        .issuer_name(issuer_name)
        .serial_number(serial)
        .not_valid_before(template.not_before)
        .not_valid_after(template.not_after)
        .public_key(public_key)
        .add_extension(x509.SubjectKeyIdentifier(key_ids[0]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(key_ids[1], None, None), critical=False)
    )
    for extension in template.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder


@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
def test_a_self_signed_tbs_is_what_pyca_would_have_encoded(scheme_name, key_name):
    """For every scheme that pyca knows, its own builder makes the same octets."""
    scheme, key = SCHEMES[scheme_name], make.private_key(key_name)
    template = make.template(key=key_name, not_after=datetime(2055, 1, 1, tzinfo=UTC))
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    oracle = pyca_builder(template, 0xFEDCBA, key.public_key(), template.subject, (key_id, key_id)).sign(
        key, make.digest_of(scheme), rsa_padding=make.padding_of(scheme)
    )

    tbs = certificate_tbs(template, serial=0xFEDCBA, spki=make.spki_of(key), issuer=None, scheme=scheme)

    assert oracle.tbs_certificate_bytes == tbs
    assert oracle.public_bytes(Encoding.DER) == der.assemble(tbs, scheme, oracle.signature)


@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
def test_an_issued_tbs_is_what_pyca_would_have_encoded(scheme_name, key_name):
    """A P-256 subject under an issuer of each kind, with every extension that our profiles know."""
    scheme, issuer_key = SCHEMES[scheme_name], make.private_key(key_name)
    template = make.template(make.name("www.example.com"), (*make.LEAF_EXTENSIONS, *OTHER_EXTENSIONS))
    public_key = make.private_key("ecdsa-p256", "leaf").public_key()
    key_ids = (x509.SubjectKeyIdentifier.from_public_key(public_key).digest, b"not a hash of anything")
    oracle = pyca_builder(template, 1 << 158, public_key, make.name("CA"), key_ids).sign(
        issuer_key, make.digest_of(scheme), rsa_padding=make.padding_of(scheme)
    )

    tbs = certificate_tbs(
        template,
        serial=1 << 158,
        spki=make.spki_of(make.private_key("ecdsa-p256", "leaf")),
        issuer=IssuerIdentity(make.name("CA").public_bytes(), key_ids[1]),
        scheme=scheme,
    )

    assert oracle.tbs_certificate_bytes == tbs


OTHER_EXTENSIONS = (
    make.extension(
        x509.CRLDistributionPoints(
            [x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/")], None, None, None)]
        )
    ),
    make.extension(
        x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(
                    x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp.example/")
                )
            ]
        )
    ),
    make.extension(
        x509.CertificatePolicies(
            [
                x509.PolicyInformation(
                    x509.ObjectIdentifier("1.2.3.4"), ["http://cps.example/", x509.UserNotice(None, "é")]
                )
            ]
        )
    ),
    make.extension(x509.NameConstraints([x509.DNSName("example.com")], [x509.RFC822Name("a@b")]), critical=True),
    make.extension(x509.OCSPNoCheck()),
    make.extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"), b"\x30\x00")),
)


def test_the_facts_of_a_certificate_are_those_of_its_template():
    facts = (CA.serial, CA.serial_hex, CA.subject, CA.issuer, CA.not_before, CA.not_after, CA.algorithm, CA.scheme)

    assert facts == (
        0xABC,
        "0ABC",
        make.name("CA"),
        make.name("CA"),
        make.NOW,
        make.NOW + 365 * make.DAY,
        algorithm("ecdsa-p256"),
        SCHEMES["ecdsa-sha256"],
    )
    assert (CA.is_ca, CA.path_length, CA.key_usage.key_cert_sign) == (True, 3, True)
    assert (LEAF.is_ca, LEAF.path_length, LEAF.key_usage.key_cert_sign) == (False, None, False)
    assert (CA.subject_der, CA.issuer_der) == (make.name("CA").public_bytes(), make.name("CA").public_bytes())
    assert CA.spki == make.spki_of(make.private_key())
    assert hashlib.sha256(CA.der).hexdigest() == CA.fingerprint
    assert LEAF.extension(x509.SubjectAlternativeName) == make.san(dns=["www.example.com"])
    assert LEAF.extension(x509.NameConstraints) is None
    assert len(LEAF.extensions) == 5


def test_key_identifiers_chain():
    """The authority key identifier is the issuer's subject key identifier, in a self-signed certificate its own."""
    assert CA.key_id == CA.authority_key_id == LEAF.authority_key_id == CA.identity.key_id
    assert LEAF.key_id == der.subject_key_identifier(LEAF.spki)


def test_the_identifier_of_an_issuer_is_copied_not_computed():
    """A CA whose identifier is no SHA-1 is named by what stands in its certificate, to the octet."""
    odd = der.extensions([make.extension(x509.SubjectKeyIdentifier(b"chosen by hand"))])
    issuer = parse_certificate(changed(put(extensions=odd)))

    assert issuer.identity == IssuerIdentity(CA.subject_der, b"chosen by hand")


def test_an_issuer_without_identifier_is_named_by_its_key():
    issuer = parse_certificate(changed(put(extensions=None, version=0)))

    assert issuer.key_id is issuer.authority_key_id is issuer.key_usage is issuer.path_length is None
    assert not issuer.is_ca
    assert issuer.identity.key_id == der.subject_key_identifier(CA.spki)


def test_the_issuers_name_is_copied_octet_for_octet():
    """A name in another string type than we would choose stays so."""
    teletex = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA", StringType.T61String)])
    tbs = certificate_tbs(
        make.template(),
        serial=1,
        spki=CA.spki,
        issuer=IssuerIdentity(teletex.public_bytes(), b"key"),
        scheme=CA.scheme,
    )

    assert asn1.encode_der(asn1.decode_der(TBSCertificate, tbs).issuer) == teletex.public_bytes()


@pytest.mark.parametrize(
    ("serial", "expected"), [(1, "01"), (0xABC, "0ABC"), (0xABCD, "ABCD"), (1 << 158, "40" + "00" * 19)]
)
def test_serial_numbers_are_written_as_openssl_files_them(serial, expected):
    assert serial_hex(serial) == expected


def test_certificates_are_equal_when_their_octets_are():
    assert parse_certificate(CA.pem()) == CA
    assert hash(parse_certificate(CA.der)) == hash(CA)
    assert LEAF != CA
    assert "tbs" not in repr(CA)


def test_a_bundle_is_read_in_order():
    assert parse_certificates(LEAF.pem() + CA.pem()) == [LEAF, CA]
    assert parse_certificates(CA.der) == [CA]
    assert parse_certificate(LEAF.pem() + CA.pem()) == LEAF


def test_a_key_and_a_signature_that_the_table_does_not_have_can_be_carried():
    """A foreign certificate is read; only who asks for its algorithms is told that they are unknown."""
    identifier = der.algorithm_identifier(SLH_DSA, None)
    spki = der.SubjectPublicKeyInfo(algorithm=der.tlv(identifier), subject_public_key=asn1.BitString(bytes(32), 0))
    fields = asn1.decode_der(TBSCertificate, CA.tbs)
    fields.signature = der.tlv(identifier)
    fields.subject_public_key_info = der.tlv(asn1.encode_der(spki))
    signed = [der.tlv(asn1.encode_der(fields)), der.tlv(identifier), der.tlv(asn1.encode_der(asn1.BitString(b"x", 0)))]
    certificate = parse_certificate(der.sequence(signed))

    assert certificate.subject == CA.subject
    assert certificate.key_id == CA.key_id
    with pytest.raises(UnsupportedAlgorithmError):
        _ = certificate.algorithm
    with pytest.raises(UnsupportedAlgorithmError):
        _ = certificate.scheme


def test_an_odd_but_readable_certificate_is_read_without_a_warning():
    """A country of three letters and a NULL after ecdsa-with-SHA256 are for lint and verification to refuse."""
    identifier = der.tlv(der.algorithm_identifier(CA.scheme.oid, b"\x05\x00"))
    country = der.tlv(bytes.fromhex("300e310c300a06035504061303") + b"FRA")
    fields = asn1.decode_der(TBSCertificate, CA.tbs)
    fields.signature, fields.subject, fields.issuer = identifier, country, country
    signature = der.tlv(asn1.encode_der(asn1.BitString(CA.signature, 0)))
    certificate = parse_certificate(der.sequence([der.tlv(asn1.encode_der(fields)), identifier, signature]))

    assert [part.value for part in certificate.subject] == ["FRA"]
    assert certificate.issuer == certificate.subject
    with pytest.raises(UnsupportedAlgorithmError):
        _ = certificate.scheme


def duplicate(fields: TBSCertificate) -> None:
    fields.extensions += fields.extensions[:1]


BROKEN = {
    "a serial number of zero": (changed(put(serial_number=0)), "serial number is not positive"),
    "a negative serial number": (changed(put(serial_number=-5)), "serial number is not positive"),
    "two signature algorithms": (
        changed(put(signature=der.tlv(der.algorithm_identifier(SLH_DSA, None)))),
        "two different signature algorithms",
    ),
    "a name that is no name": (changed(put(subject=der.tlv(b"\x05\x00"))), "has a part that is not valid"),
    "an extension twice": (changed(duplicate), "has a part that is not valid"),
    "an extension that is cut off": (
        changed(
            put(extensions=[der.Extension(extn_id=x509.KeyUsage.oid, critical=True, extn_value=b"\x03")]),
        ),
        "has a part that is not valid",
    ),
    "a CRL-like object": (der.assemble(b"\x30\x00", CA.scheme, b""), "the certificate is not valid DER"),
    "another PEM": (der.pem(der.REQUEST, CA.der), "holds CERTIFICATE REQUEST, not CERTIFICATE"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_certificate_is_refused_with_a_reason(kind):
    data, reason = BROKEN[kind]

    with pytest.raises(EncodingError, match=reason):
        parse_certificate(data)


def test_what_is_not_a_public_key_gets_no_certificate():
    with pytest.raises(EncodingError, match="public key is not valid DER"):
        certificate_tbs(make.template(), serial=1, spki=b"\x05\x00", issuer=None, scheme=CA.scheme)
