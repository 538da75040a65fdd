"""What drivers tell of what they did, as the audit log has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pki.keyrefs import KeyRef, TokenKeyRef
from pki.store.meta import CaMeta, CredentialCertificate, CredentialMeta, KeyMeta
from pki.store.wire import format_time, serial_hex
from pki.x509.crls import Crl, Revocation
from reconciler.kinds.keys import KeySpec, in_workspace
from reconciler.model import Address, Event, EventName, Kind


def ca_issued(address: Address, record: CaMeta, issuer: str | None) -> Iterator[Event]:
    """Tell of a CA's certificate; `issuer` is the generation that signed it, None for the CA itself."""
    if record.certificate:
        facts = {"subject": dict(record.subject), "profile": record.profile, "generation": record.generation}
        yield _issued(address, record.certificate, issuer, facts)


def credential_issued(address: Address, record: CredentialMeta, issuer: str) -> Iterator[Event]:
    """Tell of each of a credential's present certificates."""
    for certificate in record.certificates:
        facts = {"subject": dict(record.subject), "profile": certificate.profile, "generation": record.generation}
        yield _issued(address, certificate, issuer, facts)


def ca_key(address: Address, record: CaMeta, spec: KeySpec, place: str) -> Iterator[Event]:
    """Tell of a CA's new key; `place` is the directory of its record, relative to the workspace."""
    for key in record.keys:
        yield _key(address, spec, key.algorithm, key.spki_sha256, key.storage, place, record.generation)


def credential_key(
    address: Address, certificate: CredentialCertificate, spec: KeySpec, place: str, algorithm: str | None = None
) -> Iterator[Event]:
    """Tell of the key of one of a credential's certificates; one that came with a CSR is not ours."""
    for storage in certificate.storage:
        yield _key(address, spec, algorithm, certificate.spki_sha256, storage, place, certificate.generation)


def standalone_key(address: Address, record: KeyMeta, spec: KeySpec, place: str) -> Event:
    return _key(address, spec, record.algorithm, record.spki_sha256, record.storage, place, None)


def revoked(address: Address, revocations: Iterable[Revocation], issuer: str) -> Iterator[Event]:
    """Tell of certificates revoked at `issuer`, the generation of a CA."""
    for each in revocations:
        facts = {
            "serial": serial_text(each.serial),
            "issuer": str(Address(Kind.CA, issuer)),
            "reason": each.reason,
            "revoked_at": format_time(each.at),
            "invalidity_date": each.invalidity_date and format_time(each.invalidity_date),
        }
        yield Event(EventName.CERTIFICATE_REVOKED, address, facts)


def crl_signed(address: Address, crl: Crl) -> Event:
    return Event(
        EventName.CRL_SIGNED,
        address,
        {
            "number": None if crl.number is None else str(crl.number),
            "entries": crl.size,
            "this_update": format_time(crl.this_update),
            "next_update": crl.next_update and format_time(crl.next_update),
        },
    )


def updated(address: Address, written: Iterable[Path], root: Path) -> Event:
    """Tell of files that were restored or changed without a key."""
    return Event(EventName.UPDATED, address, {"files": sorted(_relative(path, root) for path in written) or None})


def serial_text(serial: int) -> str:
    return f"0x{serial_hex(serial)}"


def _issued(address: Address, certificate: Any, issuer: str | None, facts: dict[str, Any]) -> Event:  # noqa: ANN401  a CA's or a credential's: they have these fields in common
    return Event(
        EventName.CERTIFICATE_ISSUED,
        address,
        {
            **facts,
            "serial": serial_text(certificate.serial),
            "fingerprint": certificate.fingerprint.lower(),
            "issuer": None if issuer is None else str(Address(Kind.CA, issuer)),
            "not_before": format_time(certificate.not_before),
            "not_after": format_time(certificate.not_after),
        },
    )


def _key(
    address: Address,
    spec: KeySpec,
    algorithm: str | None,
    spki_sha256: str | None,
    storage: KeyRef,
    place: str,
    generation: int | None,
) -> Event:
    name = EventName.KEY_GENERATED if spec.is_made else EventName.KEY_ADOPTED
    facts = {"algorithm": algorithm, "spki_sha256": spki_sha256, "generation": generation}
    return Event(name, address, {**facts, **_place(in_workspace(storage, place))})


def _place(storage: KeyRef) -> dict[str, str | None]:
    if isinstance(storage, TokenKeyRef):
        return {"hsm": storage.config, "label": storage.label, "key_id": storage.key_id}
    return {"path": storage.path}


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
