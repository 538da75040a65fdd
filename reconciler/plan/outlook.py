"""What a CA will be when the plan is applied, as far as it matters to what stands below it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pki.findings import Finding
from pki.profiles.model import IssuerFacts
from reconciler.kinds.authority import CaSpec, OnIssuerRekey, UrlsSpec
from reconciler.kinds.inputs import resolve_urls
from reconciler.kinds.renewal import Renewal
from reconciler.model import Address, Reason
from reconciler.plan import needs, reasons
from reconciler.plan.context import Context, generation_name
from reconciler.plan.model import Change, Compiled, Need
from reconciler.snapshot import Generation, ObservedCa


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
    names the generations whose certificate or chain changes, so that chains below have to be written again. When its
    change is `blocked` all this is as it is now.
    """

    spec: CaSpec
    observed: ObservedCa | None
    number: int
    changes: tuple[Change, ...] = ()
    made: Compiled | None = None
    imported: str | None = None
    """The directory that it is to be copied from."""
    fresh: frozenset[str] = frozenset()
    blocked: bool = False
    warnings: tuple[Finding, ...] = ()
    life: Life | None = None
    key_ids: frozenset[str] = field(default_factory=frozenset)
    """Subject key identifiers of its generations in state."""

    @property
    def address(self) -> Address:
        return self.spec.address

    def generation(self, number: int) -> Generation | None:
        """Return a generation that is in state."""
        found = self.observed.generations if self.observed else ()
        return next((each for each in found if each.number == number), None)

    def urls(self, number: int) -> UrlsSpec:
        return resolve_urls(self.spec.urls, number)

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

    def signing(self, ctx: Context, key_id: str | None, lifetime: timedelta) -> Signing:
        """Return which generation signs next what the key of that identifier signed, for such a lifetime."""
        present = ctx.signers.get(key_id) if key_id in self.key_ids and key_id is not None else None
        if present is None:
            return Signing(self.number, reason=reasons.issuer_changed(self.address, self._other(ctx, key_id)))
        if present.number == self.number:
            return Signing(self.number, present)
        if self.spec.on_issuer_rekey is OnIssuerRekey.REISSUE:
            return Signing(self.number, present, reasons.issuer_rekeyed(self.address, self.number))
        if self.spec.on_issuer_rekey is OnIssuerRekey.KEEP and can_sign(present, ctx.now + lifetime):
            return Signing(present.number, present)
        return Signing(self.number, present)

    def need(self, ctx: Context, number: int) -> Need:
        """Return what signing by one of its generations takes."""
        if generation := self.generation(number):
            return needs.of_generation(ctx, generation)
        algorithm = self.made.content.algorithm if self.made else None
        return needs.of_new_generation(ctx, self.spec, number, algorithm, "sign")

    def name(self, number: int) -> str:
        return generation_name(self.spec.name, number)

    def _other(self, ctx: Context, key_id: str | None) -> str | None:
        signer = ctx.signers.get(key_id or "")
        return f"ca/{signer.name}" if signer else None


def can_sign(generation: Generation, until: datetime) -> bool:
    """Say whether a certificate that ends at `until` still fits into the life of a generation's own."""
    facts = generation.record.certificate
    return facts is not None and facts.not_after >= until
