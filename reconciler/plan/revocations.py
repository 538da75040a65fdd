"""Revoking: what is entered in whose index, for the CRLs to list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pki.findings import Finding, Location, Severity
from pki.store.meta import CredentialCertificate, CredentialMeta
from reconciler.model import Action, Address, Kind, Reason
from reconciler.plan.context import Context, ca_of
from reconciler.plan.model import Change
from reconciler.plan.signers import Revoked, certificates_of
from reconciler.snapshot import Generation, ObservedCa

Entry = tuple[str, int, datetime]
"""The generation that signed, the serial, and when it ends."""


def revocation(
    ctx: Context, address: Address, record: CredentialMeta, reason: str, why: Reason, where: Location
) -> Change | None:
    """Return the change that revokes all of a credential's certificates; None when all of them have ended.

    Earlier ones that no CA in state signed are left, and that is said. Where one is revoked already, its CA's index
    says so, and the change only brings the record in step.
    """
    standing = list(unexpired(record, ctx.now))
    if not standing:
        return None
    orphaned = [each for each in standing if signer_of(ctx, each, record) is None]
    blocked = any(each in record.certificates for each in orphaned)
    change = _revocation(
        ctx,
        address,
        [entry for entry in credential_entries(ctx, record) if not _is_revoked(ctx, entry)],
        reason,
        why,
        record.generation,
        (_nobody(address, where),) if blocked else (),
    )
    left = (_left(len(orphaned)),) if orphaned and not blocked else ()
    return replace(change, notices=(*change.notices, *left))


def ca_revocation(ctx: Context, address: Address, observed: ObservedCa, reason: str, why: Reason) -> Change | None:
    """Return the change that revokes what certifies a CA; None when that is done, or a root has nobody to do it."""
    entries = [entry for entry in ca_entries(ctx, observed) if not _is_revoked(ctx, entry)]
    if not entries:
        return None
    return _revocation(ctx, address, entries, reason, why, observed.current.number, ())


def entries_of(ctx: Context, change: Change) -> Iterator[tuple[Entry, str | None]]:
    """Give what a revocation will enter, with its reason."""
    reasons = dict(change.preview.get("serials", ()))
    if change.address.kind is Kind.CA:
        ca = ctx.ca(change.address)
        found = ca_entries(ctx, ca) if ca else iter(())
    else:
        credential = ctx.credential(change.address)
        found = credential_entries(ctx, credential.record) if credential else iter(())
    return ((entry, reasons[entry[1]]) for entry in found if entry[1] in reasons)


def credential_entries(ctx: Context, record: CredentialMeta) -> Iterator[Entry]:
    for each in unexpired(record, ctx.now):
        if signer := signer_of(ctx, each, record):
            yield signer.name, each.serial, each.not_after or record.not_after


def ca_entries(ctx: Context, observed: ObservedCa) -> Iterator[Entry]:
    for generation in observed.generations:
        recorded = generation.record.issuer
        signer = ctx.signers.find(None, recorded) if recorded else None
        for each in certificates_of(generation):
            if signer and each.not_after > ctx.now:
                yield signer.name, each.serial, each.not_after


def unexpired(record: CredentialMeta, now: datetime) -> Iterator[CredentialCertificate]:
    """Give the certificates of all generations that have not ended yet."""
    return (each for each in (*record.previous, *record.certificates) if (each.not_after or record.not_after) > now)


def signer_of(ctx: Context, certificate: CredentialCertificate, record: CredentialMeta) -> Generation | None:
    """Return the generation of a CA in state that signed a certificate; None when there is none."""
    return ctx.signers.find(certificate.issuer_key_id, record.issuer)


def revoked_at(ctx: Context, record: CredentialMeta) -> Revoked | None:
    """Return how one of the present certificates is revoked by the index of its CA; None when none is."""
    found = (ctx.signers.revocation(signer_of(ctx, each, record), each.serial) for each in record.certificates)
    return next(filter(None, found), None)


def _revocation(
    ctx: Context,
    address: Address,
    entries: list[Entry],
    reason: str,
    why: Reason,
    generation: int,
    blocked: tuple[Finding, ...],
) -> Change:
    cas = dict.fromkeys(ca_of(name) for name, _, _ in entries)
    return Change(
        address,
        Action.REVOKE,
        (why,),
        depends_on=tuple(ca for ca in cas if ca in ctx.arriving),
        generation=generation,
        blocked=blocked,
        notices=tuple(_unlisted(ca) for ca in cas if ca.name not in ctx.manifest.cas),
        preview={"serials": [(serial, reason) for _, serial, _ in entries]},
    )


def _is_revoked(ctx: Context, entry: Entry) -> bool:
    name, serial, _ = entry
    return serial in ctx.signers.rows[name]


def _nobody(address: Address, where: Location) -> Finding:
    message = f"{address} has a certificate that no CA in state signed, so that none can revoke it"
    return Finding(Severity.ERROR, "revocation.no-issuer", message, where, hint="restore the CA's directory from git")


def _left(count: int) -> Finding:
    which = "1 earlier certificate is" if count == 1 else f"{count} earlier certificates are"
    message = f"{which} by no CA in state, and will stay unrevoked"
    return Finding(Severity.WARNING, "revocation.no-issuer", message, hint="restore the CA's directory from git")


def _unlisted(ca: Address) -> Finding:
    message = f"{ca} is not in the manifest, so that no CRL will say it"
    hint = f"make its CRL by hand with `qpki crl gen`, or take {ca} back into the manifest"
    return Finding(Severity.WARNING, "revocation.unlisted", message, hint=hint)
