"""Durations are read as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pki.profiles.durations import format_duration, parse_duration, parse_span


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8760h", timedelta(days=365)),
        ("365d", timedelta(days=365)),
        ("1y", timedelta(days=365)),
        ("30d12h", timedelta(days=30, hours=12)),
        ("1y2w3d4h5m6s", timedelta(days=382, hours=4, minutes=5, seconds=6)),
        ("90m", timedelta(minutes=90)),
        ("0d1s", timedelta(seconds=1)),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, expected: timedelta) -> None:
    assert expected == parse_duration(text)


@pytest.mark.parametrize(
    "text", ["", "0d", "1", "d", "12h30d", "1d1d", "1.5d", "-1d", "1 d", "1D", "\u0661d", "1d ", "1000000000s"]
)
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration, such as"):
        parse_duration(text)


def test_a_duration_beyond_all_calendars_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than time"):
        parse_duration("999999999y")


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(days=365), "365d"),
        (timedelta(hours=36), "1d12h"),
        (timedelta(days=382, hours=4, minutes=5, seconds=6), "382d4h5m6s"),
        (timedelta(seconds=59, microseconds=999999), "59s"),
        (timedelta(), "0s"),
    ],
)
def test_a_duration_is_written_in_days_and_less(duration: timedelta, expected: str) -> None:
    assert expected == format_duration(duration)


def test_a_span_can_be_none_and_is_written_as_it_is_read() -> None:
    assert parse_span("0s") == timedelta() == parse_span(format_duration(timedelta()))
    assert parse_span("36h") == timedelta(hours=36)
    with pytest.raises(ValueError, match="is not a duration"):
        parse_span("0d")


def test_what_is_written_is_read_as_the_same() -> None:
    for seconds in (1, 59, 60, 3600, 86399, 86400, 10**9):
        assert timedelta(seconds=seconds) == parse_duration(format_duration(timedelta(seconds=seconds)))
