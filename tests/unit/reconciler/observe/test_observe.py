"""All of state is seen, what is damaged keeps nothing else from being seen, and nothing private is looked at."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from datetime import timedelta

import pytest

from pki.errors import PathEscapeError, StoreError
from pki.x509.certificates import serial_hex
from reconciler.model import Address, Kind
from tests.support.issue import NOW
from tests.support.states import State

opened: list[str] | None = None


def _watch(event: str, arguments: tuple) -> None:
    if event in ("open", "os.scandir", "os.listdir") and opened is not None:
        opened.append(str(arguments[0]))


sys.addaudithook(_watch)  # for ever; it only does something while `opened` is a list


class TestWholeState:
    def test_everything_is_seen_and_in_order(self, made):
        snapshot = made.observe()

        assert (list(snapshot.cas), list(snapshot.credentials), list(snapshot.keys)) == (
            ["issuing", "root"],
            ["web"],
            ["spare"],
        )
        assert (snapshot.damaged, snapshot.forgotten) == ({}, {})
        for generation in snapshot.generations():
            assert (generation.faults, generation.crl_faults, generation.orphans) == ((), (), ())
            assert generation.crl is not None
            assert generation.record.crl is not None
            assert generation.crl.number == generation.record.crl.number
        assert snapshot.credentials["web"].faults == ()
        assert snapshot.credentials["web"].directory == "state/credential/web"
        assert snapshot.cas["root"].current.directory == "state/ca/root"

    def test_what_a_ca_issued_tells_how_long_its_crl_is_needed(self, made):
        issued = made.credential().record.not_after

        assert made.generation("issuing").last_expiry == issued
        assert made.generation("root").last_expiry == made.generation("issuing").record.certificate.not_after

    def test_where_nothing_was_ever_applied_there_is_nothing(self, tmp_path):
        snapshot = State(tmp_path).observe()

        assert (snapshot.cas, snapshot.credentials, snapshot.keys, snapshot.damaged) == ({}, {}, {}, {})

    def test_directories_without_a_record_do_not_exist(self, state):
        for path in ("ca/begun/private", "credential/begun", "key/begun"):
            state.path(path).mkdir(parents=True)
        state.path("credential/README").write_text("a file")

        assert state.observe() == State(state.root).observe()
        assert list(state.observe().credentials) == ["web"]
        assert state.observe().damaged == {}

    def test_generations_are_directories_of_their_own(self, state):
        root = state.ca("root")
        second = state.add_ca("issuing.2", "ec/issuing-ca", root, generation=2)
        tenth = state.add_ca("issuing.10", "ec/issuing-ca", root, generation=10)

        ca = state.observe().cas["issuing"]

        assert [(each.name, each.number) for each in ca.generations] == [
            ("issuing", 1),
            ("issuing.2", 2),
            ("issuing.10", 10),
        ]
        assert ca.current.record == ca.record == tenth.meta
        assert state.observe().by_key_id()[second.meta.certificate.subject_key_id].name == "issuing.2"
        assert state.credential().faults == ()

    def test_what_is_forgotten_is_no_longer_managed_but_still_there(self, state):
        before = state.observe()
        for path in ("ca/root/ca", "credential/web/credential", "key/spare/key"):
            state.edit(f"{path}.meta.json", lambda record: record.update(forgotten="2026-11-23T12:00:00Z"))

        snapshot = state.observe()

        assert (list(snapshot.cas), list(snapshot.credentials), list(snapshot.keys)) == (["issuing"], [], [])
        assert list(snapshot.forgotten) == [
            Address(Kind.CA, "root"),
            Address(Kind.CREDENTIAL, "web"),
            Address(Kind.KEY, "spare"),
        ]
        assert snapshot.forgotten[Address(Kind.CREDENTIAL, "web")].record.forgotten == NOW
        assert snapshot.by_key_id().keys() == before.by_key_id().keys()
        assert snapshot.cas["issuing"].current.faults == ()
        assert [generation.orphans for generation in snapshot.generations()] == [(), ()]


class TestPrivate:
    def test_a_checkout_without_private_keys_is_the_same(self, state):
        before = state.observe()
        private = list(state.root.glob("state/**/private"))
        for directory in private:
            shutil.rmtree(directory)

        assert len(private) == 3
        assert state.observe() == before

    def test_nothing_private_is_opened(self, state):
        global opened  # noqa: PLW0603  an audit hook has no other way to be told
        opened = []
        state.observe()
        seen, opened = opened, None

        assert any(path.endswith("web/cert.pem") for path in seen)
        assert [path for path in seen if "/private" in path] == []

    @pytest.mark.parametrize("file", ["index.txt", "journal/issued.jsonl"])
    def test_a_ledger_that_is_a_link_to_a_private_file_is_not_read(self, state, file):
        (key,) = state.path("ca/issuing/private").iterdir()
        path = state.path(f"ca/issuing/{file}")
        path.unlink()
        path.symlink_to(os.path.relpath(key, path.parent))

        assert damage(state) == {
            "ca/issuing": f"state/ca/issuing/{file} is a private file, which nothing public can be"
        }

    @pytest.mark.parametrize("leading", ["link", "record"])
    def test_a_public_name_for_a_private_file_is_refused(self, state, leading):
        if leading == "link":
            state.path("credential/web/cert.pem").unlink()
            state.path("credential/web/cert.pem").symlink_to("private/key.pem")
        else:
            state.edit(
                "credential/web/credential.meta.json",
                lambda record: record["certificates"][0].update(path="private/key.pem"),
            )

        assert "is a private file" in damage(state)["credential/web"]


def damage(state: State) -> dict[str, str]:
    snapshot = state.observe()
    assert all(finding.code == "state.damaged" and finding.hint for finding in snapshot.damaged.values())
    return {address: finding.message for address, finding in snapshot.damaged.items()}


class TestDamage:
    @pytest.mark.parametrize(
        ("record", "address"),
        [
            ("ca/issuing/ca.meta.json", "ca/issuing"),
            ("credential/web/credential.meta.json", "credential/web"),
            ("key/spare/key.meta.json", "key/spare"),
        ],
    )
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"{", "is not complete JSON"),
            (b'{\n<<<<<<< HEAD\n"a": 1\n=======\n', "it holds a git merge conflict"),
            (b'{"format": 99}', "has format 99"),
            (b'{"created": 7}', "created must be a time"),
        ],
    )
    def test_a_record_that_cannot_be_read_is_told_and_the_rest_seen(self, state, record, address, content, message):
        state.path(record).write_bytes(content)

        snapshot = state.observe()

        assert list(snapshot.damaged) == [address]
        assert message in snapshot.damaged[address].message
        assert f"state/{record}" in snapshot.damaged[address].message
        assert str(state.root) not in str(snapshot.damaged)
        assert len(snapshot.cas) + len(snapshot.credentials) + len(snapshot.keys) == 3
        assert [credential.faults for credential in snapshot.credentials.values() if credential.faults] == []

    def test_a_ca_of_which_one_generation_cannot_be_read_is_not_taken_for_an_older_one(self, state):
        state.add_ca("issuing.2", "ec/issuing-ca", state.ca("root"), generation=2)
        state.path("ca/issuing.2/ca.meta.json").write_bytes(b"")

        assert list(state.observe().damaged) == ["ca/issuing"]
        assert list(state.observe().cas) == ["root"]

    @pytest.mark.parametrize("name", ["issuing.1", "issuing.02", "issuing.x", "issuing.2.3"])
    def test_a_directory_that_is_no_generation_is_told(self, state, name):
        shutil.copytree(state.path("ca/issuing"), state.path(f"ca/{name}"))

        assert damage(state)["ca/issuing"] == f"{name} is no name of a CA's directory"

    @pytest.mark.parametrize("kind", ["credential", "key"])
    def test_a_name_that_nothing_can_have_is_told(self, state, kind):
        source = {"credential": "web", "key": "spare"}[kind]
        shutil.copytree(state.path(f"{kind}/{source}"), state.path(f"{kind}/a b"))

        assert "cannot be used as an id" in damage(state)[f"{kind}/a b"]

    @pytest.mark.parametrize("file", ["index.txt", "journal/issued.jsonl"])
    def test_a_damaged_ledger_is_damage_of_its_ca(self, state, file):
        with state.path(f"ca/issuing/{file}").open("a") as stream:
            stream.write("not a line of this file\n")

        assert f"state/ca/issuing/{file}" in damage(state)["ca/issuing"]
        assert list(state.observe().cas) == ["root"]

    @pytest.mark.parametrize("content", [None, b""])
    def test_an_index_that_is_gone_is_damage_of_its_ca(self, state, content):
        path = state.path("ca/issuing/index.txt")
        path.unlink() if content is None else path.write_bytes(content)

        message = "state/ca/issuing/index.txt is gone or empty, but certificates were issued"
        assert damage(state) == {"ca/issuing": message}

    @pytest.mark.parametrize("path", ["/etc/passwd", "../root/private/ca.key", "private/../../x"])
    def test_a_key_path_that_leaves_the_ca_is_damage_and_no_reason_for_a_new_key(self, state, path):
        state.edit("ca/issuing/ca.meta.json", lambda record: record["keys"][0]["storage"].update(path=path))

        snapshot = state.observe()

        assert "issuing" not in snapshot.cas
        assert path in snapshot.damaged["ca/issuing"].message

    def test_an_index_that_has_lost_a_revocation_is_damage_of_its_ca(self, state):
        issuing, (certificate,) = state.ca("issuing"), state.credential().record.certificates
        path = state.path("ca/issuing/index.txt")
        before = path.read_bytes()
        issuing.revoke([certificate.serial], "superseded")
        issuing.generate_crl(timedelta(days=7))
        assert damage(state) == {}

        path.write_bytes(before)

        listed = f"the last CRL lists {serial_hex(certificate.serial)}, which is not revoked here"
        assert damage(state) == {"ca/issuing": f"state/ca/issuing/index.txt: {listed}"}

    def test_a_directory_in_the_place_of_a_file_is_told(self, state):
        state.path("credential/web/cert.pem").unlink()
        state.path("credential/web/cert.pem").mkdir()

        assert damage(state) == {"credential/web": "cannot read state/credential/web/cert.pem: Is a directory"}

    def test_a_pipe_in_the_place_of_a_file_does_not_wait_for_a_writer(self, state):
        state.path("credential/web/cert.pem").unlink()
        os.mkfifo(state.path("credential/web/cert.pem"))

        assert [fault.path for fault in state.credential().faults] == ["state/credential/web/cert.pem"]

    def test_the_list_of_a_kind_must_be_a_directory(self, state):
        shutil.rmtree(state.path("key"))
        state.path("key").write_text("")

        with pytest.raises(StoreError, match="cannot list state/key: Not a directory"):
            state.observe()


class TestLinks:
    """Symbolic links may not lead out of the workspace."""

    @pytest.mark.parametrize(
        ("link", "address"),
        [
            ("credential/web", "credential/web"),
            ("credential/web/cert.pem", "credential/web"),
            ("credential/web/credential.meta.json", "credential/web"),
            ("ca/issuing", "ca/issuing"),
            ("ca/issuing/crl", "ca/issuing"),
            ("ca/issuing/journal", "ca/issuing"),
            ("ca/issuing/index.txt", "ca/issuing"),
            ("key/spare", "key/spare"),
        ],
    )
    def test_what_is_outside_is_not_read(self, state, tmp_path, link, address):
        outside = tmp_path / "outside"
        state.path(link).rename(outside)
        state.path(link).symlink_to(outside)

        told = damage(state)
        assert list(told) == [address]
        assert told[address].startswith(f"state/{link}")
        assert told[address].endswith(" leads out of the workspace")

    def test_the_state_itself_must_be_inside(self, state, tmp_path):
        (state.root / "state").rename(tmp_path / "outside")
        (state.root / "state").symlink_to(tmp_path / "outside")

        with pytest.raises(PathEscapeError):
            state.observe()

    def test_a_path_on_record_that_leads_out_is_refused(self, state):
        state.edit(
            "credential/web/credential.meta.json",
            lambda record: record["certificates"][0].update(path="../../../../etc/passwd"),
        )

        assert "is not allowed" in damage(state)["credential/web"]

    def test_a_link_that_stays_inside_is_followed(self, state):
        state.path("credential/web/cert.pem").rename(state.path("credential/web/real.pem"))
        state.path("credential/web/cert.pem").symlink_to("real.pem")

        assert state.credential().faults == ()


class TestFingerprint:
    def test_a_copy_elsewhere_is_the_same_snapshot(self, made, state):
        state.path("credential/broken").mkdir()
        state.path("credential/broken/credential.meta.json").write_text("{")
        other = state.copy(state.root.with_name("other"))

        assert other.observe() == state.observe()
        assert other.observe().fingerprint != made.observe().fingerprint

    @pytest.mark.parametrize(
        "file",
        [
            "ca/root/ca.meta.json",
            "ca/root/ca.crt",
            "ca/root/index.txt",
            "ca/root/journal/issued.jsonl",
            "ca/root/crl/ca.crl",
            "ca/root/crl/ca.crl.pem",
            "ca/issuing/chain.crt",
            "credential/web/credential.meta.json",
            "credential/web/cert.pem",
            "credential/web/chain.pem",
            "credential/web/fullchain.pem",
            "key/spare/key.meta.json",
        ],
    )
    def test_it_changes_with_every_file_that_a_plan_depends_on(self, state, file):
        before = state.observe().fingerprint
        content = state.path(file).read_bytes()
        state.path(file).write_bytes(content + b"\n")
        longer = state.observe().fingerprint
        state.path(file).write_bytes(content[:-2] + b"~" + content[-1:])
        altered = state.observe().fingerprint
        state.path(file).unlink()

        assert len({before, longer, altered, state.observe().fingerprint}) == 4

    def test_it_changes_with_the_names_of_what_is_there(self, state):
        before = state.observe().fingerprint
        state.path("key/spare").rename(state.path("key/sparf"))

        assert state.observe().fingerprint != before

    def test_locks_audit_and_working_files_do_not_change_it(self, state):
        before = state.observe().fingerprint
        for file in (".lock", "audit.jsonl", "ca/root/.lock", "credential/web/.lock", "credential/web/.gitignore"):
            state.path(file).write_text("something")

        assert state.observe().fingerprint == before

    def test_contents_that_change_places_change_it(self, state):
        before = state.observe().fingerprint
        chain, full = state.path("credential/web/chain.pem"), state.path("credential/web/fullchain.pem")
        contents = chain.read_bytes(), full.read_bytes()
        full.write_bytes(contents[0])
        chain.write_bytes(contents[1])

        assert state.observe().fingerprint != before


@pytest.mark.parametrize("on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(made, on):
    before = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        made.observe()
        assert gc.isenabled() == on
    finally:
        (gc.enable if before else gc.disable)()


def test_a_snapshot_depends_on_no_clock(made, monkeypatch):
    before = made.observe()
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        after = made.observe()
    time.tzset()

    assert after == before
