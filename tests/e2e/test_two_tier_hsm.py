"""A two-tier hierarchy on two real tokens, through its whole life: made, used, revoked, refreshed, renewed, rekeyed.

After each step nothing is left to do, and OpenSSL agrees with the PKI about what is good and what is revoked.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.process import Site, contents
from tests.support.tokens import SoftHsm, softhsm_token

pytestmark = [
    pytest.mark.hsm,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]

MANIFESTS = """\
apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: proof}
spec: {renewal: {before: 30d}}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: root}
spec:
  profile: ec/root-ca
  variables: {cn: Proof Root CA}
  key: {hsm: hsm/root.yaml, label: root-ca-key}
  crl: {validity: 30d, refreshBefore: 7d}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: issuing}
spec:
  issuer: root
  profile: ec/issuing-ca
  variables: {cn: Proof Issuing CA}
  key: {hsm: hsm/issuing.yaml, label: issuing-ca-key}
  generation: 1
  onIssuerRekey: reissue
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {name: web}
spec:
  issuer: issuing
  profiles: [ec/tls-server]
  variables: {cn: www.example.com, dns_names: [www.example.com]}
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {name: signer}
spec:
  issuer: issuing
  profiles: [ec/code-signing]
  variables: {cn: Release Signing}
  key: {hsm: hsm/issuing.yaml, label: release-key}
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {name: partner}
spec:
  issuer: issuing
  profiles: [ec/tls-server]
  csr: csr/partner.csr
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {name: lost}
spec:
  issuer: issuing
  profiles: [ec/tls-client]
  variables: {cn: lost-laptop}
  # revoked: {reason: keyCompromise}
"""


@dataclass
class Proof:
    """The workspace, its two tokens, and the time that it is there."""

    site: Site
    root: SoftHsm
    issuing: SoftHsm
    now: datetime

    def qpki(self, command: str) -> str:
        return self.site.ok(command).stdout

    def apply(self) -> str:
        return self.qpki(f"apply --auto-approve --now {self.now:%Y-%m-%dT%H:%M:%SZ}")

    def plan(self) -> str:
        """Return the plan, made with no PIN and no token in reach."""
        blind = {"ROOT_PIN": None, "ISSUING_PIN": None, "SOFTHSM2_CONF": "/nonexistent"}
        return self.site.ok(f"plan --now {self.now:%Y-%m-%dT%H:%M:%SZ}", **blind).stdout

    def assert_in_sync(self) -> None:
        before = contents(self.site.directory)
        assert self.plan().startswith("No changes.")
        self.apply()
        assert contents(self.site.directory) == before

    def declare(self, before: str, after: str) -> None:
        path = self.site / "qpki.yaml"
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    def verdict(self, credential: str, *, issuing: str = "issuing") -> str:
        """Return what `openssl verify` says of a credential at this time: `OK`, or why not."""
        state = self.site / "state"
        crls = [state / "ca" / name / "crl/ca.crl.pem" for name in ("root", issuing)]
        command = [
            *("openssl", "verify", "-x509_strict", "-crl_check_all"),
            *("-attime", str(int(self.now.timestamp()) + 1)),
            *("-CAfile", state / "ca/root/ca.crt", "-untrusted", state / "ca" / issuing / "ca.crt"),
            *(word for crl in crls for word in ("-CRLfile", crl)),
            state / "credential" / credential / "cert.pem",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return "OK" if done.returncode == 0 else done.stderr

    def keys(self) -> list[str]:
        """Return the labels of all private keys on the two tokens, one line for each key."""
        found = []
        for token in (self.root, self.issuing):
            listed = token.tool("--list-objects", "--type", "privkey").splitlines()
            found += [line.partition(":")[2].strip() for line in listed if line.strip().startswith("label:")]
        return sorted(found)


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    issuing = softhsm_token(tmp_path / "tokens", label="issuing")
    issuing.add_token("root")
    root = SoftHsm(issuing.directory, issuing.conf, issuing.lib, "root", issuing.pin, issuing.config_path)
    home = tmp_path / "home"
    (home / "hsm").mkdir(parents=True)
    (home / "csr").mkdir()
    for name in ("root", "issuing"):
        config = issuing.write_config(f"{name}.yaml", token=name, pin_env=f"{name.upper()}_PIN", env=None)
        shutil.move(config, home / "hsm" / f"{name}.yaml")
    (home / "qpki.yaml").write_text(MANIFESTS, encoding="utf-8")
    subprocess.run(
        shlex.split(
            "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ../partner.key"
            " -out csr/partner.csr -subj /CN=partner.example.com -addext subjectAltName=DNS:partner.example.com"
        ),
        cwd=home,
        check=True,
        capture_output=True,
    )
    env = {"ROOT_PIN": issuing.pin, "ISSUING_PIN": issuing.pin, "SOFTHSM2_CONF": str(issuing.conf)}
    return Proof(Site(home, env), root, issuing, datetime.now(UTC).replace(microsecond=0))


CREDENTIALS = ("web", "signer", "partner", "lost")


def test_the_life_of_a_two_tier_hierarchy(proof: Proof) -> None:
    """Each step does what it is for, leaves nothing to do, and makes no key that was not asked for."""
    assert {"ROOT_PIN", "ISSUING_PIN"} <= set(proof.plan().split())
    proof.apply()
    proof.assert_in_sync()
    assert [proof.verdict(name) for name in CREDENTIALS] == ["OK"] * 4
    assert proof.keys() == ["issuing-ca-key", "release-key", "root-ca-key"]

    proof.declare("# revoked:", "revoked:")
    proof.apply()
    proof.assert_in_sync()
    assert "certificate revoked" in proof.verdict("lost")
    assert proof.verdict("web") == "OK"

    proof.now += timedelta(days=25)  # both CRLs have come due
    assert {"crl/root", "crl/issuing"} <= set(proof.plan().split())
    proof.site.ok(f"apply --auto-approve --only crl/* --now {proof.now:%Y-%m-%dT%H:%M:%SZ}")
    proof.assert_in_sync()
    assert "certificate revoked" in proof.verdict("lost")
    assert proof.verdict("web") == "OK"

    certificate = proof.site / "state/credential/web/cert.pem"
    first = certificate.read_bytes()
    proof.now += timedelta(days=320)  # the certificates' renewal windows have opened, and the CRLs have expired
    proof.apply()
    proof.assert_in_sync()
    assert certificate.read_bytes() != first
    assert [proof.verdict(name) for name in ("web", "signer", "partner")] == ["OK"] * 3
    assert proof.keys() == ["issuing-ca-key", "release-key", "root-ca-key"]

    proof.declare("generation: 1", "generation: 2")
    proof.apply()
    proof.assert_in_sync()
    assert [proof.verdict(name, issuing="issuing.2") for name in ("web", "signer", "partner")] == ["OK"] * 3
    assert proof.keys() == ["issuing-ca-key", "issuing-ca-key.g2", "release-key", "root-ca-key"]
    assert (proof.site / "state/ca/issuing/crl/ca.crl").exists()


def test_a_wrong_pin_stops_its_own_branch_only(proof: Proof) -> None:
    """The root's part is done, the rest is reported as failed and skipped; with the right PIN it goes on."""
    outcome = proof.site.run("apply --auto-approve", ISSUING_PIN="9999")

    assert outcome.exit_code == 1
    assert (proof.site / "state/ca/root/ca.meta.json").exists()
    assert not (proof.site / "state/ca/issuing/ca.meta.json").exists()
    assert "Traceback" not in outcome.stderr
    proof.now = datetime.now(UTC).replace(microsecond=0)
    proof.apply()
    proof.assert_in_sync()
    assert proof.keys() == ["issuing-ca-key", "release-key", "root-ca-key"]


def test_a_foreign_key_under_the_label_is_refused(proof: Proof) -> None:
    """A key that somebody else made is neither used nor joined by a second one of its name."""
    proof.root.tool(
        *("--keypairgen", "--key-type", "EC:prime256v1", "--label", "root-ca-key", "--id", "77"),
        label="root",
    )

    outcome = proof.site.run("apply --auto-approve")

    assert outcome.exit_code == 1
    assert "root-ca-key" in outcome.stderr + outcome.stdout
    assert proof.keys() == ["root-ca-key"]
    assert not (proof.site / "state/ca/root/ca.meta.json").exists()
