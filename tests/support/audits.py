"""The audit log as a test reads it: its events, with the chain checked on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler import audit


def audited(workspace: Path) -> list[dict[str, Any]]:
    """Return the events of a workspace's log, after checking every hash and that each names one that came before."""
    entries = list(audit.entries(workspace / "state" / "audit.jsonl"))
    known: set[str] = set()
    for entry in entries:
        assert entry["hash"] == audit.digest(entry)
        assert set(entry["prev"]) <= known
        assert entry["prev"] or not known
        known.add(entry["hash"])
    return entries


def names(entries: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Return (event, address) of each."""
    return [(entry["event"], entry.get("address")) for entry in entries]
