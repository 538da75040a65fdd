"""What every signed X.509 object is made of: AlgorithmIdentifier, SubjectPublicKeyInfo, Extension, Time, and PEM.

Keys and algorithms pass through here as bytes and table rows, so that an algorithm that pyca/cryptography does not know
is encoded like any other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1

from pki.algorithms import Algorithm, SignatureScheme, algorithm_of_key
from pki.errors import EncodingError

CERTIFICATE = "CERTIFICATE"
CRL = "X509 CRL"
REQUEST = "CERTIFICATE REQUEST"

_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_FIRST_GENERALIZED_YEAR = 2050
_PEM_BEGIN = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t\r]*$", re.MULTILINE)
_PEM_LINE = 64
_ANOTHER_FILE = "name the file that holds it; `qpki inspect FILE` says what a file is"
_SEQUENCE = 0x30

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)

T = TypeVar("T")
ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)


@asn1.sequence
class _Holder:
    item: asn1.TLV


@asn1.sequence
class _Elements:
    items: list[asn1.TLV]


@asn1.sequence
class SubjectPublicKeyInfo:
    algorithm: asn1.TLV
    subject_public_key: asn1.BitString


@asn1.sequence
class RsaPublicKey:
    """RFC 8017 appendix A.1.1."""

    modulus: int
    public_exponent: int


@asn1.sequence
class Extension:
    extn_id: x509.ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]
    extn_value: bytes


@asn1.sequence
class _Signed:
    tbs: asn1.TLV
    signature_algorithm: asn1.TLV
    signature: asn1.BitString


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate, CRL or request, taken apart. `parameters` is DER, or None when absent."""

    tbs: bytes
    oid: str
    parameters: bytes | None
    signature: bytes


def decode(structure: type[T], data: bytes, what: str) -> T:
    """Decode strict DER.

    Raises:
        EncodingError: it is not DER, or not this structure; `what` ("the certificate") begins the sentence.
    """
    try:
        return asn1.decode_der(structure, data)
    except ValueError as error:
        raise EncodingError(f"{what} is not valid DER") from error


def tlv(der: bytes) -> asn1.TLV:
    """Return one encoded value in the form that structures embed as it is."""
    return asn1.decode_der(asn1.TLV, der)


def octets(element: asn1.TLV) -> bytes:
    """Return an element with its tag and length, as it stood."""
    return asn1.encode_der(element)


def elements(sequence: bytes, what: str) -> list[asn1.TLV]:
    """Return what a SEQUENCE holds, whatever that is.

    Raises:
        EncodingError: not one DER SEQUENCE.
    """
    # A list is not a root for `decode_der`: it is decoded as the one field of another SEQUENCE.
    return decode(_Elements, asn1.encode_der(_Holder(item=decode(asn1.TLV, sequence, what))), what).items


def sequence(items: Sequence[asn1.TLV]) -> bytes:
    """Return the SEQUENCE of these elements."""
    return octets(asn1.decode_der(_Holder, asn1.encode_der(_Elements(items=list(items)))).item)


def algorithm_identifier(oid: str, parameters: bytes | None) -> bytes:
    items = [tlv(asn1.encode_der(x509.ObjectIdentifier(oid)))]
    if parameters is not None:
        items.append(tlv(parameters))
    return sequence(items)


def split_algorithm_identifier(der: bytes) -> tuple[str, bytes | None]:
    """Return the dotted OID and the DER of the parameters, None when they are absent.

    Raises:
        EncodingError: not an AlgorithmIdentifier.
    """
    match elements(der, "the algorithm identifier"):
        case [oid]:
            parameters = None
        case [oid, found]:
            parameters = octets(found)
        case _:
            raise EncodingError("the algorithm identifier is not valid DER")
    return decode(x509.ObjectIdentifier, octets(oid), "the algorithm identifier").dotted_string, parameters


def spki_algorithm(spki: bytes) -> Algorithm:
    """Return the table row of a DER SubjectPublicKeyInfo.

    Raises:
        EncodingError: it is not a SubjectPublicKeyInfo.
        UnsupportedAlgorithmError: a type, curve or size that the table does not have.
    """
    info = decode(SubjectPublicKeyInfo, spki, "the public key")
    oid, parameters = split_algorithm_identifier(octets(info.algorithm))
    bits = None
    if oid == _RSA_ENCRYPTION:
        bits = decode(RsaPublicKey, info.subject_public_key.as_bytes(), "the RSA public key").modulus.bit_length()
    return algorithm_of_key(oid, parameters, bits)


def subject_key_identifier(spki: bytes) -> bytes:
    """Return the SHA-1 of the BIT STRING's content (RFC 5280 section 4.2.1.2, method 1): it names a key, no more.

    Raises:
        EncodingError: it is not a SubjectPublicKeyInfo.
    """
    info = decode(SubjectPublicKeyInfo, spki, "the public key")
    return hashlib.sha1(info.subject_public_key.as_bytes(), usedforsecurity=False).digest()


def extensions(wanted: Iterable[x509.Extension[Any]]) -> list[Extension]:
    return [
        Extension(extn_id=extension.oid, critical=extension.critical, extn_value=extension.value.public_bytes())
        for extension in wanted
    ]


def extension_value(found: x509.Extensions, kind: type[ExtensionT]) -> ExtensionT | None:
    """Return the value of the extension of that class, None when there is none."""
    return next((extension.value for extension in found if isinstance(extension.value, kind)), None)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Translate whatever pyca raises while it reads names, dates and extensions; `what` is "the certificate".

    Raises:
        EncodingError: in the place of pyca's errors.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd is for lint to say
            yield
    except _UNREADABLE as error:
        raise EncodingError(f"{what} has a part that is not valid: {error}") from error


def time(moment: datetime) -> asn1.UTCTime | asn1.GeneralizedTime:
    """Return an aware moment as RFC 5280 section 4.1.2.5 wants it: whole seconds, UTCTime through 2049."""
    whole = moment.astimezone(UTC)
    if whole.microsecond:  # a CRL may have a million dates
        whole = whole.replace(microsecond=0)
    return asn1.GeneralizedTime(whole) if whole.year >= _FIRST_GENERALIZED_YEAR else asn1.UTCTime(whole)


def assemble(tbs: bytes, scheme: SignatureScheme, signature: bytes) -> bytes:
    """Return the signed object: RFC 5280 sections 4.1 and 5.1, RFC 2986 section 4.2."""
    return asn1.encode_der(
        _Signed(
            tbs=tlv(tbs),
            signature_algorithm=tlv(algorithm_identifier(scheme.oid, scheme.parameters)),
            signature=asn1.BitString(signature, 0),
        )
    )


def split(der: bytes) -> Signed:
    """Take a signed object apart.

    Raises:
        EncodingError: it is not one.
    """
    signed = decode(_Signed, der, "the signed object")
    if signed.signature.padding_bits():
        raise EncodingError("the signature is not a whole number of octets")
    oid, parameters = split_algorithm_identifier(octets(signed.signature_algorithm))
    return Signed(octets(signed.tbs), oid, parameters, signed.signature.as_bytes())


def pem(label: str, der: bytes) -> bytes:
    """Return the PEM block of RFC 7468, with a final newline."""
    text = base64.b64encode(der)
    lines = b"\n".join(text[start : start + _PEM_LINE] for start in range(0, len(text), _PEM_LINE))
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), lines, label.encode())


def der_of(data: bytes, *labels: str) -> bytes:
    """Return the DER in a file that is PEM or DER; of several PEM blocks with one of these labels, the first.

    Raises:
        EncodingError: there is none.
    """
    return ders_of(data, *labels)[0]


def ders_of(data: bytes, *labels: str) -> list[bytes]:
    """Return the DER of every PEM block with one of these labels, or of the one object of a DER file.

    Raises:
        EncodingError: there is none.
    """
    if _is_one_sequence(data):
        return [data]
    begins = [(match[1].decode(), match.end()) for match in _PEM_BEGIN.finditer(data)]
    found = [_pem_body(data, label, start) for label, start in begins if label in labels]
    if found:
        return found
    if begins:
        raise EncodingError(f"the PEM holds {begins[0][0]}, not {labels[0]}", hint=_ANOTHER_FILE)
    raise EncodingError(f"this is neither PEM nor DER of a {labels[0]}", hint=_ANOTHER_FILE)


def _is_one_sequence(data: bytes) -> bool:
    """Say whether the bytes are exactly one SEQUENCE by its header, so that PEM-looking text inside DER is not read."""
    try:
        return data[:1] == bytes([_SEQUENCE]) and bool(tlv(data))
    except ValueError:
        return False


def _pem_body(data: bytes, label: str, start: int) -> bytes:
    end = data.find(b"-----END %b-----" % label.encode(), start)
    if end < 0:
        raise EncodingError(f"the PEM block {label} is cut off: it has no END line")
    try:
        return base64.b64decode(b"".join(data[start:end].split()), validate=True)
    except binascii.Error as error:
        raise EncodingError(f"the PEM block {label} is not base64") from error
