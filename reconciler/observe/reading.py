"""Files of state, read by paths in the workspace and hashed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from pki.errors import StateCorruptError, StoreError
from pki.store import files
from pki.store.layout import inside
from reconciler.drivers.copies import RESTORE

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_BLOCK = 64 * 1024
_PRIVATE = "private"


class Reader:
    """Reads files of a workspace by relative paths, and takes the fingerprint of all that it read.

    The fingerprint depends on the order of reading, so whoever reads goes by sorted names.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._top = f"{root}/"
        self._seen = hashlib.sha256()
        self._links: set[str] = set()

    @property
    def fingerprint(self) -> str:
        return self._seen.hexdigest()

    def directories(self, relative: str) -> Iterator[str]:
        """Give the names of the directories in one, sorted; links to directories are among them.

        Raises:
            PathEscapeError: the directory itself leads out of the workspace.
            StoreError: it cannot be listed.
        """
        path = inside(self.root, relative)
        try:
            with os.scandir(path) as entries:
                found = [(entry.name, entry.is_symlink()) for entry in entries if entry.is_symlink() or entry.is_dir()]
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"cannot list {relative}: {error.strerror}") from error
        self._links.update(f"{relative}/{name}" for name, is_link in found if is_link)
        yield from sorted(name for name, _ in found)

    def vetted(self, relative: str) -> str:
        """Return one of the `directories` of another as a path for `beside`.

        Raises:
            PathEscapeError: it is a link that leads out of the workspace.
        """
        if relative in self._links:
            inside(self.root, relative)
        return relative

    def beside(self, directory: str, name: str) -> bytes | None:
        """Return a file that stands in a vetted directory, None when it is not there; raises as `read` does."""
        if _PLAIN.fullmatch(name):
            return self._read(f"{directory}/{name}")
        return self.read(f"{directory}/{name}")

    def read(self, relative: str) -> bytes | None:
        """Return a file, None when it is not there.

        Raises:
            PathEscapeError: the path leads out of the workspace.
            StateCorruptError: it leads to a private file.
            StoreError: it cannot be read.
        """
        self._require_public(inside(self.root, relative))
        return self._read(relative)

    def pass_over(self, relative: str) -> None:
        """Take a file into the fingerprint that others read, since it can be large; raises as `read` does."""
        path = inside(self.root, relative)
        self._require_public(path)
        if files.exists(path):
            self._note(relative, path.stat().st_size)
            for block in files.blocks(path):
                self._seen.update(block)

    def _read(self, relative: str) -> bytes | None:
        try:
            descriptor = os.open(self._top + relative, _FLAGS)
        except FileNotFoundError:
            return None
        except OSError:  # most likely a link
            data = self._read_slowly(relative)
        else:
            try:
                data = _whole(descriptor)
            except OSError as error:
                raise StoreError(f"cannot read {relative}: {error.strerror}", hint=RESTORE) from error
            finally:
                os.close(descriptor)
        self._note(relative, len(data))
        self._seen.update(data)
        return data

    def _read_slowly(self, relative: str) -> bytes:
        path = inside(self.root, relative)
        self._require_public(path)
        return files.read(path, limit=None)

    def _require_public(self, path: Path) -> None:
        real = os.path.relpath(os.path.realpath(path), os.path.realpath(self.root))
        if _PRIVATE in Path(real).parts:
            raise StateCorruptError(f"{path} is a private file, which nothing public can be", hint=RESTORE)

    def _note(self, relative: str, size: int) -> None:
        self._seen.update(f"{relative}\0{size}\0".encode(errors="surrogateescape"))


def _whole(descriptor: int) -> bytes:
    blocks = [os.read(descriptor, _BLOCK)]
    while len(blocks[-1]) == _BLOCK:
        blocks.append(os.read(descriptor, _BLOCK))
    return b"".join(blocks)
