"""`apply` and keys on tokens: one for each label, ours or refused, and PINs asked for once."""

from __future__ import annotations

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
    with keys.open_token(hsm.config_path, FixedSecrets()) as token:
        return [(key.label, key.key_id) for key in token.keys()]


def test_a_key_is_made_under_its_derived_names_after_the_journal_said_so(home: Path, hsm: SoftHsm) -> None:
    assert verdicts(apply(home, FixedSecrets())) == {"ca/root": "done", "crl/root": "done"}
    assert labels(hsm) == [(ROOT_KEY, ROOT_ID)]
    (intent,) = journal(home).intents()
    assert (intent.label, intent.key_id, intent.hsm) == (ROOT_KEY, ROOT_ID, "hsm/one.yaml")
    assert journal(home).open() == []
    made = next(entry for entry in audited(home) if entry["event"] == "key-generated")
    assert (made["hsm"], made["label"], made["key_id"]) == ("hsm/one.yaml", ROOT_KEY, ROOT_ID)


def test_the_pin_is_asked_for_once_before_the_first_step(home: Path) -> None:
    secrets = FixedSecrets()
    apply(home, secrets)
    assert secrets.asked == ["PIN of token CA-Token"]


def test_a_foreign_key_under_the_label_is_refused_and_stays_foreign(home: Path, hsm: SoftHsm) -> None:
    """It is neither used nor joined by a second one, however often apply is run."""
    keys.generate_token_key(P384, hsm.config_path, label=ROOT_KEY, key_id="0102", secrets=FixedSecrets())
    for _ in range(2):
        report = apply(home, FixedSecrets())
        (failed,) = report.of(Verdict.FAILED)
        assert "existing: true" in str(getattr(failed.error, "hint", None))
        assert labels(hsm) == [(ROOT_KEY, "0102")]
        assert journal(home).intents() == []


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


def test_a_token_that_fails_stops_its_own_branch_only(home: Path, hsm: SoftHsm) -> None:
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
