"""The packages as a user has them: from the wheel, with the checkout out of sight."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT, pyproject

_HEAVY = {"cryptography", "pkcs11", "yaml", "jsonschema", "pqcrypto", "networkx", "deepdiff"}


def _python(code: str, *, first: Path, cwd: Path) -> str:
    """Run code in an isolated interpreter that finds `first` before anything else."""
    prologue = f"import sys; sys.path.insert(0, {str(first)!r})\n"
    command = [sys.executable, "-I", "-c", prologue + code]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture(params=["unpacked", "zipped"])
def installed(request: pytest.FixtureRequest) -> Path:
    """Return what goes on the module path: the unpacked wheel, or the wheel file itself."""
    return request.getfixturevalue("unpacked" if request.param == "unpacked" else "wheel")


def test_the_wheel_reads_its_own_schemas(installed: Path, tmp_path: Path) -> None:
    """Folders named `schemas` and `pki` in the working directory, as a workspace has them, do not stand in for ours."""
    for name in ("schemas", "pki"):
        (tmp_path / name).mkdir()
    (tmp_path / "schemas/hsm.schema.json").write_text("true")
    code = """if True:
        import json
        from pki import schemas
        texts = {name: schemas.schema_text(name) for name in schemas.schema_names()}
        print(json.dumps([schemas.__file__, texts]))"""

    module, texts = json.loads(_python(code, first=installed, cwd=tmp_path))

    assert module.startswith(str(installed))
    assert texts == {
        path.name.removesuffix(".schema.json"): path.read_text(encoding="utf-8")
        for path in (ROOT / "schemas").glob("*.schema.json")
    }


def test_the_checkout_has_one_copy_of_the_schemas() -> None:
    """Otherwise the accessor would read a stale one."""
    assert not (ROOT / "pki/_schemas").exists()


def test_the_wheel_lists_its_builtin_profiles(unpacked: Path, tmp_path: Path) -> None:
    code = "from pki.profiles.catalog import Catalog; print(*Catalog().names())"

    names = _python(code, first=unpacked, cwd=tmp_path).split()

    builtin = ROOT / "pki/profiles/builtin"
    assert sorted(names) == sorted(p.relative_to(builtin).with_suffix("").as_posix() for p in builtin.rglob("*.yaml"))


def test_importing_the_command_line_loads_nothing_heavy(unpacked: Path, tmp_path: Path) -> None:
    """`--help` and shell completion must answer at once."""
    code = "import reconciler.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"

    assert _HEAVY.isdisjoint(_python(code, first=unpacked, cwd=tmp_path).split())


def test_help_works_from_the_wheel(unpacked: Path, tmp_path: Path) -> None:
    code = "from reconciler.cli.main import main; sys.argv = ['qpki', '--help']; main()"

    assert _python(code, first=unpacked, cwd=tmp_path).startswith("Usage: qpki")


def test_the_version_is_written_in_one_place(unpacked: Path, tmp_path: Path) -> None:
    """`qpki --version` tells what pyproject.toml says, and no module repeats it."""
    version = pyproject()["project"]["version"]
    code = "from reconciler.cli.main import main; sys.argv = ['qpki', '--version']; main()"

    assert version in _python(code, first=unpacked, cwd=tmp_path)
    modules = [path for folder in ("pki", "reconciler") for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in modules if f'"{version}"' in path.read_text(encoding="utf-8")] == []
