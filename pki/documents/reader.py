"""From YAML text to plain data, strictly: what can surprise a reviewer is a finding.

Scalars mean what YAML 1.2 says (core schema, section 10.3): `no` and `2026-01-01` are text, and so is every key.
Duplicate keys, tags, aliases that make a small document large and depth without end are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from pki.documents.places import LOADER, Document
from pki.findings import Finding, Location, Severity

MAX_DEPTH = 64
MAX_NODES = 100_000
"""Nodes of one document, each alias counted as large as what it stands for."""

WAYS_OUT = {
    "document.unreadable": "give a file that you may read: UTF-8 text, and not too large",
    "yaml.duplicate-key": "keep one of the two; a list holds several values",
    "yaml.empty": "write the document, or name another file",
    "yaml.key-not-text": "put the key in quotes, or give it a name",
    "yaml.several-documents": "put each document, which `---` begins, into a file of its own",
    "yaml.syntax": "mend it there: indent with spaces, close what is open, put text with special characters in quotes",
    "yaml.tag": "leave the tag out: plain values are all there is",
    "yaml.too-deep": "bring what is nested up; no document of qpki is that deep",
    "yaml.too-large": "split it, and write out what aliases repeat",
    "yaml.unknown-alias": "define the anchor before it, or write the value out",
}
"""What to do about the findings of a code when nothing better is known."""

# Lengths are bounded: a longer number is text, and a schema that wants a number refuses it.
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}|0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,2})?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Stream:
    """What a file of documents holds: those that could be read, and what is wrong with the file.

    A document with a duplicate key is among them, so that what else is wrong with it can be told too. `rest` is the
    text that could not be read.
    """

    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]
    rest: str = ""


def read(text: str, source: str, *, limit: int, single: bool) -> Stream:
    """Return the documents of `text`, of which `single` allows one; `source` names it in findings."""
    reader = _Reader(source, text, single=single)
    try:
        if len(text) > limit:
            raise reader.stop("yaml.too-large", f"the file has more than {limit} bytes", None)
        for event in yaml.parse(text, Loader=LOADER):
            reader.take(event)
    except _Stopped:
        return reader.stream()
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        reader.report("yaml.syntax", *_syntax_problem(error, text))
        return reader.stream()
    return reader.stream(complete=True)


def fault(code: str, message: str, where: Location) -> Finding:
    """Return an error with the way out that is usual for its code."""
    return Finding(Severity.ERROR, code, message, where, WAYS_OUT.get(code))


def _syntax_problem(error: yaml.YAMLError | UnicodeEncodeError, text: str) -> tuple[str, yaml.Mark | None]:
    if isinstance(error, yaml.MarkedYAMLError):
        parts = (part for part in (error.context, error.problem) if part)
        return f"not valid YAML: {', '.join(parts)}", error.problem_mark
    return "not valid YAML: it holds a character that YAML does not allow", _first_control_character(text)


def _first_control_character(text: str) -> yaml.Mark:
    found = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    before = text[: found.start()] if found else ""
    return yaml.Mark("", len(before), before.count("\n"), len(before) - before.rfind("\n") - 1, None, 0)


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is being read; `size` counts its nodes so far."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    key: str | None = None
    size: int = 1


class _Stopped(Exception):  # noqa: N818 - a signal inside this module; the findings say what is wrong
    """There is no reading on after what was just found."""


@dataclass(slots=True)
class _Reader:
    """Builds plain data from parser events, without recursion, so that no document can exhaust the stack."""

    source: str
    text: str
    single: bool
    documents: list[Document] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _root: Any = None
    _start: Location | None = None
    _end: tuple[int, int] = (0, 0)
    """Where the last document ended: characters and lines before that."""
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                closed = self._open.pop()
                self._place(closed.value, closed.size, closed.anchor, event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent() if self.single and self.documents:
                raise self.stop("yaml.several-documents", "one document is expected here, not several", event)
            case yaml.DocumentStartEvent():
                self._root, self._start, self._anchors = None, None, {}
            case yaml.DocumentEndEvent(end_mark=end) if end is not None:
                self._finish(end.index, end.line)

    def stream(self, *, complete: bool = False) -> Stream:
        rest = "" if complete else self.text[self._end[0] :]
        return Stream(tuple(self.documents), tuple(self.findings), rest)

    def stop(self, code: str, message: str, at: yaml.Event | yaml.Mark | None) -> _Stopped:
        """Report a finding that ends the reading; the caller raises what is returned."""
        self.report(code, message, at)
        return _Stopped()

    def report(self, code: str, message: str, at: yaml.Event | yaml.Mark | None) -> None:
        self.findings.append(fault(code, message, self._where(at)))

    def _finish(self, end: int, line: int) -> None:
        (offset, before), self._end = self._end, (end, line)
        if self._root is not None or self.single:
            text = self.text[offset:end]
            self.documents.append(Document(self._root, self.source, text, self._start, before))

    def _where(self, at: yaml.Event | yaml.Mark | None) -> Location:
        mark = at.start_mark if isinstance(at, yaml.Event) else at
        return Location(self.source, mark.line + 1, mark.column + 1) if mark else Location(self.source)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        if self._at_key():
            self._take_key(event)
        else:
            self._place(_resolve(event), 1, event.anchor, event)

    def _take_key(self, event: yaml.ScalarEvent) -> None:
        here = self._open[-1]
        if event.value in here.value:
            self.report("yaml.duplicate-key", f"`{event.value}` is given twice", event)
        here.key = event.value

    def _begin(self, event: yaml.CollectionStartEvent, value: dict[str, Any] | list[Any]) -> None:
        self._refuse_tag(event)
        if self._at_key():
            raise self.stop("yaml.key-not-text", "a key must be plain text", event)
        if len(self._open) >= MAX_DEPTH:
            raise self.stop("yaml.too-deep", f"a document nests at most {MAX_DEPTH} levels", event)
        self._start = self._start or self._where(event)
        self._open.append(_Open(value, event.anchor))

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._at_key():
            raise self.stop("yaml.key-not-text", "a key must be plain text", event)
        if event.anchor not in self._anchors:
            raise self.stop("yaml.unknown-alias", f"alias *{event.anchor} stands for nothing complete", event)
        self._place(*self._anchors[event.anchor], None, event)

    def _place(self, value: Any, size: int, anchor: str | None, event: yaml.Event) -> None:  # noqa: ANN401  any YAML value
        if anchor is not None:
            self._anchors[anchor] = (value, size)
        if not self._open:
            self._root, self._start = value, self._start or self._where(event)
            return
        here = self._open[-1]
        here.size += size
        if here.size > MAX_NODES:
            raise self.stop("yaml.too-large", f"a document has at most {MAX_NODES} values, aliases expanded", event)
        if isinstance(here.value, list):
            here.value.append(value)
        elif here.key is not None:
            here.value[here.key] = value
            here.key = None

    def _at_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _refuse_tag(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise self.stop("yaml.tag", f"tags such as {tag} are not allowed", event)


def _resolve(event: yaml.ScalarEvent) -> str | int | float | bool | None:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or a block
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
