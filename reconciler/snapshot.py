"""What state says and what files hold, at one moment: plain data, for the planner to compare with the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pki.findings import Finding
from pki.store.meta import CaMeta, CertificateFacts, CredentialMeta, KeyMeta
from reconciler.model import Address, Kind


@dataclass(frozen=True, slots=True)
class Fault:
    """A file of state that is not what the record says; `path` is relative to the workspace.

    `mendable`: its right content follows from other files, so that no key is needed to restore it. `detail` completes
    the sentence that begins with the path: "is missing".
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

    `certified`: there is a certificate, in the index or, where the crash came before that, on disk only; it can be
    revoked. Otherwise the serial only was reserved, and whoever opens the CA next enters it as revoked.
    """

    serial: int
    holder: str
    """The address that it was for; "" for one asked for by hand, which is listed only if it has no certificate."""
    at: datetime | None
    """When it was reserved; None when only the index still has it."""
    certified: bool
    not_after: datetime | None = None
    """When it ends, with nothing to be done about it afterwards."""
    recorded: bool = False
    """A record named it once: that was lost or deleted since, and the certificate can well be in use."""

    def is_left_over(self, now: datetime) -> bool:
        """Say whether a killed run left it behind, so that nobody can be using it, and it has not expired."""
        return not self.recorded and (self.not_after is None or self.not_after > now)


class Lack(StrEnum):
    """What is missing of a certificate on record at its issuer."""

    ROW = "row"
    """Its row in the index, though it was issued there: it cannot be revoked any more."""
    ORIGIN = "origin"
    """Its row, with nothing to show that it was issued there: it can have come from elsewhere."""
    FILE = "file"
    """The copy that its issuer files."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something missing of a certificate on record; `path` is that of the file that should have it, or be it."""

    lack: Lack
    path: str
    serial: int
    holder: Address
    not_after: datetime

    @property
    def issuer(self) -> str:
        """The name of the directory of the CA that lacks it."""
        return self.path.rsplit("/ca/", 1)[-1].partition("/")[0]


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
    """Of `ca.crt` and `chain.crt`."""
    crl: CrlState | None = None
    crl_faults: tuple[Fault, ...] = ()
    revoked: tuple[RevokedRow, ...] = ()
    last_expiry: datetime | None = None
    """When the last certificate that it issued ends; None when it issued none."""
    orphans: tuple[Orphan, ...] = ()
    found: CertificateFacts | None = None
    """What `ca.crt` says of its certificate, for a record from before there were facts."""

    @property
    def certificate(self) -> CertificateFacts | None:
        return self.record.certificate or self.found

    @property
    def validity(self) -> tuple[datetime, datetime] | None:
        """From when to when its certificate is valid; None when nobody can say."""
        facts = self.certificate
        return (facts.not_before, facts.not_after) if facts else None


@dataclass(frozen=True, slots=True)
class ObservedCa:
    name: str
    generations: tuple[Generation, ...]
    """Oldest first; at least one."""

    @property
    def current(self) -> Generation:
        return self.generations[-1]

    @property
    def record(self) -> CaMeta:
        return self.current.record


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


Observed = ObservedCa | ObservedCredential | ObservedKey


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of state, whatever the time. `fingerprint` is the SHA-256 in hex over every file that was read.

    What is `damaged` cannot be read: it is in none of the other tables, is left alone, and so is all that depends on
    it. What is `forgotten` is there and managed no longer.
    """

    cas: Mapping[str, ObservedCa] = field(hash=False)
    credentials: Mapping[str, ObservedCredential] = field(hash=False)
    keys: Mapping[str, ObservedKey] = field(hash=False)
    fingerprint: str
    damaged: Mapping[str, Finding] = field(default_factory=dict, hash=False)
    """By address: what cannot be read, and why."""
    forgotten: Mapping[Address, Observed] = field(default_factory=dict, hash=False)
    gaps: tuple[Gap, ...] = ()
    """Of certificates on record, expired ones too."""

    def managed(self, address: Address) -> Observed | None:
        """Return what state has under an address, unless it is forgotten."""
        tables: Mapping[Kind, Mapping[str, Observed]] = {
            Kind.CA: self.cas,
            Kind.CREDENTIAL: self.credentials,
            Kind.KEY: self.keys,
        }
        return tables.get(address.kind, {}).get(address.name)

    def find(self, address: Address) -> Observed | None:
        """Return what state has under an address, forgotten or not."""
        return self.managed(address) or self.forgotten.get(address)

    def generations(self) -> Iterator[Generation]:
        """Give every generation of every CA, forgotten ones too."""
        for ca in (*self.cas.values(), *self.forgotten.values()):
            if isinstance(ca, ObservedCa):
                yield from ca.generations

    def by_key_id(self) -> dict[str, Generation]:
        """Return the generations by subject key identifier (upper-case hex): who signed, and can revoke, what."""
        found = {}
        for generation in self.generations():
            facts = generation.certificate
            if facts and facts.subject_key_id:
                found[facts.subject_key_id.upper()] = generation
        return found

    def generation(self, name: str) -> Generation | None:
        """Return a CA's generation by the name of its directory."""
        ca = self.cas.get(name.partition(".")[0])
        return next((each for each in ca.generations if each.name == name), None) if ca else None
