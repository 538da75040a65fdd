"""A variable's value is read as its type says, brought to normal form, and held to every constraint."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pki.profiles.model import Constraints, Variable, VariableType, Wildcard
from pki.profiles.variables import MAX_ITEMS, MAX_TEXT, RefusedError, accept, resolve

T = VariableType


def variable(kind: VariableType = T.STRING, **options: Any) -> Variable:
    limits = {key: options.pop(key) for key in list(options) if key in Constraints.__dataclass_fields__}
    return Variable("x", kind, constraints=Constraints(**limits), **options)


def refusal(given: Any, kind: VariableType = T.STRING, **options: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        accept(variable(kind, **options), given)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (T.STRING, "My, Org", "My, Org"),
        (T.STRING, "true", "true"),
        (T.INTEGER, "5", 5),
        (T.INTEGER, "-5", -5),
        (T.INTEGER, 5, 5),
        (T.BOOLEAN, "true", True),
        (T.BOOLEAN, "false", False),
        (T.BOOLEAN, False, False),
        (T.LIST, "a,b , a", ["a", "b"]),
        (T.LIST, ["a, b"], ["a, b"]),
        (T.LIST, ("a",), ["a"]),
        (T.IP_LIST, "192.0.2.1,2001:DB8::0", ["192.0.2.1", "2001:db8::"]),
        (T.DNS_NAME, "WWW.Example.com", "www.example.com"),
        (T.DNS_NAMES, "b.example,A.example,a.Example", ["b.example", "a.example"]),
        (T.EMAIL, "Me@Example.com", "Me@example.com"),
        (T.URI, "HTTP://Host/X", "http://host/X"),
        (T.OID, "1.3.6.1.4.1.32473.1", "1.3.6.1.4.1.32473.1"),
        (T.DURATION, "30d12h", "30d12h"),
    ],
)
def test_text_and_plain_values_are_read_by_the_declared_type(kind: VariableType, given: Any, expected: Any) -> None:
    value = accept(variable(kind), given)

    assert expected == value
    assert type(expected) is type(value)


@pytest.mark.parametrize(
    ("kind", "given", "reason"),
    [
        (T.STRING, 5, "must be text, not 5; quote it"),
        (T.STRING, ["a"], "must be text"),
        (T.STRING, "a\0b", "control character"),
        (T.STRING, "a" * (MAX_TEXT + 1), f"at most {MAX_TEXT} characters"),
        (T.INTEGER, "5.0", "whole number"),
        (T.INTEGER, "9" * 41, "whole number"),
        (T.INTEGER, True, "must be text"),
        (T.BOOLEAN, "yes", "true or false"),
        (T.BOOLEAN, 1, "true or false"),
        (T.LIST, 5, "must be a list"),
        (T.LIST, [5], "must be text"),
        (T.LIST, "a,,b", "empty"),
        (T.LIST, ["a"] * (MAX_ITEMS + 1), f"at most {MAX_ITEMS} items"),
        (T.IP_LIST, "192.0.2.1,host", "'host' is not an IP address"),
        (T.DNS_NAME, "localhost", "too few labels"),
        (T.DNS_NAME, "*.example.com", "wildcard, which is not allowed"),
        (T.DNS_NAMES, "a.example,b_c.example", "'b_c' is not letters"),
        (T.EMAIL, "me", "not an e-mail address"),
        (T.URI, "/x", "not an absolute URI"),
        (T.OID, "1", "not an object identifier"),
        (T.DURATION, "1 day", "not a duration"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: VariableType, given: Any, reason: str) -> None:
    assert reason in refusal(given, kind)


def test_every_bad_item_of_a_list_is_told() -> None:
    with pytest.raises(RefusedError) as caught:
        accept(variable(T.DNS_NAMES), "ok.example,a_b.example,c..example")

    assert len(caught.value.reasons) == 2


@pytest.mark.parametrize(
    ("options", "accepted", "refused"),
    [
        ({"enum": ("red", "green")}, "red", "blue"),
        ({"pattern": "^[A-Z]+$"}, "ABC", "abc"),
        ({"min_length": 2}, "ab", "a"),
        ({"max_length": 2}, "ab", "abc"),
        ({"kind": T.INTEGER, "min": 1}, 1, 0),
        ({"kind": T.INTEGER, "max": 3}, 3, 4),
        ({"kind": T.INTEGER, "enum": (1, 2)}, 2, 3),
        ({"kind": T.DURATION, "min_duration": timedelta(days=1)}, "24h", "23h"),
        ({"kind": T.DURATION, "max_duration": timedelta(days=1)}, "24h", "25h"),
        ({"kind": T.LIST, "min_items": 2}, "a,b", "a"),
        ({"kind": T.LIST, "min_items": 2}, "a,b", "a,a"),
        ({"kind": T.LIST, "max_items": 1}, "a", "a,b"),
        ({"kind": T.LIST, "pattern": "^[a-z]$"}, "a,b", "a,B"),
        ({"kind": T.LIST, "max_length": 1}, "a,b", "a,bc"),
        ({"kind": T.LIST, "enum": ("a", "b")}, "a", "a,c"),
        ({"kind": T.IP_LIST, "allowed_ranges": ("192.0.2.0/24", "2001:db8::/32")}, "192.0.2.1,2001:db8::", "192.0.3.1"),
        ({"kind": T.URI, "allowed_schemes": ("http",)}, "http://a.example/", "https://a.example/"),
        ({"kind": T.URI, "allowed_hosts": ("a.example",)}, "http://A.example/", "http://b.a.example/"),
        ({"kind": T.URI, "allowed_hosts": ("a.example",)}, "http://a.example/", "urn:a:example"),
        ({"kind": T.LIST, "allowed_schemes": ("http",)}, "http://a.example/", "ftp://a.example/"),
        ({"kind": T.LIST, "allowed_hosts": ("a.example",)}, "http://a.example/", "a.example"),
        ({"denied_prefixes": ("internal",)}, "public", "INTERNAL-x"),
        ({"kind": T.DNS_NAME, "allow_single_label": True}, "host", "a_b"),
    ],
)  # fmt: skip
def test_a_constraint_separates_good_values_from_bad_ones(options: dict[str, Any], accepted: Any, refused: Any) -> None:
    accept(variable(**options), accepted)

    refusal(refused, **options)


@pytest.mark.parametrize("kind", [T.DNS_NAME, T.DNS_NAMES, T.EMAIL, T.STRING, T.LIST])
def test_a_suffix_ends_at_a_label_for_every_type(kind: VariableType) -> None:
    """The original took `evilacme.com` for `acme.com` in lists and e-mail addresses."""
    local = "me@" if kind is T.EMAIL else ""

    for good in ("acme.com", "www.acme.com"):
        accept(variable(kind, allowed_suffixes=("acme.com",)), local + good)
    for bad in ("evilacme.com", "acme.com.evil.com", "cme.com", "com.example"):
        assert "does not end in acme.com" in refusal(local + bad, kind, allowed_suffixes=("acme.com",))


def test_a_suffix_with_a_dot_takes_only_what_is_below() -> None:
    accept(variable(T.DNS_NAME, allowed_suffixes=(".acme.com",)), "www.acme.com")

    refusal("acme.com", T.DNS_NAME, allowed_suffixes=(".acme.com",))


def test_a_suffix_with_an_at_sign_takes_only_mailboxes_of_that_host() -> None:
    accept(variable(T.EMAIL, allowed_suffixes=("@acme.com",)), "me@acme.com")

    refusal("me@sub.acme.com", T.EMAIL, allowed_suffixes=("@acme.com",))


def test_a_wildcard_is_held_to_the_suffix_too() -> None:
    free = Wildcard(allowed=True)

    accept(variable(T.DNS_NAME, wildcard=free, allowed_suffixes=("acme.com",)), "*.acme.com")
    refusal("*.evilacme.com", T.DNS_NAME, wildcard=free, allowed_suffixes=("acme.com",))


@pytest.mark.parametrize("name", ["*.co.uk", "*.github.io", "*.xn--55qx5d.cn"])
def test_a_wildcard_over_a_public_suffix_is_refused_where_the_profile_says_so(name: str) -> None:
    accept(variable(T.DNS_NAME, wildcard=Wildcard(allowed=True)), name)

    strict = Wildcard(allowed=True, forbid_public_suffix=True)
    assert "public suffix" in refusal(name, T.DNS_NAME, wildcard=strict)
    accept(variable(T.DNS_NAME, wildcard=strict), "*.example.co.uk")
    accept(variable(T.DNS_NAME, wildcard=strict), "www.co.uk")


def test_an_empty_value_means_not_set_over_a_default_too() -> None:
    declared = {"x": variable(default="d"), "y": variable(T.LIST, default=["d"])}

    assert resolve(declared, {}) == ({"x": "d", "y": ["d"]}, [])
    assert resolve(declared, {"x": "", "y": []}) == ({}, [])


def test_everything_wrong_with_the_values_is_told_at_once() -> None:
    declared = {
        "cn": Variable("cn", T.STRING, required=True, description="Name of the CA"),
        "days": Variable("days", T.INTEGER, max=10),
        "names": Variable("names", T.DNS_NAMES),
    }

    values, findings = resolve(declared, {"days": "11", "names": "a_b.example,ok.example", "name": "x", "zzz": "x"})

    assert values == {}
    assert [(found.code, found.message, found.hint) for found in findings] == [
        ("variable.unknown", "the profile has no variable `name`", "did you mean `names`?"),
        ("variable.unknown", "the profile has no variable `zzz`", "it has: cn, days, names"),
        ("variable.missing", "`cn` is required (Name of the CA)", None),
        ("variable.refused", "`days`: 11 is more than 10", None),
        (
            "variable.refused",
            "`names`: 'a_b.example' is not a DNS name: 'a_b' is not letters, digits and inner hyphens",
            None,
        ),
    ]


def test_a_required_variable_without_a_description_is_missed_by_name() -> None:
    _, (finding,) = resolve({"x": variable(required=True)}, {"x": ""})

    assert finding.message == "`x` is required"
