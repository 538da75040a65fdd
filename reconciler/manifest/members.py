"""The members of a fleet, from the document itself, from CSV or from JSON lines: one shape for all three."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pki.findings import DocumentError, Location
from pki.schemas import acceptance, problems
from reconciler.manifest.declarations import Declaration
from reconciler.manifest.reading import Reading

SCHEMA = "credential-set-member"

_FIELDS = {"name": ("name",), "csr": ("csr",), "revoked.reason": ("revoked", "reason"), "revoked.at": ("revoked", "at")}
"""Columns that are not variables, and where their values go."""
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Member(NamedTuple):
    """A mapping that the schema of members accepts, and where it stands."""

    data: Mapping[str, Any]
    where: Location

    @property
    def name(self) -> str:
        name: str = self.data["name"]
        return name

    @property
    def variables(self) -> Mapping[str, Any]:
        variables: Mapping[str, Any] = self.data.get("variables", {})
        return variables


def members_of(reading: Reading, declaration: Declaration) -> list[Member]:
    """Return the sound members of a CredentialSet; the others are reported."""
    spec, place = declaration.spec, declaration.place
    if "members" in spec:
        return [Member(data, place.at("members", n).where) for n, data in enumerate(spec["members"])]
    path = reading.existing(place.at("membersFrom"), spec["membersFrom"], "file")
    if path is None:
        return []
    try:
        text = reading.read_text(path)
    except DocumentError as error:
        reading.take(error)
        return []
    read = _csv_rows if path.endswith(".csv") else _json_lines
    return list(_accepted(reading, read(reading, path, text)))


def _accepted(reading: Reading, members: Iterator[Member]) -> Iterator[Member]:
    accepts = acceptance(SCHEMA)
    for member in members:
        if accepts(member.data):
            yield member
        else:
            for problem in problems(SCHEMA, member.data):
                reading.error(member.where, problem.code, problem.message, problem.hint)


def _json_lines(reading: Reading, path: str, text: str) -> Iterator[Member]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = Location(path, number)
        try:
            yield Member(json.loads(line, object_pairs_hook=_object), where)
        except (ValueError, RecursionError) as error:
            reading.error(where, "jsonl.syntax", f"not valid JSON: {error}", "write one object on each line")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"`{twice}` is given twice")
    return found


def _csv_rows(reading: Reading, path: str, text: str) -> Iterator[Member]:
    """Yield rows as members; an empty cell is not given, and an empty line is none."""
    rows = _lines(reading, path, text)
    header, at = next(rows, ([], 1))
    if not _check_header(reading, Location(path, at), header):
        return
    variables = [(n, column) for n, column in enumerate(header) if column not in _FIELDS]
    others = [(n, _FIELDS[column]) for n, column in enumerate(header) if column in _FIELDS]
    for row, line in rows:
        where = Location(path, line)
        if len(row) != len(header):
            message = f"this row has {len(row)} cells, and the header {len(header)}"
            reading.error(where, "csv.cells", message, "put quotes around a value that holds a comma")
            continue
        data: dict[str, Any] = {"variables": {column: row[n] for n, column in variables if row[n]}}
        for n, (key, *rest) in others:
            if not rest:
                data |= {key: row[n]} if row[n] or key == "name" else {}
            elif row[n]:
                data.setdefault(key, {})[rest[0]] = row[n]
        yield Member(data, where)


def _lines(reading: Reading, path: str, text: str) -> Iterator[tuple[list[str], int]]:
    """Yield rows that are not empty, and the line on which each begins."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for row in rows:
            if row:
                yield row, begins
            begins = rows.line_num + 1
    except csv.Error as error:
        reading.error(Location(path, rows.line_num), "csv.syntax", f"not valid CSV: {error}", "mend the quotes there")


def _check_header(reading: Reading, where: Location, header: Sequence[str]) -> bool:
    before = len(reading.findings)
    if "name" not in header:
        reading.error(where, "csv.header", "the header has no column `name`", "begin the file with a line of columns")
    for n, column in enumerate(header):
        if column in header[:n]:
            reading.error(where, "csv.header", f"two columns are called `{column}`", "keep one of the two")
        elif column not in _FIELDS and not _VARIABLE.fullmatch(column):
            hint = f"columns are {', '.join(_FIELDS)}, and variables of the profile"
            reading.error(where, "csv.header", f"{column!r} cannot be the name of a variable", hint)
    return len(reading.findings) == before
