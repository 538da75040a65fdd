"""Slots and tokens as a module shows them without a PIN, and the choice of the one that a configuration means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pkcs11
from pkcs11 import TokenFlag
from pkcs11.exceptions import PKCS11Error

from pki.errors import TokenError
from pki.signers.config import HsmConfig
from pki.signers.pkcs11.failures import LOST, return_value
from pki.signers.pkcs11.module import Module, ModuleInfo, load


class PinState(StrEnum):
    """What CK_TOKEN_INFO.flags tell about the user PIN; the worst that holds."""

    OK = "ok"
    NOT_SET = "not set"
    COUNT_LOW = "wrong at the last try"
    FINAL_TRY = "last try"
    LOCKED = "locked"


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


def list_slots(lib: Path, env: Mapping[str, str] | None = None) -> list[SlotInfo]:
    """Return every slot of a module; no PIN is needed.

    Raises:
        TokenError: the module cannot be loaded or does not answer.
    """
    module = load(lib, env or {})
    with module.call("list the slots") as binding:
        return [_slot_info(slot) for slot in binding.get_slots()]


def token_info(config: HsmConfig) -> DeviceInfo:
    """Return what can be known of the configured token without its PIN.

    Raises:
        TokenError: the module cannot be loaded, or not exactly one token answers.
    """
    module = load(config.lib, config.env)
    with module.call("read the token's information"):
        return DeviceInfo(module.info(), _slot_info(find_slot(module, config)))


def find_slot(module: Module, config: HsmConfig) -> pkcs11.Slot:
    """Return the slot whose token answers to every identifier of the configuration.

    A module may know only the tokens that were there when it started, so an idle one is started again before giving up.

    Raises:
        TokenError: none answers, or several do.
    """
    found = _matches(module, config)
    if not found and not module.in_use:
        module.restart()
        found = _matches(module, config)
    if not found:
        raise TokenError(f"{config.path}: there is no {config}", hint=_what_there_is(module))
    if len(found) > 1:
        tokens = "; ".join(f"slot {info.slot}: {info.token}" for _, info in found)
        raise TokenError(
            f"{config.path}: {len(found)} tokens answer to {config}: {tokens}",
            hint="add `token_serial` or `slot` to the configuration",
        )
    return found[0][0]


def read_token(slot: pkcs11.Slot) -> TokenInfo:
    """Read CK_TOKEN_INFO again; the caller holds the module's lock."""
    return _token_info(slot.get_token())


def _matches(module: Module, config: HsmConfig) -> list[tuple[pkcs11.Slot, SlotInfo]]:
    with module.call("look for the token") as binding:
        slots = [(slot, _slot_info(slot)) for slot in binding.get_slots(token_present=True)]
    return [(slot, info) for slot, info in slots if _answers(info, config)]


def _answers(info: SlotInfo, config: HsmConfig) -> bool:
    if info.token is None:
        return False
    asked = (config.token, config.token_serial, config.slot)
    given = (info.token.label, info.token.serial, info.slot)
    return all(want is None or want == have for want, have in zip(asked, given, strict=True))


def _what_there_is(module: Module) -> str:
    with module.call("look for the token") as binding:
        slots = [_slot_info(slot) for slot in binding.get_slots(token_present=True)]
    tokens = _initialized(slots)
    return f"the module shows {'; '.join(tokens)}" if tokens else "the module shows no initialised token"


def _initialized(slots: Sequence[SlotInfo]) -> list[str]:
    return [f"slot {info.slot}: {info.token}" for info in slots if info.token and info.token.initialized]


def _slot_info(slot: pkcs11.Slot) -> SlotInfo:
    try:
        token, problem = _token_info(slot.get_token()), None
    except LOST as error:
        if not isinstance(error, pkcs11.TokenNotPresent):
            raise
        token, problem = None, None
    except PKCS11Error as error:  # one bad slot must not hide the others
        token, problem = None, return_value(error)
    return SlotInfo(slot.slot_id, slot.slot_description, slot.manufacturer_id, token, problem)


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


_PIN_FLAGS = (
    (TokenFlag.USER_PIN_LOCKED, PinState.LOCKED),
    (TokenFlag.USER_PIN_FINAL_TRY, PinState.FINAL_TRY),
    (TokenFlag.USER_PIN_COUNT_LOW, PinState.COUNT_LOW),
)
