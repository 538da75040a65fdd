"""A fault injector: run a program and break it at its N-th write, fsync, rename, signature or key generation.

    python tests/support/killer.py N [--mode MODE] [--when WHEN] [--call MODULE:NAME]... -- PROGRAM ARGUMENTS...

The program runs in this very process: `qpki`, another module, or the path of a Python file. Calls of the functions in
`CALLS`, and of those named by `--call` (`pki.signers.software:SoftwareSigner.sign`), are counted from 1. At the N-th:

--mode kill    the process ends by SIGKILL: nothing is flushed, no handler runs (the default)
--mode enospc  the call raises OSError: the disk is full
--mode eio     the call raises OSError: the device failed
--when before  instead of doing its work (the default)
--when after   when its work is done
--when half    when half of the bytes are written; then only the writing functions are counted

A test that forks calls `arm` in the child instead, which saves the start of an interpreter.

Nothing else is printed. The exit status says whether there was an N-th call: killed by SIGKILL, or the program's own
status plus 100, means there was; its own status means there was not. A test loops N from 1 on until there is none:

    for fault in faults(["qpki", "crl", "gen", "--ca-dir", "ca"], cwd=..., env=..., mode="kill", when="after"):
        ...  # the world is as the fault left it: check it, run again, check it again

Threads share the count. A child process is left alone. A function is replaced where `--call` says, so a name that
another module imported with `from` must be given as that module's.
"""

from __future__ import annotations

import argparse
import errno
import functools
import importlib
import itertools
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Mode = Literal["kill", "enospc", "eio"]
When = Literal["before", "after", "half"]

WRITES = ("write", "pwrite")
CALLS = (*WRITES, "fsync", "replace", "link", "mkdir", "unlink", "ftruncate")
"""Functions of `os` by which `pki.store.files` changes the disk."""

REACHED = 100
_ERRNO = {"enospc": errno.ENOSPC, "eio": errno.EIO}
_MAX_CALLS = 10_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One run with a fault in it. `status` is the program's own exit status, None when it was killed."""

    number: int
    reached: bool
    status: int | None
    stdout: str
    stderr: str


def run(
    number: int,
    program: Sequence[str],
    *,
    mode: Mode = "kill",
    when: When = "before",
    calls: Sequence[str] = (),
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Fault:
    """Run a program in a process of its own with a fault at its N-th call."""
    options = ["--mode", mode, "--when", when, *(word for call in calls for word in ("--call", call))]
    command = [sys.executable, str(Path(__file__).resolve()), str(number), *options, "--", *map(str, program)]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode == -signal.SIGKILL:
        return Fault(number, True, None, done.stdout, done.stderr)
    reached = done.returncode >= REACHED
    return Fault(number, reached, done.returncode - REACHED * reached, done.stdout, done.stderr)


def faults(program: Sequence[str], **choices: Any) -> Iterator[Fault]:
    """Give one run for every N that there is; `choices` are those of `run`. The run without a fault is not given."""
    for number in range(1, _MAX_CALLS):
        fault = run(number, program, **choices)
        if not fault.reached:
            return
        yield fault
    raise AssertionError(f"{program} still writes after {_MAX_CALLS} calls")


def arm(number: int, *, mode: Mode = "kill", when: When = "before", calls: Sequence[str] = ()) -> _Trigger:
    """Break this very process at its N-th call from here on: for a test that forks. `reached` says whether it was."""
    trigger = _Trigger(number, mode, when, itertools.count(1))
    names = [(os, name) for name in (WRITES if when == "half" else CALLS)]
    for owner, name in [*names, *(map(_target, calls) if when != "half" else ())]:
        trigger.replace(owner, name)
    return trigger


@dataclass(slots=True)
class _Trigger:
    """Counts calls, and breaks the N-th."""

    number: int
    mode: Mode
    when: When
    count: Iterator[int]
    reached: bool = False

    def replace(self, owner: Any, name: str) -> None:
        static = vars(owner).get(name) if isinstance(owner, type) else None
        function = getattr(owner, name)
        if isinstance(static, classmethod | staticmethod):
            setattr(owner, name, staticmethod(self._wrap(function)))
        else:
            setattr(owner, name, self._wrap(function))

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def counted(*arguments: Any, **named: Any) -> Any:
            if next(self.count) != self.number:
                return function(*arguments, **named)
            self.reached = True
            if self.when == "after":
                function(*arguments, **named)
            elif self.when == "half":
                descriptor, data, *rest = arguments
                function(descriptor, data[: len(data) // 2], *rest)
            return self._strike()

        return counted

    def _strike(self) -> None:
        if self.mode == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        code = _ERRNO[self.mode]
        raise OSError(code, os.strerror(code))


def _target(spelling: str) -> tuple[Any, str]:
    module, _, path = spelling.partition(":")
    *owners, name = path.split(".")
    return functools.reduce(getattr, owners, importlib.import_module(module)), name


def _start(program: str) -> dict[str, Any]:
    if program.endswith(".py"):
        return runpy.run_path(program, run_name="__main__")
    return runpy.run_module("reconciler" if program == "qpki" else program, run_name="__main__")


def _status_of(program: str) -> int:
    """Run the program, and return the status that the interpreter would end with."""
    try:
        _start(program)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int)
    parser.add_argument("--mode", choices=("kill", *_ERRNO), default="kill")
    parser.add_argument("--when", choices=("before", "after", "half"), default="before")
    parser.add_argument("--call", action="append", default=[], metavar="MODULE:NAME")
    parser.add_argument("program", nargs="+")
    options = parser.parse_args()

    sys.path[:1] = []  # this file's folder holds no program's modules; the checkout does, if nothing is installed
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    trigger = arm(options.number, mode=options.mode, when=options.when, calls=options.call)
    sys.argv = options.program
    status = _status_of(options.program[0])
    sys.stdout.flush()
    sys.exit(status + REACHED if trigger.reached else status)


if __name__ == "__main__":
    main()
