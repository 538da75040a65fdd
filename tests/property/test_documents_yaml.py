"""What is written as JSON is read as it is, and no text at all can break the reader."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pki.documents import Document, check, load_stream, load_yaml
from pki.findings import DocumentError

PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=20,
)
SYNTAX = st.text("abk12: \n-[]{}&*!|>'\"%@`,?#~<\t\\", max_size=60)


@given(st.dictionaries(PLAIN, VALUES, max_size=5))
def test_json_is_read_as_it_is(data: dict[str, Any]) -> None:
    assert load_yaml(json.dumps(data, ensure_ascii=False), "f").data == data


@given(SYNTAX | st.text(max_size=60))
def test_any_text_is_a_document_or_findings_with_a_place(text: str) -> None:
    try:
        document = load_yaml(text, "f")
    except DocumentError as error:
        assert all(str(finding.where).startswith("f") for finding in error.findings)  # noqa: PT017  a refusal is good too
    else:
        assert isinstance(document, Document)
        check(document, "profile")


@given(st.lists(st.dictionaries(PLAIN, VALUES, min_size=1, max_size=3), max_size=5))
def test_a_stream_of_json_is_read_as_it_is(data: list[dict[str, Any]]) -> None:
    text = "".join(f"---\n{json.dumps(each, ensure_ascii=False)}\n" for each in data)
    stream = load_stream(text, "f")

    assert [document.data for document in stream.documents] == data
    for document in stream.documents:
        assert document.locate(()) == document.where


@given(SYNTAX | st.text(max_size=60))
def test_any_stream_gives_documents_and_findings_with_places(text: str) -> None:
    stream = load_stream(text, "f")

    assert all(str(finding.where).startswith("f") for finding in stream.findings)
    assert [document.locate(()) for document in stream.documents] == [document.where for document in stream.documents]
