"""The audit log as a test reads it: its events, with the chain checked on the way."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from reconciler import audit


def audited(workspace: Path) -> list[dict[str, Any]]:
    """Return the events of a workspace's log, after checking every hash and that each names one that came before."""
    entries = list(audit.entries(workspace / "state" / "audit.jsonl"))
    known: set[str] = set()
    for entry in entries:
        assert entry["hash"] == _digest(entry)
        assert set(entry["prev"]) <= known
        assert entry["prev"] or not known
        known.add(entry["hash"])
    return entries


def _digest(entry: dict[str, Any]) -> str:
    """Return the hash as the documentation has it: over every field but itself."""
    covered = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(covered, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def names(entries: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Return (event, address) of each."""
    return [(entry["event"], entry.get("address")) for entry in entries]
