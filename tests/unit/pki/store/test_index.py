from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pki.errors import StateCorruptError, StoreError
from pki.store import index
from pki.store.index import IndexEntry, format_entry, parse_index

NOT_AFTER = datetime(2027, 1, 31, 10, 30, 0, tzinfo=UTC)
REVOKED_AT = datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)
VALID = IndexEntry("V", NOT_AFTER, None, None, 0x1A2B3C4D, "/C=FR/O=Example/CN=www.example.com")
OTHER = IndexEntry("V", NOT_AFTER, None, None, 0x0FEE, "/CN=other")
REVOKED = IndexEntry("R", NOT_AFTER, REVOKED_AT, "keyCompromise", 0xABC, "/CN=gone")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "index.txt"


class TestRows:
    @pytest.mark.parametrize(
        ("entry", "row"),
        [
            (VALID, "V\t270131103000Z\t\t1A2B3C4D\tunknown\t/C=FR/O=Example/CN=www.example.com\n"),
            (REVOKED, "R\t270131103000Z\t261123090005Z,keyCompromise\t0ABC\tunknown\t/CN=gone\n"),
            (IndexEntry("E", NOT_AFTER, None, None, 255, ""), "E\t270131103000Z\t\tFF\tunknown\t\n"),
            (IndexEntry("R", NOT_AFTER, REVOKED_AT, None, 0, ""), "R\t270131103000Z\t261123090005Z\t00\tunknown\t\n"),
        ],
    )
    def test_an_entry_and_its_row(self, entry, row):
        assert format_entry(entry) == row
        assert parse_index(row) == [entry]

    @pytest.mark.parametrize(
        ("moment", "text"),
        [
            (datetime(1950, 1, 1, tzinfo=UTC), "500101000000Z"),
            (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), "491231235959Z"),
            (datetime(2050, 1, 1, tzinfo=UTC), "20500101000000Z"),
            (datetime(1949, 12, 31, tzinfo=UTC), "19491231000000Z"),
            (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "99991231235959Z"),
            (datetime(2050, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "491231230000Z"),
        ],
    )
    def test_a_time_has_four_digits_of_year_where_two_would_mean_another(self, moment, text):
        row = format_entry(IndexEntry("V", moment, None, None, 1, "/CN=x"))

        assert row.split("\t")[1] == text
        assert parse_index(row)[0].not_after == moment

    @pytest.mark.parametrize(
        ("reason", "spelling"),
        [
            ("unspecified", "unspecified"),
            ("cACompromise", "CACompromise"),
            ("certificateHold", "certificateHold"),
            ("removeFromCRL", "removeFromCRL"),
            ("privilegeWithdrawn", "unspecified,privilegeWithdrawn"),
            ("aACompromise", "unspecified,aACompromise"),
        ],
    )
    def test_a_reason_is_spelled_as_openssl_has_it_and_none_is_lost(self, reason, spelling):
        row = format_entry(IndexEntry("R", NOT_AFTER, REVOKED_AT, reason, 1, "/CN=x"))

        assert row.split("\t")[2] == f"261123090005Z,{spelling}"
        assert parse_index(row)[0].reason == reason

    @pytest.mark.parametrize(
        ("written", "reason", "invalidity_date"),
        [
            ("keyTime,20261101000000Z", "keyCompromise", datetime(2026, 11, 1, tzinfo=UTC)),
            ("CAkeyTime,20261101000000Z", "cACompromise", datetime(2026, 11, 1, tzinfo=UTC)),
            ("holdInstruction,1.2.840.10040.2.3", "certificateHold", None),
            ("superseded,20261101000000Z", "superseded", datetime(2026, 11, 1, tzinfo=UTC)),
            ("KEYCOMPROMISE", "keyCompromise", None),
        ],
    )
    def test_what_openssl_writes_beyond_a_plain_reason_is_read(self, written, reason, invalidity_date):
        (entry,) = parse_index(f"R\t270131103000Z\t261123090005Z,{written}\t01\tunknown\t/CN=x\n")

        assert (entry.revoked_at, entry.reason, entry.invalidity_date) == (REVOKED_AT, reason, invalidity_date)

    @pytest.mark.parametrize("reason", ["keyCompromise", "cACompromise", "superseded", "privilegeWithdrawn"])
    def test_an_invalidity_date_survives(self, reason):
        entry = IndexEntry("R", NOT_AFTER, REVOKED_AT, reason, 1, "/CN=x", datetime(2026, 11, 1, tzinfo=UTC))

        assert parse_index(format_entry(entry)) == [entry]

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            ("", "not a row"),
            ("<<<<<<< HEAD", "not a row"),
            ("# a comment", "not a row"),
            ("V\t270131103000Z\t\t01\tunknown", "not a row"),
            ("V\t270131103000Z\t\t01\tunknown\t/CN=x\textra", "not a row"),
            ("X\t270131103000Z\t\t01\tunknown\t/CN=x", "not a row"),
            ("V\t270131103000Z\t\t1\tunknown\t/CN=x", "not a row"),
            ("V\t270131103000Z\t\t0a\tunknown\t/CN=x", "not a row"),
            ("V\t270131103000Z\t\t0001\tunknown\t/CN=x", "not a row"),
            ("V\t270131103000Z\t\t\tunknown\t/CN=x", "not a row"),
            ("V\t270131103000Z\t\t01\t\t/CN=x", "not a row"),
            ("V\t270131103000Z\t\t01\tunknown\t/CN=x\r", "not a row"),
            ("V\t2701311030Z\t\t01\tunknown\t/CN=x", "'2701311030Z' is not a time"),
            ("V\t271331103000Z\t\t01\tunknown\t/CN=x", "'271331103000Z' is not a time"),
            ("V\t00000101000000Z\t\t01\tunknown\t/CN=x", "'00000101000000Z' is not a time"),
            ("V\t270131103000Z\t261123090005Z\t01\tunknown\t/CN=x", "status V with a revocation date"),
            ("R\t270131103000Z\t\t01\tunknown\t/CN=x", "status R without a revocation date"),
            ("V\t202701311030001Z\t\t01\tunknown\t/CN=x", "'202701311030001Z' is not a time"),
            ("R\t270131103000Z\t2611 3 90005Z\t01\tunknown\t/CN=x", "'2611 3 90005Z' is not a time"),
            ("R\t270131103000Z\tyesterday\t01\tunknown\t/CN=x", "'yesterday' is not a time"),
            ("R\t270131103000Z\t261123090005Z,boredom\t01\tunknown\t/CN=x", "unknown revocation reason 'boredom'"),
            ("R\t270131103000Z\t261123090005Z,superseded,now\t01\tunknown\t/CN=x", "'now' is not a time"),
            ("R\t270131103000Z\t261123090005Z,keyTime\t01\tunknown\t/CN=x", "'' is not a time"),
        ],
    )
    def test_a_malformed_row_is_an_error_with_its_place_and_never_skipped(self, path, row, problem):
        path.write_text(format_entry(VALID) + row + "\n" + format_entry(OTHER))

        for read in (index.read, index.read_revoked, index.overview):
            if read is index.read_revoked and row.startswith("V") and problem != "not a row":
                continue
            with pytest.raises(StateCorruptError) as caught:
                read(path)
            assert f"{path}:2: " in caught.value.message
            assert problem in caught.value.message

    @pytest.mark.parametrize(
        "entry",
        [
            IndexEntry("V", NOT_AFTER, None, None, 1, "/CN=a\tb"),
            IndexEntry("V", NOT_AFTER, None, None, 1, "/CN=a\nR"),
            IndexEntry("V", NOT_AFTER, None, None, 1, "/CN=a\0"),
            IndexEntry("V", NOT_AFTER, REVOKED_AT, None, 1, "/CN=a"),
            IndexEntry("R", NOT_AFTER, None, "keyCompromise", 1, "/CN=a"),
            IndexEntry("R", NOT_AFTER, REVOKED_AT, "boredom", 1, "/CN=a"),
            IndexEntry("R", NOT_AFTER, REVOKED_AT, None, 1, "/CN=a", REVOKED_AT),
        ],
    )
    def test_what_could_not_be_read_back_is_not_written(self, path, entry):
        with pytest.raises(StoreError):
            index.append(path, entry)

        assert not path.exists()


class TestFile:
    def test_one_that_is_not_there_is_empty(self, path):
        assert index.read(path) == []
        assert index.read_revoked(path) == []
        assert index.find(path, 1) is None
        assert not index.mend(path, [])

    def test_rows_are_read_back_in_order(self, path):
        index.append(path, VALID)
        index.append(path, REVOKED, OTHER)

        assert index.read(path) == [VALID, REVOKED, OTHER]
        assert index.read_revoked(path) == [REVOKED]
        assert path.with_name("index.txt.attr").read_text() == "unique_subject = no\n"

    def test_an_overview_has_the_revoked_rows_and_when_the_others_end(self, path):
        index.append(path, VALID, REVOKED, OTHER)
        overview = index.overview(path)

        assert overview.revoked == (REVOKED,)
        assert overview.standing == {VALID.serial: NOT_AFTER, OTHER.serial: NOT_AFTER}

    @pytest.mark.parametrize("late", [VALID, REVOKED])
    def test_an_overview_knows_when_the_last_certificate_ends(self, path, late):
        assert index.overview(path).last_expiry is None
        latest = NOT_AFTER + timedelta(days=36500)
        index.append(path, OTHER, replace(late, not_after=latest))

        assert index.overview(path).last_expiry == latest

    def test_a_serial_that_stands_twice_is_an_error_with_its_place(self, path):
        gone = IndexEntry("R", NOT_AFTER, REVOKED_AT, None, VALID.serial, VALID.subject)
        path.write_text("".join(map(format_entry, (VALID, OTHER, gone))))

        with pytest.raises(StateCorruptError, match=r"index\.txt:3: certificate 1A2B3C4D has a row already"):
            index.read(path)

    def test_attributes_that_somebody_chose_are_kept_once_there_are_rows(self, path):
        index.append(path, VALID)
        path.with_name("index.txt.attr").write_text("unique_subject = yes\n")

        index.append(path, OTHER)

        assert path.with_name("index.txt.attr").read_text() == "unique_subject = yes\n"

    def test_a_serial_is_found_by_its_column_alone(self, path):
        decoy = IndexEntry("V", NOT_AFTER, None, None, 0x77, "/CN=1A2B3C4D")
        index.append(path, decoy, VALID, REVOKED)

        assert index.find(path, VALID.serial) == VALID
        assert index.find(path, REVOKED.serial) == REVOKED
        assert index.find(path, 0x2B3C) is None

    def test_a_file_name_that_looks_like_the_serial_is_not_it(self, path):
        path.write_text("V\t270131103000Z\t\t01\t1A2B3C4D\t/CN=x\n" + format_entry(VALID))

        assert index.find(path, VALID.serial) == VALID
        assert index.find(path, 1).subject == "/CN=x"

    def test_a_serial_is_found_far_into_a_big_file(self, path):
        entries = [IndexEntry("V", NOT_AFTER, None, None, 2**100 + n, f"/CN={n}") for n in range(30_000)]
        index.append(path, *entries)

        assert path.stat().st_size > 1.5 * 1024 * 1024
        for entry in (entries[0], entries[15_000], entries[-1]):
            assert index.find(path, entry.serial) == entry

    def test_a_malformed_row_that_is_looked_for_is_an_error_with_its_place(self, path):
        path.write_text(format_entry(VALID) + "V\t991399000000Z\t\tAB\tunknown\t/CN=x\n")

        with pytest.raises(StateCorruptError, match=r"index.txt:2: '991399000000Z' is not a time"):
            index.find(path, 0xAB)

    def test_what_is_not_text_is_an_error_with_its_place(self, path):
        path.write_bytes(format_entry(VALID).encode() + b"V\t270131103000Z\t\t01\tunknown\t/CN=\xff\n")

        with pytest.raises(StateCorruptError, match=r"index.txt:2: not UTF-8"):
            index.read(path)
        with pytest.raises(StateCorruptError, match=r"index.txt:2: "):
            index.find(path, 1)


class TestRevoke:
    def test_changes_these_rows_and_no_other_byte(self, path):
        path.write_text(
            format_entry(VALID)
            + "R\t270131103000Z\t261123090005Z,holdInstruction,1.2.840.10040.2.3\t77\tca/77.pem\t/CN=kept as it is\n"
            + format_entry(OTHER)
        )
        before = path.read_text().splitlines()

        changed = index.revoke(path, [VALID.serial], at=REVOKED_AT.replace(microsecond=7), reason="superseded")

        expected = IndexEntry("R", NOT_AFTER, REVOKED_AT, "superseded", VALID.serial, VALID.subject)
        assert changed == [expected]
        assert path.read_text().splitlines() == [format_entry(expected).rstrip("\n"), *before[1:]]

    def test_no_serial_changes_nothing(self, path):
        index.append(path, VALID)
        before = path.stat()

        assert index.revoke(path, [], at=REVOKED_AT, reason=None) == []
        assert path.stat().st_ino == before.st_ino

    def test_an_expired_row_can_be_revoked_too(self, path):
        path.write_text("E\t200131103000Z\t\t01\tunknown\t/CN=x\n")

        (changed,) = index.revoke(path, [1], at=REVOKED_AT, reason=None)

        assert (changed.status, changed.reason) == ("R", None)

    @pytest.mark.parametrize(
        ("serials", "reason", "problem"),
        [
            ([VALID.serial, 0xDEAD], None, "has no certificate DEAD"),
            ([VALID.serial, REVOKED.serial], None, "0ABC is revoked already"),
            ([VALID.serial], "boredom", "unknown revocation reason"),
        ],
    )
    def test_all_or_none(self, path, serials, reason, problem):
        index.append(path, VALID, REVOKED)
        before = path.read_bytes()

        with pytest.raises(StoreError, match=problem):
            index.revoke(path, serials, at=REVOKED_AT, reason=reason)

        assert path.read_bytes() == before

    def test_a_torn_index_is_not_rewritten(self, path):
        path.write_text(format_entry(VALID) + "V\t27")

        with pytest.raises(StateCorruptError, match=r"index\.txt:2: the last row is cut off"):
            index.revoke(path, [VALID.serial], at=REVOKED_AT, reason=None)


class TestTornRow:
    """A row without its newline: an append that was cut short if the journal has its intent, damage otherwise."""

    @pytest.fixture(params=range(1, len(format_entry(OTHER))))
    def torn(self, request, path):
        row = format_entry(OTHER)[: request.param]
        path.write_text(format_entry(VALID) + row)
        return row

    def test_one_that_nobody_was_writing_is_reported_and_left_as_it_is(self, path, torn):
        stranger = IndexEntry("V", NOT_AFTER + timedelta(days=1), None, None, 5, "/CN=stranger")
        explained = stranger if len(torn) > len("V\t270131") else None

        for attempt in (
            lambda: index.read(path, begun=[explained] if explained else []),
            lambda: index.mend(path, [explained] if explained else []),
            lambda: index.append(path, stranger),
        ):
            with pytest.raises(StateCorruptError, match="the last row is cut off"):
                attempt()

        assert path.read_text() == format_entry(VALID) + torn

    @pytest.mark.usefixtures("torn")
    @pytest.mark.parametrize(
        "begun", [OTHER, IndexEntry("R", NOT_AFTER, REVOKED_AT, None, OTHER.serial, OTHER.subject)], ids=["V", "R"]
    )
    def test_one_that_an_open_intent_explains_is_as_good_as_not_there(self, path, begun):
        assert index.read(path, begun=[REVOKED, begun]) == [VALID]
        assert index.find(path, OTHER.serial) is None
        assert index.mend(path, [REVOKED, begun])
        assert not index.mend(path, [])

        index.append(path, OTHER)
        assert index.read(path) == [VALID, OTHER]

    def test_one_of_a_revoked_entry_is_explained_whatever_its_date(self, path):
        path.write_text("R\t270131103000Z\t261122000000Z,superseded\t0ABC\tunk")

        assert index.mend(path, [REVOKED])
        assert path.read_bytes() == b""

    def test_zeros_that_a_power_cut_left_are_explained_too(self, path):
        path.write_bytes(format_entry(VALID).encode() + b"V\t2701" + b"\0" * 100_000)

        assert index.mend(path, [OTHER])
        assert index.read(path) == [VALID]

    def test_one_with_more_fields_than_a_row_is_nobody_s(self, path):
        path.write_text(format_entry(VALID) + format_entry(OTHER).rstrip("\n") + "\tmore")

        with pytest.raises(StateCorruptError):
            index.mend(path, [OTHER])

    def test_open_intents_are_not_asked_for_while_the_index_is_whole(self, path):
        def begun():
            raise AssertionError("the journal was read for nothing")
            yield

        index.append(path, VALID)

        assert index.read(path, begun=begun()) == [VALID]

    def test_a_text_without_its_last_newline_is_torn_too(self):
        with pytest.raises(StateCorruptError, match=r"index\.txt:2: the last row is cut off"):
            parse_index(format_entry(VALID) + format_entry(OTHER).rstrip("\n"))

    def test_an_index_cut_in_half_is_no_smaller_index(self, path):
        index.append(path, VALID, REVOKED, OTHER)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])

        with pytest.raises(StateCorruptError) as caught:
            index.read(path)

        assert f"{path}:2: the last row is cut off" in caught.value.message
        assert "backup" in str(caught.value.hint)
