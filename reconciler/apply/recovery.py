"""What the audit log lacks, because the run that did it died or failed before it came to write it.

State itself has all of it: what a CA issued and revoked is in its index, its CRL is on disk, and the number of one that
was signed and never published is in its journal. Records name the keys, and the journal of keys those that no record
came to name. Such events say `recovered`, and their time is that of the recovery.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pki.authority import Authority
from pki.errors import PkiError
from pki.ledger import revocation, stored_certificates
from pki.store import files, meta
from pki.store.index import IndexEntry
from pki.store.journal import Journal
from pki.store.wire import format_time, serial_hex
from pki.x509.certificates import Certificate
from pki.x509.crls import parse_crl
from reconciler.drivers import events
from reconciler.drivers.context import Context
from reconciler.journal import KeyIntent
from reconciler.kinds.keys import KeySpec
from reconciler.model import Address, Event, EventName, Kind
from reconciler.plan.context import ca_of
from reconciler.snapshot import Snapshot

_MADE = KeySpec()


@dataclass(slots=True)
class Logged:
    """What the log tells of."""

    issued: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    crls: set[tuple[str, str]] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    intents: set[tuple[Any, ...]] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> Logged:
        logged = cls()
        for entry in entries:
            logged._take(entry)
        return logged

    def _take(self, entry: Mapping[str, Any]) -> None:
        address = str(entry.get("address"))
        match entry["event"]:
            case EventName.CERTIFICATE_ISSUED:
                self.issued.add(str(entry.get("serial")))
            case EventName.CERTIFICATE_REVOKED:
                self.revoked.add(str(entry.get("serial")))
            case EventName.CRL_SIGNED:
                self.crls.add((address, str(entry.get("number"))))
            case EventName.KEY_GENERATED | EventName.KEY_ADOPTED:
                self.keys.add(str(entry.get("spki_sha256")))
                self.intents.add((address, entry.get("generation"), entry.get("label"), entry.get("key_id")))
            case EventName.ADOPTED:
                self.imported.add(address)


def lacking(context: Context, snapshot: Snapshot, intents: Sequence[KeyIntent], logged: Logged) -> Iterator[Event]:
    """Give what the log lacks. What a killed run left open at a CA is settled first, so that it is told as it ended.

    A CA whose records are damaged is passed over: the plan tells of it, and a later recovery looks again.
    """
    for event in (*_keys(snapshot, logged), *_intended(intents, logged), *_of_cas(context, snapshot, logged)):
        yield Event(event.name, event.address, {**event.facts, "recovered": True})


def _keys(snapshot: Snapshot, logged: Logged) -> Iterator[Event]:
    found = [event for event in _recorded_keys(snapshot) if str(event.address) not in logged.imported]
    yield from (event for event in found if event.facts["spki_sha256"] not in {None, *logged.keys})


def _recorded_keys(snapshot: Snapshot) -> Iterator[Event]:
    for generation in snapshot.generations():
        yield from events.ca_key(ca_of(generation.name), generation.record, _MADE, generation.directory)
    for credential in snapshot.credentials.values():
        record, address = credential.record, Address(Kind.CREDENTIAL, credential.name)
        for certificate in (*record.previous, *record.certificates):
            yield from events.credential_key(address, certificate, _MADE, credential.directory)
    for key in snapshot.keys.values():
        yield events.standalone_key(Address(Kind.KEY, key.name), key.record, _MADE, key.directory)


def _intended(intents: Sequence[KeyIntent], logged: Logged) -> Iterator[Event]:
    """Give the keys on tokens that no record names: they can be there, or the run died before it made them."""
    for intent in intents:
        if (intent.address, intent.generation, intent.label, intent.key_id) not in logged.intents:
            facts = {name: getattr(intent, name) for name in ("generation", "hsm", "label", "key_id")}
            yield Event(EventName.KEY_GENERATED, Address.parse(intent.address), {**facts, "recorded": False})


def _of_cas(context: Context, snapshot: Snapshot, logged: Logged) -> Iterator[Event]:
    for generation in snapshot.generations():
        with suppress(PkiError):
            authority = context.authority(generation.name)
            _settle(authority)
            found = (_of_index, _of_own, _of_crls)
            yield from [event for each in found for event in each(authority, generation.name, logged)]


def _settle(authority: Authority) -> None:
    """Settle what a killed run left open at a CA: its serials, and a CRL that was published but never marked so."""
    ledger, published = authority.ledger, authority.meta.crl
    with ledger.exclusive(authority.now()):
        begun = ledger.open_crl_numbers()
        if begun and published is not None and max(begun) <= published.number:
            ledger.crl_published()


def _of_index(authority: Authority, name: str, logged: Logged) -> Iterator[Event]:
    rows = authority.ledger.entries(authority.now())
    issued = [row for row in rows if events.serial_text(row.serial) not in logged.issued]
    revoked = [row for row in rows if row.status == "R" and events.serial_text(row.serial) not in logged.revoked]
    holders = Journal(authority.layout.journal).holders() if issued or revoked else {}
    for row in issued:
        path = authority.layout.issued(serial_hex(row.serial))
        if files.exists(path):
            yield _issued(stored_certificates(path)[0], _holder(holders, row), name)
    for row in revoked:
        yield from events.revoked(_holder(holders, row) or ca_of(name), [revocation(row)], name)


def _of_own(authority: Authority, name: str, logged: Logged) -> Iterator[Event]:
    """Give the certificates that a root signed itself: no index has them."""
    record = authority.meta
    if record.issuer is not None:
        return
    for facts in (*record.previous, record.certificate):
        if facts is not None and events.serial_text(facts.serial) not in logged.issued:
            path = authority.layout.own(serial_hex(facts.serial))
            certificate = stored_certificates(path)[0] if files.exists(path) else authority.certificate
            yield _issued(certificate, ca_of(name), None)


def _of_crls(authority: Authority, name: str, logged: Logged) -> Iterator[Event]:
    address = Address(Kind.CRL, name)
    if files.exists(authority.layout.crl_der):
        crl = parse_crl(files.read(authority.layout.crl_der, limit=None))
        if (str(address), str(crl.number)) not in logged.crls:
            yield events.crl_signed(address, crl)
    for number in authority.ledger.open_crl_numbers():
        if (str(address), str(number)) not in logged.crls:
            yield Event(EventName.CRL_SIGNED, address, {"number": str(number), "published": False})


def _issued(certificate: Certificate, address: Address | None, issuer: str | None) -> Event:
    facts = {
        "serial": events.serial_text(certificate.serial),
        "fingerprint": certificate.fingerprint.lower(),
        "subject": meta.subject_of(certificate.subject),
        "issuer": None if issuer is None else str(Address(Kind.CA, issuer)),
        "not_before": format_time(certificate.not_before),
        "not_after": format_time(certificate.not_after),
    }
    return Event(EventName.CERTIFICATE_ISSUED, address, facts)


def _holder(holders: Mapping[int, str], row: IndexEntry) -> Address | None:
    text = holders.get(row.serial)
    return Address.parse(text) if text else None
