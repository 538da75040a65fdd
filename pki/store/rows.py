"""One row of `index.txt`, OpenSSL's CA database: six fields with tabs between them.

Status, expiry, revocation, serial, file (always `unknown`) and subject. What stands in the third field is OpenSSL's
too, and where OpenSSL has no word, what it does not trip over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from pki.errors import StoreError
from pki.store.wire import serial_hex

Status = Literal["V", "R", "E"]

_UTC_TIME_YEARS = range(1950, 2050)  # RFC 5280 section 4.1.2.5

_REASONS = {
    "unspecified": "unspecified",
    "keyCompromise": "keyCompromise",
    "cACompromise": "CACompromise",
    "affiliationChanged": "affiliationChanged",
    "superseded": "superseded",
    "cessationOfOperation": "cessationOfOperation",
    "certificateHold": "certificateHold",
    "removeFromCRL": "removeFromCRL",
    # OpenSSL has no word for these two and fails on words it does not know, but reads no further than "unspecified".
    "privilegeWithdrawn": "unspecified,privilegeWithdrawn",
    "aACompromise": "unspecified,aACompromise",
}
"""CRLReason (RFC 5280 section 5.3.1) to what stands in the file."""

_REASONS_READ = {spelling.lower(): reason for reason, spelling in _REASONS.items()}
_WITH_ARGUMENT = {"holdinstruction": "certificateHold", "keytime": "keyCompromise", "cakeytime": "cACompromise"}
"""What `openssl ca -revoke` writes for -crl_hold, -crl_compromise and -crl_CA_compromise."""

_DATED = {"keyCompromise": "keyTime", "cACompromise": "CAkeyTime"}
"""OpenSSL's words for a reason with an invalidity date; what follows the others, it does not read."""

_TIME = re.compile(r"[0-9]{14}")
ROW = re.compile(r"([VRE])\t([0-9]+Z)\t([^\t]*)\t(00|(?!00)(?:[0-9A-F]{2})+)\t([^\t]+)\t([^\t\x00-\x1f\x7f]*)")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One certificate. `reason` is a CRLReason by its name in RFC 5280; a time is aware, in UTC."""

    status: Status
    not_after: datetime
    revoked_at: datetime | None
    reason: str | None
    serial: int
    subject: str
    invalidity_date: datetime | None = None


def format_entry(entry: IndexEntry) -> str:
    """Return the row of an entry, with its newline.

    Raises:
        StoreError: an entry that has no row: unknown reason, control characters in the subject, revoked without a date.
    """
    revocation = ""
    if (entry.status == "R") != (entry.revoked_at is not None):
        raise StoreError(
            f"certificate {serial_hex(entry.serial)}: status {entry.status} and the revocation date disagree"
        )
    if entry.revoked_at is not None:
        revocation = _format_revocation(entry.revoked_at, entry.reason, entry.invalidity_date)
    row = "\t".join(
        (entry.status, _format_time(entry.not_after), revocation, serial_hex(entry.serial), "unknown", entry.subject)
    )
    if not ROW.fullmatch(row):
        raise StoreError(f"certificate {serial_hex(entry.serial)} cannot be entered: subject {entry.subject!r}")
    return f"{row}\n"


def parse_row(line: str) -> IndexEntry:
    """Return the entry of a row without its newline; ValueError for anything else."""
    row = ROW.fullmatch(line)
    if row is None:
        raise ValueError("not a row of status, expiry, revocation, serial, file and subject")
    status, not_after, revocation, serial, _, subject = row.groups()
    revoked_at, reason, invalidity_date = _parse_revocation(status, revocation)
    return IndexEntry(
        status,  # type: ignore[arg-type]  # one of the three, or the pattern had not matched
        read_time(not_after),
        revoked_at,
        reason,
        int(serial, 16),
        subject,
        invalidity_date,
    )


def _parse_revocation(status: str, text: str) -> tuple[datetime | None, str | None, datetime | None]:
    if (status == "R") != bool(text):
        raise ValueError(f"status {status} {'with' if text else 'without'} a revocation date")
    if not text:
        return None, None, None
    at, _, cause = text.partition(",")
    if not cause:
        return read_time(at), None, None
    word, _, argument = cause.partition(",")
    if (reason := _WITH_ARGUMENT.get(word.lower())) is not None:
        return read_time(at), reason, None if reason == "certificateHold" else read_time(argument)
    if cause.lower() in _REASONS_READ:
        return read_time(at), _REASONS_READ[cause.lower()], None
    words, _, invalid = cause.rpartition(",")
    if words.lower() not in _REASONS_READ:
        raise ValueError(f"unknown revocation reason {cause!r}")
    return read_time(at), _REASONS_READ[words.lower()], read_time(invalid)


def _format_revocation(at: datetime, reason: str | None, invalidity_date: datetime | None) -> str:
    if reason is None:
        if invalidity_date is not None:
            raise StoreError("an invalidity date stands beside a reason", hint="give one: unspecified does")
        return _format_time(at)
    if reason not in _REASONS:
        raise StoreError(f"unknown revocation reason {reason!r}", hint=f"one of: {', '.join(_REASONS)}")
    if invalidity_date is None:
        return f"{_format_time(at)},{_REASONS[reason]}"
    return f"{_format_time(at)},{_DATED.get(reason, _REASONS[reason])},{invalidity_date.astimezone(UTC):%Y%m%d%H%M%SZ}"


def _format_time(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    year = f"{moment.year % 100:02}" if moment.year in _UTC_TIME_YEARS else f"{moment.year:04}"
    return f"{year}{moment:%m%d%H%M%SZ}"


@lru_cache(maxsize=4096)  # certificates issued together end together
def read_time(text: str) -> datetime:
    """Return a UTCTime or GeneralizedTime; ValueError for anything else."""
    digits = text.removesuffix("Z")
    if len(digits) == len("YYMMDDHHMMSS"):
        digits = f"{'20' if digits < '50' else '19'}{digits}"
    day, clock = digits[:8], digits[8:]
    try:
        if not _TIME.fullmatch(digits):
            raise ValueError(digits)  # noqa: TRY301 - no digits, no such day: one answer
        return datetime(
            int(day[:4]), int(day[4:6]), int(day[6:]), int(clock[:2]), int(clock[2:4]), int(clock[4:]), tzinfo=UTC
        )
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time") from error
