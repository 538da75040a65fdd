"""Profiles come from directories of the workspace and from its manifests."""

from __future__ import annotations

from pathlib import Path

from pki.profiles.catalog import Catalog
from reconciler import manifest
from tests.support.manifests import ca, codes, document, load, refused, settings, workspace

OWN = "algorithm: ecdsa-p256\nvalidity: 30d\nvariables: {who: {type: string}}\nsubject: {cn: '{{ who }}'}\n"
USER = document("Credential", "x", "issuer: root\nprofile: acme/web\nvariables: {who: x}")


def test_a_profile_can_stand_in_a_manifest(tmp_path: Path) -> None:
    found = load(tmp_path, ca(), document("Profile", "acme/web", OWN), USER)
    got = found.catalog.get("acme/web")

    assert (got.name, got.source, got.validity) == ("acme/web", "pki/all.yaml", "30d")
    assert found.profile_digests["acme/web"] == got.digest
    assert "subject: {cn: '{{ who }}'}" in found.catalog.text("acme/web")


def test_it_has_the_digest_that_a_file_of_it_has(tmp_path: Path) -> None:
    in_manifest = load(tmp_path / "a", ca(), document("Profile", "acme/web", OWN), USER)
    in_file = load(tmp_path / "b", ca(), USER, profiles__acme__web_dot_yaml=OWN)

    assert in_manifest.profile_digests == in_file.profile_digests


def test_sources_are_relative_to_the_workspace(tmp_path: Path) -> None:
    found = load(tmp_path, ca(), USER, profiles__acme__web_dot_yaml=OWN)

    assert found.catalog.get("acme/web").source == "profiles/acme/web.yaml"


def test_the_last_directory_wins(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        settings("profiles: [one, two]"),
        ca(),
        USER,
        one__acme__web_dot_yaml=OWN,
        two__acme__web_dot_yaml=OWN.replace("30d", "31d"),
    )

    assert found.catalog.get("acme/web").validity == "31d"


def test_a_manifest_over_a_builtin_is_said_to_override_it(tmp_path: Path) -> None:
    found = load(tmp_path, document("Profile", "ec/email", OWN))

    assert found.overridden == ("ec/email",)
    assert Catalog().is_builtin("ec/email")


def test_one_name_in_a_manifest_and_a_file_is_refused(tmp_path: Path) -> None:
    profile = document("Profile", "acme/web", OWN)
    (found,) = refused(tmp_path, ca(), profile, profiles__acme__web_dot_yaml=OWN)

    assert (found.code, found.message) == (
        "manifest.duplicate", "profile `acme/web` is in profiles/acme/web.yaml too",
    )  # fmt: skip


def test_what_is_wrong_with_a_profile_is_told_once_where_it_is(tmp_path: Path) -> None:
    wrong = OWN.replace("{{ who }}", "{{ woh }}")
    in_file = refused(tmp_path / "a", ca(), USER, USER.replace("x}", "y}", 1), profiles__acme__web_dot_yaml=wrong)
    in_manifest = refused(tmp_path / "b", ca(), document("Profile", "acme/web", wrong), USER)

    assert ("profiles/acme/web.yaml:4:15", "profile.unknown-variable") in codes(in_file)
    assert ("pki/all.yaml:16:17", "profile.unknown-variable") in codes(in_manifest)
    assert len(in_manifest) == 2


def test_a_schema_problem_of_a_profile_in_a_manifest_has_its_place(tmp_path: Path) -> None:
    found = refused(tmp_path, document("Profile", "acme/web", OWN.replace("validity", "validty")))

    assert codes(found) == [("pki/all.yaml:6:3", "schema.missing-key"), ("pki/all.yaml:7:3", "schema.unknown-key")]


def test_a_profile_that_nothing_uses_is_checked_when_everything_is(tmp_path: Path) -> None:
    root = workspace(tmp_path, ca(), profiles__acme__web_dot_yaml="algorithm: none\n")

    assert "acme/web" not in manifest.load(root).profile_digests
    assert {finding.where.source for finding in refused(root, ca(), thorough=True) if finding.where} == {
        "profiles/acme/web.yaml"
    }


def test_a_link_out_of_a_profile_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(OWN)
    root = workspace(tmp_path / "ws", ca())
    (root / "profiles").mkdir()
    (root / "profiles" / "x.yaml").symlink_to(tmp_path / "outside.yaml")

    assert codes(refused(root, ca())) == [("profiles/x.yaml", "path.outside")]
