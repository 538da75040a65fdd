"""Workspaces for tests: manifests in a directory, and `qpki` in this process over them with a clock of the test's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from pki.ports import Ports, SystemSecrets
from pki.store.index import read
from pki.store.layout import CaLayout
from pki.store.wire import serial_hex
from pki.x509.certificates import parse_certificates
from pki.x509.crls import parse_crl
from reconciler.cli.app import App
from reconciler.cli.main import cli
from tests.support.cli import Outcome

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

CAS = """\
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
kind: CertificateAuthority
metadata: {name: issuing}
spec:
  issuer: root
  profile: ec/issuing-ca
  variables: {cn: Test Issuing CA}
"""
"""A root and an issuing CA."""

TWO_TIER = (
    CAS
    + """\
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {name: web}
spec:
  issuer: issuing
  profiles: [ec/tls-server, ec/tls-client]
  variables: {cn: www.example.com, dns_names: [www.example.com]}
"""
)
"""The same with a credential of two certificates."""


@dataclass(slots=True)
class Home:
    """A workspace at `directory`. Serials are random, as in life; the clock stands at `now`."""

    directory: Path
    now: datetime = NOW
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, directory: Path, manifests: str = TWO_TIER, **choices: object) -> Home:
        directory.mkdir(parents=True, exist_ok=True)
        home = cls(directory, **choices)  # type: ignore[arg-type]  # the fields by name
        home.declare(manifests)
        return home

    def declare(self, manifests: str) -> None:
        (self.directory / "qpki.yaml").write_text(manifests, encoding="utf-8")

    def qpki(self, command: str, *arguments: object) -> Outcome:
        ports = Ports(SystemSecrets(), clock=lambda: self.now)
        words = [command, "-C", str(self.directory), *map(str, arguments)]
        result = CliRunner(env={"NO_COLOR": "1", **self.env}).invoke(cli, words, obj=App(ports))
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def apply(self, *arguments: object) -> Outcome:
        return self.qpki("apply", "--auto-approve", *arguments)

    def applied(self, *arguments: object) -> Outcome:
        """Apply, which must succeed."""
        outcome = self.apply(*arguments)
        assert outcome.exit_code == 0, f"{outcome.stdout}{outcome.stderr}"
        return outcome

    def plan(self, *arguments: object) -> dict:
        outcome = self.qpki("plan", "-o", "json", *arguments)
        assert outcome.exit_code == 0, f"{outcome.stdout}{outcome.stderr}"
        return outcome.json

    def changes(self, *arguments: object) -> list[tuple[str, str]]:
        """Return (address, action) of each planned change, in order."""
        return [(change["address"], change["action"]) for change in self.plan(*arguments)["changes"]]

    def tree(self) -> dict[str, str]:
        """Return the digest of every file, and every directory, by path: an empty one was made by somebody too."""
        return {
            str(path.relative_to(self.directory)): (
                hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "directory"
            )
            for path in sorted(self.directory.rglob("*"))
        }

    def generations(self) -> list[CaLayout]:
        """Return every generation of every CA."""
        return [CaLayout(path.parent) for path in sorted(self.directory.glob("state/ca/*/ca.meta.json"))]


def assert_converged(home: Home) -> None:
    """Nothing is left to do, and doing it writes not one byte."""
    before = home.tree()
    assert home.applied().stdout.startswith("No changes.")
    assert home.tree() == before


def assert_accounted_for(home: Home) -> None:
    """Every serial that was journaled is filed and listed, or revoked on the CRL; every valid one has a holder.

    The mark that an intent is done may be missing: it is written last, and the next use of the CA finds all in order.
    """
    named = _named_serials(home.directory / "state")
    for layout in home.generations():
        rows = {entry.serial: entry for entry in read(layout.index)}
        filed = {parse_certificates(path.read_bytes())[0].serial for path in layout.certificates.glob("*.crt")}
        own = parse_certificates(layout.certificate.read_bytes())[0].serial
        revoked = {serial for serial, entry in rows.items() if entry.revoked_at is not None}
        listed = {revocation.serial for revocation in parse_crl(layout.crl_der.read_bytes()).revocations}

        assert filed <= rows.keys()
        assert _intended(layout) <= rows.keys() | {own}
        assert rows.keys() - filed <= revoked
        assert revoked == listed
        assert {serial_hex(serial) for serial in rows.keys() - revoked} <= named


def _intended(layout: CaLayout) -> set[int]:
    lines = layout.journal.read_text(encoding="utf-8").splitlines() if layout.journal.exists() else []
    events = map(json.loads, lines)
    return {int(event["serial"], 16) for event in events if event.get("kind") == "certificate"}


def _named_serials(state: Path) -> set[str]:
    """Return every serial that a record of a CA or credential names, as upper-case hex."""
    found: set[str] = set()
    for path in (*state.glob("ca/*/ca.meta.json"), *state.glob("credential/*/credential.meta.json")):
        record = json.loads(path.read_bytes())
        own = [record["certificate"]] if "certificate" in record else record["certificates"]
        found |= {facts["serial"].removeprefix("0x") for facts in (*own, *record.get("previous", ()))}
    return found
