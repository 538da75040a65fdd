"""Names that are not (yet) an `x509.Name`, written as certificates show theirs: RFC 4514, the narrowest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_SHORT = {
    "common_name": "CN",
    "organizational_unit": "OU",
    "organization": "O",
    "locality": "L",
    "province": "ST",
    "country": "C",
}
_RESERVED = re.compile(r'[,+"<>;\\]')
_ATTRIBUTE = re.compile(r"(?<!\\)/([A-Za-z0-9.]+)=")
_BYTES = re.compile(rb"\\x([0-9A-F]{2})|\\([/+])")


def joined(attributes: Iterable[tuple[str, str]]) -> str:
    """Return (name, value) pairs, given from the widest to the narrowest, as one line."""
    backwards = list(attributes)[::-1]
    return ",".join(f"{_label(name)}={_RESERVED.sub(_backslashed, value)}" for name, value in backwards)


def from_index(oneline: str) -> str:
    r"""Return a subject from its form in `index.txt`: `/C=FR/O=A\/B/CN=\xC3\xA9t\xC3\xA9` is `CN=été,O=A/B,C=FR`.

    That form is for people and not exact: a value that looks like an escape is read as one.
    """
    _, *parts = _ATTRIBUTE.split(oneline)
    return joined((name, _unescaped(value)) for name, value in zip(parts[::2], parts[1::2], strict=True))


def recorded(subject: Mapping[str, str | Sequence[str]]) -> str:
    """Return a subject as records have it, the common name first."""
    names = sorted(subject, key=lambda name: name != "common_name")
    return ",".join(f"{_SHORT.get(name, name)}={value}" for name in names for value in _values(subject[name]))


def _values(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _label(name: str) -> str:
    """Return `cn`, `o`, `ou`, `c`, `st` and `l` in capitals, longer names as they are."""
    return name.upper() if len(name) <= len("cn") else name


def _unescaped(value: str) -> str:
    octets = _BYTES.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2], value.encode())
    return octets.decode(errors="backslashreplace")


def _backslashed(found: re.Match[str]) -> str:
    return f"\\{found[0]}"
