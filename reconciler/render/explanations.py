"""Why a resource is as it is, as facts and text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pki.store.wire import serial_hex
from reconciler.model import Kind
from reconciler.plan.explain import Explanation
from reconciler.plan.facts import change_facts, due_facts, finding_facts, plain
from reconciler.plan.views import CertificateView, CrlView, GenerationView
from reconciler.render import dues
from reconciler.render.changes import block
from reconciler.render.dates import date, elapsed, left, minute
from reconciler.render.layout import fields, inline, instant
from reconciler.render.names import recorded
from reconciler.render.plans import aligned, block_lines, columns
from reconciler.render.states import certificate_facts, crl_facts, fault_facts, key_facts
from reconciler.snapshot import Fault

_MOST_DEPENDENTS = 6


def explanation_facts(explanation: Explanation) -> dict[str, Any]:
    return {
        "address": str(explanation.address),
        "now": instant(explanation.now),
        "declared": explanation.declared and str(explanation.declared),
        "managed": explanation.managed,
        "forgotten": explanation.forgotten,
        "protected": explanation.protected,
        "in_state": explanation.in_state,
        "subject": plain(explanation.subject),
        "profiles": list(explanation.profiles),
        "set": explanation.fleet,
        "csr": explanation.csr,
        "issuers": plain(explanation.issuers),
        "dependents": plain(explanation.dependents),
        "all_dependents": explanation.all_dependents,
        "certificates": [
            certificate_facts(each, generation)
            for generation in explanation.generations
            for each in generation.certificates
        ],
        "key": explanation.key and key_facts(explanation.key),
        "crls": [{"address": str(crl.address), **crl_facts(crl)} for crl in explanation.crls],
        "faults": [fault_facts(fault) for fault in explanation.faults],
        "damaged": explanation.damaged and finding_facts(explanation.damaged),
        "changes": [change_facts(change) for change in explanation.changes],
        "due": [due_facts(due) for due in explanation.due],
    }


def explanation_text(explanation: Explanation) -> str:
    """Return what it is, what it was, what a plan does to it now, and what is next."""
    parts = [
        f"{explanation.address}\n{fields(_rows(explanation))}",
        *_history(explanation),
        _now(explanation),
        _next(explanation),
    ]
    return "\n\n".join(parts)


def _rows(explanation: Explanation) -> list[tuple[str, object]]:
    return [
        ("Declared", str(explanation.declared) if explanation.declared else "nowhere"),
        ("Set", explanation.fleet),
        ("Subject", recorded(explanation.subject)),
        ("Profile", list(explanation.profiles)),
        ("Request", explanation.csr),
        ("Issuer", " <- ".join(map(str, explanation.issuers)) or _self_signed(explanation)),
        ("Needed by", _dependents(explanation)),
        ("Key", explanation.key and f"{explanation.key.algorithm}, {explanation.key.place}"),
        ("Protected", "by preventDestroy: neither forgotten nor revoked" if explanation.protected else None),
        ("State", _state(explanation)),
        ("Altered", _faults(explanation.faults) if explanation.address.kind is not Kind.CRL else None),
    ]


def _self_signed(explanation: Explanation) -> str | None:
    return "none: it is a root" if explanation.address.kind is Kind.CA else None


def _dependents(explanation: Explanation) -> str | None:
    if not explanation.dependents:
        return None
    direct = explanation.dependents
    shown = ", ".join(map(str, direct[:_MOST_DEPENDENTS]))
    more = explanation.all_dependents - min(len(direct), _MOST_DEPENDENTS)
    return f"{shown} and {more} more" if more else shown


def _state(explanation: Explanation) -> str | None:
    if explanation.damaged:
        return f"damaged: {explanation.damaged.message}"
    if explanation.forgotten:
        return "forgotten: it stays as it is, and is managed no longer"
    if not explanation.in_state:
        return "not there yet"
    return None if explanation.managed else "unmanaged: no manifest declares it, and it is left alone"


def _history(explanation: Explanation) -> Iterator[str]:
    for generation in explanation.generations:
        title = f"Generation {generation.number}{', current' if generation.current else ''}, in {generation.directory}:"
        yield f"{title}\n{_certificates(generation, explanation)}"
    for crl in explanation.crls:
        yield f"{crl.address}:\n{fields(_crl_rows(crl, explanation.now))}"


def _certificates(generation: GenerationView, explanation: Explanation) -> str:
    several = len(explanation.profiles) > 1
    rows = [_cells(each, explanation.now, several=several) for each in generation.certificates]
    keys = dict.fromkeys(key for certificate in generation.certificates for key in certificate.keys)
    places = [f"Key: {', '.join(known)}" for key in keys if (known := list(filter(None, (key.algorithm, key.place))))]
    return "\n".join(f"  {inline(line)}" for line in (*aligned(rows), *places))


def _cells(certificate: CertificateView, now: datetime, *, several: bool) -> tuple[str, ...]:
    start, end, revoked = certificate.not_before, certificate.not_after, certificate.revoked
    return (
        *([certificate.profile] if several else []),
        " -> ".join(date(moment) if moment else "?" for moment in (start, end)),
        f"revoked {date(revoked.at)}: {revoked.reason or 'unspecified'}" if revoked else _standing(certificate, now),
        f"serial {serial_hex(certificate.serial)}",
    )


def _standing(certificate: CertificateView, now: datetime) -> str:
    if certificate.not_after is None:  # a record from before there were dates
        return str(certificate.status)
    return f"{certificate.status}, {left(certificate.not_after, now)}"


def _crl_rows(crl: CrlView, now: datetime) -> list[tuple[str, object]]:
    if crl.this_update is None or crl.next_update is None:
        return [("CRL", "none that can be read"), ("Altered", _faults(crl.faults))]
    share = f"{elapsed(crl.this_update, crl.next_update, now)}% elapsed"
    return [
        ("Number", crl.number),
        ("Entries", crl.entries),
        ("Published", minute(crl.this_update)),
        ("Next update", f"{minute(crl.next_update)} ({left(crl.next_update, now)}, {share})"),
        ("Kept", f"{crl.why}{f', {date(crl.kept_until)}' if crl.kept_until else ''}"),
        ("Altered", _faults(crl.faults)),
    ]


def _faults(faults: Sequence[Fault]) -> list[str]:
    return [f"{fault.path} {fault.detail}" for fault in faults]


def _now(explanation: Explanation) -> str:
    if not explanation.changes:
        return "Now: nothing is planned."
    found = [block(change, explanation.now) for change in explanation.changes]
    widths = columns(found)
    return "\n".join(["Now:", *(f"  {line}" for each in found for line in block_lines([each], widths))])


def _next(explanation: Explanation) -> str:
    if not explanation.due:
        return "Next: nothing."
    return "\n".join(
        ["Next:", *(f"  {line}" for line in aligned([dues.cells(due, explanation.now) for due in explanation.due]))]
    )
