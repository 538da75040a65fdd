"""Patterns mean what people expect, and none can hang."""

from __future__ import annotations

import time

import pytest

from pki.profiles.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("^[A-Z]{2}$", ["FR"], ["fr", "FRA", "F", "", "FR\n"]),
        ("b", ["abc", "b"], ["ac", ""]),
        ("^(www|api)\\.", ["www.x", "api.y"], ["wwwx", "ftp.x"]),
        ("^\\d{3,}$", ["123", "1234"], ["12", "12a", "١٢٣"]),
        ("^a.c$", ["abc", "aéc"], ["a\nc", "ac"]),
    ],
)
def test_a_pattern_is_found_anywhere_unless_it_is_anchored(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    found = [text for text in matching + others if compile_pattern(pattern).search(text)]

    assert found == matching


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)*$", "^(a?){256}a{256}$", "(.*)(.*)(.*)(.*)x"])
def test_a_pattern_that_hangs_other_engines_answers_at_once(pattern: str) -> None:
    started = time.process_time()

    assert not compile_pattern(pattern).search("a" * 1000 + "b")
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "missing \\)"),
        ("*a", "no argument for repetition operator"),
        ("[z-a]", "invalid character class range"),
        ("(?=a)", "invalid perl operator"),
        ("(a)\\1", "invalid escape sequence"),
        ("((((a{100}){100}){100}){100}){100}", "invalid repetition size"),
    ],
)
def test_what_is_not_a_pattern_here_is_refused_with_the_reason(pattern: str, reason: str, capfd) -> None:
    with pytest.raises(ValueError, match=reason):
        compile_pattern(pattern)

    assert capfd.readouterr().err == ""
