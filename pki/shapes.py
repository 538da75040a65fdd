"""JSON Schemas as quick functions that say yes or no.

Nearly every document is accepted. jsonschema takes 100 ms to load and 1 ms for a document, these functions 12 us; so it
is left for what they refuse, where it says why. The keywords are those that our schemas use, with the meaning that
JSON Schema 2020-12 gives them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

Check = Callable[[Any], bool]
Schema = Mapping[str, Any] | bool
Load = Callable[[str], Schema]
"""Returns the schema of a file name such as `resource.schema.json`."""

_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description", "default", "format", "writeOnly"})


def compile_schema(file: str, load: Load) -> Check:
    """Return a function that says whether a schema accepts a value; a `$ref` names a file, a part of one, or both.

    Raises:
        NotImplementedError: it has a keyword that this module does not know.
    """
    return _Compiler(load).reference(f"{file}#")


class _Compiler:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._compiled: dict[str, Check] = {}

    def reference(self, uri: str) -> Check:
        """Return the check of `FILE#/PATH`; one that leads back to itself is found when it is called."""
        if uri not in self._compiled:
            self._compiled[uri] = partial(self._later, uri)
            file, _, path = uri.partition("#")
            schema: Any = self._load(file)
            for step in path.split("/")[1:]:
                schema = schema[step]
            self._compiled[uri] = self.schema(file, schema)
        return self._compiled[uri]

    def schema(self, file: str, schema: Schema) -> Check:
        if isinstance(schema, bool):
            return lambda _: schema
        checks = [self._keyword(file, word, schema) for word in schema if word not in _ANNOTATIONS]
        return checks[0] if len(checks) == 1 else _all(checks)

    def _keyword(self, file: str, word: str, schema: Mapping[str, Any]) -> Check:
        wanted = schema[word]
        if word == "$ref":
            return self.reference(file + wanted if wanted.startswith("#") else wanted)
        if word in _VALUES:
            return _VALUES[word](wanted)
        if word in _NESTED:
            return _NESTED[word](schema, partial(self.schema, file))
        raise NotImplementedError(f"JSON Schema keyword {word}")

    def _later(self, uri: str, value: Any) -> bool:  # noqa: ANN401  any JSON value, here and below
        return self._compiled[uri](value)


def _anything(_: object) -> bool:
    return True


def _all(checks: Sequence[Check]) -> Check:
    def check(value: Any) -> bool:  # noqa: ANN401  the same
        for each in checks:  # noqa: SIM110  a generator would cost twice the time
            if not each(value):
                return False
        return True

    return check


def _typed(kind: type, check: Check) -> Check:
    """Return a check that only values of this type must pass."""
    return lambda value: not isinstance(value, kind) or check(value)


def _negation(check: Check) -> Check:
    return lambda value: not check(value)


def _conditional(condition: Check, consequence: Check) -> Check:
    return lambda value: not condition(value) or consequence(value)


def _any(checks: Sequence[Check]) -> Check:
    def check(value: Any) -> bool:  # noqa: ANN401  the same
        for each in checks:  # noqa: SIM110  the same
            if each(value):
                return True
        return False

    return check


def _one(checks: Sequence[Check]) -> Check:
    return lambda value: sum(check(value) for check in checks) == 1


def _members(checks: Mapping[str, Check], others: Check | None) -> Check:
    """Return a check of the values of an object, by key, and of those under `others` where there is one."""

    def check(value: Any) -> bool:  # noqa: ANN401  the same
        if isinstance(value, dict):
            for key, item in value.items():
                found = checks.get(key, others)
                if found is not None and not found(item):
                    return False
        return True

    return check


def _dependents(parts: Mapping[str, Check]) -> Check:
    return _typed(dict, lambda value: all(check(value) for key, check in parts.items() if key in value))


def _every(kind: type, check: Check) -> Check:
    """Return a check of each item of a list, or each key of an object."""
    return _typed(kind, lambda value: all(map(check, value)))


Compile = Callable[[Schema], Check]


def _each(schemas: Iterable[Schema], compiled: Compile) -> list[Check]:
    return [compiled(schema) for schema in schemas]


def _named(schemas: Mapping[str, Schema], compiled: Compile) -> dict[str, Check]:
    return {key: compiled(schema) for key, schema in schemas.items()}


def _closing(schema: Mapping[str, Any], compiled: Compile) -> Check | None:
    return compiled(schema["additionalProperties"]) if "additionalProperties" in schema else None


_NESTED: Mapping[str, Callable[[Mapping[str, Any], Compile], Check]] = {
    "not": lambda schema, compiled: _negation(compiled(schema["not"])),
    "if": lambda schema, compiled: _conditional(compiled(schema["if"]), compiled(schema["then"])),
    "then": lambda *_: _anything,  # read with `if`
    "allOf": lambda schema, compiled: _all(_each(schema["allOf"], compiled)),
    "anyOf": lambda schema, compiled: _any(_each(schema["anyOf"], compiled)),
    "oneOf": lambda schema, compiled: _one(_each(schema["oneOf"], compiled)),
    "properties": lambda schema, compiled: _members(_named(schema["properties"], compiled), _closing(schema, compiled)),
    "dependentSchemas": lambda schema, compiled: _dependents(_named(schema["dependentSchemas"], compiled)),
    "additionalProperties": lambda schema, compiled: (
        _anything if "properties" in schema else _members({}, _closing(schema, compiled))
    ),
    "propertyNames": lambda schema, compiled: _every(dict, compiled(schema["propertyNames"])),
    "items": lambda schema, compiled: _every(list, compiled(schema["items"])),
}
"""Keywords that hold schemas."""


def _is_integer(value: Any) -> bool:  # noqa: ANN401  the same
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


_TYPES: Mapping[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _type(wanted: str | list[str]) -> Check:
    return _TYPES[wanted] if isinstance(wanted, str) else _any([_TYPES[name] for name in wanted])


def _frozen(value: Any) -> Any:  # noqa: ANN401  the same
    """Return something hashable that is equal for equal JSON values: to Python, true is 1, but not here."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    return (bool, value) if isinstance(value, bool) else value


def _one_of(wanted: list[Any]) -> Check:
    known = frozenset(map(_frozen, wanted))
    return lambda value: _frozen(value) in known


def _unique(wanted: bool) -> Check:  # noqa: FBT001  the value of the keyword
    return _typed(list, lambda value: not wanted or len(set(map(_frozen, value))) == len(value))


def _pattern(wanted: str) -> Check:
    search = re.compile(wanted).search
    return _typed(str, lambda value: search(value) is not None)


def _number(check: Callable[[Any, Any], bool]) -> Callable[[Any], Check]:
    return lambda wanted: lambda value: not _TYPES["number"](value) or check(value, wanted)


def _size(kind: type, check: Callable[[int, int], bool]) -> Callable[[int], Check]:
    return lambda wanted: _typed(kind, lambda value: check(len(value), wanted))


def _at_least(value: float, wanted: float) -> bool:
    return value >= wanted


def _at_most(value: float, wanted: float) -> bool:
    return value <= wanted


def _required(wanted: list[str]) -> Check:
    keys = frozenset(wanted)
    return _typed(dict, lambda value: keys <= value.keys())


def _dependent_keys(wanted: Mapping[str, list[str]]) -> Check:
    needs = [(key, frozenset(others)) for key, others in wanted.items()]
    return _typed(dict, lambda value: all(others <= value.keys() for key, others in needs if key in value))


_VALUES: Mapping[str, Callable[[Any], Check]] = {
    "type": _type,
    "const": lambda wanted: _one_of([wanted]),
    "enum": _one_of,
    "required": _required,
    "dependentRequired": _dependent_keys,
    "pattern": _pattern,
    "uniqueItems": _unique,
    "minimum": _number(_at_least),
    "maximum": _number(_at_most),
    "minLength": _size(str, _at_least),
    "maxLength": _size(str, _at_most),
    "minItems": _size(list, _at_least),
    "maxItems": _size(list, _at_most),
    "minProperties": _size(dict, _at_least),
    "maxProperties": _size(dict, _at_most),
}
"""Keywords that hold values."""
