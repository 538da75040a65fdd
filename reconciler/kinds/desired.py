"""`Manifest`: all that one load of a workspace asks for, valid by construction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pki.findings import Finding
from pki.profiles.catalog import Catalog
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.keys import StandaloneKeySpec
from reconciler.kinds.policy import PolicySpec
from reconciler.kinds.workspace import WorkspaceSpec
from reconciler.model import Address, Kind

Resource = CaSpec | CredentialSpec | StandaloneKeySpec


@dataclass(frozen=True, slots=True)
class HsmFacts:
    """What an HSM config file of the workspace says, as far as a plan tells it: no module is loaded."""

    token: str
    """How the token is called: its label, serial or slot."""
    pin_env: str | None = None
    pin_file: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every desired resource by its name.

    References between them hold, and their graph has no cycle. `profile_digests` has the digest of every profile that
    is used; `overridden` names the builtins that a profile of the workspace replaces. `digest` is the SHA-256 in hex of
    all files that were read. `warnings` are findings below error.
    """

    workspace: WorkspaceSpec
    cas: Mapping[str, CaSpec] = field(hash=False)
    credentials: Mapping[str, CredentialSpec] = field(hash=False)
    keys: Mapping[str, StandaloneKeySpec] = field(hash=False)
    policies: tuple[PolicySpec, ...]
    hsms: Mapping[str, HsmFacts] = field(hash=False)
    """By the path in the workspace, as `KeySpec.hsm` has it."""
    profile_digests: Mapping[str, str] = field(hash=False)
    overridden: tuple[str, ...]
    digest: str
    warnings: tuple[Finding, ...] = ()
    catalog: Catalog = field(default_factory=Catalog, compare=False, repr=False)
    """The profiles that the workspace knows; those that resources use are read."""

    def resources(self) -> Iterator[Resource]:
        yield from self.keys.values()
        yield from self.cas.values()
        yield from self.credentials.values()

    def find(self, address: Address) -> Resource | None:
        """Return a resource by its address; None when there is none, or it is a CRL's."""
        tables: Mapping[Kind, Mapping[str, Resource]] = {
            Kind.CA: self.cas,
            Kind.CREDENTIAL: self.credentials,
            Kind.KEY: self.keys,
        }
        return tables.get(address.kind, {}).get(address.name)
