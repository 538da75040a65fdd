from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from pki.findings import Severity
from pki.schemas import schema_names, validator
from reconciler.kinds.authority import OnIssuerRekey
from reconciler.kinds.keys import Rotation
from reconciler.kinds.policy import Effect
from reconciler.kinds.workspace import Removal
from reconciler.model import Action
from reconciler.plan.model import Due, Need
from tests.support.checkout import ROOT

SCHEMAS = sorted((ROOT / "schemas").glob("*.schema.json"))


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (value for key, value in schema.items() if key == "$ref")
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def test_every_file_in_the_folder_is_a_schema_that_the_accessor_knows() -> None:
    files = [path.name.removesuffix(".schema.json") for path in (ROOT / "schemas").iterdir() if path.suffix == ".json"]

    assert schema_names() == sorted(files)
    assert schema_names() != []


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_valid_json_schema_2020_12_and_says_what_it_is(path: Any) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"$id", "description"} <= schema.keys()
    assert schema["$id"].endswith(f"/{path.name}")


@pytest.mark.parametrize("name", schema_names())
def test_every_reference_resolves_among_the_shipped_schemas(name: str) -> None:
    schema = validator(name)
    resolver = schema._resolver

    for reference in _references(schema.schema):
        assert resolver.lookup(reference).contents is not None


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("resource", "$defs/key/properties/rotation", Rotation),
        ("certificate-authority", "properties/spec/properties/onIssuerRekey", OnIssuerRekey),
        ("workspace", "properties/spec/properties/removed/items/properties/action", Removal),
        ("policy", "properties/spec/properties/rules/items/properties/effect", Effect),
        ("plan", "$defs/change/properties/action", Action),
        ("plan", "$defs/finding/properties/severity", Severity),
        ("plan", "$defs/need/properties/use", get_args(get_type_hints(Need)["use"])),
        ("plan", "$defs/due/properties/what", get_args(get_type_hints(Due)["what"])),
    ],
)
def test_the_words_of_a_field_are_those_of_the_code(name: str, path: str, words: Iterable[str]) -> None:
    part = validator(name).schema
    for step in path.split("/"):
        part = part[step]

    assert sorted(part["enum"]) == sorted(words)
