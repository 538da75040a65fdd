"""Plans as files: the published JSON (`schemas/plan.schema.json`), and what `apply` takes from it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pki.errors import NewerFormatError, PkiError
from pki.profiles.durations import parse_span
from pki.store.records import parse
from pki.store.wire import parse_time
from reconciler.plan.digest import FORMAT_MAJOR, facts_digest
from reconciler.plan.facts import plan_facts
from reconciler.plan.model import Plan, Selection

FORMAT_VERSION = f"{FORMAT_MAJOR}.0"
"""The minor version grows with every addition that older readers can pass over."""

_VERSION = re.compile(r"([0-9]{1,4})\.[0-9]{1,4}")
_AGAIN = "make it again: qpki plan --out FILE"


class PlanFileError(PkiError):
    """A file that is no plan, or not the plan that it was."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What it takes to make a plan again and to see that it is the same one."""

    digest: str
    now: datetime
    horizon: timedelta
    selection: Selection


def to_json(plan: Plan, *, tool: str, version: str) -> bytes:
    """Return the published form of a plan: sorted keys, two spaces, a final newline. It holds no secret."""
    facts = plan_facts(plan)
    document = {
        "format_version": FORMAT_VERSION,
        "tool": {"name": tool, "version": version},
        "digest": facts_digest(facts),
        **facts,
    }
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode(errors="backslashreplace")  # of a file name that is no UTF-8; JSON knows that escape


def read(data: bytes, source: object) -> SavedPlan:
    """Return what is needed of a plan that `to_json` wrote; `source` names the file in errors.

    Raises:
        PlanFileError: it is no plan, or what it shows is not what its digest binds.
        NewerFormatError: a newer qpki wrote it.
    """
    document = _document(data, source)
    try:
        digest = facts_digest(document)
        saved = SavedPlan(
            _text(document["digest"]),
            parse_time(_text(document["now"])),
            parse_span(_text(document["horizon"])),
            Selection(**{name: _globs(document["selection"][name]) for name in ("only", "exclude", "replace")}),
        )
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise PlanFileError(f"{source} is not a complete plan", hint=_AGAIN) from error
    if saved.digest != digest:
        raise PlanFileError(f"{source} was changed after it was made: it is not what its digest binds", hint=_AGAIN)
    return saved


def _document(data: bytes, source: object) -> Mapping[str, Any]:
    try:
        document = parse(data, source)
    except PkiError as error:
        raise PlanFileError(error.message, hint=_AGAIN) from error
    found = _VERSION.fullmatch(str(document.get("format_version"))) if isinstance(document, dict) else None
    if not found:
        raise PlanFileError(f"{source} is not a plan", hint=_AGAIN)
    if int(found[1]) > FORMAT_MAJOR:
        raise NewerFormatError(
            f"{source} has plan format {found[0]}, and this qpki reads {FORMAT_MAJOR}.x",
            hint="apply it with the qpki that made it, or make it again with this one",
        )
    return dict(document)


def _text(value: Any) -> str:  # noqa: ANN401  any JSON value
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _globs(value: Any) -> tuple[str, ...]:  # noqa: ANN401  the same
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(map(_text, value))
