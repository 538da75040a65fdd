"""Of the names that a CSR asks for, a profile takes those that it has a place for, and none by the back door."""

from __future__ import annotations

import pytest

from pki.findings import Severity
from pki.names import display
from pki.profiles.model import RequestedNames
from tests.support.profiles import compile_problems, compiled, names_of, profile

SERVER = profile("""
    subject: {o: Example, ou: "{{ unit }}", cn: "{{ cn }}"}
    extensions:
      subjectAltName:
        dns: ["fixed.example.com", "{{ names }}"]
        ip: "{{ ips }}"
        uri: ["{{ uri }}", "spiffe://example.com/{{ unit }}"]
        dns_include_cn: true
    variables:
      cn: {type: dns_name, constraints: {allowed_suffixes: [example.com]}}
      names: {type: dns_names, constraints: {allowed_suffixes: [example.com]}}
      ips: {type: ip_list}
      uri: {type: uri}
      unit: {type: string, default: web}
""")
PERSON = profile("""
    subject: {cn: "{{ cn }}"}
    extensions: {subjectAltName: {email: ["{{ email }}", "{{ other }}"]}}
    variables: {cn: {type: string}, email: {type: email}, other: {type: email}}
""")


def test_requested_names_fill_the_variables_that_have_their_place() -> None:
    request = RequestedNames(
        subject=(("ou", "Lab"), ("cn", "WWW.example.com")),
        dns=("www.example.com", "B.example.com", "fixed.example.com"),
        ips=("2001:DB8::0",),
        uris=("urn:x:y",),
    )

    template = compiled(SERVER, request)

    assert display(template.subject) == "CN=www.example.com,OU=Lab,O=Example"
    assert names_of(template) == [
        "DNS:www.example.com",
        "DNS:fixed.example.com",
        "DNS:b.example.com",
        "IP:2001:db8::",
        "URI:urn:x:y",
        "URI:spiffe://example.com/Lab",
    ]
    assert template.notices == ()


def test_several_single_places_are_filled_in_order() -> None:
    template = compiled(PERSON, RequestedNames(emails=("a@example.com", "b@example.com")))

    assert names_of(template) == ["email:a@example.com", "email:b@example.com"]


def test_a_name_too_many_has_no_place() -> None:
    request = RequestedNames(emails=("a@example.com", "b@example.com", "c@example.com"))

    assert compile_problems(PERSON, request) == [
        ("request.no-place", "the CSR asks for the e-mail address 'c@example.com', for which the profile has no place")
    ]


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (RequestedNames(emails=("a@example.com",)), "the e-mail address 'a@example.com'"),
        (RequestedNames(other=("a directory name",)), "a directory name"),
        (RequestedNames(uris=("urn:x:y", "urn:z:z")), "the URI 'urn:z:z'"),
    ],
)
def test_an_alternative_name_without_a_place_is_refused(request_: RequestedNames, what: str) -> None:
    assert compile_problems(SERVER, request_, names="a.example.com") == [
        ("request.no-place", f"the CSR asks for {what}, for which the profile has no place")
    ]


def test_a_name_that_the_profile_sets_anyway_is_not_refused() -> None:
    policy = profile("subject: {cn: x}\nextensions: {subjectAltName: {dns: fixed.example.com}}")

    assert names_of(compiled(policy, RequestedNames(dns=("FIXED.example.com",)))) == ["DNS:fixed.example.com"]


@pytest.mark.parametrize(
    "name", ["*.evil.org", "www.evil.org", "evilexample.com", "a_b.example.com", "a\0.example.com"]
)
def test_a_name_that_the_profile_would_refuse_is_refused_from_a_csr_too(name: str) -> None:
    """The original merged a CSR's names after its checks, so that `*.evil.org` passed."""
    ((code, message),) = compile_problems(SERVER, RequestedNames(dns=("www.example.com", name)))

    assert (code, message[:8]) == ("variable.refused", "`names`:")


def test_a_common_name_goes_through_the_same_checks() -> None:
    ((code, _),) = compile_problems(SERVER, RequestedNames(subject=(("cn", "www.evil.org"),)))

    assert code == "variable.refused"


def test_subject_attributes_without_a_place_are_left_out_and_told() -> None:
    request = RequestedNames(subject=(("o", "Evil Corp"), ("title", "King"), ("ou", "a"), ("ou", "b"), ("1.2.3", "x")))

    template = compiled(SERVER, request, names="a.example.com")

    assert display(template.subject) == "OU=a,O=Example"
    assert [(notice.severity, notice.message) for notice in template.notices] == [
        (Severity.NOTICE, f"the CSR's {what} is left out: the profile decides")
        for what in ("o 'Evil Corp'", "title 'King'", "ou 'b'", "1.2.3 'x'")
    ]


def test_a_subject_attribute_that_the_profile_sets_alike_is_not_told() -> None:
    assert compiled(SERVER, RequestedNames(subject=(("o", "Example"),)), names="a.example.com").notices == ()


def test_what_is_given_explicitly_wins_and_what_it_replaces_is_told() -> None:
    request = RequestedNames(subject=(("cn", "old.example.com"),), dns=("old.example.com", "new.example.com"))

    template = compiled(SERVER, request, cn="new.example.com", names="new.example.com")

    assert names_of(template)[:2] == ["DNS:new.example.com", "DNS:fixed.example.com"]
    assert [notice.message for notice in template.notices] == [
        "the CSR's cn 'old.example.com' is left out: the variables given decide",
        "the CSR's DNS name 'old.example.com' is left out: the variables given decide",
    ]


def test_a_variable_that_is_emptied_takes_nothing_from_the_csr() -> None:
    template = compiled(SERVER, RequestedNames(ips=("192.0.2.1",)), names="a.example.com", ips="")

    assert "IP:192.0.2.1" not in names_of(template)
    assert [notice.code for notice in template.notices] == ["request.left-out"]


def test_a_broken_name_that_another_value_replaces_is_told_as_it_stands() -> None:
    template = compiled(SERVER, RequestedNames(ips=("not an address",)), names="a.example.com", ips="192.0.2.1")

    assert "IP address 'not an address'" in template.notices[0].message


def test_a_csr_that_names_nothing_leaves_all_to_the_variables() -> None:
    request = RequestedNames(subject=(("cn", ""),))

    assert names_of(compiled(SERVER, request, cn="a.example.com"))[0] == "DNS:a.example.com"
