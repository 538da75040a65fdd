"""Policies are rules over addresses and algorithms that there can be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pki.findings import Location
from reconciler.kinds.policy import Effect, PolicySpec, Rule
from tests.support.manifests import codes, document, load, refused


def policy(rule: str, name: str = "house") -> str:
    return document("Policy", name, f"rules:\n  - {rule}")


def test_every_field_of_a_rule_is_read(tmp_path: Path) -> None:
    rule = """{id: all, effect: warn, description: why, match: ["ca/*", "credential/web-?"], algorithms: [ecdsa-*],
     maxValidity: 90d, keyInHsm: true, forbidWildcards: true, requireNameConstraints: true,
     minRsaBits: 3072, minEcBits: 256}"""
    found = load(tmp_path, policy(rule) + "    - {id: few, effect: deny, minEcBits: 384}\n".replace("    ", "    ", 1))

    assert found.policies == (
        PolicySpec(
            "house",
            (
                Rule(
                    id="all",
                    effect=Effect.WARN,
                    where=Location("pki/all.yaml", 7, 7),
                    match=("ca/*", "credential/web-?"),
                    description="why",
                    algorithms=("ecdsa-*",),
                    max_validity=timedelta(days=90),
                    key_in_hsm=True,
                    forbid_wildcards=True,
                    require_name_constraints=True,
                    min_rsa_bits=3072,
                    min_ec_bits=256,
                ),
                Rule(id="few", effect=Effect.DENY, where=Location("pki/all.yaml", 10, 7), min_ec_bits=384),
            ),
            Location("pki/all.yaml", 2, 1),
        ),
    )


@pytest.mark.parametrize("pattern", ["*", "c*", "ca/*", "*/web", "credential/web", "cr?/*", "key/*", "*web"])
def test_a_pattern_that_can_match_is_taken(tmp_path: Path, pattern: str) -> None:
    found = load(tmp_path, policy(f"{{id: a, effect: deny, keyInHsm: true, match: ['{pattern}']}}"))

    assert found.policies[0].rules[0].match == (pattern,)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("{id: a, effect: deny, keyInHsm: true, match: [cas/*]}", "policy.match"),
        ("{id: a, effect: deny, keyInHsm: true, match: [root]}", "policy.match"),
        ("{id: a, effect: deny, keyInHsm: true, match: [ca]}", "policy.match"),
        ("{id: a, effect: deny, keyInHsm: true, match: ['web*']}", "policy.match"),
        ("{id: a, effect: deny, keyInHsm: true, match: []}", "schema.minItems"),
        ("{id: a, effect: deny, algorithms: [ec-*]}", "policy.algorithm"),
        ("{id: a, effect: deny, algorithms: [rsa2048]}", "policy.algorithm"),
        ("{id: a, effect: deny, maxValidity: 0d}", "manifest.value"),
        ("{id: a, effect: deny}", "schema.anyOf"),
        ("{id: a, effect: forbid, keyInHsm: true}", "schema.enum"),
        ("{id: a, effect: deny, keyInHsm: false}", "schema.const"),
        ("{id: A, effect: deny, keyInHsm: true}", "schema.pattern"),
    ],
)
def test_a_rule_that_can_hold_nothing_is_refused(tmp_path: Path, rule: str, code: str) -> None:
    assert [finding.code for finding in refused(tmp_path, policy(rule))] == [code]


def test_a_misspelt_algorithm_comes_with_a_suggestion(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, policy("{id: a, effect: deny, algorithms: [ecdsa-p265]}"))

    assert found.hint == "did you mean `ecdsa-p256`?"


def test_an_id_names_one_rule_of_all_policies(tmp_path: Path) -> None:
    rule = "{id: a, effect: deny, keyInHsm: true}"
    (found,) = refused(tmp_path, policy(rule), policy(rule, "other"))

    assert codes([found]) == [("pki/all.yaml:14:7", "policy.duplicate-id")]
    assert found.message == "two rules have the id a: the first is in pki/all.yaml:7:7"
