from __future__ import annotations

import json

import pytest

from pki.errors import NewerFormatError, StateCorruptError, StoreError
from pki.store import records
from pki.store.meta import CaUrls, KeyMeta
from pki.store.records import Record


@pytest.mark.parametrize("length", range(0, 60, 3))
def test_a_file_that_was_cut_is_corrupt_at_any_length(length):
    text = b'{"crl": ["http://a.example/"], "ocsp": ["http://b.example/"]}'

    with pytest.raises(StateCorruptError, match=r"ca\.meta\.json is not complete JSON: .*line 1 column") as caught:
        records.loads(CaUrls, text[:length], "ca.meta.json")

    assert caught.value.hint == "nothing was changed; restore the file from git or a backup"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'{"crl": [], "crl": []}', "'crl' stands twice in one object"),
        (b'{"crl": NaN}', "NaN is not JSON"),
        (b'{"crl": -Infinity}', "-Infinity is not JSON"),
        (b'{"crl": "\xff"}', "can't decode byte 0xff"),
        (b"[" * 100_000, "recursion"),
        (b'{"crl": 1' + b"0" * 5000 + b"}", "integer string conversion"),
    ],
)
def test_what_is_not_strict_json_is_corrupt(text, problem):
    with pytest.raises(StateCorruptError, match=problem):
        records.loads(CaUrls, text, "ca.meta.json")


@pytest.mark.parametrize("before", [b"", b'{\n  "crl": [],\n'])
def test_a_merge_conflict_is_called_one(before):
    text = before + b'<<<<<<< HEAD\n  "ocsp": []\n=======\n  "ocsp": ["x"]\n>>>>>>> theirs\n}\n'

    with pytest.raises(StateCorruptError, match="git merge conflict") as caught:
        records.loads(CaUrls, text, "ca.meta.json")

    assert caught.value.hint == "resolve the merge conflict in it"


@pytest.mark.parametrize("data", [[], "text", 7, None, True])
def test_what_is_no_object_is_no_record(data):
    with pytest.raises(StateCorruptError, match=r"^ca\.meta\.json: must be an object$"):
        records.from_dict(CaUrls, data, "ca.meta.json")


def test_a_newer_format_is_refused_before_anything_else_is_looked_at():
    with pytest.raises(NewerFormatError, match=r"has format 2, this qpki reads up to 1") as caught:
        records.from_dict(CaUrls, {"format": 2, "crl": {"entirely": "different"}}, "ca.meta.json")

    assert "newer qpki" in str(caught.value.hint)


@pytest.mark.parametrize("number", [0, -1, True, "1", 1.0, None, []])
def test_a_format_that_is_no_number_from_one_on_is_corrupt(number):
    with pytest.raises(StateCorruptError, match="format must be a whole number"):
        records.from_dict(CaUrls, {"format": number}, "ca.meta.json")


def test_a_file_has_sorted_keys_two_spaces_text_as_it_is_and_a_final_newline():
    urls = CaUrls(ocsp=("http://é.example/",), crl=("http://a.example/",), extra={"zone": 1, "a": {"c": 1, "b": 2}})

    assert records.dumps(urls).decode() == (
        '{\n  "a": {\n    "b": 2,\n    "c": 1\n  },\n  "crl": [\n    "http://a.example/"\n  ],\n  "format": 1,\n'
        '  "ocsp": [\n    "http://é.example/"\n  ],\n  "zone": 1\n}\n'
    )


def test_a_default_is_left_out():
    assert records.to_dict(CaUrls()) == {}


@pytest.mark.parametrize(
    "value", [float("nan"), b"bytes", {1: "a", "b": 2}, "\ud800", pytest.param(object(), id="object")], ids=repr
)
def test_a_value_that_json_cannot_hold_is_not_written(value):
    with pytest.raises(StoreError, match="cannot be recorded as JSON"):
        records.dumps(CaUrls(extra={"value": value}))


def test_what_a_storage_has_no_field_for_survives_beside_what_it_has():
    data = {
        "id": "spare",
        "algorithm": "ecdsa-p256",
        "created": "2026-01-02T10:30:00Z",
        "spki_sha256": "0" * 64,
        "storage": {"type": "pkcs11", "config": "hsm.yaml", "label": "spare", "slot": 7, "empty": {}, "null": None},
        "list": [],
    }

    assert records.to_dict(records.from_dict(KeyMeta, data, "key.meta.json")) == data


def test_records_are_values():
    first, second = (CaUrls(crl=("a",), extra={"x": {}}) for _ in range(2))

    assert first == second
    assert hash(first) == hash(second)
    assert isinstance(first, Record)
    assert json.loads(records.dumps(first)) == {"crl": ["a"], "format": 1, "x": {}}
