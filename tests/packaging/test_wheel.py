from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.checkout import ROOT, pyproject

_NOT_SHIPPED = ("__pycache__", ".pyc")


def _files_below(folder: str) -> set[str]:
    paths = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if not any(part in str(path) for part in _NOT_SHIPPED)}


def _shipped(names: Iterable[str]) -> set[str]:
    return {name for name in names if ".dist-info/" not in name}


def test_the_wheel_holds_both_packages_and_the_schemas_and_nothing_else(wheel: Path) -> None:
    schemas = {name.replace("schemas/", "pki/_schemas/", 1) for name in _files_below("schemas")}

    with zipfile.ZipFile(wheel) as archive:
        shipped = _shipped(archive.namelist())

    assert shipped == _files_below("pki") | _files_below("reconciler") | schemas


def test_the_wheel_holds_what_is_not_code(unpacked: Path) -> None:
    assert (unpacked / "pki/py.typed").is_file()
    assert list((unpacked / "pki/_schemas").glob("*.schema.json"))
    assert (unpacked / "pki/profiles/builtin/ec/root-ca.yaml").is_file()


def test_the_metadata_names_the_command_the_licence_and_the_pythons(unpacked: Path) -> None:
    (info,) = unpacked.glob("*.dist-info")
    metadata = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))

    assert (info / "entry_points.txt").read_text(encoding="utf-8").split() == [
        "[console_scripts]",
        "qpki",
        "=",
        "reconciler.cli.main:main",
    ]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Apache License" in (info / "licenses/LICENSE").read_text(encoding="utf-8")
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Version"] == pyproject()["project"]["version"]


@pytest.mark.slow
def test_a_wheel_built_from_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    def build(target: str, source: Path) -> Path:
        command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", tmp_path / target]
        subprocess.run(command, cwd=source, check=True, capture_output=True)
        (built,) = (tmp_path / target).iterdir()
        return built

    subprocess.run(["tar", "-xzf", build("sdist", ROOT)], cwd=tmp_path, check=True)
    (source,) = tmp_path.glob("qpki_reconciler-*")

    with zipfile.ZipFile(build("wheel", source)) as again, zipfile.ZipFile(wheel) as first:
        assert sorted(again.namelist()) == sorted(first.namelist())
