"""The workspaces in `examples/`: what their READMEs say works as written, and ends with nothing left to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.process import contents
from tests.support.tokens import softhsm_library

EXAMPLES = ROOT / "examples"


def blocks(readme: Path) -> str:
    """Return all shell blocks of a README, one after the other."""
    found = re.findall(r"^```sh\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return "".join(found)


def shell(directory: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a new user's shell would, stopping at the first failure."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
    environment = {"PATH": programs, "HOME": str(directory)} | {
        name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")
    }
    return subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quickstart", "fleet", "rotation", "two-tier-hsm"])
def test_an_example_works_as_its_readme_says(name: str, tmp_path: Path) -> None:
    """Its commands succeed, the last plan is empty, and applying once more changes nothing."""
    work = tmp_path / name
    shutil.copytree(EXAMPLES / name, work)
    if name == "two-tier-hsm":
        library = str(softhsm_library())
        for config in (work / "hsm").glob("*.yaml"):
            text = config.read_text(encoding="utf-8")
            config.write_text(text.replace("/usr/lib/softhsm/libsofthsm2.so", library), encoding="utf-8")

    done = shell(work, blocks(work / "README.md") + "\nqpki plan --detailed-exitcode\nenv >environment\n")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Error" not in done.stderr
    assert "No changes." in done.stdout
    if name != "two-tier-hsm":  # its PINs are gone with its shell
        (work / "environment").unlink()
        before = contents(work)
        assert shell(work, "qpki apply --auto-approve").returncode == 0
        assert contents(work) == before


@pytest.mark.parametrize("name", ["quickstart", "fleet", "rotation", "two-tier-hsm"])
def test_an_example_is_valid_as_it_stands(name: str) -> None:
    done = shell(EXAMPLES / name, "qpki validate && qpki plan")

    assert done.returncode == 0, done.stdout + done.stderr
