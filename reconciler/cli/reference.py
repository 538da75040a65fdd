"""`docs/cli.md` from the help of every command: `python -m reconciler.cli.reference`. A test keeps the two equal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.cli.main import cli

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
MARK = "<!-- From here on written by `python -m reconciler.cli.reference`; edit the help texts instead. -->"
WIDTH = 96


def commands(command: click.Command = cli, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Yield the context of every command that does something, in the order in which help lists them."""
    name = command.name if parent else "qpki"
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, parent=parent, info_name=name, **settings)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            if found is not None:
                yield from commands(found, context)
    else:
        yield context


def reference() -> str:
    """Return the generated half of the document."""
    sections = (f"## {context.command_path}\n\n```text\n{context.get_help()}\n```\n" for context in commands())
    return "\n".join(sections)


def document(existing: str) -> str:
    """Return the whole document: what people wrote above the mark, and the reference below it."""
    return f"{existing.partition(MARK)[0]}{MARK}\n\n{reference()}"


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
