"""Names hold what the standards let them hold, in one form, and show as people and OpenSSL write them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from pki import names
from pki.names import ATTRIBUTES, display, distinguished_name, fields, name_attribute, openssl_oneline

A63 = "a" * 63


@pytest.mark.parametrize(
    ("given", "options", "expected"),
    [
        ("WWW.Example.COM", {}, "www.example.com"),
        ("bücher.example", {}, "xn--bcher-kva.example"),
        ("BÜCHER.example", {}, "xn--bcher-kva.example"),
        ("straße.example", {}, "xn--strae-oqa.example"),
        ("XN--bcher-KVA.example", {}, "xn--bcher-kva.example"),
        ("*.Example.com", {"wildcard": True}, "*.example.com"),
        ("*.bücher.example", {"wildcard": True}, "*.xn--bcher-kva.example"),
        ("localhost", {"single_label": True}, "localhost"),
        ("1.example", {}, "1.example"),
        (f"{A63}.{A63}.{A63}.{'a' * 61}", {}, f"{A63}.{A63}.{A63}.{'a' * 61}"),
    ],
)
def test_a_dns_name_has_one_normal_form(given: str, options: dict[str, bool], expected: str) -> None:
    assert expected == names.dns_name(given, **options)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "empty label"),
        ("a..example", "empty label"),
        (".example.com", "empty label"),
        ("www.example.com.", "empty label"),
        ("localhost", "too few labels for a DNS name"),
        ("*.com", "too few labels for a wildcard"),
        ("*", "not letters"),
        ("w*.example.com", "not letters"),
        ("www.*.example.com", "not letters"),
        ("a_b.example.com", "not letters"),
        ("-a.example.com", "not letters"),
        ("a b.example.com", "not letters"),
        ("a\0.example.com", "not letters"),
        ("10.0.0.1", "last label is a number"),
        ("xn--a.example.com", "not a valid A-label"),
        ("ab--c.example.com", "not a valid A-label"),
        ("xn--bcher-kva-.example", "not letters"),
        (f"a{A63}.example.com", "more than 63 characters"),
        (f"{A63}.{A63}.{A63}.{'a' * 62}", "at most 253 characters"),
        ("é" * 70 + ".example", "too long"),
        ("\u202e.example.com", "not a DNS name"),
    ],
)
def test_what_is_not_a_dns_name_is_refused(given: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){reason}"):
        names.dns_name(given, wildcard=True)


def test_a_wildcard_is_refused_where_none_is_allowed() -> None:
    with pytest.raises(ValueError, match="is a wildcard, which is not allowed here"):
        names.dns_name("*.example.com")


def test_a_wildcard_counts_in_the_length() -> None:
    host = f"{A63}.{A63}.{A63}.{'a' * 61}"

    assert len(host) == 253
    with pytest.raises(ValueError, match="at most 253"):
        names.dns_name(f"*.{host}", wildcard=True)


@pytest.mark.parametrize(
    ("check", "given", "expected"),
    [
        (names.email, "Alice.O'Hara+x@Example.COM", "Alice.O'Hara+x@example.com"),
        (names.email, "a@bücher.example", "a@xn--bcher-kva.example"),
        (names.ip, "192.0.2.7", "192.0.2.7"),
        (names.ip, "2001:DB8:0:0::7", "2001:db8::7"),
        (names.host_name, "2001:DB8:0::7", "2001:db8::7"),
        (names.host_name, "LDAP", "ldap"),
        (names.uri, "HTTP://Example.COM/Path?Q#f", "http://example.com/Path?Q#f"),
        (names.uri, "http://example.com:8080", "http://example.com:8080"),
        (names.uri, "http://[2001:DB8::7]:80/", "http://[2001:db8::7]:80/"),
        (names.uri, "ldap:///cn=ca,o=x?certificateRevocationList", "ldap:///cn=ca,o=x?certificateRevocationList"),
        (names.uri, "urn:uuid:F81D4FAE", "urn:uuid:F81D4FAE"),
        (names.uri, "spiffe://Trust.Domain/a/B", "spiffe://trust.domain/a/B"),
        (names.uri, "http://host/a?", "http://host/a?"),
    ],
)
def test_other_names_have_one_normal_form(check: Callable[[str], str], given: str, expected: str) -> None:
    assert expected == check(given)


@pytest.mark.parametrize(
    ("check", "given"),
    [
        (names.email, "alice"),
        (names.email, "@example.com"),
        (names.email, "alice@"),
        (names.email, "alice@localhost"),
        (names.email, "alice@[192.0.2.7]"),
        (names.email, "a..b@example.com"),
        (names.email, "a b@example.com"),
        (names.email, '"a b"@example.com'),
        (names.email, "é@example.com"),
        (names.email, "a\0@example.com"),
        (names.email, "a" * 65 + "@example.com"),
        (names.email, "a@b@example.com\n"),
        (names.ip, "192.0.2"),
        (names.ip, "192.0.2.007"),
        (names.ip, "192.0.2.0/24"),
        (names.ip, "fe80::1%eth0"),
        (names.ip, ""),
        (names.host_name, "a_b"),
        (names.uri, "/path"),
        (names.uri, "example.com/path"),
        (names.uri, "http:"),
        (names.uri, "http:///path"),
        (names.uri, "http://a b/"),
        (names.uri, "http://é.example/"),
        (names.uri, "http://a_b/"),
        (names.uri, "http://host:99999/"),
        (names.uri, "http://[::1/"),
        (names.uri, "http://user:s3cret@host/"),
        (names.uri, "http://host/\n"),
        (names.oid, "1"),
        (names.oid, "3.1"),
        (names.oid, "1.40"),
        (names.oid, "1.2.03"),
        (names.oid, "1.2."),
        (names.oid, "1.2.a"),
        (names.oid, "1.2." + "9" * 60),
    ],
)
def test_what_is_not_such_a_name_is_refused(check: Callable[[str], object], given: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        check(given)


def test_a_password_in_a_uri_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="names no user") as caught:
        names.uri("http://user:s3cret@host/")

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("given", ["1.2.840.113549.1.9.1", "2.5.29.15", "2.999.1", "0.4.0.1862.1.1", "1.39.0"])
def test_an_object_identifier_is_read(given: str) -> None:
    assert given == names.oid(given).dotted_string


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "empty"),
        ("a\0b", "U\\+0000"),
        ("a\nb", "U\\+000A"),
        ("a\x7fb", "U\\+007F"),
        ("a\u202eb", "U\\+202E"),
        ("a\u2028b", "U\\+2028"),
        (" a", "white space"),
        ("a\u00a0", "white space"),
    ],
)
def test_text_that_nobody_can_read_is_refused(given: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        names.plain_text(given)


@pytest.mark.parametrize(
    ("name", "value", "encoding", "reason"),
    [
        ("org", "x", None, "unknown subject attribute `org`"),
        ("cn", "x" * 65, None, "at most 64 characters"),
        ("cn", "a\0b", None, "control character"),
        ("c", "fr", None, "two capital letters"),
        ("c", "FRA", None, "at most 2"),
        ("serialNumber", "a_b", None, "PrintableString"),
        ("cn", "é", "printable", "PrintableString"),
        ("email", "é@example.com", None, "IA5String"),
        ("cn", "x", "bmp", "unknown encoding `bmp`"),
        ("c", "FR", "utf8", "always encoded as printable"),
    ],
)
def test_an_attribute_that_the_standard_does_not_have_is_refused(
    name: str, value: str, encoding: str | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        name_attribute(name, value, encoding)


def test_string_types_are_those_of_the_standard_or_as_asked() -> None:
    given = [("c", "FR", None), ("o", "x", None), ("ou", "y", "printable"), ("email", "a@b.c", None)]

    assert distinguished_name(given).public_bytes() == bytes.fromhex(
        "303b"
        "310b3009 0603550406 13024652"  # PrintableString
        "310a3008 060355040a 0c0178"  # UTF8String
        "310a3008 060355040b 130179"  # PrintableString
        "31143012 06092a864886f70d010901 16056140622e63"  # IA5String
    )


def test_the_order_of_a_name_does_not_depend_on_the_order_of_its_fields() -> None:
    given = [("cn", "www", None), ("ou", "b", None), ("c", "FR", None), ("ou", "a", None), ("o", "Example", None)]

    assert fields(distinguished_name(given)) == (
        ("c", "FR"),
        ("o", "Example"),
        ("ou", "b"),
        ("ou", "a"),
        ("cn", "www"),
    )
    assert len(list(distinguished_name(given).rdns)) == 5


def test_every_attribute_is_told_by_its_short_name() -> None:
    values = {name: "FR" if name == "c" else "1" for name in ATTRIBUTES}

    assert dict(fields(distinguished_name((name, value, None) for name, value in values.items()))) == values


def test_unknown_attributes_show_by_their_numbers_and_bytes_as_hex() -> None:
    unknown = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")
    unique = x509.NameAttribute(x509.NameOID.X500_UNIQUE_IDENTIFIER, b"\x01\xff", x509.name._ASN1Type.BitString)
    name = x509.Name([x509.NameAttribute(unknown, "x"), unique])

    assert fields(name) == (("1.3.6.1.4.1.32473.1", "x"), ("2.5.4.45", "01ff"))
    assert openssl_oneline(name) == "/1.3.6.1.4.1.32473.1=x/2.5.4.45=01ff"


def test_a_name_shows_with_the_narrowest_first() -> None:
    name = distinguished_name(
        [("c", "FR", None), ("o", "Ex, Inc.", None), ("cn", "a+b", None), ("email", "a@b.c", None)]
    )

    assert display(name) == r"emailAddress=a@b.c,CN=a\+b,O=Ex\, Inc.,C=FR"


NAMES = [
    [("c", "FR", None), ("o", "Example", None), ("cn", "www.example.com", None)],
    [("o", "a/b+c, d\\e", None), ("cn", 'quo"te', None), ("email", "a@b.c", None)],
    [("o", "Société Générale", None), ("cn", "名前", None), ("ou", "=x", None)],
    [(name, "FR" if name == "c" else "1", None) for name in ATTRIBUTES],
]


@pytest.mark.interop
@pytest.mark.parametrize("given", NAMES)
def test_the_one_line_form_is_what_openssl_writes(tmp_path: Path, given: list[tuple[str, str, str | None]]) -> None:
    name = distinguished_name(given)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime(2026, 11, 23, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now)
    (tmp_path / "c.der").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))
    command = ["openssl", "x509", "-inform", "der", "-in", str(tmp_path / "c.der"), "-noout", "-subject"]

    done = subprocess.run([*command, "-nameopt", "compat"], capture_output=True, text=True, check=True)

    assert done.stdout == f"subject={openssl_oneline(name)}\n"
