"""The project around the code: what it says about itself is so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.support.checkout import ROOT, pyproject, tracked_files

SCRIPTS = ["scripts/test", "scripts/demo", "scripts/check", "scripts/lock", ".ci/run"]
DOCUMENTS = [name for name in tracked_files() if name.endswith(".md")]


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    project = pyproject()
    wanted = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]

    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(_pins()[requirement.name.lower()]), requirement


def test_every_dependency_has_a_lower_bound_that_somebody_chose() -> None:
    for requirement in map(Requirement, pyproject()["project"]["dependencies"]):
        assert [bound.operator for bound in requirement.specifier] == [">="], requirement


def test_the_import_layers_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([lint, "--no-cache", "--no-logo"], cwd=ROOT, check=False, capture_output=True, text=True)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_run_and_parses(name: str) -> None:
    script = ROOT / name
    shell = "bash" if "bash" in script.read_text(encoding="utf-8").splitlines()[0] else "sh"

    assert script.stat().st_mode & 0o111 == 0o111
    subprocess.run([shell, "-n", script], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="apt-get install shellcheck")
@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_nothing(name: str) -> None:
    result = subprocess.run(["shellcheck", "-x", name], cwd=ROOT, check=False, capture_output=True, text=True)

    assert result.stdout == ""


def test_every_hook_runs_a_script_that_is_there() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    checks = re.findall(r"^    (\w+)\)", (ROOT / "scripts/check").read_text(encoding="utf-8"), re.MULTILINE)

    for hook in hooks:
        program, *arguments = hook["entry"].split()
        assert program in SCRIPTS
        assert set(arguments) <= set(checks)
    assert {hook["id"] for hook in hooks} >= set(checks)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    local = [target for target in targets if "://" not in target]

    assert [target for target in local if not ((ROOT / name).parent / target).exists()] == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    """Absolute paths below a home or work directory are of no use to anybody else."""
    place = re.compile(rb"(?<![\w.$}-])/(?:home|root|Users|work)/[\w.-]+")

    found = {name: place.findall((ROOT / name).read_bytes()) for name in tracked_files()}

    assert {name: places for name, places in found.items() if places} == {}
