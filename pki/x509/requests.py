"""PKCS#10 certificate requests (RFC 2986): what is asked for, as plain values, and proof that the asker has the key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.algorithms import Algorithm, SignatureScheme, scheme_of_identifier
from pki.errors import EncodingError, RequestError, UnsupportedAlgorithmError, VerificationError
from pki.names import ATTRIBUTES
from pki.profiles.model import CertificateTemplate, RequestedNames
from pki.x509 import signatures

MAX_SIZE = 64 * 1024
"""Octets of a request, PEM or DER. The largest honest ones, with ML-DSA-87, need 11 KiB."""

_V1 = 0
_EXTENSION_REQUEST = x509.ObjectIdentifier("1.2.840.113549.1.9.14")
_SHORT_NAMES = {kind.oid: kind.name for kind in ATTRIBUTES.values()}
_FIELDS = {
    x509.DNSName: "dns",
    x509.IPAddress: "ips",
    x509.RFC822Name: "emails",
    x509.UniformResourceIdentifier: "uris",
}
_LABELS = (der.REQUEST, "NEW CERTIFICATE REQUEST")


@asn1.sequence
class _Attribute:
    type: x509.ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class CertificationRequestInfo:
    """RFC 2986 section 4.1."""

    version: int
    subject: asn1.TLV
    subject_public_key_info: asn1.TLV
    attributes: Annotated[asn1.SetOf[_Attribute], asn1.Implicit(0)]


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A parsed request: what it asks for, not whether it may have it.

    `names` are as they stand, not checked. `ignored` names the extensions it asks for besides subjectAltName.
    Equality is equality of the DER.
    """

    der: bytes
    tbs: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    spki: bytes = field(compare=False, repr=False)
    algorithm: Algorithm = field(compare=False)
    scheme: SignatureScheme = field(compare=False)
    names: RequestedNames = field(compare=False)
    ignored: tuple[str, ...] = field(compare=False)

    def pem(self) -> bytes:
        return der.pem(der.REQUEST, self.der)


def request_tbs(subject: x509.Name, spki: bytes, extensions: Sequence[x509.Extension[Any]] = ()) -> bytes:
    """Return the DER CertificationRequestInfo that a key of the subject's signs."""
    wanted = der.sequence([der.tlv(asn1.encode_der(extension)) for extension in der.extensions(extensions)])
    attribute = _Attribute(type=_EXTENSION_REQUEST, values=asn1.SetOf([der.tlv(wanted)]))
    return asn1.encode_der(
        CertificationRequestInfo(
            version=_V1,
            subject=der.tlv(subject.public_bytes()),
            subject_public_key_info=der.tlv(spki),
            attributes=asn1.SetOf([attribute] if extensions else []),
        )
    )


def parse_request(data: bytes) -> CertificateRequest:
    """Parse PEM (the first request in it) or DER.

    Raises:
        RequestError: too large, not a request, broken, or with a key or signature that the table does not have.
    """
    if len(data) > MAX_SIZE:
        raise RequestError(f"the request has {len(data)} bytes; more than {MAX_SIZE} are not read")
    with _refusing():
        return _parse(der.der_of(data, *_LABELS))


def _parse(request: bytes) -> CertificateRequest:
    signed = der.split(request)
    spki = der.octets(_info(signed.tbs).subject_public_key_info)
    algorithm = der.spki_algorithm(spki)
    signatures.public_key(spki)  # refuses a point off its curve
    subject, extensions = _wanted(request)
    return CertificateRequest(
        der=request,
        tbs=signed.tbs,
        signature=signed.signature,
        spki=spki,
        algorithm=algorithm,
        scheme=scheme_of_identifier(signed.oid, signed.parameters),
        names=_names(subject, der.extension_value(extensions, x509.SubjectAlternativeName)),
        ignored=tuple(_extension_name(found) for found in extensions if found.oid != x509.SubjectAlternativeName.oid),
    )


def verify_request(request: CertificateRequest) -> None:
    """Check that whoever made the request holds its key.

    Raises:
        RequestError: its signature does not hold.
    """
    try:
        signatures.verify(request.spki, request.scheme, request.tbs, request.signature)
    except VerificationError as error:
        raise RequestError(
            f"the request's own signature does not hold: {error}",
            hint="it was changed after it was signed, or signed by another key than the one it asks a certificate for",
        ) from error


def require_key(request: CertificateRequest, template: CertificateTemplate) -> None:
    """Hold the request's key to what the profile of the template asks for.

    Raises:
        RequestError: it is of another kind.
    """
    if request.algorithm != template.algorithm:
        raise RequestError(
            f"the CSR's key is {request.algorithm}, but profile {template.profile} asks for {template.algorithm}",
            hint="make the CSR with another key, or choose the profile for this one",
        )


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except EncodingError as error:
        raise RequestError(
            f"not a certificate request: {error}", hint="a PKCS#10 request is needed, PEM or DER"
        ) from error
    except UnsupportedAlgorithmError as error:
        raise RequestError(f"the request cannot be accepted: {error}", hint=error.hint) from error


def _info(tbs: bytes) -> CertificationRequestInfo:
    try:
        info = der.decode(CertificationRequestInfo, tbs, "the request")
    except EncodingError:
        # A certificate or CRL is signed DER too: the same shell, another content.
        raise EncodingError("it is signed DER of another kind, such as a certificate") from None
    if info.version != _V1:
        raise EncodingError("its version is not 1 (RFC 2986 section 4.1)")
    return info


def _wanted(request: bytes) -> tuple[x509.Name, x509.Extensions]:
    with der.reading("the request"):
        readable = x509.load_der_x509_csr(request)
        return readable.subject, readable.extensions


def _names(subject: x509.Name, san: x509.SubjectAlternativeName | None) -> RequestedNames:
    asked = dict.fromkeys(_general_name(name) for name in san or ())
    by_kind = {kind: tuple(value for found, value in asked if found == kind) for kind, _ in asked}
    return RequestedNames(subject=tuple(dict.fromkeys(_subject_attribute(part) for part in subject)), **by_kind)


def _subject_attribute(part: x509.NameAttribute[Any]) -> tuple[str, str]:
    short_name = _SHORT_NAMES.get(part.oid, part.oid.dotted_string)
    return short_name, part.value if isinstance(part.value, str) else f"#{part.value.hex()}"


def _general_name(name: x509.GeneralName) -> tuple[str, str]:
    """Return the field of `RequestedNames` that a SAN entry belongs to, and its text."""
    field_name = _FIELDS.get(type(name))
    if field_name and not isinstance(name.value, IPv4Network | IPv6Network):
        return field_name, str(name.value)
    match name:
        case x509.OtherName():
            text = name.type_id.dotted_string
        case x509.RegisteredID():
            text = name.value.dotted_string
        case x509.DirectoryName():
            text = name.value.rfc4514_string()
        case _:
            text = str(name.value)
    return "other", f"{_rfc_spelling(name)} {text}"


def _extension_name(extension: x509.Extension[Any]) -> str:
    unknown = isinstance(extension.value, x509.UnrecognizedExtension)
    return extension.oid.dotted_string if unknown else _rfc_spelling(extension.value)


def _rfc_spelling(value: object) -> str:
    """Return `keyUsage` for a `KeyUsage`: pyca and the RFC differ in the first letter only."""
    kind = type(value).__name__
    return kind[0].lower() + kind[1:]
