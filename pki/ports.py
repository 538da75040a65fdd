"""The outside world as parameters: time, randomness and secrets, with the real versions.

Nothing else in `pki` reads a clock, the environment or a terminal.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pki.errors import SecretError

Clock = Callable[[], datetime]
"""The time now, aware, in UTC."""

SerialSource = Callable[[], int]
"""A new serial number: positive, at most 20 octets, at least 64 unpredictable bits (RFC 5280 section 4.1.2.2)."""


def system_clock() -> datetime:
    return datetime.now(UTC)


def random_serial() -> int:
    """Return 159 random bits, so that the DER INTEGER never needs more than 20 octets; zero is not a serial."""
    return secrets.randbits(159) or random_serial()


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a PIN or passphrase comes from: a variable, a file, or (neither) a prompt. It never holds the value."""

    env: str | None = None
    file: Path | None = None


class SecretSource(Protocol):
    """Hands out PINs and passphrases. Implementations never log, print or store them on disk."""

    def read(self, ref: SecretRef, purpose: str) -> str:
        """Return the secret that `ref` names; `purpose` ("PIN of token CA-Token") is what a prompt shows.

        Raises:
            SecretError: the variable is unset or empty, the file is readable by others, or no terminal is attached.
        """
        ...


@dataclass(slots=True)
class SystemSecrets:
    """This process's secrets: environment, files that only their owner can read, the terminal; each asked once."""

    _known: dict[tuple[SecretRef, str], str] = field(default_factory=dict, repr=False)

    def read(self, ref: SecretRef, purpose: str) -> str:
        key = (ref, purpose)
        if key not in self._known:
            self._known[key] = _read(ref, purpose)
        return self._known[key]


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIRST_LINE = "name a file of yours, of mode 0600, whose first line is the secret"


def _read(ref: SecretRef, purpose: str) -> str:
    if ref.env is not None:
        return _from_environment(ref.env, purpose)
    if ref.file is not None:
        return _from_file(ref.file, purpose)
    return _from_terminal(purpose)


def _from_environment(variable: str, purpose: str) -> str:
    if not _VARIABLE.fullmatch(variable):  # it can be the secret itself: it is not repeated
        raise SecretError(
            f"cannot read the {purpose}: what was given is not the name of an environment variable",
            hint="put it into a variable, and give the name of that",
        )
    value = os.environ.get(variable)
    if not value:
        state = "not set" if value is None else "empty"
        raise SecretError(
            f"cannot read the {purpose}: environment variable {variable} is {state}",
            hint=f"export {variable}, or name another source",
        )
    return value


def _from_file(path: Path, purpose: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SecretError(
                    f"refusing the {purpose} from {path}: other users can read it (mode {stat.S_IMODE(mode):04o})",
                    hint=f"chmod 600 {path}",
                )
            value = file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"cannot read the {purpose} from {path}: {_reason(error)}", hint=_FIRST_LINE) from error
    if not value:
        raise SecretError(f"cannot read the {purpose}: {path} is empty", hint=_FIRST_LINE)
    return value


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "error" if isinstance(error, OSError) else "it is not UTF-8 text"


def _from_terminal(purpose: str) -> str:
    if not sys.stdin.isatty():
        raise SecretError(
            f"cannot ask for the {purpose}: no terminal is attached",
            hint="name an environment variable or a file that holds it",
        )
    value = getpass.getpass(f"{purpose}: ")
    if not value:
        raise SecretError(f"no {purpose} was given", hint="run the command again, and type it at the prompt")
    return value


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world of one call, in one value."""

    secrets: SecretSource
    clock: Clock = system_clock
    serials: SerialSource = random_serial
