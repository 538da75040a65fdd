"""Slots and tokens as a module shows them without a PIN, and the choice of the one that a configuration means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pkcs11
from pkcs11 import TokenFlag
from pkcs11.exceptions import DeviceError, DeviceRemoved, GeneralError, PKCS11Error, TokenNotPresent

from pki.errors import TokenError
from pki.signers.config import HsmConfig
from pki.signers.pkcs11.failures import return_value
from pki.signers.pkcs11.module import Module, ModuleInfo, load


class PinState(StrEnum):
    """What CK_TOKEN_INFO.flags tell about the user PIN; the worst that holds."""

    OK = "ok"
    NOT_SET = "not set"
    COUNT_LOW = "wrong at the last try"
    FINAL_TRY = "last try"
    LOCKED = "locked"


_PIN_FLAGS = (
    (TokenFlag.USER_PIN_LOCKED, PinState.LOCKED),
    (TokenFlag.USER_PIN_FINAL_TRY, PinState.FINAL_TRY),
    (TokenFlag.USER_PIN_COUNT_LOW, PinState.COUNT_LOW),
)


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """CK_TOKEN_INFO."""

    label: str
    serial: str
    manufacturer: str
    model: str
    hardware: str
    firmware: str
    initialized: bool
    login_required: bool
    write_protected: bool
    pin: PinState

    def __str__(self) -> str:
        return f'"{self.label}" (serial {self.serial or "none"})'


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """CK_SLOT_INFO. `token` is None for an empty slot, and for one that fails, which `problem` names."""

    slot: int
    description: str
    manufacturer: str
    token: TokenInfo | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a configuration leads to."""

    module: ModuleInfo
    slot: SlotInfo


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A token as it was a moment ago, and the binding's object for it."""

    token: pkcs11.Token
    slot: SlotInfo
    info: TokenInfo

    def pin_now(self) -> PinState:
        """Read the PIN's state again."""
        for pause in BUSY_PAUSES:
            with suppress(GeneralError):
                return _pin_state(self.token.slot.get_token().flags)
            time.sleep(pause)
        return _pin_state(self.token.slot.get_token().flags)

    def __str__(self) -> str:
        return f"slot {self.slot.slot}: {self.info}"


_Shown = list[tuple[SlotInfo, pkcs11.Token | None]]

BUSY_PAUSES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""Seconds to wait before a module is asked again, when another process may be writing what it reads."""


def list_slots(lib: Path, env: Mapping[str, str] | None = None) -> list[SlotInfo]:
    """Return every slot of a module; no PIN is needed.

    Raises:
        TokenError: the module cannot be loaded or does not answer.
    """
    module = load(lib, env or {})
    with module.call("list the slots") as binding:
        return [_read_slot(slot)[0] for slot in binding.get_slots()]


def token_info(config: HsmConfig) -> DeviceInfo:
    """Return what can be known of the configured token without its PIN.

    Raises:
        TokenError: the module cannot be loaded, or not exactly one token answers.
    """
    module = load(config.lib, config.env)
    with module.call("read the token's information"):
        return DeviceInfo(module.info(), find_token(module, config).slot)


def find_token(module: Module, config: HsmConfig) -> FoundToken:
    """Return the token that answers to every identifier of the configuration.

    A module may know only the tokens that were there when it started, and SoftHSM2 does not see one whose file another
    process is writing (as each login does). So an idle module is started again, a few times, before giving up.

    Raises:
        TokenError: none answers, or several do.
    """
    shown = _present(module)
    for pause in () if module.in_use else BUSY_PAUSES:
        if _answering(shown, config):
            break
        time.sleep(pause)
        module.restart()
        shown = _present(module)
    found = _answering(shown, config)
    if not found:
        raise TokenError(f"{config.path}: there is no {config}", hint=_what_there_is(shown))
    if len(found) > 1:
        tokens = "; ".join(map(str, found))
        raise TokenError(
            f"{config.path}: {len(found)} tokens answer to {config}: {tokens}",
            hint="add `token_serial` or `slot` to the configuration",
        )
    return found[0]


def _present(module: Module) -> list[tuple[SlotInfo, pkcs11.Token | None]]:
    with module.call("look for the token") as binding:
        return [_read_slot(slot) for slot in binding.get_slots(token_present=True)]


def _answering(shown: _Shown, config: HsmConfig) -> list[FoundToken]:
    found = [FoundToken(token, slot, slot.token) for slot, token in shown if token is not None and slot.token]
    return [each for each in found if _answers(each, config)]


def _answers(found: FoundToken, config: HsmConfig) -> bool:
    asked = (config.token, config.token_serial, config.slot)
    given = (found.info.label, found.info.serial, found.slot.slot)
    return all(want is None or want == have for want, have in zip(asked, given, strict=True))


def _what_there_is(shown: _Shown) -> str:
    tokens = [f"slot {info.slot}: {info.token}" for info, _ in shown if info.token and info.token.initialized]
    return f"the module shows {'; '.join(tokens)}" if tokens else "the module shows no initialised token"


def _read_slot(slot: pkcs11.Slot) -> tuple[SlotInfo, pkcs11.Token | None]:
    token, problem = None, None
    try:
        token = slot.get_token()
    except TokenNotPresent:
        pass
    except (DeviceError, DeviceRemoved):
        raise
    except PKCS11Error as error:  # one bad slot must not hide the others
        problem = return_value(error)
    info = _token_info(token) if token else None
    return SlotInfo(slot.slot_id, slot.slot_description, slot.manufacturer_id, info, problem), token


def _token_info(token: pkcs11.Token) -> TokenInfo:
    flags = token.flags
    return TokenInfo(
        label=token.label,
        serial=token.serial.rstrip(b"\0 ").decode("utf-8", errors="replace"),
        manufacturer=token.manufacturer_id,
        model=token.model,
        hardware="{}.{}".format(*token.hardware_version),
        firmware="{}.{}".format(*token.firmware_version),
        initialized=TokenFlag.TOKEN_INITIALIZED in flags,
        login_required=TokenFlag.LOGIN_REQUIRED in flags,
        write_protected=TokenFlag.WRITE_PROTECTED in flags,
        pin=_pin_state(flags),
    )


def _pin_state(flags: TokenFlag) -> PinState:
    for flag, state in _PIN_FLAGS:
        if flag in flags:
            return state
    return PinState.OK if TokenFlag.USER_PIN_INITIALIZED in flags else PinState.NOT_SET
