"""`Credential`, alone or as a member of a `CredentialSet`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pki.findings import Location
from reconciler.kinds.keys import KeySpec, Rotation
from reconciler.kinds.renewal import Renewal
from reconciler.model import Address, Kind


@dataclass(frozen=True, slots=True)
class RevokedSpec:
    """`reason` is a CRLReason by its name in RFC 5280.

    `at` can lie ahead: the certificate is revoked when that time comes. In the past it is since when the key is not to
    be trusted (RFC 5280 section 5.3.2, invalidity date); the revocation itself is dated when it is made.
    """

    reason: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CredentialSpec:
    """A credential.

    `keys` has one entry, or one for each of `profiles`. `csr` is a path in the workspace, in place of a key of ours;
    `csr_sha256` is the SHA-256 in hex of that file. `rotation` says whether a renewal makes new keys.
    """

    name: str
    issuer: str
    profiles: tuple[str, ...]
    variables: Mapping[str, Any] = field(hash=False)
    keys: tuple[KeySpec, ...]
    renewal: Renewal
    where: Location
    rotation: Rotation = Rotation.ALWAYS
    csr: str | None = None
    csr_sha256: str | None = None
    revoked: RevokedSpec | None = None
    prevent_destroy: bool = False
    fleet: str | None = None
    """The CredentialSet that it is a member of."""

    @property
    def address(self) -> Address:
        return Address(Kind.CREDENTIAL, self.name)
