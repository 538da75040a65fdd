"""RFC 5280 section 4.2.1.10, form by form."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type as StringType
from cryptography.x509.oid import NameOID

from pki.x509.constraints import violations
from tests.support.x509_objects import name

NOBODY = x509.Name([])


def dns(value: str) -> x509.GeneralName:
    return x509.DNSName(value)


def email(value: str) -> x509.GeneralName:
    return x509.RFC822Name(value)


def uri(value: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(value)


def ip(value: str) -> x509.GeneralName:
    return x509.IPAddress(ip_network(value) if "/" in value else ip_address(value))


def directory(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.GeneralName:
    return x509.DirectoryName(x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes]))


C, O, CN = NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME  # noqa: E741 (as people write names)

WITHIN = [
    (dns, "example.com", "example.com"),
    (dns, "example.com", "a.b.example.com"),
    (dns, "Example.COM", "WWW.example.com"),
    (dns, "example.com", "www.example.com."),
    (dns, "example.com", "*.example.com"),
    (dns, ".example.com", "www.example.com"),
    (dns, "", "anything.example"),
    (email, "me@example.com", "me@EXAMPLE.com"),
    (email, "example.com", "anyone@example.com"),
    (email, ".example.com", "anyone@mail.example.com"),
    (uri, "www.example.com", "https://user@WWW.example.com:8443/path"),
    (uri, ".example.com", "https://a.b.example.com/"),
    (uri, "", "https://anywhere.example/"),
    (ip, "192.0.2.0/24", "192.0.2.255"),
    (ip, "0.0.0.0/0", "198.51.100.1"),
    (ip, "2001:db8::/32", "2001:db8::1"),
]
OUTSIDE = [
    (dns, "example.com", "example.org"),
    (dns, "example.com", "badexample.com"),
    (dns, "www.example.com", "example.com"),
    (dns, ".example.com", "example.com"),
    (email, "me@example.com", "Me@example.com"),
    (email, "me@example.com", "you@example.com"),
    (email, "example.com", "anyone@mail.example.com"),
    (email, ".example.com", "anyone@example.com"),
    (uri, "example.com", "https://www.example.com/"),
    (uri, ".example.com", "https://example.com/"),
    (uri, ".example.com", "https://example.org/.example.com"),
    (ip, "192.0.2.0/24", "192.0.3.0"),
    (ip, "192.0.2.0/24", "2001:db8::1"),
    (ip, "::/0", "192.0.2.1"),
]


def permit(*trees: x509.GeneralName) -> x509.NameConstraints:
    return x509.NameConstraints(trees, None)


def exclude(*trees: x509.GeneralName) -> x509.NameConstraints:
    return x509.NameConstraints(None, trees)


def san(*names: x509.GeneralName) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(names)


@pytest.mark.parametrize(("kind", "tree", "value"), WITHIN)
def test_a_name_within_a_subtree_is_permitted_and_can_be_excluded(kind, tree, value):
    assert not violations(permit(kind(tree)), NOBODY, san(kind(value)))
    assert violations(exclude(kind(tree)), NOBODY, san(kind(value)))


@pytest.mark.parametrize(("kind", "tree", "value"), OUTSIDE)
def test_a_name_outside_a_subtree_is_not_permitted_and_not_excluded(kind, tree, value):
    assert violations(permit(kind(tree)), NOBODY, san(kind(value)))
    assert not violations(exclude(kind(tree)), NOBODY, san(kind(value)))


@pytest.mark.parametrize(
    ("tree", "wildcard", "excluded"),
    [
        ("www.example.com", "*.example.com", True),
        ("example.com", "*.example.com", True),
        ("a.www.example.com", "*.example.com", False),
        ("www.example.com", "*.a.example.com", False),
        ("www.example.org", "*.example.com", False),
    ],
)
def test_a_wildcard_that_stands_for_an_excluded_name_is_excluded(tree, wildcard, excluded):
    """`*` is one label: it reaches the excluded name one label below its parent, no deeper."""
    assert bool(violations(exclude(dns(tree)), NOBODY, san(dns(wildcard)))) is excluded


def test_a_wildcard_is_not_permitted_where_one_of_its_names_is():
    assert violations(permit(dns("www.example.com")), NOBODY, san(dns("*.example.com")))


def test_one_of_several_permitted_subtrees_is_enough():
    constraints = permit(dns("example.com"), dns("example.org"))

    assert not violations(constraints, NOBODY, san(dns("a.example.org"), dns("b.example.com")))


def test_an_exclusion_holds_inside_what_is_permitted():
    constraints = x509.NameConstraints([dns("example.com")], [dns("secret.example.com")])

    assert violations(constraints, NOBODY, san(dns("a.secret.example.com"), dns("www.example.com"))) == [
        "DNS name a.secret.example.com is in the excluded secret.example.com"
    ]


def test_names_of_other_forms_are_not_concerned():
    assert not violations(permit(dns("example.com")), name(), san(ip("192.0.2.1"), email("me@example.org")))


def test_every_violation_is_told():
    constraints = permit(dns("example.com"), dns("example.net"), ip("192.0.2.0/24"))

    assert violations(constraints, NOBODY, san(dns("a.org"), ip("::1"), dns("b.org"))) == [
        "DNS name a.org is outside the permitted example.com, example.net",
        "IP address ::1 is outside the permitted 192.0.2.0/24",
        "DNS name b.org is outside the permitted example.com, example.net",
    ]


@pytest.mark.parametrize(
    "value",
    ["urn:x", "https:///path", "https://192.0.2.1/", "https://[2001:db8::1]/", "https://[broken/"],
)
def test_a_uri_without_a_host_name_is_refused_where_uris_are_constrained(value):
    """The RFC: such a certificate must be rejected."""
    expected = [f"URI {value} cannot be compared with the constraints on its kind"]

    assert violations(permit(uri(".example.com")), NOBODY, san(uri(value))) == expected
    assert violations(exclude(uri(".example.com")), NOBODY, san(uri(value))) == expected


def test_a_name_that_cannot_be_compared_is_refused_where_its_form_is_constrained():
    registered = x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))
    other = x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")

    assert violations(permit(registered), NOBODY, san(registered))
    assert violations(exclude(other), NOBODY, san(other))
    assert violations(permit(email("example.com")), NOBODY, san(email("no-host")))
    assert violations(permit(ip("192.0.2.0/24")), NOBODY, san(ip("192.0.2.0/25")))
    assert not violations(permit(dns("example.com")), NOBODY, san(registered, other))


def test_addresses_in_the_subject_are_held_to_the_constraints_on_addresses():
    subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "me@example.org")])

    assert violations(permit(email("example.com")), subject, None) == [
        "e-mail address me@example.org is outside the permitted example.com"
    ]


TREE = directory((C, "FR"), (O, "Example"))


@pytest.mark.parametrize(
    ("subject", "within"),
    [
        (((C, "FR"), (O, "Example")), True),
        (((C, "FR"), (O, "Example"), (CN, "x")), True),
        (((C, "FR"), (O, "  eXample ")), True),
        (((C, "FR"), (CN, "x"), (O, "Example")), False),
        (((O, "Example"), (C, "FR")), False),
        (((C, "FR"),), False),
        (((C, "FR"), (O, "Example Two")), False),
    ],
)
def test_subjects_are_compared_from_the_root_without_case_or_extra_spaces(subject, within):
    """RFC 5280 section 7.1; in the subject and in the subjectAltName alike."""
    directory_name = directory(*subject)

    assert bool(violations(permit(TREE), directory_name.value, None)) is not within
    assert bool(violations(permit(TREE), NOBODY, san(directory_name))) is not within
    assert bool(violations(exclude(TREE), directory_name.value, None)) is within


def test_string_types_do_not_count_and_bit_strings_are_compared_as_they_are():
    printable = x509.NameAttribute(O, "Example", StringType.PrintableString)
    unique = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01", StringType.BitString)
    tree = x509.DirectoryName(x509.Name([x509.NameAttribute(O, "Example"), unique]))

    assert not violations(permit(tree), x509.Name([printable, unique]), None)


def test_an_empty_subject_is_no_name():
    assert not violations(permit(TREE), NOBODY, None)
