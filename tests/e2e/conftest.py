"""Places to work in: a CA with its key in a file, one with an encrypted key, and what people bring to them."""

from __future__ import annotations

import pytest

from tests.support.process import Site
from tests.support.tokens import SoftHsm, softhsm_token

PROFILES = {
    "root.yaml": """\
algorithm: ecdsa-p256
validity: 3650d
variables:
  cn: {type: string, required: true}
subject: {cn: "{{ cn }}"}
extensions:
  basicConstraints: {ca: true}
  keyUsage: {values: [keyCertSign, cRLSign]}
""",
    "issuing.yaml": """\
algorithm: ecdsa-p256
validity: 365d
variables:
  cn: {type: string, required: true}
subject: {cn: "{{ cn }}"}
extensions:
  basicConstraints: {ca: true, pathLen: 0}
  keyUsage: {values: [keyCertSign, cRLSign]}
""",
    "server.yaml": """\
algorithm: ecdsa-p256
validity: 90d
variables:
  cn: {type: dns_name, constraints: {allowed_suffixes: [.example.com]}}
  dns_names: {type: dns_names, constraints: {allowed_suffixes: [.example.com]}}
subject: {cn: "{{ cn }}"}
extensions:
  keyUsage: {values: [digitalSignature]}
  extKeyUsage: {values: [serverAuth]}
  subjectAltName: {dns: ["{{ dns_names }}"]}
""",
    "client.yaml": """\
algorithm: ecdsa-p256
validity: 90d
variables:
  cn: {type: string, required: true}
subject: {cn: "{{ cn }}"}
extensions:
  keyUsage: {values: [digitalSignature]}
  extKeyUsage: {values: [clientAuth]}
""",
}
PASSPHRASE = "correct horse"


@pytest.fixture(scope="session")
def _made(tmp_path_factory) -> Site:
    site = Site(tmp_path_factory.mktemp("made"), {"CA_PASSPHRASE": PASSPHRASE})
    for name, text in PROFILES.items():
        (site / name).write_text(text)
    site.ok("ca init --profile ./root.yaml --var 'cn=Plain Root' --dir ca")
    site.ok("ca init --profile ./root.yaml --var 'cn=Locked Root' --dir locked --passphrase-env CA_PASSPHRASE")
    site.ok("csr gen --keyout www.key --cn www.example.com --dns www.example.com --out www.csr")
    site.ok("cert issue --ca-dir ca --profile ./server.yaml --csr www.csr --out www.crt")
    site.ok("credential enroll alice --ca-dir ca --profile ./client.yaml --var cn=alice")
    site.ok("crl gen --ca-dir ca")
    return site


@pytest.fixture
def site(_made, tmp_path) -> Site:
    """Give `ca` with a certificate, a credential and a CRL; `locked`, whose key is encrypted; profiles; `www.csr`."""
    return _made.copy(tmp_path)


@pytest.fixture(scope="module")
def shared(_made, tmp_path_factory) -> Site:
    """Give the same to all tests of a module that change nothing."""
    return _made.copy(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def token(tmp_path_factory) -> SoftHsm:
    """Give a SoftHSM2 token of one's own, beside the site: what a token counts is no file of ours."""
    return softhsm_token(tmp_path_factory.mktemp("token"))
