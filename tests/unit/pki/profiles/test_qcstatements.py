"""The statements of qualified certificates, in the bytes of ETSI EN 319 412-5."""

from __future__ import annotations

from typing import Any

import pytest

from pki.profiles.qcstatements import encode

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
