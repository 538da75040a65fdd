"""Files that follow from records: what they must hold, and what is wrong with those that hold something else."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Callable, Sequence

from pki import der
from pki.errors import EncodingError
from pki.x509.certificates import parse_certificates
from reconciler.snapshot import Fault

_BEGIN = b"-----BEGIN CERTIFICATE-----\n"
_END = b"\n-----END CERTIFICATE-----\n"


def fingerprints(data: bytes) -> tuple[str, ...]:
    """Return the SHA-256 of each certificate in a PEM or DER file, in upper-case hex, without parsing one.

    Raises:
        EncodingError: there is none.
    """
    return tuple(hashlib.sha256(found).hexdigest().upper() for found in der.ders_of(data, der.CERTIFICATE))


def holds(data: bytes, fingerprint: str) -> bool:
    """Say whether a file is that one certificate in PEM as we write it: the quick answer for nearly all files."""
    if not (data.startswith(_BEGIN) and data.endswith(_END)):
        return False
    text = data[len(_BEGIN) : -len(_END)]
    try:
        octets = binascii.a2b_base64(text.replace(b"\n", b""), strict_mode=True)
    except binascii.Error:
        return False
    return hashlib.sha256(octets).hexdigest() == fingerprint.lower()


def certificate_fault(path: str, data: bytes | None, expected: str, is_kept: Callable[[], bool]) -> Fault | None:
    """Compare a file with the fingerprint of the one certificate that it must hold.

    `is_kept` says whether another file still has that certificate; it is asked only when this one has not.
    """
    if data is None:
        return Fault(path, missing=True, detail="is missing", mendable=is_kept())
    if holds(data, expected):
        return None
    try:
        found = fingerprints(data)
    except EncodingError as error:
        return Fault(path, missing=False, detail=f"is damaged: {error.message}", mendable=is_kept())
    if found == (expected.upper(),):
        return None
    return Fault(path, missing=False, detail="is not the certificate on record", mendable=is_kept())


def chain_fault(path: str, data: bytes | None, expected: Sequence[str] | None) -> Fault | None:
    """Compare a file with the fingerprints of a chain, the nearest CA first; None when nobody knows what it must be."""
    mendable = expected is not None
    if data is None:
        return Fault(path, missing=True, detail="is missing", mendable=mendable)
    try:
        if expected is None:
            parse_certificates(data)
        elif fingerprints(data) != tuple(expected):
            return Fault(path, missing=False, detail="is not the chain that the certificates of its issuers make")
    except EncodingError as error:
        return Fault(path, missing=False, detail=f"is damaged: {error.message}", mendable=mendable)
    return None
