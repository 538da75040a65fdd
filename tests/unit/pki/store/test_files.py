from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from pki.errors import AlreadyExistsError, StoreError
from pki.store import files


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that change the disk, in order; an fsync says what kind of thing it was for."""
    seen: list[str] = []

    def watch(name: str) -> None:
        real = getattr(os, name)

        def watched(*arguments, **named):
            directory = name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
            seen.append("fsync directory" if directory else name)
            return real(*arguments, **named)

        monkeypatch.setattr(os, name, watched)

    for name in ("write", "fsync", "rename", "replace", "link", "unlink"):
        watch(name)
    return seen


def fail(monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> None:
    def failing(*_arguments, **_named):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, name, failing)


class TestRead:
    def test_gives_what_is_there(self, tmp_path):
        (tmp_path / "a").write_bytes(b"abc")

        assert files.read(tmp_path / "a") == b"abc"
        assert files.read(tmp_path / "a", limit=3) == b"abc"
        assert files.read(tmp_path / "a", limit=None) == b"abc"

    def test_refuses_more_than_the_limit(self, tmp_path):
        (tmp_path / "a").write_bytes(b"abcd")

        with pytest.raises(StoreError, match="larger than 3 bytes"):
            files.read(tmp_path / "a", limit=3)

    @pytest.mark.parametrize("what", ["nothing", "a directory"])
    def test_what_cannot_be_read_is_one_clear_error(self, tmp_path, what):
        path = tmp_path / "absent" if what == "nothing" else tmp_path

        with pytest.raises(StoreError, match=f"cannot read {path}: "):
            files.read(path)

    def test_blocks_are_whole_lines(self, tmp_path):
        lines = [b"x" * length + b"\n" for length in (5, 0, 30, 1, 12)]
        (tmp_path / "a").write_bytes(b"".join(lines))

        blocks = list(files.blocks(tmp_path / "a", size=8))

        assert b"".join(blocks) == b"".join(lines)
        assert all(block.endswith(b"\n") for block in blocks)
        assert len(blocks) > 1

    def test_a_tail_says_where_it_begins(self, tmp_path):
        (tmp_path / "a").write_bytes(b"0123456789")

        assert files.read_tail(tmp_path / "a", 3) == files.Tail(7, b"789")
        assert files.read_tail(tmp_path / "a", 99) == files.Tail(0, b"0123456789")
        assert files.read_tail(tmp_path / "absent", 3) == files.Tail(0, b"")

    @pytest.mark.parametrize(
        ("content", "torn"),
        [
            (b"", files.Tail(0, b"")),
            (b"a\nb\n", files.Tail(4, b"")),
            (b"a\nb", files.Tail(2, b"b")),
            (b"ab", files.Tail(0, b"ab")),
            (b"a\n" + b"\0" * 100_000, files.Tail(2, b"\0" * 100_000)),
        ],
    )
    def test_a_torn_line_is_found_however_long_it_is(self, tmp_path, content, torn):
        (tmp_path / "a").write_bytes(content)

        assert files.read_torn_line(tmp_path / "a") == torn


class TestExists:
    def test_says_whether_the_name_is_taken(self, tmp_path):
        (tmp_path / "file").touch()
        (tmp_path / "dangling").symlink_to("nowhere")

        assert files.exists(tmp_path / "file")
        assert files.exists(tmp_path / "dangling")
        assert not files.exists(tmp_path / "absent")
        assert not files.exists(tmp_path / "file" / "below-a-file")

    def test_a_directory_that_cannot_be_entered_is_an_error_and_not_a_no(self, tmp_path, monkeypatch):
        fail(monkeypatch, "stat", errno.EACCES)
        fail(monkeypatch, "lstat", errno.EACCES)

        with pytest.raises(StoreError, match="Permission denied"):
            files.exists(tmp_path / "a")


class TestWrite:
    def test_replaces_the_whole_file(self, tmp_path):
        (tmp_path / "a").write_bytes(b"something longer")

        files.write(tmp_path / "a", b"new")

        assert (tmp_path / "a").read_bytes() == b"new"
        assert names(tmp_path) == ["a"]

    def test_the_bytes_are_durable_before_the_name_and_the_name_before_it_returns(self, tmp_path, calls):
        files.write(tmp_path / "a", b"new")

        assert [call for call in calls if call != "unlink"] == ["write", "fsync", "replace", "fsync directory"]

    def test_many_files_share_the_fsync_of_their_directory(self, tmp_path, calls):
        files.write_many({tmp_path / name: name.encode() for name in "abc"})

        assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"a", b"b", b"c"]
        assert calls.count("fsync directory") == 1
        assert calls.count("fsync") == 3

    def test_a_write_that_the_system_splits_is_completed(self, tmp_path, monkeypatch):
        real = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))

        files.write(tmp_path / "a", b"0123456789")

        assert (tmp_path / "a").read_bytes() == b"0123456789"

    def test_a_private_file_is_private_from_its_first_byte(self, tmp_path, monkeypatch):
        real, modes = os.write, []
        monkeypatch.setattr(
            os,
            "write",
            lambda descriptor, data: modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode)) or real(descriptor, data),
        )
        before = os.umask(0)
        try:
            files.write(tmp_path / "a", b"secret", mode=0o600)
        finally:
            os.umask(before)

        assert modes == [0o600]
        assert mode(tmp_path / "a") == 0o600

    def test_a_link_in_the_file_s_place_is_replaced_and_not_followed(self, tmp_path):
        (tmp_path / "outside").write_bytes(b"theirs")
        (tmp_path / "a").symlink_to("outside")

        files.write(tmp_path / "a", b"ours")

        assert (tmp_path / "outside").read_bytes() == b"theirs"
        assert (tmp_path / "a").read_bytes() == b"ours"
        assert not (tmp_path / "a").is_symlink()

    @pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
    @pytest.mark.parametrize(
        ("code", "hint"),
        [
            (errno.ENOSPC, "the disk is full"),
            (errno.EDQUOT, "quota"),
            (errno.EROFS, "mounted read-only"),
            (errno.EACCES, "permissions"),
            (errno.EPERM, "permissions"),
        ],
    )
    def test_a_failure_at_any_step_leaves_what_was_there_and_says_what_to_do(
        self, tmp_path, monkeypatch, step, code, hint
    ):
        (tmp_path / "a").write_bytes(b"old")
        with monkeypatch.context() as patch:
            fail(patch, step, code)

            with pytest.raises(StoreError) as caught:
                files.write(tmp_path / "a", b"new")

        assert str(tmp_path / "a") in caught.value.message
        assert os.strerror(code) in caught.value.message
        assert hint in str(caught.value.hint)
        assert (tmp_path / "a").read_bytes() == b"old"
        assert names(tmp_path) == ["a"]

    def test_an_interrupt_leaves_no_staged_file(self, tmp_path, monkeypatch):
        def interrupt(_descriptor):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", interrupt)
            with pytest.raises(KeyboardInterrupt):
                files.write(tmp_path / "a", b"new")

        assert names(tmp_path) == []

    def test_one_of_many_that_cannot_be_staged_leaves_all_as_they_were(self, tmp_path):
        (tmp_path / "a").write_bytes(b"old")

        with pytest.raises(StoreError, match="absent"):
            files.write_many({tmp_path / "a": b"new", tmp_path / "absent" / "b": b"new"})

        assert (tmp_path / "a").read_bytes() == b"old"
        assert names(tmp_path) == ["a"]

    def test_an_error_without_words_still_gets_some(self, tmp_path, monkeypatch):
        def failing(_descriptor):
            raise OSError

        monkeypatch.setattr(os, "fsync", failing)

        with pytest.raises(StoreError, match="input/output error"):
            files.write(tmp_path / "a", b"new")


class TestCreate:
    def test_makes_a_new_file(self, tmp_path, calls):
        files.create(tmp_path / "a", b"new", mode=0o600)

        assert (tmp_path / "a").read_bytes() == b"new"
        assert mode(tmp_path / "a") == 0o600
        assert names(tmp_path) == ["a"]
        assert calls == ["write", "fsync", "link", "unlink", "fsync directory"]

    @pytest.mark.parametrize("there", ["a file", "a link that leads nowhere"])
    def test_refuses_a_name_that_is_taken(self, tmp_path, there):
        if there == "a file":
            (tmp_path / "a").write_bytes(b"old")
        else:
            (tmp_path / "a").symlink_to("nowhere")

        with pytest.raises(AlreadyExistsError, match=str(tmp_path / "a")):
            files.create(tmp_path / "a", b"new")

        assert names(tmp_path) == ["a"]
        assert not (tmp_path / "nowhere").exists()
        assert there != "a file" or (tmp_path / "a").read_bytes() == b"old"


class TestMove:
    def test_gives_a_directory_its_new_name_durably(self, tmp_path, calls):
        for parent in ("from", "to"):
            (tmp_path / parent).mkdir()
        (tmp_path / "from" / "a").mkdir()
        files.move(tmp_path / "from" / "a", tmp_path / "to" / "b")

        assert (names(tmp_path / "from"), names(tmp_path / "to")) == ([], ["b"])
        assert calls == ["rename", "fsync directory", "fsync directory"]

    @pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "empty directory"])
    def test_refuses_a_name_that_is_taken(self, tmp_path, make):
        for name in ("a", "b"):
            make(tmp_path / name)

        with pytest.raises(AlreadyExistsError, match=f"{tmp_path / 'b'} exists"):
            files.move(tmp_path / "a", tmp_path / "b")

        assert names(tmp_path) == ["a", "b"]

    def test_what_cannot_be_moved_is_an_error(self, tmp_path):
        with pytest.raises(StoreError, match=f"cannot move {tmp_path / 'a'}"):
            files.move(tmp_path / "a", tmp_path / "b")


class TestRemove:
    def test_takes_the_file_away_durably(self, tmp_path, calls):
        (tmp_path / "a").write_bytes(b"old")
        files.remove(tmp_path / "a")

        assert names(tmp_path) == []
        assert calls == ["unlink", "fsync directory"]

    def test_one_that_is_not_there_is_as_good_as_removed(self, tmp_path, calls):
        files.remove(tmp_path / "a")

        assert calls == ["unlink"]

    def test_what_cannot_be_removed_is_an_error(self, tmp_path):
        (tmp_path / "a").mkdir()

        with pytest.raises(StoreError, match=f"cannot remove {tmp_path / 'a'}"):
            files.remove(tmp_path / "a")


class TestAppend:
    def test_makes_the_file_and_its_name_durable(self, tmp_path, calls):
        files.append(tmp_path / "a", b"1\n", mode=0o640)
        files.append(tmp_path / "a", b"2\n")

        assert (tmp_path / "a").read_bytes() == b"1\n2\n"
        assert calls == ["write", "fsync", "fsync directory", "write", "fsync"]

    def test_never_follows_a_link(self, tmp_path):
        (tmp_path / "outside").write_bytes(b"theirs\n")
        (tmp_path / "a").symlink_to("outside")

        with pytest.raises(StoreError) as caught:
            files.append(tmp_path / "a", b"ours\n")

        assert "symbolic link" in str(caught.value.hint)
        assert (tmp_path / "outside").read_bytes() == b"theirs\n"

    def test_a_disk_that_is_really_full(self):
        with pytest.raises(StoreError) as caught:
            files.append(Path("/dev/full"), b"row\n")

        assert "cannot append to /dev/full: No space left on device" in caught.value.message
        assert "the disk is full" in str(caught.value.hint)

    def test_half_a_row_does_not_stay(self, tmp_path, monkeypatch):
        (tmp_path / "a").write_bytes(b"1\n")
        real = os.write

        def half(descriptor, data):
            if len(data) < 6:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor, data[: len(data) // 2])

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises(StoreError, match="No space left"):
                files.append(tmp_path / "a", b"0123456789\n")

        assert (tmp_path / "a").read_bytes() == b"1\n"

    def test_truncate_cuts(self, tmp_path):
        (tmp_path / "a").write_bytes(b"1\n2")

        files.truncate(tmp_path / "a", 2)

        assert (tmp_path / "a").read_bytes() == b"1\n"


class TestDirectories:
    def test_are_made_with_their_parents(self, tmp_path):
        files.make_directory(tmp_path / "a" / "b" / "private", mode=0o700)
        files.make_directory(tmp_path / "a" / "b" / "private", mode=0o700)

        assert mode(tmp_path / "a" / "b" / "private") == 0o700
        assert mode(tmp_path / "a") == 0o755

    def test_another_process_may_be_quicker(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Path, "exists", lambda path: path == tmp_path)
        (tmp_path / "a").mkdir()

        files.make_directory(tmp_path / "a")

        assert (tmp_path / "a").is_dir()

    def test_a_file_in_the_place_of_one_is_refused(self, tmp_path):
        (tmp_path / "a").write_bytes(b"old")

        with pytest.raises(StoreError, match="is not a directory"):
            files.make_directory(tmp_path / "a")
        with pytest.raises(StoreError, match="Not a directory"):
            files.make_directory(tmp_path / "a" / "b")

        assert (tmp_path / "a").read_bytes() == b"old"

    def test_what_killed_processes_staged_is_not_listed_and_is_swept(self, tmp_path):
        (tmp_path / ".qpki-0123456789abcdef.tmp").write_bytes(b"half a key")
        for name in ("b", "a", ".lock", ".qpki-notes.tmp"):
            (tmp_path / name).touch()

        listed = files.list_directory(tmp_path)
        files.sweep(tmp_path)

        assert listed == [".lock", ".qpki-notes.tmp", "a", "b"]
        assert names(tmp_path) == listed

    def test_one_that_is_not_there_is_empty(self, tmp_path):
        files.sweep(tmp_path / "absent")

        assert files.list_directory(tmp_path / "absent") == []
