from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def _block(heading: str) -> str:
    """Return the first fenced block under a heading."""
    found = re.search(rf"^## {heading}$.*?^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.interop
def test_the_tour_works_as_written(tmp_path: Path) -> None:
    """Pasted into a shell that stops at the first failure, it ends with a PKI that OpenSSL trusts and nothing to do."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": programs, "HOME": str(tmp_path)} | {
        name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")
    }
    command = ["sh", "-eu", "-c", _block("A tour")]

    tour = subprocess.run(
        command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )

    assert tour.returncode == 0, tour.stderr
    assert "cert.pem: OK" in tour.stdout
    assert tour.stdout.index("No changes.") > tour.stdout.index("will be created")


def test_the_tour_is_short() -> None:
    commands = _block("A tour").replace("\\\n", "").splitlines()

    assert len(commands) <= 12


def test_the_two_commands_are_there() -> None:
    for line in _block("Two commands").splitlines():
        assert os.access(ROOT / line.split()[0], os.X_OK)
