"""`{{ variable }}` in the texts of a profile.

A text that is one variable and nothing else becomes the variable's value, a list too; inside a longer text the value is
written out. What names an unset variable goes away: the attribute, the list entry, the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

VARIABLE_NAME = r"[A-Za-z][A-Za-z0-9_]*"
_REFERENCE = re.compile(r"(?<!\{)\{\{\s*(" + VARIABLE_NAME + r")\s*\}\}(?!\})")

ABSENT: Final = object()
"""What a text gives whose variable is not set."""


def references(text: str) -> list[str]:
    """Return the variables that `text` names, in order.

    Raises:
        ValueError: braces that do not enclose a variable name.
    """
    if re.search(r"\{\{|\}\}", _REFERENCE.sub("", text)):
        raise ValueError(f"{text!r} has braces that enclose no variable name; write {{{{ name }}}}")
    return _REFERENCE.findall(text)


def whole(text: Any) -> str | None:  # noqa: ANN401  any value of a profile
    """Return the variable that is all of `text`, or None."""
    found = _REFERENCE.fullmatch(text.strip()) if isinstance(text, str) else None
    return found[1] if found else None


def render(value: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401  any value of a profile
    """Return `value` with variables replaced by `values`; entries that name an unset variable are gone.

    A list inside a list is spliced in. A text with an unset variable gives `ABSENT` when it stands alone.
    """
    match value:
        case str():
            return prepare(value)(values)
        case dict():
            return _present({key: render(item, values) for key, item in value.items()})
        case list():
            return [entry for item in value for entry in _spliced(render(item, values))]
        case _:
            return value


def prepare(value: Any) -> Callable[[Mapping[str, Any]], Any]:  # noqa: ANN401  the same
    """Return `render` for this value: a text is taken apart once, for many sets of values."""
    if not isinstance(value, str):
        return partial(render, value)
    name = whole(value)
    if name is not None:
        return lambda values: values.get(name, ABSENT)
    parts = _REFERENCE.split(value)  # literal, name, literal, name, ..., literal
    names = parts[1::2]

    def fill(values: Mapping[str, Any]) -> Any:  # noqa: ANN401  a text, or ABSENT
        if any(name not in values for name in names):
            return ABSENT
        return "".join(part if n % 2 == 0 else _written(values[part]) for n, part in enumerate(parts))

    return fill


def literals(value: Any) -> Any:  # noqa: ANN401  the same
    """Return what of `value` needs no variable; list entries that need one become `ABSENT` and keep their place."""
    match value:
        case str():
            return ABSENT if references(value) else value
        case dict():
            return _present({key: literals(item) for key, item in value.items()})
        case list():
            return [literals(item) for item in value]
        case _:
            return value


def _present(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in entries.items() if item is not ABSENT}


def _written(value: str | int | bool) -> str:  # noqa: FBT001  the value of a boolean variable
    return str(value).lower() if isinstance(value, bool) else str(value)


def _spliced(value: Any) -> list[Any]:  # noqa: ANN401  a rendered entry
    if value is ABSENT:
        return []
    return value if isinstance(value, list) else [value]


def texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:  # noqa: ANN401  any value of a profile
    """Yield every text in `value` with its path."""
    match value:
        case str():
            yield path, value
        case dict():
            for key, item in value.items():
                yield from texts(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                yield from texts(item, (*path, index))
