"""State as a table: every resource that is declared or there, and every CRL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pki.store.wire import serial_hex
from reconciler.graph import listing
from reconciler.kinds.desired import Manifest
from reconciler.model import Address, Kind
from reconciler.plan.signers import Signers
from reconciler.plan.views import CertificateView, CrlView, GenerationView, KeyView, Validity, Views
from reconciler.render.dates import ahead, date
from reconciler.render.layout import Facts, bare, count, day, fields, instant, readable, table
from reconciler.snapshot import Fault, Generation, ObservedCa, ObservedCredential, ObservedKey, Snapshot

ABSENT = "absent"
"""Declared, and not in state."""
_HEADER = ("ADDRESS", "STATUS", "ALGORITHM", "NOT AFTER / NEXT UPDATE", "GEN", "KEY")


def state_facts(manifest: Manifest, snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    """Return a mapping for each address: status, certificates, keys, CRL; what is declared and absent too."""
    views = Views(now, manifest.hsms, Signers.of(snapshot.generations()))
    found = dict(_observed(manifest, snapshot, views))
    for resource in manifest.resources():
        found.setdefault(resource.address, _absent(snapshot.damaged.get(str(resource.address))))
    for name in manifest.cas:
        found.setdefault(Address(Kind.CRL, name), _absent())
    for text in snapshot.damaged:
        found.setdefault(Address.parse(text), {"status": "damaged"})
    return {
        "now": instant(now),
        "resources": [{"address": str(address), **found[address]} for address in sorted(found, key=listing)],
    }


def state_text(facts: Facts) -> str:
    now = datetime.fromisoformat(facts["now"])
    resources = facts["resources"]
    if not resources:
        return "Nothing is declared, and nothing is in state."
    kinds = Counter(Kind(each["address"].partition("/")[0]) for each in resources)
    total = ", ".join(count(kinds[kind], _NOUNS[kind]) for kind in Kind if kinds[kind])
    return f"{table(_HEADER, (_cells(each, now) for each in resources))}\n\nTotal: {total}"


def resource_text(facts: Facts) -> str:
    """Return one resource of `state_facts` with all its certificates."""
    crl = facts.get("crl")
    rows = [
        ("Address", facts["address"]),
        ("Status", _status(facts)),
        ("Generation", facts.get("generation")),
        ("Algorithm", facts.get("algorithms")),
        ("Key", facts.get("keys")),
        ("CRL Number", crl and crl["number"]),
        ("Entries", crl and crl["entries"]),
        ("This Update", crl and readable(crl["this_update"])),
        ("Next Update", crl and readable(crl["next_update"])),
        ("Altered Files", [f"{fault['path']} {fault['detail']}" for fault in facts.get("faults", ())]),
    ]
    certificates = [_certificate_cells(each) for each in facts.get("certificates", ())]
    header = ("GEN", "STATUS", "SERIAL", "PROFILE", "ALGORITHM", "NOT BEFORE", "NOT AFTER")
    listed = f"\n\n{table(header, certificates)}" if certificates else ""
    return f"{fields(rows, indent=0)}{listed}"


def key_facts(key: KeyView) -> dict[str, Any]:
    return {"algorithm": key.algorithm, "place": key.place, "spki_sha256": key.spki_sha256}


def certificate_facts(certificate: CertificateView, generation: GenerationView) -> dict[str, Any]:
    revoked = certificate.revoked
    return {
        "generation": generation.number,
        "current": generation.current,
        "serial": f"0x{serial_hex(certificate.serial)}",
        "status": certificate.status.value,
        "profile": certificate.profile,
        "not_before": certificate.not_before and instant(certificate.not_before),
        "not_after": certificate.not_after and instant(certificate.not_after),
        "fingerprint": certificate.fingerprint,
        "revoked_at": revoked and instant(revoked.at),
        "revocation_reason": (revoked.reason or "unspecified") if revoked else None,
        "keys": [key_facts(key) for key in certificate.keys],
    }


def crl_facts(crl: CrlView) -> dict[str, Any]:
    return {
        "number": None if crl.number is None else str(crl.number),
        "entries": crl.entries,
        "this_update": crl.this_update and instant(crl.this_update),
        "next_update": crl.next_update and instant(crl.next_update),
        "kept_until": crl.kept_until and instant(crl.kept_until),
        "kept": crl.why,
    }


def fault_facts(fault: Fault) -> dict[str, Any]:
    return {"path": fault.path, "missing": fault.missing, "detail": fault.detail}


_NOUNS = {Kind.KEY: "key", Kind.CA: "CA", Kind.CREDENTIAL: "credential", Kind.CRL: "CRL"}


def _observed(manifest: Manifest, snapshot: Snapshot, views: Views) -> Iterator[tuple[Address, dict[str, Any]]]:
    declared = {resource.address for resource in manifest.resources()}
    tables: tuple[tuple[Kind, Mapping[str, Any]], ...] = (
        (Kind.KEY, snapshot.keys),
        (Kind.CA, snapshot.cas),
        (Kind.CREDENTIAL, snapshot.credentials),
    )
    here = [(Address(kind, name), each) for kind, found in tables for name, each in found.items()]
    for address, observed in (*here, *snapshot.forgotten.items()):
        common = {"managed": address in declared, "forgotten": address in snapshot.forgotten}
        yield address, {**_resource(observed, views), **common}
        if isinstance(observed, ObservedCa):
            for generation in observed.generations:
                view = views.of_crl(generation, current=generation is observed.current, managed=common["managed"])
                yield view.address, {**_crl(view, generation, views.now), **common}


def _resource(observed: ObservedCa | ObservedCredential | ObservedKey, views: Views) -> dict[str, Any]:
    if isinstance(observed, ObservedKey):
        return {"status": "present", **_keys([views.of_key(observed)]), "faults": _faults(observed)}
    if isinstance(observed, ObservedCredential):
        generations = list(views.of_credential(observed))
    else:
        last = observed.current
        generations = [views.of_ca(each, current=each is last) for each in observed.generations]
    current = [each for generation in generations if generation.current for each in generation.certificates]
    latest = current if isinstance(observed, ObservedCredential) else current[-1:]
    return {
        "status": _worst(latest),
        **_keys([key for certificate in latest for key in certificate.keys]),
        "not_after": min((instant(each.not_after) for each in latest if each.not_after), default=None),
        "generation": observed.record.generation,
        "certificates": [certificate_facts(each, found) for found in generations for each in found.certificates],
        "faults": _faults(observed),
    }


def _crl(view: CrlView, generation: Generation, now: datetime) -> dict[str, Any]:
    return {
        "status": "missing" if view.next_update is None else "expired" if view.next_update < now else "current",
        **_keys([KeyView(key.algorithm, None) for key in generation.record.keys]),
        "generation": generation.number,
        "crl": crl_facts(view) if view.next_update else None,
        "faults": _faults(view),
    }


def _absent(damage: object = None) -> dict[str, Any]:
    return {"status": "damaged" if damage else ABSENT, "managed": True}


def _worst(certificates: list[CertificateView]) -> str:
    """Return the state of certificates that have one life: the first of these that any of them is in."""
    ranks = (Validity.REVOKED, Validity.EXPIRED, Validity.NOT_YET, Validity.VALID)
    return next((rank.value for rank in ranks if any(each.status is rank for each in certificates)), "no certificate")


def _keys(keys: list[KeyView]) -> dict[str, Any]:
    return {
        "algorithms": list(dict.fromkeys(key.algorithm for key in keys if key.algorithm)),
        "keys": list(dict.fromkeys(key.place for key in keys if key.place)),
    }


def _faults(holder: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - whatever has faults
    faults = (
        [fault for each in holder.generations for fault in each.faults]
        if isinstance(holder, ObservedCa)
        else holder.faults
    )
    return [fault_facts(fault) for fault in faults]


def _cells(facts: Facts, now: datetime) -> tuple[object, ...]:
    crl = facts.get("crl")
    end = crl["next_update"] if crl else facts.get("not_after")
    moment = datetime.fromisoformat(end) if end else None
    return (
        facts["address"],
        _status(facts),
        "+".join(facts.get("algorithms", ())) or None,
        f"{date(moment)} ({ahead(moment, now)})" if moment else None,
        facts.get("generation"),
        ", ".join(key.removeprefix("file ") for key in facts.get("keys", ())) or None,
    )


def _status(facts: Facts) -> str:
    marks = []
    if facts.get("forgotten"):
        marks.append("forgotten")
    elif not facts.get("managed", True):
        marks.append("unmanaged")
    if faults := facts.get("faults"):
        marks.append(f"{count(len(faults), 'file')} altered")
    return ", ".join([facts["status"], *marks])


def _certificate_cells(facts: Facts) -> tuple[object, ...]:
    return (
        facts["generation"],
        facts["status"],
        bare(facts["serial"]),
        facts["profile"],
        "+".join(dict.fromkeys(key["algorithm"] for key in facts["keys"] if key["algorithm"])) or None,
        facts["not_before"] and day(facts["not_before"]),
        facts["not_after"] and day(facts["not_after"]),
    )
