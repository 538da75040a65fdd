"""What a process can end with, and what can end it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command; `docs/cli.md` explains them to callers."""

    OK = 0
    ERROR = 1
    CHANGES_PENDING = 2
    NOT_VERIFIED = 3
    BLOCKED = 4
    STALE = 5
    INTERRUPTED = 130
    TERMINATED = 143


class Terminated(BaseException):
    """SIGTERM: stop as for Ctrl-C, with files whole and locks freed. Like KeyboardInterrupt, it is no `Exception`."""
