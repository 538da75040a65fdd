"""What holds for every value that the store can be given."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.algorithms import SchemeChoice
from pki.errors import PathEscapeError, StateCorruptError, StoreError
from pki.keyrefs import SoftwareKeyRef, TokenKeyRef
from pki.store import index, meta, records, rows
from pki.store.forms import Status
from pki.store.index import IndexEntry
from pki.store.journal import Intent, Journal
from pki.store.layout import inside
from pki.store.meta import (
    CaMeta,
    CaUrls,
    CertificateFacts,
    CredentialCertificate,
    CredentialMeta,
    CrlFacts,
    IssuerFacts,
    KeyMeta,
    KeyRecord,
)
from pki.store.wire import format_time, parse_time

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=6,
)
names = st.text(min_size=1, max_size=12)
times = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0))
serials = st.integers(min_value=0, max_value=2**159 - 1)
hexes = st.text("0123456789ABCDEF", min_size=1, max_size=64)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
subjects = st.dictionaries(names, st.text() | st.lists(st.text(), max_size=2), max_size=2)
objects = st.dictionaries(st.text(), json_values, max_size=3)
extras = st.dictionaries(st.text("xyz", min_size=3), json_values, max_size=2)  # no name of a field of ours
storages = st.builds(SoftwareKeyRef, names, st.none() | names, st.none() | names) | st.builds(
    TokenKeyRef, names, names, st.none() | names
)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def lists(strategy: st.SearchStrategy[Any], **sizes: Any) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=3, **sizes).map(tuple)


issuers = st.builds(IssuerFacts, subject=subjects, fingerprint=hexes, subject_key_id=optional(hexes), extra=extras)
keys = st.builds(
    KeyRecord,
    id=names,
    algorithm=names,
    storage=storages,
    spki_sha256=optional(digests),
    signature=st.builds(SchemeChoice, optional(names), optional(names)),
    extra=extras,
)
certificates = st.builds(
    CertificateFacts,
    serial=serials,
    fingerprint=hexes,
    not_before=times,
    not_after=times,
    subject_key_id=optional(hexes),
    extra=extras,
)
protected = {"prevent_destroy": st.booleans(), "forgotten": optional(times), "extra": extras}
managed = protected | {"generation": st.integers(1, 9), "inputs_digest": optional(digests)}
cas = st.builds(
    CaMeta,
    profile=names,
    created=times,
    keys=lists(keys, min_size=1, unique_by=lambda key: key.id),
    profile_digest=optional(digests),
    variables=objects,
    subject=subjects,
    certificate=optional(certificates),
    previous=lists(certificates),
    issuer=optional(issuers),
    urls=st.builds(CaUrls, crl=lists(names), ca_issuers=lists(names), ocsp=lists(names), extra=extras),
    crl=optional(
        st.builds(
            CrlFacts,
            number=serials,
            this_update=times,
            next_update=times,
            inputs_digest=optional(digests),
            extra=extras,
        )
    ),
    **managed,
)
issued = st.builds(
    CredentialCertificate,
    serial=serials,
    role=names,
    profile=names,
    algorithm=names,
    fingerprint=hexes,
    storage=lists(storages),
    spki_sha256=optional(digests),
    not_after=optional(times),
    path=optional(names),
    generation=st.integers(1, 9),
    issuer_key_id=optional(hexes),
    extra=extras,
)
credentials = st.builds(
    CredentialMeta,
    id=names,
    subject=subjects,
    profiles=lists(names),
    status=st.sampled_from(Status),
    created=times,
    not_before=times,
    not_after=times,
    certificates=lists(issued, min_size=1),
    previous=lists(issued),
    variables=objects,
    issuer=optional(issuers),
    revoked_at=optional(times),
    revocation_reason=optional(names),
    **managed,
)
key_metas = st.builds(
    KeyMeta, id=names, algorithm=names, created=times, storage=storages, spki_sha256=digests, **protected
)
years = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds UTC
    lambda moment: moment.replace(microsecond=0)
)
onelines = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
entries = st.builds(
    IndexEntry, st.sampled_from("VE"), years, st.none(), st.none(), serials, onelines
) | st.builds(
    IndexEntry, st.just("R"), years, years, st.none() | st.sampled_from(sorted(rows._REASONS)), serials, onelines
) | st.builds(
    IndexEntry, st.just("R"), years, years, st.sampled_from(sorted(rows._REASONS)), serials, onelines, years
)  # fmt: skip
intents = st.builds(
    Intent,
    kind=st.sampled_from(["certificate", "crl"]),
    serial=st.integers(min_value=0, max_value=5),
    tbs_sha256=digests,
    at=times,
    subject=st.text(),
    not_after=optional(times),
    profile=optional(names),
    holder=st.text(max_size=8) | st.just("credential/web"),
    extra=extras,
)


@given(cas | credentials | key_metas)
def test_a_record_is_read_back_as_it_was_written(record):
    assert records.loads(type(record), meta.dump(record), "file") == record


@given(cas | credentials | key_metas)
def test_writing_what_was_read_changes_no_byte(record):
    written = meta.dump(record)

    assert meta.dump(records.loads(type(record), written, "file")) == written


@given(cas, st.data())
def test_a_record_cut_anywhere_is_corrupt(record, data):
    written = meta.dump(record)
    length = data.draw(st.integers(0, len(written) - 2))  # without the newline alone it is still whole

    with pytest.raises(StateCorruptError, match="file is not complete JSON"):
        records.loads(CaMeta, written[:length], "file")


@given(st.sampled_from([CaMeta, CredentialMeta, KeyMeta, Intent]), json_values | objects)
def test_any_json_is_a_record_or_a_clear_error(kind, value):
    try:
        record = records.from_dict(kind, value, "file")
    except StoreError:
        return

    assert isinstance(record, kind)


@given(times)
def test_a_time_is_read_back(moment):
    assert parse_time(format_time(moment)) == moment


@given(st.lists(entries, max_size=5, unique_by=lambda entry: entry.serial))
def test_an_index_is_read_back(rows):
    text = "".join(map(index.format_entry, rows))

    assert index.parse_index(text) == rows


@given(st.lists(entries, max_size=5, unique_by=lambda entry: entry.serial))
def test_an_overview_says_what_the_rows_say(rows):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.txt"
        path.write_text("".join(map(index.format_entry, rows)), newline="")
        overview = index.overview(path)

    assert overview.revoked == tuple(row for row in rows if row.status == "R")
    assert overview.standing == {row.serial: row.not_after for row in rows if row.status != "R"}
    assert overview.last_expiry == max((row.not_after for row in rows), default=None)


@given(st.lists(entries, max_size=8, unique_by=lambda entry: entry.serial), st.data())
def test_every_serial_in_an_index_is_found_and_no_other(rows, data):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.txt"
        if rows:
            index.append(path, *rows)
        wanted = data.draw(serials | st.sampled_from([row.serial for row in rows] or [0]))

        assert index.find(path, wanted) == next((row for row in rows if row.serial == wanted), None)


@given(st.lists(entries, max_size=4), entries, st.data())
def test_a_row_cut_anywhere_is_mended_by_its_intent_and_by_nothing_else(rows, last, data):
    row = index.format_entry(last).encode()
    cut = data.draw(st.integers(1, len(row) - 1))
    whole = "".join(map(index.format_entry, rows)).encode()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.txt"
        path.write_bytes(whole + row[:cut])

        with pytest.raises(StateCorruptError, match="cut off"):
            index.mend(path, [])
        assert path.read_bytes() == whole + row[:cut]

        assert index.mend(path, [last])
        assert path.read_bytes() == whole


@given(st.lists(st.lists(intents, min_size=1, max_size=3) | st.sets(st.integers(0, 5), min_size=1), max_size=8))
def test_a_journal_knows_what_is_open(steps):
    """Whatever is intended and done, in whatever order: compared with the same in memory."""
    waiting: dict[int, list[Intent]] = {}
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "issued.jsonl")
        for step in steps:
            if isinstance(step, list):
                journal.intend(step)
                for intent in step:
                    waiting.setdefault(intent.serial, []).append(intent)
            else:
                journal.done(step)
                for serial in step:
                    waiting.pop(serial, None)

            assert journal.unfinished() == [intent for group in waiting.values() for intent in group]
        intended = [intent for step in steps if isinstance(step, list) for intent in step]
        assert journal.holders() == {intent.serial: intent.holder for intent in intended if intent.holder}


@given(st.lists(intents, min_size=1, max_size=4, unique_by=lambda intent: intent.serial), st.data())
def test_a_journal_cut_anywhere_keeps_the_whole_lines(steps, data):
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "issued.jsonl")
        journal.intend(steps)
        content = journal.path.read_bytes()
        cut = data.draw(st.integers(0, len(content)))
        journal.path.write_bytes(content[:cut])

        assert journal.unfinished() == steps[: content[:cut].count(b"\n")]


@given(st.text(string.ascii_letters + "./\\~ \0\n", max_size=20) | st.text(max_size=20))
def test_no_text_leads_out_of_the_root(text):
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        try:
            path = inside(root, text)
        except PathEscapeError:
            return

        assert root in path.parents
        assert ".." not in path.parts


@given(objects)
def test_json_is_written_with_sorted_keys_and_read_by_anybody(extra):
    extra = {f"x-{name}": value for name, value in extra.items()}
    written = records.dumps(CaUrls(extra=extra)).decode()

    assert json.loads(written) == extra | {"format": 1}
    assert written == json.dumps(json.loads(written), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
