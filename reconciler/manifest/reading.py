"""One load of a workspace: its files, and all that is wrong with them. Nothing is thrown: a load tells all at once."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pki.documents import MAX_STREAM_BYTES, Document, decode, read_bytes
from pki.errors import PathEscapeError
from pki.findings import DocumentError, Finding, Location, Severity
from pki.profiles.durations import parse_duration, parse_span
from pki.schemas import closest
from pki.store.layout import inside

Value = TypeVar("Value")

MAX_SNIPPET = 200
"""Characters of a line that are shown."""

_SECRET = re.compile(r"(?i)(pin|passphrase|password|secret|token)\w*[\"']?\s*:")


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a document; where it stands in the file is looked up when somebody asks."""

    document: Document
    path: tuple[str | int, ...] = ()

    def at(self, *steps: str | int) -> Place:
        return Place(self.document, (*self.path, *steps))

    @property
    def value(self) -> Any:  # noqa: ANN401 - any YAML value
        found = self.document.data
        for step in self.path:
            found = found[step]
        return found

    @property
    def text(self) -> str | None:
        """The value, if it is there and is text: not yet checked by a schema."""
        found = self._found
        return found if isinstance(found, str) else None

    @property
    def mapping(self) -> Mapping[str, Any] | None:
        """The same of a mapping, by texts."""
        found = self._found
        return found if isinstance(found, dict) and all(isinstance(key, str) for key in found) else None

    @property
    def _found(self) -> Any:  # noqa: ANN401 - any YAML value
        found = self.document.data
        for step in self.path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    @property
    def where(self) -> Location:
        return self.document.locate(self.path)


class Reading:
    """Reads files of the workspace for one load; `findings` is what is wrong so far."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.findings: list[Finding] = []
        self.unread: list[str] = []
        """Texts that no parser got through."""
        self._digests: dict[str, str] = {}

    def error(self, at: Place | Location, code: str, message: str, hint: str | None = None) -> None:
        self._add(Severity.ERROR, at, code, message, hint)

    def warning(self, at: Place | Location, code: str, message: str, hint: str | None = None) -> None:
        self._add(Severity.WARNING, at, code, message, hint)

    def unknown(self, at: Place | Location, code: str, what: str, name: str, known: Iterable[str]) -> None:
        """Report a name that nothing has, unless what has it may stand in a text that could not be read."""
        if not self.may_stand_unread(name):
            listed = list(known)
            others = f"there are: {', '.join(sorted(listed)[:20])}" if listed else "there is none"
            self.error(at, code, f"there is no {what} `{name}`", closest(name, listed) or others)

    def may_stand_unread(self, name: str) -> bool:
        declared = re.compile(rf"\bname:\s*[\"']?{re.escape(name)}(?![\w./-])")
        return any(declared.search(text) for text in self.unread)

    def take(self, error: DocumentError) -> None:
        """Add the findings of an error, with paths as the workspace has them."""
        for finding in error.findings:
            self.findings.append(replace(finding, where=self._relative(finding.where), hint=finding.hint or error.hint))

    def path(self, at: Place | Location, text: str) -> str | None:
        """Return a path in the workspace in its plain form, without `./`; None, and a finding, if it leads out."""
        try:
            inside(self.root, text)
        except PathEscapeError:
            hint = "give a path below qpki.yaml, without `..` and without links that lead elsewhere"
            self.error(at, "path.outside", f"{text!r} leads out of the workspace", hint)
            return None
        return PurePosixPath(text).as_posix()

    def read(self, path: str) -> bytes:
        """Return a file, which from now on is part of the digest.

        Raises:
            DocumentError: it cannot be read.
        """
        data = read_bytes(self.root / path, limit=MAX_STREAM_BYTES, source=path)
        self._digests[path] = hashlib.sha256(data).hexdigest()
        return data

    def read_text(self, path: str) -> str:
        """Return the text of a file, as `read` does; one that is not UTF-8 is `unread`."""
        data = self.read(path)
        try:
            return decode(data, path)
        except DocumentError:
            self.unread.append(data.decode(errors="replace"))
            raise

    def existing(self, at: Place | Location, text: str, what: str) -> str | None:
        """Return the plain form of a path at which something is; None, and a finding, if there is nothing."""
        path = self.path(at, text)
        if path is None or path in self._digests or (self.root / path).exists():
            return path
        beside = PurePosixPath(path).parent
        names = (str(beside / name) for name in _names(self.root / beside))
        self.error(at, "path.missing", f"there is no {what} {path}", closest(path, names))
        return None

    def named(self, at: Place | Location, text: str, what: str) -> str | None:
        """Return the plain form of a path at which a file is, and read that; None, and a finding, if there is none."""
        path = self.existing(at, text, what)
        if path is None or path in self._digests:
            return path
        try:
            self.read(path)
        except DocumentError as error:
            self.take(error)
            return None
        return path

    def sha256(self, path: str) -> str:
        """Return the digest of a file that was read, in hex."""
        return self._digests[path]

    def digest(self, more: Mapping[str, str]) -> str:
        """Return the SHA-256 in hex over every file that was read, by path, and over `more` digests by name."""
        lines = (f"{name}\0{digest}\n" for name, digest in sorted({**more, **self._digests}.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def duration(self, at: Place, text: str) -> timedelta | None:
        return self.value(at, text, parse_duration)

    def span(self, at: Place, text: str) -> timedelta | None:
        """Return a duration, or none for `0s`."""
        return self.value(at, text, parse_span)

    def time(self, at: Place | Location, text: str) -> datetime | None:
        return self.value(at, text, _time)

    def value(self, at: Place | Location, text: str, read: Callable[[str], Value]) -> Value | None:
        """Return what `read` makes of a text; None, and a finding with its words, if it refuses."""
        try:
            return read(text)
        except ValueError as error:
            self.error(at, "manifest.value", str(error))
            return None

    def sorted_findings(self) -> tuple[Finding, ...]:
        """Return what was found, each thing once, in the order of files and lines, with the lines as they stand."""
        snippets = _Snippets(self.root)
        ordered = sorted(dict.fromkeys(self.findings), key=lambda finding: _position(finding.where))
        return tuple(replace(finding, snippet=snippets.of(finding)) for finding in ordered)

    def _add(self, severity: Severity, at: Place | Location, code: str, message: str, hint: str | None) -> None:
        where = at.where if isinstance(at, Place) else at
        self.findings.append(Finding(severity, code, message, where, hint))

    def _relative(self, where: Location | None) -> Location | None:
        if where is None or not where.source.startswith(f"{self.root}/"):
            return where
        return replace(where, source=where.source[len(f"{self.root}/") :])


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: {error}") from error


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208 - names are what is asked for


def _position(where: Location | None) -> tuple[str, int, int]:
    return (where.source, where.line or 0, where.column or 0) if where else ("", 0, 0)


class _Snippets:
    """The lines that findings point to; none that could hold a secret."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lines: dict[str, list[str]] = {}

    def of(self, finding: Finding) -> str | None:
        if finding.where is None or finding.where.line is None:
            return None
        lines = self._of_file(finding.where.source)
        if finding.where.line > len(lines):
            return None
        line = lines[finding.where.line - 1].rstrip()
        return None if not line or _SECRET.search(line) else line[:MAX_SNIPPET]

    def _of_file(self, source: str) -> list[str]:
        if source not in self._lines:
            try:
                text = decode(read_bytes(self._root / source, limit=MAX_STREAM_BYTES), source)
            except DocumentError:
                text = ""
            self._lines[source] = [] if "PRIVATE KEY" in text else text.split("\n")
        return self._lines[source]
