"""What state says and what files hold, at one moment: plain data, for the planner to compare with the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pki.findings import Finding
from pki.store.meta import CaMeta, CredentialMeta, KeyMeta


@dataclass(frozen=True, slots=True)
class Fault:
    """A file of state that is not what the record says; `path` is relative to the workspace.

    `mendable`: its right content follows from other files, so that no key is needed to restore it.
    """

    path: str
    missing: bool
    detail: str
    mendable: bool = True


@dataclass(frozen=True, slots=True)
class RevokedRow:
    """A revoked row of a CA's index."""

    serial: int
    at: datetime
    reason: str | None
    not_after: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class CrlState:
    """The CRL on disk. `serials` are those it lists."""

    number: int
    this_update: datetime
    next_update: datetime
    serials: frozenset[int] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A serial that no record names: a crash came between its journal entry and the record of its holder.

    `certified`: its certificate is on disk, and the index has it as valid; otherwise the serial only was reserved.
    """

    serial: int
    holder: str
    """The address that it was for."""
    at: datetime
    certified: bool


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of a CA: a directory with a key, a certificate, an index and a CRL of its own."""

    name: str
    """Of its directory: `issuing` is the first generation, `issuing.2` the second."""
    number: int
    directory: str
    """Relative to the workspace."""
    record: CaMeta
    faults: tuple[Fault, ...] = ()
    """Of `ca.crt`, `chain.crt` and the certificates on record."""
    crl: CrlState | None = None
    crl_faults: tuple[Fault, ...] = ()
    revoked: tuple[RevokedRow, ...] = ()
    last_expiry: datetime | None = None
    """When the last certificate that it issued ends; None when it issued none."""
    orphans: tuple[Orphan, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedCa:
    name: str
    generations: tuple[Generation, ...]
    """Oldest first; at least one."""

    @property
    def current(self) -> Generation:
        return self.generations[-1]


@dataclass(frozen=True, slots=True)
class ObservedCredential:
    name: str
    directory: str
    record: CredentialMeta
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedKey:
    name: str
    directory: str
    record: KeyMeta
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of state. `fingerprint` is the SHA-256 in hex over every file that was read; private keys are never read.

    `findings` are records that cannot be read: what they are of is left alone, and so is all that depends on it.
    """

    cas: Mapping[str, ObservedCa] = field(hash=False)
    credentials: Mapping[str, ObservedCredential] = field(hash=False)
    keys: Mapping[str, ObservedKey] = field(hash=False)
    fingerprint: str
    damaged: Mapping[str, Finding] = field(default_factory=dict, hash=False)
    """By address: what cannot be read, and why."""

    def generation(self, name: str) -> Generation | None:
        """Return a CA's generation by the name of its directory."""
        ca = self.cas.get(name.partition(".")[0])
        return next((each for each in ca.generations if each.name == name), None) if ca else None
