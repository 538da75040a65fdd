"""Real PKCS#11 tokens for tests: SoftHSM2 in a folder, the same behind p11-kit's wire, opencryptoki's soft token."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pki.ports import SecretRef
from pki.signers.config import HsmConfig, load_config

PIN = "1234"
SO_PIN = "12345678"
PIN_ENV = "HSM_PIN"

_SOFTHSM = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
)
_P11_KIT_CLIENT = "p11-kit-client.so"
_OPENCRYPTOKI = "libopencryptoki.so"
_MODULE_FOLDERS = ("/usr/lib/x86_64-linux-gnu/pkcs11", "/usr/lib/aarch64-linux-gnu/pkcs11", "/usr/lib64/pkcs11")
_SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@dataclass(slots=True)
class FixedSecrets:
    """A `SecretSource` that knows one PIN, and what it was asked for."""

    pin: str = field(default=PIN, repr=False)
    asked: list[str] = field(default_factory=list)

    def read(self, ref: SecretRef, purpose: str) -> str:
        self.asked.append(purpose)
        return self.pin


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """A SoftHSM2 token in a folder of its own; `config_path` is the HSM configuration that finds it."""

    directory: Path
    conf: Path
    lib: Path
    label: str
    pin: str
    config_path: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to use the token: SoftHSM's configuration, and the PIN that `config_path` names."""
        return {**os.environ, "SOFTHSM2_CONF": str(self.conf), PIN_ENV: self.pin}

    def config(self) -> HsmConfig:
        return load_config(self.config_path)

    def write_config(self, name: str, **settings: object) -> Path:
        """Write another configuration for this SoftHSM, with `settings` over (or, if None, without) the usual ones."""
        return write_config(
            self.directory / name,
            {
                "lib": self.lib,
                "token": self.label,
                "pin_env": PIN_ENV,
                "env": {"SOFTHSM2_CONF": self.conf},
                **settings,
            },
        )

    def add_token(self, label: str) -> None:
        """Initialise one more token, as another program would."""
        run(
            "softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", self.pin,
            env=self.environment,
        )  # fmt: skip

    def tool(self, *arguments: str, label: str | None = None) -> str:
        """Run OpenSC's pkcs11-tool, logged in, and return what it says."""
        login = ("--token-label", label or self.label, "--login", "--pin", self.pin)
        return run("pkcs11-tool", "--module", str(self.lib), *login, *arguments, env=self.environment)


def softhsm_token(directory: Path, *, label: str = "CA-Token", pin: str = PIN) -> SoftHsm:
    """Make a SoftHSM2 token in `directory`; the test is skipped where SoftHSM2 is not installed."""
    lib = library(*_SOFTHSM)
    tokens = directory / "tokens"
    tokens.mkdir(parents=True)
    conf = directory / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    token = SoftHsm(directory, conf, lib, label, pin, directory / "hsm.yaml")
    token.add_token(label)
    token.write_config("hsm.yaml")
    return token


def write_config(path: Path, settings: Mapping[str, object]) -> Path:
    lines = ["type: pkcs11", "pkcs11:"]
    for name, value in settings.items():
        if isinstance(value, dict):
            lines += [f"  {name}:", *(f'    {key}: "{item}"' for key, item in value.items())]
        elif isinstance(value, bool | int):
            lines.append(f"  {name}: {str(value).lower()}")
        elif value is not None:
            lines.append(f'  {name}: "{value}"')
    path.write_text("\n".join(lines) + "\n")
    return path


def library(*candidates: str) -> Path:
    for candidate in candidates:
        if Path(candidate).exists():
            return Path(candidate)
    pytest.skip(f"{Path(candidates[0]).name} is not installed")


def program(name: str) -> str:
    found = shutil.which(name, path=_SBIN)
    return found or pytest.skip(f"{name} is not installed")


def run(name: str, *arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    done = subprocess.run(
        [program(name), *arguments], input=stdin, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise AssertionError(f"{name} {' '.join(arguments)}: {done.stderr or done.stdout}")
    return done.stdout


@dataclass(slots=True)
class TokenServer:
    """`p11-kit server`: a SoftHSM2 token on the other end of a wire that can be cut."""

    hsm: SoftHsm
    config_path: Path
    _socket: Path
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with suppress(FileNotFoundError):
            self._socket.unlink()
        command = [
            program("p11-kit"),
            "server",
            "--foreground",
            "--provider",
            str(self.hsm.lib),
            "-n",
            str(self._socket),
        ]
        self._process = subprocess.Popen(
            [*command, f"pkcs11:token={self.hsm.label}"],
            env=self.hsm.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it names its socket when it listens

    def cut(self) -> None:
        """Kill what serves the connections that are open: every call of its clients fails from now on."""
        assert self._process is not None
        for child in _children(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def stop(self) -> None:
        if self._process is not None:
            self.cut()
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def token_server(hsm: SoftHsm) -> Iterator[TokenServer]:
    """Serve a SoftHSM2 token over a socket; `config_path` finds it there."""
    client = library(*(f"{folder}/{_P11_KIT_CLIENT}" for folder in _MODULE_FOLDERS))
    with tempfile.TemporaryDirectory(prefix="p11") as folder:  # a socket's path is short
        socket = Path(folder) / "socket"
        settings = {"lib": client, "token": hsm.label, "pin_env": PIN_ENV}
        env = {"env": {"P11_KIT_SERVER_ADDRESS": f"unix:path={socket}"}}
        server = TokenServer(hsm, write_config(hsm.directory / "wire.yaml", {**settings, **env}), socket)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _children(pid: int) -> Sequence[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in tasks.read_text().split()]


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
        run("pkcsconf", "-u", "-c", _OCK_SLOT, "-S", _OCK_SO_PIN, "-n", self.pin)


_OCK_SLOT = "3"
_OCK_FACTORY_SO_PIN = "87654321"
_OCK_SO_PIN = "87654320"
_OCK_STATE = Path("/var/lib/opencryptoki/swtok")
_OCK_MARK = _OCK_STATE / "made-by-qpki-tests"
_OCK_PID = Path("/run/pkcsslotd.pid")
_OCK_LOCK = Path(tempfile.gettempdir()) / "qpki-opencryptoki.lock"


@contextmanager
def opencryptoki_token(directory: Path) -> Iterator[OpenCryptoki]:
    """Start opencryptoki's daemon and make its one soft token; both are gone afterwards.

    The daemon and its token belong to the machine, so tests take turns, and a machine that uses opencryptoki itself is
    left alone.
    """
    lib = library(*(f"{folder}/{_OPENCRYPTOKI}" for folder in _MODULE_FOLDERS))
    program("pkcsslotd")
    if os.geteuid() != 0:
        pytest.skip("opencryptoki's daemon is started by root")
    with _OCK_LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _stop_and_wipe_ours()
        if _daemon() or (_OCK_STATE / "NVTOK.DAT").exists():
            pytest.skip("this machine uses opencryptoki itself; its token is left alone")
        _OCK_MARK.touch()
        if not Path("/run/lock/opencryptoki").exists():
            run("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/opencryptoki.conf")
        run("pkcsslotd")
        try:
            yield _initialised(lib, directory)
        finally:
            _stop_and_wipe_ours()


def _initialised(lib: Path, directory: Path) -> OpenCryptoki:
    label, pin = "qpki-tests", "123456"
    run("pkcsconf", "-I", "-c", _OCK_SLOT, "-S", _OCK_FACTORY_SO_PIN, stdin=f"{label}\n")
    run("pkcsconf", "-P", "-c", _OCK_SLOT, "-S", _OCK_FACTORY_SO_PIN, "-n", _OCK_SO_PIN)
    config = write_config(directory / "opencryptoki.yaml", {"lib": lib, "token": label, "pin_env": PIN_ENV})
    token = OpenCryptoki(lib, label, pin, config)
    token.unlock()
    return token


def _daemon() -> int | None:
    """Return the process id of a running pkcsslotd."""
    try:
        pid = int(_OCK_PID.read_text())
        return pid if Path(f"/proc/{pid}/exe").readlink().name == "pkcsslotd" else None
    except (OSError, ValueError):
        return None


def _stop_and_wipe_ours() -> None:
    if not _OCK_MARK.exists():
        return
    if pid := _daemon():
        ended = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        select.select([ended], [], [], 30)
        os.close(ended)
    for path in (*_OCK_STATE.glob("NVTOK.DAT"), *_OCK_STATE.glob("MK_*"), *_OCK_STATE.glob("TOK_OBJ/*")):
        path.unlink()
    Path("/dev/shm/var.lib.opencryptoki.swtok").unlink(missing_ok=True)
    _OCK_MARK.unlink()
