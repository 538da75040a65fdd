"""Extensions in the words of RFC 5280."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.x509.name import _ASN1Type as StringType
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pki.x509.words import encodings, general_names, key_usages, purposes

OID = x509.ObjectIdentifier("1.2.3.4")


def test_every_kind_of_general_name_has_its_prefix():
    directory = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])

    assert general_names(
        [
            x509.DNSName("a.example.com"),
            x509.IPAddress(ip_address("10.0.0.1")),
            x509.IPAddress(ip_network("10.0.0.0/8")),
            x509.RFC822Name("a@example.com"),
            x509.UniformResourceIdentifier("http://example.com"),
            x509.DirectoryName(directory),
            x509.RegisteredID(OID),
            x509.OtherName(OID, b"\x05\x00"),
        ]
    ) == [
        "DNS:a.example.com",
        "IP:10.0.0.1",
        "IP:10.0.0.0/8",
        "email:a@example.com",
        "URI:http://example.com",
        "directory:CN=x",
        "OID:1.2.3.4",
        "other:1.2.3.4",
    ]


def test_usages_have_the_names_of_the_rfc():
    agreeing = x509.KeyUsage(False, False, False, False, True, False, False, True, False)
    signing = x509.KeyUsage(True, True, False, False, False, True, True, False, False)

    assert key_usages(agreeing) == ["keyAgreement", "encipherOnly"]
    assert key_usages(signing) == ["digitalSignature", "nonRepudiation", "keyCertSign", "cRLSign"]


def test_purposes_without_a_name_are_shown_by_their_oid():
    assert purposes(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, OID])) == ["serverAuth", "1.2.3.4"]


def test_string_types_are_told_where_they_are_not_the_usual_ones():
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example", StringType.PrintableString),
            x509.NameAttribute(NameOID.COMMON_NAME, "www"),
            x509.NameAttribute(OID, "other", StringType.T61String),
        ]
    )

    assert encodings(name) == ["O=Example as printable", "1.2.3.4=other as T61String"]
