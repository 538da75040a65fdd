"""What is applied is what was approved: profiles are those of the plan, whatever their files say by then."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pki.ports import Ports
from pki.x509.certificates import parse_certificate
from reconciler.apply import Outcome
from reconciler.plan.model import Change
from reconciler.workflow import Terms, Workspace
from tests.support.tokens import FixedSecrets
from tests.support.workspaces import NOW

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
  variables: {cn: Test Root CA}
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {name: web}
spec:
  issuer: root
  profile: own
  variables: {cn: Web}
  renewal: {before: 1d}
"""
PROFILE = """\
algorithm: ecdsa-p256
validity: 30d
subject: {cn: "{{ cn }}"}
variables: {cn: {type: string, required: true}}
extensions:
  basicConstraints: {ca: false}
"""


class Editing:
    """Edits a file as soon as the first change has begun."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def started(self, _change: Change) -> None:
        self.path.write_text(PROFILE.replace("30d", "300d"))

    def ended(self, _outcome: Outcome) -> None:
        """Nothing more."""


def test_a_profile_that_is_edited_while_changes_are_made_is_for_the_next_plan(tmp_path: Path) -> None:
    (tmp_path / "qpki.yaml").write_text(MANIFESTS)
    profile = tmp_path / "profiles" / "own.yaml"
    profile.parent.mkdir()
    profile.write_text(PROFILE)
    workspace = Workspace.open(tmp_path, Ports(FixedSecrets(), clock=lambda: NOW))

    terms = Terms(actor="alice", holder="alice@here", version="0", observer=Editing(profile))
    report = workspace.apply(workspace.plan(), terms)

    assert report.counts["done"] == 3
    made = parse_certificate((tmp_path / "state/credential/web/cert.pem").read_bytes())
    assert made.not_after - made.not_before == timedelta(days=30)
    later = Workspace.open(tmp_path, workspace.ports).plan()
    assert [str(each.address) for each in later.changes] == ["credential/web"]
