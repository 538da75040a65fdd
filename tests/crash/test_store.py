"""Break the store at every call that it makes to the disk: what was there is intact, and no serial is ever lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pki.errors import StateCorruptError
from pki.store import files, index
from pki.store.journal import Journal
from pki.store.layout import CaLayout
from tests.support import killer, small_ca

PROGRAM = """
import sys
from pathlib import Path
from tests.support import small_ca
small_ca.issue(Path("ca"), 2)
"""
SIGN = "tests.support.small_ca:sign"
pytestmark = pytest.mark.slow


@pytest.fixture
def program(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    return str(tmp_path / "program.py")


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def fresh(root: Path) -> None:
    """Make a CA that has issued serial 1, in place of whatever is there."""
    for path in sorted(root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    small_ca.issue(root, 1)


def intended(layout: CaLayout) -> set[int]:
    lines = layout.journal.read_bytes().split(b"\n")[:-1]
    return {int(line.split(b'"serial":"')[1][:4], 16) for line in lines}


@pytest.mark.parametrize("when", ["before", "half", "after"])
@pytest.mark.parametrize("mode", ["kill", "enospc", "eio"])
def test_after_a_fault_at_any_call_the_next_run_accounts_for_every_serial(tmp_path, program, mode, when):
    root = tmp_path / "ca"
    layout = CaLayout(root)
    reached = 0
    while True:
        fresh(root)
        before = tree(root)
        fault = killer.run(reached + 1, [program], mode=mode, when=when, calls=[SIGN], cwd=tmp_path)
        if not fault.reached:
            break
        reached += 1

        filed = files.exists(layout.issued("02"))
        assert (root / "certs" / "01.crt").read_bytes() == before["certs/01.crt"]
        assert not filed or layout.issued("02").read_bytes() == b"signed serial 2"
        assert layout.meta.read_bytes() in (b"last 1\n", b"last 2\n")

        small_ca.issue(root, 3)

        rows = {entry.serial: entry.status for entry in index.read(layout.index)}
        assert rows.keys() == intended(layout)
        assert {1: "V", 3: "V"}.items() <= rows.items()
        assert rows.get(2) in ({"V"} if filed else {"R", None})
        assert Journal(layout.journal).unfinished() == []
        assert not [name for name in tree(root) if name.endswith(".tmp")]

    assert reached >= {"before": 20, "half": 5, "after": 20}[when]
    assert fault.status == 0


def test_every_signature_was_intended_on_disk_before_it_was_made(tmp_path, program):
    """Kill right after the signature: its serial must be in the journal, whatever else is missing."""
    root = tmp_path / "ca"
    layout = CaLayout(root)
    seen = set()
    for number in range(1, 100):
        fresh(root)
        fault = killer.run(number, [program], when="after", calls=[SIGN], cwd=tmp_path)
        if not fault.reached:
            break
        signed = files.exists(layout.issued("02")) or 2 in {entry.serial for entry in index.read(layout.index)}
        seen.add(signed)
        assert not signed or 2 in intended(layout)

    assert seen == {True, False}


def test_an_index_that_somebody_cut_is_not_repaired_by_guessing(tmp_path):
    root = tmp_path / "ca"
    small_ca.issue(root, 1)
    path = root / "index.txt"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    before = tree(root)

    with pytest.raises(StateCorruptError, match="the last row is cut off"):
        small_ca.issue(root, 2)

    assert tree(root) == before
