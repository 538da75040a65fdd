import json
import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from pki.x509.certificates import parse_certificate

ISSUED = """\
Certificate issued successfully!
  Subject:     CN=a.example.com
  Issuer:      CN=Issuing
  Serial:      1004
  Not Before:  2026-11-23 12:00:00 UTC
  Not After:   2027-11-23 12:00:00 UTC
  Algorithm:   ecdsa-p256
  Signature:   ECDSA-SHA256
  Certificate: ./second.crt
  Stored at:   ./issuing-ca/certs/1004.crt
"""

LIST = """\
STATUS   SERIAL  EXPIRES     SUBJECT
revoked  1003    2027-11-23  CN=a.example.com
valid    1004    2027-11-23  CN=a.example.com

Total: 2 certificates
"""

INFO = """\
Certificate:
  Subject:            CN=a.example.com
  Issuer:             CN=Issuing
  Serial:             1003
  Not Before:         2026-11-23 12:00:00 UTC
  Not After:          2027-11-23 12:00:00 UTC
  Algorithm:          ecdsa-p256
  Signature:          ECDSA-SHA256
  Key Usage:          digitalSignature
  Extended Key Usage: serverAuth
  Alternative Names:  DNS:a.example.com
  Subject Key ID:     <hash>
  Authority Key ID:   <hash>
  Extensions:         subjectKeyIdentifier, authorityKeyIdentifier, basicConstraints (critical), keyUsage (critical), \
extKeyUsage, subjectAltName
  SHA-256:            <hash>
  Status:             revoked
  Revoked:            2026-11-23 12:00:00 UTC (keyCompromise)
  Stored at:          ./issuing-ca/certs/1003.crt
"""

REVOKED = """\
Certificate 1003 revoked successfully.
  Subject: CN=a.example.com
  Reason:  keyCompromise
  Revoked: 2026-11-23 12:00:00 UTC
Note: Run `qpki crl gen` to publish it in a CRL.
"""

VALID = """\
Certificate is VALID
  Subject:    CN=a.example.com
  Issuer:     CN=Issuing
  Serial:     1003
  Not Before: 2026-11-23 12:00:00 UTC
  Not After:  2027-11-23 12:00:00 UTC
  Algorithm:  ecdsa-p256
  Signature:  ECDSA-SHA256
  Path:       CN=a.example.com
              CN=Issuing
              CN=Root
  Revocation: not checked: no --crl speaks of CN=a.example.com or CN=Issuing
"""


@pytest.fixture
def second(world):
    """One more certificate, with serial 1004."""
    return world.cli.ok(
        "cert", "issue", "--ca-dir", world.issuing, "--profile", "ec/tls-server", "--csr", world.csr,
        "--out", world.home / "second.crt",
    )  # fmt: skip


def verify(world, *more, file=None):
    trust = ("--ca", world.root / "ca.crt", "--chain", world.issuing / "ca.crt")
    return world.cli("cert", "verify", file or world.crt, *trust, *more)


def test_issue_files_the_certificate_writes_the_copy_and_says_so(world, second):
    filed = world.issuing / "certs" / "1004.crt"

    assert world.blank(second.stdout) == ISSUED
    assert second.stderr == ""
    assert filed.read_bytes() == (world.home / "second.crt").read_bytes()


def test_issue_in_json_is_what_the_certificate_says(world):
    issued = world.cli.ok(
        "cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", world.csr, "-o", "json"
    ).json

    assert issued["serial"] == "0x1004"
    assert issued["alternative_names"] == ["DNS:a.example.com"]
    assert issued["path"] == str(world.issuing / "certs" / "1004.crt")
    assert issued["out"] is None


def test_issue_tells_what_of_the_request_it_left_out(world):
    csr = foreign_request(world, ("title", "Boss"), ("cn", "a.example.com"))
    issued = world.cli.ok("cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", csr, "-o", "json")

    assert "notice:" in issued.stderr
    assert "title" in issued.json["notices"][0].lower()


def foreign_request(world, *subject):
    """Return a request made by other software, which checks no names."""
    oids = {"title": NameOID.TITLE, "cn": NameOID.COMMON_NAME}
    name = x509.Name([x509.NameAttribute(oids[kind], value) for kind, value in subject])
    names = x509.SubjectAlternativeName([x509.DNSName("a.example.com")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(names, critical=False)
    signed = builder.sign(load_pem_private_key(world.key.read_bytes(), None), hashes.SHA256())
    path = world.home / "foreign.csr"
    path.write_bytes(signed.public_bytes(Encoding.PEM))
    return path


def test_an_output_that_cannot_be_written_is_found_before_anything_is_issued(world):
    rows = (world.issuing / "index.txt").read_bytes()
    issue = ("cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", world.csr, "--out")

    assert "holds a private key" in world.cli.refused(*issue, world.key).error
    assert "there is no directory" in world.cli.refused(*issue, world.home / "no" / "x.crt").error
    assert (world.issuing / "index.txt").read_bytes() == rows


def test_a_key_that_comes_to_lie_there_while_the_certificate_is_made_is_not_written_over(world):
    out = world.home / "new.crt"

    def serials():
        out.write_bytes(world.key.read_bytes())
        yield 0x2001

    world.cli._serials = serials()
    refused = world.cli.refused(
        "cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", world.csr, "--out", out
    )

    assert "the certificate is issued and filed as" in refused.error
    assert "holds a private key" in refused.error
    assert out.read_bytes() == world.key.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "not a certificate request"),
        (b"", "not a certificate request"),
        (b"\x30\x03\x02\x01\x01", "not a certificate request"),
        (b"x" * 70_000, "larger than"),
    ],
    ids=["text", "empty", "other DER", "huge"],
)
def test_what_is_no_csr_is_refused(world, content, message):
    csr = world.home / "bad.csr"
    csr.write_bytes(content)
    refused = world.cli.refused("cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", csr)

    assert message in refused.error


def test_a_csr_that_was_changed_after_signing_is_refused(world):
    der = bytearray(_der(world.csr))
    at = der.index(b"a.example.com")
    der[at : at + 1] = b"b"
    (world.home / "bad.csr").write_bytes(der)
    refused = world.cli.refused(
        "cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", world.home / "bad.csr"
    )

    assert "signature does not hold" in refused.error
    assert "signature does not hold" in world.cli.refused("csr", "verify", world.home / "bad.csr").error


def _der(pem):
    from pki.der import REQUEST, der_of

    return der_of(pem.read_bytes(), REQUEST)


def test_a_key_of_another_kind_than_the_profiles_is_refused(world):
    refused = world.cli.refused("cert", "issue", "-d", world.issuing, "-P", "rsa/tls-server", "--csr", world.csr)

    assert "ecdsa-p256" in refused.error
    assert "rsa-2048" in refused.error


@pytest.mark.usefixtures("second")
def test_list_shows_what_was_issued_by_status(world):
    world.cli.ok("cert", "revoke", "0x1003", "-d", world.issuing, "-r", "keycompromise")
    listed = world.cli.ok("cert", "list", "-d", world.issuing)
    valid = world.cli.ok("cert", "list", "-d", world.issuing, "--status", "valid", "-o", "json").json

    assert listed.stdout == LIST
    assert [entry["serial"] for entry in valid["certificates"]] == ["0x1004"]
    assert world.cli.ok("cert", "list", "-d", world.issuing, "--status", "expired").stdout == "No certificates.\n"


def test_a_certificate_expires_without_anybody_writing_it_down(world):
    world.cli.now = world.cli.now.replace(year=2028)
    (entry,) = world.cli.ok("cert", "list", "-d", world.issuing, "-o", "json").json["certificates"]

    assert entry["status"] == "expired"


def test_info_shows_the_certificate_and_its_status(world):
    world.cli.ok("cert", "revoke", world.crt, "-d", world.issuing, "--reason", "keyCompromise")

    assert world.blank(world.cli.ok("cert", "info", "1003", "-d", world.issuing).stdout) == INFO
    by_file = world.cli.ok("cert", "info", world.crt, "-d", world.issuing, "-o", "json").json
    assert (by_file["status"], by_file["reason"]) == ("revoked", "keyCompromise")


def test_info_of_a_certificate_whose_file_is_gone_shows_what_the_index_knows(world):
    (world.issuing / "certs" / "1003.crt").unlink()
    shown = world.cli.ok("cert", "info", "1003", "-d", world.issuing).stdout

    assert shown == (
        "Certificate (its file is not there):\n  Subject: CN=a.example.com\n  Serial:  1003\n  Status:  valid\n"
    )


def test_revoke_says_that_no_crl_has_it_yet(world):
    revoked = world.cli.ok("cert", "revoke", "1003", "-d", world.issuing, "--reason", "keyCompromise")

    assert revoked.stdout == REVOKED


def test_revoke_publishes_a_crl_when_asked(world):
    revoked = world.cli.ok("cert", "revoke", "1003", "-d", world.issuing, "--gen-crl", "--days", "2", "-o", "json").json

    assert revoked["crl"]["revoked"] == 1
    assert revoked["crl"]["next_update"] == "2026-11-25T12:00:00Z"
    assert (world.issuing / "crl" / "ca.crl").exists()


def test_a_revocation_stands_when_the_crl_cannot_be_made(world):
    (world.issuing / "private" / "ca.ecdsa-p256.key").unlink()
    refused = world.cli.refused("cert", "revoke", "1003", "-d", world.issuing, "--gen-crl")
    (entry,) = world.cli.ok("cert", "list", "-d", world.issuing, "-o", "json").json["certificates"]

    assert refused.stderr.startswith("Revoked. Publishing the CRL...\n")
    assert entry["status"] == "revoked"


def test_a_certificate_is_revoked_once_and_the_first_reason_stays(world):
    world.cli.ok("cert", "revoke", "1003", "-d", world.issuing, "--reason", "keyCompromise")
    refused = world.cli.refused("cert", "revoke", "1003", "-d", world.issuing, "--reason", "superseded")

    assert "revoked" in refused.error
    assert "keyCompromise" in (world.issuing / "index.txt").read_text()


@pytest.mark.parametrize("command", ["info", "revoke"])
def test_a_certificate_that_the_ca_did_not_issue_is_refused(world, command):
    for foreign in ("ABCDEF", world.root / "ca.crt"):
        refused = world.cli.refused("cert", command, foreign, "-d", world.issuing)

        assert "has issued no certificate" in refused.error


def test_a_forged_certificate_with_a_serial_of_the_ca_is_refused(world, tmp_path):
    """It is looked up by serial, and must be the very certificate that is filed under it."""
    other = tmp_path / "imitation"
    world.cli._serials = iter([0x2001, 0x1003])
    world.cli.ok("ca", "init", "-P", "ec/root-ca", "--var", "cn=Issuing", "-d", other)
    world.cli.ok(
        "cert", "issue", "-d", other, "-P", "ec/tls-server", "--csr", world.csr, "--out", tmp_path / "forged.crt"
    )
    refused = world.cli.refused("cert", "revoke", tmp_path / "forged.crt", "-d", world.issuing)

    assert "has issued no certificate as in" in refused.error


def test_an_unknown_reason_is_refused_with_the_list_and_nothing_is_revoked(world):
    """The original takes any typing error for `unspecified`."""
    refused = world.cli.refused("cert", "revoke", "1003", "-d", world.issuing, "--reason", "keyCompromised")

    assert "keyCompromise" in refused.hint
    assert (world.issuing / "index.txt").read_text().startswith("V")


def test_verify_shows_the_path(world):
    outcome = verify(world, "--purpose", "server", "--hostname", "a.example.com")

    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, VALID, "")


def test_verify_in_json_says_what_was_checked(world):
    for ca in (world.root, world.issuing):
        world.cli.ok("crl", "gen", "-d", ca)
    crls = ("--crl", world.root / "crl" / "ca.crl", "--crl", world.issuing / "crl" / "ca.crl.pem", "--require-crl")
    facts = verify(world, *crls, "-o", "json").json

    assert facts["valid"] is True
    assert facts["path"] == ["CN=a.example.com", "CN=Issuing", "CN=Root"]
    assert [status["checked"] for status in facts["revocation"]] == [True, True]


def test_verify_names_the_certificate_that_no_crl_spoke_of(world):
    world.cli.ok("crl", "gen", "-d", world.issuing)
    shown = verify(world, "--crl", world.issuing / "crl" / "ca.crl").stdout

    assert shown.endswith("  Revocation: partly checked: no --crl speaks of CN=Issuing\n")


def test_intermediates_may_come_with_the_certificate(world):
    bundle = world.home / "bundle.pem"
    bundle.write_bytes(world.crt.read_bytes() + (world.issuing / "ca.crt").read_bytes())

    assert world.cli("cert", "verify", bundle, "--ca", world.root / "ca.crt").exit_code == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--at", "2030-01-01T00:00:00Z"], "expired"),
        (["--purpose", "client"], "client"),
        (["--hostname", "b.example.com"], "b.example.com"),
        (["--require-crl"], "no CRL says"),
    ],
)
def test_what_does_not_hold_ends_with_3_and_an_error(world, more, message):
    outcome = verify(world, *more)

    assert (outcome.exit_code, outcome.stdout) == (3, "")
    assert message in outcome.error


def test_a_revoked_certificate_ends_with_3(world):
    world.cli.ok("cert", "revoke", "1003", "-d", world.issuing, "--gen-crl")
    outcome = verify(world, "--crl", world.issuing / "crl" / "ca.crl")

    assert outcome.exit_code == 3
    assert "was revoked" in outcome.error


def test_a_missing_link_ends_with_3_and_says_which(world):
    outcome = world.cli("cert", "verify", world.crt, "--ca", world.root / "ca.crt")

    assert outcome.exit_code == 3
    assert "CN=Issuing" in outcome.error


def test_failure_leaves_stdout_empty_in_json_too(world):
    outcome = verify(world, "--hostname", "b.example.com", "-o", "json")

    assert outcome.stdout == ""
    assert outcome.error


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\x00", "\n  Serial: 7", "\u202e"])
def test_a_name_with_control_characters_is_refused_and_cannot_steer_the_terminal(world, hidden):
    csr = foreign_request(world, ("cn", f"a{hidden}.example.com"))
    shown = world.cli.ok("csr", "info", csr)
    refused = world.cli.refused("cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", csr)

    assert hidden not in shown.stdout + refused.stderr
    assert "\\" in shown.stdout


def test_the_index_is_the_same_after_every_read(world):
    before = (world.issuing / "index.txt").read_bytes()
    shutil.copytree(world.issuing, world.home / "copy")
    for command in (["cert", "list"], ["cert", "info", "1003"], ["ca", "info"]):
        world.cli.ok(*command, "-d", world.issuing)

    assert (world.issuing / "index.txt").read_bytes() == before
    assert json.loads((world.issuing / "ca.meta.json").read_text())
    assert parse_certificate(world.crt.read_bytes()).serial == 0x1003
