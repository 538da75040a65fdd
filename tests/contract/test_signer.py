"""What every `Signer` promises, whoever holds the key."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pki.algorithms import SCHEMES, Family
from pki.der import spki_algorithm
from pki.errors import KeyMismatchError, VerificationError
from pki.x509.signatures import verify

MESSAGES = {"empty": b"", "one-byte": b"\0", "certificate": b"tbs" * 400, "large-crl": b"\xa5" * (1 << 20)}


def fitting(signer):
    return [scheme for scheme in SCHEMES.values() if _fits(scheme, signer.algorithm)]


def _fits(scheme, kind):
    return scheme.family is kind.family and (scheme.digest is not None or scheme.name == kind.scheme)


def test_its_public_half_is_the_algorithm_it_names(signer):
    assert spki_algorithm(signer.spki) == signer.algorithm


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_its_signatures_verify_by_every_scheme_of_its_family(signer, message):
    for scheme in fitting(signer):
        verify(signer.spki, scheme, message, signer.sign(message, scheme))


def test_its_signature_is_over_the_message_and_no_other(signer):
    scheme = SCHEMES[signer.algorithm.scheme]
    signature = signer.sign(b"this", scheme)

    with pytest.raises(VerificationError):
        verify(signer.spki, scheme, b"that", signature)


def test_a_scheme_of_another_family_is_refused(signer):
    for scheme in SCHEMES.values():
        if not _fits(scheme, signer.algorithm):
            with pytest.raises(KeyMismatchError):
                signer.sign(b"message", scheme)


def test_its_signature_has_the_form_that_x509_carries(signer):
    """DER for ECDSA, else as many raw bytes as the algorithm prescribes."""
    signature = signer.sign(b"message", SCHEMES[signer.algorithm.scheme])

    if signer.algorithm.family is Family.EC:
        assert all(0 < part < 1 << signer.algorithm.bits for part in decode_dss_signature(signature))
    else:
        lengths = {"ed25519": 64, "ml-dsa-44": 2420, "ml-dsa-65": 3309, "ml-dsa-87": 4627}
        assert len(signature) == lengths.get(signer.algorithm.name, signer.algorithm.bits // 8)


def test_threads_can_share_it(signer):
    scheme = SCHEMES[signer.algorithm.scheme]
    messages = [bytes([number]) for number in range(32)]

    with ThreadPoolExecutor(4) as pool:
        signatures = list(pool.map(lambda message: signer.sign(message, scheme), messages))

    for message, signature in zip(messages, signatures, strict=True):
        verify(signer.spki, scheme, message, signature)


def test_what_it_shows_of_itself_is_public(signer):
    """Nothing private, and no handle to it, stands in a repr, where a log could pick it up."""
    assert not re.search(r"_key|_handle|private|pin", repr(signer), re.IGNORECASE)
