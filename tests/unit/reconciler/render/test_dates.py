"""How far a date is, in the words of a plan."""

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.render.dates import ahead, date, distance, elapsed, left, minute

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration", "shown"),
    [
        (timedelta(days=27, hours=23), "27 days"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=1, hours=12), "36 hours"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=90), "1 minute"),
        (timedelta(seconds=59), "less than a minute"),
    ],
)
def test_a_distance_is_in_the_largest_unit_that_it_has_two_of(duration, shown):
    assert distance(duration) == shown


def test_the_past_is_ago_and_the_future_is_left_or_in():
    tomorrow, yesterday = NOW + timedelta(days=2), NOW - timedelta(days=2)

    assert (left(tomorrow, NOW), ahead(tomorrow, NOW)) == ("2 days left", "in 2 days")
    assert (left(yesterday, NOW), ahead(yesterday, NOW)) == ("2 days ago", "2 days ago")


@pytest.mark.parametrize(("hours", "percent"), [(-1, 0), (0, 0), (5, 50), (9, 90), (10, 100), (99, 100)])
def test_what_is_over_of_a_lifetime_is_between_nothing_and_all(hours, percent):
    assert elapsed(NOW, NOW + timedelta(hours=10), NOW + timedelta(hours=hours)) == percent


def test_a_lifetime_of_no_length_is_over():
    assert elapsed(NOW, NOW, NOW) == 100


def test_dates_are_in_utc():
    late = datetime.fromisoformat("2026-11-23T23:30:00-05:00")

    assert (date(late), minute(late)) == ("2026-11-24", "2026-11-24 04:30 UTC")
