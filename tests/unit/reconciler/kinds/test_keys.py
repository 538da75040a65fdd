"""How keys are called, and when the manifest wants one elsewhere."""

from __future__ import annotations

import hashlib

import pytest

from pki.keyrefs import SoftwareKeyRef, TokenKeyRef
from reconciler.kinds.keys import (
    KeySpec,
    derived_key_id,
    in_workspace,
    needs_new_place,
    same_key,
    token_key_id,
    token_label,
)
from reconciler.model import Address

WEB, CA = Address.parse("credential/web"), Address.parse("ca/issuing")
TOKEN = KeySpec(hsm="hsm/a.yaml")


@pytest.mark.parametrize(
    ("spec", "address", "generation", "position", "of", "label"),
    [
        (TOKEN, CA, 1, 1, 1, "ca-issuing"),
        (TOKEN, CA, 2, 1, 1, "ca-issuing.g2"),
        (TOKEN, WEB, 1, 2, 2, "credential-web-2"),
        (TOKEN, WEB, 3, 1, 2, "credential-web-1.g3"),
        (KeySpec(hsm="hsm/a.yaml", label="mine"), WEB, 1, 1, 1, "mine"),
        (KeySpec(hsm="hsm/a.yaml", label="mine"), WEB, 2, 1, 1, "mine.g2"),
        (KeySpec(hsm="hsm/a.yaml", label="mine", existing=True), WEB, 2, 1, 1, "mine"),
        (KeySpec(hsm="hsm/a.yaml", key_id="0a", existing=True), WEB, 1, 1, 1, None),
    ],
)
def test_a_label_tells_generations_and_positions_apart(spec, address, generation, position, of, label):
    assert token_label(spec, address, generation, position=position, of=of) == label


def test_a_derived_id_is_the_same_every_time_and_another_for_everything_else():
    one = derived_key_id("ws", CA)

    assert one == derived_key_id("ws", CA, 1, position=1)
    assert one == hashlib.sha256(b"ws\0ca/issuing\x001\x001").hexdigest()[:16]
    others = {
        derived_key_id("w2", CA),
        derived_key_id("ws", WEB),
        derived_key_id("ws", CA, 2),
        derived_key_id("ws", CA, position=2),
    }
    assert len(others | {one}) == 5


@pytest.mark.parametrize(
    ("spec", "generation", "key_id"),
    [
        (KeySpec(hsm="h", key_id="0a"), 1, "0a"),
        (KeySpec(hsm="h", key_id="0a"), 2, derived_key_id("ws", CA, 2)),
        (KeySpec(hsm="h"), 1, derived_key_id("ws", CA)),
        (KeySpec(hsm="h", key_id="0a", existing=True), 2, "0a"),
        (KeySpec(hsm="h", label="x", existing=True), 1, None),
    ],
)
def test_an_id_that_is_given_is_of_the_first_generation(spec, generation, key_id):
    assert token_key_id(spec, "ws", CA, generation) == key_id


def test_references_in_records_are_relative_to_them():
    token = in_workspace(TokenKeyRef("../../../hsm/a.yaml", "l", "0a"), "state/ca/root")
    file = in_workspace(SoftwareKeyRef("private/k.pem", "E", "../../../secrets/k"), "state/ca/root")
    shared = in_workspace(SoftwareKeyRef("../../key/k/private/key.pem"), "state/ca/root")

    assert token == TokenKeyRef("hsm/a.yaml", "l", "0a")
    assert file == SoftwareKeyRef("state/ca/root/private/k.pem", "E", "secrets/k")
    assert shared == SoftwareKeyRef("state/key/k/private/key.pem")


FILE = SoftwareKeyRef("state/ca/issuing/private/ca.key")
HELD = TokenKeyRef("hsm/a.yaml", "ca-issuing", "0a")
LATER = TokenKeyRef("hsm/a.yaml", "mine.g3", "ff")
SHARED = SoftwareKeyRef("state/key/k/private/key.pem")


@pytest.mark.parametrize(
    ("spec", "stored", "moves"),
    [
        (KeySpec(), FILE, False),
        (KeySpec(), SHARED, True),
        (KeySpec(), HELD, True),
        (TOKEN, FILE, True),
        (TOKEN, HELD, False),
        (TOKEN, TokenKeyRef("hsm/a.yaml", "any-name", "0a"), False),
        (KeySpec(hsm="hsm/b.yaml"), HELD, True),
        (KeySpec(hsm="hsm/a.yaml", label="mine"), HELD, True),
        (KeySpec(hsm="hsm/a.yaml", label="mine"), TokenKeyRef("hsm/a.yaml", "mine", "0a"), False),
        (KeySpec(hsm="hsm/a.yaml", label="mine"), LATER, False),
        (KeySpec(hsm="hsm/a.yaml", label="mine", key_id="0a"), LATER, False),
        (KeySpec(hsm="hsm/a.yaml", key_id="0A"), HELD, False),
        (KeySpec(hsm="hsm/a.yaml", key_id="0b"), HELD, True),
        (KeySpec(hsm="hsm/a.yaml", label="mine", existing=True), LATER, True),
        (KeySpec(hsm="hsm/a.yaml", label="mine.g3", existing=True), LATER, False),
        (KeySpec(hsm="hsm/a.yaml", key_id="0b", existing=True), LATER, True),
        (KeySpec(hsm="hsm/a.yaml", label="mine"), TokenKeyRef("hsm/a.yaml", None, "0a"), True),
    ],
)
def test_a_key_is_elsewhere_when_it_is_not_what_the_spec_says(spec, stored, moves):
    label = token_label(spec, CA)

    assert needs_new_place(spec, stored, "state/ca/issuing", label=label) is moves


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (SHARED, SHARED, True),
        (FILE, SHARED, False),
        (HELD, HELD, True),
        (HELD, LATER, False),
        (HELD, SHARED, False),
    ],
)
def test_a_key_is_one_file_or_one_label_and_id_on_a_token(one, other, same):
    assert same_key(one, other) is same
