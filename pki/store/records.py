"""Dataclasses as JSON objects, checked by hand: state is read on every command, and jsonschema costs 100 ms to load.

A field's annotation says how it is spelled: `Annotated[datetime, Form(...)]`, another record, a `tuple` of either, or
`| None`. A field whose value is its default is left out. What a record has no field for is kept in its `extra` and
written back, so that the fields of a newer qpki, or of somebody else, survive an update by this one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from itertools import zip_longest
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from pki.errors import NewerFormatError, StateCorruptError, StoreError

FORMAT = 1
"""The format that this version writes. Files without a number are read as this one."""

_MISFIT_HINT = "nothing was changed; restore the file from git or a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A JSON object with known fields, those of the subclass, and further ones.

    A subclass says by ValueError in `__post_init__` what fields must be like together.
    """

    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Form:
    """How a kind of value is spelled in JSON.

    `load` raises ValueError for what is not `expected`. `partial`: it reads objects, but not all that is in them.
    """

    expected: str
    load: Callable[[Any], Any]
    dump: Callable[[Any], Any]
    partial: bool = False


class _MisfitError(Exception):
    """A value that is not what it should be, and the way to it."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def below(self, step: str) -> _MisfitError:
        return _MisfitError(self.problem, f"{step}{self.path}")


def loads(kind: type[R], text: bytes, source: object) -> R:
    """Return the record that a JSON file holds.

    Raises:
        StateCorruptError: it is cut off, is no JSON, or does not have the shape of a `kind`.
        NewerFormatError: a newer version wrote it.
    """
    return from_dict(kind, parse(text, source), source)


def dumps(record: Record) -> bytes:
    """Return the file of a record: sorted keys, two spaces, a final newline, so that diffs and merges read well."""
    try:
        text = json.dumps(
            {"format": FORMAT, **to_dict(record)}, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False
        )
        return f"{text}\n".encode()
    except (TypeError, ValueError) as error:
        raise StoreError(f"a value cannot be recorded as JSON: {error}") from error


def from_dict(kind: type[R], data: Any, source: object) -> R:  # noqa: ANN401 - any JSON value
    """Return the record that a JSON object describes; raises as `loads` does, with `source` as the file's name."""
    try:
        if isinstance(data, dict):
            _require_known_format(data.get("format", FORMAT), source)
            data = {name: value for name, value in data.items() if name != "format"}
        return _load(kind, data)
    except _MisfitError as error:
        where = error.path.removeprefix(".")
        raise StateCorruptError(f"{source}: {where}{where and ' '}{error.problem}", hint=_MISFIT_HINT) from error


def to_dict(record: Record) -> dict[str, Any]:
    """Return the JSON object of a record, without a format number."""
    forms = _shape(type(record)).forms
    known = {
        member.name: forms[member.name].dump(value)
        for member in _own_fields(type(record))
        if (value := getattr(record, member.name)) != _default(member)
    }
    return dict(_merged(known, record.extra))


def parse(text: bytes, source: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value, read strictly: UTF-8, no duplicate keys, none of Python's extensions."""
    try:
        return _DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        conflict = b"\n<<<<<<< " in b"\n" + text
        raise StateCorruptError(
            f"{source} is not complete JSON: {'it holds a git merge conflict' if conflict else error}",
            hint="resolve the merge conflict in it" if conflict else _MISFIT_HINT,
        ) from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object")
    return data


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)


def _require_known_format(number: object, source: object) -> None:
    if type(number) is not int or number < 1:
        raise _MisfitError("must be a whole number from 1 on", ".format")
    if number > FORMAT:
        raise NewerFormatError(
            f"{source} has format {number}, this qpki reads up to {FORMAT}",
            hint="a newer qpki wrote it: use that version or a later one",
        )


def _load(kind: type[R], data: Any) -> R:  # noqa: ANN401 - any JSON value
    if not isinstance(data, dict):
        raise _MisfitError("must be an object")
    shape = _shape(kind)
    forms, values, extra = shape.forms, {}, {}
    name = ""
    try:  # around the loop, not in it: most records are sound, and a plan reads 10,000
        for name, value in data.items():
            if (form := forms.get(name)) is None:
                extra[name] = value
                continue
            values[name] = loaded = form.load(value)
            if form.partial and (kept := form.dump(loaded)) != value and (rest := _unkept(value, kept)):
                extra[name] = rest
    except _MisfitError as error:
        raise error.below(f".{name}") from error
    except ValueError as error:
        raise _MisfitError(f"must be {forms[name].expected}", f".{name}") from error
    if not shape.required <= values.keys():
        missing = next(name for name in forms if name in shape.required and name not in values)
        raise _MisfitError("is missing", f".{missing}")
    try:
        return kind(**values, extra=extra)
    except ValueError as error:
        raise _MisfitError(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a kind of record has: the form of each field, and which cannot be left out."""

    forms: Mapping[str, Form]
    required: frozenset[str]


def _shape(kind: type[Record]) -> _Shape:
    return _resolved_shape(kind)  # type: ignore[arg-type]  # mypy takes the instances' hash for the class's


@cache
def _resolved_shape(kind: type[Record]) -> _Shape:
    hints = get_type_hints(kind, include_extras=True)
    members = _own_fields(kind)
    return _Shape(
        {member.name: _form(hints[member.name]) for member in members},
        frozenset(member.name for member in members if _default(member) is MISSING),
    )


def _form(hint: Any) -> Form:  # noqa: ANN401 - a type expression
    arguments = get_args(hint)
    if get_origin(hint) is Annotated:
        form: Form = arguments[1]
        return form
    if get_origin(hint) is tuple:
        return _list_of(_form(arguments[0]))
    if NoneType in arguments:
        return _form(next(argument for argument in arguments if argument is not NoneType))
    return Form("an object", lambda data: _load(hint, data), to_dict)


def _list_of(form: Form) -> Form:
    def load(items: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any JSON value
        if not isinstance(items, list):
            raise _MisfitError("must be a list")
        try:
            return tuple(map(form.load, items))
        except (ValueError, _MisfitError):
            return tuple(_load_item(form, item, position) for position, item in enumerate(items))  # says which it is

    return Form("a list", load, lambda values: [form.dump(value) for value in values], form.partial)


def _load_item(form: Form, item: Any, position: int) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return form.load(item)
    except _MisfitError as error:
        raise error.below(f"[{position}]") from error
    except ValueError as error:
        raise _MisfitError(f"must be {form.expected}", f"[{position}]") from error


def _own_fields(kind: type[Record]) -> list[Field[Any]]:
    return [member for member in fields(kind) if member.name != "extra"]


def _default(member: Field[Any]) -> Any:  # noqa: ANN401 - of the field's type
    return member.default if member.default_factory is MISSING else member.default_factory()


def _unkept(data: Any, kept: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return what an object, or a list of them, says and `kept` does not; None when that is nothing."""
    if isinstance(data, dict):
        return {name: value for name, value in data.items() if name not in kept} or None
    rest = [_unkept(*pair) for pair in zip(data, kept, strict=True)]
    return rest if any(rest) else None


def _merged(known: Any, extra: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return `known` with what `extra` adds to it, at every depth."""
    if isinstance(known, dict) and isinstance(extra, Mapping):
        return {**extra, **{name: _merged(value, extra.get(name)) for name, value in known.items()}}
    if isinstance(known, list) and isinstance(extra, list):
        return [_merged(*pair) for pair in zip_longest(known, extra[: len(known)])]
    return known
