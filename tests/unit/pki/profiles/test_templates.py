"""Variables stand anywhere in a text; what needs an unset one goes away."""

from __future__ import annotations

from typing import Any

import pytest

from pki.profiles.templates import ABSENT, literals, prepare, references, render, texts, whole

VALUES = {"host": "a.example", "names": ["x", "y"], "n": 3, "flag": True, "evil": "{{ host }}"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("{{ host }}", "a.example"),
        ("{{host}}", "a.example"),
        ("http://{{ host }}/{{ n }}", "http://a.example/3"),
        ("is {{ flag }}", "is true"),
        ("{{ n }}", 3),
        ("{{ flag }}", True),
        ("{{ names }}", ["x", "y"]),
        (["a", "{{ names }}", "{{ unset }}", "{{ host }}"], ["a", "x", "y", "a.example"]),
        ({"a": "{{ unset }}", "b": "{{ n }}", "c": False}, {"b": 3, "c": False}),
        ([{"oid": "{{ unset }}", "cps": "{{ host }}"}], [{"cps": "a.example"}]),
        ("{{ unset }}", ABSENT),
        ("http://{{ unset }}/{{ host }}", ABSENT),
        ("{{ evil }}", "{{ host }}"),
        ("x{{ evil }}", "x{{ host }}"),
        (7, 7),
    ],
)
def test_values_take_the_place_of_variables(value: Any, expected: Any) -> None:
    assert expected == render(value, VALUES)
    assert expected == prepare(value)(VALUES)


def test_what_needs_no_variable_keeps_its_place() -> None:
    block = {"a": ["{{ x }}", "b"], "c": "{{ x }}y", "d": {"e": 1}, "f": "g"}

    assert literals(block) == {"a": [ABSENT, "b"], "d": {"e": 1}, "f": "g"}


def test_the_variables_of_a_text_are_found_in_order() -> None:
    assert references("{{ a }}-{{b}}-{{ a }}") == ["a", "b", "a"]


@pytest.mark.parametrize("text", ["{{ a b }}", "{{ }}", "{{ 1a }}", "{{ a", "a }}", "{{ a-b }}", "{{{ a }}}"])
def test_braces_around_anything_but_a_name_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="enclose no variable name"):
        references(text)


@pytest.mark.parametrize(("text", "expected"), [("{{ a }}", "a"), (" {{ a }} ", "a"), ("x{{ a }}", None), (5, None)])
def test_a_text_may_be_one_variable_and_nothing_else(text: Any, expected: str | None) -> None:
    assert expected == whole(text)


def test_every_text_is_found_with_its_path() -> None:
    assert list(texts({"a": ["x", {"b": "y"}], "c": 1}, ("top",))) == [
        (("top", "a", 0), "x"),
        (("top", "a", 1, "b"), "y"),
    ]
