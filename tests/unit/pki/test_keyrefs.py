"""Key references keep the JSON shapes of the state files."""

import pytest

from pki.errors import StateCorruptError
from pki.keyrefs import SoftwareKeyRef, TokenKeyRef, key_ref

SHAPES = [
    ({"type": "software", "path": "private/ca.key"}, SoftwareKeyRef("private/ca.key")),
    (
        {"type": "software", "path": "private/ca.key", "passphrase_env": "CA_PASS"},
        SoftwareKeyRef("private/ca.key", passphrase_env="CA_PASS"),
    ),
    ({"type": "pkcs11", "config": "./hsm.yaml", "label": "root"}, TokenKeyRef("./hsm.yaml", "root")),
    ({"type": "pkcs11", "config": "./hsm.yaml", "key_id": "01"}, TokenKeyRef("./hsm.yaml", key_id="01")),
]


@pytest.mark.parametrize(("storage", "expected"), SHAPES)
def test_a_reference_survives_the_round_trip(storage, expected):
    assert key_ref(storage) == expected
    assert expected.to_dict() == storage


@pytest.mark.parametrize(
    "storage",
    [
        {},
        {"type": "tpm", "path": "x"},
        {"type": "software"},
        {"type": "software", "path": 7},
        {"type": "pkcs11", "config": "./hsm.yaml"},
        {"type": "pkcs11", "label": "root"},
    ],
)
def test_a_storage_that_finds_no_key_is_refused(storage):
    with pytest.raises(StateCorruptError, match="storage of type"):
        key_ref(storage)


def test_a_reference_reads_as_a_person_would_say_it():
    assert str(SoftwareKeyRef("private/ca.key")) == "file private/ca.key"
    assert str(TokenKeyRef("hsm.yaml", "root", "01")) == 'key with label "root" and id 01 in hsm.yaml'
