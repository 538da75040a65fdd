"""Ctrl-C at a bad moment.

While the token makes a key, an exception would lose the handles of what it made. And where the binding copies a
template into C memory, one between two attributes makes it free what it never allocated: the process crashes.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def held_back() -> Iterator[None]:
    """Deliver Ctrl-C and the like when the block has ended."""
    if current_thread() is not main_thread():  # signals are delivered to the main thread alone
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    found = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    for number in handlers:
        signal.signal(number, lambda *event: arrived.append(event))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number, frame in arrived:
        handlers[number](number, frame)
