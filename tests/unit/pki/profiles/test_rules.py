"""A profile that breaks a standard does not load, and says which clause it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pki.algorithms import ALGORITHMS, Family, algorithm
from pki.documents import load_yaml
from pki.findings import DocumentError
from pki.profiles import rules
from pki.schemas import Problem
from tests.support.profiles import load_problems, profile

CA = "basicConstraints: {ca: true}, keyUsage: {values: [keyCertSign]}"

BROKEN = {
    "ca-without-cert-sign": ("basicConstraints: {ca: true}", "RFC 5280 section 4.2.1.3"),
    "cert-sign-without-ca": ("keyUsage: {values: [cRLSign, keyCertSign]}", "RFC 5280 section 4.2.1.9"),
    "basic-constraints-not-critical": (
        "basicConstraints: {ca: true, critical: false}, keyUsage: {values: [keyCertSign]}",
        "RFC 5280 section 4.2.1.9",
    ),
    "path-length-without-ca": ("basicConstraints: {ca: false, pathLen: 0}", "RFC 5280 section 4.2.1.9"),
    "name-constraints-without-ca": ("nameConstraints: {permitted: {dns: x.example}}", "RFC 5280 section 4.2.1.10"),
    "name-constraints-not-critical": (
        f"{CA}, nameConstraints: {{critical: false, permitted: {{dns: x.example}}}}",
        "RFC 5280 section 4.2.1.10",
    ),
    "aia-critical": ("authorityInfoAccess: {critical: true, ocsp: 'http://x'}", "RFC 5280 section 4.2.2.1"),
    "time-stamping-not-alone": (
        "extKeyUsage: {critical: true, values: [timeStamping, codeSigning]}",
        "RFC 3161 section 2.3",
    ),
    "time-stamping-not-critical": ("extKeyUsage: {values: [timeStamping]}", "RFC 3161 section 2.3"),
    "no-check-without-ocsp-signing": ("ocspNoCheck: {}", "RFC 6960 section 4.2.2.2.1"),
    "one-way-without-agreement": ("keyUsage: {values: [encipherOnly]}", "RFC 5280 section 4.2.1.3"),
    "server-without-names": ("extKeyUsage: {values: [serverAuth]}", "RFC 9525 section 4.1"),
}


@pytest.mark.parametrize("code", BROKEN)
def test_a_broken_rule_is_told_with_its_clause(code: str) -> None:
    extensions, clause = BROKEN[code]

    with pytest.raises(DocumentError) as caught:
        profile(f"extensions: {{{extensions}}}\n")

    assert [(found.code, found.clause) for found in caught.value.findings] == [(f"profile.{code}", clause)]
    assert caught.value.findings[0].where.line == 3


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_each_rule_is_broken_by_a_case_above(rule: Callable[[Any], Iterator[Problem]]) -> None:
    cases = [load_yaml(f"{{{extensions}}}", "case").data for extensions, _ in BROKEN.values()]

    assert any(list(rule(extensions)) for extensions in cases)


def test_a_missing_key_usage_is_told_at_the_flag_that_asks_for_it() -> None:
    with pytest.raises(DocumentError, match=r"p\.yaml:4:26: a CA has key usage keyCertSign"):
        profile("extensions:\n  basicConstraints: {ca: true}\n")


def test_all_broken_rules_are_told_at_once() -> None:
    body = """
      extensions:
        basicConstraints: {ca: false, pathLen: 1}
        keyUsage: {values: [keyCertSign, keyEncipherment]}
        authorityInfoAccess: {critical: true}
    """

    assert [(code, line) for code, line, _ in load_problems(body)] == [
        ("profile.path-length-without-ca", 3),
        ("profile.cert-sign-without-ca", 4),
        ("profile.usage-of-another-family", 4),
        ("profile.aia-critical", 5),
    ]


SIGNING = {"digitalSignature", "nonRepudiation", "contentCommitment", "keyCertSign", "cRLSign"}
ALLOWED = {
    Family.EC: SIGNING | {"keyAgreement", "encipherOnly", "decipherOnly"},
    Family.RSA: SIGNING | {"keyEncipherment", "dataEncipherment"},
    Family.ED: SIGNING,
    Family.ML_DSA: SIGNING,
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_key_has_only_the_usages_of_its_family(name: str) -> None:
    """RFC 8813 section 3, RFC 3279 section 2.3.1, RFC 9295 section 3, RFC 9881 section 5."""
    key = algorithm(name)
    usages = list(SIGNING | {"keyEncipherment", "dataEncipherment", "keyAgreement", "encipherOnly", "decipherOnly"})
    found = rules.check({"keyUsage": {"values": usages}}, key)
    refused = {usages[problem.path[-1]] for problem in found if problem.code == "profile.usage-of-another-family"}

    assert ALLOWED[key.family] == set(usages) - refused


def test_good_extensions_break_no_rule() -> None:
    good = {
        "basicConstraints": {"ca": True, "pathLen": 0},
        "keyUsage": {"values": ["keyCertSign", "cRLSign"]},
        "nameConstraints": {"permitted": {"dns": ["x.example"]}},
        "authorityInfoAccess": {"ocsp": ["http://x"]},
    }

    assert rules.check(good, algorithm("ecdsa-p384")) == []
    assert rules.check({}, algorithm("ed25519")) == []
