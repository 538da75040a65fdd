"""Killed or failing at any call, an apply with keys on a token converges when it is run again, with one key a label."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.tokens import softhsm_token

pytestmark = [pytest.mark.hsm, pytest.mark.slow]

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
  key: {hsm: hsm.yaml, label: root-key}
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {name: signer}
spec:
  issuer: root
  profiles: [ec/signing]
  variables: {cn: Test Signer}
  key: {hsm: hsm.yaml, label: signer-key}
"""


@pytest.mark.parametrize(("mode", "when"), [("kill", "after"), ("enospc", "before")])
def test_an_apply_on_a_token_survives(mode: str, when: str, tmp_path: Path, record_property) -> None:
    before, work = tmp_path / "before", tmp_path / "work"
    token = softhsm_token(work)
    work.rename(before)
    (before / "qpki.yaml").write_text(MANIFESTS, encoding="utf-8")
    (before / "hsm.yaml").write_text(
        f"type: pkcs11\npkcs11:\n  lib: {token.lib}\n  token: {token.label}\n  pin_env: HSM_PIN\n", encoding="utf-8"
    )

    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.support.token_crashes", tmp_path, mode, when],
        env={**token.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    tried = int(done.stdout.split()[-1])
    record_property("points", tried)
    assert tried > 80
    labels = [
        line.split()[-1] for line in token.tool("--list-objects", "--type", "privkey").splitlines() if "label:" in line
    ]
    assert sorted(labels) == ["root-key", "signer-key"]
