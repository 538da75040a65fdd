"""Slots, tokens and mechanisms as facts and text."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pki.signers.pkcs11 import DeviceInfo, ModuleInfo, SlotInfo
from reconciler.render.layout import Facts, fields

_UNMASKED = 4
"""A serial number is shown by its first three and last digits: screenshots travel, and some vendors' support trusts it."""


def slot_facts(slot: SlotInfo) -> dict[str, Any]:
    return {
        "slot": slot.slot,
        "description": slot.description,
        "manufacturer": slot.manufacturer,
        "token": slot.token and {**asdict(slot.token), "pin": slot.token.pin.value},
        "problem": slot.problem,
    }
