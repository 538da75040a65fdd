"""Modules, slots, tokens and mechanisms as facts and text."""

from __future__ import annotations

from dataclasses import asdict
from os.path import normpath
from typing import Any

from pki.signers.pkcs11 import DeviceInfo, MechanismReport, SlotInfo
from reconciler.render.layout import Facts, fields, table


def slot_facts(slot: SlotInfo) -> dict[str, Any]:
    return {
        "slot": slot.slot,
        "description": slot.description,
        "manufacturer": slot.manufacturer,
        "token": slot.token and {**asdict(slot.token), "pin": slot.token.pin.value},
        "problem": slot.problem,
    }


def device_facts(device: DeviceInfo) -> dict[str, Any]:
    return {"module": {**asdict(device.module), "path": normpath(device.module.path)}, **slot_facts(device.slot)}


def mechanism_facts(report: MechanismReport, wanted: str = "") -> dict[str, Any]:
    """Return what the token offers; `wanted` narrows its own list to names with that text in them, in any case."""
    return {
        "algorithms": {algorithm.name: usable for algorithm, usable in report.algorithms.items()},
        "signatures": {
            scheme.name: spec and {"mechanism": spec.mechanism, "approach": spec.approach.value}
            for scheme, spec in report.schemes.items()
        },
        "mechanisms": [
            {"name": row.name, "flags": list(row.flags), "min_size": row.min_size, "max_size": row.max_size}
            for row in report.listed
            if wanted.lower() in row.name.lower()
        ],
    }


def slots_text(facts: Facts) -> str:
    blocks = [f"Slot {slot['slot']}:\n{fields(_slot_rows(slot))}" for slot in facts["slots"]]
    return "\n\n".join([f"PKCS#11 Module: {facts['module']}", *(blocks or ["No slots found."])])


def device_text(facts: Facts) -> str:
    module = facts["module"]
    rows = [
        ("Module", module["path"]),
        ("Library", f"{module['manufacturer']}: {module['description']} {module['version']}"),
        ("Cryptoki", module["cryptoki"]),
        ("Slot", facts["slot"]),
        *_slot_rows(facts),
    ]
    return f"HSM:\n{fields(rows)}"


def mechanisms_text(facts: Facts) -> str:
    keys = [(name, usable) for name, usable in facts["algorithms"].items()]
    signatures = [
        (name, spec and spec["mechanism"], spec and spec["approach"]) for name, spec in facts["signatures"].items()
    ]
    listed = [
        (row["name"], _sizes(row), ", ".join(flag.lower() for flag in row["flags"])) for row in facts["mechanisms"]
    ]
    return "\n\n".join(
        [
            table(("KEYS", "GENERATED AND USED"), keys),
            table(("SIGNATURES", "MECHANISM", "APPROACH"), signatures),
            table(("MECHANISMS", "SIZES", "FLAGS"), listed),
        ]
    )


def passed_text(facts: Facts) -> str:
    return f"\nAll {len(facts['steps'])} tests passed!"


def _slot_rows(slot: Facts) -> list[tuple[str, object]]:
    token = slot["token"]
    about = [("Description", slot["description"]), ("Manufacturer", slot["manufacturer"]), ("Problem", slot["problem"])]
    if token is None:
        return [*about, ("Token", None if slot["problem"] else "(not present)")]
    return [
        *about,
        ("Token Label", token["label"] if token["initialized"] else "(not initialized)"),
        ("Token Serial", token["serial"]),
        ("Model", token["model"]),
        ("Hardware", token["hardware"]),
        ("Firmware", token["firmware"]),
        ("PIN", token["pin"] if token["initialized"] else None),
    ]


def _sizes(row: Facts) -> str | None:
    low, high = row["min_size"], row["max_size"]
    return None if high is None else f"{low or 0}-{high}"
