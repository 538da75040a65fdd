"""What a plan of a fleet costs when nothing is to be done, against reading the same files and nothing else.

    python -m benchmarks.plan [CREDENTIALS ...] [--single] [--directory DIR]     1,000, 10,000 and 100,000 if none

The floor reads every file that a plan reads once, and parses the YAML with the C loader and the JSON. A plan is from
opening the workspace to the finished plan. Both run in a process of their own, in turns, on files that are in memory;
the quickest turn counts, and importing modules does not. `command` is all of `qpki plan`, from start to end. With
`--single` each credential is a YAML document, and not a row of a set's CSV file.

Making the files takes much longer than planning: some minutes for 100,000 credentials.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml

import reconciler.drivers.templates
import reconciler.observe
import reconciler.plan.planner  # noqa: F401 - what is imported here is not measured
from benchmarks.fleet import NOW, write_manifests, write_state
from benchmarks.timing import CHECKOUT, command_seconds
from pki.ports import Ports, SystemSecrets
from reconciler.manifest import load
from reconciler.workflow import Workspace

TURNS = 5
PLANNED = NOW + timedelta(hours=1)
UNREAD = frozenset({"certs", "private"})
"""Directories of state that a plan does not look into."""
HEADER = f"{'credentials':>12}{'files':>10}{'floor':>10}{'plan':>10}{'ratio':>8}{'command':>11}{'memory':>22}"


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds, and MB at the highest."""

    seconds: float
    peak: float


def main() -> None:
    parser = argparse.ArgumentParser(description="A plan with no changes against reading its files.")
    parser.add_argument("credentials", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--single", action="store_true", help="a YAML document for each credential")
    parser.add_argument("--directory", type=Path, help="where the files are made; the usual temporary one if not said")
    parser.add_argument("--measure", choices=list(WORK), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.measure:
        _measure(WORK[wanted.measure](wanted.directory))
        return
    print(HEADER)
    for count in wanted.credentials:
        with tempfile.TemporaryDirectory(dir=wanted.directory) as folder:
            _make(Path(folder), count, single=wanted.single)
            print(_row(Path(folder), count), flush=True)


def _make(root: Path, count: int, *, single: bool) -> None:
    write_manifests(root, count, single=single)
    write_state(root, load(root))


def _row(root: Path, count: int) -> str:
    best = {name: Figures(math.inf, 0) for name in WORK}
    for _ in range(TURNS):
        for name, figures in best.items():
            best[name] = min(figures, _in_process(name, root), key=lambda each: each.seconds)
    floor, plan = best["floor"], best["plan"]
    command = [sys.executable, "-m", "reconciler", "plan", "-C", str(root), "--now", f"{PLANNED:%Y-%m-%dT%H:%M:%SZ}"]
    whole = command_seconds({"plan": [*command, "--detailed-exitcode"]}, turns=TURNS)["plan"]
    files = sum(1 for _ in _files(root))
    return (
        f"{count:>12,}{files:>10,}{floor.seconds:>8.2f} s{plan.seconds:>8.2f} s{plan.seconds / floor.seconds:>8.2f}"
        f"{whole:>9.2f} s{plan.peak:>9,.0f} MB, floor {floor.peak:,.0f}"
    )


def _in_process(name: str, root: Path) -> Figures:
    command = [sys.executable, "-m", "benchmarks.plan", "--measure", name, "--directory", str(root)]
    done = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    return Figures(**json.loads(done.stdout))


def _measure(work: Callable[[], None]) -> None:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    print(json.dumps({"seconds": seconds, "peak": peak}))


def _floor(root: Path) -> Callable[[], None]:
    def read() -> None:
        for path in _files(root):
            with open(path, "rb") as file:  # noqa: PTH123 - the quickest way there is
                data = file.read()
            if path.endswith(".json"):
                json.loads(data)
            elif path.endswith(".yaml"):
                for _ in yaml.load_all(data, Loader=yaml.CSafeLoader):
                    """Each document is built, and nothing is done with it."""

    return read


def _files(root: Path) -> Iterator[str]:
    """Give the files that a plan reads: manifests, and state but for what is private or the issuers' archive."""
    for folder, directories, names in os.walk(root):
        directories[:] = [name for name in directories if name not in UNREAD]
        yield from (f"{folder}/{name}" for name in names if not name.startswith((".", "index.txt.attr")))


def _plan(root: Path) -> Callable[[], None]:
    def plan() -> None:
        made = Workspace.open(root, Ports(secrets=SystemSecrets())).plan(now=PLANNED)
        assert not made.changes, made.changes[0]

    return plan


WORK: dict[str, Callable[[Path], Callable[[], None]]] = {"floor": _floor, "plan": _plan}


if __name__ == "__main__":
    main()
