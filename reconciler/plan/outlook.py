"""What a CA will be when the plan is applied, as far as it matters to what stands below it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pki.findings import Finding
from pki.keyrefs import KeyRef
from pki.profiles.model import IssuerFacts
from reconciler.kinds.authority import CaSpec, OnIssuerRekey, UrlsSpec
from reconciler.kinds.inputs import resolve_urls
from reconciler.kinds.renewal import Renewal
from reconciler.model import Action, Address, Kind, Reason
from reconciler.plan import needs, reasons
from reconciler.plan.context import Context, ca_of, generation_name
from reconciler.plan.dependence import because
from reconciler.plan.model import Change, Compiled, Need
from reconciler.snapshot import Generation, ObservedCa

_CERTIFIES = frozenset({Action.RENEW, Action.REISSUE, Action.REKEY})


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when what an address has is valid: as it is, and as it is to be when its change is made."""

    address: Address
    renewal: Renewal
    before: tuple[datetime, datetime] | None
    after: tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class Signing:
    """Which generation of a CA signs next, and by which one a certificate is signed now.

    `reason` says why it has to be signed again at once, if it has to.
    """

    number: int
    present: Generation | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """A CA of the manifest.

    `number` is its current generation afterwards, and `made` the certificate of that if it is to get a new one. `fresh`
    names the generations whose certificate or chain changes, so that chains below have to be written again. Where its
    change is not to be made, all this is as it is now, for what is there can sign; when there is nothing that can, it
    is `barred`, and so is all that it was to sign.
    """

    spec: CaSpec
    observed: ObservedCa | None
    number: int
    changes: tuple[Change, ...] = ()
    made: Compiled | None = None
    imported: str | None = None
    """The directory that it is to be copied from."""
    storage: KeyRef | None = None
    """Where its key is in there, with paths relative to the workspace."""
    fresh: frozenset[str] = frozenset()
    barred: bool = False
    held: bool = False
    """Nothing at all is done to it."""
    warnings: tuple[Finding, ...] = ()
    life: Life | None = None

    @property
    def address(self) -> Address:
        return self.spec.address

    def generation(self, number: int) -> Generation | None:
        """Return a generation that is in state."""
        found = self.observed.generations if self.observed else ()
        return next((each for each in found if each.number == number), None)

    @property
    def presumed(self) -> Generation | None:
        """Who signed what a record of old says nothing of."""
        return self.observed.current if self.observed else None

    def urls(self, number: int) -> UrlsSpec:
        """Return what certificates by a generation point to: what its record says when that is signed with."""
        if self.held and (generation := self.generation(number)):
            recorded = generation.record.urls
            return UrlsSpec(recorded.crl, recorded.ca_issuers, recorded.ocsp)
        return resolve_urls(self.spec.urls, number)

    def awaited(self, ctx: Context, number: int) -> tuple[Address, ...]:
        """Return the CA, if something has to be done to it before a generation of it signs."""
        waits = self.generation(number) is None or self.barred or self.address in ctx.arriving
        waits = waits or (not self.held and any(self._is_before(change, number) for change in self.changes))
        return (self.address,) if waits else ()

    def facts(self, ctx: Context, number: int) -> IssuerFacts:
        """Return what certificates are compiled under by a generation as it will be.

        Raises:
            PkiError: its certificate cannot be read.
        """
        urls = self.urls(number)
        defaults = {"crl_urls": urls.crl, "ca_issuers_urls": urls.ca_issuers, "ocsp_urls": urls.ocsp}
        if self.made is not None and self.made.facts is not None and number == self.number:
            return replace(self.made.facts, defaults=defaults)
        generation = self.generation(number)
        directory = self.imported or (generation.directory if generation else ctx.generation_directory(self.spec.name))
        return replace(ctx.templates.issuer(directory), defaults=defaults)

    def refused(self) -> tuple[Finding, ...]:
        """Return what stands against all that it is to sign."""
        return (because(self.address),) if self.barred else ()

    def signing(self, ctx: Context, present: Generation | None, lifetime: timedelta) -> Signing:
        """Return which generation signs next what that one signed, for such a lifetime; None is a key of nobody's."""
        if present is None or ca_of(present.name) != self.address:
            before = f"{Kind.CA}/{present.name}" if present else None
            return Signing(self.number, reason=reasons.issuer_changed(self.address, before))
        if present.number == self.number:
            return Signing(self.number, present)
        if ctx.signers.revocation_of(present):
            return Signing(self.number, present, reasons.issuer_revoked(self.address, self.number))
        if self.spec.on_issuer_rekey is OnIssuerRekey.REISSUE:
            return Signing(self.number, present, reasons.issuer_rekeyed(self.address, self.number))
        if self.spec.on_issuer_rekey is OnIssuerRekey.KEEP and can_sign(present, ctx.now + lifetime):
            return Signing(present.number, present)
        return Signing(self.number, present)

    def need(self, ctx: Context, number: int) -> Need:
        """Return what signing by one of its generations takes."""
        if generation := self.generation(number):
            return needs.of_generation(ctx, generation)
        if self.storage is not None and self.imported is not None:
            return needs.of_imported(ctx, self.spec, self.imported, self.storage)
        algorithm = self.made.content.algorithm if self.made else None
        return needs.of_new_generation(ctx, self.spec, number, algorithm, "sign")

    def name(self, number: int) -> str:
        return generation_name(self.spec.name, number)

    def _is_before(self, change: Change, number: int) -> bool:
        """Say whether a change comes before a generation signs: not one that is not made, nor one of another."""
        if change.blocked or (change.action in _CERTIFIES and self.made is None):
            return False
        return change.action is not Action.REKEY or change.generation == number


def can_sign(generation: Generation, until: datetime) -> bool:
    """Say whether a certificate that ends at `until` still fits into the life of a generation's own."""
    facts = generation.certificate
    return facts is not None and facts.not_after >= until
