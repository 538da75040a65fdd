from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pki.errors import StoreError
from pki.store.wire import format_time, parse_time, serial_hex

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-11-23T12:00:00Z"),
        (NOON.replace(microsecond=999_999), "2026-11-23T12:00:00Z"),
        (NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-11-23T12:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_is_written_in_utc_and_whole_seconds(moment, text):
    assert format_time(moment) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00.8Z",
        "2026-11-23T12:00:00.836515956Z",
        "2026-11-23T13:00:00+01:00",
        "2026-11-23T06:30:00-05:30",
    ],
)
def test_a_time_is_read_from_any_rfc_3339(text):
    assert parse_time(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T12:00:00",
        "20261123T120000Z",
        "2026-W48-1T12:00:00Z",
        "2026-11-23 12:00:00Z",
        "2026-11-23T12:00Z",
        "2026-13-23T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "٢٠٢٦-11-23T12:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text)


def test_a_time_without_a_zone_is_not_written():
    with pytest.raises(StoreError, match="no time zone"):
        format_time(NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("serial", "text"), [(0, "00"), (10, "0A"), (255, "FF"), (256, "0100"), (2**159, f"80{'0' * 38}")]
)
def test_a_serial_is_whole_octets_in_upper_case(serial, text):
    assert serial_hex(serial) == text
