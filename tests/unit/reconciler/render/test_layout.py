from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.errors import PkiError
from reconciler.render import layout


def test_times_are_rfc3339_in_utc_to_the_second():
    moment = datetime(2026, 11, 23, 9, 6, 21, 999999, tzinfo=timezone(timedelta(hours=1)))

    assert layout.instant(moment) == "2026-11-23T08:06:21Z"
    assert layout.readable("2026-11-23T08:06:21Z") == "2026-11-23 08:06:21 UTC"
    assert layout.day("2026-11-23T08:06:21Z") == "2026-11-23"
    assert layout.instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(days=7), "7 days"),
        (timedelta(days=1, hours=12), "1 day 12 hours"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(seconds=30), "less than a minute"),
    ],
)
def test_durations_are_written_in_whole_units(duration, text):
    assert layout.span(duration) == text


def test_fields_stand_in_one_column_and_empty_ones_are_left_out():
    rows = [("Name", "x"), ("Alternative", ["a", "b"]), ("None", None), ("Empty", []), ("Blank", ""), ("On", False)]

    assert layout.fields(rows) == ("  Name:        x\n  Alternative: a\n               b\n  On:          no")
    assert layout.fields([]) == ""
    assert layout.fields([("Count", 0)], indent=0) == "Count: 0"


def test_tables_have_a_header_and_nothing_trails():
    assert layout.table(("NAME", "ON", "X"), [("a-long-name", True, None), ("b", False, "")]) == (
        "NAME         ON   X\na-long-name  yes  -\nb            no"
    )


def test_a_value_cannot_forge_a_line_or_a_column():
    assert layout.fields([("CN", "a\n  Serial: 1\t\x1b[0m")]) == "  CN: a\\n  Serial: 1\\t\\x1b[0m"
    assert layout.table(("A",), [("x\r\ny",)]) == "A\nx\\r\\ny"


def test_printable_keeps_lines_and_words_in_every_script():
    assert layout.printable("Société Générale\n日本 · 🟢") == "Société Générale\n日本 · 🟢"


@pytest.mark.parametrize(
    "hidden", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u200b", "\u202e", "\u2066", "\u2028", "\ud800"]
)
def test_printable_shows_what_hides(hidden):
    shown = layout.printable(f"a{hidden}b")

    assert hidden not in shown
    assert shown.startswith("a\\")
    assert shown.isascii()


@given(st.text())
def test_printable_text_never_has_a_control_character(text):
    assert layout.printable(text).replace("\n", "").isprintable()
    assert "\n" not in layout.inline(text)


def test_json_is_ascii_in_the_order_given():
    assert layout.as_json({"b": "é\x1b", "a": [1, None]}) == (
        '{\n  "b": "\\u00e9\\u001b",\n  "a": [\n    1,\n    null\n  ]\n}'
    )


def test_counts_agree_with_their_noun():
    assert [layout.count(number, "profile") for number in (0, 1, 2)] == ["0 profiles", "1 profile", "2 profiles"]


def test_serials_are_bare_for_people():
    assert layout.bare("0x1A2B") == "1A2B"


def test_an_unknown_algorithm_is_said_to_be_unknown():
    def fail() -> str:
        raise PkiError("not in the table")

    assert layout.or_unknown(lambda: "x") == "x"
    assert layout.or_unknown(fail) == "unknown"
