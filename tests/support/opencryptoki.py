"""opencryptoki's soft token for tests. Its daemon and its one token belong to the machine, so tests take turns."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pki.signers.config import HsmConfig, load_config
from tests.support.tokens import MODULE_FOLDERS, PIN_ENV, library, program, run, write_config

_SLOT = "3"
_FACTORY_SO_PIN = "87654321"
_SO_PIN = "87654320"
_STATE = Path("/var/lib/opencryptoki/swtok")
_MARK = _STATE / "made-by-qpki-tests"
_PID = Path("/run/pkcsslotd.pid")
_LOCK = Path(tempfile.gettempdir()) / "qpki-opencryptoki.lock"


@dataclass(frozen=True, slots=True)
class OpenCryptoki:
    """opencryptoki's soft token: RSA only on Debian 12, and it locks its PIN after three wrong ones."""

    lib: Path
    label: str
    pin: str
    config_path: Path

    def config(self) -> HsmConfig:
        return load_config(self.config_path)

    def unlock(self) -> None:
        """Set the user PIN again, as the security officer does; this also unlocks it."""
        run("pkcsconf", "-u", "-c", _SLOT, "-S", _SO_PIN, "-n", self.pin)


@contextmanager
def opencryptoki_token(directory: Path) -> Iterator[OpenCryptoki]:
    """Start the daemon and initialise the soft token; both are as before afterwards.

    A machine that uses opencryptoki itself is left alone: there the test is skipped.
    """
    lib = library(*(f"{folder}/libopencryptoki.so" for folder in MODULE_FOLDERS))
    program("pkcsslotd")
    if os.geteuid() != 0:
        pytest.skip("opencryptoki's daemon is started by root")
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _stop_and_wipe_ours()
        if _daemon():
            pytest.skip("this machine runs opencryptoki itself; its token is left alone")
        if not Path("/run/lock/opencryptoki").exists():
            run("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/opencryptoki.conf")
        run("pkcsslotd")
        try:
            if "TOKEN_INITIALIZED" in run("pkcsconf", "-t", "-c", _SLOT):
                pytest.skip("this machine uses opencryptoki itself; its token is left alone")
            _MARK.touch()
            yield _initialised(lib, directory)
        finally:
            _stop()
            _wipe_ours()


def _initialised(lib: Path, directory: Path) -> OpenCryptoki:
    label, pin = "qpki-tests", "123456"
    run("pkcsconf", "-I", "-c", _SLOT, "-S", _FACTORY_SO_PIN, stdin=f"{label}\n")
    run("pkcsconf", "-P", "-c", _SLOT, "-S", _FACTORY_SO_PIN, "-n", _SO_PIN)
    config = write_config(directory / "opencryptoki.yaml", {"lib": lib, "token": label, "pin_env": PIN_ENV})
    token = OpenCryptoki(lib, label, pin, config)
    token.unlock()
    return token


def _daemon() -> int | None:
    """Return the process id of a running pkcsslotd."""
    try:
        pid = int(_PID.read_text())
        return pid if Path(f"/proc/{pid}/exe").readlink().name == "pkcsslotd" else None
    except (OSError, ValueError):
        return None


def _stop_and_wipe_ours() -> None:
    """Clean up after a test run that was killed."""
    if _MARK.exists():
        _stop()
        _wipe_ours()


def _stop() -> None:
    if pid := _daemon():
        ended = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        select.select([ended], [], [], 30)
        os.close(ended)


def _wipe_ours() -> None:
    """Put the soft token back to how the package installs it, if it was a test that initialised it."""
    if not _MARK.exists():
        return
    for path in (*_STATE.glob("NVTOK.DAT"), *_STATE.glob("MK_*"), *_STATE.glob("TOK_OBJ/*")):
        path.unlink()
    Path("/dev/shm/var.lib.opencryptoki.swtok").unlink(missing_ok=True)
    _MARK.unlink()
