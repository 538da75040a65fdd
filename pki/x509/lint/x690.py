"""The distinguished encoding rules, octet by octet: what a lenient decoder lets pass and a strict verifier does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_CONSTRUCTED, _LONG_TAG, _LONG_LENGTH, _MORE = 0x20, 0x1F, 0x80, 0x80
_SET = 0x31
_MAX_DEPTH = 64
_MAX_UNUSED_BITS = 7


def breaches(data: bytes) -> Iterator[str]:
    """Yield one sentence for each way in which the octets are not the DER of exactly one value.

    The clauses of ITU-T X.690: 8 and 10.1 (lengths), 8.3 and 11.1 (numbers), 11.2 (bit strings), 11.6 (sets), 11.7 and
    11.8 (times).
    """
    try:
        tag, start, end = _header(data, 0)
        if end != len(data):
            yield f"{len(data) - end} octets follow the value"
        yield from _value(tag, data[start:end], _MAX_DEPTH)
    except ValueError as error:
        yield str(error)


def _value(tag: int, content: bytes, depth: int) -> Iterator[str]:
    if not tag & _CONSTRUCTED:
        fits = _PRIMITIVES.get(tag)
        if fits and not fits(content):
            yield f"the value {content.hex()} of type {tag:#04x} is not in its distinguished form"
        return
    if not depth:
        raise ValueError(f"values are nested more than {_MAX_DEPTH} deep")
    members = []
    at = 0
    while at < len(content):
        inner, start, end = _header(content, at)
        members.append(content[at:end])
        yield from _value(inner, content[start:end], depth - 1)
        at = end
    if tag == _SET and members != sorted(members):
        yield "the members of a SET are not in order"


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the tag at `at`, where its content starts, and where it ends; of a long tag, the first octet."""
    try:
        tag = data[at]
        at += 1
        if tag & _LONG_TAG == _LONG_TAG:
            while data[at] & _MORE:
                at += 1
            at += 1
        length = data[at]
        at += 1
        if length & _LONG_LENGTH:
            octets = data[at : at + (length & ~_LONG_LENGTH)]
            at += len(octets)
            length = int.from_bytes(octets, "big")
            if not octets or octets[0] == 0 or length < _LONG_LENGTH:
                raise ValueError("a length is indefinite or longer than needed")
    except IndexError:
        raise ValueError("the value is cut off") from None
    if at + length > len(data):
        raise ValueError("the value is cut off")
    return tag, at, at + length


def _is_integer(content: bytes) -> bool:
    redundant = len(content) > 1 and content[0] in (0x00, 0xFF) and (content[0] ^ content[1]) & 0x80 == 0
    return bool(content) and not redundant


def _is_bit_string(content: bytes) -> bool:
    if not content or content[0] > _MAX_UNUSED_BITS:
        return False
    unused = content[0]
    return not content[-1] & ((1 << unused) - 1) if len(content) > 1 else unused == 0


def _is_oid(content: bytes) -> bool:
    """Each arc ends in an octet without the top bit, and none begins with a digit zero."""
    first = [True, *(not octet & _MORE for octet in content)]
    padded = any(begins and octet == _MORE for begins, octet in zip(first, content, strict=False))
    return bool(content) and first[-1] and not padded


_PRIMITIVES: dict[int, Callable[[bytes], object]] = {
    0x01: lambda content: content in (b"\x00", b"\xff"),
    0x02: _is_integer,
    0x03: _is_bit_string,
    0x05: lambda content: content == b"",
    0x06: _is_oid,
    0x0A: _is_integer,
    0x17: re.compile(rb"\d{12}Z").fullmatch,
    0x18: re.compile(rb"\d{14}(\.\d*[1-9])?Z").fullmatch,
}
