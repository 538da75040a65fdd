"""One run of the command line: how it speaks, and the outside world that it hands to the library."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import outputs

if TYPE_CHECKING:
    from pki.findings import Finding
    from pki.ports import Ports
    from reconciler.render.layout import Facts

TextOf = Callable[[Any], str]
"""Renders the text form of some facts."""


class App:
    """What every command gets as `ctx.obj`.

    The result goes to stdout, in one piece; progress and warnings go to stderr. `--quiet` drops progress, and nothing
    drops a warning.
    """

    def __init__(self, ports: Ports | None = None) -> None:
        self.quiet = False
        self.debug = False
        self.color = wants_color("auto", os.environ)
        self._ports = ports

    @property
    def ports(self) -> Ports:
        """Clock, serials and secrets: this machine's, unless a caller brought its own."""
        if self._ports is None:
            from pki.ports import Ports, SystemSecrets

            self._ports = Ports(SystemSecrets())
        return self._ports

    def show(self, facts: Facts, text: TextOf, output: str, *, paint: Callable[[str], str] = str) -> None:
        """Print the result of the command in the form that `-o` asked for; `paint` adds color to the text."""
        from reconciler.render.layout import as_json, printable

        click.echo(as_json(facts) if output == "json" else paint(printable(text(facts))), color=self.color)

    def raw(self, text: str) -> None:
        """Print something that is for another program, as it is: YAML, a schema, a completion script."""
        click.echo(text, nl=not text.endswith("\n"))

    def deliver(self, data: bytes, out: Path | None) -> None:
        """Write an artifact to the file of `--out`, and say so, or to stdout when there is none."""
        if out is None:
            click.echo(data, nl=False)
            return
        outputs.write(out, data)
        self.say(f"Written to {out}")

    def step(self, title: str, run: Callable[[], str], output: str) -> str:
        """Run one step of several and show how it goes: in text that is the result, otherwise progress."""
        err, outcome = output != "text", "FAILED"
        click.echo(f"{title}... ", nl=False, err=err)
        try:
            found = run()
            outcome = f"OK ({found})"
            return found
        finally:
            click.echo(outcome, err=err)

    def say(self, text: str) -> None:
        """Report progress."""
        if not self.quiet:
            self._diagnose(text)

    def note(self, notices: Iterable[Finding]) -> None:
        """Report what was decided on the way and could surprise: a name left out, a lifetime shortened."""
        from reconciler.render.findings import finding_lines

        for line in finding_lines(notices):
            self._diagnose(line)

    def warn(self, text: str, *more: str) -> None:
        """Print a block that nobody overlooks; `more` are its further lines."""
        self._diagnose("")
        self._diagnose("\n".join((text, *(f"  {line}" for line in more), "")), label="WARNING:", fg="yellow", bold=True)

    def warn_of_plain_keys(self, paths: Iterable[Path]) -> None:
        """Warn that these key files were written without a passphrase, if there are any."""
        if listed := [str(path) for path in paths]:
            self.warn(
                "Private key is not encrypted.",
                *listed,
                "Whoever can read it, or a backup of it, can sign with it.",
                "For an encrypted key, name a passphrase with --passphrase-env or --passphrase-file.",
            )

    def fail(self, message: str, hint: str | None, details: Iterable[str] = ()) -> None:
        """Print the details, one `Error:` line and, where there is a way out, one `Hint:` line."""
        for line in details:
            self._diagnose(line)
        self._diagnose(message, label="Error:", fg="red", bold=True)
        if hint:
            self._diagnose(hint, label="Hint:", fg="cyan")

    def _diagnose(self, text: str, *, label: str | None = None, **style: Any) -> None:  # noqa: ANN401 - click.style's own
        from reconciler.render.layout import printable

        before = f"{click.style(label, **style)} " if label else ""
        click.echo(before + printable(text), err=True, color=self.color)


def wants_color(choice: str, environment: Mapping[str, str]) -> bool | None:
    """Return whether to color; None leaves it to whether the stream is a terminal.

    `--color` wins, then NO_COLOR (no-color.org), then FORCE_COLOR and CLICOLOR_FORCE, then TERM=dumb.
    """
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return False if environment.get("TERM") == "dumb" else None
