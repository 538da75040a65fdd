"""What the missing rows and files of issuers mean at the time of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pki.findings import Finding, Location, Severity
from pki.store.wire import serial_hex
from reconciler.plan import reasons
from reconciler.plan.context import ca_of
from reconciler.snapshot import Gap, Lack, Snapshot

_RESTORE = "restore the file from git or a backup"
_HINTS = {
    Lack.ORIGIN: "if another CA or ledger has it, it can only be revoked there; otherwise restore the file from git",
    Lack.FILE: _RESTORE,
}


def judged(snapshot: Snapshot, now: datetime) -> Snapshot:
    """Count CAs as damaged whose indexes have lost certificates that are valid still: nobody could revoke those."""
    lost = _by_file(snapshot, now, Lack.ROW)
    findings = {
        str(ca_of(gaps[0].issuer)): Finding(
            Severity.ERROR, "state.damaged", _lost(path, gaps), Location(path), _RESTORE
        )
        for path, gaps in lost.items()
    }
    if not findings:
        return snapshot
    return replace(
        snapshot,
        cas={name: ca for name, ca in snapshot.cas.items() if f"ca/{name}" not in findings},
        forgotten={address: each for address, each in snapshot.forgotten.items() if str(address) not in findings},
        damaged=dict(sorted({**findings, **snapshot.damaged}.items())),
    )


def warnings(snapshot: Snapshot, now: datetime) -> Iterator[Finding]:
    """Tell of what is missing and stops nothing, once for each CA."""
    for lack, hint in _HINTS.items():
        for gaps in _by_file(snapshot, now, lack).values():
            message = _unknown(gaps) if lack is Lack.ORIGIN else _unfiled(gaps)
            yield Finding(Severity.WARNING, f"state.missing-{lack}", message, Location(gaps[0].path), hint)


def _by_file(snapshot: Snapshot, now: datetime, lack: Lack) -> dict[str, list[Gap]]:
    """Return the gaps of one sort by CA, without those of certificates that have expired."""
    found: dict[str, list[Gap]] = {}
    for gap in snapshot.gaps:
        if gap.lack is lack and gap.not_after > now:
            found.setdefault(gap.path if lack is not Lack.FILE else gap.issuer, []).append(gap)
    return found


def _lost(path: str, gaps: list[Gap]) -> str:
    return f"{path} has lost {_which(gaps)}, which this CA issued"


def _unknown(gaps: list[Gap]) -> str:
    return f"{gaps[0].path} does not have {_which(gaps)}, and nothing shows that it was issued there"


def _unfiled(gaps: list[Gap]) -> str:
    more = f", and {len(gaps) - 1} more beside it" if len(gaps) > 1 else ""
    end = reasons.when(gaps[0].not_after)
    return f"{gaps[0].path} is missing{more}: the certificate of {gaps[0].holder}, valid until {end}"


def _which(gaps: list[Gap]) -> str:
    more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
    return f"certificate {serial_hex(gaps[0].serial)} of {gaps[0].holder}{more}"
