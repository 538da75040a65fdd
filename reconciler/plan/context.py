"""What every part of the planner works with, and the few questions that all of them ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pki.findings import Finding
from pki.keyrefs import KeyRef
from reconciler.kinds.desired import Manifest
from reconciler.kinds.keys import in_workspace
from reconciler.kinds.workspace import Imported
from reconciler.model import Address, Kind
from reconciler.plan.model import Templates
from reconciler.plan.signers import Signers
from reconciler.snapshot import ObservedCa, ObservedCredential, ObservedKey, Snapshot


@dataclass(frozen=True, slots=True)
class Context:
    """One planning. `snapshot` is as it will be when what the manifest moves has been moved.

    `forced` are the addresses that `--replace` names. `relocated` maps directories of state that move to where they go;
    records and certificates are still read in the old place.
    """

    manifest: Manifest
    snapshot: Snapshot
    templates: Templates
    now: datetime
    horizon: timedelta
    forced: frozenset[Address] = frozenset()
    relocated: Mapping[str, str] = field(default_factory=dict)
    signers: Signers = field(default_factory=Signers)
    damaged: Mapping[Address, Finding] = field(default_factory=dict)
    imports: Mapping[Address, Imported] = field(default_factory=dict)
    arriving: frozenset[Address] = frozenset()
    """What is moved, adopted or imported first, before anything can be done to it."""
    held: frozenset[Address] = frozenset()
    """CAs to which nothing is done: what stands below them is planned for what they are."""
    barred: frozenset[Address] = frozenset()
    """Standalone keys that cannot be made as they are asked for."""

    @property
    def state(self) -> str:
        return self.manifest.workspace.state

    def acts_on(self, start: datetime, opens: datetime) -> bool:
        """Say whether what began at `start`, and is to be replaced from `opens` on, is to be replaced in this plan."""
        return self.now >= acts_from(start, opens, self.horizon)

    def ca(self, address: Address) -> ObservedCa | None:
        found = self.snapshot.find(address)
        return found if isinstance(found, ObservedCa) else None

    def credential(self, address: Address) -> ObservedCredential | None:
        found = self.snapshot.find(address)
        return found if isinstance(found, ObservedCredential) else None

    def key(self, address: Address) -> ObservedKey | None:
        found = self.snapshot.find(address)
        return found if isinstance(found, ObservedKey) else None

    def generation_directory(self, name: str) -> str:
        """Return where a generation of a CA is, or will be: `issuing.2` is a directory of its own."""
        return f"{self.state}/{Kind.CA}/{name}"

    def landed(self, path: str) -> str:
        """Return where a file of state will be once what moves has moved."""
        for before, after in self.relocated.items():
            if path == before or path.startswith(f"{before}/"):
                return after + path.removeprefix(before)
        return path

    def shared_key(self, name: str) -> KeyRef | None:
        """Return where the key of a standalone `Key` is now; None when state has none."""
        observed = self.key(Address(Kind.KEY, name))
        return in_workspace(observed.record.storage, observed.directory) if observed else None


def acts_from(start: datetime, opens: datetime, horizon: timedelta) -> datetime:
    """Return from when on a plan replaces what began at `start`, when it is due at `opens`.

    That is as much earlier as the plan looks ahead, but not in the first tenth of the time until then: however far it
    looks, a replacement that was just made is not replaced in its turn.
    """
    return max(opens - horizon, start + (opens - start) / 10)


def generation_name(ca: str, number: int) -> str:
    """Return the name of the directory of a CA's generation."""
    return ca if number == 1 else f"{ca}.{number}"


def ca_of(generation: str) -> Address:
    """Return the CA that a generation's directory, or its CRL, is of."""
    return Address(Kind.CA, generation.partition(".")[0])
