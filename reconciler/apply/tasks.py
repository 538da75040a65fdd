"""A plan's changes as tasks: what each comes after, and what it must have for itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.apply.schedule import Task
from reconciler.model import Action, Address, Event, Kind
from reconciler.plan.context import ca_of
from reconciler.plan.dependence import must_be_done
from reconciler.plan.model import Change
from reconciler.snapshot import ObservedCa, ObservedCredential, Snapshot

Make = Callable[[Change], tuple[Event, ...]]


@dataclass(frozen=True, slots=True)
class Tasks:
    """The changes of a plan that can be made, in its order."""

    changes: Sequence[Change]
    snapshot: Snapshot
    signers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names of CAs by the subject key identifiers of their generations; two CAs can have one key."""

    @classmethod
    def of(cls, changes: Sequence[Change], snapshot: Snapshot) -> Tasks:
        signers: dict[str, frozenset[str]] = {}
        for each in snapshot.generations():
            if each.certificate is not None and each.certificate.subject_key_id:
                key_id = each.certificate.subject_key_id.upper()
                signers[key_id] = signers.get(key_id, frozenset()) | {ca_of(each.name).name}
        return cls(changes, snapshot, signers)

    def all(self, make: Make) -> list[Task[tuple[Event, ...]]]:
        by_address: dict[Address, list[int]] = {}
        tasks = []
        for place, change in enumerate(self.changes):
            earlier = self._earlier(change, by_address)
            after = frozenset(each for each in earlier if must_be_done(self.changes[each], change))
            lanes, is_crl = frozenset(self._lanes(change)), change.address.kind is Kind.CRL
            # A run that is cut off after an hour of issuing has renewed what runs out first.
            tasks.append(Task(_call(make, change), after, earlier - after, lanes, urgent=is_crl))
            by_address.setdefault(change.address, []).append(place)
        return tasks

    def _earlier(self, change: Change, by_address: Mapping[Address, Collection[int]]) -> frozenset[int]:
        wanted = (change.address, *change.depends_on)
        return frozenset(place for address in wanted for place in by_address.get(address, ()))

    def _lanes(self, change: Change) -> Iterator[str]:
        """Give what the change must have for itself: CAs with all their generations, and tokens."""
        if change.address.kind in {Kind.CA, Kind.CRL}:
            yield _ca_lane(change.address.name)
        if change.issuer is not None:
            yield _ca_lane(change.issuer)
        if change.action in {Action.REVOKE, Action.UPDATE}:
            yield from map(_ca_lane, self._signers(change.address))
        for need in change.needs:
            if need.hsm is not None:
                yield f"hsm/{need.hsm}"

    def _signers(self, address: Address) -> Iterator[str]:
        """Give the CAs that signed what is on record of a resource."""
        cas, credentials = self.snapshot.cas, self.snapshot.credentials
        found = cas.get(address.name) if address.kind is Kind.CA else credentials.get(address.name)
        for key_id in filter(None, _issuer_key_ids(found)):
            yield from self.signers.get(key_id.upper(), ())


def _issuer_key_ids(found: ObservedCa | ObservedCredential | None) -> Iterator[str | None]:
    if isinstance(found, ObservedCa):
        for each in found.generations:
            yield each.record.issuer.subject_key_id if each.record.issuer else None
    if isinstance(found, ObservedCredential):
        record = found.record
        yield from (each.issuer_key_id for each in (*record.previous, *record.certificates))
        yield record.issuer.subject_key_id if record.issuer else None


def _ca_lane(generation: str) -> str:
    return str(ca_of(generation))


def _call(make: Make, change: Change) -> Callable[[], tuple[Event, ...]]:
    return lambda: make(change)
