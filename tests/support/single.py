"""Small workspaces, and what a test asks of them after an apply."""

from __future__ import annotations

import json

from pki.store.layout import CaLayout
from pki.x509.certificates import parse_certificates
from pki.x509.crls import parse_crl
from tests.support.audits import audited
from tests.support.workspaces import TWO_TIER, Home, assert_accounted_for, assert_converged

SINGLE = TWO_TIER.replace("profiles: [ec/tls-server, ec/tls-client]", "profiles: [ec/tls-server]")
"""A root, an issuing CA and a credential with one certificate."""

KEPT = SINGLE.replace("profiles: [ec/tls-server]", "profiles: [ec/tls-server]\n  key: {rotation: never}")
SHARED = (
    SINGLE.replace("profiles: [ec/tls-server]", "profiles: [ec/tls-server]\n  key: {resource: shared}")
    + """\
---
apiVersion: qpki.io/v1
kind: Key
metadata: {name: shared}
spec: {algorithm: ecdsa-p256}
"""
)
RENAMED = SHARED.replace("shared", "common").replace(
    "metadata: {name: test}", "metadata: {name: test}\nspec: {moved: [{from: key/shared, to: key/common}]}"
)

ROOTS = """\
apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: test}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: one}
spec:
  profile: ec/root-ca
  variables: {cn: One}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: two}
spec:
  profile: ec/root-ca
  variables: {cn: Two}
"""
"""Two CAs that have nothing to do with each other."""


def declared(home: Home, before: str, after: str) -> None:
    text = (home.directory / "qpki.yaml").read_text()
    assert before in text
    home.declare(text.replace(before, after))


def record(home: Home, name: str = "web") -> dict:
    return json.loads((home.directory / "state/credential" / name / "credential.meta.json").read_bytes())


def certificates(home: Home, name: str = "web", file: str = "cert.pem") -> list:
    return parse_certificates((home.directory / "state/credential" / name / file).read_bytes())


def layout(home: Home, name: str = "issuing") -> CaLayout:
    return CaLayout(home.directory / "state/ca" / name)


def revoked_on_crl(home: Home, name: str = "issuing") -> dict[int, str | None]:
    return {each.serial: each.reason for each in parse_crl(layout(home, name).crl_der.read_bytes()).revocations}


def assert_in_order(home: Home) -> None:
    assert_converged(home)
    assert_accounted_for(home)
    audited(home.directory)


def key_id(home: Home, name: str) -> str:
    meta = json.loads((home.directory / "state/ca" / name / "ca.meta.json").read_bytes())
    return meta["certificate"]["subject_key_id"]
