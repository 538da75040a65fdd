"""CRLs: signed anew, with what a crash left behind revoked first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pki.authority import Authority, mend_ca
from pki.errors import PkiError
from pki.store import files
from pki.x509.crls import DistributionPoint, parse_crl
from pki.x509.signatures import verify
from reconciler.drivers import events
from reconciler.drivers.context import Context
from reconciler.kinds.authority import CrlSpec
from reconciler.kinds.inputs import crl_inputs, resolve_distribution_point
from reconciler.model import Event, ReasonCode
from reconciler.plan.context import ca_of
from reconciler.plan.model import Change

_DAMAGED = {ReasonCode.ARTIFACT_MISSING, ReasonCode.ARTIFACT_TAMPERED, ReasonCode.CRL_MISSING}


def refresh(context: Context, change: Change) -> Iterable[Event]:
    """Sign a CRL of one generation of a CA."""
    name = change.address.name
    spec = context.manifest.cas[ca_of(name).name].crl
    if _DAMAGED & {reason.code for reason in change.reasons}:
        _clear_damaged(context, name)
    authority = context.held(name)
    orphans = _revoke_orphans(context, change, authority)
    crl = authority.generate_crl(
        spec.validity,
        distribution_point=_distribution_point(spec, authority.meta.generation),
        keep_expired=spec.keep_expired,
        inputs_digest=crl_inputs(spec, authority.meta.generation),
    )
    return [*orphans, events.crl_signed(change.address, crl)]


def update(context: Context, change: Change) -> Iterable[Event]:
    """Restore one form of a CRL from the other."""
    written = mend_ca(context.ca_directory(change.address.name), context.ports)
    return [events.updated(change.address, written, context.root)]


def _revoke_orphans(context: Context, change: Change, authority: Authority) -> list[Event]:
    """Revoke certificates that were issued for a resource that then never came to record them: nobody holds them."""
    name, now = change.address.name, authority.now()
    generation = context.snapshot.generation(name)
    orphans = [each for each in generation.orphans if each.certified and each.holder] if generation else []
    standing = [each.serial for each in orphans if each.is_left_over(now)]
    if not standing:
        return []
    return [*events.revoked(change.address, authority.ensure_revoked(standing, "superseded"), name)]


def _distribution_point(spec: CrlSpec, number: int) -> DistributionPoint | None:
    point = resolve_distribution_point(spec, number)
    if point is None:
        return None
    only = {None: None, "user-certs": "user", "ca-certs": "ca"}[point.only]
    return DistributionPoint(point.urls, only)  # type: ignore[arg-type]  # one of the two words that it takes, or None


def _clear_damaged(context: Context, name: str) -> None:
    """Restore a damaged CRL from its other form; where neither is the CA's own, take both away.

    What is left is what the next CRL is held against: a file that the CA did not sign says nothing of what it revoked.
    """
    mend_ca(context.ca_directory(name), context.ports)
    authority = context.authority(name)
    for path in (authority.layout.crl_der, authority.layout.crl_pem):
        if files.exists(path) and not _is_own(path, authority):
            files.remove(path)


def _is_own(path: Path, authority: Authority) -> bool:
    try:
        crl = parse_crl(files.read(path, limit=None))
        verify(authority.certificate.spki, crl.scheme, crl.tbs, crl.signature)
    except PkiError:
        return False
    return True
