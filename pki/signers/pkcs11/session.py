"""Logging in to a token, once per process, and sessions that share the login.

The session that was opened with the PIN is kept: closing it would log out every other session of this process on the
token. All work is done in sessions opened without a PIN. A PIN is a loaded gun, because tokens lock after a few wrong
ones, so it is handed over only when the token's flags say that it can afford a mistake, and never twice.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pkcs11
from pkcs11.attributes import AttributeMapper
from pkcs11.constants import Attribute
from pkcs11.exceptions import GeneralError, PinIncorrect, PinInvalid, PKCS11Error, UserAlreadyLoggedIn

from pki.errors import PinError, TokenError
from pki.ports import SecretRef, SecretSource
from pki.signers.pkcs11.module import Module
from pki.signers.pkcs11.slots import BUSY_PAUSES, FoundToken, PinState, TokenInfo

_REFUSALS = {
    PinState.LOCKED: ("its user PIN is locked", "the token's security officer can unlock it"),
    PinState.FINAL_TRY: (
        "one more wrong PIN would lock it, so it is not tried",
        "log in once with the vendor's tool and the right PIN: that resets the count",
    ),
    PinState.NOT_SET: ("it has no user PIN yet", "set it with the vendor's tool"),
}


def log_in(module: Module, found: FoundToken, pin: SecretRef, secrets: SecretSource) -> None:
    """Log this process in to the token, unless it is already.

    Raises:
        PinError: the token must not be asked, or refuses the PIN, or refused this very PIN before.
        SecretError: the PIN cannot be had.
        TokenError: the token does not answer.
    """
    with module.call("log in to the token"):
        slot, info = found.slot.slot, found.info
        if slot in module.logins or not info.login_required:
            return
        _refuse_risk(info)
        value = _read_pin(pin, info, secrets)
        fingerprint = hashlib.blake2b(f"{info.serial}\0{info.label}\0{value}".encode(), key=module.digest_key).digest()
        if fingerprint in module.refused:
            raise PinError(
                f"cannot log in to token {info}: it refused this PIN, and is not asked with it again",
                hint="correct the PIN's source: tokens lock after a few wrong ones",
            )
        try:
            module.logins[slot] = _open_with_pin(found, value)
        except UserAlreadyLoggedIn:
            return  # by other code in this process, which owns that login and its end
        except PKCS11Error as error:
            if isinstance(error, PinIncorrect | PinInvalid):
                module.refused.add(fingerprint)
            _drop_leaked_session(module)
            raise


def log_out(module: Module, slot: int) -> None:
    """End this process's login on the token, and with it every session's."""
    with module.call("log out of the token"):
        session = module.logins.pop(slot, None)
        if session is not None:
            session.close()


@contextmanager
def working_session(token: pkcs11.Token, *, write: bool = False) -> Iterator[pkcs11.Session]:
    """Open a session that shares the login, and close it; the caller holds the module's lock."""
    session = open_session(token, write=write)
    try:
        yield session
    finally:
        session.close()


def open_session(token: pkcs11.Token, *, write: bool = False) -> pkcs11.Session:
    return token.open(rw=write, attribute_mapper=_TolerantMapper())


def _read_pin(pin: SecretRef, info: TokenInfo, secrets: SecretSource) -> str:
    value = secrets.read(pin, f"PIN of token {info.label}")
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes of a variable that are no text; Python's own error would hold the PIN
        raise PinError(f"the PIN of token {info} is not UTF-8 text") from None
    return value


def _open_with_pin(found: FoundToken, pin: str) -> pkcs11.Session:
    """Log in; after CKR_GENERAL_ERROR again, as long as the token's own flags say that it counted no wrong PIN.

    SoftHSM2 fails so when another process writes the token's file in that moment, as each login does.
    """
    for pause in BUSY_PAUSES:
        try:
            return found.token.open(user_pin=pin)
        except GeneralError:
            if found.pin_now() is not PinState.OK:
                raise
            time.sleep(pause)
    return found.token.open(user_pin=pin)


def _refuse_risk(info: TokenInfo) -> None:
    if info.pin in _REFUSALS:
        reason, hint = _REFUSALS[info.pin]
        raise PinError(f"cannot log in to token {info}: {reason}", hint=hint)


def _drop_leaked_session(module: Module) -> None:
    """End the session that the binding opened for a failed login and forgot; only a fresh start can."""
    if not module.in_use and not module.logins:
        with suppress(TokenError):  # the PIN's refusal is the news; the next `load` starts the module again
            module.restart()


class _TolerantMapper(AttributeMapper):
    """Reads labels that are not UTF-8 and key types that the binding does not know, instead of failing on them."""

    def __init__(self) -> None:
        super().__init__()
        pack_label, _ = self.attribute_types[Attribute.LABEL]
        self.register_handler(Attribute.LABEL, pack_label, lambda value: value.decode("utf-8", errors="replace"))
        pack_kind, _ = self.attribute_types[Attribute.KEY_TYPE]
        self.register_handler(Attribute.KEY_TYPE, pack_kind, _key_type)


def _key_type(value: bytes) -> pkcs11.KeyType | int:
    number = int.from_bytes(value, sys.byteorder)
    try:
        return pkcs11.KeyType(number)
    except ValueError:
        return number
