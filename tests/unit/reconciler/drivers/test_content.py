"""A certificate has the content of the template that it was issued from, in words that people read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type as StringType
from cryptography.x509.oid import NameOID

from pki.algorithms import SchemeChoice
from pki.profiles import qcstatements
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate
from reconciler.drivers.content import of_certificate, of_template
from tests.support.issue import CATALOG, NOW, VALUES, Estate, choices, is_root
from tests.support.profiles import compiled, profile

EVERY = [(name, values) for name in CATALOG.names() for values in choices(CATALOG.get(name))]


@pytest.fixture(scope="module")
def estate(tmp_path_factory) -> Estate:
    return Estate(tmp_path_factory.mktemp("estate"))


def template_of(estate: Estate, name: str, values: str) -> CertificateTemplate:
    policy, family = CATALOG.get(name), estate.family(name)
    issuer = None if is_root(name) else (family.root if policy.is_ca else family.issuing)
    return compile_template(policy, VALUES[values](policy), issuer=issuer and issuer.facts(), now=NOW)


@pytest.mark.parametrize(("name", "values"), EVERY)
def test_a_certificate_has_the_content_of_its_template(estate, name, values):
    template, certificate = template_of(estate, name, values), estate.issue(name, values).certificate

    assert of_certificate(certificate, template.signature) == of_template(template)


def test_a_certificate_reads_as_its_profile_is_written(estate):
    content = of_template(template_of(estate, "rsa-pss/tls-server", "everything"))

    assert (content.algorithm, content.lifetime, content.is_ca) == ("rsa-4096", timedelta(days=365), False)
    assert content.fields == {
        "subject": "CN=www.example.com,OU=Example,O=Example,L=Example,ST=Example,C=FR",
        "signature": "rsassa-pss with sha256",
        "basicConstraints": ["critical", "not a CA"],
        "keyUsage": ["critical", "digitalSignature"],
        "extKeyUsage": ["serverAuth"],
        "subjectAltName": ["DNS:www.example.com", "DNS:example.com", "IP:192.0.2.7", "IP:2001:db8::7"],
        "crlDistributionPoints": ["http://pki.example.com/file"],
        "authorityInfoAccess": ["OCSP: http://pki.example.com/file", "CA Issuers: http://pki.example.com/file"],
    }


def test_a_ca_reads_as_its_profile_is_written(estate):
    content = of_template(template_of(estate, "ec/issuing-ca", "fewest"))

    assert content.is_ca
    assert content.fields["basicConstraints"] == ["critical", "CA", "path length 0"]
    assert content.fields["keyUsage"] == ["critical", "keyCertSign", "cRLSign"]


def test_how_it_was_signed_is_content_only_as_far_as_the_profile_says(estate):
    certificate = estate.issue("rsa-pss/tls-server", "fewest").certificate

    assert "signature" not in of_certificate(certificate).fields
    assert of_certificate(certificate, SchemeChoice(kind="pkcs1v15")).fields["signature"] == "rsassa-pss"
    assert of_certificate(certificate, SchemeChoice(digest="sha512")).fields["signature"] == "sha256"


class TestExtensions:
    def test_those_of_a_ca_say_what_they_allow(self):
        fields = of_template(
            compiled(
                profile(
                    """
                    subject: {cn: CA}
                    extensions:
                      basicConstraints: {critical: true, ca: true}
                      keyUsage: {values: [keyCertSign]}
                      nameConstraints:
                        permitted: {dns: [example.com]}
                        excluded: {ip: [10.0.0.0/8]}
                      certificatePolicies:
                        policies:
                          - {oid: 1.2.3, cps: "https://example.com/cps", userNotice: "read it"}
                          - {oid: 1.2.4}
                      qcStatements: {qcCompliance: true}
                      custom:
                        - {oid: 1.2.3.4, critical: true, value_hex: "0500"}
                        - {oid: 1.3.6.1.5.5.7.1.24, value_hex: "3003020105"}
                    """
                )
            )
        ).fields

        assert fields["basicConstraints"] == ["critical", "CA"]
        assert fields["nameConstraints"] == ["critical", "permitted DNS:example.com", "excluded IP:10.0.0.0/8"]
        assert fields["certificatePolicies"] == ['1.2.3 (https://example.com/cps, "read it")', "1.2.4"]
        assert fields["qcStatements"] == ["compliance"]
        assert fields["1.2.3.4"] == ["critical", "DER 0500"]
        assert fields["1.3.6.1.5.5.7.1.24"] == ["DER 3003020105"]

    @pytest.mark.parametrize(
        ("point", "expected"),
        [
            (
                x509.DistributionPoint(
                    [x509.UniformResourceIdentifier("http://a/"), x509.UniformResourceIdentifier("ldap://b/")],
                    None,
                    None,
                    None,
                ),
                ["http://a/", "ldap://b/"],
            ),
            (
                x509.DistributionPoint(
                    [x509.DNSName("a")],
                    None,
                    frozenset({x509.ReasonFlags.superseded, x509.ReasonFlags.key_compromise}),
                    [x509.DNSName("other")],
                ),
                ["DNS:a for keyCompromise, superseded by DNS:other"],
            ),
            (
                x509.DistributionPoint(
                    None,
                    x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "crl1")]),
                    None,
                    None,
                ),
                ["CN=crl1"],
            ),
            (
                x509.DistributionPoint(None, None, None, [x509.DNSName("other")]),
                ["at its issuer by DNS:other"],
            ),
        ],
    )
    def test_all_that_a_distribution_point_of_others_says_is_told(self, estate, point, expected):
        assert said(estate, x509.CRLDistributionPoints([point])) == {"crlDistributionPoints": expected}

    def test_places_of_other_kinds_are_told_with_their_kind(self, estate):
        access = x509.AccessDescription(x509.ObjectIdentifier("1.2.3"), x509.DNSName("a"))

        assert said(estate, x509.AuthorityInformationAccess([access])) == {"authorityInfoAccess": ["1.2.3: DNS:a"]}

    def test_what_cannot_be_read_is_shown_as_it_stands(self, estate):
        broken = x509.UnrecognizedExtension(qcstatements.OID, b"\x05\x00")

        assert said(estate, broken) == {"qcStatements": ["DER 0500"]}

    def test_other_string_types_than_usual_are_content(self, estate):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a", StringType.PrintableString)])

        assert said(estate, subject=name) == {"subjectEncoding": ["CN=a as printable"]}


def said(estate: Estate, *values: x509.ExtensionType, subject: x509.Name | None = None) -> dict:
    """Return what a template with these extensions says beyond one without."""
    plain = replace(template_of(estate, "ec/tls-server", "fewest"), extensions=())
    extensions = tuple(x509.Extension(value.oid, critical=False, value=value) for value in values)
    changed = replace(plain, extensions=extensions, subject=subject or plain.subject)
    fields = of_template(changed).fields
    return {name: value for name, value in fields.items() if name != "subject"}
