"""Profiles, variables and times of a resource: what would fail or never come to rest later is told now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.manifests import ca, codes, document, load, refused, settings

PROFILE = """
algorithm: ecdsa-p256
validity: "{{ life }}"
variables:
  life: {type: duration, default: 90d}
  name: {type: string, required: true}
subject: {cn: "{{ name }}"}
extensions: {basicConstraints: {ca: false}}
"""


def test_an_unknown_profile_comes_with_a_suggestion(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, ca("root", "profile: ec/rootca\nvariables: {cn: R}"))

    assert (found.message, found.hint) == ("there is no profile `ec/rootca`", "did you mean `ec/root-ca`?")
    assert codes([found]) == [("pki/all.yaml:6:12", "profile.unknown")]


def test_a_ca_has_the_profile_of_a_ca_and_others_have_not(tmp_path: Path) -> None:
    found = refused(
        tmp_path,
        ca("root", "profile: ec/tls-client\nvariables: {cn: R}"),
        document("Credential", "web", "issuer: root\nprofiles: [ec/tls-client, ec/root-ca]\nvariables: {cn: w}"),
    )

    assert codes(found) == [("pki/all.yaml:6:12", "profile.not-ca"), ("pki/all.yaml:14:29", "profile.is-ca")]


def test_variables_are_held_to_the_profile_where_they_stand(tmp_path: Path) -> None:
    found = refused(
        tmp_path,
        ca("root", "profile: ec/root-ca\nvariables:\n  cn: Root\n  contry: FR\n  country: fr\n  path_length: 11"),
    )

    assert [(str(finding.where), finding.code) for finding in found] == [
        ("pki/all.yaml:9:13", "variable.unknown"),
        ("pki/all.yaml:10:14", "variable.refused"),
        ("pki/all.yaml:11:18", "variable.refused"),
    ]
    assert found[0].hint == "did you mean `country`?"


def test_a_variable_that_is_missing_is_told_at_the_resource(tmp_path: Path) -> None:
    found = refused(tmp_path, ca("root", "profile: ec/root-ca"), ca("b", "profile: ec/root-ca\nvariables: {ou: x}"))

    assert codes(found) == [("pki/all.yaml:6:3", "variable.missing"), ("pki/all.yaml:13:14", "variable.missing")]


def test_a_csr_can_bring_what_is_missing(tmp_path: Path) -> None:
    spec = "issuer: root\nprofile: ec/tls-client\ncsr: web.csr"

    assert load(tmp_path, ca(), document("Credential", "web", spec), web_dot_csr="x").warnings == ()


@pytest.mark.parametrize(
    "web",
    [
        document("Credential", "web", "issuer: root\nprofile: ec/tls-client\ncsr: none.csr"),
        document(
            "CredentialSet",
            "web",
            "template: {issuer: root, profile: ec/tls-client}\nmembers: [{name: a, csr: none.csr}]",
        ),
    ],
)
def test_a_csr_that_is_not_there_is_all_that_is_wrong(tmp_path: Path, web: str) -> None:
    assert [finding.code for finding in refused(tmp_path, ca(), web)] == ["path.missing"]


def test_an_issuer_can_bring_its_addresses_but_a_root_has_none(tmp_path: Path) -> None:
    profile = """
algorithm: ecdsa-p256
validity: 90d
variables: {crl_urls: {type: list, required: true}}
subject: {cn: Fixed}
extensions:
  basicConstraints: {ca: true}
  keyUsage: {values: [keyCertSign, cRLSign]}
  crlDistributionPoints: {urls: "{{ crl_urls }}"}
"""
    below = ca("below", "issuer: root\nprofile: own")
    found = refused(tmp_path, ca(), below, ca("top", "profile: own"), profiles__own_dot_yaml=profile)

    assert codes(found) == [("pki/all.yaml:20:3", "variable.missing")]


def test_a_variable_belongs_to_the_profiles_that_have_it(tmp_path: Path) -> None:
    spec = (
        "issuer: root\nprofiles: [ec/tls-server, ec/tls-client]\nvariables: {cn: a.example.com, NAMES: [a.example.com]}"
    )
    right, wrong = spec.replace("NAMES", "dns_names"), spec.replace("NAMES", "dns_name")

    assert load(tmp_path, ca(), document("Credential", "web", right)).warnings == ()
    assert {each.code for each in refused(tmp_path, ca(), document("Credential", "web", wrong))} == {"variable.unknown"}


def test_a_profile_of_the_workspace_overrides_a_builtin(tmp_path: Path) -> None:
    spec = "issuer: root\nprofile: ec/tls-client\nvariables: {name: x}"
    found = load(tmp_path, ca(), document("Credential", "x", spec), profiles__ec__tls_dash_client_dot_yaml=PROFILE)

    assert found.overridden == ("ec/tls-client",)
    assert set(found.profile_digests) == {"ec/root-ca", "ec/tls-client"}


@pytest.mark.parametrize(
    ("settled", "renewal", "restless"),
    [
        ("horizon: 1d", "", False),
        ("horizon: 59d", "", False),
        ("horizon: 60d", "", True),
        ("horizon: 1d", "renewal: {before: 89d}", True),
        ("horizon: 1d", "renewal: {before: 88d}", False),
        ("horizon: 9d", "renewal: {before: 90%}", True),
        ("horizon: 8d", "renewal: {before: 90%}", False),
    ],
)
def test_a_certificate_that_would_be_renewed_at_every_run_is_refused(
    tmp_path: Path, settled: str, renewal: str, *, restless: bool
) -> None:
    spec = f"issuer: root\nprofile: own\nvariables: {{name: x}}\n{renewal}"
    documents = (settings(f"{settled}\nrenewal: {{before: 30d}}\ncrl: {{validity: 90d}}"), ca())
    web = document("Credential", "x", spec)

    if restless:
        found = refused(tmp_path, *documents, web, profiles__own_dot_yaml=PROFILE)
        assert [finding.code for finding in found] == ["renewal.always-due"]
    else:
        assert load(tmp_path, *documents, web, profiles__own_dot_yaml=PROFILE).warnings == ()


def test_the_lifetime_is_the_one_that_the_variables_give(tmp_path: Path) -> None:
    spec = "issuer: root\nprofile: own\nvariables: {name: x, life: 2h}"
    (found,) = refused(tmp_path, ca(), document("Credential", "x", spec), profiles__own_dot_yaml=PROFILE)

    assert found.message == (
        "a certificate lives for 2h: renewed 40m before its end and planned 1d ahead (`horizon`), it would be renewed"
        " at every run"
    )


@pytest.mark.parametrize("life", ["", "life: soon"])
def test_a_lifetime_that_cannot_be_told_is_left_to_the_plan(tmp_path: Path, life: str) -> None:
    profile = PROFILE.replace("{type: duration, default: 90d}", "{type: string}")
    spec = f"issuer: root\nprofile: own\nvariables: {{name: x, {life}}}"

    assert load(tmp_path, ca(), document("Credential", "x", spec), profiles__own_dot_yaml=profile).warnings == ()


@pytest.mark.parametrize(
    ("crl", "place"),
    [
        ("{validity: 4d}", "pki/all.yaml:8:19"),
        ("{validity: 10d, refreshBefore: 9d}", "pki/all.yaml:8:39"),
        ("{refreshBefore: 6d}", "pki/all.yaml:8:24"),
    ],
)
def test_a_crl_that_would_be_refreshed_at_every_run_is_refused(tmp_path: Path, crl: str, place: str) -> None:
    spec = f"profile: ec/root-ca\nvariables: {{cn: R}}\ncrl: {crl}"

    assert codes(refused(tmp_path, ca("root", spec))) == [(place, "crl.always-due")]


def test_a_crl_that_comes_to_rest_is_taken(tmp_path: Path) -> None:
    spec = "profile: ec/root-ca\nvariables: {cn: R}\ncrl: {validity: 4d1s}"

    assert load(tmp_path, ca("root", spec)).warnings == ()


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ("", False),
        ("generation: 2", True),
        ("key: {rotation: always}", True),
        ("onIssuerRekey: reissue", True),
    ],
)
def test_generations_that_would_share_a_crl_address_are_warned_of(tmp_path: Path, more: str, *, warned: bool) -> None:
    spec = f"profile: ec/root-ca\nvariables: {{cn: R}}\n{more}\ncrl: {{urls: ['http://x.example/a.crl']}}"
    found = load(tmp_path, ca("root", spec))

    assert [finding.code for finding in found.warnings] == (["crl.url-shared"] if warned else [])
    better = spec.replace("a.crl", "{{ generation }}.crl")
    assert load(tmp_path, ca("root", better)).warnings == ()
