"""State as it is on disk, read whole and once: no lock, no writing, no private key, no clock."""

from __future__ import annotations

from reconciler.observe.observer import observe

__all__ = ["observe"]
