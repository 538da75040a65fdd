"""The statements of qualified certificates, in the bytes of ETSI EN 319 412-5."""

from __future__ import annotations

from typing import Any

import pytest

from pki.errors import EncodingError
from pki.profiles.qcstatements import describe, encode

NOTHING: dict[str, Any] = {"compliance": False, "kind": None, "sscd": False, "retention_years": None, "pds": []}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"compliance": True}, "300a 3008 0606 04008e460101"),
        ({"sscd": True}, "300a 3008 0606 04008e460104"),
        ({"retention_years": 15}, "300d 300b 0606 04008e460103 02010f"),
        ({"retention_years": 0}, "300d 300b 0606 04008e460103 020100"),
        ({"kind": "esign"}, "3015 3013 0606 04008e460106 3009 0607 04008e46010601"),
        ({"kind": "eseal"}, "3015 3013 0606 04008e460106 3009 0607 04008e46010602"),
        ({"kind": "web"}, "3015 3013 0606 04008e460106 3009 0607 04008e46010603"),
        (
            {"pds": [("https://a", "en"), ("https://b", "fr")]},
            "302e 302c 0606 04008e460105 3022 300f1609 68747470733a2f2f61 1302656e300f1609 68747470733a2f2f62 13026672",
        ),
        ({"compliance": True, "sscd": True}, "3014 3008 0606 04008e460101 3008 0606 04008e460104"),
    ],
)
def test_each_statement_has_its_bytes(given: dict[str, Any], expected: str) -> None:
    assert bytes.fromhex(expected) == encode(**(NOTHING | given))


def test_no_statement_is_no_extension() -> None:
    assert encode(**NOTHING) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"compliance": True, "sscd": True}, ["compliance", "key on a QSCD"]),
        ({"retention_years": 15}, ["retention in years: 15"]),
        ({"kind": "eseal"}, ["type eseal"]),
        ({"pds": [("https://a", "en"), ("https://b", "fr")]}, ["PDS https://a (en), https://b (fr)"]),
    ],
)
def test_each_statement_is_read_back_in_words(given: dict[str, Any], expected: list[str]) -> None:
    value = encode(**(NOTHING | given))

    assert value is not None
    assert expected == describe(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3008 3006 0604 88370304", "2.999.3.4"),
        ("300b 3009 0604 88370304 02010f", "2.999.3.4 02010f"),
        ("300d 300b 0606 04008e460103 0c0131", "0.4.0.1862.1.3 0c0131"),
        ("3013 3011 0606 04008e460106 3007 0605 88378f8f00", "type 2.999.247680"),
    ],
)
def test_what_is_not_known_is_shown_as_it_stands(value: str, expected: str) -> None:
    assert describe(bytes.fromhex(value)) == [expected]


@pytest.mark.parametrize("value", ["", "0500", "3002 0500", "3002 3000", "3006 3004 020101 00"])
def test_what_is_no_list_of_statements_is_refused(value: str) -> None:
    with pytest.raises(EncodingError):
        describe(bytes.fromhex(value))
