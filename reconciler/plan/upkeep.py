"""Records and derived files that are to be put in order; no key is used for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pki.findings import Finding, Location, Severity
from pki.keyrefs import KeyRef, SoftwareKeyRef
from pki.store.meta import CaUrls
from reconciler.kinds.authority import CaSpec, UrlsSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.inputs import resolve_urls
from reconciler.kinds.keys import KeySpec, in_workspace
from reconciler.model import Action, Address, Kind, Reason
from reconciler.plan import reasons
from reconciler.plan.context import Context
from reconciler.plan.model import Change, Difference
from reconciler.snapshot import Fault, Generation, ObservedCa, ObservedCredential

if TYPE_CHECKING:
    from reconciler.plan.outlook import Outlook


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is to be put in order of one address; `chains` says why of each generation whose chain changes."""

    address: Address
    generation: int
    issuer: Address | None
    arriving: tuple[Address, ...]
    """What it refers to that is moved or adopted first."""
    reasons: tuple[Reason, ...] = ()
    differences: tuple[Difference, ...] = ()
    chains: Mapping[str, Reason] = field(default_factory=dict)

    @property
    def stale(self) -> frozenset[str]:
        return frozenset(self.chains)

    def change(self, *, covered: str = "") -> Change | None:
        """Return the change, if one is needed; `covered` is the generation whose chain another change writes."""
        chains = [reason for name, reason in self.chains.items() if name != covered]
        if not (self.reasons or chains):
            return None
        return Change(
            self.address,
            Action.UPDATE,
            reasons.ranked((*self.reasons, *chains)),
            differences=self.differences,
            depends_on=(*((self.issuer,) if chains and self.issuer else ()), *self.arriving),
            generation=self.generation,
        )


def ca_upkeep(ctx: Context, spec: CaSpec, observed: ObservedCa, issuer: Outlook | None) -> Upkeep:
    """Return what is to be put in order of a CA: URLs, protection and secrets on record, its files, and its chains."""
    current = observed.current
    records = [_words(ctx, spec, each, current=each is current) for each in observed.generations]
    chains = {}
    for each in observed.generations:
        recorded = each.record.issuer
        if issuer and recorded and (above := _stale_issuer(ctx.signers.find(None, recorded), issuer)):
            chains[each.name] = reasons.chain_changed(above)
    faults = [fault for each in observed.generations for fault in each.faults]
    arriving = _arriving(ctx, issuer, (spec.key,))
    return _upkeep(spec.address, current.number, issuer, arriving, faults, records, chains)


def credential_upkeep(ctx: Context, spec: CredentialSpec, observed: ObservedCredential, issuer: Outlook) -> Upkeep:
    """Return what is to be put in order of a credential: protection and secrets on record, its files, its chain."""
    record = observed.record
    signers = (ctx.signers.find(each.issuer_key_id, record.issuer) for each in record.certificates)
    above = sorted({stale for each in signers if (stale := _stale_issuer(each, issuer))})
    storages = [storage for each in record.certificates for storage in each.storage]
    before: dict[str, Any] = {"preventDestroy": record.prevent_destroy}
    after: dict[str, Any] = {"preventDestroy": spec.prevent_destroy}
    if spec.csr is None and storages:
        before["key"], after["key"] = _key_words(ctx, spec.keys[0], storages[0], observed.directory)
    chains = {spec.name: reasons.chain_changed(above[0])} if above else {}
    arriving = _arriving(ctx, issuer, spec.keys)
    return _upkeep(spec.address, record.generation, issuer, arriving, observed.faults, [(before, after)], chains)


def _stale_issuer(signer: Generation | None, issuer: Outlook) -> Address | None:
    """Return the generation that signed, if its certificate or chain is another after the plan."""
    return Address(Kind.CA, signer.name) if signer and signer.name in issuer.fresh else None


def lost(where: Location, faults: Iterable[Fault]) -> tuple[Finding, ...]:
    """Return the files that nothing in state can restore."""
    return tuple(
        Finding(
            Severity.ERROR,
            "artifact.lost",
            f"{fault.path} {fault.detail}, and nothing in state has its content",
            where,
            hint="restore it from git or a backup",
        )
        for fault in faults
        if not fault.mendable
    )


def _upkeep(
    address: Address,
    generation: int,
    issuer: Outlook | None,
    arriving: tuple[Address, ...],
    faults: Sequence[Fault],
    records: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    chains: Mapping[str, Reason],
) -> Upkeep:
    found = reasons.faults(faults)
    changed: tuple[Difference, ...] = ()
    unequal = [(before, after) for before, after in records if before != after]
    if unequal:
        from reconciler.diff import differences  # noqa: PLC0415  only when there is something to compare

        changed = differences(*unequal[-1])
        found.insert(0, reasons.spec_changed(", ".join(each.field for each in changed)))
    return Upkeep(address, generation, issuer.address if issuer else None, arriving, tuple(found), changed, chains)


def _arriving(ctx: Context, issuer: Outlook | None, keys: Sequence[KeySpec]) -> tuple[Address, ...]:
    standing = [Address(Kind.KEY, key.resource) for key in keys if key.resource is not None]
    return tuple(each for each in (*([issuer.address] if issuer else []), *standing) if each in ctx.arriving)


def _words(
    ctx: Context, spec: CaSpec, generation: Generation, *, current: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the record of a generation says, and what it is to say."""
    record = generation.record
    before: dict[str, Any] = {"urls": _url_words(record.urls), "preventDestroy": record.prevent_destroy}
    urls = resolve_urls(spec.urls, generation.number)
    after: dict[str, Any] = {"urls": _url_words(urls), "preventDestroy": spec.prevent_destroy}
    if current:
        before["key"], after["key"] = _key_words(ctx, spec.key, record.keys[0].storage, generation.directory)
    return before, after


def _url_words(urls: CaUrls | UrlsSpec) -> dict[str, Any]:
    return {"crl": urls.crl, "caIssuers": urls.ca_issuers, "ocsp": urls.ocsp}


def _key_words(ctx: Context, spec: KeySpec, storage: KeyRef, directory: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the record says of a key file, and what it is to say: where it is once things moved, and its secret.

    Whether the key is to be another one is not decided here.
    """
    stored = in_workspace(storage, directory)
    if not isinstance(stored, SoftwareKeyRef) or spec.hsm is not None:
        return {}, {}
    if spec.resource is not None:
        return {"path": stored.path}, {"path": ctx.landed(stored.path)}
    if not stored.path.startswith(f"{directory}/private/"):
        return {}, {}
    before = {"passphraseEnv": stored.passphrase_env, "passphraseFile": stored.passphrase_file}
    return before, {"passphraseEnv": spec.passphrase_env, "passphraseFile": spec.passphrase_file}
