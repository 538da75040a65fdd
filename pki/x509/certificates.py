"""Certificates: a template becomes to-be-signed bytes; bytes become facts.

pyca/cryptography reads and writes names and extension values. The rest is encoded here, so that the signature algorithm
and the public key are bytes that need no class of pyca's, and so that the bytes can be linted before a key signs them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.algorithms import SCHEMES, Algorithm, SignatureScheme, scheme_of_identifier
from pki.der import ExtensionT
from pki.errors import EncodingError
from pki.profiles.model import CertificateTemplate, IssuerFacts

_V3 = 2
_PLACEHOLDER = SCHEMES["ed25519"]
_PLACEHOLDER_KEY = bytes.fromhex("302a300506032b6570032100") + bytes(32)


@asn1.sequence
class Validity:
    not_before: asn1.UTCTime | asn1.GeneralizedTime
    not_after: asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class TBSCertificate:
    """RFC 5280 section 4.1."""

    version: Annotated[int, asn1.Explicit(0), asn1.Default(0)]
    serial_number: int
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: Validity
    subject: asn1.TLV
    subject_public_key_info: asn1.TLV
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[der.Extension] | None, asn1.Explicit(3)]


@dataclass(frozen=True, slots=True)
class IssuerIdentity:
    """How an issuer is named in what it signs: the DER Name and key identifier that stand in its certificate."""

    name: bytes
    key_id: bytes


def certificate_tbs(
    template: CertificateTemplate,
    *,
    serial: int,
    spki: bytes,
    issuer: IssuerIdentity | None,
    scheme: SignatureScheme,
) -> bytes:
    """Return the DER TBSCertificate of a v3 certificate; `issuer` None makes it self-issued.

    The subject and authority key identifiers are added here, the authority's to self-signed certificates too: whoever
    does not know the algorithm cannot see that a certificate is self-signed.

    Raises:
        EncodingError: `spki` is not a SubjectPublicKeyInfo.
    """
    subject = template.subject.public_bytes()
    key_id = der.subject_key_identifier(spki)
    issuer = issuer or IssuerIdentity(subject, key_id)
    identifiers = (
        x509.Extension(x509.SubjectKeyIdentifier.oid, False, x509.SubjectKeyIdentifier(key_id)),
        x509.Extension(x509.AuthorityKeyIdentifier.oid, False, x509.AuthorityKeyIdentifier(issuer.key_id, None, None)),
    )
    return asn1.encode_der(
        TBSCertificate(
            version=_V3,
            serial_number=serial,
            signature=der.tlv(der.algorithm_identifier(scheme.oid, scheme.parameters)),
            issuer=der.tlv(issuer.name),
            validity=Validity(not_before=der.time(template.not_before), not_after=der.time(template.not_after)),
            subject=der.tlv(subject),
            subject_public_key_info=der.tlv(spki),
            issuer_unique_id=None,
            subject_unique_id=None,
            extensions=der.extensions((*identifiers, *template.extensions)),
        )
    )


@dataclass(frozen=True)
class Certificate:
    """A parsed certificate: what it says, not whether it may be believed.

    `tbs` is what its signature covers. Equality is equality of the DER.
    """

    der: bytes
    tbs: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    _fields: TBSCertificate = field(compare=False, repr=False)
    _readable: x509.Certificate = field(compare=False, repr=False)

    @property
    def serial(self) -> int:
        return self._fields.serial_number

    @property
    def serial_hex(self) -> str:
        """Upper case and of even length, as OpenSSL names files and index rows."""
        return serial_hex(self.serial)

    @property
    def subject(self) -> x509.Name:
        return self._readable.subject

    @property
    def issuer(self) -> x509.Name:
        return self._readable.issuer

    @property
    def subject_der(self) -> bytes:
        return der.octets(self._fields.subject)

    @property
    def issuer_der(self) -> bytes:
        return der.octets(self._fields.issuer)

    @property
    def not_before(self) -> datetime:
        return self._readable.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        return self._readable.not_valid_after_utc

    @cached_property
    def spki(self) -> bytes:
        return der.octets(self._fields.subject_public_key_info)

    @cached_property
    def algorithm(self) -> Algorithm:
        """The kind of the subject's key.

        Raises:
            UnsupportedAlgorithmError, EncodingError: a key that the table does not have, or that is broken.
        """
        return der.spki_algorithm(self.spki)

    @cached_property
    def scheme(self) -> SignatureScheme:
        """How the issuer signed.

        Raises:
            UnsupportedAlgorithmError: not by a scheme of the table.
        """
        return scheme_of_identifier(*der.split_algorithm_identifier(der.octets(self._fields.signature)))

    @property
    def extensions(self) -> x509.Extensions:
        return self._readable.extensions

    def extension(self, kind: type[ExtensionT]) -> ExtensionT | None:
        return der.extension_value(self.extensions, kind)

    @property
    def key_id(self) -> bytes | None:
        """The subject key identifier as it stands."""
        found = self.extension(x509.SubjectKeyIdentifier)
        return found.digest if found else None

    @property
    def authority_key_id(self) -> bytes | None:
        found = self.extension(x509.AuthorityKeyIdentifier)
        return found.key_identifier if found else None

    @property
    def is_ca(self) -> bool:
        found = self.extension(x509.BasicConstraints)
        return found is not None and found.ca

    @property
    def path_length(self) -> int | None:
        found = self.extension(x509.BasicConstraints)
        return found.path_length if found else None

    @property
    def key_usage(self) -> x509.KeyUsage | None:
        return self.extension(x509.KeyUsage)

    @property
    def identity(self) -> IssuerIdentity:
        """How certificates and CRLs that this certificate's key signs name their issuer.

        The key identifier is copied; it is computed only for a certificate that has none (RFC 5280 section 4.2.1.1).
        """
        return IssuerIdentity(self.subject_der, self.key_id or der.subject_key_identifier(self.spki))

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the DER in lower-case hex."""
        return hashlib.sha256(self.der).hexdigest()

    def pem(self) -> bytes:
        return der.pem(der.CERTIFICATE, self.der)


def is_self_issued(certificate: Certificate) -> bool:
    """Say so by the names (RFC 5280 section 3.2): a rollover certificate is, and is signed by another key."""
    return certificate.subject_der == certificate.issuer_der


def may_have_issued(issuer: Certificate, certificate: Certificate) -> bool:
    """Compare names byte for byte, and the authority key identifier where both sides have what it names.

    RFC 5280 section 4.1.2.4 has CAs encode their name identically wherever it stands.
    """
    if issuer.subject_der != certificate.issuer_der:
        return False
    wanted = certificate.extension(x509.AuthorityKeyIdentifier)
    if wanted is None:
        return True
    key_ids_agree = None in (wanted.key_identifier, issuer.key_id) or wanted.key_identifier == issuer.key_id
    return key_ids_agree and wanted.authority_cert_serial_number in (None, issuer.serial)


def issuer_facts(certificate: Certificate, defaults: Mapping[str, tuple[str, ...]]) -> IssuerFacts:
    """Return what compiling a profile under the CA that has this certificate depends on."""
    return IssuerFacts(
        subject=certificate.subject,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        path_length=certificate.path_length,
        defaults=defaults,
    )


def serial_hex(serial: int) -> str:
    digits = f"{serial:X}"
    return digits.rjust(len(digits) + len(digits) % 2, "0")


def parse_certificate(data: bytes) -> Certificate:
    """Parse PEM (the first certificate in it) or DER.

    Raises:
        EncodingError: not a certificate, or one with broken names or extensions.
    """
    return _parse(der.der_of(data, der.CERTIFICATE))


def parse_certificates(data: bytes) -> list[Certificate]:
    """Parse every certificate of a PEM bundle, or the one of a DER file.

    Raises:
        EncodingError: one of them is broken, or there is none.
    """
    return [_parse(found) for found in der.ders_of(data, der.CERTIFICATE)]


def _parse(data: bytes) -> Certificate:
    signed = der.split(data)
    fields = der.decode(TBSCertificate, signed.tbs, "the certificate")
    inner = der.split_algorithm_identifier(der.octets(fields.signature))
    if inner != (signed.oid, signed.parameters):
        raise EncodingError("the certificate names two different signature algorithms (RFC 5280 section 4.1.1.2)")
    if fields.serial_number <= 0:
        raise EncodingError("the certificate's serial number is not positive (RFC 5280 section 4.1.2.2)")
    return Certificate(data, signed.tbs, signed.signature, fields, readable(fields))


def readable(fields: TBSCertificate) -> x509.Certificate:
    """Return pyca's view of the names, dates and extensions; the rest of what it shows means nothing.

    pyca warns about, or chokes on, serial numbers, keys and algorithms that it does not like, some of them late. They
    are replaced before it sees them, and what is left is read now, so that no access can fail afterwards.

    Raises:
        EncodingError: a name or an extension is broken, or an extension is there twice.
    """
    stripped = TBSCertificate(
        version=_V3,
        serial_number=1,
        signature=der.tlv(der.algorithm_identifier(_PLACEHOLDER.oid, _PLACEHOLDER.parameters)),
        issuer=fields.issuer,
        validity=fields.validity,
        subject=fields.subject,
        subject_public_key_info=der.tlv(_PLACEHOLDER_KEY),
        issuer_unique_id=None,
        subject_unique_id=None,
        extensions=fields.extensions,
    )
    with der.reading("the certificate"):
        view = x509.load_der_x509_certificate(der.assemble(asn1.encode_der(stripped), _PLACEHOLDER, b""))
        _ = view.subject, view.issuer, view.extensions, view.not_valid_before_utc, view.not_valid_after_utc
    return view
