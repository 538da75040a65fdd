"""The only code that writes: whole files or nothing, durable when it returns, in words when it fails.

A file appears under its name complete or not at all: it is staged under an unguessable name in the same directory,
fsynced, moved into place, and the directory is fsynced. A process killed half way leaves at most such a staged file,
which `list_directory` does not show and `sweep` removes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from pki.errors import AlreadyExistsError, LockTimeoutError, StoreError

PUBLIC = 0o644
READ_LIMIT = 16 * 1024 * 1024
"""Bytes; no state file but an index, a journal or a CRL comes near."""

_STAGED = re.compile(r"\.qpki-[0-9a-f]{16}\.tmp")
_POLL = 0.02
_LINES = 64 * 1024

_HINTS = {
    errno.ENOSPC: "the disk is full: free some space and run the command again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the command again",
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "check the owner and permissions of the file and its directory",
    errno.EPERM: "check the owner, permissions and attributes of the file and its directory",
    errno.ENOENT: "check the path; what it leads through must be there",
    errno.ENOTDIR: "choose another path: a part of this one is a file, not a directory",
    errno.ELOOP: "it is a symbolic link: put the real file in its place",
}

_held: set[tuple[int, int, int]] = set()
"""Locks of this process, as thread, device and inode: a second `flock` by the same thread would wait for itself."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file; `offset` is where `data` begins in it."""

    offset: int
    data: bytes


def read(path: Path, *, limit: int | None = READ_LIMIT) -> bytes:
    """Return what is in the file.

    Raises:
        StoreError: it cannot be read, or holds more than `limit` bytes (None: no limit).
    """
    with _explained("read", path), path.open("rb") as file:
        data = file.read(-1 if limit is None else limit + 1)
    if limit is not None and len(data) > limit:
        raise StoreError(f"{path} is larger than {limit} bytes", hint="this is not the file that belongs here")
    return data


def read_tail(path: Path, size: int) -> Tail:
    """Return the last `size` bytes of a file, or all of a shorter one; a file that is not there is empty."""
    with _explained("read", path):
        try:
            with path.open("rb") as file:
                offset = max(0, file.seek(0, os.SEEK_END) - size)
                file.seek(offset)
                return Tail(offset, file.read())
        except FileNotFoundError:
            return Tail(0, b"")


def blocks(path: Path, size: int = 1024 * 1024) -> Iterator[bytes]:
    """Give a file of lines in blocks of whole lines, so that a search through it needs little memory."""
    with _explained("read", path), path.open("rb") as file:
        while block := file.read(size) + file.readline():
            yield block


def read_torn_line(path: Path) -> Tail:
    """Return what follows the last newline of a file of lines: nothing, unless an append was cut short."""
    tail = read_tail(path, _LINES)
    if tail.offset and b"\n" not in tail.data:
        tail = read_tail(path, sys.maxsize)
    start = tail.data.rfind(b"\n") + 1
    return Tail(tail.offset + start, tail.data[start:])


def exists(path: Path) -> bool:
    """Say whether the name is taken, be it by a symbolic link that leads nowhere."""
    with _explained("look for", path):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def list_directory(path: Path) -> list[str]:
    """Return the names in a directory, sorted, without staged files; one that is not there is empty."""
    with _explained("list", path):
        try:
            names = os.listdir(path)  # noqa: PTH208 - names are what is asked for
        except FileNotFoundError:
            return []
    return sorted(name for name in names if not _STAGED.fullmatch(name))


def write(path: Path, data: bytes, *, mode: int = PUBLIC) -> None:
    """Put a file in place, whole, over what was there; `mode` holds from the first byte on, less the umask.

    Raises:
        StoreError: it cannot; what was there is intact.
    """
    write_many({path: data}, mode=mode)


def write_many(contents: Mapping[Path, bytes], *, mode: int = PUBLIC) -> None:
    """Put several files in place, each whole, and make them durable with one directory fsync per directory.

    Raises:
        StoreError: it cannot; every file is either as it was or as it should be.
    """
    with ExitStack() as stack:
        staged = [(stack.enter_context(_staged(path, data, mode)), path) for path, data in contents.items()]
        for temporary, path in staged:
            with _explained("write", path):
                temporary.replace(path)
    _sync_directories(contents)


def create(path: Path, data: bytes, *, mode: int = PUBLIC) -> None:
    """Put a new file in place, whole.

    Raises:
        AlreadyExistsError: the name is taken; what is there is intact.
        StoreError: it cannot be written.
    """
    with _staged(path, data, mode) as temporary, _explained("create", path):
        path.hardlink_to(temporary)
    _sync_directories([path])


def append(path: Path, data: bytes, *, mode: int = PUBLIC, durable: bool = True) -> None:
    """Add to the end of a file, which is made when it is not there. The caller holds the lock of its writers.

    What is not `durable` may be gone after a power cut, but not after the death of the process.

    Raises:
        StoreError: it cannot; the file is as long as it was.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with _explained("append to", path), _opened(path, flags, mode) as descriptor:
        size = os.fstat(descriptor).st_size
        try:
            _write(descriptor, data)
            if durable:
                os.fsync(descriptor)
        except BaseException:  # Ctrl-C too: half a line must not stay
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    if size == 0:
        _sync_directories([path])


def truncate(path: Path, size: int) -> None:
    """Cut a file to its first `size` bytes."""
    with _explained("shorten", path), _opened(path, os.O_WRONLY, PUBLIC) as descriptor:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)


def remove(path: Path) -> None:
    """Remove a file that need not be there, durably."""
    with _explained("remove", path), suppress(FileNotFoundError):
        path.unlink()
        _sync_directories([path])


def move(source: Path, target: Path) -> None:
    """Give a file or directory another name in the same file system, durably.

    Raises:
        AlreadyExistsError: the name is taken; both are as they were.
        StoreError: it cannot be moved.
    """
    if exists(target):
        raise AlreadyExistsError(f"{target} exists", hint="it was left as it is; choose another name")
    with _explained("move", source):
        source.rename(target)
    _sync_directories([source, target])


def make_directory(path: Path, *, mode: int = 0o755) -> None:
    """Make a directory that may be there already, and its parents; `mode` is for the directory itself, when it is new.

    Raises:
        StoreError: it cannot be made, or something else has the name.
    """
    with _explained("make directory", path):
        missing = list(takewhile(lambda directory: not directory.exists(), (path, *path.parents)))
        for directory in reversed(missing):
            with suppress(FileExistsError):  # another process was quicker
                directory.mkdir(mode if directory == path else 0o755)
            _sync_directories([directory])
        if not path.is_dir():
            raise StoreError(f"{path} is not a directory", hint="choose another directory, or move what is there")


def sweep(directory: Path) -> None:
    """Remove what killed processes staged in a directory: it can be a private key. The caller holds the lock."""
    with _explained("clean up", directory), suppress(FileNotFoundError):
        for name in filter(_STAGED.fullmatch, os.listdir(directory)):  # noqa: PTH208 - names are what is asked for
            (directory / name).unlink(missing_ok=True)


@contextmanager
def locked(path: Path, timeout: float, holder: str = "") -> Iterator[bool]:
    """Hold an exclusive lock between processes and threads; the kernel frees it when the process ends, however it ends.

    The value is True when the last holder never let go, but was killed: it may have left staged files to `sweep`. The
    lock file stays: to delete it would let two processes lock two files of one name. In it is the holder's pid, and
    `holder`, a word on who that is (`alice@build-3`), for those who find it locked.

    Raises:
        LockTimeoutError: somebody else holds it for longer than `timeout` seconds.
        StoreError: the lock file cannot be used, or this thread holds the lock already.
    """
    with ExitStack() as stack:
        with _explained("lock", path):
            descriptor = stack.enter_context(_opened(path, os.O_RDWR | os.O_CREAT, PUBLIC))
            key = _lock_key(descriptor)
            if key in _held:
                raise StoreError(f"{path} is locked by this very thread; locks do not nest")
            _acquire(descriptor, path, timeout)
            abandoned = bool(os.pread(descriptor, 1, 0))
        stack.callback(_release, descriptor)
        _record_holder(descriptor, f"{os.getpid()} {holder}".rstrip() + "\n")
        _held.add(key)
        stack.callback(_held.discard, key)
        yield abandoned


def _acquire(descriptor: int, path: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not _try_lock(descriptor):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise LockTimeoutError(
                f"{path} is held by {_holder(descriptor)}; waited {timeout:g} s",
                hint="wait for it to finish; if it hangs, end it, and the lock is free",
            )
        time.sleep(min(_POLL, remaining))


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _release(descriptor: int) -> None:
    """Free the lock here and now: a forked child that inherited the descriptor would keep it alive."""
    _record_holder(descriptor, "")
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock_key(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return threading.get_ident(), status.st_dev, status.st_ino


def _record_holder(descriptor: int, text: str) -> None:
    """Say who holds the lock, for the message of the others; since when is the file's own time."""
    with suppress(OSError):  # a full disk takes the name of the holder away, not the lock
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _holder(descriptor: int) -> str:
    process, _, holder = os.pread(descriptor, 256, 0).decode("utf-8", "replace").strip().partition(" ")
    if not process.isdigit():
        return "another process"
    since = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    who = f"process {process} of {holder}" if holder else f"process {process}"
    return f"{who} since {since:%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def _staged(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """Give the path of a file beside `path` that holds `data` durably; what is left of it at the end is removed."""
    temporary = path.with_name(f".qpki-{secrets.token_hex(8)}.tmp")
    try:
        with _explained("write", path), _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode) as descriptor:
            _write(descriptor, data)
            os.fsync(descriptor)
        yield temporary
    finally:
        # Gone already when it was moved into place. What cannot be removed is an error: it can be a private key, and
        # the step that is done again sweeps it away.
        with _explained("clean up beside", path), suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def _opened(path: Path, flags: int, mode: int) -> Iterator[int]:
    """Open for writing, never through a symbolic link: it could lead anywhere."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_directories(paths: Iterable[Path]) -> None:
    """Make the names of these files durable, not only their bytes."""
    for directory in {path.parent for path in paths}:
        with _explained("write to", directory):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


@contextmanager
def _explained(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise AlreadyExistsError(f"{path} exists", hint="it was left as it is; choose another name") from error
    except OSError as error:
        reason = error.strerror or "input/output error"
        raise StoreError(f"cannot {verb} {path}: {reason}", hint=_HINTS.get(error.errno or 0)) from error
