"""CAs: which get a key, a certificate, or their records and derived files in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pki.errors import PkiError
from pki.findings import Finding
from pki.keyrefs import KeyRef
from pki.store.wire import serial_hex
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.inputs import certificate_inputs
from reconciler.kinds.keys import Rotation, in_workspace
from reconciler.model import Action, Reason
from reconciler.plan import adoption, certificates, needs, reasons
from reconciler.plan.certificates import Comparison, Order, Wanted
from reconciler.plan.context import Context
from reconciler.plan.decision import Case
from reconciler.plan.model import Change
from reconciler.plan.outlook import Life, Outlook, Signing
from reconciler.plan.places import Holder, key_reasons, unmakeable
from reconciler.plan.previews import certificate_preview, replaced_ca
from reconciler.plan.signers import Revoked, certificates_of
from reconciler.plan.upkeep import Upkeep, ca_upkeep, lost
from reconciler.snapshot import Generation, ObservedCa

_NOTHING = Wanted()


def plan_authorities(ctx: Context) -> dict[str, Outlook]:
    """Return every CA of the manifest as it will be, issuers before what they issue."""
    found: dict[str, Outlook] = {}
    for name in ctx.manifest.cas:
        for spec in reversed(_line(ctx.manifest.cas, name, found)):
            found[spec.name] = plan_authority(ctx, spec, found[spec.issuer] if spec.issuer is not None else None)
    return found


def plan_authority(ctx: Context, spec: CaSpec, issuer: Outlook | None) -> Outlook:
    """Return what becomes of one CA under its issuer; None for a root."""
    address = spec.address
    observed = ctx.ca(address)
    if address in ctx.damaged:
        return _damaged(spec, ctx.damaged[address])
    if observed is not None:
        return _Present(ctx, spec, issuer, observed).outlook()
    if (entry := ctx.imports.get(address)) and entry.directory is not None:
        return _imported(ctx, spec, issuer, entry.directory)
    return _created(ctx, spec, issuer)


def _line(cas: Mapping[str, CaSpec], name: str | None, done: Mapping[str, Outlook]) -> list[CaSpec]:
    """Return a CA and those above it that are not done yet, nearest first."""
    line: list[CaSpec] = []
    while name is not None and name not in done:
        line.append(cas[name])
        name = cas[name].issuer
    return line


def _damaged(spec: CaSpec, finding: Finding) -> Outlook:
    change = Change(spec.address, Action.UPDATE, (reasons.unreadable(),), blocked=(finding,))
    return Outlook(spec, None, spec.generation, (change,), barred=True)


def _created(ctx: Context, spec: CaSpec, issuer: Outlook | None) -> Outlook:
    signing = Signing(issuer.number) if issuer else None
    wanted = _wanted(ctx, spec, issuer, signing)
    order = Order.of_ca(spec)
    change = _certified(ctx, spec, issuer, signing, Action.CREATE, spec.generation, wanted)
    change = replace(change, differences=certificates.creation(order, wanted))
    barred = _is_barred(ctx, change, issuer)
    made = wanted.certificates[0] if wanted.certificates else None  # what is below is shown, if it is not to be made
    life = Life(spec.address, spec.renewal, None, wanted.life)
    return Outlook(spec, None, spec.generation, (change,), made, barred=barred, life=life)


def _imported(ctx: Context, spec: CaSpec, issuer: Outlook | None, directory: str) -> Outlook:
    """Adopt a CA that was made elsewhere."""
    signing = Signing(issuer.number) if issuer else None
    wanted = _wanted(ctx, spec, issuer, signing)
    digest = _digest(ctx, spec, issuer, signing)
    change = adoption.imported(ctx, Order.of_ca(spec), f"{directory}/ca.crt", wanted, issuer, digest)
    barred = _is_barred(ctx, change, issuer)
    return Outlook(spec, None, 1, (change,), imported=directory, storage=_storage(ctx, directory), barred=barred)


def _storage(ctx: Context, directory: str) -> KeyRef | None:
    """Return where the key of a CA to be imported is; None when nobody can say."""
    try:
        return in_workspace(ctx.templates.storage(directory), directory)
    except PkiError:
        return None


def _is_barred(ctx: Context, change: Change, issuer: Outlook | None) -> bool:
    """Say whether what a change makes will not be there: it must not be made, or what it depends on."""
    barred = issuer is not None and issuer.address in change.depends_on and issuer.barred
    return bool(change.blocked) or barred or not ctx.barred.isdisjoint(change.depends_on)


@dataclass(frozen=True, slots=True)
class _Present:
    """A CA that state has, in any condition."""

    ctx: Context
    spec: CaSpec
    issuer: Outlook | None
    observed: ObservedCa

    def outlook(self) -> Outlook:
        upkeep = ca_upkeep(self.ctx, self.spec, self.observed, self.issuer)
        adopted = adoption.taken_back(self.ctx, self.spec.address, self.current.record.forgotten, self.current.number)
        if missing := lost(self.spec.where, (fault for each in self.observed.generations for fault in each.faults)):
            change = Change(self.spec.address, Action.UPDATE, upkeep.reasons, blocked=missing)
            return self._after((*adopted, change), upkeep, barred=True)
        if self.issuer is not None and self.issuer.address in self.ctx.damaged:
            return self._after((*adopted, *filter(None, [upkeep.change()])), upkeep)
        signing = self._signing()
        main, wanted = self._main(signing)
        if main is None and wanted.certificates:
            update, warnings = upkeep.change(), (certificates.ends_with_issuer(Order.of_ca(self.spec)),)
            return self._after((*adopted, *filter(None, [update])), upkeep, warnings=warnings)
        renews = main is not None and main.action in {Action.RENEW, Action.REISSUE}
        update = upkeep.change(covered=self.current.name if renews else "")
        changes = (*adopted, *filter(None, [update, main]))
        stops = main is not None and (self._held or _is_barred(self.ctx, main, self.issuer))
        made = main if main is not None and main.action is not Action.UPDATE and not stops else None
        return self._after(changes, upkeep, made=made, wanted=wanted, barred=stops and self._revocation is not None)

    @property
    def current(self) -> Generation:
        return self.observed.current

    def _after(
        self,
        changes: tuple[Change, ...],
        upkeep: Upkeep,
        *,
        made: Change | None = None,
        wanted: Wanted = _NOTHING,
        barred: bool = False,
        warnings: tuple[Finding, ...] = (),
    ) -> Outlook:
        """Return it as it will be; `made` is the change that makes a certificate, when it will be made.

        When it will not, the generation that there is signs, unless that is `barred`: lost, or revoked.
        """
        renewed = {self.current.name} if made is not None and made.action is not Action.REKEY else set()
        return Outlook(
            self.spec,
            self.observed,
            made.generation or self.current.number if made else self.current.number,
            changes,
            made=wanted.certificates[0] if made else None,
            fresh=frozenset() if self._held else upkeep.stale | renewed,
            barred=barred,
            held=self._held,
            warnings=warnings,
            life=Life(self.spec.address, self.spec.renewal, self.current.validity, wanted.life if made else None),
        )

    @property
    def _held(self) -> bool:
        return self.spec.address in self.ctx.held

    @property
    def _revocation(self) -> Revoked | None:
        return self.ctx.signers.revocation_of(self.current)

    def _signing(self) -> Signing | None:
        """Return who signs it next; None for a root."""
        if self.issuer is None:
            return None
        record = self.current.record
        present = self.ctx.signers.find(None, record.issuer)
        if record.issuer is None and record.certificate is None:
            present = self.issuer.presumed
        start, end = self.current.validity or (self.ctx.now, self.ctx.now)
        return self.issuer.signing(self.ctx, present, end - start)

    def _main(self, signing: Signing | None) -> tuple[Change | None, Wanted]:
        """Return the change that makes a certificate, or takes note that none is needed, and what was compiled.

        Without a change something was compiled when a renewal is due and would gain nothing.
        """
        record = self.current.record
        digest = _digest(self.ctx, self.spec, self.issuer, signing, present=True)
        same = digest == record.inputs_digest
        moved = key_reasons(self.ctx, self.spec.key, self._holder())
        case = Case(
            keyed=(*moved, *self._asked()),
            content=() if same else self._causes(),
            again=self._issuer_reasons(signing),
            time=certificates.time_reasons(self.ctx, self.current.validity, self.spec.renewal),
            rotates=self.spec.rotation is Rotation.ALWAYS and self.spec.key.is_made,
            at_once=False,
            renames=True,
        )
        if case.action is None:
            return None, _NOTHING
        wanted = _wanted(self.ctx, self.spec, self.issuer, signing)
        if not same and wanted.certificates:
            case = replace(case, comparison=self._comparison(wanted, signing))
        if case.action is Action.UPDATE:
            return self._noted(case, digest), wanted
        if case.only_time and certificates.gains_nothing(wanted, self.current.validity):
            return None, wanted
        fixed = unmakeable(self.spec.key, self.spec.where) if case.action is Action.REKEY and not moved else ()
        return self._certified(case, signing, wanted, fixed), wanted

    def _certified(self, case: Case, signing: Signing | None, wanted: Wanted, fixed: Sequence[Finding]) -> Change:
        rekeys = case.action is Action.REKEY
        number = max(self.spec.generation, self.current.number + 1) if rekeys else self.current.number
        change = _certified(self.ctx, self.spec, self.issuer, signing, case.action or Action.RENEW, number, wanted)
        return replace(
            change,
            reasons=case.reasons,
            differences=case.comparison.differences if case.comparison else (),
            blocked=(*change.blocked, *fixed),
            preview={**change.preview, "replaces": replaced_ca(self.current)},
        )

    def _noted(self, case: Case, digest: str) -> Change:
        number = self.current.number
        return Change(self.spec.address, Action.UPDATE, case.reasons, generation=number, inputs_digest=digest)

    def _holder(self) -> Holder:
        key = self.current.record.keys[0]
        return Holder(self.spec.address, self.current.directory, key.storage, key.spki_sha256)

    def _asked(self) -> list[Reason]:
        asked = [reasons.forced()] if self.spec.address in self.ctx.forced else []
        if self._revocation is not None and self.issuer is not None:
            asked.append(reasons.revoked_by(self._revocation))
        if self.spec.generation > self.current.number:
            asked.append(reasons.generation_asked(self.spec.generation, self.current.number))
        return asked

    def _issuer_reasons(self, signing: Signing | None) -> list[Reason]:
        if signing is None:
            return [reasons.issuer_changed(None, None)] if self.current.record.issuer is not None else []
        return [signing.reason] if signing.reason else []

    def _causes(self) -> list[Reason]:
        record = self.current.record
        profiles = {record.profile: record.profile_digest}
        return certificates.causes(self.ctx, Order.of_ca(self.spec), profiles, record.variables, record.inputs_digest)

    def _comparison(self, wanted: Wanted, signing: Signing | None) -> Comparison | None:
        try:
            recorded = self.ctx.templates.recorded(self._certificate_path(signing), self.spec.profile)
        except PkiError:
            return None
        validity = self.current.validity
        clipped = signing is not None and validity is not None and validity[1] in ends_of(signing.present)
        return certificates.compare(Order.of_ca(self.spec), [recorded], [clipped], wanted)

    def _certificate_path(self, signing: Signing | None) -> str:
        """Return where the certificate can be read: a copy of it, where `ca.crt` is not as it should be."""
        facts = self.current.certificate
        if not self.current.faults or facts is None:
            return f"{self.current.directory}/ca.crt"
        name = serial_hex(facts.serial)
        if signing is not None and signing.present is not None:
            return f"{signing.present.directory}/certs/{name}.crt"
        return f"{self.current.directory}/own/{name}.crt"


def _wanted(ctx: Context, spec: CaSpec, issuer: Outlook | None, signing: Signing | None) -> Wanted:
    order = Order.of_ca(spec)
    if issuer is None or signing is None:
        return certificates.wanted(ctx, order, None, None)
    return certificates.wanted_under(ctx, order, issuer, signing.number)


def _digest(
    ctx: Context, spec: CaSpec, issuer: Outlook | None, signing: Signing | None, *, present: bool = False
) -> str:
    """Return the digest of what decides the certificate: the one there is (`present`), or the next."""
    urls = None
    if issuer is not None and signing is not None:
        urls = issuer.urls(signing.present.number if present and signing.present else signing.number)
    return certificate_inputs((spec.profile,), ctx.manifest.profile_digests, spec.variables, urls)


def _certified(
    ctx: Context,
    spec: CaSpec,
    issuer: Outlook | None,
    signing: Signing | None,
    action: Action,
    number: int,
    wanted: Wanted,
) -> Change:
    """Return the change that makes a certificate for a new key or for the one there is."""
    name = issuer.name(signing.number) if issuer and signing else None
    required = [issuer.need(ctx, signing.number)] if issuer and signing else []
    if action in {Action.CREATE, Action.REKEY}:
        algorithm = wanted.certificates[0].content.algorithm if wanted.certificates else None
        required.append(needs.of_new_generation(ctx, spec, number, algorithm, "generate"))
    elif issuer is None and (observed := ctx.ca(spec.address)):
        required.append(needs.of_generation(ctx, observed.current))
    return Change(
        spec.address,
        action,
        (reasons.missing(),),
        depends_on=(
            *(issuer.awaited(ctx, signing.number) if issuer and signing else ()),
            *certificates.standing_keys(Order.of_ca(spec)),
        ),
        needs=tuple(required),
        generation=number,
        issuer=name,
        inputs_digest=_digest(ctx, spec, issuer, signing),
        blocked=(*wanted.refused, *(issuer.refused() if issuer else ())),
        notices=wanted.notices,
        preview=certificate_preview((spec.profile,), wanted, name),
    )


def ends_of(generation: Generation | None) -> frozenset[datetime]:
    """Return when the certificates of a generation end or ended: what it signed ends then if it was clipped."""
    return frozenset(facts.not_after for facts in certificates_of(generation)) if generation else frozenset()
