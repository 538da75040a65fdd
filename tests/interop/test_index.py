"""A CA of ours is a CA of OpenSSL's: its commands answer from the files as they lie there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from asn1crypto import pem

from tests.support.interop import LATER, asn1_entries
from tests.support.issue import CATALOG, Issue, fewest, new_ca, new_leaf

pytestmark = pytest.mark.interop

CONFIG = """
[ca]
default_ca = ours
[ours]
database = index.txt
new_certs_dir = certs
certificate = ca.crt
private_key = private/ca.ecdsa-p256.key
default_md = sha256
default_crl_days = 7
crl_extensions = extensions
[extensions]
authorityKeyIdentifier = keyid:always
"""


class Case:
    """An issuing CA with three certificates that stand and two that are revoked."""

    def __init__(self, folder: Path) -> None:
        root = new_ca(CATALOG.get("ec/root-ca"), folder / "root")
        self.authority = new_ca(CATALOG.get("ec/issuing-ca"), folder / "issuing", root)
        self.folder = self.authority.layout.root
        self.root = root.layout.certificate
        client = CATALOG.get("ec/tls-client")
        self.good, self.bad, self.worse = (new_leaf(self.authority, client, fewest(client)) for _ in range(3))
        self.authority.revoke([self.bad.certificate.serial], "superseded")
        self.authority.revoke([self.worse.certificate.serial], None)

    def openssl(self, *arguments: str | Path) -> str:
        """Run OpenSSL in the CA's directory and return all that it says."""
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("index"))


def test_a_crl_that_openssl_makes_of_our_index_lists_what_ours_lists(case: Case) -> None:
    ours = case.authority.generate_crl()
    (case.folder / "openssl.cnf").write_text(CONFIG)

    case.openssl("ca", "-config", "openssl.cnf", "-gencrl", "-out", "theirs.pem")

    _, _, theirs = pem.unarmor((case.folder / "theirs.pem").read_bytes())
    assert asn1_entries(theirs) == asn1_entries(ours.der)
    assert {reason for _, reason in asn1_entries(theirs).values()} == {"superseded", None}


def test_openssl_answers_ocsp_with_our_index_and_a_responder_of_ours_and_a_client_believes_it(case: Case) -> None:
    profile = CATALOG.get("ec/ocsp-responder")
    responder = new_leaf(case.authority, profile, fewest(profile))
    (case.folder / "ocsp.crt").write_bytes(responder.certificate.pem())
    (case.folder / "ocsp.key").write_bytes(responder.signer.to_pem(None))

    def status(issue: Issue) -> str:
        """Ask as a client, answer as the responder, and verify the answer as the client."""
        asked = ["-issuer", "ca.crt", "-serial", f"0x{issue.certificate.serial_hex}", "-no_nonce"]
        signing = ["-CA", "ca.crt", "-rsigner", "ocsp.crt", "-rkey", "ocsp.key"]
        trusted = ["-CAfile", case.root, "-verify_other", "ca.crt", "-attime", str(int(LATER.timestamp()))]
        case.openssl("ocsp", *asked, "-reqout", "request.der")
        case.openssl("ocsp", "-index", "index.txt", *signing, "-reqin", "request.der", "-respout", "response.der")
        said = case.openssl("ocsp", *asked, "-respin", "response.der", *trusted)
        assert "Response verify OK" in said
        return said

    assert ": good" in status(case.good)
    assert ": revoked" in status(case.worse)
    assert "Reason: superseded" in status(case.bad)
