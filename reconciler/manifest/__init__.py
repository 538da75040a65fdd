"""What people wrote: the files of a workspace become a `Manifest`, or every finding in them at once."""

from __future__ import annotations

from reconciler.manifest.loading import find_root, load

__all__ = ["find_root", "load"]
