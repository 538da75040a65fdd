"""Snapshots made by hand: CAs with generations, credentials with certificates, and their CRLs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pki.keyrefs import KeyRef, SoftwareKeyRef
from pki.store.forms import Status
from pki.store.meta import (
    CaMeta,
    CertificateFacts,
    CredentialCertificate,
    CredentialMeta,
    IssuerFacts,
    KeyMeta,
    KeyRecord,
)
from reconciler.snapshot import (
    CrlState,
    Generation,
    Observed,
    ObservedCa,
    ObservedCredential,
    ObservedKey,
    Snapshot,
)
from tests.support.plans import NOW

SPKI = "ab" * 32


def key_id(generation: str) -> str:
    """Return the subject key identifier, as records have it, of the generation of that name."""
    return generation.encode().hex().upper()


def facts(serial: int, generation: str, *, days: int = 365, age: int = 30) -> CertificateFacts:
    """Return a CA's certificate that began `age` days ago and ends `days` days from now."""
    return CertificateFacts(
        serial=serial,
        fingerprint=f"{serial:064X}",
        not_before=NOW - timedelta(days=age),
        not_after=NOW + timedelta(days=days),
        subject_key_id=key_id(generation),
    )


def issued_by(generation: str) -> IssuerFacts:
    return IssuerFacts(subject={"common_name": generation}, fingerprint="00" * 32, subject_key_id=key_id(generation))


def crl(number: int = 7, *, age: int = 2, days: int = 6, serials: tuple[int, ...] = ()) -> CrlState:
    return CrlState(number, NOW - timedelta(days=age), NOW + timedelta(days=days), frozenset(serials))


def generation(name: str, *, issuer: str | None = None, storage: KeyRef | None = None, **more: Any) -> Generation:
    """Return a generation of a CA; `issuer` names the generation that signed it, None for a root."""
    number = int(name.partition(".")[2] or 1)
    record = CaMeta(
        profile=more.pop("profile", "ec/issuing-ca" if issuer else "ec/root-ca"),
        created=NOW - timedelta(days=30),
        keys=(
            KeyRecord(
                id="default",
                algorithm="ecdsa-p384",
                storage=storage or SoftwareKeyRef("private/ca.key.pem"),
                spki_sha256=SPKI,
            ),
        ),
        subject={"common_name": name},
        certificate=more.pop("certificate", facts(100 + number, name)),
        issuer=issued_by(issuer) if issuer else None,
        previous=more.pop("previous", ()),
        prevent_destroy=more.pop("prevent_destroy", False),
        generation=number,
    )
    return Generation(name, number, f"state/ca/{name}", record, **more)


def ca_in_state(*generations: Generation) -> ObservedCa:
    return ObservedCa(generations[0].name, generations)


def certificate(serial: int, *, number: int = 1, days: int = 60, age: int = 30, **more: Any) -> CredentialCertificate:
    given: dict[str, Any] = {
        "storage": (SoftwareKeyRef("private/key.pem"),),
        "key_algorithm": "ecdsa-p256",
        "not_before": NOW - timedelta(days=age),
        "not_after": NOW + timedelta(days=days),
        **more,
    }
    return CredentialCertificate(
        serial=serial,
        role="default",
        profile="ec/tls-server",
        algorithm="ECDSA-SHA384",
        fingerprint=f"{serial:064X}",
        spki_sha256=SPKI,
        generation=number,
        **given,
    )


def credential_in_state(
    name: str, *certificates: CredentialCertificate, issuer: str, previous: Any = (), **more: Any
) -> ObservedCredential:
    record = CredentialMeta(
        id=name,
        subject={"common_name": name},
        profiles=("ec/tls-server",),
        status=more.pop("status", Status.VALID),
        created=NOW - timedelta(days=30),
        not_before=_of(certificates[0].not_before),
        not_after=_of(certificates[0].not_after),
        certificates=certificates,
        previous=tuple(previous),
        generation=certificates[0].generation,
        issuer=issued_by(issuer),
        prevent_destroy=more.pop("prevent_destroy", False),
    )
    return ObservedCredential(name, f"state/credential/{name}", record, **more)


def key_in_state(name: str, storage: KeyRef | None = None) -> ObservedKey:
    record = KeyMeta(
        id=name,
        algorithm="ecdsa-p256",
        created=NOW - timedelta(days=30),
        storage=storage or SoftwareKeyRef("private/key.pem"),
        spki_sha256=SPKI,
    )
    return ObservedKey(name, f"state/key/{name}", record)


def in_state(*observed: Observed, **more: Any) -> Snapshot:
    return Snapshot(
        cas={each.name: each for each in observed if isinstance(each, ObservedCa)},
        credentials={each.name: each for each in observed if isinstance(each, ObservedCredential)},
        keys={each.name: each for each in observed if isinstance(each, ObservedKey)},
        fingerprint="1" * 64,
        **more,
    )


def _of(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment
