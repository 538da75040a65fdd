"""One PKCS#11 module in this process: loading it, calling it safely, and starting it afresh.

The binding initialises a module without asking for thread safety and lets other Python threads run during each call, so
two threads in one module can corrupt its memory. Hence one lock per module, held around every call. Sessions and
logins belong to the process and to one run of the module: a forked child must not use its parent's, and after a lost
device none of the old ones is used again.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

import pkcs11
from pkcs11.exceptions import PKCS11Error

from pki.errors import TokenError
from pki.signers.pkcs11.failures import ENDS_RUN, return_value, translate

if TYPE_CHECKING:
    from pkcs11._pkcs11 import lib as Binding  # noqa: N812  the binding's class is named like a function


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """CK_INFO."""

    path: Path
    description: str
    manufacturer: str
    version: str
    cryptoki: str


@dataclass(slots=True, eq=False)
class Module:
    """A loaded module.

    `run` counts its initialisations; whoever keeps a handle remembers the run it is of. `logins` holds, by slot, the
    session whose closing logs this process out; `users` counts, by slot, the open tokens. `refused` holds keyed digests
    of PINs that tokens refused.
    """

    path: Path
    env: dict[str, str] = field(repr=False)
    binding: Binding = field(repr=False)
    lock: RLock = field(default_factory=RLock)
    pid: int = field(default_factory=os.getpid)
    run: int = 1
    lost: bool = False
    users: Counter[int] = field(default_factory=Counter)
    logins: dict[int, pkcs11.Session] = field(default_factory=dict)
    refused: set[bytes] = field(default_factory=set, repr=False)
    digest_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @contextmanager
    def call(self, doing: str, run: int | None = None) -> Iterator[Binding]:
        """Hold the lock around calls of the binding; `run` is the one that the caller's handles are of.

        Raises:
            TokenError: the handles are of an earlier run, or this process is a fork of the one that loaded the module.
            KeyAccessError, UnsupportedAlgorithmError: what the binding raised, in our words.
        """
        self._refuse_fork()
        with self.lock:
            if run is not None and not self.is_current(run):
                raise TokenError(
                    f"cannot {doing}: the connection to the token was lost", hint="open the token again, or run again"
                )
            try:
                yield self.binding
            except PKCS11Error as error:
                self.lost = self.lost or isinstance(error, ENDS_RUN)
                raise translate(error, doing) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the other programs of this machine that use this module out of the same block.

        PKCS#11 cannot make a key on condition that its name is free, and SoftHSM does not always show what another
        program made in the same instant: looking afterwards is not enough. The lock is on the module's own file, which
        all of them can open; the kernel frees it when the process ends. It is taken before the module's lock.
        """
        with self.path.open("rb") as library:
            fcntl.flock(library, fcntl.LOCK_EX)
            yield

    def is_current(self, run: int) -> bool:
        return run == self.run and not self.lost

    @property
    def in_use(self) -> bool:
        return not self.lost and any(self.users.values())

    def recover(self) -> None:
        """Start the module afresh if it was lost; nothing that was open then is used again."""
        with self.lock:
            if self.lost:
                self.restart()

    def restart(self) -> None:
        """Finalise and initialise: every session, login and handle of this process on this module ends."""
        with self.call(f"start the PKCS#11 module {self.path}"):
            self._end_run()
            self.binding.initialize()
            self.lost = False

    def info(self) -> ModuleInfo:
        return ModuleInfo(
            path=self.path,
            description=self.binding.library_description,
            manufacturer=self.binding.manufacturer_id,
            version="{}.{}".format(*self.binding.library_version),
            cryptoki="{}.{}".format(*self.binding.cryptoki_version),
        )

    def close(self) -> None:
        """Log out and finalise, as far as the module still lets us; in a forked child do nothing."""
        if self.pid != os.getpid():
            return
        with self.lock:
            for session in self.logins.values():
                with suppress(PKCS11Error):
                    session.close()
            self._end_run()

    def _end_run(self) -> None:
        self.run += 1
        self.lost = True
        self.logins.clear()
        self.users.clear()
        with suppress(PKCS11Error):
            self.binding.finalize()

    def _refuse_fork(self) -> None:
        if self.pid != os.getpid():
            raise TokenError(
                "this process was forked after the PKCS#11 module was loaded, and must not use its sessions",
                hint="start worker processes with the 'spawn' method, and open the token in each",
            )


_modules: dict[Path, Module] = {}
_lock = RLock()


def load(path: Path, env: Mapping[str, str]) -> Module:
    """Return the module at `path`, loaded once per process, with `env` set before it starts.

    Raises:
        TokenError: there is no such file, it is no PKCS#11 module, it does not start, or is in use with another `env`.
    """
    real = path.resolve()
    with _lock:
        module = _modules.get(real)
        if module is None:
            module = _modules[real] = Module(path, dict(env), _open(path, env))
            if len(_modules) == 1:
                atexit.register(close_all)
            return module
        if module.env != env:
            _change_environment(module, env)
        module.recover()
        return module


def close_all() -> None:
    """Log out of every token and finalise every module; they start afresh when they are next used."""
    with _lock:
        for module in _modules.values():
            module.close()


def _open(path: Path, env: Mapping[str, str]) -> Binding:
    if not _is_file(path):
        raise TokenError(f"there is no PKCS#11 module at {path}", hint="install the vendor's client, or correct `lib`")
    for name, value in env.items():
        _set_variable(name, value)
    try:
        return pkcs11.lib(str(path))
    except PKCS11Error as error:
        raise _not_loaded(path, error) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise TokenError(f"{path} cannot be loaded: {error.strerror}") from error


def _not_loaded(path: Path, error: PKCS11Error) -> TokenError:
    reason = return_value(error)
    if "C_GetFunctionList" in reason:
        return TokenError(f"{path} is a library, but not a PKCS#11 module", hint="correct `lib` in the configuration")
    if reason.startswith("OS exception"):
        return TokenError(f"{path} cannot be loaded: {reason.rpartition(': ')[2]}", hint="is it a PKCS#11 module?")
    return TokenError(
        f"the PKCS#11 module {path} does not start ({reason})",
        hint="check its own configuration, and the variables under `env`",
    )


def _change_environment(module: Module, env: Mapping[str, str]) -> None:
    if module.in_use or not module.env.keys() <= env.keys():
        raise TokenError(
            f"{module.path} is loaded in this process already, with other variables under `env`",
            hint="give both HSM configurations the same variables, or use them in two processes",
        )
    module.close()
    for name, value in env.items():
        _set_variable(name, value)
    module.env = dict(env)


def _set_variable(name: str, value: str) -> None:
    """Set a variable for the C library alone; Python's own view, which our ports read, stays as it was."""
    os.putenv(name, value)
