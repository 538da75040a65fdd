"""`apply` and keys on tokens: one for each label, ours or refused, and PINs asked for once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pki import keys
from pki.algorithms import ALGORITHMS
from pki.errors import SecretError
from pki.ports import Ports, SecretRef
from reconciler.apply import Report, Verdict
from reconciler.journal import KeyIntent, KeyJournal
from reconciler.kinds.keys import derived_key_id
from reconciler.model import Address, Kind
from reconciler.workflow import Terms, Workspace
from tests.support.audits import audited
from tests.support.tokens import FixedSecrets, SoftHsm
from tests.support.workspaces import NOW

pytestmark = pytest.mark.hsm

P384 = ALGORITHMS["ecdsa-p384"]
ROOT_KEY = "ca-root"
ROOT_ID = derived_key_id("test", Address(Kind.CA, "root"))

MANIFESTS = """\
apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: test}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: root}
spec:
  profile: ec/root-ca
  variables: {cn: Root}
  key: {hsm: hsm/one.yaml}
"""
SECOND = """\
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: second}
spec:
  profile: ec/root-ca
  variables: {cn: Second}
  key: {hsm: hsm/two.yaml}
"""


class OnlyOne(FixedSecrets):
    """Knows the PIN of the first token, and of no other."""

    def read(self, ref: SecretRef, purpose: str) -> str:
        if "two" in purpose:
            self.asked.append(purpose)
            raise SecretError("nobody knows the PIN", hint="ask somebody else")
        return FixedSecrets.read(self, ref, purpose)


@pytest.fixture
def home(hsm: SoftHsm, tmp_path: Path) -> Path:
    hsm.add_token("two")
    home = tmp_path / "home"
    (home / "hsm").mkdir(parents=True)
    for name, token in (("one", hsm.label), ("two", "two")):
        hsm.write_config(f"{name}.yaml", token=token).rename(home / "hsm" / f"{name}.yaml")
    (home / "qpki.yaml").write_text(MANIFESTS)
    return home


def apply(home: Path, secrets: FixedSecrets) -> Report:
    workspace = Workspace.open(home, Ports(secrets, clock=lambda: NOW))
    return workspace.apply(workspace.plan(), Terms(actor="alice", holder="alice@here", version="0"))


def verdicts(report: Report) -> dict[str, str]:
    return {str(outcome.change.address): str(outcome.verdict) for outcome in report.outcomes}


def journal(home: Path) -> KeyJournal:
    return KeyJournal(home / "state" / "journal" / "keys.jsonl")


def labels(hsm: SoftHsm) -> list[tuple[str, str]]:
    return [(key.label, key.key_id) for key in keys.list_token_keys(hsm.config_path, FixedSecrets())]


def test_a_key_is_made_under_its_derived_names_after_the_journal_said_so(home: Path, hsm: SoftHsm) -> None:
    assert verdicts(apply(home, FixedSecrets())) == {"ca/root": "done", "crl/root": "done"}
    assert labels(hsm) == [(ROOT_KEY, ROOT_ID)]
    intent = json.loads(journal(home).path.read_text().splitlines()[0])
    assert intent["event"] == "intent"
    assert (intent["label"], intent["key_id"], intent["hsm"]) == (ROOT_KEY, ROOT_ID, "hsm/one.yaml")
    assert journal(home).open() == []
    made = next(entry for entry in audited(home) if entry["event"] == "key-generated")
    assert (made["hsm"], made["label"], made["key_id"]) == ("hsm/one.yaml", ROOT_KEY, ROOT_ID)


def test_the_pin_is_asked_for_once_before_the_first_step(home: Path) -> None:
    begun: list[bool] = []

    class Watching(FixedSecrets):
        def read(self, ref: SecretRef, purpose: str) -> str:
            begun.append((home / "state/audit.jsonl").exists())
            return FixedSecrets.read(self, ref, purpose)

    secrets = Watching()
    apply(home, secrets)
    assert secrets.asked == ["PIN of token CA-Token"]
    assert begun == [False]


def test_a_foreign_key_under_the_label_is_refused_and_stays_foreign(home: Path, hsm: SoftHsm) -> None:
    """It is neither used nor joined by a second one, however often apply is run."""
    keys.generate_token_key(P384, hsm.config_path, label=ROOT_KEY, key_id="0102", secrets=FixedSecrets())
    for _ in range(2):
        report = apply(home, FixedSecrets())
        (failed,) = report.of(Verdict.FAILED)
        assert "existing: true" in str(getattr(failed.error, "hint", None))
        assert labels(hsm) == [(ROOT_KEY, "0102")]
        assert not journal(home).path.exists()


@pytest.mark.parametrize("key_id", [ROOT_ID, "0102"])
def test_a_foreign_key_of_the_very_same_names_is_refused_too(home: Path, hsm: SoftHsm, key_id: str) -> None:
    """Only the journal makes a key ours."""
    keys.generate_token_key(P384, hsm.config_path, label=ROOT_KEY, key_id=key_id, secrets=FixedSecrets())
    assert verdicts(apply(home, FixedSecrets()))["ca/root"] == "failed"


def test_the_key_of_a_killed_run_is_used_and_no_second_one_is_made(home: Path, hsm: SoftHsm) -> None:
    intent = KeyIntent(address="ca/root", generation=1, hsm="hsm/one.yaml", label=ROOT_KEY, key_id=ROOT_ID, at=NOW)
    journal(home).intend(intent)
    made = keys.generate_token_key(P384, hsm.config_path, label=ROOT_KEY, key_id=ROOT_ID, secrets=FixedSecrets())
    assert verdicts(apply(home, FixedSecrets()))["ca/root"] == "done"
    assert labels(hsm) == [(ROOT_KEY, ROOT_ID)]
    told = next(entry for entry in audited(home) if entry["event"] == "key-generated")
    assert told["spki_sha256"] == made.spki_sha256
    assert journal(home).open() == []


def test_a_token_that_fails_stops_its_own_branch_only(home: Path) -> None:
    (home / "qpki.yaml").write_text(MANIFESTS + SECOND)
    secrets = OnlyOne()
    assert verdicts(apply(home, secrets)) == {
        "ca/root": "done",
        "crl/root": "done",
        "ca/second": "failed",
        "crl/second": "skipped",
    }
    assert secrets.asked == ["PIN of token CA-Token", "PIN of token two"]
    assert verdicts(apply(home, FixedSecrets())) == {"ca/second": "done", "crl/second": "done"}


def test_a_rekey_makes_the_next_key_under_a_label_of_its_own(home: Path, hsm: SoftHsm) -> None:
    apply(home, FixedSecrets())
    (home / "qpki.yaml").write_text(MANIFESTS.replace("  profile:", "  generation: 2\n  profile:"))
    assert verdicts(apply(home, FixedSecrets()))["ca/root"] == "done"
    assert [label for label, _ in labels(hsm)] == [ROOT_KEY, f"{ROOT_KEY}.g2"]


EXISTING = MANIFESTS.replace("{hsm: hsm/one.yaml}", "{hsm: hsm/one.yaml, label: ceremony, existing: true}")
IMPORTED = """\
apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: test}
spec:
  import: [{to: key/ceremony, hsm: hsm/one.yaml, label: ceremony, spkiSha256: PIN}]
---
apiVersion: qpki.io/v1
kind: Key
metadata: {name: ceremony}
spec: {algorithm: ecdsa-p384, hsm: hsm/one.yaml, label: ceremony, existing: true}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: root}
spec:
  profile: ec/root-ca
  variables: {cn: Root}
  key: {resource: ceremony}
"""


def test_an_existing_key_is_used_and_told_as_adopted(home: Path, hsm: SoftHsm) -> None:
    keys.generate_token_key(P384, hsm.config_path, label="ceremony", key_id="0102", secrets=FixedSecrets())
    (home / "qpki.yaml").write_text(EXISTING)
    assert verdicts(apply(home, FixedSecrets())) == {"ca/root": "done", "crl/root": "done"}
    assert labels(hsm) == [("ceremony", "0102")]
    assert not journal(home).path.exists()
    told = next(entry for entry in audited(home) if entry["event"] == "key-adopted")
    assert (told["address"], told["label"]) == ("ca/root", "ceremony")


def test_a_key_is_imported_if_it_is_the_one_that_is_pinned(home: Path, hsm: SoftHsm) -> None:
    made = keys.generate_token_key(P384, hsm.config_path, label="ceremony", key_id="0102", secrets=FixedSecrets())
    (home / "qpki.yaml").write_text(IMPORTED.replace("PIN", "0" * 64))
    report = apply(home, FixedSecrets())
    assert verdicts(report) == {"key/ceremony": "failed", "ca/root": "skipped", "crl/root": "skipped"}
    assert "is another key than expected" in str(report.of(Verdict.FAILED)[0].error)
    (home / "qpki.yaml").write_text(IMPORTED.replace("PIN", str(made.spki_sha256)))
    assert verdicts(apply(home, FixedSecrets())) == {"key/ceremony": "done", "ca/root": "done", "crl/root": "done"}
    assert Workspace.open(home, Ports(FixedSecrets(), clock=lambda: NOW)).plan().changes == ()
    told = [entry["event"] for entry in audited(home) if entry.get("address") == "key/ceremony"]
    assert told == ["key-adopted", "adopted"]


def test_a_key_that_stands_alone_is_made_on_a_token(home: Path, hsm: SoftHsm) -> None:
    text = IMPORTED.replace(
        "spec:\n  import: [{to: key/ceremony, hsm: hsm/one.yaml, label: ceremony, spkiSha256: PIN}]\n", ""
    )
    (home / "qpki.yaml").write_text(text.replace(", existing: true", ""))
    assert set(verdicts(apply(home, FixedSecrets())).values()) == {"done"}
    assert [label for label, _ in labels(hsm)] == ["ceremony"]


def test_a_declared_existing_key_is_recorded_without_an_import(home: Path, hsm: SoftHsm) -> None:
    keys.generate_token_key(P384, hsm.config_path, label="ceremony", key_id="0102", secrets=FixedSecrets())
    text = IMPORTED.replace(
        "spec:\n  import: [{to: key/ceremony, hsm: hsm/one.yaml, label: ceremony, spkiSha256: PIN}]\n", ""
    )
    (home / "qpki.yaml").write_text(text)
    assert set(verdicts(apply(home, FixedSecrets())).values()) == {"done"}
    assert labels(hsm) == [("ceremony", "0102")]


def test_an_intent_whose_key_was_never_recorded_is_told_after_a_crash(home: Path) -> None:
    """The run died between its intent and its record: the key can be there, and the log says that it is not known."""
    apply(home, FixedSecrets())
    log = home / "state" / "audit.jsonl"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    other = KeyIntent(address="ca/gone", generation=1, hsm="hsm/one.yaml", label="ca-gone", key_id="0102", at=NOW)
    journal(home).intend(other)
    workspace = Workspace.open(home, Ports(FixedSecrets(), clock=lambda: NOW))
    workspace.apply(workspace.plan(), Terms(actor="alice", holder="alice@here", version="0"))
    (told,) = [entry for entry in audited(home) if entry.get("recorded") is False]
    assert (told["event"], told["address"], told["label"]) == ("key-generated", "ca/gone", "ca-gone")
    assert told["recovered"] is True
