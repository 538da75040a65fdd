"""All of state, put together."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pki.errors import PkiError
from pki.findings import Finding, Location, Severity
from pki.store import records
from pki.store.layout import identifier
from pki.store.meta import KeyMeta
from reconciler import audit
from reconciler.drivers.copies import RESTORE
from reconciler.kinds.workspace import WorkspaceSpec
from reconciler.model import Address, Kind
from reconciler.observe.authorities import (
    Found,
    Issuers,
    by_resource,
    certificate_of,
    find_generation,
    generation_faults,
    resource_name,
)
from reconciler.observe.credentials import Credentials
from reconciler.observe.crls import observe_crl
from reconciler.observe.gaps import find_gaps
from reconciler.observe.ledgers import orphans, require_revocations
from reconciler.observe.reading import Reader
from reconciler.snapshot import Generation, Observed, ObservedCa, ObservedCredential, ObservedKey, Snapshot

T = TypeVar("T")
O = TypeVar("O", bound=Observed)  # noqa: E741  one of the kinds


def observe(root: Path, workspace: WorkspaceSpec) -> Snapshot:
    """Return what is in the state of a workspace.

    What is damaged is told in the snapshot, by address, and keeps nothing else from being seen.

    Raises:
        PathEscapeError: the state directory itself leads out of the workspace.
        StoreError: a directory of it cannot be listed.
    """
    with _no_collection():
        return _Observer(root, workspace.state).snapshot()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the search for garbage in cycles: nothing here makes any, and what is read is too much to go through."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Observer:
    """One observation: CAs before credentials, since these are held against their issuers."""

    def __init__(self, root: Path, state: str) -> None:
        self._reader = Reader(root.absolute())
        self._state = state
        self._damaged: dict[str, Finding] = {}

    def snapshot(self) -> Snapshot:
        generations = dict(self._each(Kind.CA, self._generation))
        issuers = Issuers(generations.values())
        credentials = dict(self._each(Kind.CREDENTIAL, Credentials(self._reader, self._state, issuers).find))
        keys = dict(self._each(Kind.KEY, self._key))
        named = _named(generations.values(), credentials.values())
        cas = dict(self._judged(generations, issuers, named))
        observed: list[tuple[Kind, Mapping[str, Observed]]] = [
            (Kind.CA, cas),
            (Kind.CREDENTIAL, credentials),
            (Kind.KEY, keys),
        ]
        return Snapshot(
            cas=_managed(cas),
            credentials=_managed(credentials),
            keys=_managed(keys),
            fingerprint=self._reader.fingerprint,
            damaged=dict(sorted(self._damaged.items())),
            forgotten={
                Address(kind, name): each
                for kind, table in observed
                for name, each in table.items()
                if _forgotten(each)
            },
            gaps=find_gaps(self._reader.root, [*generations.values()], issuers, [*credentials.values()]),
        )

    def _each(self, kind: Kind, find: Callable[[str], T | None]) -> Iterator[tuple[str, T]]:
        """Give what is found under each name; a name under which something is damaged is noted and passed over."""
        for name in self._reader.directories(f"{self._state}/{kind}"):
            try:
                found = find(name)
            except PkiError as error:
                self._note(Address(kind, resource_name(name) if kind is Kind.CA else name), error)
            else:
                if found is not None:
                    yield name, found

    def _generation(self, name: str) -> Found | None:
        return find_generation(self._reader, f"{self._state}/ca/{name}")

    def _key(self, name: str) -> ObservedKey | None:
        directory = self._reader.vetted(f"{self._state}/key/{name}")
        data = self._reader.beside(directory, "key.meta.json")
        if data is None:
            return None
        identifier(name)
        return ObservedKey(name, directory, records.loads(KeyMeta, data, f"{directory}/key.meta.json"))

    def _judged(
        self, generations: Mapping[str, Found], issuers: Issuers, named: frozenset[int]
    ) -> Iterator[tuple[str, ObservedCa]]:
        """Give the CAs of which every generation can be read: without its newest, a CA would be taken for an older."""
        for name, members in by_resource(generations).items():
            address = Address(Kind.CA, name)
            try:
                ca = ObservedCa(name, tuple(self._judge(found, issuers, named) for found in members))
            except PkiError as error:
                self._note(address, error)
            if str(address) not in self._damaged:
                yield name, ca

    def _judge(self, found: Found, issuers: Issuers, named: frozenset[int]) -> Generation:
        certificate = certificate_of(self._reader, self._state, found)
        crl, crl_faults = observe_crl(self._reader, found.directory, found.record.crl, certificate)
        if crl is not None:
            require_revocations(found.directory, crl, found.issued)
        return Generation(
            name=found.name,
            number=found.number,
            directory=found.directory,
            record=found.record,
            faults=generation_faults(found, issuers, certificate),
            crl=crl,
            crl_faults=crl_faults,
            revoked=found.issued.revoked,
            last_expiry=found.issued.rows.last_expiry,
            orphans=orphans(
                self._reader.root,
                found.directory,
                found.issued,
                named,
                self._damaged.__contains__,
                self._reader.root / self._state / audit.NAME,
            ),
            found=found.facts,
        )

    def _note(self, address: Address, error: PkiError) -> None:
        root = str(self._reader.root)
        message = error.message.replace(f"{root}/", "").replace(root, "the workspace")
        where = Location(f"{self._state}/{address}")
        finding = Finding(Severity.ERROR, "state.damaged", message, where, error.hint or RESTORE)
        self._damaged.setdefault(str(address), finding)


def _named(generations: Iterable[Found], credentials: Iterable[ObservedCredential]) -> frozenset[int]:
    """Return every serial that a record names, whosever: one that is somebody's is nobody's orphan."""
    of_cas = (
        facts.serial for found in generations for facts in (*found.record.previous, found.facts) if facts is not None
    )
    of_credentials = (
        certificate.serial
        for credential in credentials
        for certificate in (*credential.record.previous, *credential.record.certificates)
    )
    return frozenset((*of_cas, *of_credentials))


def _forgotten(observed: Observed) -> bool:
    return observed.record.forgotten is not None


def _managed(table: Mapping[str, O]) -> dict[str, O]:
    return {name: each for name, each in table.items() if not _forgotten(each)}
