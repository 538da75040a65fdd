"""What an option's text must look like, checked before anything is read or done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Value_co = TypeVar("Value_co", covariant=True)

MAX_DAYS = 36500

_DELTA_ONLY = "removeFromCRL"
_MAX_SERIAL = (1 << 8 * 20) - 1
"""20 octets (RFC 5280 section 4.1.2.2)."""


class Parsed(click.ParamType[Value_co]):
    """An option type from one function: text in, value out, ValueError with a sentence when it will not do."""

    def __init__(self, name: str, parse: Callable[[str], Value_co], words: Callable[[], Iterable[str]] = tuple) -> None:
        self.name = name
        self._parse = parse
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value_co:  # noqa: ANN401 - click's own
        """Return the parsed text; a default that is a value already stays as it is."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]  # click hands over its own earlier result
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's own
        """Offer the words that go on from what was typed."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in self._words() if word.startswith(incomplete)]


def serial(text: str) -> int:
    """Return a serial number from hexadecimal in any case, with or without `0x` and colons."""
    digits = _hex_digits(text)
    number = int(digits, 16) if digits else 0
    if not 0 < number <= _MAX_SERIAL:
        raise ValueError(f"{text!r} is not a serial number; write it in hexadecimal, as `qpki cert list` does")
    return number


def serial_or_file(text: str) -> int | Path:
    """Return a certificate's serial number, or the path of the file that holds the certificate."""
    try:
        return serial(text)
    except ValueError:
        if Path(text).is_file():
            return Path(text)
        raise ValueError(f"{text!r} is neither a serial number in hexadecimal nor a certificate file") from None


def reason(text: str) -> str:
    """Return the revocation reason's name in RFC 5280 section 5.3.1; any case, `cessation` and `hold` for short."""
    from pki.x509.crls import revocation_reason

    found = revocation_reason(re.sub(r"[-_ ]", "", text))
    if found == _DELTA_ONLY:
        raise ValueError(f"{found} only stands in delta CRLs, which qpki does not make; what is revoked stays revoked")
    return found


def variable(text: str) -> tuple[str, str]:
    """Return the two sides of `name=value`; the value may hold further `=`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value


def key_id(text: str) -> str:
    """Return a CKA_ID in lower-case hexadecimal, whole octets."""
    digits = _hex_digits(text)
    if digits is None or len(digits) % 2:
        raise ValueError(f"{text!r} is not a key id; write whole octets in hexadecimal, such as 0102030405")
    return digits.lower()


def _hex_digits(text: str) -> str | None:
    digits = re.sub(r"^0[xX]", "", text.strip()).replace(":", "")
    return digits if re.fullmatch(r"[0-9A-Fa-f]+", digits) else None


def duration(text: str) -> timedelta:
    """Return a duration such as `7d` or `36h`, of at most `MAX_DAYS`."""
    from pki.profiles.durations import parse_duration

    found = parse_duration(text)
    if found > timedelta(days=MAX_DAYS):
        raise ValueError(f"{text!r} is longer than {MAX_DAYS} days")
    return found


def horizon(text: str) -> timedelta:
    """Return how far to look ahead: a duration, or `0s` for not at all."""
    return timedelta() if text == "0s" else duration(text)


def instant(text: str) -> datetime:
    """Return a time, which needs a zone: `2026-11-23T09:00:00Z`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time such as 2026-11-23T09:00:00Z") from None
    if found.tzinfo is None:
        raise ValueError(f"{text!r} lacks a time zone; add Z for UTC")
    return found


def _profile_names() -> Iterable[str]:
    from pki.profiles.catalog import Catalog

    return Catalog().names()


def _algorithm_names() -> Iterable[str]:
    from pki.algorithms import ALGORITHMS

    return ALGORITHMS


def _schema_names() -> Iterable[str]:
    from pki.schemas import schema_names

    return schema_names()


def _reasons() -> Iterable[str]:
    from pki.x509.crls import REASONS

    return [name for name in REASONS if name != _DELTA_ONLY]


def _dns_name(text: str) -> str:
    from pki import names

    return names.dns_name(text, wildcard=True, single_label=True)


def _email(text: str) -> str:
    from pki import names

    return names.email(text)


def _uri(text: str) -> str:
    from pki import names

    return names.uri(text)


def _http_url(text: str) -> str:
    return _url(text, "http://")


def _published_url(text: str) -> str:
    return _url(text, "http://", "ldap://")


def _url(text: str, *schemes: str) -> str:
    """Return a URL that relying parties fetch; not https, whose own certificate they would have to check first."""
    found = _uri(text)
    if not found.startswith(schemes):
        raise ValueError(f"{text!r} does not begin with {' or '.join(schemes)} (RFC 5280 section 8)")
    return found


def _ip(text: str) -> str:
    from pki import names

    return names.ip(text)


def digest(text: str) -> str:
    """Return the digest of a plan, as plans write it.

    Raises:
        ValueError: it is none, or the short form, which is to be looked at only.
    """
    found = re.fullmatch(r"(?:sha256:)?([0-9a-f]{64})", text.lower())
    if found is None:
        raise ValueError(f"{text!r} is not the digest of a plan: sha256: and 64 digits, as `qpki plan -o json` has it")
    return f"sha256:{found[1]}"


SERIAL = Parsed("serial", serial)
SERIAL_OR_FILE = Parsed("serial|file", serial_or_file)
REASON = Parsed("reason", reason, _reasons)
VARIABLE = Parsed("name=value", variable)
DURATION = Parsed("duration", duration)
HORIZON = Parsed("duration", horizon)
DIGEST = Parsed("digest", digest)
INSTANT = Parsed("time", instant)
KEY_ID = Parsed("hex", key_id)
PROFILE = Parsed("profile", str, _profile_names)
ALGORITHM = Parsed("algorithm", str, _algorithm_names)
DNS = Parsed("name", _dns_name)
EMAIL = Parsed("address", _email)
URI = Parsed("uri", _uri)
IP = Parsed("address", _ip)
HTTP_URL = Parsed("url", _http_url)
PUBLISHED_URL = Parsed("url", _published_url)
SCHEMA = Parsed("schema", str, _schema_names)
