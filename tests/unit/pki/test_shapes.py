"""A schema as a quick function says what jsonschema says."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pki.schemas import acceptance, schema_names
from pki.shapes import compile_schema

VALUES: list[Any] = [
    None, True, False, 0, 1, 2, 5, -1, 1.0, 1.5, "", "a", "ab", "abc", "é", "1",
    [], [1], [1, 2], [1, 1], [1, True], [1, 1.0], ["a", "a"], [[1], [1]], [{"a": 1}, {"a": 1.0}],
    [{"a": 1}, {"a": True}],
    {}, {"a": 1}, {"a": "x"}, {"a": 1, "b": 2}, {"b": 2}, {"a": 1, "c": 3}, {"a": {"a": 1}}, {"abc": 1},
]  # fmt: skip

SCHEMAS: list[Any] = [
    True,
    False,
    {},
    *({"type": name} for name in ("object", "array", "string", "integer", "number", "boolean", "null")),
    {"type": ["string", "null"]},
    {"const": 1},
    {"const": [1, True]},
    {"enum": [1, "a", None, {"a": 1}]},
    {"minimum": 1},
    {"maximum": 1},
    {"minLength": 2},
    {"maxLength": 1},
    {"pattern": "^a"},
    {"pattern": "b"},
    {"minItems": 1},
    {"maxItems": 1},
    {"uniqueItems": True},
    {"uniqueItems": False},
    {"minProperties": 1},
    {"maxProperties": 1},
    {"required": ["a", "b"]},
    {"dependentRequired": {"a": ["b"]}},
    {"dependentSchemas": {"a": {"required": ["b"]}}},
    {"properties": {"a": {"type": "integer"}}},
    {"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"additionalProperties": {"type": "integer"}, "properties": {"a": {}}},
    {"additionalProperties": {"type": "string"}},
    {"additionalProperties": False},
    {"propertyNames": {"maxLength": 1}},
    {"items": {"type": "integer"}},
    {"not": {"type": "string"}},
    {"allOf": [{"minimum": 1}, {"maximum": 1}]},
    {"anyOf": [{"type": "string"}, {"minimum": 2}]},
    {"oneOf": [{"type": "string"}, {"minLength": 2}, {"minimum": 2}]},
    {"if": {"type": "integer"}, "then": {"minimum": 1}},
    {"title": "x", "description": "x", "default": 1, "writeOnly": True, "format": "uri", "$defs": {"a": False}},
]


def accepts(schema: Any, value: Any, **others: Any) -> bool:
    return compile_schema("first", {"first": schema, **others}.__getitem__)(value)


@pytest.mark.parametrize("schema", SCHEMAS, ids=repr)
def test_each_keyword_means_what_it_means_to_jsonschema(schema: Any) -> None:
    expected = [Draft202012Validator(schema).is_valid(value) for value in VALUES]

    assert [accepts(schema, value) for value in VALUES] == expected


def test_a_reference_leads_to_a_part_a_file_or_a_part_of_a_file() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/text"}, "b": {"$ref": "other"}, "c": {"$ref": "other#/$defs/deep"}},
        "$defs": {"text": {"type": "string"}},
    }
    other = {"$ref": "#/$defs/deep", "$defs": {"deep": {"type": "integer"}}}

    assert accepts(schema, {"a": "x", "b": 1, "c": 2}, other=other)
    for wrong in ({"a": 1}, {"b": "x"}, {"c": "x"}):
        assert not accepts(schema, wrong, other=other)


def test_a_schema_can_refer_to_itself() -> None:
    schema = {"type": "object", "additionalProperties": {"$ref": "#"}}

    assert accepts(schema, {"a": {"b": {}}})
    assert not accepts(schema, {"a": {"b": 1}})


def test_what_stands_beside_a_reference_counts_too() -> None:
    schema = {"$ref": "#/$defs/text", "minLength": 2, "$defs": {"text": {"type": "string"}}}

    assert [accepts(schema, value) for value in ("ab", "a", 1)] == [True, False, False]


@pytest.mark.parametrize("keyword", ["prefixItems", "patternProperties", "unevaluatedProperties", "contains", "else"])
def test_a_keyword_that_is_not_known_is_not_ignored(keyword: str) -> None:
    with pytest.raises(NotImplementedError, match=f"JSON Schema keyword {keyword}"):
        accepts({keyword: {}}, 1)


@pytest.mark.parametrize("name", schema_names())
def test_every_shipped_schema_compiles(name: str) -> None:
    nothing_asked = name == "resource"  # it only holds parts for others

    assert acceptance(name)([]) is nothing_asked
