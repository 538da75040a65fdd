"""Every name has one normal form, and nothing but a sentence comes out of one that is no name."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from pki import names

LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9]{0,20}[a-zA-Z0-9])?", fullmatch=True).filter(
    lambda label: not label.isdigit()
)
HOSTS = st.lists(LABELS, min_size=2, max_size=4).map(".".join)
CHECKS = [names.dns_name, names.email, names.ip, names.uri, names.host_name, names.oid, names.plain_text]


@given(HOSTS)
def test_a_host_name_is_normal_after_one_pass(host: str) -> None:
    normal = names.dns_name(host)

    assert normal == host.lower() == names.dns_name(normal)


@given(st.ip_addresses())
def test_an_address_stays_the_same_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert ipaddress.ip_address(names.ip(str(address).upper())) == address


@given(HOSTS, st.from_regex(r"[A-Za-z0-9/?#=&.]{0,20}", fullmatch=True))
def test_a_uri_is_normal_after_one_pass(host: str, rest: str) -> None:
    normal = names.uri(f"HTTP://{host}/{rest}")

    assert normal == f"http://{host.lower()}/{rest}" == names.uri(normal)


@pytest.mark.parametrize("check", CHECKS)
@given(text=st.text(max_size=80))
def test_any_text_is_a_name_or_a_value_error(check: Callable[[str], object], text: str) -> None:
    try:
        check(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017  both outcomes are good, a third is not


@given(st.dictionaries(st.sampled_from(["cn", "o", "ou", "l", "st"]), st.text(max_size=64), min_size=1))
def test_a_distinguished_name_holds_what_it_was_given_or_is_refused(given_fields: dict[str, str]) -> None:
    try:
        name = names.distinguished_name((key, value, None) for key, value in given_fields.items())
    except ValueError:
        return

    assert dict(names.fields(name)) == given_fields
    assert x509.Name(list(name)).public_bytes() == name.public_bytes()
    assert names.openssl_oneline(name).isascii()
