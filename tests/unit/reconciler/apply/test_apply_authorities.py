"""`qpki apply` over CAs, in this process: what is done, what is refused, and what the audit log says of it."""

from __future__ import annotations

import json
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from pki.store.layout import CaLayout
from pki.x509.crls import parse_crl
from reconciler import lock
from tests.support.audits import audited, names
from tests.support.workspaces import CAS, Home, assert_converged

OTHER = """\
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: other}
spec:
  profile: ec/root-ca
  variables: {cn: Other Root CA}
"""
LOCKED = CAS.replace(
    "  variables: {cn: Test Root CA}", "  variables: {cn: Test Root CA}\n  key: {passphraseEnv: F_PASS}"
)
DENIED = (
    CAS
    + """\
---
apiVersion: qpki.io/v1
kind: Policy
metadata: {name: house}
spec:
  rules: [{id: in-hsm, effect: deny, match: [ca/issuing], keyInHsm: true}]
"""
    + OTHER
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.make(tmp_path / "home", CAS)


def mtimes(home: Home) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in home.directory.rglob("*")}


def crl(home: Home, name: str):
    return parse_crl(CaLayout(home.directory / "state" / "ca" / name).crl_der.read_bytes())


def test_a_hierarchy_is_made_in_order_and_then_nothing_is_left_to_do(home: Home) -> None:
    outcome = home.applied("--parallelism", 1)
    assert "Applied: 4 done." in outcome.stdout
    assert (crl(home, "root").size, crl(home, "issuing").size) == (0, 0)
    before = mtimes(home)
    assert_converged(home)
    assert mtimes(home) == before


def test_the_audit_log_tells_all_of_it(home: Home) -> None:
    home.env = {"QPKI_ACTOR": "alice"}
    plan = home.plan()
    home.applied("--parallelism", 1)
    entries = audited(home.directory)
    assert names(entries) == [
        ("apply-started", None),
        ("key-generated", "ca/root"),
        ("certificate-issued", "ca/root"),
        ("crl-signed", "crl/root"),
        ("key-generated", "ca/issuing"),
        ("certificate-issued", "ca/issuing"),
        ("crl-signed", "crl/issuing"),
        ("apply-finished", None),
    ]
    started, finished = entries[0], entries[-1]
    assert (started["plan"], started["actor"], started["version"]) == (plan["digest"], "alice", "0.1.0")
    assert (finished["done"], finished["started"]) == (4, [started["hash"]])
    issued = entries[5]
    record = json.loads((home.directory / "state/ca/issuing/ca.meta.json").read_bytes())
    assert issued["serial"] == record["certificate"]["serial"]
    assert (issued["issuer"], issued["profile"]) == ("ca/root", "ec/issuing-ca")


def test_json_tells_what_became_of_each_change(home: Home) -> None:
    found = home.applied("-o", "json").json
    assert (found["settled"], found["counts"]) == (True, {"done": 4})
    assert {(each["address"], each["result"]) for each in found["outcomes"]} == {
        ("ca/root", "done"),
        ("ca/issuing", "done"),
        ("crl/root", "done"),
        ("crl/issuing", "done"),
    }


def test_json_tells_that_nothing_was_to_be_done(home: Home) -> None:
    home.applied()
    found = home.applied("-o", "json").json
    assert (found["settled"], found["counts"], found["outcomes"]) == (True, {}, [])


def test_plain_keys_are_warned_of(home: Home) -> None:
    outcome = home.applied()
    assert "Private keys are not encrypted." in outcome.stderr
    assert "state/ca/root/private/" in outcome.stderr


def test_without_a_terminal_nobody_confirms_and_nothing_is_written(home: Home) -> None:
    before = home.tree()
    outcome = home.qpki("apply")
    assert outcome.exit_code == 1
    assert "--auto-approve" in outcome.hint
    assert home.tree() == before


def test_a_saved_plan_is_applied_as_it_was_reviewed(home: Home, tmp_path: Path) -> None:
    home.qpki("plan", "--out", tmp_path / "plan.json")
    home.now += timedelta(hours=1)
    home.applied(tmp_path / "plan.json")
    assert_converged(home)


def test_a_saved_plan_is_stale_once_the_manifest_says_otherwise(home: Home, tmp_path: Path) -> None:
    home.qpki("plan", "--out", tmp_path / "plan.json")
    home.declare(CAS + OTHER)
    before = home.tree()
    outcome = home.apply(tmp_path / "plan.json")
    assert outcome.exit_code == 5
    assert "stale" in outcome.error
    assert "the manifests, or files that they name, have changed" in outcome.stderr
    assert "ca/other: no change was approved, and it would be create" in outcome.stderr
    assert "ca/root" not in outcome.stderr
    assert home.tree() == before


def test_a_saved_plan_is_stale_once_it_was_applied(home: Home, tmp_path: Path) -> None:
    home.qpki("plan", "--out", tmp_path / "plan.json")
    home.applied(tmp_path / "plan.json")
    again = home.apply(tmp_path / "plan.json")
    assert again.exit_code == 5
    assert "state has changed" in again.stderr
    assert "ca/root: create was approved, and it would be no change" in again.stderr


def test_a_saved_plan_has_its_own_selection(home: Home, tmp_path: Path) -> None:
    home.qpki("plan", "--out", tmp_path / "plan.json")
    outcome = home.apply(tmp_path / "plan.json", "--only", "crl/*")
    assert outcome.exit_code == 1
    assert "own selection" in outcome.error


def test_a_plan_for_a_time_to_come_is_refused_unless_it_is_meant(home: Home, tmp_path: Path) -> None:
    later = (home.now + timedelta(days=30)).isoformat()
    home.qpki("plan", "--out", tmp_path / "plan.json", "--now", later)
    outcome = home.apply(tmp_path / "plan.json")
    assert outcome.exit_code == 1
    assert "has not come yet" in outcome.error
    home.applied(tmp_path / "plan.json", "--now", later)


def test_expect_digest_applies_that_plan_only(home: Home) -> None:
    digest = home.plan()["digest"]
    other = "sha256:" + "0" * 64
    refused = home.apply("--expect-digest", other)
    assert refused.exit_code == 5
    assert digest in refused.stderr
    assert other in refused.stderr
    home.applied("--expect-digest", digest)


def test_another_time_is_warned_of_and_logged(home: Home) -> None:
    home.applied()
    outcome = home.applied("--now", "2026-11-30T00:00:00Z")
    assert "WARNING" in outcome.stderr
    started = [entry for entry in audited(home.directory) if entry["event"] == "apply-started"][-1]
    assert started["now"] == "2026-11-30T00:00:00+00:00"
    assert started["time"] == "2026-11-23T12:00:00Z"
    assert crl(home, "root").this_update.isoformat() == "2026-11-30T00:00:00+00:00"


def test_who_finds_the_lock_taken_is_told_by_whom(home: Home) -> None:
    """A lock is held per thread: another thread stands for another process."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock.exclusive(home.directory / "state", holder="bob@laptop"):
            taken.set()
            assert done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(10)
    try:
        outcome = home.apply()
    finally:
        done.set()
        thread.join()
    assert outcome.exit_code == 5
    assert f"process {os.getpid()} of bob@laptop since" in outcome.error
    assert "--lock-timeout" in outcome.hint


def test_an_abandoned_lock_is_no_obstacle_and_is_told(home: Home) -> None:
    (home.directory / "state").mkdir()
    (home.directory / "state" / ".lock").write_text("999999 bob@laptop\n")
    assert "was killed" in home.applied().stderr


def test_a_failure_stops_what_depends_on_it_and_nothing_else(home: Home) -> None:
    home.declare(LOCKED + OTHER)
    outcome = home.apply("-o", "json")
    assert outcome.exit_code == 1
    results = {each["address"]: each for each in outcome.json["outcomes"]}
    assert {address: each["result"] for address, each in results.items()} == {
        "ca/root": "failed",
        "crl/root": "skipped",
        "ca/issuing": "skipped",
        "crl/issuing": "skipped",
        "ca/other": "done",
        "crl/other": "done",
    }
    assert "F_PASS is not set" in results["ca/root"]["error"]
    assert results["crl/issuing"]["because"] == "ca/root"
    home.env = {"F_PASS": "correct horse"}
    home.applied()
    assert_converged(home)


def test_a_failure_is_told_in_words_with_the_way_out(home: Home) -> None:
    home.declare(LOCKED)
    text = home.apply().stdout
    assert "Applied: 1 failed, 3 skipped." in text
    assert "hint: export F_PASS" in text
    assert "because ca/root failed" in text
    assert text.rstrip().endswith("Apply again to go on: it does what is left.")


def test_what_is_blocked_is_left_and_the_rest_is_done(home: Home) -> None:
    home.declare(DENIED)
    outcome = home.apply()
    assert outcome.exit_code == 4
    assert "2 blocked" in outcome.stdout
    assert (home.directory / "state/ca/other/ca.meta.json").exists()
    assert not (home.directory / "state/ca/issuing").exists()
    before = mtimes(home)
    again = home.apply()
    assert again.exit_code == 4
    assert mtimes(home) == before


def test_crls_are_refreshed_when_due_and_keep_their_order(home: Home) -> None:
    home.applied()
    first = crl(home, "root").number
    home.now += timedelta(days=5)
    assert home.changes() == [("crl/issuing", "refresh"), ("crl/root", "refresh")]
    home.applied("--only", "crl/*")
    assert crl(home, "root").number > first
    assert_converged(home)


def test_a_crl_is_refreshed_when_the_renewal_of_its_ca_fails(home: Home) -> None:
    """The CRL of a CA that is there needs nothing but its key."""
    home.declare(LOCKED)
    home.env = {"F_PASS": "correct horse"}
    home.applied()
    home.now += timedelta(days=9 * 365)
    home.env = {}
    outcome = home.apply("-o", "json")
    results = {each["address"]: each["result"] for each in outcome.json["outcomes"]}
    assert (results["ca/issuing"], results["crl/issuing"]) == ("failed", "done")
    assert results["crl/root"] == "failed"


@pytest.mark.parametrize("damage", ["missing", "tampered", "both forms"])
def test_a_crl_that_is_lost_or_altered_is_put_right(home: Home, damage: str) -> None:
    home.applied()
    number = crl(home, "root").number
    layout = CaLayout(home.directory / "state/ca/root")
    if damage == "missing":
        layout.crl_der.unlink()
    else:
        layout.crl_der.write_bytes(b"not a CRL")
    if damage == "both forms":
        layout.crl_pem.write_bytes(b"neither")
    home.applied()
    assert crl(home, "root").number >= number
    assert (crl(home, "root").number > number) is (damage == "both forms")
    assert_converged(home)


def test_a_number_is_not_used_again_when_the_record_is_an_older_one(home: Home) -> None:
    """As after a merge that took the wrong side: others have seen the CRL on disk. The clock need not have moved."""
    home.applied()
    record = home.directory / "state/ca/root/ca.meta.json"
    older = record.read_bytes()
    home.applied("--replace", "crl/root")
    number = crl(home, "root").number
    record.write_bytes(older)
    home.applied()
    assert crl(home, "root").number > number
    assert_converged(home)


def test_a_new_generation_stands_beside_the_old_one_whose_crl_lives_on(home: Home) -> None:
    home.applied()
    home.declare(CAS.replace("name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2"))
    home.applied()
    assert (home.directory / "state/ca/issuing.2/ca.meta.json").exists()
    assert (home.directory / "state/ca/issuing/ca.meta.json").exists()
    assert crl(home, "issuing.2").size == 0
    assert_converged(home)


def test_a_root_with_a_new_key_signs_its_ca_again(home: Home) -> None:
    home.applied()
    changed = CAS.replace("name: root}\nspec:", "name: root}\nspec:\n  generation: 2\n  onIssuerRekey: reissue")
    home.declare(changed)
    home.applied()
    chain = (home.directory / "state/ca/issuing/chain.crt").read_bytes()
    assert chain == (home.directory / "state/ca/root.2/ca.crt").read_bytes()
    assert_converged(home)


def test_derived_files_are_restored(home: Home) -> None:
    home.applied()
    chain, certificate = (home.directory / "state/ca/issuing" / name for name in ("chain.crt", "ca.crt"))
    before = chain.read_bytes(), certificate.read_bytes()
    chain.unlink()
    certificate.write_bytes(b"altered")
    home.applied()
    assert (chain.read_bytes(), certificate.read_bytes()) == before
    assert ("updated", "ca/issuing") in names(audited(home.directory))
    assert_converged(home)


def test_settings_of_the_record_follow_the_manifest(home: Home) -> None:
    """Those of earlier generations as well: each of them protects the CA."""
    home.applied()
    second = CAS.replace("name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2")
    home.declare(second)
    home.applied()
    home.declare(second.replace("cn: Test Issuing CA}", "cn: Test Issuing CA}\n  lifecycle: {preventDestroy: true}"))
    assert home.changes() == [("ca/issuing", "update")]
    home.applied()
    for name in ("issuing", "issuing.2"):
        record = json.loads((home.directory / f"state/ca/{name}/ca.meta.json").read_bytes())
        assert record["prevent_destroy"] is True
    assert_converged(home)


def test_a_run_that_was_killed_is_told_by_the_next_one(home: Home) -> None:
    """Killed after its last step, before it wrote what it did: the log has its start and nothing more."""
    home.applied("--parallelism", 1)
    path = home.directory / "state" / "audit.jsonl"
    complete = audited(home.directory)
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    assert home.changes() == []
    home.applied()
    entries = audited(home.directory)
    recovered = {(entry["event"], entry.get("address"), entry.get("serial")) for entry in entries[1:-1]}
    done = {(entry["event"], entry.get("address"), entry.get("serial")) for entry in complete[1:-1]}
    assert recovered == done
    assert all(entry["recovered"] for entry in entries[1:-1])
    assert (entries[-1]["event"], entries[-1]["started"]) == ("apply-finished", [entries[0]["hash"]])
    assert_converged(home)


def test_a_damaged_audit_log_is_refused_before_anything_is_done(home: Home) -> None:
    (home.directory / "state").mkdir()
    (home.directory / "state" / "audit.jsonl").write_text("<<<<<<< ours\n")
    before = home.tree()
    outcome = home.apply()
    assert outcome.exit_code == 1
    assert "audit.jsonl:1" in outcome.error
    assert home.tree().keys() - before.keys() <= {"state/.lock"}
