"""Rules on CRLs (RFC 5280 section 5)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import islice

from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID

from pki import der
from pki.errors import EncodingError
from pki.findings import Severity
from pki.x509.certificates import serial_hex
from pki.x509.lint.crl_candidate import CrlCandidate, Time
from pki.x509.lint.encoding import MAX_SERIAL_OCTETS, wrong_time_type
from pki.x509.lint.issuer import fits_key
from pki.x509.lint.rules import Rule, Rulebook

ENCODING_RULES: Rulebook[CrlCandidate] = Rulebook()
RULES: Rulebook[CrlCandidate] = Rulebook()

_V2 = 1
_SHOWN = 3
_ENUMERATED = 0x0A
_GENERALIZED_SECONDS = re.compile(rb"\x18\x0f\d{14}Z")
_UNSPECIFIED, _REMOVE_FROM_CRL = 0, 8


def _list(serials: Collection[int]) -> str:
    """Return the first few serial numbers and how many more there are: there may be a million."""
    shown = ", ".join(serial_hex(serial) for serial in islice(serials, _SHOWN))
    return f"{shown} and {len(serials) - _SHOWN} more" if len(serials) > _SHOWN else shown


def _malformed(error: EncodingError) -> Iterator[str]:
    yield f"this is not a TBSCertList in DER: {error.__cause__}"


def _unreadable(candidate: CrlCandidate) -> Iterator[str]:
    try:
        _ = candidate.extensions
    except EncodingError as error:
        yield str(error)


MALFORMED = Rule("rfc5280.5.1.malformed", Severity.ERROR, _malformed)
UNREADABLE = Rule("rfc5280.5.1.unreadable-name-or-extension", Severity.ERROR, _unreadable)


@ENCODING_RULES.rule("rfc5280.5.1.2.1.not-version-2")
def _version(candidate: CrlCandidate) -> Iterator[str]:
    if candidate.fields.version != _V2:
        yield "the CRL is not of version 2"


@ENCODING_RULES.rule("x690.11.5.crl-default-encoded")
def _default(candidate: CrlCandidate) -> Iterator[str]:
    encoded = [found.extn_id for found in candidate.fields.extensions or () if found.critical is False]
    encoded += [oid for oid, critical, _ in candidate.entry_extensions if critical is False]
    for oid in dict.fromkeys(encoded):
        yield f"extension {oid.dotted_string} encodes critical FALSE, which is the default"


@ENCODING_RULES.rule("rfc5280.5.2.duplicate-crl-extension")
def _duplicate_extension(candidate: CrlCandidate) -> Iterator[str]:
    counts = Counter(found.extn_id.dotted_string for found in candidate.fields.extensions or ())
    for oid, count in counts.items():
        if count > 1:
            yield f"extension {oid} is there {count} times"


@ENCODING_RULES.rule("rfc5280.5.1.1.2.not-the-signature-algorithm")
def _signature_algorithm(candidate: CrlCandidate) -> Iterator[str]:
    scheme = candidate.scheme
    if der.octets(candidate.fields.signature) != der.algorithm_identifier(scheme.oid, scheme.parameters):
        yield f"the signature field does not name {scheme}, by which the CRL will be signed"


@ENCODING_RULES.rule("rfc5280.5.1.1.2.not-a-scheme-of-the-issuers-key")
def _scheme(candidate: CrlCandidate) -> Iterator[str]:
    if not fits_key(candidate.scheme, candidate.issuer.spki):
        yield f"the issuer's key cannot sign by {candidate.scheme}"


@ENCODING_RULES.rule("rfc5280.5.1.2.3.not-the-issuers-name")
def _issuer_name(candidate: CrlCandidate) -> Iterator[str]:
    if der.octets(candidate.fields.issuer) != candidate.issuer.subject_der:
        yield "the issuer is not, octet for octet, the subject of the issuer's certificate"


@ENCODING_RULES.rule("rfc5280.6.3.3.issuer-without-crl-sign")
def _issuer_usage(candidate: CrlCandidate) -> Iterator[str]:
    usage = candidate.issuer.key_usage
    if usage and not usage.crl_sign:
        yield "the issuer's key is not for signing CRLs"


@ENCODING_RULES.rule("rfc5280.5.1.2.4.time-type")
def _time_type(candidate: CrlCandidate) -> Iterator[str]:
    for time in _times(candidate):
        yield from wrong_time_type(time)
    entries = candidate.fields.entries or ()
    wrong = [entry.serial for entry in entries if next(wrong_time_type(entry.date), None)]
    if wrong:
        yield f"the dates of the entries {_list(wrong)} are GeneralizedTime; dates through 2049 are UTCTime"


@ENCODING_RULES.rule("rfc5280.5.1.2.4.fraction-of-a-second")
def _time_fraction(candidate: CrlCandidate) -> Iterator[str]:
    for time in _times(candidate):
        if time.as_datetime().microsecond:
            yield f"{time.as_datetime()} has a fraction of a second"
    wrong = [serial for serial, date in candidate.entries if date.microsecond]
    if wrong:
        yield f"the dates of the entries {_list(wrong)} have fractions of a second"


def _times(candidate: CrlCandidate) -> Iterator[Time]:
    yield candidate.fields.this_update
    if candidate.fields.next_update:
        yield candidate.fields.next_update


@ENCODING_RULES.rule("rfc5280.5.1.2.5.next-update-missing")
def _next_update_missing(candidate: CrlCandidate) -> Iterator[str]:
    if candidate.next_update is None:
        yield "nextUpdate is missing"


@ENCODING_RULES.rule("rfc5280.5.1.2.5.next-update-not-later")
def _next_update_order(candidate: CrlCandidate) -> Iterator[str]:
    if candidate.next_update is not None and candidate.next_update <= candidate.this_update:
        yield f"nextUpdate {candidate.next_update} is not after thisUpdate {candidate.this_update}"


@ENCODING_RULES.rule("rfc5280.5.1.2.6.empty-entries")
def _empty_entries(candidate: CrlCandidate) -> Iterator[str]:
    if candidate.fields.entries == []:
        yield "the list of revoked certificates is empty rather than absent"


@ENCODING_RULES.rule("rfc5280.5.1.2.6.duplicate-entry")
def _duplicate_entry(candidate: CrlCandidate) -> Iterator[str]:
    serials = [serial for serial, _ in candidate.entries]
    if len(set(serials)) < len(serials):
        again = [serial for serial, count in Counter(serials).items() if count > 1]
        yield f"the entries {_list(again)} are there more than once"


@ENCODING_RULES.rule("rfc5280.4.1.2.2.entry-serial")
def _entry_serial(candidate: CrlCandidate) -> Iterator[str]:
    limit = 1 << (8 * MAX_SERIAL_OCTETS - 1)
    wrong = [serial for serial, _ in candidate.entries if not 0 < serial < limit]
    if wrong:
        yield f"{len(wrong)} serial numbers are not positive, or have more than {MAX_SERIAL_OCTETS} octets"


@ENCODING_RULES.rule("rfc5280.5.1.2.6.revoked-in-the-future")
def _future(candidate: CrlCandidate) -> Iterator[str]:
    wrong = [serial for serial, date in candidate.entries if date > candidate.this_update]
    if wrong:
        yield f"the entries {_list(wrong)} are revoked after thisUpdate"


@ENCODING_RULES.rule("rfc5280.5.3.1.reason-unspecified")
def _unspecified(candidate: CrlCandidate) -> Iterator[str]:
    for value, serial in _reasons(candidate):
        if value == _code(_UNSPECIFIED):
            yield f"the entry {serial_hex(serial)} has the reason unspecified, which is told by leaving it out"


@ENCODING_RULES.rule("rfc5280.5.3.1.reason-not-for-a-full-crl")
def _remove_from_crl(candidate: CrlCandidate) -> Iterator[str]:
    for value, serial in _reasons(candidate):
        if value == _code(_REMOVE_FROM_CRL):
            yield f"the entry {serial_hex(serial)} has the reason removeFromCRL, which stands in delta CRLs only"


@ENCODING_RULES.rule("rfc5280.5.3.1.reason-unknown")
def _unknown_reason(candidate: CrlCandidate) -> Iterator[str]:
    for value, serial in _reasons(candidate):
        if value not in _CODES:
            yield f"the entry {serial_hex(serial)} has no reason that there is: {value.hex()}"


def _code(reason: int) -> bytes:
    return bytes([_ENUMERATED, 1, reason])


_CODES = frozenset(map(_code, (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)))


def _reasons(candidate: CrlCandidate) -> Iterator[tuple[bytes, int]]:
    for (oid, _, value), serial in candidate.entry_extensions.items():
        if oid == CRLEntryExtensionOID.CRL_REASON:
            yield value, serial


@ENCODING_RULES.rule("rfc5280.5.3.critical-entry-extension")
def _critical_entry_extension(candidate: CrlCandidate) -> Iterator[str]:
    for (oid, critical, _), serial in candidate.entry_extensions.items():
        if critical:
            yield f"the entry {serial_hex(serial)} has the critical extension {oid.dotted_string}"


@ENCODING_RULES.rule("rfc5280.5.3.2.invalidity-date")
def _invalidity_date(candidate: CrlCandidate) -> Iterator[str]:
    for (oid, _, value), serial in candidate.entry_extensions.items():
        if oid == CRLEntryExtensionOID.INVALIDITY_DATE and not _GENERALIZED_SECONDS.fullmatch(value):
            yield f"the entry {serial_hex(serial)} has an invalidity date that is not GeneralizedTime in seconds"


@RULES.rule("rfc5280.5.2.1.crl-authority-key-identifier-missing")
def _aki_missing(candidate: CrlCandidate) -> Iterator[str]:
    if _authority_key_id(candidate) is None:
        yield "the authority key identifier is missing, or holds no key identifier"


@RULES.rule("rfc5280.5.2.1.crl-authority-key-identifier-of-another-key")
def _aki_value(candidate: CrlCandidate) -> Iterator[str]:
    found, expected = _authority_key_id(candidate), candidate.issuer.key_id
    if found is not None and expected is not None and found != expected:
        yield f"the authority key identifier is not the issuer's subject key identifier, {expected.hex()}"


def _authority_key_id(candidate: CrlCandidate) -> bytes | None:
    found = candidate.extension(x509.AuthorityKeyIdentifier)
    return found.key_identifier if found else None


@RULES.rule("rfc5280.5.2.3.crl-number-missing")
def _number_missing(candidate: CrlCandidate) -> Iterator[str]:
    if candidate.extension(x509.CRLNumber) is None:
        yield "the CRL number is missing"


@RULES.rule("rfc5280.5.2.3.crl-number-range")
def _number_range(candidate: CrlCandidate) -> Iterator[str]:
    number = candidate.extension(x509.CRLNumber)
    if number and not 0 <= number.crl_number < 1 << (8 * MAX_SERIAL_OCTETS - 1):
        yield f"the CRL number is negative or has more than {MAX_SERIAL_OCTETS} octets"


@RULES.rule("rfc5280.5.2.3.crl-number-not-higher")
def _number_order(candidate: CrlCandidate) -> Iterator[str]:
    number = candidate.extension(x509.CRLNumber)
    last = candidate.previous.number if candidate.previous else None
    if number and last is not None and number.crl_number <= last:
        yield f"the CRL number {number.crl_number} is not above {last}, that of the CRL before"


@RULES.rule("rfc5280.5.2.3.this-update-goes-back")
def _goes_back(candidate: CrlCandidate) -> Iterator[str]:
    if candidate.previous and candidate.this_update < candidate.previous.this_update:
        yield f"thisUpdate {candidate.this_update} is before {candidate.previous.this_update}, that of the CRL before"


def _critical(code: str, kind: type[x509.ExtensionType], *, must_be: bool) -> None:
    """Enter a rule on whether an extension of a CRL is critical."""

    @RULES.rule(code)
    def _check(candidate: CrlCandidate) -> Iterator[str]:
        found = candidate.extensions.get(kind)
        if found is not None and found.critical is not must_be:
            yield f"{kind.__name__} {'is' if must_be else 'is not'} critical"


_critical("rfc5280.5.2.1.crl-authority-key-identifier-critical", x509.AuthorityKeyIdentifier, must_be=False)
_critical("rfc5280.5.2.3.crl-number-critical", x509.CRLNumber, must_be=False)
_critical("rfc5280.5.2.5.distribution-point-not-critical", x509.IssuingDistributionPoint, must_be=True)


@RULES.rule("rfc5280.5.2.unknown-critical-crl-extension", Severity.WARNING)
def _unknown_critical(candidate: CrlCandidate) -> Iterator[str]:
    for found in candidate.extensions.values():
        if found.critical and isinstance(found.value, x509.UnrecognizedExtension):
            yield f"extension {found.oid.dotted_string} is critical: who does not know it cannot use the CRL"
