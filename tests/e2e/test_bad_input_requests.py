"""Requests and names that must not become certificates: one clear error, and the CA is as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.process import Site

ISSUE = "cert issue --ca-dir ca --profile ./server.yaml --csr"

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def csr(*dns: str, cn: str = "www.example.com", key: Key | None = None) -> bytes:
    """Return a DER request for any names; pyca writes what OpenSSL's command refuses to."""
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in dns or ("www.example.com",)])
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)]))
        .add_extension(names, critical=False)
    )
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.DER)


def with_bad_signature() -> bytes:
    request = bytearray(csr())
    request[-1] ^= 1
    return bytes(request)


def for_another_name() -> bytes:
    return csr().replace(b"www.example.com", b"www.example.org")


def broken_base64() -> bytes:
    return b"-----BEGIN CERTIFICATE REQUEST-----\n!!!!\n-----END CERTIFICATE REQUEST-----\n"


def private_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def asked(shared: Site) -> Callable[[bytes], Path]:
    """Put a request into the site."""

    def put(request: bytes) -> Path:
        path = shared / "asked.csr"
        path.write_bytes(request)
        return path

    return put


@pytest.mark.parametrize(
    ("request_of", "says"),
    [
        pytest.param(with_bad_signature, "the request's own signature does not hold", id="a bad signature"),
        pytest.param(for_another_name, "the request's own signature does not hold", id="changed after signing"),
        pytest.param(lambda: b"", "not a certificate request", id="an empty file"),
        pytest.param(lambda: b"hello\n", "not a certificate request", id="a text"),
        pytest.param(lambda: csr()[:100], "not a certificate request", id="a request cut short"),
        pytest.param(lambda: csr() + b"\0", "not a certificate request", id="bytes after the request"),
        pytest.param(broken_base64, "not a certificate request", id="broken base64"),
        pytest.param(private_key, "the PEM holds PRIVATE KEY", id="a private key"),
        pytest.param(lambda: csr() + bytes(65536), "is larger than 65536 bytes", id="a huge file"),
        pytest.param(lambda: csr(*map("{}.example.com".format, range(5000))), "is larger than", id="a huge request"),
        pytest.param(
            lambda: csr(key=rsa.generate_private_key(65537, 1024)), "RSA with 1024 bits is not supported", id="RSA-1024"
        ),
        pytest.param(
            lambda: csr(key=rsa.generate_private_key(65537, 2048)),
            "the CSR's key is rsa-2048, but profile server asks for ecdsa-p256",
            id="a key of another type than the profile's",
        ),
        pytest.param(
            lambda: csr(key=ec.generate_private_key(ec.SECP384R1())),
            "the CSR's key is ecdsa-p384, but profile server asks for ecdsa-p256",
            id="a key of another size than the profile's",
        ),
        pytest.param(
            lambda: csr(key=ec.generate_private_key(ec.SECP256K1())), "is not supported", id="a curve we do not know"
        ),
    ],
)
def test_a_request_that_is_not_acceptable_is_refused_by_its_file(shared, asked, request_of, says):
    file = asked(request_of())

    refused = shared.refused(f"{ISSUE} {file.name}", here=True)

    assert says in refused.error
    assert file.name in refused.error
    assert refused.hint


def test_a_certificate_is_not_a_request(shared):
    refused = shared.refused(f"{ISSUE} www.crt", here=True)

    assert "the PEM holds CERTIFICATE, not CERTIFICATE REQUEST" in refused.error
    assert "www.crt" in refused.error


def test_a_certificate_in_der_is_not_a_request(shared):
    (shared / "www.der").write_bytes(
        x509.load_pem_x509_certificate((shared / "www.crt").read_bytes()).public_bytes(Encoding.DER)
    )

    assert "not a certificate request" in shared.refused(f"{ISSUE} www.der", here=True).error


@pytest.mark.parametrize(
    ("names", "says"),
    [
        pytest.param({"cn": "www\0.example.com"}, "control character U+0000", id="NUL in the common name"),
        pytest.param({"cn": "www\n.example.com"}, "control character U+000A", id="a line break in the common name"),
        pytest.param({"cn": "www\x1b[2J.example.com"}, "control character U+001B", id="an escape sequence"),
        pytest.param({"cn": "www\u202e.example.com"}, "control character U+202E", id="text turned around"),
        pytest.param(
            {"cn": "www.example.org"}, "does not end in .example.com", id="a common name outside the suffixes"
        ),
        pytest.param({"cn": "wwwexample.com"}, "does not end in .example.com", id="a suffix not at a label"),
    ],
)
def test_a_common_name_that_the_profile_refuses_is_refused_from_the_request_too(shared, asked, names, says):
    file = asked(csr(**names))

    assert "`cn`: " in (refused := shared.refused(f"{ISSUE} {file.name}", here=True)).error
    assert says in refused.error


@pytest.mark.parametrize(
    ("dns", "says"),
    [
        pytest.param(["www.example.com", "www.evil.org"], "does not end in .example.com", id="outside the suffixes"),
        pytest.param(["www.example.com\0.evil.org"], "control character U+0000", id="NUL"),
        pytest.param(["*.example.com"], "wildcard", id="a wildcard"),
        pytest.param(["www_1.example.com"], "is not letters, digits and inner hyphens", id="no host name"),
    ],
)
def test_a_dns_name_that_the_profile_refuses_is_refused_from_the_request_too(shared, asked, dns, says):
    file = asked(csr(*dns))

    assert "`dns_names`: " in (refused := shared.refused(f"{ISSUE} {file.name}", here=True)).error
    assert says in refused.error


def test_a_name_that_the_profile_has_no_place_for_is_refused_not_dropped(shared, asked):
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.example.com")])
    )
    names = x509.SubjectAlternativeName([x509.DNSName("www.example.com"), x509.RFC822Name("ceo@example.com")])
    signed = builder.add_extension(names, critical=False).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    file = asked(signed.public_bytes(Encoding.PEM))

    assert "ceo@example.com" in shared.refused(f"{ISSUE} {file.name}", here=True).error


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param(
            "--var dns_names=www.evil.org",
            "'www.evil.org' does not end in .example.com",
            id="a DNS name outside the suffixes",
        ),
        pytest.param(
            "--var dns_names=www.example.com,www.evil.org",
            "'www.evil.org' does not end in",
            id="one of two names outside",
        ),
        pytest.param(
            "--var cn=www.evil.org", "'www.evil.org' does not end in .example.com", id="a common name outside"
        ),
        pytest.param("--var 'cn=www\x07.example.com'", "control character U+0007", id="a bell in the common name"),
        pytest.param("--var 'cn=www\t.example.com'", "control character U+0009", id="a tab in the common name"),
        pytest.param("--var 'cn=www\x7f.example.com'", "control character U+007F", id="DEL in the common name"),
        pytest.param("--var 'cn= www.example.com'", "begins or ends with white space", id="white space around"),
        pytest.param("--var cnn=www.example.com", "has no variable `cnn`", id="a variable that the profile lacks"),
        pytest.param("--var www.example.com", "'www.example.com' is not NAME=VALUE", id="no NAME=VALUE"),
    ],
)
def test_a_variable_that_the_profile_refuses_is_refused(shared, variables, says):
    assert says in shared.refused(f"{ISSUE} www.csr {variables}", here=True).error


@pytest.mark.parametrize("text", [json.dumps({"cn": "www\0.example.com"}), 'cn: "www\\0.example.com"\n'])
def test_a_file_of_variables_brings_no_nul_in(shared, text):
    (shared / "vars.yaml").write_text(text)

    assert "control character U+0000" in shared.refused(f"{ISSUE} www.csr --var-file vars.yaml", here=True).error


def test_what_a_request_says_cannot_steer_the_terminal(shared, asked):
    """Whoever looks at a request before signing it sees what is in it, as text."""
    file = asked(csr(cn="www\x1b]0;owned\x07.example.com"))
    shown = shared.ok(f"csr info {file.name}").stdout + shared.refused(f"{ISSUE} {file.name}", here=True).stderr

    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\\x1b]0" in shown


def test_the_ca_still_issues(shared):
    """After all of the above."""
    assert shared.ok(f"{ISSUE} www.csr").stdout
