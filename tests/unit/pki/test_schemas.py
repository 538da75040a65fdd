"""What a schema refuses is said in plain words, with the place and a suggestion, and never with a secret."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry

from pki import schemas
from pki.algorithms import ALGORITHMS
from pki.names import ATTRIBUTES
from pki.profiles.model import VariableType
from pki.profiles.usages import EXTENDED_KEY_USAGES, KEY_USAGES
from pki.schemas import (
    Problem,
    bundled_schema,
    closest,
    explain,
    path_text,
    schema_names,
    schema_text,
    validator,
)
from pki.x509.crls import REASONS


def said(schema: dict[str, Any], data: Any) -> list[tuple[tuple[str | int, ...], str]]:
    return [(problem.path, problem.message) for problem in explain(Draft202012Validator(schema), data)]


def test_every_shipped_schema_is_listed_and_readable() -> None:
    assert {"profile", "var-file"} <= set(schema_names())
    for name in schema_names():
        assert json.loads(schema_text(name)) == validator(name).schema


def test_a_schema_is_compiled_once() -> None:
    assert validator("profile") is validator("profile")


def test_an_unknown_schema_is_a_lookup_error_that_lists_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"no schema 'profil'; there are: .*profile"):
        schema_text("profil")


def test_a_path_cannot_be_smuggled_in_as_a_schema_name() -> None:
    with pytest.raises(LookupError):
        schema_text("../schemas/profile")


def test_a_reference_to_a_shipped_schema_resolves_without_a_network() -> None:
    registry = validator("profile")._registry

    assert (
        registry.get_or_retrieve("https://qpki.io/schemas/var-file.schema.json").value.contents
        == validator("var-file").schema
    )


def test_a_reference_to_anything_else_is_refused() -> None:
    from referencing.exceptions import NoSuchResource

    with pytest.raises(NoSuchResource):
        validator("profile")._registry.get_or_retrieve("https://example.com/other.schema.json")


def test_importing_the_accessor_does_not_load_jsonschema() -> None:
    code = "import sys, pki.schemas, pki.documents, pki.profiles.catalog; print('jsonschema' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("schema", "data", "expected"),
    [
        ({"type": "object"}, [], "the document must be a mapping"),
        ({"type": ["string", "boolean"]}, 5, "the document must be text or true or false, not 5"),
        ({"title": "a colour", "type": "string"}, 5, "the document must be a colour, not 5"),
        ({"enum": ["red", "green"]}, "blue", 'the document must be one of red, green, not "blue"'),
        ({"const": 1}, 2, "the document must be 1, not 2"),
        ({"minLength": 3}, "ab", 'the document must have at least 3 characters, not "ab"'),
        ({"maxLength": 1}, "ab", 'the document must have at most 1 characters, not "ab"'),
        ({"minimum": 3}, 2, "the document must be at least 3, not 2"),
        ({"exclusiveMaximum": 3}, 3, "the document must be less than 3, not 3"),
        ({"minItems": 1}, [], "the document must have at least 1 items"),
        ({"uniqueItems": True}, [1, 1], "the document must not repeat an item"),
        ({"multipleOf": 2}, 3, "the document must satisfy multipleOf 2, not 3"),
        ({"pattern": "^a"}, "x" * 99, "the document must satisfy pattern ^a"),
        ({"required": ["a"]}, {}, "the document needs `a`"),
        (False, "s3cret", "the document is not allowed here"),
    ],
)
def test_each_kind_of_refusal_has_its_words(schema: Any, data: Any, expected: str) -> None:
    assert [((), expected)] == said(schema, data)


def test_every_missing_and_every_unknown_key_is_told_apart() -> None:
    schema = {"required": ["a", "b"], "additionalProperties": False, "properties": {"a": {}, "b": {}}}

    assert {message for _, message in said(schema, {"c": 1, "d": 2})} == {
        "the document needs `a`",
        "the document needs `b`",
        "unknown key `c`",
        "unknown key `d`",
    }


def test_an_unknown_key_comes_with_the_nearest_known_one_or_all_of_them() -> None:
    schema = {
        "properties": {
            "spec": {
                "additionalProperties": False,
                "properties": {"validity": {}, "Algorithm": {}, "pin": {"not": {}}},
                "patternProperties": {"^x-": {}},
            }
        }
    }
    found = explain(Draft202012Validator(schema), {"spec": {"validty": 1, "zzz": 1, "x-own": 1, "algorithm": 1}})

    assert found == [
        Problem(
            ("spec", "validty"),
            "schema.unknown-key",
            "unknown key `validty` in `spec`",
            "did you mean `validity`?",
            True,
        ),
        Problem(
            ("spec", "zzz"), "schema.unknown-key", "unknown key `zzz` in `spec`", "it takes: validity, Algorithm", True
        ),
        Problem(
            ("spec", "algorithm"),
            "schema.unknown-key",
            "unknown key `algorithm` in `spec`",
            "did you mean `Algorithm`?",
            True,
        ),
    ]


def test_an_unknown_key_where_none_is_allowed_has_no_suggestion() -> None:
    (found,) = explain(Draft202012Validator({"additionalProperties": False}), {"a": 1})

    assert found.hint is None


def test_a_key_that_is_refused_for_a_reason_gives_the_reason_and_not_its_value() -> None:
    schema = {"properties": {"pin": {"not": {}, "description": "a PIN has no place in a file"}, "x": {"not": {}}}}

    assert said(schema, {"pin": "s3cret", "x": "s3cret"}) == [
        (("pin",), "`pin` is not allowed here: a PIN has no place in a file"),
        (("x",), "`x` is not allowed here"),
    ]


def test_a_value_that_may_be_secret_is_not_repeated() -> None:
    schema = {"properties": {"pin_env": {"writeOnly": True, "pattern": "^[A-Z_]+$", "title": "a variable name"}}}

    assert said(schema, {"pin_env": "1234"}) == [(("pin_env",), "`pin_env` must be a variable name")]


def test_a_misspelt_choice_has_a_suggestion() -> None:
    (found,) = explain(Draft202012Validator({"items": {"enum": ["serverAuth", 5]}}), ["serverauth"])

    assert found.hint == "did you mean `serverAuth`?"
    assert found.path == (0,)


def test_of_several_alternatives_the_one_that_was_meant_is_explained() -> None:
    by_key = {"type": "object", "required": ["key"], "additionalProperties": False, "properties": {"key": {}}}
    schema = {"oneOf": [{"type": "string"}, by_key]}

    assert said(schema, {"ky": 1}) == [((), "the document needs `key`"), (("ky",), "unknown key `ky`")]


def test_alternatives_with_a_title_are_explained_by_it() -> None:
    schema = {"title": "a name or a number", "anyOf": [{"type": "string"}, {"type": "integer"}]}

    assert said(schema, None) == [((), "the document must be a name or a number, not null")]


def test_the_same_refusal_is_said_once() -> None:
    schema = {"allOf": [{"type": "string"}, {"type": "string"}]}

    assert len(said(schema, 1)) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [((), ""), (("a", "b", 0), "a.b[0]"), ((0, "a"), "[0].a"), (("values", 2, "x"), "values[2].x")],
)
def test_a_path_reads_as_people_write_it(path: tuple[str | int, ...], expected: str) -> None:
    assert expected == path_text(path)


@pytest.mark.parametrize(
    ("word", "expected"), [("OCSPSigning", "did you mean `ocspSigning`?"), ("nothing-like-it", None), ("", None)]
)
def test_a_suggestion_ignores_case_and_is_silent_when_nothing_is_near(word: str, expected: str | None) -> None:
    assert expected == closest(word, ["ocspSigning", "serverAuth"])


def test_the_profile_schema_and_the_tables_of_the_code_list_the_same_words() -> None:
    schema = json.loads(schema_text("profile"))
    extensions = schema["properties"]["extensions"]["properties"]

    assert schema["properties"]["algorithm"]["enum"] == list(ALGORITHMS)
    assert list(schema["properties"]["subject"]["properties"]) == list(ATTRIBUTES)
    assert extensions["keyUsage"]["properties"]["values"]["items"]["enum"] == list(KEY_USAGES)
    assert extensions["extKeyUsage"]["properties"]["values"]["items"]["anyOf"][0]["enum"] == list(EXTENDED_KEY_USAGES)
    assert schema["$defs"]["variable"]["properties"]["type"]["enum"] == list(VariableType)


def test_the_lists_of_the_resource_schema_are_those_of_the_tables() -> None:
    parts = json.loads(schema_text("resource"))["$defs"]

    assert parts["algorithm"]["enum"] == list(ALGORITHMS)
    assert {*parts["reason"]["enum"], "removeFromCRL"} == set(REASONS)


def test_a_bundled_schema_needs_no_other_file() -> None:
    for name in schema_names():
        schema = json.loads(bundled_schema(name))
        alone = Draft202012Validator(schema, registry=Registry())

        Draft202012Validator.check_schema(schema)
        for data in (
            {},
            {"apiVersion": "qpki.io/v1", "metadata": {"name": "a"}, "spec": {"key": {"lable": 1}, "template": {}}},
        ):
            assert [each.message for each in explain(alone, data)] == [
                each.message for each in explain(validator(name), data)
            ]


def test_a_schema_that_stands_alone_is_bundled_as_it_is() -> None:
    assert bundled_schema("profile") == schema_text("profile")


def test_an_unknown_schema_is_not_bundled() -> None:
    with pytest.raises(LookupError):
        bundled_schema("profil")


def test_what_is_accepted_is_not_looked_into_further() -> None:
    code = (
        "import sys; from pki.schemas import problems; problems('var-file', {'a': 1});"
        "print('jsonschema' in sys.modules); problems('var-file', {'a': {}}); print('jsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\nTrue\n"


def test_the_schemas_come_from_the_checkout_when_there_is_no_installed_copy() -> None:
    assert (schemas._folder() / "profile.schema.json").is_file()
