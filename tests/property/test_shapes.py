"""The quick answer and jsonschema's agree on documents that are right, and on all kinds of wrong ones."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.documents import load_stream
from pki.profiles.catalog import Catalog
from pki.schemas import acceptance, validator
from reconciler.manifest.declarations import SCHEMAS
from tests.support.checkout import ROOT

MANIFESTS = [*ROOT.glob("examples/*/qpki.yaml"), *ROOT.glob("examples/*/pki/*.yaml")]
DOCUMENTS = [
    (SCHEMAS[document.data["kind"]], document.data)
    for path in sorted(MANIFESTS)
    for document in load_stream(path.read_text(encoding="utf-8"), path.name).documents
] + [
    ("profile", load_stream(Catalog().text(name), name).documents[0].data) for name in ("ec/tls-server", "eidas/qc-web")
]
ODD = st.sampled_from([None, True, 0, -1, 1.5, 10**30, "", "x", "30d", "é" * 70, [], ["a", "a"], {}, {"pin": "1"}])


def _places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, value in items for found in _places(value, (*path, key)))]


def _changed(data: Any, path: tuple[str | int, ...], change: str, value: Any) -> Any:
    """Return a copy with one value replaced, one more key or item beside it, or without it."""
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


@pytest.mark.parametrize(("name", "data"), DOCUMENTS)
def test_a_document_of_ours_is_accepted_by_both(name: str, data: Any) -> None:
    assert acceptance(name)(data)
    assert validator(name).is_valid(data)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_they_agree_on_what_was_changed(data: st.DataObject) -> None:
    name, document = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(_places(document)))
        document = _changed(document, path, data.draw(st.sampled_from(["replace", "add", "remove"])), data.draw(ODD))

    assert acceptance(name)(document) is validator(name).is_valid(document)
