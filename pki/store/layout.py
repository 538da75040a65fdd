"""Where things live, and the one door to paths: nothing outside the root can be named.

`inside` follows symbolic links to see where a path ends. Somebody who can swap links in the state directory while we
run can already replace what is in it; this door is for names that come from manifests, records and the command line.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from pki.errors import PathEscapeError

MAX_IDENTIFIER = 128

GITIGNORE = b"/private/\n/.lock\n"
"""What of a CA or credential never goes into git, as its own `.gitignore` says."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SERIAL = re.compile(r"[0-9A-F]+")


def identifier(text: str) -> str:
    """Return `text` if it can name a directory of ours.

    Raises:
        PathEscapeError: it is too long, starts with `.` or `-`, or holds more than letters, digits, `.`, `_` and `-`.
    """
    if len(text) > MAX_IDENTIFIER or not _IDENTIFIER.fullmatch(text):
        raise PathEscapeError(
            f"{_shown(text)} cannot be used as an id",
            hint=f"use at most {MAX_IDENTIFIER} letters, digits, dots, dashes and underscores; no dot or dash first",
        )
    return text


def inside(root: Path, relative: str | PurePosixPath) -> Path:
    """Return `root / relative`, which need not exist.

    Raises:
        PathEscapeError: the path is absolute, empty, has a `..`, or ends outside `root` by way of a symbolic link.
    """
    pure = PurePosixPath(relative)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or not str(relative).isprintable():
        raise PathEscapeError(
            f"path {_shown(str(relative))} is not allowed", hint=f"name a path below {root}, without .."
        )
    path = root / pure
    below = (path, *path.parents[: len(pure.parts) - 1])  # without `..`, only a link among these can lead out
    if any(map(os.path.islink, below)) and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise PathEscapeError(
            f"{path} leads out of {root}", hint="a symbolic link on the way points elsewhere: remove it"
        )
    return path


def _serial(text: str) -> str:
    if not _SERIAL.fullmatch(text):
        raise PathEscapeError(f"{_shown(text)} is not a serial number in upper-case hex")
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_IDENTIFIER else f"{text[:MAX_IDENTIFIER]}…")


@dataclass(frozen=True, slots=True)
class CaLayout:
    """The directory of one CA. The CA exists when `meta` does."""

    root: Path

    UNCOMMITTED: ClassVar[frozenset[str]] = frozenset(
        {".gitignore", ".lock", "ca.crt", "certs", "chain.crt", "index.txt", "index.txt.attr", "journal", "private"}
    )
    """What can be in the directory before `meta` is: a killed `ca init` leaves it, and the next one carries on."""

    @property
    def meta(self) -> Path:
        return inside(self.root, "ca.meta.json")

    @property
    def certificate(self) -> Path:
        return inside(self.root, "ca.crt")

    @property
    def chain(self) -> Path:
        return inside(self.root, "chain.crt")

    @property
    def index(self) -> Path:
        return inside(self.root, "index.txt")

    @property
    def certificates(self) -> Path:
        return inside(self.root, "certs")

    def issued(self, serial_hex: str) -> Path:
        """Return where the certificate of that serial (upper-case hex, as in the index) is filed.

        Raises:
            PathEscapeError: it is no such serial.
        """
        return inside(self.root, f"certs/{_serial(serial_hex)}.crt")

    @property
    def own_certificates(self) -> Path:
        return inside(self.root, "own")

    def own(self, serial_hex: str) -> Path:
        """Return where a certificate of the CA's own is kept once it has had several; raises as `issued` does."""
        return inside(self.root, f"own/{_serial(serial_hex)}.crt")

    @property
    def crl_der(self) -> Path:
        return inside(self.root, "crl/ca.crl")

    @property
    def crl_pem(self) -> Path:
        return inside(self.root, "crl/ca.crl.pem")

    @property
    def private(self) -> Path:
        return inside(self.root, "private")

    @property
    def journal(self) -> Path:
        return inside(self.root, "journal/issued.jsonl")

    @property
    def lock(self) -> Path:
        return inside(self.root, ".lock")


@dataclass(frozen=True, slots=True)
class CredentialLayout:
    """The directory of one credential among those in `root`; an id that could lead elsewhere is refused on use."""

    root: Path
    id: str

    @property
    def directory(self) -> Path:
        return inside(self.root, identifier(self.id))

    @property
    def meta(self) -> Path:
        return self.file("credential.meta.json")

    @property
    def certificate(self) -> Path:
        return self.file("cert.pem")

    @property
    def chain(self) -> Path:
        return self.file("chain.pem")

    @property
    def full_chain(self) -> Path:
        return self.file("fullchain.pem")

    @property
    def private(self) -> Path:
        return self.file("private")

    def file(self, relative: str) -> Path:
        """Return a file by the name that the record gives it: a credential can have several certificates."""
        return inside(self.directory, relative)


@dataclass(frozen=True, slots=True)
class KeyLayout:
    """The directory of one standalone key among those in `root`."""

    root: Path
    id: str

    @property
    def directory(self) -> Path:
        return inside(self.root, identifier(self.id))

    @property
    def meta(self) -> Path:
        return inside(self.directory, "key.meta.json")

    @property
    def private(self) -> Path:
        return inside(self.directory, "private")
