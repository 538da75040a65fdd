"""Every failure of the binding becomes one clear sentence, with the return value that a vendor's support asks for."""

from __future__ import annotations

import pytest
from pkcs11 import exceptions as rv

from pki.errors import KeyAccessError, PinError, TokenError, UnsupportedAlgorithmError
from pki.signers.pkcs11.failures import ENDS_RUN, return_value, translate

ALL = [kind for kind in vars(rv).values() if isinstance(kind, type) and issubclass(kind, rv.PKCS11Error)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_no_failure_is_left_untranslated(kind):
    error = translate(kind("detail"), "sign")

    assert isinstance(error, KeyAccessError | UnsupportedAlgorithmError)
    assert str(error).startswith("cannot sign: ")
    assert return_value(kind("detail")) in str(error)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (rv.PinIncorrect, "CKR_PIN_INCORRECT"),
        (rv.DeviceError, "CKR_DEVICE_ERROR"),
        (rv.SessionHandleInvalid, "CKR_SESSION_HANDLE_INVALID"),
        (rv.UserPinNotInitialized, "CKR_USER_PIN_NOT_INITIALIZED"),
    ],
)
def test_the_return_value_is_named_as_the_standard_does(kind, name):
    assert return_value(kind()) == name


def test_a_vendors_own_return_value_is_shown_as_it_is():
    error = translate(rv.PKCS11Error("Unmapped error code 0x80000002"), "log in to the token")

    assert isinstance(error, TokenError)
    assert "0x80000002" in str(error)


def test_what_the_pin_did_is_a_pin_error_with_a_way_out():
    for kind in (rv.PinIncorrect, rv.PinLocked, rv.PinExpired, rv.PinLenRange, rv.UserPinNotInitialized):
        error = translate(kind(), "log in to the token")

        assert isinstance(error, PinError)
        assert error.hint


def test_what_ends_every_session_says_what_to_check():
    for kind in ENDS_RUN:
        assert isinstance(translate(kind(), "sign"), TokenError)
        assert translate(kind(), "sign").hint
