"""Credentials: which are made, renewed, revoked or put in order. Of a fleet nearly all are settled at one glance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pki.errors import PkiError
from pki.findings import Finding
from pki.store.forms import COMPROMISES, Status
from pki.store.meta import CredentialCertificate, CredentialMeta
from pki.store.wire import serial_hex
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.keys import Rotation
from reconciler.model import Action, Kind, Reason
from reconciler.plan import adoption, certificates, needs, reasons
from reconciler.plan.authorities import ends_of
from reconciler.plan.certificates import Order, Wanted
from reconciler.plan.context import Context
from reconciler.plan.decision import Case
from reconciler.plan.lanes import Lane
from reconciler.plan.model import Change
from reconciler.plan.outlook import Life, Outlook, Signing
from reconciler.plan.places import Holder, key_reasons, unmakeable
from reconciler.plan.previews import certificate_preview, replaced
from reconciler.plan.revocations import revocation, revoked_at, signer_of
from reconciler.plan.signers import Revoked
from reconciler.plan.upkeep import credential_upkeep, lost
from reconciler.snapshot import Generation, ObservedCredential


@dataclass(frozen=True, slots=True)
class CredentialOutlook:
    """What becomes of one credential; without changes only warnings are left to say."""

    changes: tuple[Change, ...] = ()
    life: Life | None = None
    warnings: tuple[Finding, ...] = ()


def plan_credential(ctx: Context, spec: CredentialSpec, lane: Lane) -> CredentialOutlook:
    """Return what becomes of one credential that is not settled at a glance."""
    address = spec.address
    observed = ctx.credential(address)
    if address in ctx.damaged:
        change = Change(address, Action.UPDATE, (reasons.unreadable(),), blocked=(ctx.damaged[address],))
        return CredentialOutlook((change,))
    if observed is not None and lane.issuer.address in ctx.damaged:
        return CredentialOutlook(life=Life(address, spec.renewal, validity_of(observed.record), None))
    if observed is not None:
        return _Present(ctx, spec, lane, observed).outlook()
    if spec.revoked is not None and _reached(spec, ctx.now):
        return CredentialOutlook()  # what never was there need not be revoked
    if (entry := ctx.imports.get(address)) and entry.directory is not None:
        return _imported(ctx, spec, lane, entry.directory)
    return _created(ctx, spec, lane)


def with_samples(ctx: Context, changes: Iterable[Change], outlooks: Mapping[str, Outlook]) -> Iterator[Change]:
    """Give changes as they are, the first new member of each set with all that its certificates will say.

    What a thousand members say differs in what their rows say: one of them shows what the profiles make of a row.
    """
    shown = set()
    for change in changes:
        is_new = change.action is Action.CREATE and change.address.kind is Kind.CREDENTIAL and not change.blocked
        spec = ctx.manifest.credentials.get(change.address.name) if is_new else None
        if spec is None or spec.fleet is None or spec.fleet in shown:
            yield change
            continue
        shown.add(spec.fleet)
        issuer, order = outlooks[spec.issuer], Order.of_credential(spec)
        wanted = certificates.wanted_under(ctx, order, issuer, issuer.number)
        yield replace(change, differences=certificates.creation(order, wanted))


def _created(ctx: Context, spec: CredentialSpec, lane: Lane) -> CredentialOutlook:
    order = Order.of_credential(spec)
    signing = Signing(lane.issuer.number)
    wanted = certificates.wanted_under(ctx, order, lane.issuer, signing.number)
    change = _certified(ctx, spec, lane, signing, Action.CREATE, 1, wanted)
    if spec.fleet is None:
        change = replace(change, differences=certificates.creation(order, wanted))
    return CredentialOutlook((change,), Life(spec.address, spec.renewal, None, wanted.life))


def _imported(ctx: Context, spec: CredentialSpec, lane: Lane, directory: str) -> CredentialOutlook:
    """Adopt a credential that was made elsewhere."""
    order, issuer = Order.of_credential(spec), lane.issuer
    wanted = certificates.wanted_under(ctx, order, issuer, issuer.number)
    digest = lane.digest(spec, issuer.number)
    return CredentialOutlook((adoption.imported(ctx, order, f"{directory}/cert.pem", wanted, issuer, digest),))


@dataclass(frozen=True, slots=True)
class _Present:
    """A credential that state has, in any condition."""

    ctx: Context
    spec: CredentialSpec
    lane: Lane
    observed: ObservedCredential

    def outlook(self) -> CredentialOutlook:
        record = self._record
        adopted = adoption.taken_back(self.ctx, self.spec.address, record.forgotten, record.generation)
        if self.spec.revoked is not None and _reached(self.spec, self.ctx.now):
            return CredentialOutlook((*adopted, *self._upkeep(), *self._revoked()))
        signing = self._signing()
        case, digest = self._case(signing)
        if case.action is None:
            return self._unless_due((*adopted, *self._upkeep()))
        wanted = certificates.wanted_under(self.ctx, self._order, self.lane.issuer, signing.number)
        case = self._compared(case, wanted, signing)
        if case.action is Action.UPDATE:
            return self._unless_due((*adopted, *self._upkeep(), self._noted(case, digest)))
        if case.only_time and certificates.gains_nothing(wanted, self._validity):
            warning = certificates.ends_with_issuer(self._order)
            return replace(self._unless_due((*adopted, *self._upkeep())), warnings=(warning,))
        main = self._main(case, signing, wanted)
        life = Life(self.spec.address, self.spec.renewal, self._validity, wanted.life)
        return CredentialOutlook((*adopted, main), life)

    @property
    def _record(self) -> CredentialMeta:
        return self.observed.record

    @property
    def _order(self) -> Order:
        return Order.of_credential(self.spec)

    @property
    def _validity(self) -> tuple[datetime, datetime]:
        return validity_of(self._record)

    def _unless_due(self, changes: tuple[Change, ...]) -> CredentialOutlook:
        """Return what leaves the certificates as they are."""
        return CredentialOutlook(changes, Life(self.spec.address, self.spec.renewal, self._validity, None))

    def _upkeep(self) -> tuple[Change, ...]:
        """Return what is to be put in order; new certificates do without: with them all files are written."""
        found = credential_upkeep(self.ctx, self.spec, self.observed, self.lane.issuer).change()
        if found is None:
            return ()
        revoked = self.spec.revoked is not None or self._record.status is Status.REVOKED
        missing = lost(self.spec.where, self.observed.faults) if revoked else ()
        return (replace(found, blocked=missing),)

    def _revoked(self) -> tuple[Change, ...]:
        if self._record.status is Status.REVOKED or self.spec.revoked is None:
            return ()
        wanted = self.spec.revoked
        why = reasons.revoked(wanted.reason, wanted.at)
        found = revocation(self.ctx, self.spec.address, self._record, wanted.reason, why, self.spec.where)
        return (found,) if found else ()

    def _signing(self) -> Signing:
        """Return who signs its certificates next; where several CA keys signed them, for the one to be replaced."""
        start, end = self._validity
        issuer = self.lane.issuer
        found = [issuer.signing(self.ctx, self._signer(each), end - start) for each in self._record.certificates]
        return next((each for each in found if each.reason), found[-1])

    def _signer(self, certificate: CredentialCertificate) -> Generation | None:
        if certificate.issuer_key_id is None and self._record.issuer is None:
            return self.lane.issuer.presumed
        return signer_of(self.ctx, certificate, self._record)

    def _case(self, signing: Signing) -> tuple[Case, str]:
        number = signing.present.number if signing.present else signing.number
        digest = self.lane.digest(self.spec, number)
        record = self._record
        revived = self._revived()
        unmended = [fault for fault in self.observed.faults if not fault.mendable]
        return Case(
            keyed=(*self._asked(), *self._key_reasons()),
            content=() if digest == record.inputs_digest else self._causes(),
            again=(*([signing.reason] if signing.reason else ()), *revived, *reasons.faults(unmended)),
            time=certificates.time_reasons(self.ctx, self._validity, self.spec.renewal),
            rotates=self._rotates or (bool(revived) and self._makes_keys),
        ), digest

    def _revived(self) -> list[Reason]:
        """Return why it is valid again, or still, by the manifest, when it is revoked."""
        if self._record.status is Status.REVOKED:
            return [reasons.no_longer_revoked(self._record.revoked_at)]
        return [reasons.revoked_by(self._revoked_by_hand)] if self._revoked_by_hand else []

    @property
    def _revoked_by_hand(self) -> Revoked | None:
        """How its CA has revoked it without its record; a manifest that is about to revoke it will settle that."""
        return None if self.spec.revoked is not None else revoked_at(self.ctx, self._record)

    @property
    def _makes_keys(self) -> bool:
        return self.spec.csr is None and all(key.is_made for key in self.spec.keys)

    @property
    def _rotates(self) -> bool:
        return self.spec.rotation is Rotation.ALWAYS and self._makes_keys

    def _asked(self) -> list[Reason]:
        return [reasons.forced()] if self.spec.address in self.ctx.forced else []

    def _key_reasons(self) -> list[Reason]:
        """Return why the keys on record are not those that the manifest wants."""
        held = [each.storage for each in self._record.certificates]
        ours = any(held)
        if self.spec.csr is not None:
            return [reasons.csr_instead(self.spec.csr)] if ours else []
        if not ours:
            return [reasons.own_key_instead()]
        if len(held) != len(self.spec.profiles):
            return [reasons.profiles_named(self._record.profiles, self.spec.profiles)]
        found: list[Reason] = []
        for position, each in enumerate(self._record.certificates):
            for storage in each.storage[:1]:
                holder = Holder(
                    self.spec.address,
                    self.observed.directory,
                    storage,
                    each.spki_sha256,
                    position + 1,
                    needs.labels_shared(self._order),
                )
                found += key_reasons(self.ctx, self._order.key(position), holder)
        return found

    def _causes(self) -> list[Reason]:
        profiles = {each.profile: each.profile_digest for each in self._record.certificates}
        return certificates.causes(self.ctx, self._order, profiles, self._record.variables, self._record.inputs_digest)

    def _compared(self, case: Case, wanted: Wanted, signing: Signing) -> Case:
        if not wanted.certificates:
            return case
        if csr_keys := self._csr_reasons(wanted):
            case = replace(case, keyed=(*case.keyed, *csr_keys))
        if not case.content:
            return case
        try:
            recorded = [
                self.ctx.templates.recorded(self._path(each), each.profile) for each in self._record.certificates
            ]
        except PkiError:
            return case
        ends = ends_of(signing.present)
        clipped = [each.not_after in ends for each in self._record.certificates]
        return replace(case, comparison=certificates.compare(self._order, recorded, clipped, wanted))

    def _csr_reasons(self, wanted: Wanted) -> list[Reason]:
        recorded = self._record.certificates[0].spki_sha256
        asked = wanted.certificates[0].spki_sha256
        if self.spec.csr is None or asked is None or recorded in {None, asked}:
            return []
        return [reasons.csr_key_differs(self.spec.csr)]

    def _path(self, certificate: CredentialCertificate) -> str:
        """Return where a certificate can be read: the issuer's copy, where our own is not as it should be."""
        signer = signer_of(self.ctx, certificate, self._record)
        if self.observed.faults and signer is not None:
            return f"{signer.directory}/certs/{serial_hex(certificate.serial)}.crt"
        return f"{self.observed.directory}/{certificate.path or 'cert.pem'}"

    def _main(self, case: Case, signing: Signing, wanted: Wanted) -> Change:
        action = case.action or Action.RENEW
        change = _certified(self.ctx, self.spec, self.lane, signing, action, self._record.generation + 1, wanted)
        shown = replaced(self.observed, wanted, case.comparison)
        return replace(
            change,
            reasons=case.reasons,
            differences=case.comparison.differences if case.comparison else (),
            blocked=(*change.blocked, *self._unfit(case, wanted)),
            preview={**change.preview, "replaces": shown},
        )

    def _unfit(self, case: Case, wanted: Wanted) -> tuple[Finding, ...]:
        """Return what stands against new keys, or against the same ones again."""
        fixed = self._key_reasons() or (wanted.certificates and self._csr_reasons(wanted))
        if fixed:
            return ()
        if case.action is Action.REKEY:
            if self.spec.csr is not None:
                message = f"a new key is asked for, and {self.spec.csr} holds the same as before"
                return (certificates.blocked("key.fixed", message, self._order, hint="ask its holder for a new CSR"),)
            key = next((key for key in self.spec.keys if not key.is_made), self.spec.keys[0])
            return unmakeable(key, self.spec.where)
        if self._is_compromised:
            message = "its key is revoked as compromised, and would be certified again"
            return (certificates.blocked("key.compromised", message, self._order, hint="give it another key"),)
        return ()

    @property
    def _is_compromised(self) -> bool:
        if self._record.status is Status.REVOKED:
            return self._record.revocation_reason in COMPROMISES
        return self._revoked_by_hand is not None and self._revoked_by_hand.row.reason in COMPROMISES

    def _noted(self, case: Case, digest: str) -> Change:
        return Change(
            self.spec.address,
            Action.UPDATE,
            case.reasons,
            generation=self._record.generation,
            inputs_digest=digest,
        )


def _certified(
    ctx: Context, spec: CredentialSpec, lane: Lane, signing: Signing, action: Action, generation: int, wanted: Wanted
) -> Change:
    """Return the change that makes certificates, for new keys or for those that there are."""
    order = Order.of_credential(spec)
    required = [lane.issuer.need(ctx, signing.number)]
    if action in {Action.CREATE, Action.REKEY}:
        required += needs.of_credential(ctx, order, generation)
    name = lane.issuer.name(signing.number)
    return Change(
        order.address,
        action,
        (reasons.missing(),),
        depends_on=(*lane.issuer.awaited(ctx, signing.number), *certificates.standing_keys(order)),
        needs=tuple(required),
        generation=generation,
        issuer=name,
        inputs_digest=lane.digest(spec, signing.number),
        blocked=(*wanted.refused, *lane.issuer.refused()),
        notices=wanted.notices,
        preview=certificate_preview(order.profiles, wanted, name),
    )


def validity_of(record: CredentialMeta) -> tuple[datetime, datetime]:
    return record.not_before, record.not_after


def _reached(spec: CredentialSpec, now: datetime) -> bool:
    return spec.revoked is not None and (spec.revoked.at is None or spec.revoked.at <= now)
