"""YAML is read strictly, and each problem is found with its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pki.documents import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    MAX_STREAM_BYTES,
    Document,
    check,
    decode,
    load_stream,
    load_yaml,
    read_bytes,
    read_document,
    read_text,
    require,
)
from pki.findings import DocumentError, Location


def load(text: str) -> Any:
    return load_yaml(text, "f.yaml").data


def refused(text: str) -> list[tuple[str, str]]:
    """Return (place, code) of everything that is wrong with a text."""
    with pytest.raises(DocumentError) as caught:
        load_yaml(text, "f.yaml")
    return [(str(finding.where), finding.code) for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("~", None),
        ("", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("012", 12),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("9" * 41, "9" * 41),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("=", "="),
        ("365d", "365d"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, expected: Any) -> None:
    value = load(f"key: {text}\n")["key"]

    assert expected == value
    assert type(expected) is type(value)


def test_block_scalars_are_text() -> None:
    assert load("a: |\n  12\nb: >\n  true\n") == {"a": "12\n", "b": "true\n"}


def test_every_key_is_text() -> None:
    assert load("1: a\ntrue: b\nno: c\n<<: d\n") == {"1": "a", "true": "b", "no": "c", "<<": "d"}


def test_an_anchored_part_is_repeated() -> None:
    assert load("a: &x {k: [1]}\nb: *x\nc: &y text\nd: *y\n") == {
        "a": {"k": [1]},
        "b": {"k": [1]},
        "c": "text",
        "d": "text",
    }


def test_a_document_may_begin_with_a_marker_and_a_byte_order_mark() -> None:
    assert load("\ufeff---\na: 1\n...\n") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [("f.yaml:3:1", "yaml.duplicate-key")]),
        ("a: {x: 1, x: 2}\nb: 1\nb: 2", [("f.yaml:1:11", "yaml.duplicate-key"), ("f.yaml:3:1", "yaml.duplicate-key")]),
        ("a: !!str 1\n", [("f.yaml:1:4", "yaml.tag")]),
        ("a: !!python/object/apply:os.system [id]\n", [("f.yaml:1:4", "yaml.tag")]),
        ("!own {a: 1}\n", [("f.yaml:1:1", "yaml.tag")]),
        ("a: [1, 2\nb: 3\n", [("f.yaml:2:2", "yaml.syntax")]),
        ("a: b: c\n", [("f.yaml:1:5", "yaml.syntax")]),
        ("\ta: 1\n", [("f.yaml:1:1", "yaml.syntax")]),
        ("a: 1\nb: \x00\n", [("f.yaml:2:4", "yaml.syntax")]),
        ("a: \ud800\n", [("f.yaml:1:4", "yaml.syntax")]),
        ("a: *nothing\n", [("f.yaml:1:4", "yaml.unknown-alias")]),
        ("a: &x [*x]\n", [("f.yaml:1:8", "yaml.unknown-alias")]),
        ("? [a]\n: 1\n", [("f.yaml:1:3", "yaml.key-not-text")]),
        ("a: &x k\n*x : 1\n", [("f.yaml:2:1", "yaml.key-not-text")]),
        ("", [("f.yaml", "yaml.empty")]),
        ("# only a comment\n", [("f.yaml", "yaml.empty")]),
        ("a: 1\n---\nb: 2\n", [("f.yaml:2:1", "yaml.several-documents")]),
        ("a: 1\na: 2\nb: [\n", [("f.yaml:2:1", "yaml.duplicate-key"), ("f.yaml:4:1", "yaml.syntax")]),
    ],
)  # fmt: skip
def test_what_is_not_strict_yaml_is_refused_with_its_place(text: str, expected: list[tuple[str, str]]) -> None:
    assert expected == refused(text)


def test_a_bomb_of_aliases_is_refused_before_it_goes_off() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert [code for _, code in refused("\n".join(lines))] == ["yaml.too-large"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_depth_without_end_is_refused(opening: str) -> None:
    assert [code for _, code in refused(opening * 100_000)] == ["yaml.too-deep"]


def test_the_greatest_depth_is_accepted() -> None:
    value = load("[" * MAX_DEPTH + "]" * MAX_DEPTH)

    for _ in range(MAX_DEPTH - 1):
        (value,) = value
    assert value == []


def test_a_text_beyond_the_limit_is_refused() -> None:
    assert refused("a" * (MAX_BYTES + 1)) == [("f.yaml", "yaml.too-large")]


def test_one_problem_is_said_in_full_and_several_are_counted() -> None:
    with pytest.raises(DocumentError, match=r"^f\.yaml:2:1: `a` is given twice$"):
        load_yaml("a: 1\na: 2\n", "f.yaml")
    with pytest.raises(DocumentError, match=r"^f\.yaml: 2 problems$"):
        load_yaml("a: 1\na: 2\na: 3\n", "f.yaml")


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ((), False, (1, 1)),
        (("a",), False, (1, 4)),
        (("b",), True, (2, 1)),
        (("b",), False, (3, 3)),
        (("b", "c", 1), False, (3, 10)),
        (("b", "c", 1), True, (3, 10)),
        (("b", "c", 7), False, (3, 6)),
        (("b", "none", "deeper"), False, (3, 3)),
        (("a", "x"), False, (1, 4)),
    ],
)
def test_a_path_leads_to_its_line_and_column(path: Any, key: Any, expected: tuple[int, int]) -> None:
    document = load_yaml("a: 1\nb:\n  c: [1, 2]\n", "f.yaml")

    assert Location("f.yaml", *expected) == document.locate(path, key=key)


def test_data_without_a_text_is_located_by_its_source() -> None:
    assert Location("state") == Document({"a": 1}, "state").locate(("a",))


def test_what_the_schema_refuses_comes_in_the_order_of_the_text() -> None:
    document = load_yaml("validty: 1y\nsubject: {cnn: x}\nalgorithm: rsa-1024\nvalidity: 1y\n", "p.yaml")

    assert [(str(found.where), found.code, found.hint) for found in check(document, "profile")] == [
        ("p.yaml:1:1", "schema.unknown-key", "did you mean `validity`?"),
        ("p.yaml:2:11", "schema.unknown-key", "did you mean `cn`?"),
        ("p.yaml:3:12", "schema.enum", "did you mean `rsa-3072`?"),
    ]


def test_a_document_that_its_schema_accepts_gives_its_data() -> None:
    document = load_yaml("cn: a\nlist: [x, y]\n", "vars.yaml")

    assert require(document, "var-file") == {"cn": "a", "list": ["x", "y"]}


def test_a_document_that_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(DocumentError, match="must be a mapping of variables"):
        require(load_yaml("- a\n", "vars.yaml"), "var-file")


def test_a_file_is_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "vars.yaml"
    path.write_text("cn: é\n", encoding="utf-8")

    assert read_document(path, "var-file").data == {"cn": "é"}
    path.write_text("cn: {}\n", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"vars\.yaml:1:5: `cn` must be text"):
        read_document(path, "var-file")


def unreadable(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        read_text(path)
    (finding,) = caught.value.findings
    assert (finding.code, finding.where) == ("document.unreadable", Location(str(path)))
    return finding.message


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "No such file" in unreadable(tmp_path / "none.yaml")


def test_a_directory_and_a_pipe_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert "not a regular file" in unreadable(tmp_path)
    assert "not a regular file" in unreadable(tmp_path / "pipe")


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "der").write_bytes(b"\x30\x82\xff")

    assert "not UTF-8" in unreadable(tmp_path / "der")


def test_a_file_beyond_the_limit_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(MAX_BYTES * 1000)

    assert f"more than {MAX_BYTES} bytes" in unreadable(tmp_path / "big")


@pytest.mark.parametrize(
    "text",
    ["a: 1\na: 2\n", "", "a: !x y\n", "a: *b\n", "a: [\n", "--- a\n--- b\n", "? [a]\n: b\n", "[" * 65 + "]" * 65],
)
def test_every_refusal_of_yaml_tells_a_way_out(text):
    with pytest.raises(DocumentError) as caught:
        load_yaml(text, "x.yaml")

    assert caught.value.hint


def test_a_refusal_by_schema_tells_where_the_schema_is(tmp_path):
    (tmp_path / "hsm.yaml").write_text("type: pkcs11\npkcs11: {lib: x.so}\n")
    with pytest.raises(DocumentError) as caught:
        read_document(tmp_path / "hsm.yaml", "hsm")

    assert caught.value.hint == "`qpki schema hsm` prints all that it may hold"


STREAM = "# first\na: 1\nb: {c: 2}\n---\n\n# second\nd:\n  - e\n...\n---\n---\n# none\n---\nf: 3\n"


def test_a_stream_has_every_document_that_is_not_empty() -> None:
    stream = load_stream(STREAM, "s.yaml")

    assert [document.data for document in stream.documents] == [{"a": 1, "b": {"c": 2}}, {"d": ["e"]}, {"f": 3}]
    assert (stream.findings, stream.rest) == ((), "")


def test_a_document_of_a_stream_knows_its_places_in_the_file() -> None:
    first, second, third = load_stream(STREAM, "s.yaml").documents

    assert [document.where for document in (first, second, third)] == [
        Location("s.yaml", 2, 1), Location("s.yaml", 7, 1), Location("s.yaml", 14, 1),
    ]  # fmt: skip
    assert first.locate(("b", "c"), key=True) == Location("s.yaml", 3, 5)
    assert second.locate(("d", 0)) == Location("s.yaml", 8, 5)
    assert third.locate(("f",)) == Location("s.yaml", 14, 4)


def test_places_count_characters_and_not_bytes() -> None:
    _, second = load_stream("a: éß🔑\n---\nü: {b: [1, x]}\n", "s.yaml").documents

    assert second.locate(("ü", "b", 1)) == Location("s.yaml", 3, 12)
    assert second.text == "---\nü: {b: [1, x]}\n"


def test_a_syntax_error_leaves_what_stands_above_it() -> None:
    stream = load_stream("a: 1\n---\nb: 2\n---\nc: [\nname: lost\n", "s.yaml")

    assert [document.data for document in stream.documents] == [{"a": 1}, {"b": 2}]
    assert [(str(finding.where), finding.code) for finding in stream.findings] == [("s.yaml:7:1", "yaml.syntax")]
    assert all(finding.hint for finding in stream.findings)
    assert stream.rest == "---\nc: [\nname: lost\n"


@pytest.mark.parametrize("text", ["a: 1\n---\nb: !x y\n", "a: 1\n---\nb: *c\n", "a: 1\n---\n" + "[" * 100])
def test_what_is_refused_ends_the_reading_too(text: str) -> None:
    stream = load_stream(text, "s.yaml")

    assert [document.data for document in stream.documents] == [{"a": 1}]
    assert len(stream.findings) == 1
    assert stream.rest.startswith("---\n")


def test_a_document_with_a_duplicate_key_is_read_on() -> None:
    stream = load_stream("a: 1\na: 2\n---\nb: 3\n", "s.yaml")

    assert [document.data for document in stream.documents] == [{"a": 2}, {"b": 3}]
    assert [(str(finding.where), finding.code) for finding in stream.findings] == [("s.yaml:2:1", "yaml.duplicate-key")]


def test_an_anchor_is_for_its_own_document() -> None:
    stream = load_stream("a: &x 1\nb: *x\n---\nc: *x\n", "s.yaml")

    assert [finding.code for finding in stream.findings] == ["yaml.unknown-alias"]


def test_each_document_of_a_stream_has_the_whole_measure_of_nodes() -> None:
    many = "[" + "x, " * (MAX_NODES - 10) + "x]\n"
    stream = load_stream(f"{many}---\n{many}---\n[{'x, ' * MAX_NODES}x]\n", "s.yaml")

    assert len(stream.documents) == 2
    assert [finding.code for finding in stream.findings] == ["yaml.too-large"]


def test_a_stream_has_a_limit() -> None:
    stream = load_stream("a" * (MAX_STREAM_BYTES + 1), "s.yaml")

    assert (stream.documents, [finding.code for finding in stream.findings]) == ((), ["yaml.too-large"])


def test_an_empty_stream_is_no_document() -> None:
    assert load_stream("# nothing\n", "s.yaml").documents == ()
    assert load_stream("", "s.yaml").findings == ()


def test_ten_thousand_documents_are_read() -> None:
    stream = load_stream("---\n".join(f"a: {n}\nb: {{c: [x, y]}}\n" for n in range(10_000)), "s.yaml")

    assert len(stream.documents) == 10_000
    assert stream.documents[-1].locate(("b", "c", 1)) == Location("s.yaml", 29_999, 12)


def test_a_file_is_called_as_its_reader_says(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        read_bytes(tmp_path / "none", source="pki/none")
    assert caught.value.findings[0].where == Location("pki/none")


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert decode(b"\xef\xbb\xbfa: 1\n", "x") == "a: 1\n"
