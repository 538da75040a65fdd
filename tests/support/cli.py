"""The command line in this process, with a clock and serials that a test chooses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from click.testing import CliRunner

from pki.ports import Ports, SecretRef, SystemSecrets
from reconciler.cli.app import App
from reconciler.cli.main import cli

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one `Error:` line, without the label."""
        (line,) = [line for line in self.stderr.splitlines() if line.startswith("Error: ")]
        return line.removeprefix("Error: ")

    @property
    def hint(self) -> str:
        (line,) = [line for line in self.stderr.splitlines() if line.startswith("Hint: ")]
        return line.removeprefix("Hint: ")


class Scripted:
    """Secrets that a person would type, by purpose; what is not in them is read as usual."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self._system = SystemSecrets()

    def read(self, ref: SecretRef, purpose: str) -> str:
        return self.answers[purpose] if purpose in self.answers else self._system.read(ref, purpose)


@dataclass
class Cli:
    """Runs commands; serials count up from 0x1001, so that output can be foretold."""

    now: datetime = NOW
    answers: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    _serials: count[int] = field(default_factory=lambda: count(0x1001))

    def __call__(self, *arguments: object, succeeds: bool | None = None) -> Outcome:
        ports = Ports(Scripted(self.answers), clock=lambda: self.now, serials=lambda: next(self._serials))
        result = CliRunner(env={"NO_COLOR": None, "FORCE_COLOR": None, **self.env}).invoke(
            cli, [str(argument) for argument in arguments], obj=App(ports)
        )
        outcome = Outcome(result.exit_code, result.stdout, result.stderr)
        if succeeds is not None:
            assert (outcome.exit_code == 0) is succeeds, f"{arguments}\n{outcome.stdout}{outcome.stderr}"
        return outcome

    def ok(self, *arguments: object) -> Outcome:
        """Run a command that must succeed."""
        return self(*arguments, succeeds=True)

    def refused(self, *arguments: object) -> Outcome:
        """Run a command that must fail as bad input does: exit 1, one error line, nothing on stdout, no traceback."""
        outcome = self(*arguments)
        assert (outcome.exit_code, outcome.stdout) == (1, ""), f"{arguments}\n{outcome.stdout}{outcome.stderr}"
        assert outcome.error
        assert "Traceback" not in outcome.stderr
        return outcome
