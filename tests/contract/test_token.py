"""What every `Token` promises, whatever device it is."""

from __future__ import annotations

import pytest

from pki.algorithms import SCHEMES, algorithm
from pki.errors import (
    KeyAccessError,
    KeyExistsError,
    KeyMismatchError,
    KeyNotFoundError,
    UnsupportedAlgorithmError,
)
from pki.signers.base import require_algorithm, spki_sha256
from pki.x509.signatures import verify


@pytest.fixture(scope="module")
def made(device):
    """A key that the token made, shared by the tests that only look at it."""
    return device.token.generate(device.smallest, label=device.name(), key_id=device_id(device))


def device_id(device):
    return device.name().removeprefix("contract-")


def listed(device):
    return list(device.token.keys())


def test_a_new_key_cannot_leave_the_token(made):
    assert (made.extractable, made.sensitive, made.can_sign) == (False, True, True)


def test_a_new_key_is_of_the_algorithm_that_was_asked_for(device, made):
    assert made.algorithm == device.smallest
    assert made.kind in ("EC", "RSA")


def test_a_new_key_is_listed_as_it_was_returned(device, made):
    assert [key for key in listed(device) if key.label == made.label] == [made]


def test_a_key_is_found_by_label_by_id_and_by_both(device, made):
    for label, key_id in [(made.label, None), (None, made.key_id), (made.label, made.key_id.upper())]:
        signer = device.token.signer(label=label, key_id=key_id, spki_sha256=made.spki_sha256)

        assert spki_sha256(signer.spki) == made.spki_sha256


def test_a_key_signs_as_soon_as_it_is_made(device, made):
    signer = device.token.signer(label=made.label, key_id=made.key_id)
    scheme = SCHEMES[signer.algorithm.scheme]

    verify(signer.spki, scheme, b"message", signer.sign(b"message", scheme))


def test_the_id_that_was_asked_for_is_the_id_of_the_key(device):
    wanted = device_id(device).upper()

    assert device.token.generate(device.smallest, label=device.name(), key_id=wanted).key_id == wanted.lower()


def test_keys_without_a_wanted_id_get_ids_of_their_own(device):
    ids = [device.token.generate(device.smallest, label=device.name()).key_id for _ in range(2)]

    assert len(set(ids)) == 2
    assert all(ids)


@pytest.mark.parametrize("same", ["label", "id"])
def test_generating_over_a_key_of_that_label_or_id_is_refused_and_makes_nothing(device, made, same):
    before = listed(device)
    label = made.label if same == "label" else device.name()
    key_id = made.key_id if same == "id" else device_id(device)

    with pytest.raises(KeyExistsError):
        device.token.generate(device.smallest, label=label, key_id=key_id)

    assert listed(device) == before
    device.token.signer(label=made.label, key_id=made.key_id, spki_sha256=made.spki_sha256)


def test_a_token_makes_what_it_says_it_supports_and_refuses_the_rest_by_name(device):
    before = listed(device)
    refused = [kind for kind in map(algorithm, ("ml-dsa-44", "ecdsa-p521")) if not device.token.supports(kind)]

    for kind in refused:
        with pytest.raises(UnsupportedAlgorithmError, match=kind.name):
            device.token.generate(kind, label=device.name())

    assert listed(device) == before


def test_a_key_that_is_not_there_is_not_found(device, made):
    for label, key_id in [
        (device.name(), None),
        (None, "ff" * 5),
        (made.label, "ff" * 5),
        (device.name(), made.key_id),
    ]:
        with pytest.raises(KeyNotFoundError):
            device.token.signer(label=label, key_id=key_id)


def test_a_key_must_be_named(device):
    with pytest.raises(KeyNotFoundError, match="named by its label, its id, or both"):
        device.token.signer(label=None, key_id=None)


def test_a_new_key_needs_a_label(device):
    with pytest.raises(KeyAccessError, match="needs a label"):
        device.token.generate(device.smallest, label="")


def test_an_id_that_is_not_hexadecimal_is_refused(device):
    with pytest.raises(KeyAccessError, match="not hexadecimal"):
        device.token.generate(device.smallest, label=device.name(), key_id="xyz")
    with pytest.raises(KeyAccessError, match="not hexadecimal"):
        device.token.signer(label=None, key_id="xyz")


def test_a_key_with_another_public_key_than_recorded_is_refused(device, made):
    other = device.token.generate(device.smallest, label=device.name())

    with pytest.raises(KeyMismatchError, match="that was recorded"):
        device.token.signer(label=made.label, key_id=None, spki_sha256="00" * 32)
    with pytest.raises(KeyMismatchError, match="that was recorded"):
        device.token.signer(label=made.label, key_id=None, spki_sha256=other.spki_sha256)


def test_a_renamed_key_is_found_by_its_recorded_public_key(device, made):
    """An operator's rename is not the loss of a key; without the record, it is."""
    old = device.name()

    signer = device.token.signer(label=old, key_id=None, spki_sha256=made.spki_sha256)

    assert spki_sha256(signer.spki) == made.spki_sha256
    with pytest.raises(KeyNotFoundError):
        device.token.signer(label=old, key_id=None, spki_sha256="00" * 32)


def test_the_profile_decides_not_the_token(device, made):
    """A key of another type or size than the profile's is refused before it signs."""
    signer = device.token.signer(label=made.label, key_id=None)

    with pytest.raises(KeyMismatchError, match="asks for ecdsa-p384"):
        require_algorithm(signer, algorithm("ecdsa-p384"), "profile ec/root-ca")
