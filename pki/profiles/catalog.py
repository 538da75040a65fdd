"""Profiles by name: those that ship with qpki, and a user's own over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

from pki.documents import Document, decode, read_bytes
from pki.errors import ProfileError
from pki.profiles.loader import load_profile, read_profile
from pki.profiles.model import Profile
from pki.schemas import closest

_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a profile is. `source` is how findings and people call it: a path, or `builtin:ec/tls-server`."""

    file: Traversable
    source: str

    def text(self) -> str:
        if not isinstance(self.file, Path):
            return self.file.read_text(encoding="utf-8")
        return decode(read_bytes(self.file, source=self.source), self.source)

    def profile(self, name: str | None) -> Profile:
        return _load(self.text(), self.source, name)


@dataclass(frozen=True, slots=True)
class _Resource:
    """A profile that stands in a manifest, valid by the schema of its kind."""

    document: Document

    def text(self) -> str:
        return self.document.text

    def profile(self, name: str | None) -> Profile:
        return read_profile(self.document, name, ("spec",))


class Catalog:
    """The builtin profiles, and over them those in `directories`, the last of which wins, and those in `resources`.

    A profile is named by its path: `ec/tls-server` is `ec/tls-server.yaml` in a directory. `resources` are documents of
    kind Profile by name. Sources are relative to `root`, which holds the directories, if it is given. Each profile is
    read once: whoever has a catalog is given the same one every time.

    Raises:
        ProfileError: one of the directories is not there.
    """

    def __init__(
        self,
        directories: Sequence[Path] = (),
        resources: Mapping[str, Document] = MappingProxyType({}),
        *,
        root: Path | None = None,
    ) -> None:
        self._entries: dict[str, _Entry | _Resource] = dict(_builtins())
        for directory in directories:
            self._entries |= _own(directory, root)
        self._entries |= {name: _Resource(document) for name, document in resources.items()}
        self._known: dict[str, Profile] = {}

    def names(self) -> list[str]:
        return sorted(self._entries)

    def overridden(self) -> list[str]:
        """Return the names of builtins that a directory or a resource overrides."""
        return [name for name in self.names() if name in _builtins() and not self.is_builtin(name)]

    def get(self, name_or_path: str) -> Profile:
        """Return a profile by name or, when it begins with `/` or `.` or ends in `.yaml`, by path.

        Raises:
            ProfileError: there is no profile of that name.
            DocumentError: the file cannot be read, or is not a valid profile.
        """
        if name_or_path not in self._known:
            name = None if _is_path(name_or_path) else name_or_path
            self._known[name_or_path] = self._entry(name_or_path).profile(name)
        return self._known[name_or_path]

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

    def _entry(self, name_or_path: str) -> _Entry | _Resource:
        if _is_path(name_or_path):
            return _Entry(Path(name_or_path), name_or_path)
        if name_or_path not in self._entries:
            hint = closest(name_or_path, self._entries) or "a path to a file begins with ./ or / or ends in .yaml"
            raise ProfileError(f"there is no profile {name_or_path!r}", hint=hint)
        return self._entries[name_or_path]


def _is_path(name: str) -> bool:
    return name.startswith(("/", ".")) or name.endswith(_SUFFIX)


def _own(directory: Path, root: Path | None) -> dict[str, _Entry]:
    if not directory.is_dir():
        raise ProfileError(f"there is no profile directory {directory}")
    return {
        path.relative_to(directory).with_suffix("").as_posix(): _Entry(path, _source(path, root))
        for path in sorted(directory.rglob(f"*{_SUFFIX}"))
    }


def _source(path: Path, root: Path | None) -> str:
    return path.relative_to(root).as_posix() if root else str(path)


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
