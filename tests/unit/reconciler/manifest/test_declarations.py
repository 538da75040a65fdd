"""Which files are read, and what a document must be to be a resource."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.manifests import ROOT_FILE, ca, codes, credential, load, refusal, refused, settings, workspace


def test_resources_stand_in_the_root_file_and_in_what_it_includes(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        settings('include: ["pki/*.yaml", more.yaml]'),
        ca(),
        qpki_dot_yaml=ROOT_FILE + credential("first"),
        pki__more_dot_yaml=credential("second"),
    )

    assert list(found.cas) == ["root"]
    assert list(found.credentials) == ["first", "second"]


def test_by_default_all_yaml_files_below_pki_are_included(tmp_path: Path) -> None:
    found = load(tmp_path, ca(), pki__a__b__c_dot_yaml=credential(), other_dot_yaml="no: resource")

    assert (list(found.cas), list(found.credentials)) == (["root"], ["web"])


def test_hidden_files_the_state_and_profiles_are_not_taken_for_manifests(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        settings('include: ["**/*.yaml"]\nstate: kept'),
        ca(),
        kept__x_dot_yaml="no resource",
        profiles__mine_dot_yaml="algorithm: ecdsa-p256\nvalidity: 1d\nsubject: {cn: x}\n",
        _dot_hidden_dot_yaml="no resource",
        pki___dot_git__x_dot_yaml="no resource",
    )

    assert list(found.cas) == ["root"]


def test_a_file_that_two_patterns_match_is_read_once(tmp_path: Path) -> None:
    found = load(tmp_path, settings('include: ["pki/*.yaml", "./pki/all.yaml", "pki/all.yaml"]'), ca())

    assert list(found.cas) == ["root"]


def test_a_pattern_that_matches_nothing_is_a_warning_where_it_was_given(tmp_path: Path) -> None:
    given = load(tmp_path, settings('include: ["pki/*.yaml", "none/*.yaml"]'), ca())
    (tmp_path / "empty").mkdir()

    assert codes(list(given.warnings)) == [("qpki.yaml:6:27", "workspace.include-empty")]
    assert load(tmp_path / "empty").warnings == ()


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, settings("include: [pki/al.yaml]"), ca())

    assert (found.code, found.hint) == ("path.missing", "did you mean `pki/all.yaml`?")


def test_a_file_that_only_its_suffix_keeps_out_is_a_warning(tmp_path: Path) -> None:
    found = load(tmp_path, ca(), pki__more_dot_yml=credential())

    assert codes(list(found.warnings)) == [("pki/more.yml", "workspace.not-included")]
    assert found.warnings[0].hint == "call it more.yaml, or include it"


def test_a_file_of_another_suffix_that_is_included_or_hidden_is_no_warning(tmp_path: Path) -> None:
    more = {"pki__more_dot_yml": credential(), "pki___dot_more_dot_yml": "hidden"}

    assert load(tmp_path, settings("include: [pki/*.yaml, pki/*.yml]"), ca(), **more).warnings == ()


@pytest.mark.parametrize("pattern", ["../*.yaml", "/etc/*.yaml", "pki/../../x.yaml"])
def test_no_pattern_leads_out(tmp_path: Path, pattern: str) -> None:
    found = refused(tmp_path, settings(f'include: ["{pattern}"]'))

    assert codes(found) == [("qpki.yaml:6:13", "path.outside")]


def test_a_pattern_that_is_none_is_refused(tmp_path: Path) -> None:
    found = refused(tmp_path, settings('include: ["pki/**x.yaml", "pki/*.yaml"]'), ca("Root"))

    assert codes(found) == [("pki/all.yaml:4:18", "schema.pattern"), ("qpki.yaml:6:13", "workspace.include-pattern")]


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("top: secret")
    root = workspace(tmp_path / "ws")
    (root / "pki" / "link.yaml").symlink_to(tmp_path / "secret.yaml")

    assert [code for _, code in codes(refused(root))] == ["path.outside"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a list\n", ("pki/all.yaml:1:1", "manifest.not-a-resource")),
        ("apiVersion: qpki.io/v1\n", ("pki/all.yaml:1:1", "manifest.unknown-kind")),
        ("kind: 5\n", ("pki/all.yaml:1:7", "manifest.unknown-kind")),
        ("kind: [Key]\n", ("pki/all.yaml:1:7", "manifest.unknown-kind")),
        ("a: [1\n", ("pki/all.yaml:2:1", "yaml.syntax")),
        ("kind: !!str Key\n", ("pki/all.yaml:1:7", "yaml.tag")),
    ],
)
def test_what_is_no_resource_is_refused(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    assert codes(refused(tmp_path, text)) == [expected]


def test_a_misspelt_kind_comes_with_a_suggestion(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, "kind: Certificateauthority\n")

    assert (found.message, found.hint) == (
        "there is no kind 'Certificateauthority'",
        "did you mean `CertificateAuthority`?",
    )


def test_another_version_is_refused(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, ca().replace("qpki.io/v1", "qpki.io/v2"))

    assert found.message == '`apiVersion` must be qpki.io/v1, not "qpki.io/v2"'


def test_empty_documents_and_files_of_comments_are_nothing(tmp_path: Path) -> None:
    found = load(tmp_path, "---\n---\n", ca(), "---\n# end\n", pki__empty_dot_yaml="# later\n")

    assert list(found.cas) == ["root"]


def test_the_root_file_needs_a_workspace(tmp_path: Path) -> None:
    assert codes(refused(tmp_path, qpki_dot_yaml=ca())) == [("qpki.yaml:1:1", "workspace.missing")]


def test_there_is_one_workspace(tmp_path: Path) -> None:
    found = refused(tmp_path, "---\n", ROOT_FILE, qpki_dot_yaml=f"{ROOT_FILE}---\n{ROOT_FILE}")

    assert codes(found) == [("pki/all.yaml:2:1", "workspace.several"), ("qpki.yaml:5:1", "workspace.several")]


def test_a_file_that_cannot_be_read_hides_nothing_in_others(tmp_path: Path) -> None:
    root = workspace(tmp_path, ca("Root"))
    (root / "pki" / "b.yaml").write_bytes(b"\xff")
    (root / "pki" / "c.yaml").write_text("a: [")

    assert [code for _, code in codes(refused(root, ca("Root")))] == [
        "schema.pattern",
        "document.unreadable",
        "yaml.syntax",
    ]


def test_a_broken_root_file_hides_nothing_in_the_default_includes(tmp_path: Path) -> None:
    found = refused(tmp_path, ca("Root"), qpki_dot_yaml="a: [\n")

    assert [finding.code for finding in found] == ["schema.pattern", "yaml.syntax"]


def test_a_workspace_beside_a_broken_root_file_is_not_the_workspace(tmp_path: Path) -> None:
    found = refused(tmp_path, "---\n", ROOT_FILE, qpki_dot_yaml="a: [\n")

    assert [finding.code for finding in found] == ["workspace.several", "yaml.syntax"]


@pytest.mark.parametrize("spec", ["spec: []", "spec: {include: 5, profiles: 5, state: 5}", "spec: {include: [5]}"])
def test_an_invalid_workspace_includes_what_can_be_read_of_it(tmp_path: Path, spec: str) -> None:
    found = refused(tmp_path, ca("Root"), qpki_dot_yaml=f"{ROOT_FILE}{spec}\n")

    assert {finding.where.source for finding in found if finding.where} == {"qpki.yaml", "pki/all.yaml"}


def test_an_invalid_workspace_hides_nothing_in_what_it_includes(tmp_path: Path) -> None:
    found = refused(tmp_path, settings("include: [more.yaml]\nhorizn: 1d"), more_dot_yaml=ca("Root"))

    assert codes(found) == [("more.yaml:4:18", "schema.pattern"), ("qpki.yaml:7:3", "schema.unknown-key")]


def test_a_name_that_an_unreadable_text_may_declare_is_not_called_unknown(tmp_path: Path) -> None:
    broken = ca("lost").replace("profile:", "profile: [")
    found = refused(tmp_path, credential(issuer="lost"), credential("b", issuer="los"), pki__broken_dot_yaml=broken)

    assert [finding.code for finding in found] == ["ca.unknown", "yaml.syntax"]
    assert "`los`" in found[0].message


def test_a_name_in_a_file_of_another_encoding_is_not_called_unknown(tmp_path: Path) -> None:
    root = workspace(tmp_path, credential(issuer="lost"))
    (root / "pki" / "lost.yaml").write_bytes(ca("lost", "profile: ec/root-ca # né").encode("latin-1"))

    assert codes(list(refusal(root).findings)) == [("pki/lost.yaml", "document.unreadable")]


def test_a_workspace_in_a_file_of_another_encoding_is_not_called_missing(tmp_path: Path) -> None:
    root = workspace(tmp_path, ca())
    (root / "qpki.yaml").write_bytes(f"# né\n{ROOT_FILE}".encode("latin-1"))

    assert codes(list(refusal(root).findings)) == [("qpki.yaml", "document.unreadable")]


def test_an_invalid_resource_has_its_name_all_the_same(tmp_path: Path) -> None:
    found = refused(tmp_path, ca("root", "profile: ec/root-ca\nisuer: x"), credential())

    assert [finding.code for finding in found] == ["schema.unknown-key"]


def test_references_of_an_invalid_resource_are_checked_all_the_same(tmp_path: Path) -> None:
    spec = """
        wrong: key
        issuer: nobody
        profiles: [ec/tls-server, ec/tls-serverr]
        keys: [{hsm: none.yaml}, {resource: nokey}]
    """
    found = refused(tmp_path, credential().replace("spec:", f"spec:\n{spec}").split("  issuer: root")[0])

    assert sorted(finding.code for finding in found) == [
        "ca.unknown", "key.unknown", "path.missing", "profile.unknown", "schema.unknown-key",
    ]  # fmt: skip
