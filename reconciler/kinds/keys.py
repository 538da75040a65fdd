"""Keys as manifests describe them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pki.findings import Location
from reconciler.model import Address, Kind


class Rotation(StrEnum):
    """Whether a renewal makes a new key."""

    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class KeySpec:
    """Where a key is to be.

    Without `hsm` and `resource` it is a PKCS#8 file beside its holder's record. `hsm` and `passphrase_file` are paths
    relative to the workspace. `existing`: the key is on the token already; it is found, never made. `resource` is the
    name of a standalone `Key` whose key is used.
    """

    hsm: str | None = None
    label: str | None = None
    key_id: str | None = None
    existing: bool = False
    resource: str | None = None
    passphrase_env: str | None = None
    passphrase_file: str | None = None


@dataclass(frozen=True, slots=True)
class StandaloneKeySpec:
    """A `Key`: one that stands by itself. `algorithm` is a name of `pki.algorithms` such as `ec-p256`."""

    name: str
    algorithm: str
    key: KeySpec
    where: Location
    prevent_destroy: bool = False

    @property
    def address(self) -> Address:
        return Address(Kind.KEY, self.name)
