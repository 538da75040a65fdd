"""What state holds of a resource, seen at a time: its generations, their certificates, keys and CRLs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pki.keyrefs import KeyRef, TokenKeyRef
from pki.store.forms import Status
from pki.store.meta import CertificateFacts, CredentialCertificate
from reconciler.kinds.desired import HsmFacts
from reconciler.kinds.keys import in_workspace
from reconciler.model import Address, Kind
from reconciler.plan.signers import Signers, certificates_of
from reconciler.snapshot import Fault, Generation, ObservedCredential, ObservedKey, RevokedRow


class Validity(StrEnum):
    """How a certificate stands at the time of planning; revoked goes before expired."""

    VALID = "valid"
    NOT_YET = "not-yet-valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KeyView:
    """`place` is a file of the workspace, or a label or id on a token; None for a key that came with a CSR.

    `algorithm` is None where an older record does not tell.
    """

    algorithm: str | None
    place: str | None
    spki_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class CertificateView:
    """One certificate on record; several `keys` are parts of one."""

    serial: int
    fingerprint: str
    not_before: datetime | None
    not_after: datetime | None
    status: Validity
    profile: str
    keys: tuple[KeyView, ...]
    revoked: RevokedRow | None = None
    """When it was revoked and why, as long as a CRL has to say so."""


@dataclass(frozen=True, slots=True)
class GenerationView:
    """One generation: all certificates for its keys, oldest first. Of a credential all stand in one directory."""

    number: int
    directory: str
    current: bool
    certificates: tuple[CertificateView, ...]


@dataclass(frozen=True, slots=True)
class CrlView:
    """The CRL of one generation. What comes from the CRL on disk is None where there is none.

    `elapsed` is the share of its time that is over, from 0 to 1. After `kept_until` it is refreshed no more; None is
    no end in sight. `why` completes "it is kept alive ...".
    """

    address: Address
    number: int | None
    this_update: datetime | None
    next_update: datetime | None
    elapsed: float | None
    entries: int | None
    kept_until: datetime | None
    why: str
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Views:
    """Sees what a snapshot holds at `now`; `signers` are of its generations."""

    now: datetime
    hsms: Mapping[str, HsmFacts] = field(hash=False)
    signers: Signers = field(hash=False)

    def of_ca(self, generation: Generation, *, current: bool) -> GenerationView:
        record = generation.record
        keys = tuple(
            KeyView(key.algorithm, self._place(generation.directory, key.storage), key.spki_sha256)
            for key in record.keys
        )
        signer = self.signers.find(None, record.issuer)
        known = certificates_of(generation)
        certificates = tuple(self._certificate(facts, record.profile, keys, signer) for facts in known)
        return GenerationView(generation.number, generation.directory, current, certificates)

    def of_credential(self, observed: ObservedCredential) -> Iterator[GenerationView]:
        record = observed.record
        generations: dict[int, list[CertificateView]] = {}
        for facts in (*record.previous, *record.certificates):
            places = [self._place(observed.directory, ref) for ref in facts.storage]
            keys = tuple(KeyView(facts.key_algorithm, place, facts.spki_sha256) for place in places or (None,))
            signer = self.signers.find(facts.issuer_key_id, record.issuer)
            view = self._certificate(facts, facts.profile, keys, signer)
            if record.status is Status.REVOKED and view.status is Validity.VALID:
                view = replace(view, status=Validity.REVOKED)  # by a CA that is not in state
            generations.setdefault(facts.generation, []).append(view)
        for number, views in generations.items():
            yield GenerationView(number, observed.directory, number == record.generation, tuple(views))

    def of_key(self, observed: ObservedKey) -> KeyView:
        record = observed.record
        return KeyView(record.algorithm, self._place(observed.directory, record.storage), record.spki_sha256)

    def of_crl(self, generation: Generation, *, current: bool, managed: bool) -> CrlView:
        crl = generation.crl
        until, why = kept_alive(generation, current=current, managed=managed)
        return CrlView(
            address=Address(Kind.CRL, generation.name),
            number=crl.number if crl else None,
            this_update=crl.this_update if crl else None,
            next_update=crl.next_update if crl else None,
            elapsed=_share(crl.this_update, crl.next_update, self.now) if crl else None,
            entries=len(crl.serials) if crl else None,
            kept_until=until,
            why=why,
            faults=generation.crl_faults,
        )

    def _certificate(
        self,
        facts: CertificateFacts | CredentialCertificate,
        profile: str,
        keys: tuple[KeyView, ...],
        signer: Generation | None,
    ) -> CertificateView:
        revoked = self.signers.revocation(signer, facts.serial)
        return CertificateView(
            serial=facts.serial,
            fingerprint=facts.fingerprint,
            not_before=facts.not_before,
            not_after=facts.not_after,
            status=Validity.REVOKED if revoked else self._validity(facts.not_before, facts.not_after),
            profile=profile,
            keys=keys,
            revoked=revoked.row if revoked else None,
        )

    def _validity(self, start: datetime | None, end: datetime | None) -> Validity:
        if end is not None and end < self.now:
            return Validity.EXPIRED
        return Validity.NOT_YET if start is not None and self.now < start else Validity.VALID

    def _place(self, directory: str, storage: KeyRef) -> str:
        ref = in_workspace(storage, directory)
        if not isinstance(ref, TokenKeyRef):
            return f"file {ref.path}"
        name = f'label "{ref.label}"' if ref.label is not None else f"id {ref.key_id}"
        facts = self.hsms.get(ref.config)
        return f'{name} on token "{facts.token}" ({ref.config})' if facts else f"{name} on the token of {ref.config}"


def kept_alive(generation: Generation, *, current: bool, managed: bool) -> tuple[datetime | None, str]:
    """Return until when a generation's CRL is kept alive, None for no end in sight, and why.

    Whoever holds a certificate asks for its CRL until one of the two expires, the certificate or its CA's.
    """
    if not managed:
        return None, "by nobody: no manifest declares its CA"
    if current:
        return None, "because its CA signs with this generation"
    own = generation.certificate
    if generation.last_expiry is None:
        return generation.record.created, "no longer: the generation issued nothing"
    if own and own.not_after < generation.last_expiry:
        return own.not_after, "until the certificate of this generation expires"
    return generation.last_expiry, "until the last certificate that it issued expires"


def _share(start: datetime, end: datetime, now: datetime) -> float:
    return min(max((now - start) / (end - start), 0.0), 1.0) if end > start else 1.0
