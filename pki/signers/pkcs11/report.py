"""What a token can do for us, in our words, and its own list."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pkcs11
from pkcs11 import Mechanism, MechanismFlag
from pkcs11.exceptions import PKCS11Error

from pki.algorithms import ALGORITHMS, SCHEMES, Algorithm, SignatureScheme
from pki.errors import UnsupportedAlgorithmError
from pki.signers.config import HsmConfig
from pki.signers.mechanisms import MechanismSpec, choose, generation, supports
from pki.signers.pkcs11.failures import LOST
from pki.signers.pkcs11.module import load
from pki.signers.pkcs11.slots import find_token


@dataclass(frozen=True, slots=True)
class ListedMechanism:
    """One row of the token's list. Sizes are in the unit of the mechanism's own definition; None when not told."""

    name: str
    flags: tuple[str, ...]
    min_size: int | None
    max_size: int | None


@dataclass(frozen=True, slots=True)
class MechanismReport:
    """`algorithms` says which keys can be made; `schemes` how a signature would be asked for, None if it cannot."""

    algorithms: dict[Algorithm, bool]
    schemes: dict[SignatureScheme, MechanismSpec | None]
    listed: tuple[ListedMechanism, ...]


def mechanisms(config: HsmConfig) -> MechanismReport:
    """Return what the configured token offers; no PIN is needed.

    Raises:
        TokenError: the module cannot be loaded, or not exactly one token answers.
    """
    module = load(config.lib, config.env)
    with module.call("read the token's mechanisms"):
        slot = find_token(module, config).token.slot
        found = sorted(slot.get_mechanisms(), key=int)
        listed = tuple(_row(slot, mechanism) for mechanism in found)
    offered = {row.name: (row.min_size or 0, row.max_size or 0) for row in listed}
    return MechanismReport(
        algorithms={row: supports(row, offered, offered.get(generation(row).mechanism)) for row in ALGORITHMS.values()},
        schemes={row: _spec(row, offered, config) for row in SCHEMES.values()},
        listed=listed,
    )


def _spec(scheme: SignatureScheme, offered: Collection[str], config: HsmConfig) -> MechanismSpec | None:
    try:
        return choose(scheme, offered, config.mechanisms.get(scheme.name))
    except UnsupportedAlgorithmError:
        return None


def _row(slot: pkcs11.Slot, mechanism: Mechanism | int) -> ListedMechanism:
    name = mechanism.name if isinstance(mechanism, Mechanism) else f"0x{mechanism:08X}"
    try:
        info = slot.get_mechanism_info(mechanism)  # type: ignore[arg-type]  # it takes numbers too
    except PKCS11Error as error:
        if isinstance(error, LOST):
            raise
        return ListedMechanism(name, (), None, None)
    flags = tuple(flag.name or "" for flag in MechanismFlag if flag in info.flags)
    return ListedMechanism(name, flags, info.min_key_length or None, info.max_key_length or None)
