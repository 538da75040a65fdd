"""State as it is on disk, as a whole: no lock, no writing, no private key, no clock."""

from __future__ import annotations

from reconciler.observe.observer import observe

__all__ = ["observe"]
