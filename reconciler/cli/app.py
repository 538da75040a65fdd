"""One run of the command line: how it speaks, and the outside world that it hands to the library."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
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

    def show(self, facts: Facts | list[Any], text: TextOf, output: str) -> None:
        """Print the result of the command in the form that `-o` asked for."""
        from reconciler.render.layout import as_json, printable

        click.echo(as_json(facts) if output == "json" else printable(text(facts)), color=self.color)

    def raw(self, text: str) -> None:
        """Print something that is for another program, byte for byte: PEM, a schema, a completion script."""
        click.echo(text, nl=not text.endswith("\n"))

    def deliver(self, data: bytes, out: Path | None) -> None:
        """Write an artifact to the file of `--out`, and say so, or to stdout when there is none."""
        if out is None:
            click.get_binary_stream("stdout").write(data)
            return
        from pki.store import files

        files.write(out, data)
        self.say(f"Written to {out}")

    def say(self, text: str) -> None:
        """Report progress."""
        if not self.quiet:
            self._diagnose(text)

    def warn(self, text: str, *more: str) -> None:
        """Print a block that nobody overlooks; `more` are its further lines."""
        label = click.style("WARNING:", fg="yellow", bold=True)
        self._diagnose("\n".join(("", f"{label} {text}", *(f"  {line}" for line in more), "")))

    def fail(self, message: str, hint: str | None, details: tuple[str, ...] = ()) -> None:
        """Print the details, one `Error:` line and, where there is a way out, one `Hint:` line."""
        lines = [*details, f"{click.style('Error:', fg='red', bold=True)} {message}"]
        lines += [f"{click.style('Hint:', fg='cyan')} {hint}"] if hint else []
        self._diagnose("\n".join(lines))

    def _diagnose(self, text: str) -> None:
        click.echo(text, err=True, color=self.color)


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
