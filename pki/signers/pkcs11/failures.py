"""What the binding raises, in our words.

The name of the PKCS#11 return value stands in every message, because it is what a vendor's support asks for.
"""

from __future__ import annotations

import re

from pkcs11 import exceptions as rv

from pki.errors import KeyAccessError, PinError, TokenError, UnsupportedAlgorithmError

LOST = (
    rv.DeviceError,
    rv.DeviceRemoved,
    rv.SessionClosed,
    rv.SessionHandleInvalid,
    rv.TokenNotPresent,
    rv.UserNotLoggedIn,
)
"""The token is out of reach, or what this process holds on it has ended: no second try within this run can succeed."""

ENDS_RUN = (*LOST, rv.GeneralError)
"""After one of these no session and no login is trusted: the module is started afresh before it is used again.

CKR_GENERAL_ERROR can leave the token "in an inconsistent state" (PKCS#11 2.40 section 5.1.1), though some modules
return it for a mere refusal.
"""

GONE = (rv.ObjectHandleInvalid, rv.KeyHandleInvalid)
"""The handle of a key no longer means anything: it was deleted, or the token forgot who is logged in."""

_AGAIN = "check the device, its network and its client configuration, then run the command again"
_NOT_RETRIED = "check where the PIN comes from; it is not tried again, because tokens lock after a few wrong PINs"
_UNLOCK = "the token's security officer can unlock it"
_MECHANISM = "`qpki hsm mechanisms` shows what the token offers; `mechanisms` in its configuration can choose another"

_Failure = tuple[type[KeyAccessError | UnsupportedAlgorithmError], str, str | None]

_FAILURES: dict[type[rv.PKCS11Error], _Failure] = {
    rv.PinIncorrect: (PinError, "the token refuses the PIN", _NOT_RETRIED),
    rv.PinInvalid: (PinError, "the token refuses the PIN", _NOT_RETRIED),
    rv.PinLenRange: (PinError, "the PIN is too long or too short for this token", _NOT_RETRIED),
    rv.PinExpired: (PinError, "the PIN has expired", "set a new PIN with the vendor's tool"),
    rv.PinLocked: (PinError, "the PIN is locked", _UNLOCK),
    rv.UserPinNotInitialized: (PinError, "the token has no user PIN yet", "set it with the vendor's tool"),
    rv.DeviceError: (TokenError, "the token no longer answers", _AGAIN),
    rv.DeviceRemoved: (TokenError, "the token was removed", _AGAIN),
    rv.GeneralError: (TokenError, "the module failed in a way that it does not explain", _AGAIN),
    rv.SessionClosed: (TokenError, "the token closed the session", _AGAIN),
    rv.SessionHandleInvalid: (TokenError, "the token closed the session", _AGAIN),
    rv.TokenNotPresent: (TokenError, "the token is not present", _AGAIN),
    rv.UserNotLoggedIn: (TokenError, "the token has logged this process out", "run the command again"),
    rv.ObjectHandleInvalid: (TokenError, "the key is no longer there", "`qpki key list` shows what the token holds"),
    rv.KeyHandleInvalid: (TokenError, "the key is no longer there", "`qpki key list` shows what the token holds"),
    rv.DeviceMemory: (TokenError, "the token is full", "delete keys that are no longer used, with the vendor's tool"),
    rv.SessionCount: (TokenError, "the token has no free session", "close other programs that use it"),
    rv.TokenWriteProtected: (TokenError, "the token is write-protected", None),
    rv.SessionReadOnly: (TokenError, "the token is write-protected", None),
    rv.MechanismInvalid: (UnsupportedAlgorithmError, "the token refuses the mechanism", _MECHANISM),
    rv.MechanismParamInvalid: (UnsupportedAlgorithmError, "the token refuses the mechanism's parameters", _MECHANISM),
    rv.KeySizeRange: (UnsupportedAlgorithmError, "the token refuses the key's size", _MECHANISM),
    rv.DomainParamsInvalid: (UnsupportedAlgorithmError, "the token does not have this curve", _MECHANISM),
}


def translate(error: rv.PKCS11Error, doing: str) -> KeyAccessError | UnsupportedAlgorithmError:
    """Return our error for a failure of the binding while it was `doing` something ("sign")."""
    kind, sentence, hint = _FAILURES.get(type(error), (TokenError, "the token refuses", None))
    return kind(f"cannot {doing}: {sentence} ({return_value(error)})", hint=hint)


def return_value(error: rv.PKCS11Error) -> str:
    """Return the CKR_ name, or the binding's own words for a value that it does not know."""
    if type(error) is rv.PKCS11Error:
        return str(error)
    return "CKR_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).upper()
