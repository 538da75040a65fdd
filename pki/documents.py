"""Strict YAML: plain data with places, and all problems at once.

Scalars mean what YAML 1.2 says (core schema, section 10.3): `no` and `2026-01-01` are text, and so is every key. What
can surprise a reviewer is refused: duplicate keys, tags, aliases that make a small document large, depth without end.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pki.findings import DocumentError, Finding, Location, Severity
from pki.schemas import Problem, problems

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000
"""Nodes of one document, each alias counted as large as what it stands for."""

_WAYS_OUT = {
    "document.unreadable": f"give a file that you may read: UTF-8 text of at most {MAX_BYTES} bytes",
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

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Lengths are bounded: a longer number is text, and a schema that wants a number refuses it.
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}|0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,2})?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and where it came from.

    Parts that an alias repeats are one object: read, do not change.
    """

    data: Any
    source: str
    text: str = field(default="", repr=False)

    def locate(self, path: Sequence[str | int], *, key: bool = False) -> Location:
        """Return where the value at `path` stands, or with `key` its key; the nearest parent when it is not there."""
        if not self.text:
            return Location(self.source)
        mark = _mark(_compose(self.text), path, key=key)
        return Location(self.source, mark.line + 1, mark.column + 1)


def load_yaml(text: str, source: str) -> Document:
    """Return the one document of `text`; `source` names it in findings.

    Raises:
        DocumentError: it is not one strict YAML document; with every duplicate key, or the syntax error that ended it.
    """
    reader = _Reader(source)
    if len(text) > MAX_BYTES:
        raise reader.refusal("yaml.too-large", f"a document has at most {MAX_BYTES} bytes", None)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise reader.refusal("yaml.syntax", *_syntax_problem(error, text)) from error
    if reader.findings:
        raise refusal(source, reader.findings)
    if not reader.started:
        raise reader.refusal("yaml.empty", "the document is empty", None)
    return Document(reader.root, source, text)


def check(document: Document, schema_name: str) -> list[Finding]:
    """Return what the schema refuses, in the order of the text."""
    return located(document, problems(schema_name, document.data))


def located(document: Document, found: Iterable[Problem]) -> list[Finding]:
    """Return problems as findings with their places, in the order of the text."""
    findings = [
        Finding(
            Severity.ERROR,
            problem.code,
            problem.message,
            document.locate(problem.path, key=problem.at_key),
            problem.hint,
            problem.clause,
        )
        for problem in found
    ]
    return sorted(findings, key=lambda finding: _position(finding.where))


def require(document: Document, schema_name: str) -> dict[str, Any]:
    """Return the data of a document that the schema accepts.

    Raises:
        DocumentError: it does not; with every finding.
    """
    if findings := check(document, schema_name):
        raise refusal(document.source, findings, hint=f"`qpki schema {schema_name}` prints all that it may hold")
    return dict(document.data)


def read_document(path: Path, schema_name: str) -> Document:
    """Return the document in a file of at most 1 MiB, valid by that schema.

    Raises:
        DocumentError: the file cannot be read, or is not such a document.
    """
    document = load_yaml(read_text(path), str(path))
    require(document, schema_name)
    return document


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        DocumentError: it cannot be read, is not a regular file, has more than 1 MiB, or is not UTF-8.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _unreadable(path, "it is not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise _unreadable(path, f"it has more than {MAX_BYTES} bytes")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(path, error.strerror or "error") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "it is not UTF-8 text") from error


def _unreadable(path: Path, reason: str) -> DocumentError:
    return refusal(str(path), [_error("document.unreadable", f"cannot read the file: {reason}", Location(str(path)))])


def refusal(source: str, findings: Sequence[Finding], *, hint: str | None = None) -> DocumentError:
    """Return the error that reports these findings: a single one in full, several by their number.

    `hint` is for findings that bring none.
    """
    first = findings[0]
    own = first.hint if len(findings) == 1 else None
    summary = (
        f"{first.where or source}: {first.message}" if len(findings) == 1 else f"{source}: {len(findings)} problems"
    )
    return DocumentError(summary, findings, hint=own or hint or _WAYS_OUT.get(first.code))


def _error(code: str, message: str, where: Location, hint: str | None = None) -> Finding:
    return Finding(Severity.ERROR, code, message, where, hint)


def _position(where: Location | None) -> tuple[int, int]:
    return (where.line or 0, where.column or 0) if where else (0, 0)


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


@dataclass(slots=True)
class _Reader:
    """Builds plain data from parser events, without recursion, so that no document can exhaust the stack."""

    source: str
    root: Any = None
    started: bool = False
    findings: list[Finding] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._start(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                closed = self._open.pop()
                self._place(closed.value, closed.size, closed.anchor, event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent() if self.started:
                raise self.refusal("yaml.several-documents", "one document is expected here, not several", event)
            case yaml.DocumentStartEvent():
                self.started = True

    def refusal(self, code: str, message: str, at: yaml.Event | yaml.Mark | None) -> DocumentError:
        """Return the error that ends the reading, together with what was found before."""
        return refusal(self.source, [*self.findings, _error(code, message, self._where(at))])

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
            self.findings.append(_error("yaml.duplicate-key", f"`{event.value}` is given twice", self._where(event)))
        here.key = event.value

    def _start(self, event: yaml.CollectionStartEvent, value: dict[str, Any] | list[Any]) -> None:
        self._refuse_tag(event)
        if self._at_key():
            raise self.refusal("yaml.key-not-text", "a key must be plain text", event)
        if len(self._open) >= MAX_DEPTH:
            raise self.refusal("yaml.too-deep", f"a document nests at most {MAX_DEPTH} levels", event)
        self._open.append(_Open(value, event.anchor))

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._at_key():
            raise self.refusal("yaml.key-not-text", "a key must be plain text", event)
        if event.anchor not in self._anchors:
            raise self.refusal("yaml.unknown-alias", f"alias *{event.anchor} stands for nothing complete", event)
        self._place(*self._anchors[event.anchor], None, event)

    def _place(self, value: Any, size: int, anchor: str | None, event: yaml.Event) -> None:  # noqa: ANN401  any YAML value
        if anchor is not None:
            self._anchors[anchor] = (value, size)
        if not self._open:
            self.root = value
            return
        here = self._open[-1]
        here.size += size
        if here.size > MAX_NODES:
            raise self.refusal("yaml.too-large", f"a document has at most {MAX_NODES} values, aliases expanded", event)
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
            raise self.refusal("yaml.tag", f"tags such as {tag} are not allowed", event)


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


@lru_cache(maxsize=4)
def _compose(text: str) -> yaml.Node:
    """Return the node graph of a text that was read before, and so is known to be sound."""
    node = yaml.compose(text, Loader=_LOADER)
    return node or yaml.ScalarNode("", "")  # a document that was read has a root


def _mark(node: yaml.Node, path: Iterable[str | int], *, key: bool) -> yaml.Mark:
    mark = node.start_mark
    for step in path:
        entry = _entry(node, step)
        if entry is None:
            break
        mark = entry[0].start_mark if key else entry[1].start_mark
        node = entry[1]
    return mark


def _entry(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the key node and the value node of one step; a list item is its own key."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None
