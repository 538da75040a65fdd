"""Certificates of the builtin profiles do what they are for, in the hands of programs that are not ours."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from pki.algorithms import Family
from pki.authority import Authority
from pki.ports import Ports, SystemSecrets
from pki.profiles.model import Profile
from pki.x509.certificates import Certificate
from tests.support.interop import LATER
from tests.support.issue import CATALOG, Estate, Issue, everything, family_of, fewest, new_ca, new_leaf

pytestmark = pytest.mark.interop

LEAVES = [profile for profile in map(CATALOG.get, CATALOG.names()) if not profile.is_ca]
HOST = "www.example.com"
REAL_TIME = Ports(secrets=SystemSecrets())
"""TLS libraries ask the real clock."""


def purposes(profile: Profile) -> list[str]:
    return profile.extensions.get("extKeyUsage", {}).get("values", [])


def usages(profile: Profile) -> list[str]:
    return profile.extensions["keyUsage"]["values"]


def with_purpose(purpose: str, families: Iterable[Family] = tuple(Family)) -> pytest.MarkDecorator:
    names = [each.name for each in LEAVES if purpose in purposes(each) and each.algorithm.family in families]
    assert names
    return pytest.mark.parametrize("name", names)


CLASSICAL = [family for family in Family if family is not Family.ML_DSA]
IN_CMS = [Family.EC, Family.RSA]
"""OpenSSL 3.0 makes no CMS signatures with Ed25519."""
IN_PYCA_TLS = [family for family in Family if family is not Family.ED]
"""cryptography's verifier takes no Ed25519."""


def pyca(certificate: Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.der)


@with_purpose("serverAuth", IN_PYCA_TLS)
def test_pyca_takes_it_for_a_tls_server(estate: Estate, name: str) -> None:
    issue = estate.issue(name, "everything")
    builder = PolicyBuilder().store(Store([pyca(issue.anchor)])).time(LATER)

    verifier = builder.build_server_verifier(x509.DNSName(HOST))

    chain = verifier.verify(pyca(issue.certificate), [pyca(link) for link in issue.above[:-1]])
    assert len(chain) == 3


@with_purpose("clientAuth", IN_PYCA_TLS)
def test_pyca_takes_it_for_a_tls_client(estate: Estate, name: str) -> None:
    issue = estate.issue(name, "everything")
    verifier = PolicyBuilder().store(Store([pyca(issue.anchor)])).time(LATER).build_client_verifier()

    verified = verifier.verify(pyca(issue.certificate), [pyca(link) for link in issue.above[:-1]])

    assert len(verified.chain) == 3


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Authority, Authority]]:
    """Give, by family, a root and an issuing CA of now, both with CRLs."""

    @cache
    def make(family: str) -> tuple[Authority, Authority]:
        folder = tmp_path_factory.mktemp(family)
        root = new_ca(CATALOG.get(f"{family}/root-ca"), folder / "root", ports=REAL_TIME)
        issuing = new_ca(CATALOG.get(f"{family}/issuing-ca"), folder / "issuing", root, ports=REAL_TIME)
        root.generate_crl()
        issuing.generate_crl()
        return root, issuing

    return make


@with_purpose("serverAuth", CLASSICAL)
def test_tls_server_and_client_shake_hands_until_the_client_is_revoked(tls, tmp_path: Path, name: str) -> None:
    server_profile = CATALOG.get(name)
    client_profile = CATALOG.get(f"{family_of(server_profile)}/tls-client")
    root, issuing = tls(family_of(server_profile))
    server = new_leaf(issuing, server_profile, everything(server_profile))
    client = new_leaf(issuing, client_profile, fewest(client_profile))

    def subjects() -> list[str]:
        sides = context(ssl.PROTOCOL_TLS_SERVER, server, tmp_path), context(ssl.PROTOCOL_TLS_CLIENT, client, tmp_path)
        for side in sides:
            for authority in (root, issuing):
                side.load_verify_locations(authority.layout.crl_pem)
        return handshake(*sides)

    assert subjects() == [common_name(client), common_name(server)]
    issuing.revoke([client.certificate.serial], "keyCompromise")
    issuing.generate_crl()
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate revoked"):
        subjects()


def context(protocol: int, own: Issue, folder: Path) -> ssl.SSLContext:
    """Return one side: it shows its own certificate, and checks the other's strictly, with CRLs for the path."""
    side = ssl.SSLContext(protocol)
    side.verify_mode = ssl.CERT_REQUIRED
    side.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_CRL_CHECK_CHAIN
    # By file: with `cadata`, Python takes an error that a PKCS#11 module left in OpenSSL's queue for its own.
    (folder / "anchor.pem").write_bytes(own.anchor.pem())
    side.load_verify_locations(folder / "anchor.pem")
    (folder / "chain.pem").write_bytes(b"".join(link.pem() for link in (own.certificate, *own.above[:-1])))
    (folder / "key.pem").write_bytes(own.signer.to_pem(None))
    side.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return side


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> list[str]:
    """Return the common names that server and client saw; raises what the first of them objects to."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=HOST),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return [dict(field for rdn in end.getpeercert()["subject"] for field in rdn)["commonName"] for end in ends]


def common_name(issue: Issue) -> str:
    return issue.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value


class OpenSsl:
    """OpenSSL's commands in a folder with a certificate, its key, its chain and a message."""

    def __init__(self, folder: Path, issue: Issue) -> None:
        self.folder = folder
        (folder / "own.crt").write_bytes(issue.certificate.pem())
        (folder / "own.key").write_bytes(issue.signer.to_pem(None))
        (folder / "chain.crt").write_bytes(b"".join(link.pem() for link in issue.above[:-1]))
        (folder / "root.crt").write_bytes(issue.anchor.pem())
        (folder / "message").write_text("Attack at dawn.\n")

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def using(estate: Estate, tmp_path: Path) -> Callable[[str], OpenSsl]:
    return lambda name: OpenSsl(tmp_path, estate.issue(name, "everything"))


TRUST = ["-CAfile", "root.crt", "-attime", str(int(LATER.timestamp())), "-x509_strict"]

TSA = """
[tsa]
default_tsa = ours
[ours]
serial = serial
default_policy = 1.3.6.1.4.1.32473.1
signer_digest = sha256
digests = sha256
accuracy = secs:1
"""


@with_purpose("timeStamping", CLASSICAL)
def test_openssl_stamps_time_and_believes_the_stamp(using: Callable[[str], OpenSsl], name: str) -> None:
    openssl = using(name)
    (openssl.folder / "tsa.cnf").write_text(TSA)
    openssl("ts", "-query", "-data", "message", "-sha256", "-cert", "-out", "query")

    signer = ["-signer", "own.crt", "-inkey", "own.key", "-chain", "chain.crt"]
    openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", *signer, "-out", "reply")

    assert "Verification: OK" in openssl("ts", "-verify", "-queryfile", "query", "-in", "reply", *TRUST)


SIGNERS = [
    profile.name
    for profile in LEAVES
    if {"digitalSignature", "nonRepudiation"} & set(usages(profile))
    and not {"ocspSigning", "timeStamping", "serverAuth", "clientAuth"} & set(purposes(profile))
    and profile.algorithm.family in IN_CMS
]
RECIPIENTS = [profile.name for profile in LEAVES if {"keyEncipherment", "keyAgreement"} & set(usages(profile))]


@pytest.mark.parametrize("name", SIGNERS)
def test_openssl_signs_a_message_and_believes_the_signature(using: Callable[[str], OpenSsl], name: str) -> None:
    openssl = using(name)
    purpose = "any" if "codeSigning" in purposes(CATALOG.get(name)) else "smimesign"  # OpenSSL 3.0 has no other

    openssl("cms", "-sign", "-in", "message", "-signer", "own.crt", "-inkey", "own.key", "-certfile", "chain.crt",
            "-nodetach", "-out", "signed")  # fmt: skip

    assert "Verification successful" in openssl("cms", "-verify", "-in", "signed", "-purpose", purpose, *TRUST)


@pytest.mark.parametrize("name", RECIPIENTS)
def test_openssl_encrypts_a_message_to_it_and_decrypts_it(using: Callable[[str], OpenSsl], name: str) -> None:
    openssl = using(name)

    openssl("cms", "-encrypt", "-in", "message", "-binary", "-aes-256-cbc", "-out", "secret", "own.crt")

    assert "dawn" not in (openssl.folder / "secret").read_text()
    assert "Attack at dawn." in openssl("cms", "-decrypt", "-in", "secret", "-recip", "own.crt", "-inkey", "own.key")
