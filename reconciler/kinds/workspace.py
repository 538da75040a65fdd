"""`Workspace`: settings, and what becomes of resources that move, leave or come from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pki.findings import Location
from reconciler.kinds.renewal import Renewal
from reconciler.model import Address

RENEWAL = Renewal(share=1 / 3)
CA_RENEWAL = Renewal(share=0.2)


class Removal(StrEnum):
    FORGET = "forget"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Moved:
    source: Address
    target: Address
    where: Location


@dataclass(frozen=True, slots=True)
class Removed:
    """`forget`: it is managed no longer, and stays as it is. `revoke`: its certificates are revoked first."""

    address: Address
    action: Removal
    where: Location
    reason: str = "cessationOfOperation"
    """The CRLReason of a `revoke`."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What exists becomes a resource: a CA or credential directory (`directory`, in the workspace), or a token's key.

    `hsm`, `label` and `key_id` find a key for `key/NAME`; `spki_sha256` is what it must be, if given.
    """

    target: Address
    where: Location
    directory: str | None = None
    hsm: str | None = None
    label: str | None = None
    key_id: str | None = None
    spki_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceSpec:
    """Settings with their defaults; paths are relative to the workspace.

    `horizon` is how far a plan looks ahead: what comes due before the next scheduled run is done in this one.
    """

    name: str
    where: Location
    include: tuple[str, ...] = ("pki/**/*.yaml",)
    profiles: tuple[str, ...] = ("profiles",)
    state: str = "state"
    horizon: timedelta = timedelta(days=1)
    crl_validity: timedelta = timedelta(days=7)
    crl_refresh_before: timedelta = timedelta(days=3)
    renewal: Renewal = RENEWAL
    ca_renewal: Renewal = CA_RENEWAL
    moved: tuple[Moved, ...] = ()
    removed: tuple[Removed, ...] = ()
    imported: tuple[Imported, ...] = ()
