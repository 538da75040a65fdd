"""The spellings that records share: each a type for mypy and a `Form` for the file."""

from __future__ import annotations

import re
import sys
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


COMPROMISES = frozenset({"keyCompromise", "cACompromise", "aACompromise"})
"""Reasons for a revocation after which the key is nobody's alone (RFC 5280 section 5.3.1)."""

_STATES = {status.value: status for status in Status}


def _text(pattern: str) -> Callable[[Any], str]:
    fits = re.compile(pattern, re.DOTALL).fullmatch

    def load(value: Any) -> str:  # noqa: ANN401 - any JSON value
        if not isinstance(value, str) or not fits(value):
            raise ValueError(value)
        return value

    return load


def _load_name(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a text that is not empty; the names in records are few, and 10,000 records share them."""
    if not isinstance(value, str) or not value:
        raise ValueError(value)
    return sys.intern(value)


def _load_instant(value: Any) -> datetime:  # noqa: ANN401 - any JSON value
    if not isinstance(value, str):
        raise ValueError(value)  # noqa: TRY004 - the one error of a Form
    return parse_time(value)


def _of_text(load: Callable[[str], Any], pattern: str = ".*") -> Callable[[Any], Any]:
    checked = _text(pattern)
    return lambda value: load(checked(value))


def one_of(words: Iterable[str]) -> Form:
    known = tuple(words)
    return Form(f"one of {', '.join(known)}", _text("|".join(map(re.escape, known))), _same)


def _load_number(value: Any) -> int:  # noqa: ANN401 - any JSON value
    return value if type(value) is int and value >= 0 else int(_text("[0-9]{1,49}")(value))


def _load_ordinal(value: Any) -> int:  # noqa: ANN401 - any JSON value
    if type(value) is not int or value < 1:
        raise ValueError(value)
    return value


def _load_flag(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 - the one error of a Form
    return value


def _load_object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        raise ValueError(value)  # noqa: TRY004 - the one error of a Form
    return value


def _load_subject(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    for name in _load_object(value).values():
        if not (isinstance(name, str) or (isinstance(name, list) and all(isinstance(part, str) for part in name))):
            raise ValueError(name)
    return _load_object(value)


_STORAGE_TEXTS = frozenset({"path", "passphrase_env", "passphrase_file", "config", "label", "key_id"})


def _load_storage(value: Any) -> KeyRef:  # noqa: ANN401 - any JSON value
    for name, text in _load_object(value).items():
        if name in _STORAGE_TEXTS and not isinstance(text, str):
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
Name = Annotated[str, Form("text that is not empty", _load_name, _same)]
Instant = Annotated[datetime, Form("a time such as 2026-01-02T10:30:00Z", _load_instant, format_time)]
Serial = Annotated[
    int,
    Form(
        "a serial number such as 0x1A2B3C4D",
        _of_text(lambda text: int(text, 16), "0x[0-9A-Fa-f]{1,64}"),
        lambda serial: f"0x{serial_hex(serial)}",
    ),
]
Number = Annotated[int, Form('a whole number such as "1790000000000000"', _load_number, str)]
Ordinal = Annotated[int, Form("a whole number from 1 on", _load_ordinal, _same)]
Flag = Annotated[bool, Form("true or false", _load_flag, _same)]
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
State = Annotated[Status, Form(f"one of {', '.join(Status)}", _of_text(_STATES.__getitem__, "|".join(Status)), str)]
