"""Real PKCS#11 tokens for tests: SoftHSM2 in a folder, the same behind a spy, and behind a wire that can be cut."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pki.ports import SecretRef
from pki.signers.config import HsmConfig, load_config
from tests.support.checkout import ROOT

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
_SPY = "pkcs11-spy.so"
MODULE_FOLDERS = ("/usr/lib/x86_64-linux-gnu/pkcs11", "/usr/lib/aarch64-linux-gnu/pkcs11", "/usr/lib64/pkcs11")
_SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

_OURS = """
import os, sys
from pathlib import Path
from pki.algorithms import ALGORITHMS, SCHEMES
from pki.errors import PkiError
from pki.signers.config import load_config
from pki.signers.pkcs11 import check, list_slots, open_token
from pki.x509.signatures import verify
from tests.support.tokens import FixedSecrets

config, secrets, arguments = load_config(Path(sys.argv[1])), FixedSecrets(), sys.argv[2:]
"""


@dataclass(slots=True)
class FixedSecrets:
    """A `SecretSource` that knows one PIN, and what it was asked for."""

    pin: str = field(default=PIN, repr=False)
    asked: list[str] = field(default_factory=list)

    def read(self, ref: SecretRef, purpose: str) -> str:  # noqa: ARG002  the port's signature
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

    def start(self, script: str, *arguments: str, config: Path | None = None) -> subprocess.Popen[str]:
        """Start a script of ours in its own process; it finds `config`, `secrets`, `arguments` and our names."""
        return subprocess.Popen(
            [sys.executable, "-c", _OURS + script, str(config or self.config_path), *arguments],
            env={**self.environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def script(self, script: str, *arguments: str, config: Path | None = None) -> str:
        """Run a script of ours in its own process, and return what it prints."""
        process = self.start(script, *arguments, config=config)
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
        return output

    def raw(self, script: str) -> str:
        """Run a script of the bare binding in its own process, as another program would use the token.

        It finds `session`, which may write and is logged in, and the names of `pkcs11`.
        """
        prelude = (
            "from pkcs11 import *\n"
            f"token = lib({str(self.lib)!r}).get_token(token_label={self.label!r})\n"
            f"session = token.open(rw=True, user_pin={self.pin!r})\n"
            "def private(label): return session.get_key(ObjectClass.PRIVATE_KEY, label=label)\n"
            "def public(label): return session.get_key(ObjectClass.PUBLIC_KEY, label=label)\n"
        )
        return run(sys.executable, "-c", prelude + script, env=self.environment)


def softhsm_token(directory: Path, *, label: str = "CA-Token", pin: str = PIN) -> SoftHsm:
    """Make a SoftHSM2 token in `directory`; the test is skipped where SoftHSM2 is not installed."""
    lib = softhsm_library()
    tokens = directory / "tokens"
    tokens.mkdir(parents=True)
    conf = directory / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    token = SoftHsm(directory, conf, lib, label, pin, directory / "hsm.yaml")
    token.add_token(label)
    token.write_config("hsm.yaml")
    return token


def softhsm_library() -> Path:
    return library(*_SOFTHSM)


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
    client = library(*(f"{folder}/{_P11_KIT_CLIENT}" for folder in MODULE_FOLDERS))
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
class Spy:
    """OpenSC's spy between us and a SoftHSM2 token: it writes down every call. Its settings are read once."""

    config_path: Path
    _log: Path

    def calls(self) -> list[str]:
        """Return the names of the functions that were called, in order."""
        return re.findall(r"^\d+: (C_\w+)$", self.log(), re.MULTILINE)

    def log(self) -> str:
        return self._log.read_text(errors="replace")


def spy(hsm: SoftHsm) -> Spy:
    lib = library(*(f"{folder}/{_SPY}" for folder in MODULE_FOLDERS))
    log = hsm.directory / "spy.log"
    env = {"SOFTHSM2_CONF": hsm.conf, "PKCS11SPY": hsm.lib, "PKCS11SPY_OUTPUT": log}
    return Spy(hsm.write_config("spy.yaml", lib=lib, env=env), log)
