"""Every builtin profile makes certificates that other people's linters and verifiers have nothing against.

Each profile is tried with the fewest values that make a certificate, with a value for every variable, and without a
subject where it can be. A new builtin is tried without a word here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pki.algorithms import Family
from pki.profiles.model import Profile
from tests.support import chains, interop
from tests.support.issue import CATALOG, Estate, choices, is_root

pytestmark = pytest.mark.interop

PROFILES = [CATALOG.get(name) for name in CATALOG.names()]
UNDER_A_CA = [profile for profile in PROFILES if not is_root(profile.name)]
CLASSICAL = [profile for profile in PROFILES if profile.algorithm.family is not Family.ML_DSA]
QUALIFIED = [profile for profile in PROFILES if "qcStatements" in profile.extensions]

CRITICAL_PURPOSE = "gen-4.3.10-1.eku_extension_is_critical"
"""ETSI EN 319 412-2 wants no critical extended key usage; RFC 3161 section 2.3 wants it critical for time-stamping."""


def each(profiles: Sequence[Profile]) -> pytest.MarkDecorator:
    pairs = [(profile.name, values) for profile in profiles for values in choices(profile)]
    return pytest.mark.parametrize(("name", "values"), [pytest.param(*pair, id=" ".join(pair)) for pair in pairs])


def purposes(name: str) -> list[str]:
    return CATALOG.get(name).extensions.get("extKeyUsage", {}).get("values", [])


@each(PROFILES)
def test_pkilint_finds_nothing(estate: Estate, name: str, values: str) -> None:
    assert interop.pkilint_certificate(estate.issue(name, values).certificate) == []


@each(UNDER_A_CA)
def test_pkilint_finds_nothing_between_certificate_and_issuer(estate: Estate, name: str, values: str) -> None:
    issue = estate.issue(name, values)

    assert interop.pkilint_pair(issue.above[0], issue.certificate) == []


@each(QUALIFIED)
def test_pkilint_finds_nothing_against_etsi(estate: Estate, name: str, values: str) -> None:
    found = interop.pkilint_etsi(estate.issue(name, values).certificate)

    assert [
        finding for finding in found if not ("timeStamping" in purposes(name) and CRITICAL_PURPOSE in finding)
    ] == []


@each(PROFILES)
def test_zlint_finds_nothing(estate: Estate, tmp_path: Path, name: str, values: str) -> None:
    assert interop.zlint(estate.issue(name, values).certificate, tmp_path) == {}


@each(UNDER_A_CA)
def test_pyhanko_accepts_the_path_until_the_certificate_is_revoked(estate: Estate, name: str, values: str) -> None:
    issue, family = estate.issue(name, values), estate.family(name)

    assert interop.pyhanko_verdict(issue, family.before) == "valid"
    assert interop.pyhanko_verdict(issue, family.after) == "revoked"


@each(CLASSICAL)
def test_openssl_accepts_the_path_until_the_certificate_is_revoked(
    estate: Estate, tmp_path: Path, name: str, values: str
) -> None:
    issue, family = estate.issue(name, values), estate.family(name)

    assert interop.openssl_verdict(issue, family.before, tmp_path) == "valid"
    if issue.above:
        assert interop.openssl_verdict(issue, family.after, tmp_path) == "revoked"


BAD = chains.issue("A CA without key usage and key identifiers", usage=None, key_ids=False).parsed


def test_pkilint_finds_what_is_wrong() -> None:
    """A linter that is wired up wrongly finds nothing either."""
    issuer = chains.issue("Issuer").parsed

    assert "ERROR pkix.certificate_skid_ca_missing" in " ".join(interop.pkilint_certificate(BAD))
    assert "ERROR etsi.en_319_412_3.leg-4.2.1-2.country_attribute_absent" in " ".join(interop.pkilint_etsi(BAD))
    assert "NOTICE pkix.issuer_and_subject_dn_not_binary_equal" in " ".join(interop.pkilint_pair(issuer, BAD))


def test_zlint_finds_what_is_wrong(tmp_path: Path) -> None:
    assert interop.zlint(BAD, tmp_path)["e_ext_subject_key_identifier_missing_ca"] == "error"


def test_the_verifiers_believe_nobody_without_crls(estate: Estate, tmp_path: Path) -> None:
    issue = estate.issue("ec/tls-server", "fewest")

    assert interop.pyhanko_verdict(issue, []) not in {"valid", "revoked"}
    assert "unable to get certificate CRL" in interop.openssl_verdict(issue, [], tmp_path)
