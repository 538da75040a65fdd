"""What the key file formats share: strict DER in and out, with failures as `KeyAccessError`."""

from __future__ import annotations

from typing import TypeVar

from cryptography.hazmat import asn1

from pki.errors import KeyAccessError

T = TypeVar("T")


def decode(kind: type[T], der: bytes) -> T:
    """Parse DER that must be one `kind` and nothing more.

    Raises:
        KeyAccessError: it is not. The message shows none of it.
    """
    try:
        return asn1.decode_der(kind, der)
    except ValueError as error:
        raise KeyAccessError("the private key is damaged: its encoding is not valid") from error


def parse(kind: type[T], value: asn1.TLV) -> T:
    """Parse an element that was kept whole; raises as `decode` does."""
    return decode(kind, asn1.encode_der(value))


def tlv(value: object) -> asn1.TLV:
    """Encode `value` so that it can stand where ASN.1 says ANY."""
    return asn1.decode_der(asn1.TLV, asn1.encode_der(value))
