"""Patterns match as Python's would, and none can hang."""

from __future__ import annotations

import re
import time

import pytest

from pki.profiles.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("^[A-Z]{2}$", ["FR"], ["fr", "FRA", "F", ""]),
        ("b", ["abc", "b"], ["ac", ""]),
        ("", ["", "anything"], []),
        ("^(www|api)\\.", ["www.x", "api.y"], ["wwwx", "ftp.x"]),
        ("^[^.]+$", ["abc"], ["a.c", ""]),
        ("^[a-z0-9-]+$", ["a-0"], ["a_0"]),
        ("^[]a]$", ["]", "a"], ["b"]),
        ("^[a\\]-]$", ["]", "-", "a"], ["\\"]),
        ("^\\d{3,}$", ["123", "1234"], ["12", "12a", "١٢٣"]),
        ("^\\w+\\s\\W\\D\\S$", ["ab -x!"], ["ab  1!"]),
        ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
        ("^a{0}b?$", ["", "b"], ["a"]),
        ("^(?:ab)*$", ["", "abab"], ["aba"]),
        ("^(a|ab)(c|bcd)$", ["ac", "abcd", "abc"], ["abbd"]),
        ("^a.c$", ["abc", "aéc"], ["a\nc", "ac"]),
        ("^a+?$", ["aaa"], ["b"]),
        ("^\\.\\*\\n\\t$", [".*\n\t"], ["a"]),
        ("(^|x)b", ["b", "xb"], ["ab"]),
        ("^[\\d.]+$", ["1.2"], ["1,2"]),
        ("^[^\\w]$", ["-"], ["a", "_"]),
        ("^$", [""], ["a"]),
        ("a$|^b", ["ca", "bc"], ["ac", "cb"]),
        ("()*x", ["x"], ["y"]),
    ],
)
def test_a_pattern_finds_what_python_finds(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = compile_pattern(pattern)

    assert [compiled.search(text) for text in matching] == [True] * len(matching)
    assert [compiled.search(text) for text in others] == [False] * len(others)
    assert [bool(re.search(pattern, text, re.ASCII)) for text in matching + others] == [
        compiled.search(text) for text in matching + others
    ]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(a+)+$", "a" * 1000 + "b"),
        ("^(a|aa)*$", "a" * 1000 + "b"),
        ("^(a?){256}a{256}$", "a" * 1000 + "b"),
        ("(.*)(.*)(.*)(.*)x", "a" * 1024),
    ],
)
def test_a_pattern_that_hangs_other_engines_answers_at_once(pattern: str, text: str) -> None:
    started = time.process_time()

    assert not compile_pattern(pattern).search(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "pattern", ["((((){256}){256}){256}){256}", "((((a{0}){256}){256}){256}){256}", "(a{256}){256}"]
)
def test_a_small_pattern_that_stands_for_a_large_one_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="too large"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "at character 3: a group is not closed"),
        ("a)", "at character 2: unbalanced"),
        ("[a", "it ends too early"),
        ("a\\", "it ends too early"),
        ("*a", "nothing to repeat"),
        ("a{x}", "a repetition is"),
        ("a{2", "a repetition is"),
        ("a{3,2}", "counts up"),
        ("a{257}", "counts up"),
        ("a**", "needs a group"),
        ("^*", "an anchor cannot be repeated"),
        ("(?=a)", "look-around"),
        ("(?i)a", "look-around, flags"),
        ("(?P<x>a)", "named groups"),
        ("\\bword", "\\\\b is not supported"),
        ("(a)\\1", "\\\\1 is not supported"),
        ("[z-a]", "a range goes"),
        ("[\\d-z]", "a range goes"),
        ("(" * 31 + ")" * 31, "nest at most"),
    ],
)
def test_what_is_not_a_pattern_here_is_refused_with_its_place(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compile_pattern(pattern)
