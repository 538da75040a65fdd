"""A certificate before it is signed, as the rules look at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeVar, cast

from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.algorithms import Algorithm, SignatureScheme
from pki.der import ExtensionT
from pki.errors import PkiError
from pki.x509.certificates import Certificate, TBSCertificate, Validity, readable

T = TypeVar("T")

USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
"""The bits of KeyUsage, in order (RFC 5280 section 4.2.1.3)."""


@asn1.sequence
class Extension:
    """As RFC 5280 section 4.2, but an encoded default can be told from an absent one."""

    extn_id: x509.ObjectIdentifier
    critical: bool | None
    extn_value: bytes


@asn1.sequence
class Fields:
    """TBSCertificate of RFC 5280 section 4.1, but what must not be there can be."""

    version: Annotated[int | None, asn1.Explicit(0)]
    serial_number: int
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: Validity
    subject: asn1.TLV
    subject_public_key_info: asn1.TLV
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[Extension] | None, asn1.Explicit(3)]


@asn1.sequence
class BasicConstraints:
    ca: bool | None
    path_length: int | None


@dataclass(frozen=True)
class Candidate:
    """`issuer` is None for a self-signed certificate; `scheme` is how it will be signed."""

    tbs: bytes
    fields: Fields
    issuer: Certificate | None
    scheme: SignatureScheme

    def raw(self, oid: x509.ObjectIdentifier) -> bytes | None:
        """Return the content of the extension of that OID, not decoded."""
        return next((found.extn_value for found in self.fields.extensions or () if found.extn_id == oid), None)

    @cached_property
    def basic_constraints(self) -> BasicConstraints:
        """What stands there, even what pyca refuses to read: a path length without cA."""
        return _decoded(BasicConstraints, self.raw(x509.BasicConstraints.oid)) or BasicConstraints(
            ca=None, path_length=None
        )

    @property
    def is_ca(self) -> bool:
        return bool(self.basic_constraints.ca)

    @cached_property
    def usages(self) -> frozenset[str]:
        """The key usages that are set; none without the extension. pyca refuses to read some combinations."""
        bits = _decoded(asn1.BitString, self.raw(x509.KeyUsage.oid))
        octets = bits.as_bytes() if bits else b""
        return frozenset(
            name
            for position, name in enumerate(USAGES)
            if position // 8 < len(octets) and octets[position // 8] & (0x80 >> position % 8)
        )

    @cached_property
    def signature_algorithm(self) -> tuple[str, bytes | None]:
        """OID and parameters that the signature field names; empty when it cannot be taken apart."""
        try:
            return der.split_algorithm_identifier(der.octets(self.fields.signature))
        except PkiError:
            return "", None

    @property
    def spki(self) -> bytes:
        return der.octets(self.fields.subject_public_key_info)

    @cached_property
    def key(self) -> tuple[str, bytes | None, bytes]:
        """OID, parameters and content of the public key; empty when it cannot be taken apart."""
        try:
            info = der.decode(der.SubjectPublicKeyInfo, self.spki, "the public key")
            return (*der.split_algorithm_identifier(der.octets(info.algorithm)), info.subject_public_key.as_bytes())
        except PkiError:
            return "", None, b""

    @cached_property
    def algorithm(self) -> Algorithm | None:
        """The kind of the subject's key, None when the table does not have it."""
        try:
            return der.spki_algorithm(self.spki)
        except PkiError:
            return None

    @cached_property
    def readable(self) -> x509.Certificate:
        """Names, dates and extensions as pyca reads them.

        Raises:
            EncodingError: one of them is broken.
        """
        return readable(
            TBSCertificate(
                version=0,
                serial_number=1,
                signature=self.fields.signature,
                issuer=self.fields.issuer,
                validity=self.fields.validity,
                subject=self.fields.subject,
                subject_public_key_info=self.fields.subject_public_key_info,
                issuer_unique_id=None,
                subject_unique_id=None,
                extensions=strict(self.fields.extensions),
            )
        )

    @property
    def subject(self) -> x509.Name:
        return self.readable.subject

    @cached_property
    def _extensions(self) -> dict[type, x509.Extension[Any]]:
        return {type(found.value): found for found in self.readable.extensions}

    def extension(self, kind: type[ExtensionT]) -> ExtensionT | None:
        found = self._extensions.get(kind)
        return None if found is None else cast("ExtensionT", found.value)

    def is_critical(self, kind: type[x509.ExtensionType]) -> bool:
        return kind in self._extensions and self._extensions[kind].critical

    @property
    def san(self) -> x509.SubjectAlternativeName | None:
        return self.extension(x509.SubjectAlternativeName)

    @property
    def purposes(self) -> frozenset[x509.ObjectIdentifier]:
        return frozenset(self.extension(x509.ExtendedKeyUsage) or ())


def strict(found: list[Extension] | None) -> list[der.Extension] | None:
    """Return the same extensions as the standard writes them, None for an empty list."""
    return [
        der.Extension(extn_id=each.extn_id, critical=bool(each.critical), extn_value=each.extn_value)
        for each in found or ()
    ] or None


def _decoded(structure: type[T], value: bytes | None) -> T | None:
    """Return what an extension holds, None when it is absent or broken; broken ones are reported as such elsewhere."""
    try:
        return None if value is None else asn1.decode_der(structure, value)
    except ValueError:
        return None
