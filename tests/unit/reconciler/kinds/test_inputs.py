"""What decides a certificate or CRL, as one digest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.kinds.authority import CrlSpec, DistributionPointSpec, UrlsSpec
from reconciler.kinds.inputs import certificate_inputs, crl_inputs, resolve_distribution_point, resolve_urls

URLS = UrlsSpec(crl=("http://x/{{ generation }}.crl",), ca_issuers=("http://x/{{generation}}.cer",), ocsp=("http://o",))
GIVEN = {"profiles": ("a", "b"), "digests": {"a": "1", "b": "2", "c": "3"}, "variables": {"cn": "x"}, "urls": URLS}
SPEC = CrlSpec(timedelta(days=7), timedelta(days=3), DistributionPointSpec(("http://x/{{ generation }}.crl",)))


def test_urls_have_the_number_of_their_generation():
    assert resolve_urls(URLS, 2) == UrlsSpec(("http://x/2.crl",), ("http://x/2.cer",), ("http://o",))


def test_so_has_a_distribution_point_if_there_is_one():
    assert resolve_distribution_point(SPEC, 3) == DistributionPointSpec(("http://x/3.crl",))
    assert resolve_distribution_point(replace(SPEC, distribution_point=None), 3) is None


@pytest.mark.parametrize(
    "change",
    [
        {"profiles": ("b", "a")},
        {"profiles": ("a",)},
        {"digests": {"a": "1", "b": "9"}},
        {"variables": {"cn": "y"}},
        {"variables": {"cn": "x", "ou": "y"}},
        {"urls": None},
        {"urls": UrlsSpec()},
        {"urls": replace(URLS, ocsp=())},
        {"csr_sha256": "f" * 64},
    ],
)
def test_whatever_decides_a_certificate_changes_its_digest(change):
    assert certificate_inputs(**{**GIVEN, **change}) != certificate_inputs(**GIVEN)


@pytest.mark.parametrize(
    "change",
    [
        {"digests": {"b": "2", "a": "1"}},
        {"profiles": ["a", "b"]},
        {"variables": dict(reversed({"cn": "x"}.items()))},
        {"csr_sha256": None},
    ],
)
def test_nothing_else_does(change):
    assert certificate_inputs(**{**GIVEN, **change}) == certificate_inputs(**GIVEN)


def test_lists_and_tuples_are_the_same_and_the_order_of_variables_does_not_matter():
    one = certificate_inputs(("a",), {"a": "1"}, {"x": ["1"], "y": True}, None)

    assert certificate_inputs(("a",), {"a": "1"}, {"y": True, "x": ("1",)}, None) == one


def test_the_digest_does_not_change_from_release_to_release():
    """Another one would compile, and compare, every certificate of every fleet once."""
    text = '[[["a","1"]],[["u"],[],[]]][null,{"cn":"é"}]'

    found = certificate_inputs(("a",), {"a": "1"}, {"cn": "é"}, UrlsSpec(crl=("u",)), None)

    assert found == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [{"validity": timedelta(days=8)}, {"keep_expired": True}, {"distribution_point": None},
     {"distribution_point": DistributionPointSpec(("http://x/{{ generation }}.crl",), "user-certs")}],
)  # fmt: skip
def test_whatever_decides_a_crl_changes_its_digest(change):
    assert crl_inputs(replace(SPEC, **change), 1) != crl_inputs(SPEC, 1)


def test_so_does_its_generation_where_a_url_has_its_number():
    assert crl_inputs(SPEC, 2) != crl_inputs(SPEC, 1)


def test_when_a_crl_is_replaced_is_not_in_it():
    assert crl_inputs(replace(SPEC, refresh_before=timedelta(days=1)), 1) == crl_inputs(SPEC, 1)
