"""What became of each change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model import Address, Event
from reconciler.plan.model import Change, Plan


class Verdict(StrEnum):
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """What it depends on failed."""
    BLOCKED = "blocked"
    """It must not be made, or what it depends on must not."""
    LEFT = "left"
    """Somebody asked to stop before its turn came."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is why it failed, `because` is what failed before it, `events` what was done."""

    change: Change
    verdict: Verdict
    error: Exception | None = None
    because: Address | None = None
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The end of an apply: its plan, and an outcome for each of its changes in their order."""

    plan: Plan
    outcomes: tuple[Outcome, ...]

    def of(self, verdict: Verdict) -> tuple[Outcome, ...]:
        return tuple(each for each in self.outcomes if each.verdict is verdict)

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each verdict that there is any of."""
        found = Counter(each.verdict for each in self.outcomes)
        return {str(verdict): found[verdict] for verdict in Verdict if found[verdict]}
