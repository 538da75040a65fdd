"""`moved`, `removed` and `import` are held against what is declared, and against each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.manifests import ca, codes, credential, document, load, refused, settings

HSM = "type: pkcs11\npkcs11: {lib: /x.so, token: T}\n"
DECLARED = (ca(), credential(), document("Key", "k", "algorithm: ecdsa-p256\nhsm: hsm/x.yaml"))


@pytest.mark.parametrize(
    "spec",
    [
        "moved: [{from: credential/a, to: credential/b}, {from: credential/b, to: credential/web}]",
        "removed: [{address: key/old, action: forget}, {address: credential/old, action: revoke}]",
        "import: [{to: credential/web, from: old}, {to: key/k, hsm: hsm/x.yaml, label: l}]",
    ],
)
def test_what_fits_is_taken(tmp_path: Path, spec: str) -> None:
    assert load(tmp_path, settings(spec), *DECLARED, hsm__x_dot_yaml=HSM).warnings == ()


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("moved: [{from: ca/a, to: credential/web}]", "moved.kind"),
        ("moved: [{from: ca/root, to: ca/root}]", "moved.same"),
        ("moved: [{from: credential/a, to: credential/b}]", "moved.undeclared"),
        ("moved: [{from: credential/web, to: credential/web2}]", "moved.declared"),
        ("moved: [{from: ca/a, to: ca/root}, {from: ca/a, to: ca/root}]", "moved.twice"),
        ("moved: [{from: ca/a, to: ca/root}, {from: ca/b, to: ca/root}]", "moved.twice"),
        ("removed: [{address: ca/root, action: forget}]", "removed.declared"),
        ("removed: [{address: ca/x, action: forget}, {address: ca/x, action: revoke}]", "removed.twice"),
        ("removed: [{address: key/x, action: revoke}]", "removed.key"),
        ("moved: [{from: ca/a, to: ca/root}]\nremoved: [{address: ca/a, action: forget}]", "removed.moved"),
        ("import: [{to: ca/x, from: old}]", "import.undeclared"),
        ("import: [{to: key/k, from: old}]", "import.kind"),
        ("import: [{to: ca/root, hsm: hsm/x.yaml, label: l}]", "import.kind"),
        ("import: [{to: ca/root, from: state/ca/old}]", "import.from-state"),
        ("import: [{to: key/k, hsm: hsm/y.yaml, label: l}]", "import.elsewhere"),
        ("import: [{to: ca/root, from: ../old}]", "path.outside"),
        ("import: [{to: ca/root, from: old}, {to: ca/root, from: older}]", "import.twice"),
    ],
)
def test_what_contradicts_is_refused(tmp_path: Path, spec: str, code: str) -> None:
    found = refused(tmp_path, settings(spec), *DECLARED, hsm__x_dot_yaml=HSM)

    assert code in [finding.code for finding in found]
    assert all(finding.hint for finding in found)


def test_a_finding_points_to_the_entry(tmp_path: Path) -> None:
    spec = "removed:\n  - {address: ca/x, action: forget}\n  - {address: ca/root, action: forget}"

    assert codes(refused(tmp_path, settings(spec), ca())) == [("qpki.yaml:8:7", "removed.declared")]


def test_a_member_of_a_fleet_cannot_be_removed_and_declared(tmp_path: Path) -> None:
    template = "{issuer: root, profile: ec/tls-client, variables: {cn: x}}"
    fleet = document("CredentialSet", "dev", f"template: {template}\nmembers: [{{name: a}}]")
    found = refused(tmp_path, settings("removed: [{address: credential/dev-a, action: forget}]"), ca(), fleet)

    assert [finding.code for finding in found] == ["removed.declared"]


def test_what_is_imported_is_part_of_the_digest(tmp_path: Path) -> None:
    def digest(name: str, **files: str) -> str:
        return load(tmp_path / name, settings("import: [{to: ca/root, from: old}]"), ca(), **files).digest

    files = {"old__ca_dot_meta_dot_json": "{}", "old__ca_dot_crt": "a certificate", "old__index_dot_txt": "V"}

    first = digest("first", **files)
    assert first == digest("again", **files, old__private__x="a key")
    assert first not in {digest(name, **{**files, name: "another"}) for name in files}
    assert first != digest("gone")


def test_a_key_on_a_token_whose_config_is_not_there_is_not_called_a_file(tmp_path: Path) -> None:
    key = document("Key", "k", "algorithm: ecdsa-p256\nhsm: ./hsm/y.yaml")
    found = refused(tmp_path, settings("import: [{to: key/k, hsm: hsm/y.yaml, label: l}]"), key)

    assert [finding.code for finding in found] == ["path.missing"]


def test_an_import_of_a_key_that_is_declared_as_a_file_is_refused(tmp_path: Path) -> None:
    key = document("Key", "k", "algorithm: ecdsa-p256")
    spec = "import: [{to: key/k, hsm: hsm/x.yaml, label: l}]"
    (found,) = refused(tmp_path, settings(spec), key, hsm__x_dot_yaml=HSM)

    assert found.message == "key/k is declared to be in a file, not on hsm/x.yaml"
