"""Color for the text of a plan: added to lines that are complete without it."""

from __future__ import annotations

import re
from typing import Any

import click

_STYLES: dict[str, dict[str, Any]] = {
    "+": {"fg": "green"},
    "~": {"fg": "yellow"},
    "±": {"fg": "magenta"},
    "-": {"fg": "red"},
    "!": {"fg": "red"},
    "x": {"fg": "red", "bold": True},
    ">": {"fg": "cyan"},
    ".": {"dim": True},
}
_SYMBOL = re.compile(r"^(  (?:    .*?  | {4,})?)([+~±!x>.-])(?= )")
_LABEL = re.compile(r"^( +)(blocked|error|warning)(?=:? )")
_TITLE = re.compile(r"^(Plan:|No changes|Apply will need:|Next due|Next:|Now:|\d+ warnings?:|Unmanaged,)")


def painted(text: str) -> str:
    return "\n".join(map(_painted, text.split("\n")))


def _painted(line: str) -> str:
    if line.lstrip().startswith("# "):
        return click.style(line, bold=True)
    if found := _TITLE.match(line):
        return click.style(found[0], bold=True) + line[found.end() :]
    if found := _LABEL.match(line):
        color = "yellow" if found[2] == "warning" else "red"
        return found[1] + click.style(found[2], fg=color, bold=True) + line[found.end() :]
    if found := _SYMBOL.match(line):
        return found[1] + click.style(found[2], **_STYLES[found[2]]) + line[found.end() :]
    return line
