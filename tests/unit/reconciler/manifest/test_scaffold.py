"""A new workspace is valid as it is, has every file, and is written over nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from pki.errors import AlreadyExistsError
from reconciler import manifest
from reconciler.kinds.workspace import WorkspaceSpec
from reconciler.manifest.scaffold import make_workspace, workspace_files


def test_a_new_workspace_is_valid_and_has_two_cas_and_a_credential(tmp_path: Path) -> None:
    written = make_workspace(tmp_path / "new")
    found = manifest.load(tmp_path / "new", thorough=True)

    assert sorted(written) == sorted(
        path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*") if path.is_file()
    )
    assert (list(found.cas), list(found.credentials)) == (["root", "issuing"], ["web"])
    assert found.warnings == ()
    assert found.workspace == WorkspaceSpec("new", found.workspace.where)  # it says that it shows the defaults


@pytest.mark.parametrize(
    ("directory", "name"),
    [("My PKI_2", "my-pki-2"), ("x" * 80, "x" * 63), ("----", "pki"), ("Übung", "bung"), ("a" * 62 + "-b", "a" * 62)],
)
def test_the_workspace_has_the_name_of_its_directory_as_far_as_it_can(directory: str, name: str) -> None:
    assert f"  name: {name}\n".encode() in workspace_files(directory)["qpki.yaml"]


def test_what_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    """A reader who removes the marks gets what the comment promises."""
    make_workspace(tmp_path)
    file = tmp_path / "pki" / "credentials.yaml"
    text = file.read_text()
    file.write_text(re.sub(r"^# ", "", text[text.index("# ---") :], flags=re.MULTILINE))
    (tmp_path / "devices.csv").write_text("name\nsensor-1\n")

    assert list(manifest.load(tmp_path, thorough=True).credentials) == ["device-sensor-1"]


def test_nothing_is_written_over_a_file(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")

    with pytest.raises(AlreadyExistsError, match=r"has \.gitignore already"):
        make_workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".gitignore"]
    assert (tmp_path / ".gitignore").read_text() == "mine"


def test_git_keeps_private_keys_out_and_state_as_it_is(tmp_path: Path) -> None:
    make_workspace(tmp_path)

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.stdout

    git("init", "--quiet")
    kept = ["state/ca/root/ca.meta.json", "state/ca/root/index.txt", "state/key/k/key.meta.json", "hsm/x.yaml"]
    ignored = ["state/ca/root/private/ca.key", "state/credential/web/private/key.pem", "state/.lock", "plan.json"]
    assert git("check-ignore", *kept, *ignored).split() == ignored
    attributes = git("check-attr", "merge", "text", "diff", "--", "state/ca/a/index.txt", "state/audit.jsonl", "x.crl")
    assert attributes.splitlines() == [
        "state/ca/a/index.txt: merge: union",
        "state/ca/a/index.txt: text: unset",
        "state/ca/a/index.txt: diff: unspecified",
        "state/audit.jsonl: merge: union",
        "state/audit.jsonl: text: unset",
        "state/audit.jsonl: diff: unspecified",
        "x.crl: merge: unset",
        "x.crl: text: unset",
        "x.crl: diff: unset",
    ]
