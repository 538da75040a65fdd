"""The extensions block becomes X.509 extensions, in a fixed order, without empty ones, and told where it cannot."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from pki.profiles.extensions import build_extensions
from pki.profiles.usages import KEY_USAGES
from tests.support.profiles import NOW, load_problems

URI = x509.UniformResourceIdentifier


def built(block: dict[str, Any], common_name: str | None = None, *, empty_subject: bool = False) -> Any:
    extensions, problems = build_extensions(block, common_name=common_name, empty_subject=empty_subject)
    assert problems == []
    return [(extension.critical, extension.value) for extension in extensions]


def refused(block: dict[str, Any], common_name: str | None = None) -> list[str]:
    _, problems = build_extensions(block, common_name=common_name, empty_subject=False)
    return [problem.message for problem in problems]


def key_usage(*asserted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in asserted for name in KEY_USAGES.values()})


@pytest.mark.parametrize(
    ("block", "critical", "value"),
    [
        ({"basicConstraints": {"ca": False}}, True, x509.BasicConstraints(ca=False, path_length=None)),
        ({"basicConstraints": {"ca": True, "pathLen": 0}}, True, x509.BasicConstraints(ca=True, path_length=0)),
        (
            {"basicConstraints": {"ca": False, "critical": False}},
            False,
            x509.BasicConstraints(ca=False, path_length=None),
        ),
        ({"keyUsage": {"values": ["keyCertSign", "cRLSign"]}}, True, key_usage("key_cert_sign", "crl_sign")),
        ({"keyUsage": {"values": ["contentCommitment"]}}, True, key_usage("content_commitment")),
        ({"keyUsage": {"values": ["keyAgreement", "encipherOnly"]}}, True, key_usage("key_agreement", "encipher_only")),
        (
            {"extKeyUsage": {"values": ["serverAuth", "1.3.6.1.4.1.32473.1", "any", "serverAuth"]}},
            False,
            x509.ExtendedKeyUsage(
                [
                    ExtendedKeyUsageOID.SERVER_AUTH,
                    x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"),
                    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
                ]
            ),
        ),
        (
            {"crlDistributionPoints": {"urls": ["http://a.example/1", "http://b.example/2"]}},
            False,
            x509.CRLDistributionPoints(
                [x509.DistributionPoint([URI("http://a.example/1"), URI("http://b.example/2")], None, None, None)]
            ),
        ),
        (
            {"authorityInfoAccess": {"caIssuers": "http://a.example/", "ocsp": ["http://b.example/"]}},
            False,
            x509.AuthorityInformationAccess(
                [
                    x509.AccessDescription(AuthorityInformationAccessOID.OCSP, URI("http://b.example/")),
                    x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, URI("http://a.example/")),
                ]
            ),
        ),
        (
            {
                "certificatePolicies": {
                    "policies": [{"oid": "1.2.3", "cps": "http://a.example/", "userNotice": "Hi"}, {"oid": "1.2.4"}]
                }
            },
            False,
            x509.CertificatePolicies(
                [
                    x509.PolicyInformation(
                        x509.ObjectIdentifier("1.2.3"), ["http://a.example/", x509.UserNotice(None, "Hi")]
                    ),
                    x509.PolicyInformation(x509.ObjectIdentifier("1.2.4"), None),
                ]
            ),
        ),
        (
            {
                "nameConstraints": {
                    "permitted": {"dns": "Example.com", "email": [".a.example", "b.example", "me@B.example"]},
                    "excluded": {"ip": ["10.0.0.0/8", "2001:db8::/32"]},
                }
            },
            True,
            x509.NameConstraints(
                [x509.DNSName("example.com"), *map(x509.RFC822Name, (".a.example", "b.example", "me@b.example"))],
                [x509.IPAddress(ipaddress.ip_network(net)) for net in ("10.0.0.0/8", "2001:db8::/32")],
            ),
        ),
        ({"ocspNoCheck": {}}, False, x509.OCSPNoCheck()),
        (
            {"custom": [{"oid": "1.3.6.1.4.1.32473.1", "critical": True, "value_hex": "05 00"}]},
            True,
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\x05\x00"),
        ),
        (
            {"custom": [{"oid": "1.3.6.1.4.1.32473.1", "value_base64": "BQA="}]},
            False,
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\x05\x00"),
        ),
    ],
)
def test_each_block_becomes_its_extension(block: dict[str, Any], critical: Any, value: x509.ExtensionType) -> None:
    assert [(critical, value)] == built(block)


@pytest.mark.parametrize(
    "block",
    [
        {"extKeyUsage": {"values": []}},
        {"subjectAltName": {"dns": [], "dns_include_cn": True}},
        {"crlDistributionPoints": {}},
        {"authorityInfoAccess": {}},
        {"certificatePolicies": {}},
        {"certificatePolicies": {"policies": [{"cps": "http://a.example/"}]}},
        {"nameConstraints": {"permitted": {}}},
        {"qcStatements": {"qcPDS": [{"language": "en"}], "qcSSCD": False}},
        {"custom": []},
    ],
)
def test_an_extension_without_a_value_is_left_out(block: dict[str, Any]) -> None:
    assert built(block) == []


def san(block: dict[str, Any], common_name: str | None = None) -> list[Any]:
    ((_, value),) = built({"subjectAltName": block}, common_name)
    return [name.value for name in value]


def test_alternative_names_are_normal_and_none_stands_twice() -> None:
    block = {
        "dns": ["WWW.example", "www.Example", "*.bücher.example", "host"],
        "ip": ["10.0.0.1", "2001:DB8:0::1", "2001:db8::1"],
        "email": "Me@Example.com",
        "uri": ["HTTP://Host/x"],
    }

    assert san(block) == [
        "www.example",
        "*.xn--bcher-kva.example",
        "host",
        "Me@example.com",
        ipaddress.ip_address("10.0.0.1"),
        ipaddress.ip_address("2001:db8::1"),
        "http://host/x",
    ]


@pytest.mark.parametrize(
    ("common_name", "expected"),
    [
        ("WWW.example", ["www.example", "b.example"]),
        ("b.example", ["b.example"]),
        ("10.0.0.1", ["b.example", ipaddress.ip_address("10.0.0.1")]),
        (None, ["b.example"]),
    ],
)
def test_the_common_name_comes_first_among_its_kind(common_name: str | None, expected: list[Any]) -> None:
    assert expected == san({"dns": ["b.example"], "dns_include_cn": True}, common_name)


def test_a_common_name_that_is_no_host_name_cannot_be_included() -> None:
    (message,) = refused({"subjectAltName": {"dns_include_cn": True}}, "My Server")

    assert message.startswith("`extensions.subjectAltName.dns_include_cn`: 'My Server' is not a DNS name")


@pytest.mark.parametrize("empty", [True, False])
def test_alternative_names_are_critical_when_there_is_no_subject(empty: Any) -> None:
    ((critical, _),) = built({"subjectAltName": {"dns": "a.example"}}, empty_subject=empty)

    assert critical is empty


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"basicConstraints": {"ca": True, "pathLen": "1"}}, "basicConstraints.pathLen`: it must be a whole number"),
        ({"basicConstraints": {"ca": True, "pathLen": -1}}, "basicConstraints.pathLen`: it must be a whole number"),
        ({"basicConstraints": {"ca": True, "pathLen": True}}, "basicConstraints.pathLen`: it must be a whole number"),
        ({"extKeyUsage": {"values": ["1.40"]}}, "extKeyUsage.values[0]`: '1.40' is not an object identifier"),
        ({"subjectAltName": {"ip": ["10.0.0.256"]}}, "subjectAltName.ip[0]`: '10.0.0.256' is not an IP address"),
        ({"subjectAltName": {"email": "x"}}, "subjectAltName.email`: 'x' is not an e-mail address"),
        ({"crlDistributionPoints": {"urls": ["/x"]}}, "crlDistributionPoints.urls[0]`: '/x' is not an absolute URI"),
        ({"authorityInfoAccess": {"ocsp": ["x"]}}, "authorityInfoAccess.ocsp[0]`: 'x' is not an absolute URI"),
        (
            {"certificatePolicies": {"policies": [{"oid": "1.2.3"}, {"oid": "1.2.3"}]}},
            "policies`: a policy stands in it once",
        ),
        (
            {"certificatePolicies": {"policies": [{"oid": "1.2.3", "cps": "x"}]}},
            "policies[0].cps`: 'x' is not an absolute URI",
        ),
        (
            {"certificatePolicies": {"policies": [{"oid": "1.2.3", "userNotice": "x" * 201}]}},
            "a notice has at most 200 characters",
        ),
        (
            {"nameConstraints": {"permitted": {"dns": [".a.example"]}}},
            "permitted.dns[0]`: write 'a.example': it covers",
        ),
        ({"nameConstraints": {"excluded": {"ip": ["10.0.0.1/8"]}}}, "excluded.ip[0]`: 10.0.0.1/8 has host bits set"),
        (
            {"nameConstraints": {"excluded": {"email": ["@a.example"]}}},
            "excluded.email[0]`: '@a.example' is not an e-mail",
        ),
        ({"qcStatements": {"qcSSCD": "true"}}, "qcStatements.qcSSCD`: it must be true or false, not 'true'"),
        ({"qcStatements": {"qcRetentionPeriod": "x"}}, "qcStatements.qcRetentionPeriod`: it must be a whole number"),
        (
            {"qcStatements": {"qcPDS": [{"url": "http://a.example/", "language": "eng"}]}},
            "qcPDS[0].language`: a language is two letters",
        ),
        ({"custom": [{"oid": "2.5.29.15", "value_hex": "0500"}]}, "custom[0]`: 2.5.29.15 is not a custom extension"),
        ({"custom": [{"oid": "2.5.29.35", "value_hex": "0500"}]}, "custom[0]`: 2.5.29.35 is not a custom extension"),
        ({"custom": [{"oid": "1.2.3", "value_hex": "0500"}] * 2}, "custom[1]`: 1.2.3 is given twice"),
        ({"custom": [{"oid": "1.2.3"}]}, "custom[0]`: it needs either `value_hex` or `value_base64`"),
        ({"custom": [{"oid": "1.2.3", "value_hex": "0500", "value_base64": "BQA="}]}, "custom[0]`: it needs either"),
        ({"custom": [{"oid": "1.2.3", "value_hex": "xyz"}]}, "custom[0].value_hex`: non-hexadecimal"),
        ({"custom": [{"oid": "1.2.3", "value_base64": "!!"}]}, "custom[0].value_base64`: "),
        ({"custom": [{"oid": "1.2.3", "value_hex": "050000"}]}, "custom[0].value_hex`: it is not one DER value"),
        ({"custom": [{"oid": "1.2", "value_hex": "0505"}]}, "custom[0].value_hex`: it is not one DER value"),
    ],
)
def test_what_cannot_stand_in_an_extension_is_told_with_its_path(block: dict[str, Any], reason: str) -> None:
    (message,) = refused(block)

    assert reason in message


def test_every_bad_entry_is_told() -> None:
    assert len(refused({"subjectAltName": {"dns": ["a_b", "ok.example", "c_d"], "ip": ["x"], "uri": ["y"]}})) == 4


def test_problems_of_fixed_entries_keep_their_line_among_variables() -> None:
    body = """
      extensions:
        subjectAltName:
          dns:
            - "{{ name }}"
            - a_b
      subject: {cn: x}
      variables: {name: {type: dns_names}}
    """
    ((code, line, message),) = load_problems(body)

    assert (code, line) == ("profile.value", 6)
    assert message.startswith("`extensions.subjectAltName.dns[1]`")


def test_extensions_come_in_one_order_whatever_the_file_says() -> None:
    block = {
        "custom": [{"oid": "1.2.3", "value_hex": "0500"}],
        "ocspNoCheck": {},
        "subjectAltName": {"dns": "a.example"},
        "keyUsage": {"values": ["digitalSignature"]},
        "basicConstraints": {"ca": False},
    }

    assert [type(value).__name__ for _, value in built(block)] == [
        "BasicConstraints",
        "KeyUsage",
        "SubjectAlternativeName",
        "OCSPNoCheck",
        "UnrecognizedExtension",
    ]


def test_the_extensions_can_be_encoded() -> None:
    block = {
        "nameConstraints": {"permitted": {"dns": ["a.example"]}, "excluded": {"ip": ["::/0"]}},
        "certificatePolicies": {"policies": [{"oid": "1.2.3", "cps": "http://a.example/", "userNotice": "é"}]},
        "qcStatements": {
            "qcCompliance": True,
            "qcType": "web",
            "qcPDS": [{"url": "https://a.example/", "language": "EN"}],
        },
        "crlDistributionPoints": {"urls": "http://a.example/"},
    }
    extensions, _ = build_extensions(block, common_name=None, empty_subject=False)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 1, NOW, NOW)
    for extension in extensions:
        builder = builder.add_extension(extension.value, extension.critical)

    assert [found.value for found in builder.sign(key, hashes.SHA256()).extensions] == [
        extension.value for extension in extensions
    ]
