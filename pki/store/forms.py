"""The spellings that records share: each a type for mypy and a `Form` for the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pki.algorithms import SchemeChoice
from pki.errors import StateCorruptError
from pki.keyrefs import KeyRef, key_ref
from pki.store.records import Form
from pki.store.wire import format_time, parse_time, serial_hex


class Status(StrEnum):
    VALID = "valid"
    REVOKED = "revoked"
    EXPIRED = "expired"


def _text(pattern: str) -> Callable[[Any], str]:
    def load(value: Any) -> str:  # noqa: ANN401 - any JSON value
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
            raise ValueError(value)
        return value

    return load


def _of_text(load: Callable[[str], Any], pattern: str = ".*") -> Callable[[Any], Any]:
    checked = _text(pattern)
    return lambda value: load(checked(value))


def one_of(words: Iterable[str]) -> Form:
    known = tuple(words)
    return Form(f"one of {', '.join(known)}", _text("|".join(map(re.escape, known))), _same)


def _load_number(value: Any) -> int:  # noqa: ANN401 - any JSON value
    return value if type(value) is int and value >= 0 else int(_text("[0-9]{1,49}")(value))


def _load_object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        raise ValueError(value)  # noqa: TRY004 - the one error of a Form
    return value


def _load_subject(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    for name in _load_object(value).values():
        if not all(isinstance(part, str) for part in (name if isinstance(name, list) else [name])):
            raise ValueError(name)
    return _load_object(value)


def _load_storage(value: Any) -> KeyRef:  # noqa: ANN401 - any JSON value
    names = ("path", "passphrase_env", "passphrase_file", "config", "label", "key_id")
    if not all(isinstance(_load_object(value).get(name, ""), str) for name in names):
        raise ValueError(value)
    try:
        return key_ref(value)
    except StateCorruptError as error:
        raise ValueError(error.message) from error


def _load_choice(value: Any) -> SchemeChoice:  # noqa: ANN401 - any JSON value
    text = _text(".+")
    return SchemeChoice(**{name: text(value[name]) for name in ("kind", "digest") if name in _load_object(value)})


def _dump_choice(choice: SchemeChoice) -> dict[str, str]:
    return {name: word for name, word in (("kind", choice.kind), ("digest", choice.digest)) if word is not None}


def _same(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return value


Text = Annotated[str, Form("text", _text(".*"), _same)]
Name = Annotated[str, Form("text that is not empty", _text(".+"), _same)]
Instant = Annotated[datetime, Form("a time such as 2026-01-02T10:30:00Z", _of_text(parse_time), format_time)]
Serial = Annotated[
    int,
    Form(
        "a serial number such as 0x1A2B3C4D",
        _of_text(lambda text: int(text, 16), "0x[0-9A-Fa-f]{1,64}"),
        lambda serial: f"0x{serial_hex(serial)}",
    ),
]
Number = Annotated[int, Form('a whole number such as "1790000000000000"', _load_number, str)]
Hex = Annotated[str, Form("hex digits", _text("[0-9A-Fa-f]+"), _same)]
Sha256 = Annotated[str, Form("a SHA-256 in lower-case hex", _text("[0-9a-f]{64}"), _same)]
Subject = Annotated[
    Mapping[str, Any], Form("an object of texts and lists of texts such as common_name", _load_subject, dict)
]
Variables = Annotated[Mapping[str, Any], Form("an object", _load_object, dict)]
Storage = Annotated[
    KeyRef,
    Form(
        "of type software with a path, or of type pkcs11 with a config and a label or key_id",
        _load_storage,
        lambda ref: ref.to_dict(),
        partial=True,
    ),
]
Choice = Annotated[SchemeChoice, Form("an object with kind, digest or both", _load_choice, _dump_choice, partial=True)]
State = Annotated[Status, Form(f"one of {', '.join(Status)}", _of_text(Status), str)]
