"""A finding is a line that an editor can jump to, the line of the document, and the way out."""

from __future__ import annotations

import pytest

from pki.findings import Finding, Location, Severity
from reconciler.render.findings import finding_lines


def lines(where: Location | None, snippet: str | None = None, hint: str | None = None) -> list[str]:
    return finding_lines([Finding(Severity.ERROR, "a.b", "it is wrong", where, hint, snippet=snippet)])


def test_without_a_snippet_it_is_one_line_and_the_hint() -> None:
    assert lines(Location("f.yaml", 3, 1), hint="do this") == ["f.yaml:3:1: error: it is wrong [a.b]", "  do this"]
    assert lines(None) == ["error: it is wrong [a.b]"]


def test_a_caret_stands_below_the_column() -> None:
    assert lines(Location("f.yaml", 12, 3), "a: b") == [
        "f.yaml:12:3: error: it is wrong [a.b]",
        "  12 | a: b",
        "     |   ^",
    ]


@pytest.mark.parametrize("column", [None, 200])
def test_without_a_column_that_is_shown_there_is_no_caret(column: int | None) -> None:
    assert lines(Location("f.csv", 3, column), "a,b")[1:] == ["  3 | a,b"]


def test_tabs_and_control_characters_do_not_move_the_caret_or_the_terminal() -> None:
    assert lines(Location("f.yaml", 1, 4), "a:\tb\x1b[2J")[1:] == [r"  1 | a: b\x1b[2J", "    |    ^"]
