"""Certificate revocation lists: revocations become to-be-signed bytes; bytes become facts (RFC 5280 section 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Annotated, Any, Literal

from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.algorithms import SignatureScheme, scheme_of_identifier
from pki.der import ExtensionT
from pki.errors import EncodingError, IssuanceError
from pki.x509.certificates import IssuerIdentity, serial_hex

EXPIRED_CERTS_ON_CRL = x509.ObjectIdentifier("2.5.29.60")
"""expiredCertsOnCRL of ITU-T X.509: the CRL lists revoked certificates that expired since the time that this holds."""

_V2 = 1
REASONS = tuple(flag.value for flag in x509.ReasonFlags)
"""The names of RFC 5280 section 5.3.1."""

_ALIASES = {"cessation": "cessationOfOperation", "hold": "certificateHold"}
_REASON_NAMES = {name.lower(): name for name in REASONS} | _ALIASES


@asn1.sequence
class RevokedCertificate:
    user_certificate: int
    revocation_date: asn1.UTCTime | asn1.GeneralizedTime
    crl_entry_extensions: list[der.Extension] | None


@asn1.sequence
class TBSCertList:
    version: int | None
    signature: asn1.TLV
    issuer: asn1.TLV
    this_update: asn1.UTCTime | asn1.GeneralizedTime
    next_update: asn1.UTCTime | asn1.GeneralizedTime | None
    revoked_certificates: list[RevokedCertificate] | None
    crl_extensions: Annotated[list[der.Extension] | None, asn1.Explicit(0)]


@dataclass(frozen=True, slots=True)
class Revocation:
    """One revoked certificate. `reason` is a name of `REASONS`, or None; `not_after` is the certificate's own end."""

    serial: int
    at: datetime
    reason: str | None = None
    invalidity_date: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class DistributionPoint:
    """What an issuing distribution point extension says: where this CRL is published, and which certificates it covers.

    The URLs must be those in the certificates' CRL distribution points (RFC 5280 section 5.2.5).
    """

    urls: tuple[str, ...] = ()
    only: Literal["user", "ca"] | None = None

    def __post_init__(self) -> None:
        if not self.urls and self.only is None:
            raise IssuanceError("an issuing distribution point says a URL or a scope (RFC 5280 section 5.2.5)")

    def extension(self) -> x509.Extension[x509.IssuingDistributionPoint]:
        value = x509.IssuingDistributionPoint(
            full_name=[x509.UniformResourceIdentifier(url) for url in self.urls] or None,
            relative_name=None,
            only_contains_user_certs=self.only == "user",
            only_contains_ca_certs=self.only == "ca",
            only_some_reasons=None,
            indirect_crl=False,
            only_contains_attribute_certs=False,
        )
        return x509.Extension(value.oid, True, value)


@dataclass(frozen=True, slots=True)
class CrlTemplate:
    """The fully decided content of one CRL, but for the issuer and its key. Times are aware.

    `expired_since`: it lists revoked certificates that have expired, too, all that did since then.
    """

    number: int
    this_update: datetime
    next_update: datetime
    revocations: tuple[Revocation, ...] = ()
    distribution_point: DistributionPoint | None = None
    expired_since: datetime | None = None


def revocation_reason(text: str) -> str:
    """Return the RFC's spelling of a reason, given in any case.

    Raises:
        IssuanceError: there is no such reason.
    """
    try:
        return _REASON_NAMES[text.lower()]
    except KeyError:
        raise IssuanceError(f"unknown revocation reason {text!r}", hint=f"one of: {', '.join(REASONS)}") from None


def crl_tbs(template: CrlTemplate, issuer: IssuerIdentity, scheme: SignatureScheme) -> bytes:
    """Return the DER TBSCertList of a v2 CRL, its entries in the order of the template."""
    authority = x509.AuthorityKeyIdentifier(issuer.key_id, None, None)
    number = x509.CRLNumber(template.number)
    extensions: list[x509.Extension[Any]] = [
        x509.Extension(authority.oid, False, authority),
        x509.Extension(number.oid, False, number),
    ]
    if template.distribution_point:
        extensions.append(template.distribution_point.extension())
    if template.expired_since:
        extensions.append(_expired_certs_on_crl(template.expired_since))
    return asn1.encode_der(
        TBSCertList(
            version=_V2,
            signature=der.tlv(der.algorithm_identifier(scheme.oid, scheme.parameters)),
            issuer=der.tlv(issuer.name),
            this_update=der.time(template.this_update),
            next_update=der.time(template.next_update),
            # RFC 5280 section 5.1.2.6: absent rather than empty
            revoked_certificates=[_entry(revocation) for revocation in template.revocations] or None,
            crl_extensions=der.extensions(extensions),
        )
    )


def _expired_certs_on_crl(since: datetime) -> x509.Extension[Any]:
    time = asn1.encode_der(asn1.GeneralizedTime(since.astimezone(UTC).replace(microsecond=0)))
    return x509.Extension(EXPIRED_CERTS_ON_CRL, False, x509.UnrecognizedExtension(EXPIRED_CERTS_ON_CRL, time))


def _entry(revocation: Revocation) -> RevokedCertificate:
    extensions = [] if revocation.reason is None else _reason_extensions(revocation.reason)
    if revocation.invalidity_date:
        invalid = x509.InvalidityDate(revocation.invalidity_date.astimezone(UTC).replace(microsecond=0))
        extensions = [*extensions, *der.extensions([x509.Extension(invalid.oid, False, invalid)])]
    return RevokedCertificate(
        user_certificate=revocation.serial,
        revocation_date=der.time(revocation.at),
        crl_entry_extensions=extensions or None,
    )


@cache  # ten values, shared by every entry
def _reason_extensions(reason: str) -> list[der.Extension]:
    if reason == x509.ReasonFlags.unspecified.value:
        return []  # RFC 5280 section 5.3.1: absent rather than unspecified
    code = x509.CRLReason(x509.ReasonFlags(reason))
    return der.extensions([x509.Extension(code.oid, False, code)])


@dataclass(frozen=True)
class Crl:
    """A parsed CRL: what it says, not whether it may be believed. Equality is equality of the DER."""

    der: bytes
    tbs: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    issuer: x509.Name = field(compare=False)
    issuer_der: bytes = field(compare=False, repr=False)
    _algorithm: tuple[str, bytes | None] = field(compare=False, repr=False)
    _readable: x509.CertificateRevocationList = field(compare=False, repr=False)

    @property
    def this_update(self) -> datetime:
        return self._readable.last_update_utc

    @property
    def next_update(self) -> datetime | None:
        return self._readable.next_update_utc

    @cached_property
    def scheme(self) -> SignatureScheme:
        """How the issuer signed.

        Raises:
            UnsupportedAlgorithmError: not by a scheme of the table.
        """
        return scheme_of_identifier(*self._algorithm)

    @property
    def extensions(self) -> x509.Extensions:
        return self._readable.extensions

    def extension(self, kind: type[ExtensionT]) -> ExtensionT | None:
        return der.extension_value(self.extensions, kind)

    @property
    def number(self) -> int | None:
        found = self.extension(x509.CRLNumber)
        return found.crl_number if found else None

    @property
    def authority_key_id(self) -> bytes | None:
        found = self.extension(x509.AuthorityKeyIdentifier)
        return found.key_identifier if found else None

    @property
    def distribution_point(self) -> x509.IssuingDistributionPoint | None:
        return self.extension(x509.IssuingDistributionPoint)

    def serials(self) -> frozenset[int]:
        """Return the serial numbers that it lists."""
        return frozenset(entry.serial_number for entry in self._readable)

    @property
    def size(self) -> int:
        """How many entries it has."""
        return len(self._readable)

    @cached_property
    def revocations(self) -> tuple[Revocation, ...]:
        """The entries, read on the first access: a few seconds for a million.

        Raises:
            EncodingError: an entry is broken, or says something critical that is not understood (section 5.3).
        """
        with der.reading("the CRL"):
            return tuple(_revocation(entry) for entry in self._readable)

    def find(self, serial: int) -> Revocation | None:
        """Return the entry of that certificate, without reading the others.

        Raises:
            EncodingError: as `revocations`.
        """
        with der.reading("the CRL"):
            entry = self._readable.get_revoked_certificate_by_serial_number(serial)
            return None if entry is None else _revocation(entry)

    def pem(self) -> bytes:
        return der.pem(der.CRL, self.der)


def parse_crl(data: bytes) -> Crl:
    """Parse PEM (the first CRL in it) or DER.

    Raises:
        EncodingError: not a version 2 CRL, or one with a broken name or extension. Entries are read later.
    """
    data = der.der_of(data, der.CRL)
    signed = der.split(data)
    match der.elements(signed.tbs, "the CRL"):
        case [version, signature, issuer, *_] if der.octets(version) == asn1.encode_der(_V2):
            algorithm = der.split_algorithm_identifier(der.octets(signature))
        case _:
            raise EncodingError("this is not a CRL of version 2 (RFC 5280 section 5.1.2.1)")
    if algorithm != (signed.oid, signed.parameters):
        raise EncodingError("the CRL names two different signature algorithms (RFC 5280 section 5.1.1.2)")
    with der.reading("the CRL"):
        readable = x509.load_der_x509_crl(data)
        name = readable.issuer
        _ = readable.extensions, readable.last_update_utc, readable.next_update_utc
    return Crl(
        der=data,
        tbs=signed.tbs,
        signature=signed.signature,
        issuer=name,
        issuer_der=der.octets(issuer),
        _algorithm=algorithm,
        _readable=readable,
    )


def _revocation(entry: x509.RevokedCertificate) -> Revocation:
    reason = der.extension_value(entry.extensions, x509.CRLReason)
    invalid = der.extension_value(entry.extensions, x509.InvalidityDate)
    known = (x509.CRLReason.oid, x509.InvalidityDate.oid)
    if any(extension.critical and extension.oid not in known for extension in entry.extensions):
        raise EncodingError(f"the CRL's entry {serial_hex(entry.serial_number)} has an unknown critical extension")
    return Revocation(
        serial=entry.serial_number,
        at=entry.revocation_date_utc,
        reason=reason.reason.value if reason else None,
        invalidity_date=invalid.invalidity_date_utc if invalid else None,
    )
