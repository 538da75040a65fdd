"""Tokens that answer otherwise than those we can run: the binding's side is played, the adapter is the real one."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass, TokenFlag
from pkcs11 import exceptions as rv

from pki.algorithms import ALGORITHMS
from pki.errors import KeyExistsError, PinError, TokenError
from pki.signers.pkcs11 import slots
from pki.signers.pkcs11.keygen import require_as_asked, temporary_pair, the_new_one
from pki.signers.pkcs11.lookup import KeyPair
from pki.signers.pkcs11.objects import KeyObject, read_key, search
from pki.signers.pkcs11.publickeys import PublicKey
from pki.signers.pkcs11.report import _row
from pki.signers.pkcs11.session import _key_type, _open_with_pin, _refuse_risk
from pki.signers.pkcs11.slots import FoundToken, PinState, _read_slot

READY = TokenFlag.TOKEN_INITIALIZED | TokenFlag.LOGIN_REQUIRED | TokenFlag.USER_PIN_INITIALIZED


@dataclass
class Handle:
    """A key handle of the binding; `bulk` and `missing` are what its token answers with."""

    values: dict[Attribute, Any]
    bulk: Exception | None = None
    missing: Exception = field(default_factory=rv.AttributeTypeInvalid)

    def get_attributes(self, keys):
        if self.bulk:
            raise self.bulk
        return {int(key): self.values[key] for key in keys if key in self.values}

    def __getitem__(self, key):
        if key not in self.values:
            raise self.missing
        return self.values[key]


@dataclass
class Device:
    """A token of the binding, in its own slot, that answers each login with the next of `answers`."""

    flags: TokenFlag = READY
    answers: list[Any] = field(default_factory=list)
    label: str = "A"
    serial: bytes = b"0012  \0"
    manufacturer_id: str = "M"
    model: str = "m"
    hardware_version: tuple[int, int] = (1, 2)
    firmware_version: tuple[int, int] = (3, 4)
    slot_id: int = 7
    slot_description: str = "a slot"
    busy: list[Exception] = field(default_factory=list)

    @property
    def slot(self):
        return self

    def get_token(self):
        if self.busy:
            raise self.busy.pop()
        return self

    def open(self, user_pin):  # noqa: ARG002  the binding's signature
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(slots.time, "sleep", lambda _: None)


def key(label="key", key_id=b"1", **values):
    return KeyObject(None, "EC", label, key_id, values)


def test_a_token_that_answers_none_of_several_attributes_is_asked_one_by_one():
    handle = Handle(
        {Attribute.LABEL: "key", Attribute.KEY_TYPE: KeyType.RSA, Attribute.SIGN: True}, bulk=rv.AttributeTypeInvalid()
    )

    found = read_key(handle, ObjectClass.PRIVATE_KEY)

    assert (found.label, found.kind, found.key_id, found.values["SIGN"]) == ("key", "RSA", b"", True)
    assert "EXTRACTABLE" not in found.values


def test_an_attribute_that_is_unavailable_without_an_error_is_absent():
    """The binding then raises IndexError."""
    handle = Handle({Attribute.LABEL: "key"}, bulk=rv.FunctionFailed(), missing=IndexError())

    assert read_key(handle, ObjectClass.PRIVATE_KEY).values == {"LABEL": "key"}


def test_a_key_type_of_a_vendor_is_shown_as_its_number():
    number = (0x80000001).to_bytes(8, sys.byteorder)

    assert _key_type((0).to_bytes(8, sys.byteorder)) is KeyType.RSA
    assert read_key(Handle({Attribute.KEY_TYPE: _key_type(number)}), ObjectClass.PRIVATE_KEY).kind == "type 2147483649"


@pytest.mark.parametrize("bulk", [rv.DeviceError(), rv.AttributeTypeInvalid()])
def test_a_device_that_is_lost_while_a_key_is_read_is_not_a_key_without_attributes(bulk):
    with pytest.raises(rv.DeviceError):
        read_key(Handle({}, bulk=bulk, missing=rv.DeviceError()), ObjectClass.PRIVATE_KEY)


def searching(*answers):
    """A session whose searches answer in turn."""
    queue = list(answers)

    def get_objects(_):
        answer = queue.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield from answer

    return SimpleNamespace(get_objects=get_objects)


def test_a_search_that_meets_a_key_which_is_just_being_deleted_is_made_again():
    session = searching(rv.ObjectHandleInvalid(), [Handle({Attribute.LABEL: "key"})])

    assert [found.label for found in search(session, ObjectClass.PRIVATE_KEY)] == ["key"]


def test_a_search_that_never_settles_is_an_error():
    with pytest.raises(rv.ObjectHandleInvalid):
        search(searching(*[rv.ObjectHandleInvalid()] * 3), ObjectClass.PRIVATE_KEY)


def test_what_other_code_cannot_raise_is_still_printed_while_a_search_fails(monkeypatch):
    """Only the binding's second failure of one search is kept off stderr."""
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    monkeypatch.setattr(sys, "excepthook", lambda *event: seen.append(event))

    def get_objects(_):
        sys.unraisablehook(SimpleNamespace(exc_value=rv.DeviceError()))
        sys.excepthook(rv.DeviceError, rv.DeviceError(), None)
        sys.unraisablehook(SimpleNamespace(exc_value=ValueError("mine")))
        sys.excepthook(ValueError, ValueError("mine"), None)
        raise rv.DeviceError
        yield

    with pytest.raises(rv.DeviceError):
        search(SimpleNamespace(get_objects=get_objects), ObjectClass.PRIVATE_KEY)

    assert [str(seen[0].exc_value), str(seen[1][1])] == ["mine", "mine"]


def test_a_slot_that_fails_is_listed_with_its_problem_and_hides_no_other():
    broken, token = _read_slot(Device(busy=[rv.TokenNotRecognised()]))

    assert (broken.slot, broken.token, broken.problem, token) == (7, None, "CKR_TOKEN_NOT_RECOGNISED", None)


def test_an_empty_slot_has_no_problem():
    empty, token = _read_slot(Device(busy=[rv.TokenNotPresent()]))

    assert (empty.token, empty.problem, token) == (None, None, None)


def test_a_module_that_lost_its_device_is_not_a_slot_with_a_problem():
    with pytest.raises(rv.DeviceError):
        _read_slot(Device(busy=[rv.DeviceError()]))


def test_a_serial_number_is_read_without_its_padding():
    info, _ = _read_slot(Device())

    assert (info.token.serial, info.token.hardware, info.token.firmware) == ("0012", "1.2", "3.4")


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        (READY, PinState.OK),
        (READY & ~TokenFlag.USER_PIN_INITIALIZED, PinState.NOT_SET),
        (READY | TokenFlag.USER_PIN_COUNT_LOW, PinState.COUNT_LOW),
        (READY | TokenFlag.USER_PIN_COUNT_LOW | TokenFlag.USER_PIN_FINAL_TRY, PinState.FINAL_TRY),
        (READY | TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_LOCKED, PinState.LOCKED),
    ],
)
def test_the_pins_state_is_the_worst_that_the_flags_tell(flags, state):
    info, _ = _read_slot(Device(flags))

    assert info.token.pin is state
    if state in (PinState.OK, PinState.COUNT_LOW):
        _refuse_risk(info.token)
    else:
        with pytest.raises(PinError, match="cannot log in to token"):
            _refuse_risk(info.token)


def found(device):
    slot, token = _read_slot(device)
    return FoundToken(token, slot, slot.token)


def test_a_login_that_fails_without_a_verdict_on_the_pin_is_made_again():
    device = Device(answers=[rv.GeneralError(), rv.GeneralError(), "session"])
    token = found(device)
    device.busy = [rv.GeneralError()]

    assert _open_with_pin(token, "1234") == "session"


def test_a_login_is_not_made_again_when_the_token_counted_a_try():
    device = Device(answers=[rv.GeneralError(), "session"], flags=READY | TokenFlag.USER_PIN_COUNT_LOW)

    with pytest.raises(rv.GeneralError):
        _open_with_pin(found(device), "1234")

    assert device.answers == ["session"]


def test_a_refused_pin_is_offered_once():
    device = Device(answers=[rv.PinIncorrect(), "session"])

    with pytest.raises(rv.PinIncorrect):
        _open_with_pin(found(device), "1234")

    assert device.answers == ["session"]


def test_a_token_that_stays_busy_is_an_error():
    tries = len(slots.BUSY_PAUSES) + 1
    device = Device(answers=[rv.GeneralError()] * tries)
    token = found(device)

    with pytest.raises(rv.GeneralError):
        _open_with_pin(token, "1234")
    device.busy = [rv.GeneralError()] * tries
    with pytest.raises(rv.GeneralError):
        token.pin_now()


def test_a_mechanism_that_the_token_does_not_explain_is_listed_by_name():
    def get_mechanism_info(_):
        raise rv.MechanismInvalid

    slot = SimpleNamespace(get_mechanism_info=get_mechanism_info)

    assert (_row(slot, pkcs11.Mechanism.ECDSA).name, _row(slot, 0x80000001).name) == ("ECDSA", "0x80000001")
    assert _row(slot, pkcs11.Mechanism.ECDSA).max_size is None


def test_a_device_that_is_lost_while_its_mechanisms_are_read_is_an_error():
    def get_mechanism_info(_):
        raise rv.DeviceError

    with pytest.raises(rv.DeviceError):
        _row(SimpleNamespace(get_mechanism_info=get_mechanism_info), pkcs11.Mechanism.ECDSA)


INSIDE = {"EXTRACTABLE": False, "SENSITIVE": True, "PRIVATE": True, "TOKEN": True, "SIGN": True}


@pytest.mark.parametrize("name", INSIDE)
def test_each_attribute_is_read_back_and_silence_is_no_consent(name):
    p256 = ALGORITHMS["ecdsa-p256"]
    require_as_asked(KeyPair(key(**INSIDE), PublicKey(b"", p256)), p256)
    for answer in ({name: not INSIDE[name]}, {name: None}):
        with pytest.raises(TokenError, match=f"CKA_{name} is (True|False|None)"):
            require_as_asked(KeyPair(key(**{**INSIDE, **answer}), PublicKey(b"", p256)), p256)


def test_a_key_of_another_kind_than_asked_for_is_refused():
    with pytest.raises(TokenError, match="it is ecdsa-p384, not ecdsa-p256"):
        require_as_asked(KeyPair(key(**INSIDE), PublicKey(b"", ALGORITHMS["ecdsa-p384"])), ALGORITHMS["ecdsa-p256"])
    with pytest.raises(TokenError, match="it is EC, not ecdsa-p256"):
        require_as_asked(KeyPair(key(**INSIDE), PublicKey(b"", None)), ALGORITHMS["ecdsa-p256"])


def test_a_token_that_cuts_labels_or_ids_is_refused():
    with pytest.raises(TokenError, match="does not show it under the label and id") as caught:
        the_new_one([], b"1")

    assert "`id_length`" in caught.value.hint


def test_a_second_key_of_the_label_means_that_another_program_made_it():
    with pytest.raises(KeyExistsError, match='another program made a key with the label "key"'):
        the_new_one([key(), key(key_id=b"2")], b"1")


def test_a_device_that_is_lost_is_not_asked_for_the_curve_by_its_other_name():
    asked = []

    def create_domain_parameters(*request, local):
        asked.append((request, local))
        raise rv.DeviceError

    with pytest.raises(rv.DeviceError):
        temporary_pair(SimpleNamespace(create_domain_parameters=create_domain_parameters), ALGORITHMS["ed25519"])

    assert len(asked) == 1
