"""`CertificateAuthority` and its CRL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pki.findings import Location
from reconciler.kinds.keys import KeySpec, Rotation
from reconciler.kinds.renewal import Renewal
from reconciler.model import Address, Kind

GENERATION = "{{ generation }}"
"""What a URL holds where each generation of a CA has one of its own."""


class OnIssuerRekey(StrEnum):
    """What becomes of the certificates below a CA that gets a new key."""

    REISSUE = "reissue"
    """The new generation signs them all again, at once."""
    AT_RENEWAL = "at-renewal"
    """The new generation signs each when it is renewed; until then the old one stands."""
    KEEP = "keep"
    """They stay with the old generation, renewals included, as long as that one can sign them."""


@dataclass(frozen=True, slots=True)
class DistributionPointSpec:
    """`crl.issuingDistributionPoint` (RFC 5280 section 5.2.5). `urls` may hold `{{ generation }}`."""

    urls: tuple[str, ...] = ()
    only: str | None = None
    """`user-certs`, `ca-certs` or None for all."""


@dataclass(frozen=True, slots=True)
class CrlSpec:
    """A CRL is replaced when `now + horizon >= nextUpdate - refresh_before`."""

    validity: timedelta
    refresh_before: timedelta
    distribution_point: DistributionPointSpec | None = None
    keep_expired: bool = False
    """Whether revoked certificates stay on the CRL after they expired."""


@dataclass(frozen=True, slots=True)
class UrlsSpec:
    """What certificates that the CA issues point to; each may hold `{{ generation }}`."""

    crl: tuple[str, ...] = ()
    ca_issuers: tuple[str, ...] = ()
    ocsp: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaSpec:
    """A CA. `issuer` is the name of another, None for a root.

    `generation` is the least number of its current generation: one more than the present asks for a new key.
    """

    name: str
    issuer: str | None
    profile: str
    variables: Mapping[str, Any] = field(hash=False)
    key: KeySpec
    crl: CrlSpec
    renewal: Renewal
    where: Location
    urls: UrlsSpec = UrlsSpec()
    rotation: Rotation = Rotation.NEVER
    on_issuer_rekey: OnIssuerRekey = OnIssuerRekey.AT_RENEWAL
    generation: int = 1
    prevent_destroy: bool = False

    @property
    def address(self) -> Address:
        return Address(Kind.CA, self.name)
