"""Strict YAML: plain data with places, and all problems at once."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pki.documents.places import Document
from pki.documents.reader import MAX_DEPTH, MAX_NODES, WAYS_OUT, Stream, fault, read
from pki.findings import DocumentError, Finding, Location, Severity
from pki.schemas import Problem, problems

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_STREAM_BYTES",
    "Document",
    "Stream",
    "check",
    "decode",
    "load_stream",
    "load_yaml",
    "located",
    "read_bytes",
    "read_document",
    "read_text",
    "refusal",
    "require",
]

MAX_BYTES = 1 << 20
"""Bytes of a file that holds one document."""
MAX_STREAM_BYTES = 1 << 26
"""Bytes of a file that can hold several."""


def load_yaml(text: str, source: str) -> Document:
    """Return the one document of `text`; `source` names it in findings.

    Raises:
        DocumentError: it is not one strict YAML document; with every duplicate key, or the syntax error that ended it.
    """
    stream = read(text, source, limit=MAX_BYTES, single=True)
    findings = list(stream.findings)
    if not stream.documents and not findings:
        findings.append(fault("yaml.empty", "the document is empty", Location(source)))
    if findings:
        raise refusal(source, findings)
    return stream.documents[0]


def load_stream(text: str, source: str) -> Stream:
    """Return the documents of `text`, which `---` divides; empty ones are left out.

    A syntax error ends the reading: what stands above it is there.
    """
    return read(text, source, limit=MAX_STREAM_BYTES, single=False)


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
    return decode(read_bytes(path), str(path))


def read_bytes(path: Path, *, limit: int = MAX_BYTES, source: str | None = None) -> bytes:
    """Return what is in a file; findings call it `source`, or else by its path.

    Raises:
        DocumentError: it cannot be read, is not a regular file, or has more than `limit` bytes.
    """
    name = source or str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _unreadable(name, "it is not a regular file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise _unreadable(name, error.strerror or "error") from error
    if len(data) > limit:
        raise _unreadable(name, f"it has more than {limit} bytes")
    return data


def decode(data: bytes, source: str) -> str:
    """Return UTF-8 bytes as text, without a byte order mark.

    Raises:
        DocumentError: they are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(source, "it is not UTF-8 text") from error


def _unreadable(source: str, reason: str) -> DocumentError:
    return refusal(source, [fault("document.unreadable", f"cannot read the file: {reason}", Location(source))])


def refusal(source: str, findings: Sequence[Finding], *, hint: str | None = None) -> DocumentError:
    """Return the error that reports these findings: a single one in full, several by their number.

    `hint` is for findings that bring none.
    """
    first = findings[0]
    own = first.hint if len(findings) == 1 else None
    summary = (
        f"{first.where or source}: {first.message}" if len(findings) == 1 else f"{source}: {len(findings)} problems"
    )
    return DocumentError(summary, findings, hint=own or hint or WAYS_OUT.get(first.code))


def _position(where: Location | None) -> tuple[int, int]:
    return (where.line or 0, where.column or 0) if where else (0, 0)
