from ipaddress import ip_network

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from reconciler.render.extensions import extension_facts, extension_rows

OID = x509.ObjectIdentifier("1.2.3.4")


def facts_of(*values, critical=False):
    return extension_facts(x509.Extensions([x509.Extension(value.oid, critical, value) for value in values]))


def test_usages_have_the_names_of_the_rfc():
    agreeing = x509.KeyUsage(False, False, False, False, True, False, False, True, False)
    signing = x509.KeyUsage(True, True, False, False, False, True, True, False, False)
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, OID])

    assert facts_of(agreeing)["key_usage"] == ["keyAgreement", "encipherOnly"]
    assert facts_of(signing)["key_usage"] == ["digitalSignature", "nonRepudiation", "keyCertSign", "cRLSign"]
    assert facts_of(purposes)["extended_key_usage"] == ["serverAuth", "1.2.3.4"]


def test_a_cas_constraints_and_policies_are_shown():
    facts = facts_of(
        x509.NameConstraints([x509.DNSName("example.com")], [x509.IPAddress(ip_network("10.0.0.0/8"))]),
        x509.CertificatePolicies([x509.PolicyInformation(OID, None)]),
        x509.BasicConstraints(ca=True, path_length=2),
        critical=True,
    )

    assert (facts["permitted_names"], facts["excluded_names"]) == (["DNS:example.com"], ["IP:10.0.0.0/8"])
    assert facts["policies"] == ["1.2.3.4"]
    assert (facts["ca"], facts["path_length"]) == (True, 2)
    assert dict(extension_rows(facts))["Extensions"] == (
        "nameConstraints (critical), certificatePolicies (critical), basicConstraints (critical)"
    )


def test_places_to_look_are_shown_by_kind():
    access = [(AuthorityInformationAccessOID.OCSP, "http://o"), (AuthorityInformationAccessOID.CA_ISSUERS, "http://i")]
    facts = facts_of(
        x509.CRLDistributionPoints(
            [x509.DistributionPoint([x509.UniformResourceIdentifier("http://c")], None, None, None)]
        ),
        x509.AuthorityInformationAccess(
            [x509.AccessDescription(method, x509.UniformResourceIdentifier(url)) for method, url in access]
        ),
    )

    assert (facts["crl_urls"], facts["ocsp_urls"], facts["ca_issuers_urls"]) == (
        ["http://c"],
        ["http://o"],
        ["http://i"],
    )


def test_an_extension_that_is_not_known_is_listed_by_its_oid():
    facts = facts_of(x509.UnrecognizedExtension(OID, b"\x05\x00"), critical=True)

    assert facts == {"extensions": [{"oid": "1.2.3.4", "name": None, "critical": True}]}
    assert dict(extension_rows(facts))["Extensions"] == "1.2.3.4 (critical)"
