"""The `qpki` command as people run it: a process of its own, in a directory, with or without a terminal."""

from __future__ import annotations

import hashlib
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from tests.support.checkout import ROOT
from tests.support.cli import Cli, Outcome

QPKI = (sys.executable, "-P", "-m", "reconciler")
LIMIT = 120
"""Seconds after which a command counts as hung."""

_STRAY = {"FORCE_COLOR", "CLICOLOR_FORCE", "QPKI_DEBUG", "HSM_PIN", "SOFTHSM2_CONF"}
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in _STRAY} | {
    "PYTHONPATH": str(ROOT),
    "NO_COLOR": "1",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A directory to work in, and the environment that its owner would have exported.

    `commands` collects every command line, `outputs` all that came out, for whoever looks for secrets in them.
    """

    directory: Path
    env: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    outputs: list[Outcome] = field(default_factory=list)

    def __truediv__(self, name: str) -> Path:
        return self.directory / name

    def copy(self, directory: Path) -> Site:
        shutil.copytree(self.directory, directory, symlinks=True, dirs_exist_ok=True)
        return Site(directory, dict(self.env))

    def run(self, command: str, *, entry: tuple[str, ...] = (), **env: str | None) -> Outcome:
        """Run `qpki` with these words, as a shell would split them; None takes a variable away.

        `entry` is put before the program, such as what enters another mount namespace.
        """
        self.commands.append(command)
        done = subprocess.run(
            [*entry, *QPKI, *shlex.split(command)],
            cwd=self.directory,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT,
            check=False,
        )
        self.outputs.append(outcome := Outcome(done.returncode, done.stdout, done.stderr))
        return outcome

    def ok(self, command: str, **env: str | None) -> Outcome:
        """Run a command that must succeed."""
        outcome = self.run(command, **env)
        assert outcome.exit_code == 0, f"{command}\n{outcome.stdout}{outcome.stderr}"
        return outcome

    def run_here(self, command: str, **env: str | None) -> Outcome:
        """Run a command in this process, which is quicker: for what needs no token, terminal or signal."""
        self.commands.append(command)
        with chdir(self.directory):
            outcome = Cli(now=datetime.now(UTC), env={**self.env, **env})(*shlex.split(command))
        self.outputs.append(outcome)
        return outcome

    def refused(self, command: str, *, here: bool = False, entry: tuple[str, ...] = (), **env: str | None) -> Outcome:
        """Run a command (`here`: in this process) that must fail as bad input does, and leave every byte as it was.

        That is: exit 1, nothing on stdout, one `Error:` line, one `Hint:` line, no traceback.
        """
        before = contents(self.directory)
        outcome = self.run_here(command, **env) if here else self.run(command, entry=entry, **env)
        shown = f"{command}\n{outcome.stdout}{outcome.stderr}"
        assert (outcome.exit_code, outcome.stdout) == (1, ""), shown
        assert outcome.error, shown
        assert outcome.stderr.count("Hint: ") == 1, shown
        assert "Traceback" not in outcome.stderr, shown
        assert contents(self.directory) == before, shown
        return outcome

    def environment(self, more: Mapping[str, str | None]) -> dict[str, str]:
        merged = {**_ENVIRONMENT, **self.env, **more}
        return {name: value for name, value in merged.items() if value is not None}


def contents(root: Path) -> dict[str, str]:
    """Return what each file below `root` holds, as mode and digest, by path; locks are no content."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.name == ".lock":
            continue
        status = path.lstat()
        what = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "directory"
        found[str(path.relative_to(root))] = f"{status.st_mode:o} {what}"
    return found


@dataclass(slots=True)
class Running:
    """A command that was started and is still at it."""

    process: subprocess.Popen[str]
    _seen: str = ""

    @classmethod
    def start(cls, site: Site, command: str, **env: str | None) -> Self:
        site.commands.append(command)
        return cls(
            subprocess.Popen(
                [*QPKI, *shlex.split(command)],
                cwd=site.directory,
                env=site.environment({"PYTHONFAULTHANDLER": "1", **env}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        )

    def until(self, text: str) -> None:
        """Wait until a line of its stderr holds `text`."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._seen += line
            if text in line:
                return
        raise AssertionError(f"it ended without {text!r}:\n{self._seen}")

    def end(self, number: signal.Signals) -> Outcome:
        """Send a signal, and wait for the end; a command that hangs is ended with a word on where it was."""
        self.process.send_signal(number)
        try:
            stdout, stderr = self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler prints the stack of every thread
            _, stderr = self.process.communicate()
            raise AssertionError(f"it hangs after {number.name}:\n{self._seen}{stderr}") from None
        return Outcome(self.process.returncode, stdout, self._seen + stderr)


@dataclass(slots=True)
class Terminal:
    """A terminal that a command has to itself: stdin and stderr are on it, stdout is a pipe."""

    _master: int
    _slave: int
    shown: str = ""

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Self]:
        master, slave = pty.openpty()
        try:
            yield cls(master, slave)
        finally:
            os.close(master)
            os.close(slave)

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown, as a shell wants it when a command has ended."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def run(self, site: Site, command: str, prompt: str, keys: str, **env: str | None) -> Outcome:
        """Run a command, press `keys` when it has shown `prompt`, and return how it ended."""
        site.commands.append(command)
        process = subprocess.Popen(
            ["setsid", "--ctty", *QPKI, *shlex.split(command)],  # its own terminal: Ctrl-C there is a signal
            cwd=site.directory,
            env=site.environment(env),
            stdin=self._slave,
            stdout=subprocess.PIPE,
            stderr=self._slave,
        )
        self._read_until(prompt, process)
        os.write(self._master, keys.encode())
        stdout, _ = process.communicate(timeout=LIMIT)
        self._read_rest()
        site.outputs.append(outcome := Outcome(process.returncode, stdout.decode(), self.shown.replace("\r\n", "\n")))
        return outcome

    def _read_until(self, prompt: str, process: subprocess.Popen[bytes]) -> None:
        ended = os.pidfd_open(process.pid)
        try:
            while prompt not in self.shown:
                ready, _, _ = select.select([self._master, ended], [], [], LIMIT)
                assert self._master in ready, f"it shows no {prompt!r}:\n{self.shown}"
                self.shown += os.read(self._master, 4096).decode()
        finally:
            os.close(ended)

    def _read_rest(self) -> None:
        os.set_blocking(self._master, False)
        try:
            while chunk := os.read(self._master, 4096):
                self.shown += chunk.decode()
        except BlockingIOError:
            return


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system that only the processes with `entry` before them see at `path`; we see it under `outside`."""

    path: Path
    outside: Path
    entry: tuple[str, ...]


@contextmanager
def mounted(path: Path, script: str) -> Iterator[Mount]:
    """Mount something at `path` by a shell script, in a mount namespace of its own; the test is skipped where not.

    The script finds the path as `$0`.
    """
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    command = ["unshare", "--mount", "sh", "-c", f"{script} && echo mounted && exec cat", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if not holder.stdout.readline():
            pytest.skip(f"cannot mount here: {holder.stderr.read().decode().strip()}")
        enter = ("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "sh", "-c", 'cd "$0" && exec "$@"', str(path))
        try:
            yield Mount(path, Path(f"/proc/{holder.pid}/root{path}"), enter)
        finally:
            holder.communicate()
