"""How the benchmarks take time: in turns, so that whatever else the machine does slows every candidate alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
TURN = 0.1
"""Seconds that one candidate runs before the next one has its turn."""

Work = Callable[[], object]


def call_seconds(candidates: Mapping[str, Work], *, turns: int) -> dict[str, float]:
    """Return the seconds that a call of each takes, by its median turn; each is called once before, to warm up."""
    for work in candidates.values():
        work()
    return _medians({name: lambda work=work: _turn(work) for name, work in candidates.items()}, turns)


def command_seconds(
    commands: Mapping[str, Sequence[str]], *, turns: int, environment: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Return the median seconds of each command, run from the checkout; one that fails ends the benchmark."""

    def run(command: Sequence[str]) -> None:
        subprocess.run(command, cwd=CHECKOUT, env=environment, check=True, capture_output=True)

    return _medians(
        {name: lambda command=command: once(lambda: run(command)) for name, command in commands.items()}, turns
    )


def once(work: Work) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _turn(work: Work) -> float:
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < TURN:
        work()
        calls += 1
    return elapsed / calls


def _medians(measures: Mapping[str, Callable[[], float]], turns: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(turns):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
