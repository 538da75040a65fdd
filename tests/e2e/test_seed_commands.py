"""The commands that people know from the HSM guide work as they are written, in order, on a real token.

Each command runs in a shell, as a person would paste it. What comes out is judged by OpenSSL.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LIB = Path("/usr/lib/softhsm/libsofthsm2.so")

pytestmark = [
    pytest.mark.hsm,
    pytest.mark.skipif(not LIB.exists(), reason="SoftHSM2 is not installed"),
    pytest.mark.skipif(shutil.which("pkcs11-tool") is None, reason="pkcs11-tool (opensc) is not installed"),
]

HSM_YAML = f"""\
type: pkcs11

pkcs11:
  # Path to PKCS#11 library
  lib: {LIB}

  # Token identification (choose one)
  token: "CA-Token"           # By label (recommended)
  # token_serial: "ABC123"    # By serial number (more precise)
  # slot: 0                   # By slot ID (less portable)

  # PIN via environment variable (never in file)
  pin_env: HSM_PIN
"""

INIT_TOKEN = 'softhsm2-util --init-token --slot 0 --label "CA-Token" --pin 1234 --so-pin 12345678'

PKCS11_TOOL_KEYGEN = f"""pkcs11-tool --module {LIB} \\
  --token-label "CA-Token" --login --pin 1234 \\
  --keypairgen --key-type EC:secp384r1 \\
  --label "root-ca-key" --id 01"""

CA_INIT = """qpki ca init --hsm-config ./hsm/thales-luna.yaml \\
  --key-label "root-ca-key" \\
  --profile ec/root-ca \\
  --var cn="HSM Root CA" \\
  --dir ./hsm-ca"""

CERT_ISSUE = """qpki cert issue --ca-dir ./hsm-ca \\
  --profile ec/tls-server \\
  --csr server.csr \\
  --out server.crt"""

CRL_GEN = "qpki crl gen --ca-dir ./hsm-ca"

ENROLL = """qpki credential enroll --ca-dir ./hsm-ca --cred-dir ./hsm-ca/credentials \\
  --profile ec/tls-server \\
  --var cn=server.example.com \\
  --var dns_names=server.example.com \\
  --hsm-config ./hsm.yaml \\
  --key-label "server-key\""""

HSM_LIST = f"qpki hsm list --lib {LIB}"
HSM_TEST = "qpki hsm test --hsm-config ./hsm.yaml"
KEY_LIST = "qpki key list --hsm-config ./hsm.yaml"

KEY_GEN_EC = """qpki key gen --algorithm ecdsa-p384 \\
  --hsm-config ./hsm.yaml \\
  --key-label "root-ca-key\""""

KEY_GEN_RSA = """qpki key gen --algorithm rsa-4096 \\
  --hsm-config ./hsm.yaml \\
  --key-label "rsa-ca-key\""""

KEY_GEN_ID = """qpki key gen --algorithm ecdsa-p384 \\
  --hsm-config ./hsm.yaml \\
  --key-label "my-key" \\
  --key-id 0102030405"""

CA_INIT_GENERATE = """qpki ca init --hsm-config ./hsm.yaml \\
  --key-label "root-ca-key" \\
  --generate-key \\
  --profile ec/root-ca \\
  --var cn="HSM Root CA" \\
  --dir ./hsm-ca"""

SERVER_CSR = (
    "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout server.key -out server.csr "
    '-subj "/CN=server.example.com" -addext "subjectAltName=DNS:server.example.com"'
)
WITH_CRL = "-x509_strict -crl_check -CAfile hsm-ca/ca.crt -CRLfile hsm-ca/crl/ca.crl.pem"


class Terminal:
    """A shell in a directory of its own, with a SoftHSM2 of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "tokens").mkdir(parents=True)
        (home / "hsm").mkdir()
        (home / "softhsm2.conf").write_text(
            f"directories.tokendir={home}/tokens\nobjectstore.backend=file\nlog.level=ERROR\n"
        )
        (home / "hsm.yaml").write_text(HSM_YAML)
        (home / "hsm" / "thales-luna.yaml").write_text(HSM_YAML)
        scripts = Path(sys.executable).parent
        self.environment = {
            **os.environ,
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "SOFTHSM2_CONF": str(home / "softhsm2.conf"),
            "HSM_PIN": "1234",
        }

    def run(self, command: str, *, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, shell=True, cwd=self.home, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *path: str) -> dict:
        return json.loads(self.home.joinpath(*path).read_text())


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """The guide followed once from the top; the tests below look at what it left."""
    terminal = Terminal(tmp_path_factory.mktemp("guide"))
    terminal.run(INIT_TOKEN)
    terminal.run(PKCS11_TOOL_KEYGEN)
    terminal.run(CA_INIT)
    terminal.run(SERVER_CSR)
    terminal.run(CERT_ISSUE)
    terminal.run(CRL_GEN)
    terminal.enrolled = terminal.run(ENROLL)
    return terminal


def test_the_ca_records_its_key_in_the_known_shape(guide):
    meta = guide.json("hsm-ca", "ca.meta.json")
    key = meta["keys"][0]

    assert meta["profile"] == "ec/root-ca"
    assert (key["id"], key["algorithm"]) == ("default", "ecdsa-p384")
    assert key["storage"] == {"type": "pkcs11", "config": "../hsm/thales-luna.yaml", "label": "root-ca-key"}


def test_the_issued_certificate_passes_openssl_with_the_crl(guide):
    verify = f"openssl verify {WITH_CRL} server.crt"

    assert guide.run(verify).stdout == "server.crt: OK\n"


def test_a_revoked_certificate_is_refused_by_openssl_after_the_next_crl(guide):
    serial = guide.run("openssl x509 -in server.crt -noout -serial").stdout.strip().removeprefix("serial=")
    guide.run("cp hsm-ca/crl/ca.crl.pem before.pem")
    guide.run(f"qpki cert revoke {serial} --ca-dir ./hsm-ca --reason keyCompromise")
    guide.run(CRL_GEN)
    verify = "openssl verify -x509_strict -crl_check -CAfile hsm-ca/ca.crt -CRLfile {} server.crt"

    assert "certificate revoked" in guide.run(verify.format("hsm-ca/crl/ca.crl.pem"), status=2).stderr
    assert guide.run(verify.format("before.pem")).returncode == 0


def test_the_credential_records_its_token_key_in_the_known_shape(guide):
    directory = next((guide.home / "hsm-ca" / "credentials").iterdir())
    meta = guide.json("hsm-ca", "credentials", directory.name, "credential.meta.json")
    certificate = meta["certificates"][0]
    storage = certificate["storage"][0]

    assert meta["id"] == directory.name
    assert meta["subject"]["common_name"] == "server.example.com"
    assert (meta["profiles"], meta["status"]) == (["ec/tls-server"], "valid")
    assert certificate["serial"].startswith("0x")
    assert (certificate["role"], certificate["profile"]) == ("signature", "ec/tls-server")
    assert certificate["algorithm"] == "ECDSA-SHA384"
    assert (storage["type"], storage["label"]) == ("pkcs11", "server-key")
    assert (directory / storage["config"]).resolve() == (guide.home / "hsm.yaml").resolve()


def test_the_credential_passes_openssl(guide):
    directory = next((guide.home / "hsm-ca" / "credentials").iterdir())
    verify = f"openssl verify {WITH_CRL} {directory}/cert.pem"

    assert guide.run(verify).stdout.endswith("cert.pem: OK\n")


def test_the_diagnostics_see_the_token_and_its_keys(guide):
    assert "CA-Token" in guide.run(HSM_LIST).stdout
    assert "root-ca-key" in guide.run(KEY_LIST).stdout
    assert "server-key" in guide.run(KEY_LIST).stdout
    assert guide.run(HSM_TEST).returncode == 0


def test_keys_are_generated_on_a_fresh_token(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.run(INIT_TOKEN)
    for command in (KEY_GEN_EC, KEY_GEN_RSA, KEY_GEN_ID):
        terminal.run(command)
    listed = terminal.run(KEY_LIST + " -o json").stdout

    assert {"root-ca-key", "rsa-ca-key", "my-key"} <= {key["label"] for key in json.loads(listed)["keys"]}
    assert "0102030405" in listed


def test_a_key_is_never_generated_over_another(tmp_path):
    """The original bricks the CA here: two keys then answer to one label and id."""
    terminal = Terminal(tmp_path)
    terminal.run(INIT_TOKEN)
    terminal.run(CA_INIT_GENERATE)
    refused = terminal.run(KEY_GEN_EC, status=1)
    for command in (SERVER_CSR, CERT_ISSUE, CRL_GEN):
        terminal.run(command)

    assert "root-ca-key" in refused.stderr
    assert refused.stdout == ""
    assert terminal.run(f"openssl verify {WITH_CRL} server.crt").stdout == "server.crt: OK\n"


def test_a_key_can_be_named_by_id_or_by_both(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.run(INIT_TOKEN)
    terminal.run(KEY_GEN_ID)
    init = "qpki ca init --hsm-config ./hsm.yaml {} --profile ec/root-ca --var cn=Root --dir ./{}"
    terminal.run(init.format('--key-id "0102030405"', "by-id"))
    terminal.run(init.format('--key-label "my-key" --key-id "0102030405"', "by-both"))

    assert terminal.json("by-id", "ca.meta.json")["keys"][0]["storage"]["key_id"] == "0102030405"
    assert terminal.run("qpki crl gen --ca-dir by-both").returncode == 0


def test_a_post_quantum_profile_on_a_classical_token_is_refused_by_the_mode_rule(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.run(INIT_TOKEN)
    refused = terminal.run(CA_INIT_GENERATE.replace("ec/root-ca", "ml/root-ca"), status=1)

    assert "ml-dsa-87" in refused.stderr
    assert "classical" in refused.stderr
    assert not (tmp_path / "hsm-ca" / "ca.meta.json").exists()
    assert "root-ca-key" not in terminal.run(KEY_LIST).stdout
