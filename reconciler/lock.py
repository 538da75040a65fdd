"""One writer at a time: the lock of a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from pki.errors import LockTimeoutError
from pki.store import files

NAME = ".lock"


@contextmanager
def exclusive(state: Path, *, holder: str, timeout: timedelta = timedelta(0)) -> Iterator[bool]:
    """Hold the workspace whose state is in `state`; `holder` is who does (`alice@build-3`), for others to read.

    The value is True when the last holder was killed. The kernel frees the lock of a dead process, so that none is
    ever stale; what it left half done is settled by whoever uses it next.

    Raises:
        LockTimeoutError: somebody else holds it for longer than `timeout`; the message says who, and since when.
    """
    files.make_directory(state)
    with ExitStack() as stack:
        try:
            abandoned = stack.enter_context(files.locked(state / NAME, timeout.total_seconds(), holder))
        except LockTimeoutError as error:
            error.hint = f"{error.hint}; --lock-timeout 5m waits for it"
            raise
        if abandoned:
            files.sweep(state)
        yield abandoned
