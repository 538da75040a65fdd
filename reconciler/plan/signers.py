"""Who signed what is on record, and what of it is revoked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pki.store.meta import CertificateFacts, IssuerFacts
from reconciler.snapshot import Generation, RevokedRow


class Revoked(NamedTuple):
    """Who revoked a certificate, and the row of the index that says it."""

    by: Generation
    row: RevokedRow


@dataclass(frozen=True, slots=True)
class Signers:
    """The generations of CAs in state, and the revoked rows of each by its name.

    A generation is known by the identifier of its key, and by the fingerprints of its certificates: records and
    certificates from elsewhere can lack the one.
    """

    by_key_id: Mapping[str, tuple[Generation, ...]] = field(default_factory=dict)
    by_fingerprint: Mapping[str, Generation] = field(default_factory=dict)
    rows: Mapping[str, Mapping[int, RevokedRow]] = field(default_factory=dict)

    @classmethod
    def of(cls, generations: Iterable[Generation]) -> Signers:
        by_key_id: dict[str, tuple[Generation, ...]] = {}
        by_fingerprint: dict[str, Generation] = {}
        rows: dict[str, Mapping[int, RevokedRow]] = {}
        for each in generations:
            for facts in certificates_of(each):
                by_fingerprint[facts.fingerprint.upper()] = each
            if each.certificate and (key_id := each.certificate.subject_key_id):
                by_key_id[key_id.upper()] = (*by_key_id.get(key_id.upper(), ()), each)
            rows[each.name] = {row.serial: row for row in each.revoked}
        return cls(by_key_id, by_fingerprint, rows)

    def find(self, key_id: str | None, issuer: IssuerFacts | None) -> Generation | None:
        """Return who signed with the key of that identifier, for want of one by the `issuer` on record.

        Of several with one key it is the one that `issuer` describes.
        """
        recorded = (issuer.subject_key_id or "").upper() if issuer else ""
        wanted = key_id.upper() if key_id else recorded
        known = self.by_key_id.get(wanted, ())
        if len(known) == 1:
            return known[0]
        exact = self.by_fingerprint.get(issuer.fingerprint.upper()) if issuer and wanted == recorded else None
        return exact or (known[0] if known else None)

    def revocation(self, signer: Generation | None, serial: int) -> Revoked | None:
        """Return how a certificate is revoked by the index of the generation that signed it, if it is."""
        row = self.rows[signer.name].get(serial) if signer else None
        return Revoked(signer, row) if signer and row else None

    def revocation_of(self, generation: Generation) -> Revoked | None:
        """Return how the certificate of a CA is revoked at the CA above it, if it is."""
        issuer, facts = generation.record.issuer, generation.certificate
        return self.revocation(self.find(None, issuer), facts.serial) if issuer and facts else None


def certificates_of(generation: Generation) -> tuple[CertificateFacts, ...]:
    """Return what is known of all certificates of a generation, the present one last."""
    return (*generation.record.previous, *((generation.certificate,) if generation.certificate else ()))
