"""Why a resource is as it is: what declares it, what state has of it, what the plan would do, and what is next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pki.errors import PkiError
from pki.findings import Finding, Location
from pki.schemas import closest
from pki.store.meta import CaMeta, CredentialMeta
from reconciler.graph import ResourceGraph, dependents, inverse
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.desired import Manifest, Resource
from reconciler.model import Address, Kind
from reconciler.plan.context import ca_of
from reconciler.plan.due import due_of
from reconciler.plan.gaps import judged
from reconciler.plan.model import Change, Due, Plan
from reconciler.plan.signers import Signers
from reconciler.plan.views import CrlView, GenerationView, KeyView, Views
from reconciler.snapshot import Fault, Generation, Observed, ObservedCa, ObservedCredential, ObservedKey, Snapshot


class UnknownAddressError(PkiError):
    """An address that neither the manifests nor state have."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One address. With no `changes`, the plan leaves it alone: it is as it should be, or nothing asks for it."""

    address: Address
    now: datetime
    declared: Location | None
    """Where it is declared; of a CRL, where its CA is. None for what only state has."""
    managed: bool
    forgotten: bool
    profiles: tuple[str, ...]
    subject: Mapping[str, Any] = field(hash=False)
    """As records hold it; empty until there is a certificate."""
    fleet: str | None
    csr: str | None
    protected: bool
    issuers: tuple[Address, ...]
    """The CAs above it, up to the root."""
    dependents: tuple[Address, ...]
    """What names it directly."""
    all_dependents: int
    """How many depend on it, indirect ones too."""
    generations: tuple[GenerationView, ...]
    key: KeyView | None
    """A standalone key itself."""
    crls: tuple[CrlView, ...]
    """Of a CA those of its generations, of a CRL itself."""
    faults: tuple[Fault, ...]
    damaged: Finding | None
    changes: tuple[Change, ...]
    due: tuple[Due, ...]

    @property
    def in_state(self) -> bool:
        return bool(self.generations or self.key or self.crls or self.damaged)


def find(text: str, manifest: Manifest, snapshot: Snapshot) -> Address:
    """Return the address that `text` writes, of something declared or in state.

    Raises:
        UnknownAddressError: there is none; its hint has the nearest one.
    """
    known = known_addresses(manifest, snapshot)
    try:
        address = Address.parse(text)
    except ValueError:
        address = None
    if address in known:
        return address
    same_name = next((str(each) for each in known if each.name == text), None)
    near = f"did you mean `{same_name}`?" if same_name else closest(text, map(str, known))
    raise UnknownAddressError(f"there is no {text!r}", hint=near or "`qpki show` lists what there is")


def known_addresses(manifest: Manifest, snapshot: Snapshot) -> dict[Address, None]:
    """Return every address that is declared, managed or left in state, in the order in which they can be made."""
    graph = _graph(manifest, snapshot)
    stored = [
        *(Address(Kind.KEY, name) for name in snapshot.keys),
        *(Address(Kind.CA, name) for name in snapshot.cas),
        *(Address(Kind.CREDENTIAL, name) for name in snapshot.credentials),
        *(Address.parse(text) for text in snapshot.damaged),
        *snapshot.forgotten,
    ]
    return dict.fromkeys((*graph.edges, *stored))


def explain(address: Address, manifest: Manifest, snapshot: Snapshot, plan: Plan) -> Explanation:
    """Return all that is known of an address that `find` gave, at the plan's time."""
    owner = _owner(address)
    snapshot = judged(snapshot, plan.now)
    spec, observed = manifest.find(owner), snapshot.find(owner)
    graph = _graph(manifest, snapshot)
    views = Views(plan.now, manifest.hsms, Signers.of(snapshot.generations()))
    generations = _generations(address, observed)
    return Explanation(
        address=address,
        now=plan.now,
        declared=spec.where if spec else None,
        managed=spec is not None,
        forgotten=owner in snapshot.forgotten,
        profiles=_profiles(spec, observed),
        subject=observed.record.subject if isinstance(observed, ObservedCa | ObservedCredential) else {},
        fleet=spec.fleet if isinstance(spec, CredentialSpec) else None,
        csr=spec.csr if isinstance(spec, CredentialSpec) else None,
        protected=bool((spec and spec.prevent_destroy) or (observed and observed.record.prevent_destroy)),
        issuers=graph.path_to_root(address) if spec else _issuers_on_record(address, observed, snapshot),
        dependents=tuple(inverse(graph.edges).get(address, ())),
        all_dependents=len(dependents(address, graph.edges)),
        generations=(
            tuple(views.of_credential(observed))
            if isinstance(observed, ObservedCredential)
            else tuple(views.of_ca(each, current=current) for each, current in generations)
        ),
        key=views.of_key(observed) if isinstance(observed, ObservedKey) else None,
        crls=tuple(views.of_crl(each, current=current, managed=spec is not None) for each, current in generations),
        faults=_faults(address, observed, snapshot),
        damaged=snapshot.damaged.get(str(owner)),
        changes=tuple(change for change in plan.changes if address in (change.address, change.previous)),
        due=due_of(plan, address),
    )


def _graph(manifest: Manifest, snapshot: Snapshot) -> ResourceGraph:
    return ResourceGraph.of(manifest, (each.name for each in snapshot.generations()))


def _owner(address: Address) -> Address:
    """Return the CA of a CRL, and everything else as it is."""
    return ca_of(address.name) if address.kind is Kind.CRL else address


def _generations(address: Address, observed: Observed | None) -> list[tuple[Generation, bool]]:
    """Return the generations of a CA, or the one that a CRL is of, each with whether it is the current one."""
    if not isinstance(observed, ObservedCa):
        return []
    wanted = (each for each in observed.generations if address.kind is Kind.CA or each.name == address.name)
    return [(each, each is observed.current) for each in wanted]


def _profiles(spec: Resource | None, observed: Observed | None) -> tuple[str, ...]:
    """Return the profiles that a resource asks for, or for want of one those on record."""
    match spec or (observed and observed.record):
        case CaSpec(profile=profile) | CaMeta(profile=profile):
            return (profile,)
        case CredentialSpec(profiles=profiles) | CredentialMeta(profiles=profiles):
            return profiles
        case _:
            return ()


def _issuers_on_record(address: Address, observed: Observed | None, snapshot: Snapshot) -> tuple[Address, ...]:
    """Return the CAs above something that no manifest declares, as the records name them."""
    owner = _owner(address)
    path = [] if owner == address else [owner]
    signers = Signers.of(snapshot.generations())
    record = observed.record if isinstance(observed, ObservedCa | ObservedCredential) else None
    while record and record.issuer and (signer := signers.find(None, record.issuer)):
        above = ca_of(signer.name)
        if above in (owner, *path):
            break
        path.append(above)
        record = signer.record
    return tuple(path)


def _faults(address: Address, observed: Observed | None, snapshot: Snapshot) -> tuple[Fault, ...]:
    if address.kind is Kind.CRL:
        generation = snapshot.generation(address.name)
        return generation.crl_faults if generation else ()
    match observed:
        case ObservedCa(generations=generations):
            return tuple(fault for each in generations for fault in each.faults)
        case None:
            return ()
        case _:
            return observed.faults
