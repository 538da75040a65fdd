"""The only door to the JSON Schemas that ship with qpki, and their refusals in plain words.

They are JSON Schema 2020-12, written for editors as much as for us. Two annotations make the words plain: `title`
completes the sentence "must be …" ("a duration such as 365d"), and `writeOnly: true` marks a value that no message may
repeat. A key that is refused for a reason is written `{"not": {}, "description": "the reason; the way out"}`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pki.shapes import Check, compile_schema

if TYPE_CHECKING:
    import referencing
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_SUFFIX = ".schema.json"
_MAX_SHOWN = 60

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}

_PHRASES = {
    "const": "must be {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} keys",
    "maxProperties": "must have at most {} keys",
    "uniqueItems": "must not repeat an item",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal. `path` leads to the value or, where `at_key`, its last step is a key that should not be there."""

    path: tuple[str | int, ...]
    code: str
    message: str
    hint: str | None = None
    at_key: bool = False
    clause: str | None = None


def schema_names() -> list[str]:
    return sorted(entry.name.removesuffix(_SUFFIX) for entry in _folder().iterdir() if entry.name.endswith(_SUFFIX))


def schema_text(name: str) -> str:
    """Return the schema as it ships.

    Raises:
        LookupError: there is no schema of that name.
    """
    if name not in schema_names():
        raise LookupError(f"there is no schema {name!r}; there are: {', '.join(schema_names())}")
    return (_folder() / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def bundled_schema(name: str) -> str:
    """Return the schema with all that it refers to inside it, for a reader that has only this text, such as an editor.

    Raises:
        LookupError: there is no schema of that name.
    """
    text = schema_text(name)
    parts: dict[str, Any] = {}
    schema: dict[str, Any] = _bundled(json.loads(text), "", parts)
    if not parts:
        return text
    schema["$defs"] = schema.get("$defs", {}) | parts
    return json.dumps(schema, indent=2) + "\n"


def _bundled(part: Any, home: str, parts: dict[str, Any]) -> Any:  # noqa: ANN401  any part of a schema
    """Return a part of the schema in the file `home` ("" is the first) with references into `parts`, and fill those."""
    if isinstance(part, list):
        return [_bundled(item, home, parts) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _bundled(item, home, parts) for key, item in part.items()}
    if isinstance(part.get("$ref"), str):
        file, _, path = part["$ref"].partition("#")
        file = file or home
        if file and file not in parts:
            parts[file] = {}  # it can refer to itself
            whole = {key: item for key, item in _load(file).items() if key not in {"$schema", "$id"}}
            parts[file] = _bundled(whole, file, parts)
        found["$ref"] = f"#/$defs/{file}{path}" if file else part["$ref"]
    return found


@cache
def validator(name: str) -> Validator:
    """Return the compiled schema; a `$ref` to another document finds a shipped schema by file name, never a network."""
    import jsonschema  # noqa: PLC0415  costs 70 ms, and most commands validate nothing
    from referencing import Registry  # noqa: PLC0415  the same

    registry: Registry[Any] = Registry(retrieve=_shipped)  # type: ignore[call-arg]  # an attrs alias
    return jsonschema.Draft202012Validator(_load(f"{name}{_SUFFIX}"), registry=registry)


@cache
def acceptance(name: str) -> Check:
    """Return the schema as a quick function that says yes or no."""
    return compile_schema(f"{name}{_SUFFIX}", _load)


def problems(name: str, data: Any) -> list[Problem]:  # noqa: ANN401  any JSON value
    """Return what the shipped schema of that name refuses in `data`."""
    return [] if acceptance(name)(data) else explain(validator(name), data)


def explain(schema: Validator, data: Any) -> list[Problem]:  # noqa: ANN401  the same
    """Return what a compiled schema refuses in `data`, each thing once."""
    found = (problem for error in schema.iter_errors(data) for problem in _say(error))
    return list(dict.fromkeys(found))


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return a "did you mean" for a misspelt word, or None when nothing is near."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1)
    return f"did you mean `{names[near[0]]}`?" if near else None


def path_text(path: Sequence[str | int]) -> str:
    """Return a path as people write it: `extensions.keyUsage.values[0]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def _say(error: ValidationError) -> Iterator[Problem]:
    """Say one refusal of jsonschema in our words; its own message would repeat the value, which may be a secret."""
    schema = error.schema if isinstance(error.schema, Mapping) else {"not": {}}  # `false` refuses likewise
    path = tuple(error.absolute_path)
    wanted: Any = error.validator_value
    value: Any = error.instance
    match error.validator if error.validator in schema else "not":
        case "additionalProperties" | "unevaluatedProperties":
            yield from _unknown_keys(value, schema, path)
        case "required":
            missing = (key for key in wanted if key not in value)
            yield from (Problem(path, "schema.missing-key", f"{_subject(path)} needs `{key}`") for key in missing)
        case "not":
            reason, _, way_out = schema.get("description", "").partition("; ")
            message = f"{_subject(path)} is not allowed here" + (f": {reason}" if reason else "")
            yield Problem(path, "schema.refused-key", message, way_out or None, at_key=True)
        case "oneOf" | "anyOf" if "title" not in schema and error.context:
            yield from (problem for cause in _nearest_branch(error.context) for problem in _say(cause))
        case kind:
            message = f"{_subject(path)} {_demand(str(kind), wanted, schema)}{_shown(value, schema)}"
            yield Problem(
                path, f"schema.{kind}", message, closest(str(value), map(str, wanted)) if kind == "enum" else None
            )


def _unknown_keys(data: Mapping[str, Any], schema: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Problem]:
    known = schema.get("properties", {})
    allowed = [key for key, value in known.items() if "not" not in value]
    patterns = schema.get("patternProperties", {})
    for key in data:
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            message = f"unknown key `{key}`" + (f" in `{path_text(path)}`" if path else "")
            yield Problem((*path, key), "schema.unknown-key", message, _key_hint(key, allowed), at_key=True)


def _key_hint(key: str, allowed: Sequence[str]) -> str | None:
    return closest(key, allowed) or (f"it takes: {', '.join(allowed)}" if allowed else None)


def _nearest_branch(causes: Sequence[ValidationError]) -> list[ValidationError]:
    """Return the errors of the alternative that the value was most likely meant to be: right type, fewest errors."""
    branches = [list(group) for _, group in groupby(causes, key=lambda cause: cause.relative_schema_path[0])]
    return min(branches, key=lambda errors: (any(e.validator == "type" and not e.path for e in errors), len(errors)))


def _subject(path: Sequence[str | int]) -> str:
    return f"`{path_text(path)}`" if path else "the document"


def _demand(kind: str, wanted: Any, schema: Mapping[str, Any]) -> str:  # noqa: ANN401  what a schema may hold
    if "title" in schema:
        return f"must be {schema['title']}"
    if kind == "type":
        return "must be " + " or ".join(_TYPES[name] for name in ([wanted] if isinstance(wanted, str) else wanted))
    if kind == "enum":
        return f"must be one of {', '.join(map(str, wanted))}"
    return _PHRASES.get(kind, f"must satisfy {kind} {{}}").format(wanted)


def _shown(value: Any, schema: Mapping[str, Any]) -> str:  # noqa: ANN401  any JSON value
    """Return ", not …" with the value where it helps and may be shown."""
    if schema.get("writeOnly") or isinstance(value, dict | list):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f", not {text}" if len(text) <= _MAX_SHOWN else ""


@cache
def _load(file: str) -> Any:  # noqa: ANN401  a schema
    return json.loads(schema_text(file.removesuffix(_SUFFIX)))


def _shipped(uri: str) -> referencing.Resource[Any]:
    from referencing import Resource  # noqa: PLC0415  reached from `validator` only
    from referencing.exceptions import NoSuchResource  # noqa: PLC0415  the same

    try:
        return Resource.from_contents(_load(uri.rpartition("/")[2]))
    except LookupError:
        raise NoSuchResource(ref=uri) from None  # type: ignore[call-arg]  # the same


def _folder() -> Traversable:
    """Return where the schemas are: inside the installed package, or beside it in a checkout."""
    shipped = files("pki") / "_schemas"
    return shipped if shipped.is_dir() else Path(__file__).parent.parent / "schemas"
