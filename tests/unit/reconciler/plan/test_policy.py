"""Rules of policies: what each refuses, what each lets pass, and which addresses it is for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pki.findings import Finding, Location, Severity
from reconciler.kinds.policy import Effect, PolicySpec, Rule
from reconciler.model import Address
from reconciler.plan.model import Content
from reconciler.plan.policy import key_violations, rules_for, violations, wildcards

PLACE = Location("pki/policy.yaml", 7, 5)
WEB = Address.parse("credential/web")


def policy(**rule: Any) -> tuple[PolicySpec, ...]:
    given = {"id": "rule", "effect": Effect.DENY, "where": PLACE, **rule}
    return (PolicySpec("baseline", (Rule(**given),), PLACE),)


def content(
    *, algorithm: str = "ecdsa-p256", days: int = 90, is_ca: bool = False, subject: str = "CN=web", **fields: Any
) -> Content:
    return Content({"subject": subject, **fields}, algorithm, timedelta(days=days), is_ca)


def said(policies: tuple[PolicySpec, ...], found: Content, *, in_hsm: bool | None = False) -> list[str]:
    return [finding.message for finding in violations(policies, WEB, found, in_hsm=in_hsm)]


def test_a_finding_names_the_rule_its_place_and_what_it_is_for():
    policies = policy(id="short-lived", max_validity=timedelta(days=90), description="revocation is slow")

    assert violations(policies, WEB, content(days=398), in_hsm=False) == (
        Finding(
            Severity.ERROR,
            "policy.short-lived",
            "credential/web: its certificate is valid for 398d, and at most 90d is allowed",
            PLACE,
            hint="revocation is slow",
        ),
    )


def test_a_rule_that_warns_blocks_nothing():
    (found,) = violations(policy(effect=Effect.WARN, key_in_hsm=True), WEB, content(), in_hsm=False)

    assert found.severity is Severity.WARNING
    assert found.hint is None


@pytest.mark.parametrize(
    ("globs", "expected"),
    [(("*",), True), (("credential/*",), True), (("ca/*", "credential/w?b"), True), (("ca/*",), False), ((), False)],
)
def test_a_rule_is_for_what_matches_one_of_its_globs(globs, expected):
    policies = policy(match=globs, algorithms=("rsa-*",))

    assert expected is bool(rules_for(policies, WEB))
    assert expected is bool(violations(policies, WEB, content(), in_hsm=False))


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ml-dsa-65"])
def test_an_algorithm_that_a_glob_allows_passes(algorithm):
    assert said(policy(algorithms=("ecdsa-*", "ml-dsa-65")), content(algorithm=algorithm)) == []


def test_another_algorithm_is_refused():
    assert said(policy(algorithms=("ecdsa-*", "ml-dsa-*")), content(algorithm="rsa-4096")) == [
        "credential/web: its key is rsa-4096, and only ecdsa-*, ml-dsa-* may be used"
    ]


def test_a_validity_of_just_the_maximum_passes():
    assert said(policy(max_validity=timedelta(days=90)), content(days=90)) == []


@pytest.mark.parametrize(
    ("in_hsm", "expected"),
    [
        (True, []),
        (False, ["credential/web: its key is in a file, and must be in an HSM"]),
        (None, ["credential/web: its key comes with a CSR, and must be in an HSM of ours"]),
    ],
)
def test_a_key_has_to_be_in_an_hsm_and_of_a_csr_nobody_knows(in_hsm, expected):
    assert expected == said(policy(key_in_hsm=True), content(), in_hsm=in_hsm)


@pytest.mark.parametrize(
    ("algorithm", "least", "expected"),
    [
        ("rsa-2048", {"min_rsa_bits": 3072}, ["its key is rsa-2048, of 2048 bits, and at least 3072 are asked for"]),
        ("rsa-3072", {"min_rsa_bits": 3072}, []),
        ("ecdsa-p256", {"min_ec_bits": 384}, ["its key is ecdsa-p256, of 256 bits, and at least 384 are asked for"]),
        ("ed25519", {"min_ec_bits": 384}, ["its key is ed25519, of 256 bits, and at least 384 are asked for"]),
        ("ecdsa-p384", {"min_ec_bits": 384, "min_rsa_bits": 3072}, []),
        ("ml-dsa-44", {"min_ec_bits": 384, "min_rsa_bits": 3072}, []),
        ("of-tomorrow", {"min_ec_bits": 384}, []),
    ],
)
def test_sizes_are_for_keys_of_their_family(algorithm, least, expected):
    assert [f"credential/web: {each}" for each in expected] == said(policy(**least), content(algorithm=algorithm))


def test_wildcards_are_found_in_the_common_name_and_among_the_alternative_names():
    found = content(
        subject="O=Example+CN=*.example.com,C=FR",
        subjectAltName=["critical", "DNS:*.example.com", "DNS:*.example.net", "DNS:www.example.com", "email:*.a@b"],
    )

    assert wildcards(found) == ("*.example.com", "*.example.net")
    assert said(policy(forbid_wildcards=True), found) == [
        "credential/web: its certificate is for *.example.com, *.example.net, and wildcards are forbidden"
    ]


def test_a_star_elsewhere_is_no_wildcard():
    assert wildcards(content(subject="CN=web,O=*.example.com", subjectAltName=["URI:https://*.example.com"])) == ()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            content(is_ca=True),
            ["credential/web: its certificate has no name constraints, and a CA here must have them"],
        ),
        (content(is_ca=True, nameConstraints=["critical", "permitted DNS:example.com"]), []),
        (content(), []),
    ],
)
def test_name_constraints_are_asked_of_cas(found, expected):
    assert expected == said(policy(require_name_constraints=True), found)


def test_every_breach_of_every_rule_is_told():
    policies = (*policy(id="one", algorithms=("rsa-*",), key_in_hsm=True), *policy(id="two", forbid_wildcards=True))
    found = violations(policies, WEB, content(subject="CN=*.example.com"), in_hsm=False)

    assert [each.code for each in found] == ["policy.one", "policy.one", "policy.two"]


def test_a_key_that_stands_alone_is_held_to_what_is_said_of_keys():
    policies = policy(algorithms=("ecdsa-*",), key_in_hsm=True, max_validity=timedelta(days=1), forbid_wildcards=True)
    found = key_violations(policies, Address.parse("key/shared"), "rsa-2048", in_hsm=False)

    assert [each.message for each in found] == [
        "key/shared: its key is rsa-2048, and only ecdsa-* may be used",
        "key/shared: its key is in a file, and must be in an HSM",
    ]
