"""Profiles by name: those that ship with qpki, and a user's own over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pki.documents import read_text
from pki.errors import ProfileError
from pki.profiles.loader import load_profile
from pki.profiles.model import Profile
from pki.schemas import closest

_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a profile is. `source` is how findings and people call it: a path, or `builtin:ec/tls-server`."""

    file: Traversable
    source: str

    def text(self) -> str:
        return read_text(self.file) if isinstance(self.file, Path) else self.file.read_text(encoding="utf-8")


class Catalog:
    """The builtin profiles, and over them those in `directories`, the last of which wins.

    A profile is named by its path: `ec/tls-server` is `ec/tls-server.yaml` in a directory.

    Raises:
        ProfileError: one of the directories is not there.
    """

    def __init__(self, directories: Sequence[Path] = ()) -> None:
        self._entries = dict(_builtins())
        for directory in directories:
            self._entries |= _own(directory)

    def names(self) -> list[str]:
        return sorted(self._entries)

    def get(self, name_or_path: str) -> Profile:
        """Return a profile by name or, when it begins with `/` or `.` or ends in `.yaml`, by path.

        Raises:
            ProfileError: there is no profile of that name.
            DocumentError: the file cannot be read, or is not a valid profile.
        """
        entry = self._entry(name_or_path)
        return _load(entry.text(), entry.source, None if _is_path(name_or_path) else name_or_path)

    def text(self, name_or_path: str) -> str:
        """Return the YAML of a profile as it stands, comments included.

        Raises:
            ProfileError: there is no profile of that name.
            DocumentError: the file cannot be read.
        """
        return self._entry(name_or_path).text()

    def is_builtin(self, name: str) -> bool:
        """Say whether `name` is a builtin that no directory overrides."""
        return name in _builtins() and self._entries[name] == _builtins()[name]

    def _entry(self, name_or_path: str) -> _Entry:
        if _is_path(name_or_path):
            return _Entry(Path(name_or_path), name_or_path)
        if name_or_path not in self._entries:
            hint = closest(name_or_path, self._entries) or "a path to a file begins with ./ or / or ends in .yaml"
            raise ProfileError(f"there is no profile {name_or_path!r}", hint=hint)
        return self._entries[name_or_path]


def _is_path(name: str) -> bool:
    return name.startswith(("/", ".")) or name.endswith(_SUFFIX)


def _own(directory: Path) -> dict[str, _Entry]:
    if not directory.is_dir():
        raise ProfileError(f"there is no profile directory {directory}")
    return {
        path.relative_to(directory).with_suffix("").as_posix(): _Entry(path, str(path))
        for path in sorted(directory.rglob(f"*{_SUFFIX}"))
    }


@cache
def _builtins() -> Mapping[str, _Entry]:
    return {name: _Entry(file, f"builtin:{name}") for name, file in _walk(files("pki") / "profiles" / "builtin", "")}


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX), entry


@lru_cache(maxsize=256)
def _load(text: str, source: str, name: str | None) -> Profile:
    return load_profile(text, source, name)
