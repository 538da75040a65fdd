"""Ctrl-C and SIGTERM while changes are made: finish the step in hand, then stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from reconciler.apply import Stop

_STDERR = 2
_ONCE = b"\nStopping when the step in hand is finished. Once more ends it at once.\n"
_TWICE = b"\nEnded at once; the next apply settles what was left open.\n"


@dataclass(slots=True)
class Interruption:
    """What asked to stop, if anything did."""

    stop: Stop
    signals: list[int] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return ExitCode.TERMINATED if signal.SIGTERM in self.signals else ExitCode.INTERRUPTED

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Take signals as requests for as long as the block lasts."""
        found = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in found.items():
                signal.signal(number, handler)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        # A handler runs between any two steps of the program: it must not use the buffered streams.
        if self.signals:
            os.write(_STDERR, _TWICE)
            os._exit(128 + number)  # as a kill would: what is durable is durable
        self.signals.append(number)
        self.stop.requested = True
        os.write(_STDERR, _ONCE)
