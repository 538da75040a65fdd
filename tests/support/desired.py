"""Manifests made by hand, of resources that say no more than a test needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pki.findings import Location
from reconciler.kinds.authority import CaSpec, CrlSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.desired import HsmFacts, Manifest, Resource
from reconciler.kinds.keys import KeySpec, StandaloneKeySpec
from reconciler.kinds.policy import PolicySpec
from reconciler.kinds.renewal import Renewal
from reconciler.kinds.workspace import WorkspaceSpec

CRL = CrlSpec(timedelta(days=7), timedelta(days=3))
RENEWAL = Renewal(before=timedelta(days=30))


def at(line: int) -> Location:
    return Location("pki/all.yaml", line, 1)


def ca(name: str, *, issuer: str | None = None, resource: str | None = None, **more: Any) -> CaSpec:
    profile = more.pop("profile", "ec/issuing-ca" if issuer else "ec/root-ca")
    return CaSpec(name, issuer, profile, {"cn": name}, KeySpec(resource=resource), CRL, RENEWAL, at(1), **more)


def credential(name: str, *, issuer: str, resource: str | None = None, **more: Any) -> CredentialSpec:
    keys = (KeySpec(resource=resource),)
    return CredentialSpec(name, issuer, ("ec/tls-server",), {"cn": name}, keys, RENEWAL, at(2), **more)


def standing_key(name: str, **more: Any) -> StandaloneKeySpec:
    return StandaloneKeySpec(name, "ecdsa-p256", KeySpec(), at(3), **more)


def desired(*resources: Resource, policies: tuple[PolicySpec, ...] = (), hsms: Any = ()) -> Manifest:
    return Manifest(
        workspace=WorkspaceSpec("test", Location("qpki.yaml", 1, 1)),
        cas={each.name: each for each in resources if isinstance(each, CaSpec)},
        credentials={each.name: each for each in resources if isinstance(each, CredentialSpec)},
        keys={each.name: each for each in resources if isinstance(each, StandaloneKeySpec)},
        policies=policies,
        hsms={path: HsmFacts(token) for path, token in dict(hsms).items()},
        profile_digests={},
        overridden=(),
        digest="0" * 64,
    )
