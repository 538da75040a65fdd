"""Revoking credentials, at whichever CAs issued their certificates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from pki.authority import Authority
from pki.credentials.credential import Credential, exclusive, signed_by
from pki.errors import StoreError
from pki.store import files, meta
from pki.store.forms import Status
from pki.store.meta import CredentialCertificate, CredentialMeta
from pki.store.wire import serial_hex
from pki.x509.crls import Revocation


def revoke(
    authorities: Authority | Sequence[Authority],
    credential: Credential,
    reason: str | None,
    *,
    invalidity_date: datetime | None = None,
    leave: Collection[int] = (),
) -> Credential:
    """Revoke the certificates of all generations of a credential that have not ended, and record when and why.

    Each is revoked at the CA, or the generation of it, whose key signed it. One that is revoked already keeps its date
    and reason. Present ones that have ended are revoked too where their CA is given: the record covers them.
    `invalidity_date` is since when they are not to be trusted (RFC 5280 section 5.3.2). `leave` has the serials of
    earlier certificates that are left as they are, when the CA that signed them is out of reach.

    Raises:
        StoreError: the credential is revoked already, none of its certificates is left to revoke, or a CA that signed
            one is not among `authorities`; nothing was changed. Or the records of a CA cannot be written: what was
            revoked until then stays so, and the next run does the rest.
    """
    given = [authorities] if isinstance(authorities, Authority) else list(authorities)
    with exclusive(credential.layout):
        record = meta.load_credential(credential.layout.meta)
        if record.status is Status.REVOKED:
            raise StoreError(f"credential {record.id} is revoked already; its date and reason stay")
        revocations: list[Revocation] = []
        for authority, serials in _by_issuer(record, given, leave):
            revocations += authority.ensure_revoked(serials, reason, invalidity_date=invalidity_date)
        last = max(revocations, key=lambda each: each.at)
        revoked = record.revoked(last.at, last.reason)
        files.write(credential.layout.meta, meta.dump(revoked))
    return replace(credential, meta=revoked)


def _by_issuer(
    record: CredentialMeta, authorities: Sequence[Authority], leave: Collection[int]
) -> list[tuple[Authority, list[int]]]:
    """Return each CA with the serials that it is to revoke.

    Raises:
        StoreError: a certificate that is valid is by none of them, or there is nothing to revoke.
    """
    earlier = (each for each in record.previous if each.serial not in leave)
    issued = [*earlier, *(replace(each, issuer_key_id=signed_by(each, record)) for each in record.certificates)]
    found: dict[int, list[int]] = {}
    for certificate in issued:
        position = _position(certificate, authorities)
        ended = bool(authorities) and (certificate.not_after or record.not_after) <= authorities[0].now()
        if position is None and not ended:
            raise _unknown_issuer(certificate, authorities)
        if position is not None and (not ended or certificate.generation == record.generation):
            found.setdefault(position, []).append(certificate.serial)
    if not found:
        raise StoreError(f"credential {record.id} has ended: there is nothing left to revoke")
    return [(authorities[position], serials) for position, serials in found.items()]


def _position(certificate: CredentialCertificate, authorities: Sequence[Authority]) -> int | None:
    """Return which of the CAs signed: the one whose key it is, or the first if the record does not tell."""
    wanted = certificate.issuer_key_id
    for position, authority in enumerate(authorities):
        if wanted is None or meta.key_id_of(authority.certificate) in (None, wanted.upper()):
            return position
    return None


def _unknown_issuer(certificate: CredentialCertificate, authorities: Sequence[Authority]) -> StoreError:
    where = ", ".join(str(authority.layout.root) for authority in authorities) or "no CA that was named"
    return StoreError(
        f"{where} has no certificate {serial_hex(certificate.serial)}: the CA with the key {certificate.issuer_key_id}"
        " issued it",
        hint="name the CA, or the generation of it, that has this subject key identifier",
    )
