"""How the benchmarks take time: in turns, so that whatever else the machine does slows every candidate alike."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
TURN = 0.1
"""Seconds for which a quick candidate is called again and again before the next one has its turn."""

Work = Callable[[], object]


def seconds(candidates: Mapping[str, Work], *, turns: int) -> dict[str, float]:
    """Return the seconds that one call of each takes, by its quickest turn: the one that was disturbed least."""
    quickest = dict.fromkeys(candidates, math.inf)
    for _ in range(turns):
        for name, work in candidates.items():
            quickest[name] = min(quickest[name], _turn(work))
    return quickest


def command_seconds(
    commands: Mapping[str, Sequence[str]], *, turns: int, environment: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Return the same for commands run from the checkout; one that fails ends the benchmark."""
    return seconds({name: _running(command, environment) for name, command in commands.items()}, turns=turns)


def _turn(work: Work) -> float:
    calls, start = 1, time.perf_counter()
    work()
    while (elapsed := time.perf_counter() - start) < TURN:
        work()
        calls += 1
    return elapsed / calls


def _running(command: Sequence[str], environment: Mapping[str, str] | None) -> Work:
    return lambda: subprocess.run(command, cwd=CHECKOUT, env=environment, check=True, capture_output=True)
