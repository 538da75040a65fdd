"""A CRL before it is signed, as the rules look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, cast

from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.algorithms import SCHEMES, SignatureScheme
from pki.x509.certificates import Certificate
from pki.x509.crls import Crl, TBSCertList
from pki.x509.lint.candidate import Extension, strict

_V2 = 1

Time = asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class Entry:
    serial: int
    date: Time
    extensions: list[Extension] | None


@asn1.sequence
class CrlFields:
    """TBSCertList of RFC 5280 section 5.1, but what must not be there can be."""

    version: int | None
    signature: asn1.TLV
    issuer: asn1.TLV
    this_update: Time
    next_update: asn1.UTCTime | asn1.GeneralizedTime | None
    entries: list[Entry] | None
    extensions: Annotated[list[Extension] | None, asn1.Explicit(0)]


@dataclass(frozen=True)
class CrlCandidate:
    """`issuer` is whose key will sign, by `scheme`; `previous` is the CRL that this one follows."""

    fields: CrlFields
    issuer: Certificate
    scheme: SignatureScheme
    previous: Crl | None

    @cached_property
    def this_update(self) -> datetime:
        return self.fields.this_update.as_datetime()

    @cached_property
    def next_update(self) -> datetime | None:
        return None if self.fields.next_update is None else self.fields.next_update.as_datetime()

    @cached_property
    def entries(self) -> list[tuple[int, datetime]]:
        """Serial number and date of each entry: several rules go through what may be a million of them."""
        return [(entry.serial, entry.date.as_datetime()) for entry in self.fields.entries or ()]

    @cached_property
    def entry_extensions(self) -> dict[tuple[x509.ObjectIdentifier, bool | None, bytes], int]:
        """The distinct extensions of entries, each with the serial number of one entry that has it."""
        return {
            (found.extn_id, found.critical, found.extn_value): entry.serial
            for entry in self.fields.entries or ()
            for found in entry.extensions or ()
        }

    @cached_property
    def extensions(self) -> dict[type, x509.Extension[Any]]:
        """The extensions of the CRL itself as pyca reads them: those of a CRL like this one, without entries.

        Raises:
            EncodingError: one of them is broken.
        """
        placeholder = SCHEMES["ed25519"]
        bare = TBSCertList(
            version=_V2,
            signature=der.tlv(der.algorithm_identifier(placeholder.oid, placeholder.parameters)),
            issuer=self.fields.issuer,
            this_update=self.fields.this_update,
            next_update=self.fields.next_update,
            revoked_certificates=None,
            crl_extensions=strict(self.fields.extensions),
        )
        with der.reading("the CRL"):
            readable = x509.load_der_x509_crl(der.assemble(asn1.encode_der(bare), placeholder, b""))
            return {type(found.value): found for found in readable.extensions}

    def extension(self, kind: type[der.ExtensionT]) -> der.ExtensionT | None:
        found = self.extensions.get(kind)
        return None if found is None else cast("der.ExtensionT", found.value)
