"""The schemas, the documentation and the code say the same about every file."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from pki.errors import StoreError
from pki.keyrefs import key_ref
from pki.schemas import schema_text, validator
from pki.store import index, records
from pki.store.journal import Journal
from pki.store.meta import CaMeta, CredentialMeta, KeyMeta
from tests.support.checkout import ROOT

KINDS = {"ca-meta": CaMeta, "credential-meta": CredentialMeta, "key-meta": KeyMeta}
SHARED = {"format", "name", "names", "instant", "serial", "hex", "sha256", "subject", "storage", "issuer"}
SHARED |= {"generation", "flag"}
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")

# One value of each sort, and some that only just are or are not what a field takes.
VALUES = (
    None, True, False, 0, 1, 2, -1, 0.5, 2**60, "", "x", "valid", "fine", "0", "12", "1" * 49, "1" * 50, "-1", "é",
    "0x", "0x1A", "0X1A", "0x1a", "1A", "0x" + "F" * 64, "0x" + "F" * 65, "AB", "ab", "xyz", "a" * 64, "A" * 64,
    "a" * 63, "2026-01-02T10:30:00Z", "2026-01-02T10:30:00.5+01:00", "2026-01-02", "2026-01-02T10:30:00", "software",
    "pkcs11", [], [1], ["x"], [""], [[]], [{}], {}, {"a": 1}, {"a": "x"}, {"a": ["x"]}, {"a": ["x", 1]},
    {"kind": "x"}, {"kind": 1}, {"digest": ""}, {"type": "software"}, {"type": "software", "path": "x"},
    {"type": "software", "path": 1}, {"type": "software", "path": "x", "passphrase_env": None},
    {"type": "software", "path": "x", "label": 1}, {"type": "pkcs11", "config": "x"},
    {"type": "pkcs11", "config": "x", "label": ""}, {"type": "pkcs11", "config": "x", "key_id": "01"},
    {"type": "pkcs11", "config": "x", "label": "", "key_id": "01"}, {"type": "pkcs11", "label": "x"},
    {"type": "tpm", "path": "x"},
)  # fmt: skip


CHANGES: tuple[tuple[Any, ...], ...] = ((), *((value,) for value in VALUES))


def example(heading: str, language: str = "json") -> str:
    section = PAGE.split(f"\n### {heading}\n")[1]
    match = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert match is not None
    return match[1]


EXAMPLES = {name: json.loads(example(f"{name.replace('-meta', '.meta')}.json")) for name in KINDS}


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in steps:
        yield (*path, step)
        yield from places(value, (*path, step))


def changed(data: Any, path: tuple[str | int, ...], *value: Any) -> Any:
    """Return a copy with the value at `path` replaced, or removed when none is given."""
    data = copy.deepcopy(data)
    parent = data
    for step in path[:-1]:
        parent = parent[step]
    if value:
        parent[path[-1]] = value[0]
    else:
        del parent[path[-1]]
    return data


def loads(kind: type[records.Record], data: Any) -> bool:
    try:
        records.from_dict(kind, data, "file")
    except StoreError:
        return False
    return True


@pytest.mark.parametrize("name", KINDS)
def test_the_schema_and_the_code_accept_the_same_documents(name):
    base = EXAMPLES[name]
    valid = validator(name).is_valid
    documents = [changed(base, path, *change) for path in places(base) for change in CHANGES]

    assert [data for data in documents if valid(data) != loads(KINDS[name], data)] == []
    assert {loads(KINDS[name], data) for data in documents} == {True, False}
    assert not valid([])
    assert not loads(KINDS[name], [])


@pytest.mark.parametrize("name", KINDS)
def test_an_example_of_the_page_has_every_key_that_the_schema_names(name):
    """Or the comparison above would not look at it."""
    shown = {path[-1] for path in places(EXAMPLES[name]) if isinstance(path[-1], str)}
    document = json.loads(schema_text(name))
    parts = [document, *(part for title, part in document["$defs"].items() if title != "storage")]
    named = {key for part in parts for key in part.get("properties", {})}

    assert named - shown == set()


def test_what_the_schemas_share_is_the_same_in_each():
    """They stand alone, so that an editor needs no second file and no network."""
    parts = [part for name in KINDS for part in json.loads(schema_text(name))["$defs"].items() if part[0] in SHARED]

    assert len({json.dumps(part, sort_keys=True) for part in parts}) == len(SHARED)


@pytest.mark.parametrize("name", KINDS)
def test_an_example_of_the_page_is_what_the_code_reads_and_writes(name):
    record = records.from_dict(KINDS[name], EXAMPLES[name], "docs/formats.md")

    assert list(validator(name).iter_errors(EXAMPLES[name])) == []
    assert json.loads(records.dumps(record)) == EXAMPLES[name]
    assert record.extra == {}


def test_the_storage_of_the_page_is_one():
    storage = json.loads(example("storage"))

    assert key_ref(storage).to_dict() == storage


def test_the_index_of_the_page_is_one():
    entries = index.parse_index(example("index.txt", "text"))

    assert [entry.status for entry in entries] == ["V", "R", "E"]
    assert "".join(map(index.format_entry, entries)) == example("index.txt", "text")


def test_the_journal_of_the_page_is_one(tmp_path):
    text = example("journal/issued.jsonl", "jsonl")
    (tmp_path / "page").write_text(text)
    shown = Journal(tmp_path / "page")
    rewritten = Journal(tmp_path / "rewritten")
    (tmp_path / "open").write_text(text.splitlines(keepends=True)[0])

    (intent,) = Journal(tmp_path / "open").unfinished()
    rewritten.intend([intent])
    rewritten.done([intent.serial])

    assert shown.unfinished() == []
    assert rewritten.path.read_text() == text
