"""When a certificate is to be replaced by the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Renewal:
    """`before` the end, as a time, or as a share of the whole lifetime (`share`: 0.2 is the last fifth)."""

    before: timedelta | None = None
    share: float | None = None

    def opens(self, not_before: datetime, not_after: datetime) -> datetime:
        """Return when the renewal window opens; never before the certificate is valid."""
        ahead = self.before if self.before is not None else (not_after - not_before) * (self.share or 0.0)
        return max(not_before, not_after - ahead).replace(microsecond=0)
