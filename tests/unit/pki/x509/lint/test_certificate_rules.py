"""One bad certificate per rule: each table below maps a rule's code to to-be-signed bytes that break it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.x509.name import _ASN1Type as StringType
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from pki import der
from pki.algorithms import SCHEMES, SignatureScheme, select_scheme
from pki.x509.certificates import Certificate, certificate_tbs
from pki.x509.lint import RULES, lint_certificate
from pki.x509.lint.candidate import Extension, Fields
from tests.support import x509_objects as make

SERIAL = 0x1234567890ABCDEF1234567890ABCDEF
NULL = asn1.decode_der(asn1.TLV, b"\x05\x00")
CA = make.issue(
    make.template(make.name("Issuing CA"), not_before=make.NOW - make.DAY, not_after=make.NOW + 1000 * make.DAY)
)
LEAF_KEY = make.private_key("ecdsa-p256", "leaf")

Edit = Callable[[Fields], None]


def codes(
    *edits: Edit,
    subject: x509.Name | None = None,
    extensions: tuple[x509.Extension[Any], ...] = make.LEAF_EXTENSIONS,
    key: Any = LEAF_KEY,
    issuer: Certificate | None = CA,
    scheme: SignatureScheme | None = None,
    **times: datetime,
) -> set[str]:
    """Return the codes of what lint finds in a certificate, by default a good one, after these edits."""
    subject = make.name("www.example.com") if subject is None else subject
    scheme = scheme or select_scheme(issuer.algorithm if issuer else der.spki_algorithm(make.spki_of(key)))
    tbs = certificate_tbs(
        make.template(subject, extensions, **times),
        serial=SERIAL,
        spki=make.spki_of(key),
        issuer=issuer.identity if issuer else None,
        scheme=scheme,
    )
    fields = asn1.decode_der(Fields, tbs)
    for edit in edits:
        edit(fields)
    return {finding.code for finding in lint_certificate(asn1.encode_der(fields), issuer=issuer, scheme=scheme)}


def put(**values: Any) -> Edit:
    def edit(fields: Fields) -> None:
        for name, value in values.items():
            setattr(fields, name, value)

    return edit


def with_extension(value: x509.ExtensionType, *, critical: bool = False) -> Edit:
    """Put this extension in the place of the one with its OID, or at the end."""
    return with_raw(value.oid.dotted_string, value.public_bytes(), critical=critical)


def with_raw(oid: str, value: bytes | str, *, critical: bool | None = None) -> Edit:
    content = bytes.fromhex(value) if isinstance(value, str) else value
    new = Extension(extn_id=x509.ObjectIdentifier(oid), critical=critical or None, extn_value=content)

    def edit(fields: Fields) -> None:
        without(oid)(fields)
        fields.extensions.append(new)

    return edit


def without(oid: str) -> Edit:
    def edit(fields: Fields) -> None:
        fields.extensions = [found for found in fields.extensions if found.extn_id.dotted_string != oid]

    return edit


def twice(oid: str) -> Edit:
    def edit(fields: Fields) -> None:
        fields.extensions += [found for found in fields.extensions if found.extn_id.dotted_string == oid]

    return edit


def explicit_false(fields: Fields) -> None:
    fields.extensions[0].critical = False


def unsorted_rdn(fields: Fields) -> None:
    one, two = (bytes.fromhex(f"300a060355040{arc}0c03414243") for arc in "b3")
    assert one > two
    fields.subject = der.tlv(bytes.fromhex("301a 3118".replace(" ", "")) + one + two)


def validity(not_before: Any, not_after: Any) -> Edit:
    def edit(fields: Fields) -> None:
        fields.validity.not_before, fields.validity.not_after = not_before, not_after

    return edit


def signature(oid: str, parameters: bytes | None) -> Edit:
    return put(signature=der.tlv(der.algorithm_identifier(oid, parameters)))


def spki(oid: str, parameters: bytes | None, content: bytes) -> Edit:
    info = der.SubjectPublicKeyInfo(
        algorithm=der.tlv(der.algorithm_identifier(oid, parameters)), subject_public_key=asn1.BitString(content, 0)
    )
    return put(subject_public_key_info=der.tlv(asn1.encode_der(info)))


def rsa(modulus: int, exponent: int) -> Edit:
    content = asn1.encode_der(der.RsaPublicKey(modulus=modulus, public_exponent=exponent))
    return spki("1.2.840.113549.1.1.1", b"\x05\x00", content)


def san(*names: x509.GeneralName, critical: bool = False) -> Edit:
    return with_extension(x509.SubjectAlternativeName(names), critical=critical)


def dns(name: str) -> Edit:
    return san(x509.DNSName(name))


def name_of(oid: x509.ObjectIdentifier, value: str, kind: StringType | None = None) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value, kind, _validate=False)])


def eku(*purposes: x509.ObjectIdentifier, critical: bool = False) -> x509.Extension[Any]:
    return make.extension(x509.ExtendedKeyUsage(purposes), critical=critical)


def usage(bits: str) -> Edit:
    return with_raw("2.5.29.15", bits, critical=True)


def usages_of(key_name: str, *names: str) -> set[str]:
    return codes(key=make.private_key(key_name), extensions=(make.key_usage("digital_signature", *names),))


def child_ca(*edits: Edit, issuer: Certificate | None = CA, path_length: int | None = None, **rest: Any) -> set[str]:
    extensions = (make.basic_constraints(ca=True, path_length=path_length), make.key_usage("key_cert_sign", "crl_sign"))
    return codes(*edits, subject=make.name("Child CA"), extensions=extensions, issuer=issuer, **rest)


def issuer_with(*extensions: x509.Extension[Any]) -> Certificate:
    return make.issue(make.template(make.name("Odd CA"), extensions, not_before=CA.not_before, not_after=CA.not_after))


def policies(*texts: str | None) -> Edit:
    notices = [None if text is None else [x509.UserNotice(None, text)] for text in texts]
    return with_extension(
        x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), each) for each in notices])
    )


def points(*uris: str, critical: bool = False) -> Edit:
    names = [x509.UniformResourceIdentifier(uri) for uri in uris]
    return with_extension(
        x509.CRLDistributionPoints([x509.DistributionPoint([name], None, None, None) for name in names]),
        critical=critical,
    )


def access(*uris: str, critical: bool = False) -> Edit:
    return with_extension(
        x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(uri))
                for uri in uris
            ]
        ),
        critical=critical,
    )


def constraints(*trees: x509.GeneralName) -> x509.NameConstraints:
    return x509.NameConstraints(list(trees), None)


def under_constraints(common_name: str, **names: list[str]) -> set[str]:
    """Return the codes of a client's certificate below a CA for example.org that has these names in its SAN."""
    issuer = issuer_with(*make.CA_EXTENSIONS, make.extension(constraints(x509.DNSName("example.org")), critical=True))
    extensions = (make.key_usage("digital_signature"), *([make.extension(make.san(**names))] if names else []))
    return codes(subject=make.name(common_name), extensions=extensions, issuer=issuer)


ED25519, ML_DSA_44, RSA_2048 = (make.private_key(name) for name in ("ed25519", "ml-dsa-44", "rsa-2048"))
RSA_NUMBERS = RSA_2048.public_key().public_numbers()
UTC_TIMES = asn1.UTCTime(make.NOW), asn1.UTCTime(make.NOW + make.DAY)
OTHER_KEY_ID = hashlib.sha1(b"another key").digest()
COMPRESSED = bytes.fromhex("03") + LEAF_KEY.public_key().public_numbers().x.to_bytes(32, "big")
P256 = bytes.fromhex("06082a8648ce3d030107")
PSS_32 = SCHEMES["rsa-pss-sha256"].parameters

ENCODING = {
    "rfc5280.4.1.malformed": lambda: {
        finding.code for finding in lint_certificate(b"\x30\x03\x02\x01\x05", issuer=CA, scheme=CA.scheme)
    },
    "rfc5280.4.1.unreadable-name-or-extension": lambda: codes(with_raw("2.5.29.17", "30048202ff80")),
    "x690.10.1.not-distinguished": lambda: codes(unsorted_rdn),
    "x690.11.5.default-encoded": lambda: codes(explicit_false),
    "x690.11.2.2.key-usage-trailing-zeros": lambda: codes(usage("03020080")),
    "rfc5280.4.2.extension-not-der": lambda: codes(with_raw("1.2.3.4", "0101ab")),
    "rfc5280.4.2.duplicate-extension": lambda: codes(twice("2.5.29.17")),
    "rfc5280.4.1.2.9.no-extensions": lambda: codes(put(extensions=[])),
    "rfc5280.4.1.2.1.not-version-3": lambda: codes(put(version=1)),
    "rfc5280.4.1.2.2.serial-not-positive": lambda: codes(put(serial_number=0)),
    "rfc5280.4.1.2.2.serial-too-long": lambda: codes(put(serial_number=1 << 159)),
    "cabf-br.7.1.serial-short": lambda: codes(put(serial_number=(1 << 63) - 1)),
    "rfc5280.4.1.1.2.not-the-signature-algorithm": lambda: codes(signature("1.2.840.10045.4.3.3", None)),
    "rfc4055.5.rsa-parameters-not-null": lambda: codes(signature("1.2.840.113549.1.1.11", None)),
    "rfc4055.3.1.pss-parameters": lambda: codes(signature("1.2.840.113549.1.1.10", PSS_32.replace(b"\x20", b"\x14"))),
    "rfc5758.3.2.ecdsa-parameters-present": lambda: codes(signature("1.2.840.10045.4.3.2", b"\x05\x00")),
    "rfc8410.3.ed-parameters-present": lambda: codes(signature("1.3.101.112", b"\x05\x00")),
    "rfc9881.2.ml-dsa-parameters-present": lambda: codes(signature("2.16.840.1.101.3.4.3.17", b"\x05\x00")),
    "rfc5280.4.1.2.4.empty-issuer": lambda: codes(put(issuer=der.tlv(b"\x30\x00"))),
    "rfc5280.4.1.2.4.not-the-issuers-name": lambda: codes(
        put(issuer=der.tlv(make.name("ISSUING CA").public_bytes()))  # equal to a reader, not octet for octet
    ),
    "rfc5280.4.1.2.5.ends-before-it-begins": lambda: codes(validity(*reversed(UTC_TIMES))),
    "rfc5280.4.1.2.5.time-type": lambda: codes(validity(asn1.GeneralizedTime(make.NOW), UTC_TIMES[1])),
    "rfc5280.4.1.2.5.2.fraction-of-a-second": lambda: codes(
        validity(UTC_TIMES[0], asn1.GeneralizedTime(datetime(2051, 1, 1, microsecond=500_000, tzinfo=UTC)))
    ),
    "rfc5280.4.1.2.8.unique-identifier": lambda: codes(put(subject_unique_id=asn1.BitString(b"x", 0))),
    "rfc5280.4.2.1.9.path-length-without-ca": lambda: codes(with_raw("2.5.29.19", "3003020101")),
    "rfc5280.4.2.1.3.encipher-only-without-key-agreement": lambda: codes(usage("03020081")),
}

NAMES = {
    "rfc5280.4.1.2.6.ca-without-subject": lambda: child_ca(put(subject=der.tlv(b"\x30\x00"))),
    "rfc5280.4.2.1.6.empty-subject-without-critical-san": lambda: codes(subject=x509.Name([])),
    "rfc5280.4.2.1.6.critical-san": lambda: codes(san(x509.DNSName("www.example.com"), critical=True)),
    "rfc5280.4.2.1.6.empty-san": lambda: codes(san()),
    "rfc5280.4.2.1.6.dns-name-syntax": lambda: codes(dns("under_score.example.com")),
    "rfc9525.6.3.wildcard": lambda: codes(dns("w*.example.com")),
    "rfc5280.4.2.1.6.ip-address-octets": lambda: codes(san(x509.IPAddress(ip_network("192.0.2.0/24")))),
    "rfc5280.4.2.1.6.email-syntax": lambda: codes(san(x509.RFC822Name("@example.com"))),
    "rfc5280.4.2.1.6.uri-syntax": lambda: codes(san(x509.UniformResourceIdentifier("relative/path"))),
    "rfc5280.A.1.attribute-length": lambda: codes(subject=make.name(organization="x" * 65)),
    "rfc5280.A.1.country-code": lambda: codes(subject=make.name(country="fr")),
    "rfc5280.A.1.string-type": lambda: codes(subject=name_of(NameOID.COMMON_NAME, "x", StringType.BMPString)),
    "qpki.names.control-character": lambda: codes(subject=make.name("www\0.example.com")),
    "rfc5280.4.1.2.6.email-in-subject-only": lambda: codes(subject=name_of(NameOID.EMAIL_ADDRESS, "a@example.com")),
}

KEYS = {
    "rfc5280.4.1.2.7.unsupported-key": lambda: codes(rsa((1 << 1023) + 1, 65537)),
    "rfc5280.4.1.2.7.invalid-key": lambda: codes(spki("1.2.840.10045.2.1", P256, b"\x04" + bytes(64))),
    "rfc3279.2.3.1.rsa-parameters-not-null": lambda: codes(spki("1.2.840.113549.1.1.1", None, b"")),
    "rfc5480.2.1.1.not-a-named-curve": lambda: codes(spki("1.2.840.10045.2.1", None, b"\x04")),
    "rfc5480.2.2.compressed-point": lambda: codes(spki("1.2.840.10045.2.1", P256, COMPRESSED)),
    "rfc8410.3.ed25519-key-parameters-present": lambda: codes(spki("1.3.101.112", b"\x05\x00", bytes(32))),
    "rfc9881.4.ml-dsa-key-parameters-present": lambda: codes(spki("2.16.840.1.101.3.4.3.17", b"\x05\x00", b"")),
    "fips186-5.A.1.1.rsa-exponent": lambda: codes(rsa(RSA_NUMBERS.n, 3)),
    "fips186-5.A.1.1.rsa-modulus": lambda: codes(rsa(RSA_NUMBERS.n - RSA_NUMBERS.n % 751, 65537)),
    "rfc3279.2.3.1.rsa-key-usage": lambda: usages_of("rsa-2048", "key_agreement"),
    "rfc8813.3.ec-key-usage": lambda: usages_of("ecdsa-p256", "key_encipherment"),
    "rfc9295.3.ed25519-key-usage": lambda: usages_of("ed25519", "key_agreement"),
    "rfc9881.5.ml-dsa-key-usage": lambda: usages_of("ml-dsa-44", "key_encipherment"),
}

EXTENSIONS = {
    "rfc5280.4.2.1.1.critical-authority-key-identifier": lambda: codes(
        with_extension(x509.AuthorityKeyIdentifier(CA.key_id, None, None), critical=True)
    ),
    "rfc5280.4.2.1.2.critical-subject-key-identifier": lambda: codes(
        with_extension(x509.SubjectKeyIdentifier.from_public_key(LEAF_KEY.public_key()), critical=True)
    ),
    "rfc5280.4.2.2.1.critical-authority-information-access": lambda: codes(access("http://x.example/", critical=True)),
    "rfc5280.4.2.2.2.critical-subject-information-access": lambda: codes(
        with_raw("1.3.6.1.5.5.7.1.11", "30123010 06082b06010505073005 8604783a7979".replace(" ", ""), critical=True)
    ),
    "rfc5280.4.2.1.15.critical-freshest-crl": lambda: codes(
        with_extension(
            x509.FreshestCRL(
                [x509.DistributionPoint([x509.UniformResourceIdentifier("http://x.example/")], None, None, None)]
            ),
            critical=True,
        )
    ),
    "rfc5280.4.2.1.7.critical-issuer-alternative-name": lambda: codes(
        with_extension(x509.IssuerAlternativeName([x509.DNSName("ca.example.com")]), critical=True)
    ),
    "rfc5280.4.2.1.13.critical-distribution-points": lambda: codes(points("http://x.example/", critical=True)),
    "rfc6960.4.2.2.2.1.critical-no-check": lambda: codes(with_extension(x509.OCSPNoCheck(), critical=True)),
    "rfc5280.4.2.1.10.name-constraints-not-critical": lambda: child_ca(
        with_extension(constraints(x509.DNSName("example.com")))
    ),
    "rfc5280.4.2.1.11.policy-constraints-not-critical": lambda: child_ca(with_extension(x509.PolicyConstraints(0, 0))),
    "rfc5280.4.2.1.14.inhibit-any-policy-not-critical": lambda: child_ca(with_extension(x509.InhibitAnyPolicy(0))),
    "rfc5280.4.2.1.3.key-usage-not-critical": lambda: codes(with_extension(make.key_usage("digital_signature").value)),
    "rfc5280.4.2.1.10.name-constraints-without-ca": lambda: codes(
        with_extension(constraints(x509.DNSName("example.com")), critical=True)
    ),
    "rfc5280.4.2.1.11.policy-constraints-without-ca": lambda: codes(
        with_extension(x509.PolicyConstraints(0, 0), critical=True)
    ),
    "rfc5280.4.2.1.14.inhibit-any-policy-without-ca": lambda: codes(
        with_extension(x509.InhibitAnyPolicy(0), critical=True)
    ),
    "rfc5280.4.2.unknown-critical-extension": lambda: codes(with_raw("1.2.3.4", "0500", critical=True)),
    "rfc5280.4.2.1.9.basic-constraints-not-critical": lambda: child_ca(
        with_extension(x509.BasicConstraints(ca=True, path_length=None))
    ),
    "rfc5280.4.2.1.9.path-length-without-cert-sign": lambda: child_ca(usage("03020102"), path_length=0),
    "rfc5280.4.2.1.2.subject-key-identifier-missing": lambda: child_ca(without("2.5.29.14")),
    "rfc5280.4.2.1.2.subject-key-identifier-of-another-key": lambda: codes(
        with_extension(x509.SubjectKeyIdentifier(OTHER_KEY_ID))
    ),
    "rfc5280.4.2.1.1.authority-key-identifier-missing": lambda: codes(without("2.5.29.35")),
    "rfc5280.4.2.1.1.authority-key-identifier-of-another-key": lambda: codes(
        with_extension(x509.AuthorityKeyIdentifier(OTHER_KEY_ID, None, None))
    ),
    "rfc5280.4.2.1.10.constraint-syntax": lambda: child_ca(
        with_extension(constraints(x509.DNSName(".example.com")), critical=True)
    ),
    "rfc5280.4.2.1.4.duplicate-policy": lambda: codes(policies(None, None)),
    "rfc5280.4.2.1.4.empty-policies": lambda: codes(policies()),
    "rfc5280.4.2.1.4.explicit-text-too-long": lambda: codes(policies("x" * 201)),
    "rfc5280.4.2.1.13.empty-distribution-points": lambda: codes(points()),
    "rfc5280.4.2.1.13.distribution-point-uri": lambda: codes(points("crl.example.com/ca.crl")),
    "rfc5280.4.2.2.1.empty-authority-information-access": lambda: codes(access()),
    "rfc5280.4.2.2.1.access-location-uri": lambda: codes(access("http:///no-host")),
    "rfc5280.8.fetched-over-tls": lambda: codes(points("https://crl.example.com/ca.crl")),
}

PURPOSES = {
    "rfc5280.4.2.1.3.no-usage": lambda: codes(usage("030100")),
    "rfc3279.2.3.5.encipher-only-and-decipher-only": lambda: codes(
        extensions=(make.key_usage("key_agreement", "encipher_only", "decipher_only"),)
    ),
    "rfc5280.4.2.1.3.ca-without-cert-sign": lambda: child_ca(without("2.5.29.15")),
    "rfc5280.4.2.1.9.cert-sign-without-ca": lambda: codes(extensions=(make.key_usage("key_cert_sign"),)),
    "rfc5280.4.2.1.12.any-purpose-critical": lambda: codes(
        extensions=(eku(Purpose.ANY_EXTENDED_KEY_USAGE, critical=True),)
    ),
    "rfc5280.4.2.1.12.purpose-without-usage": lambda: codes(
        extensions=(make.key_usage("key_agreement"), eku(Purpose.CODE_SIGNING))
    ),
    "rfc3161.2.3.time-stamping": lambda: codes(extensions=(eku(Purpose.TIME_STAMPING),)),
    "rfc6960.4.2.2.2.responder-not-issued-by-a-ca": lambda: codes(extensions=(eku(Purpose.OCSP_SIGNING),), issuer=None),
    "rfc6960.4.2.2.2.responder-is-a-ca": lambda: child_ca(with_extension(eku(Purpose.OCSP_SIGNING).value)),
    "rfc6960.4.2.2.2.1.responder-without-no-check": lambda: codes(extensions=(eku(Purpose.OCSP_SIGNING),)),
    "rfc6960.4.2.2.2.1.no-check-without-responder": lambda: codes(with_extension(x509.OCSPNoCheck())),
}

ISSUER = {
    "rfc5280.4.1.1.2.not-a-scheme-of-the-issuers-key": lambda: codes(scheme=SCHEMES["rsa-sha256"]),
    "rfc5280.6.1.4.issuer-is-not-a-ca": lambda: codes(issuer=issuer_with(make.key_usage("key_cert_sign"))),
    "rfc5280.6.1.4.issuer-without-cert-sign": lambda: codes(
        issuer=issuer_with(make.basic_constraints(ca=True), make.key_usage("crl_sign"))
    ),
    "rfc5280.4.2.1.9.path-length-exceeded": lambda: child_ca(
        issuer=issuer_with(make.basic_constraints(ca=True, path_length=0), make.key_usage("key_cert_sign"))
    ),
    "rfc5280.4.2.1.10.name-not-permitted": lambda: codes(
        issuer=issuer_with(*make.CA_EXTENSIONS, make.extension(constraints(x509.DNSName("example.org")), critical=True))
    ),
    "openssl.47.common-name-not-permitted": lambda: under_constraints("www.example.com"),
    "rfc5280.6.1.3.begins-before-the-issuer": lambda: codes(not_before=CA.not_before - timedelta(seconds=1)),
    "rfc5280.6.1.3.outlives-the-issuer": lambda: codes(not_after=CA.not_after + timedelta(seconds=1)),
}

TIME_STAMPING = (make.key_usage("digital_signature"), eku(Purpose.TIME_STAMPING, critical=True))
RESPONDER = (make.key_usage("digital_signature"), eku(Purpose.OCSP_SIGNING), make.extension(x509.OCSPNoCheck()))
NAMELESS = (make.key_usage("digital_signature"), make.extension(make.san(dns=["www.example.com"]), critical=True))
EVERY_SAN = make.san(
    dns=["*.example.com", f"{'a' * 63}.example.com", "xn--bcher-kva.example"],
    ips=["192.0.2.1", "2001:db8::1"],
    emails=["first.last+tag@example.com"],
    uris=[
        "https://www.example.com:8443/path?query",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "ldap://[::1]/cn=x",
    ],
)
ROOT_OF_PATH_LENGTH_1 = issuer_with(
    make.basic_constraints(ca=True, path_length=1), make.key_usage("key_cert_sign", "crl_sign")
)
CONSTRAINED = issuer_with(
    *make.CA_EXTENSIONS,
    make.extension(
        x509.NameConstraints(
            [x509.DNSName("example.com"), x509.RFC822Name(".example.com"), x509.UniformResourceIdentifier("")],
            [x509.DirectoryName(make.name("root"))],
        ),
        critical=True,
    ),
)
GOOD = {
    "a TLS server": codes,
    "a root": lambda: child_ca(issuer=None),
    "a CA below a CA": child_ca,
    "the last CA that a path length allows": lambda: child_ca(issuer=ROOT_OF_PATH_LENGTH_1, path_length=0),
    "a CA without a path length below one with": lambda: child_ca(issuer=ROOT_OF_PATH_LENGTH_1),
    "a new key of the same CA, which no path length counts": lambda: codes(
        subject=make.name("Odd CA"),
        extensions=make.CA_EXTENSIONS,
        issuer=issuer_with(make.basic_constraints(ca=True, path_length=0), make.key_usage("key_cert_sign")),
    ),
    "a name that the issuer's constraints permit": lambda: codes(issuer=CONSTRAINED),
    "a common name like a host's that the constraints permit": lambda: under_constraints("www.example.org"),
    "a common name that is no host's, under constraints on hosts": lambda: under_constraints("Alice -. Example.com"),
    "a common name beside DNS names, which count instead": lambda: under_constraints(
        "www.example.com", dns=["www.example.org"]
    ),
    "a CA with name constraints": lambda: child_ca(
        with_extension(CONSTRAINED.extension(x509.NameConstraints), critical=True)
    ),
    "an empty subject": lambda: codes(subject=x509.Name([]), extensions=NAMELESS),
    "every kind of SAN": lambda: codes(with_extension(EVERY_SAN)),
    "an address in the subject that is in the SAN too": lambda: codes(
        san(x509.RFC822Name("a@example.com")), subject=name_of(NameOID.EMAIL_ADDRESS, "a@example.com")
    ),
    "a time-stamping authority": lambda: codes(extensions=TIME_STAMPING),
    "an OCSP responder": lambda: codes(extensions=RESPONDER),
    "key agreement with an EC key": lambda: codes(extensions=(make.key_usage("key_agreement", "encipher_only"),)),
    "key encipherment with an RSA key": lambda: usages_of("rsa-2048", "key_encipherment"),
    "signing with an ML-DSA key": lambda: usages_of("ml-dsa-44", "content_commitment"),
    "signing with an Ed25519 key": lambda: usages_of("ed25519", "content_commitment"),
    "dates on both sides of 2050": lambda: child_ca(issuer=None, not_after=datetime(2050, 1, 1, tzinfo=UTC)),
    "a lifetime equal to the issuer's": lambda: codes(not_before=CA.not_before, not_after=CA.not_after),
    "the longest serial number": lambda: codes(put(serial_number=(1 << 159) - 1)),
    "places to fetch things from": lambda: codes(points("http://crl.example.com/ca.crl"), access("http://192.0.2.1/")),
    "places that are no URIs": lambda: codes(
        with_extension(
            x509.CRLDistributionPoints(
                [x509.DistributionPoint([x509.DirectoryName(make.name("CRL"))], None, None, None)]
            )
        ),
        with_extension(
            x509.AuthorityInformationAccess(
                [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.DirectoryName(make.name("OCSP")))]
            )
        ),
    ),
    "policies": lambda: codes(policies("x" * 200)),
    "an extension that nobody knows": lambda: codes(with_raw("1.2.3.4", "0500")),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_certificate_gives_no_finding(kind):
    """Nothing is found in certificates that break no rule, not even a notice."""
    assert GOOD[kind]() == set()


@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
def test_what_we_encode_is_clean_for_every_scheme(scheme_name, key_name):
    assert set() == child_ca(issuer=None, key=make.private_key(key_name), scheme=SCHEMES[scheme_name])


BROKEN = ENCODING | NAMES | KEYS | EXTENSIONS | PURPOSES | ISSUER


@pytest.mark.parametrize("code", BROKEN)
def test_a_certificate_that_breaks_a_rule_is_found_out(code):
    """The rule of that code finds its own breach."""
    assert code in BROKEN[code]()


def test_every_rule_has_a_certificate_that_breaks_it():
    """No rule is in the table that nothing was seen to break, and no code is there twice."""
    assert sorted(BROKEN) == sorted(rule.code for rule in RULES)


MORE = [
    (
        "rfc5280.4.1.1.2.not-a-scheme-of-the-issuers-key",
        lambda: child_ca(rsa((1 << 1023) + 1, 65537), issuer=None, scheme=SCHEMES["rsa-sha256"]),
    ),
    ("rfc5280.4.2.1.6.dns-name-syntax", lambda: codes(dns(""))),
    ("rfc5280.4.2.1.6.dns-name-syntax", lambda: codes(dns("www.example.com."))),
    ("rfc5280.4.2.1.6.dns-name-syntax", lambda: codes(dns("-www.example.com"))),
    ("rfc5280.4.2.1.6.dns-name-syntax", lambda: codes(dns("a\0.example.com"))),
    ("rfc5280.4.2.1.6.dns-name-syntax", lambda: codes(dns(f"{'a' * 64}.example.com"))),
    ("rfc5280.4.2.1.6.dns-name-syntax", lambda: codes(dns(".".join(["a" * 50] * 5) + ".com"))),
    ("rfc9525.6.3.wildcard", lambda: codes(dns("*"))),
    ("rfc9525.6.3.wildcard", lambda: codes(dns("www.*.example.com"))),
    ("rfc9525.6.3.wildcard", lambda: codes(dns("*.*.example.com"))),
    ("rfc5280.4.2.1.6.uri-syntax", lambda: codes(san(x509.UniformResourceIdentifier("http://under_score/")))),
    ("rfc5280.4.2.1.6.uri-syntax", lambda: codes(san(x509.UniformResourceIdentifier("http://[::1/")))),
    ("rfc5280.4.2.1.6.uri-syntax", lambda: codes(san(x509.UniformResourceIdentifier("http://a b/")))),
    ("rfc5280.4.2.1.6.email-syntax", lambda: codes(san(x509.RFC822Name("a@b_c")))),
    ("rfc5280.A.1.attribute-length", lambda: codes(subject=make.name(organization=""))),
    ("rfc5280.A.1.string-type", lambda: codes(subject=name_of(NameOID.SERIAL_NUMBER, "1", StringType.UTF8String))),
    ("rfc5280.A.1.string-type", lambda: codes(subject=name_of(NameOID.EMAIL_ADDRESS, "a@b", StringType.UTF8String))),
    ("rfc4055.3.1.pss-parameters", lambda: codes(signature("1.2.840.113549.1.1.10", None))),
    ("rfc5280.4.1.1.2.not-the-signature-algorithm", lambda: codes(put(signature=NULL))),
    ("rfc5280.4.1.2.7.unsupported-key", lambda: codes(put(subject_public_key_info=NULL))),
    ("rfc5280.4.1.2.7.invalid-key", lambda: codes(spki("1.2.840.113549.1.1.1", b"\x05\x00", b"no key"))),
    ("fips186-5.A.1.1.rsa-exponent", lambda: codes(rsa(RSA_NUMBERS.n, 65538))),
    ("fips186-5.A.1.1.rsa-modulus", lambda: codes(rsa(RSA_NUMBERS.n - 1, 65537))),
    ("rfc5280.4.2.1.9.path-length-exceeded", lambda: child_ca(issuer=ROOT_OF_PATH_LENGTH_1, path_length=1)),
    (
        "rfc3161.2.3.time-stamping",
        lambda: codes(extensions=(eku(Purpose.TIME_STAMPING, Purpose.CODE_SIGNING, critical=True),)),
    ),
    (
        "rfc5280.4.2.1.1.authority-key-identifier-of-another-key",
        lambda: child_ca(with_extension(x509.AuthorityKeyIdentifier(OTHER_KEY_ID, None, None)), issuer=None),
    ),
    (
        "rfc5280.4.1.2.4.not-the-issuers-name",
        lambda: child_ca(put(issuer=der.tlv(make.name("X").public_bytes())), issuer=None),
    ),
    (
        "openssl.47.common-name-not-permitted",
        lambda: under_constraints("my_host.example.com", emails=["a@example.com"]),
    ),
    ("rfc5280.4.2.extension-not-der", lambda: codes(with_raw("1.2.3.4", b""))),
    ("rfc5280.4.2.extension-not-der", lambda: codes(with_raw("1.2.3.4", "050000"))),
    ("rfc5280.4.1.unreadable-name-or-extension", lambda: codes(put(subject=NULL))),
    ("rfc5280.4.1.unreadable-name-or-extension", lambda: child_ca(with_raw("2.5.29.19", "3003010100"))),
    ("rfc5280.4.1.unreadable-name-or-extension", lambda: child_ca(with_raw("2.5.29.19", "0500"))),
]


@pytest.mark.parametrize(("code", "broken"), MORE)
def test_the_other_ways_to_break_a_rule(code, broken):
    assert code in broken()
