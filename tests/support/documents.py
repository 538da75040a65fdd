"""Documents that are right, and every way to make them wrong."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from pki.documents import load_stream
from reconciler.manifest.declarations import SCHEMAS
from tests.support.checkout import ROOT

_PATHS = [*ROOT.glob("examples/*/qpki.yaml"), *ROOT.glob("examples/*/pki/*.yaml")]
_PAGE = (ROOT / "docs/manifests.md").read_text(encoding="utf-8").split("```yaml\n")[1:]
_TEXTS = [path.read_text(encoding="utf-8") for path in sorted(_PATHS)] + [part.partition("```")[0] for part in _PAGE]

RESOURCES: list[dict[str, Any]] = [document.data for text in _TEXTS for document in load_stream(text, "").documents]
"""Those of the examples and of docs/manifests.md."""

_ODD = [None, True, 0, -1, 1.5, 10**30, "", "x", "30d", "../x", "{{ x", "é" * 70, [], ["a", "a"], {}, {"pin": "1"}]


def schema_of(resource: dict[str, Any]) -> str:
    return SCHEMAS[resource["kind"]]


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, value in items for found in places(value, (*path, key)))]


@st.composite
def changed(draw: st.DrawFn, documents: list[Any]) -> tuple[Any, Any]:
    """Draw a document, and a copy of it with up to three values replaced, added or removed."""
    document = draw(st.sampled_from(documents))
    copied = document
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(copied)))
        copied = _changed(
            copied, path, draw(st.sampled_from(["replace", "add", "remove"])), draw(st.sampled_from(_ODD))
        )
    return document, copied


def _changed(data: Any, path: tuple[str | int, ...], change: str, value: Any) -> Any:
    root = [copy.deepcopy(data)]
    parent: Any = root
    for step in (0, *path[:-1]) if path else ():
        parent = parent[step]
    last = path[-1] if path else 0
    if change == "remove" and path:
        del parent[last]
    elif change == "add" and isinstance(parent[last], dict):
        parent[last]["extra"] = value
    elif change == "add" and isinstance(parent[last], list):
        parent[last].append(value)
    else:
        parent[last] = value
    return root[0]
