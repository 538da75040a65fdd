"""`Policy`: rules that a reviewer writes once and every plan is held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from pki.findings import Location


class Effect(StrEnum):
    DENY = "deny"
    """The change is blocked."""
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; what is None or empty is not asked for.

    `match` holds address globs (`ca/*`, `credential/web-*`); it is a rule for what matches one of them. `algorithms`
    are names of `pki.algorithms` (globs: `ecdsa-*`). Sizes are bits of an RSA modulus and of an elliptic curve.
    """

    id: str
    effect: Effect
    where: Location
    match: tuple[str, ...] = ("*",)
    description: str = ""
    algorithms: tuple[str, ...] = ()
    max_validity: timedelta | None = None
    key_in_hsm: bool = False
    forbid_wildcards: bool = False
    require_name_constraints: bool = False
    min_rsa_bits: int | None = None
    min_ec_bits: int | None = None


@dataclass(frozen=True, slots=True)
class PolicySpec:
    name: str
    rules: tuple[Rule, ...]
    where: Location = field(compare=False)
