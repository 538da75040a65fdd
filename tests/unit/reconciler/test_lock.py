from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path

from pki.errors import LockTimeoutError
from reconciler.errors import ExitCode
from reconciler.lock import exclusive

SELF = f"process {os.getpid()} of alice@build-3 since 20"


def test_the_second_one_is_told_who_holds_it_and_how_to_wait(tmp_path: Path) -> None:
    """Locks are per thread within a process, so a thread stands for the other process."""
    refusals: list[LockTimeoutError] = []

    def other() -> None:
        try:
            with exclusive(tmp_path, holder="bob@laptop"):
                raise AssertionError("both hold it")
        except LockTimeoutError as error:
            refusals.append(error)

    with exclusive(tmp_path, holder="alice@build-3"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    (refusal,) = refusals
    assert SELF in refusal.message
    assert "--lock-timeout" in str(refusal.hint)
    assert refusal.exit_code == ExitCode.STALE


def test_who_waits_gets_it_when_it_is_free(tmp_path: Path) -> None:
    entered: list[str] = []
    waiting = threading.Event()

    def other() -> None:
        waiting.set()
        with exclusive(tmp_path, holder="bob@laptop", timeout=timedelta(seconds=30)):
            entered.append("bob")

    thread = threading.Thread(target=other)
    with exclusive(tmp_path, holder="alice@build-3"):
        thread.start()
        assert waiting.wait(10)
        entered.append("alice")
    thread.join()
    assert entered == ["alice", "bob"]


def test_the_lock_of_a_dead_process_is_free_and_said_to_be_abandoned(tmp_path: Path) -> None:
    """The kernel has let go; the name that the dead holder left in the file tells that it never did itself."""
    (tmp_path / ".lock").write_text("999999 alice@build-3\n")
    staged = tmp_path / ".qpki-0123456789abcdef.tmp"
    staged.write_text("half of a file")
    with exclusive(tmp_path, holder="bob@laptop") as abandoned:
        assert abandoned
        assert not staged.exists()
    with exclusive(tmp_path, holder="bob@laptop") as abandoned:
        assert not abandoned


def test_a_released_lock_names_nobody(tmp_path: Path) -> None:
    with exclusive(tmp_path / "state", holder="alice@build-3"):
        assert (tmp_path / "state" / ".lock").read_text() == f"{os.getpid()} alice@build-3\n"
    assert (tmp_path / "state" / ".lock").read_bytes() == b""
