from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import pytest

from pki.errors import LockTimeoutError, StoreError
from pki.store import files
from tests.support.checkout import ROOT

HOLD = """
import sys
from pathlib import Path
from pki.store import files
with files.locked(Path(sys.argv[1]), timeout=0):
    print("held", flush=True)
    sys.stdin.read()
"""

FORK = """
import os, sys
from pathlib import Path
from pki.store import files
read_end, write_end = os.pipe()
with files.locked(Path(sys.argv[1]), timeout=0):
    child = os.fork()
    if child == 0:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(0)
os.close(read_end)
with files.locked(Path(sys.argv[1]), timeout=0):
    print("free")
os.close(write_end)
os.waitpid(child, 0)
"""


@pytest.fixture
def lock(tmp_path):
    return tmp_path / ".lock"


@pytest.fixture
def holder(lock):
    """Another process that holds the lock until it is killed."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_waits_too_long_is_told_who_holds_the_lock_and_since_when(lock, holder):
    with pytest.raises(LockTimeoutError) as caught, files.locked(lock, timeout=0.05):
        pass

    who = rf"process {holder.pid} since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(rf"{re.escape(str(lock))} is held by {who}; waited 0.05 s", caught.value.message)
    assert caught.value.exit_code == 5


def test_the_lock_of_a_process_that_was_killed_is_free(lock, holder):
    holder.kill()
    holder.wait()

    with files.locked(lock, timeout=0) as abandoned:
        assert abandoned
        assert lock.read_text() == f"{os.getpid()}\n"
    with files.locked(lock, timeout=0) as abandoned:
        assert not abandoned


def test_who_waits_gets_it_when_the_holder_is_done(lock):
    order = []
    entered, go = threading.Event(), threading.Event()

    def first():
        with files.locked(lock, timeout=0):
            entered.set()
            go.wait()
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait()
    threading.Timer(0.03, go.set).start()
    with files.locked(lock, timeout=10):
        order.append("second")
    thread.join()

    assert order == ["first", "second"]


@pytest.mark.usefixtures("holder")
def test_a_lock_that_nobody_signed_is_somebody_s_all_the_same(lock):
    lock.write_text("")

    with pytest.raises(LockTimeoutError, match="held by another process"), files.locked(lock, timeout=0):
        pass


def test_the_file_stays_and_names_nobody_when_the_lock_is_free(lock):
    with files.locked(lock, timeout=0):
        before = lock.stat().st_ino
    with files.locked(lock, timeout=0):
        after = lock.stat().st_ino

    assert before == after
    assert lock.read_text() == ""


def test_a_thread_that_holds_it_already_is_told_so_instead_of_waiting_for_itself(lock):
    with (
        files.locked(lock, timeout=0),
        pytest.raises(StoreError, match="locks do not nest"),
        files.locked(lock, timeout=60),
    ):
        pass


def test_an_error_inside_frees_it_and_stays_what_it_was(lock):
    with pytest.raises(FileNotFoundError), files.locked(lock, timeout=0):
        raise FileNotFoundError

    with files.locked(lock, timeout=0):
        pass


def test_a_child_that_was_forked_while_it_was_held_does_not_keep_it(lock):
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(lock)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "free\n", "")


def test_a_full_disk_does_not_take_the_lock_away(lock, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)

    with files.locked(lock, timeout=0):
        assert lock.read_text() == ""


@pytest.mark.parametrize("obstacle", ["no directory", "a link"])
def test_a_lock_file_that_cannot_be_used_is_one_clear_error(tmp_path, obstacle):
    lock = tmp_path / "absent" / ".lock" if obstacle == "no directory" else tmp_path / ".lock"
    if obstacle == "a link":
        lock.symlink_to("elsewhere")

    with pytest.raises(StoreError, match=f"cannot lock {lock}: "), files.locked(lock, timeout=0):
        pass

    assert not (tmp_path / "elsewhere").exists()
