"""The qcStatements extension of EU qualified certificates (RFC 3739 section 3.2.6, ETSI EN 319 412-5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.errors import EncodingError

OID = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")

_COMPLIANCE = x509.ObjectIdentifier("0.4.0.1862.1.1")
_RETENTION_PERIOD = x509.ObjectIdentifier("0.4.0.1862.1.3")
_SSCD = x509.ObjectIdentifier("0.4.0.1862.1.4")
_PDS = x509.ObjectIdentifier("0.4.0.1862.1.5")
_TYPE = x509.ObjectIdentifier("0.4.0.1862.1.6")
_TYPES = {
    "esign": x509.ObjectIdentifier("0.4.0.1862.1.6.1"),
    "eseal": x509.ObjectIdentifier("0.4.0.1862.1.6.2"),
    "web": x509.ObjectIdentifier("0.4.0.1862.1.6.3"),
}


@asn1.sequence
class _Claim:
    id: x509.ObjectIdentifier


@asn1.sequence
class _RetentionPeriod:
    id: x509.ObjectIdentifier
    years: int


@asn1.sequence
class _PdsLocation:
    url: asn1.IA5String
    language: asn1.PrintableString


@asn1.sequence
class _PdsLocations:
    id: x509.ObjectIdentifier
    locations: list[_PdsLocation]


@asn1.sequence
class _CertificateType:
    id: x509.ObjectIdentifier
    types: list[x509.ObjectIdentifier]


@asn1.sequence
class _Statements:
    """The SEQUENCE OF QCStatement, each at most once."""

    compliance: _Claim | None
    retention_period: _RetentionPeriod | None
    sscd: _Claim | None
    pds: _PdsLocations | None
    type: _CertificateType | None


def encode(
    *, compliance: bool, kind: str | None, sscd: bool, retention_years: int | None, pds: Sequence[tuple[str, str]]
) -> bytes | None:
    """Return the DER of the extension's value, or None when it would state nothing.

    `kind` is `esign`, `eseal` or `web`; `pds` holds (URL, ISO 639-1 language) pairs.
    """
    if not (compliance or kind or sscd or pds) and retention_years is None:
        return None
    locations = [_PdsLocation(url=asn1.IA5String(url), language=asn1.PrintableString(code)) for url, code in pds]
    return asn1.encode_der(
        _Statements(
            compliance=_Claim(id=_COMPLIANCE) if compliance else None,
            retention_period=_retention(retention_years),
            sscd=_Claim(id=_SSCD) if sscd else None,
            pds=_PdsLocations(id=_PDS, locations=locations) if locations else None,
            type=_CertificateType(id=_TYPE, types=[_TYPES[kind]]) if kind else None,
        )
    )


def _retention(years: int | None) -> _RetentionPeriod | None:
    return None if years is None else _RetentionPeriod(id=_RETENTION_PERIOD, years=years)


def describe(value: bytes) -> list[str]:
    """Return what the extension's value states, one text for each statement; what is not known by OID and hex.

    Raises:
        EncodingError: it is no list of statements.
    """
    return [_described(der.octets(statement)) for statement in der.elements(value, _WHAT)]


def _described(statement: bytes) -> str:
    identifier, *rest = [der.octets(part) for part in der.elements(statement, _WHAT)] or [b""]
    oid = der.decode(x509.ObjectIdentifier, identifier, _WHAT)
    if oid in _WORDS:
        structure, words = _WORDS[oid]
        with suppress(EncodingError):
            return words(der.decode(structure, statement, _WHAT))
    return " ".join([oid.dotted_string, *(part.hex() for part in rest)])


def _type_words(statement: _CertificateType) -> str:
    names = {oid: name for name, oid in _TYPES.items()}
    return f"type {', '.join(names.get(oid, oid.dotted_string) for oid in statement.types)}"


def _pds_words(statement: _PdsLocations) -> str:
    return f"PDS {', '.join(f'{each.url.as_str()} ({each.language.as_str()})' for each in statement.locations)}"


_WHAT = "the qcStatements extension"
_WORDS: dict[x509.ObjectIdentifier, tuple[type[Any], Callable[[Any], str]]] = {
    _COMPLIANCE: (_Claim, lambda _: "compliance"),
    _RETENTION_PERIOD: (_RetentionPeriod, lambda statement: f"retention in years: {statement.years}"),
    _SSCD: (_Claim, lambda _: "key on a QSCD"),
    _PDS: (_PdsLocations, _pds_words),
    _TYPE: (_CertificateType, _type_words),
}
