"""Revocation of all that a resource holds: every certificate of every generation that has not expired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from pki import credentials
from pki.authority import Authority
from pki.credentials import Credential
from pki.ledger import revocation
from pki.store import index
from pki.store.meta import CaMeta, CredentialMeta
from pki.x509.crls import Revocation
from reconciler.drivers import events
from reconciler.drivers.context import Context
from reconciler.model import Address, Event

Issued = dict[str, list[int]]
"""Serials by the generation of the CA that issued them."""


def of_credential(
    context: Context, address: Address, reason: str, *, invalidity_date: datetime | None = None
) -> list[Event]:
    """Revoke a credential's certificates, and note it in its record; those by no CA in state are left."""
    layout = context.credential(address.name)
    found = Credential.open(layout.root, layout.id)
    serials = _serials_of_credential(found.meta, context.ports.clock())
    signer = found.meta.issuer.subject_key_id if found.meta.issuer else None
    issued = _by_issuer(context, serials, signer)
    authorities = {name: context.authority(name) for name in issued}
    standing = {name: _standing(authorities[name], serials) for name, serials in issued.items()}
    credentials.revoke(
        list(authorities.values()),
        found,
        reason,
        invalidity_date=invalidity_date,
        leave=set(serials).difference(*issued.values()),
    )
    return [*_events(address, authorities, standing)]


def of_ca(context: Context, address: Address, reason: str) -> list[Event]:
    """Revoke the certificates of a CA at those that issued them; nobody can revoke what it signed itself."""
    now = context.ports.clock()
    records = map(context.ca_record, context.generations(address.name))
    issued = _by_issuer(context, [serial for record in records for serial in _serials_of_ca(record, now)])
    authorities = {name: context.authority(name) for name in issued}
    standing = {name: _standing(authorities[name], serials) for name, serials in issued.items()}
    for name, serials in standing.items():
        authorities[name].ensure_revoked(serials, reason)
    return [*_events(address, authorities, standing)]


def _serials_of_credential(record: CredentialMeta, now: datetime) -> list[int]:
    issued = (*record.previous, *record.certificates)
    return [each.serial for each in issued if each.not_after is None or each.not_after > now]


def _serials_of_ca(record: CaMeta, now: datetime) -> list[int]:
    issued = (*record.previous, record.certificate)
    return [each.serial for each in issued if each is not None and each.not_after > now]


def _by_issuer(context: Context, serials: Iterable[int], key_id: str | None = None) -> Issued:
    issued: Issued = {}
    for serial in serials:
        if (name := context.issuer_of(serial, key_id)) is not None:
            issued.setdefault(name, []).append(serial)
    return issued


def _standing(authority: Authority, serials: Sequence[int]) -> list[int]:
    """Return those that are not revoked yet."""
    return [serial for serial in serials if _revocation(authority, serial) is None]


def _events(address: Address, authorities: dict[str, Authority], standing: Issued) -> Iterator[Event]:
    for name, serials in standing.items():
        found = (_revocation(authorities[name], serial) for serial in serials)
        yield from events.revoked(address, [each for each in found if each is not None], name)


def _revocation(authority: Authority, serial: int) -> Revocation | None:
    entry = index.find(authority.layout.index, serial)
    return None if entry is None or entry.revoked_at is None else revocation(entry)
