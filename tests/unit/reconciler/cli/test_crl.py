import subprocess
from datetime import timedelta

import pytest
from cryptography.x509.oid import ExtensionOID

from pki.x509.crls import parse_crl

GENERATED = """\
CRL generated successfully.
  Revoked certificates: 1
  Number:               1795435200000000
  CRL file:             ./issuing-ca/crl/ca.crl
  PEM file:             ./issuing-ca/crl/ca.crl.pem
  Size:                 N bytes
  This update:          2026-11-23 12:00:00 UTC
  Next update:          2026-11-30 12:00:00 UTC
"""

INFO = """\
Certificate revocation list:
  Issuer:           CN=Issuing
  Number:           1795435200000000
  This Update:      2026-11-23 12:00:00 UTC
  Next Update:      2026-11-30 12:00:00 UTC
  Signature:        ECDSA-SHA256
  Authority Key ID: <hash>
  Revoked:          1

SERIAL  REVOKED                  REASON
1003    2026-11-23 12:00:00 UTC  keyCompromise
"""


@pytest.fixture
def crl(world):
    """The CRL of the issuing CA with the server certificate on it."""
    world.cli.ok("cert", "revoke", world.crt, "-d", world.issuing, "--reason", "keyCompromise")
    world.cli.ok("crl", "gen", "-d", world.issuing)
    return world.issuing / "crl" / "ca.crl"


def verify(world, crl, *more, ca=None):
    return world.cli("crl", "verify", crl, "--ca", ca or world.issuing / "ca.crt", *more)


def test_gen_publishes_both_forms_and_says_so(world):
    world.cli.ok("cert", "revoke", world.crt, "-d", world.issuing, "--reason", "keyCompromise")
    made = world.cli.ok("crl", "gen", "-d", world.issuing)
    size = (world.issuing / "crl" / "ca.crl").stat().st_size

    assert world.blank(made.stdout).replace(f"{size} bytes", "N bytes") == GENERATED


@pytest.mark.parametrize(
    ("options", "next_update"),
    [
        ([], "2026-11-30T12:00:00Z"),
        (["--days", "30"], "2026-12-23T12:00:00Z"),
        (["--validity", "36h"], "2026-11-25T00:00:00Z"),
    ],
)
def test_how_long_a_crl_is_good_for_can_be_said(world, options, next_update):
    made = world.cli.ok("crl", "gen", "-d", world.issuing, *options, "-o", "json").json

    assert made["next_update"] == next_update


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--days", "7", "--validity", "7d"], "--days and --validity exclude each other"),
        (["--days", "0"], "0 is not in the range"),
        (["--validity", "soon"], "'soon' is not a duration"),
        (["--validity", "900y"], "'900y' is longer than 36500 days"),
        (["--days", "36501"], "36501 is not in the range"),
    ],
)
def test_a_lifetime_that_makes_no_sense_is_refused(world, options, message):
    assert message in world.cli.refused("crl", "gen", "-d", world.issuing, *options).error


def test_numbers_rise_even_when_the_clock_does_not(world):
    first, second = (int(world.cli.ok("crl", "gen", "-d", world.issuing, "-o", "json").json["number"]) for _ in "12")

    assert second > first


def test_info_shows_what_is_revoked(world, crl):
    assert world.blank(world.cli.ok("crl", "info", crl).stdout) == INFO
    assert world.cli.ok("crl", "info", f"{crl}.pem", "-o", "json").json["revoked"] == [
        {"serial": "0x1003", "revoked_at": "2026-11-23T12:00:00Z", "reason": "keyCompromise"}
    ]


def test_verify_accepts_the_cas_own_crl(world, crl):
    assert verify(world, crl).stdout.startswith("CRL is VALID\n  Issuer:           CN=Issuing\n")
    assert verify(world, crl, "--ca", world.root / "ca.crt").exit_code == 0
    assert verify(world, crl, "-o", "json").json["valid"] is True


@pytest.mark.parametrize(("later", "message"), [(8, "is out of date"), (-1, "is from the future")])
def test_a_crl_holds_from_this_update_to_the_next(world, crl, later, message):
    at = (world.cli.now + timedelta(days=later)).isoformat()
    outcome = verify(world, crl, "--at", at)

    assert (outcome.exit_code, outcome.stdout) == (3, "")
    assert message in outcome.error


def test_a_crl_of_another_ca_does_not_verify(world, crl):
    outcome = verify(world, crl, ca=world.root / "ca.crt")

    assert outcome.exit_code == 3
    assert "CN=Issuing" in outcome.error


def test_a_crl_that_was_changed_does_not_verify(world, crl):
    changed = bytearray(crl.read_bytes())
    at = changed.index(bytes.fromhex("02021003"))
    changed[at + 3] = 0x04
    (world.home / "changed.crl").write_bytes(changed)
    outcome = verify(world, world.home / "changed.crl")

    assert (outcome.exit_code, outcome.stdout) == (3, "")


def test_a_ca_that_may_not_sign_crls_is_not_believed(world, crl):
    """The server certificate has the issuing CA's name nowhere, so one with its name and key, but no right, is made."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    key = load_pem_private_key((world.issuing / "private" / "ca.ecdsa-p256.key").read_bytes(), None)
    ca = x509.load_pem_x509_certificate((world.issuing / "ca.crt").read_bytes())
    usage = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
    builder = x509.CertificateBuilder().subject_name(ca.subject).issuer_name(ca.subject).public_key(ca.public_key())
    builder = builder.serial_number(5).not_valid_before(ca.not_valid_before_utc).not_valid_after(ca.not_valid_after_utc)
    ski = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    made = builder.add_extension(usage, True).add_extension(ski, False).sign(key, hashes.SHA256())
    (world.home / "powerless.crt").write_bytes(made.public_bytes(Encoding.PEM))
    outcome = verify(world, crl, ca=world.home / "powerless.crt")

    assert outcome.exit_code == 3
    assert "may not sign CRLs" in outcome.error


def test_a_file_that_is_no_crl_is_refused(world):
    assert world.cli.refused("crl", "info", world.crt).error


def test_openssl_reads_what_was_published(crl):
    shown = subprocess.run(
        ["openssl", "crl", "-in", crl, "-inform", "DER", "-noout", "-text"], check=True, capture_output=True, text=True
    )

    assert "Key Compromise" in shown.stdout


def test_idp_says_where_the_ca_publishes(cli, tmp_path):
    """RFC 5280 section 5.2.5: critical, and the URL that the CA's certificates name."""
    url = "http://crl.example.com/root.crl"
    cli.ok("ca", "init", "-P", "ec/root-ca", "--var", "cn=Root", "-d", tmp_path / "ca", "--crl-url", url)
    cli.ok("crl", "gen", "-d", tmp_path / "ca", "--idp")
    extension = parse_crl((tmp_path / "ca" / "crl" / "ca.crl").read_bytes()).extensions.get_extension_for_oid(
        ExtensionOID.ISSUING_DISTRIBUTION_POINT
    )

    assert extension.critical
    assert [name.value for name in extension.value.full_name] == [url]


def test_idp_needs_a_url_to_say(world):
    refused = world.cli.refused("crl", "gen", "-d", world.issuing, "--idp")

    assert "an issuing distribution point says a URL or a scope" in refused.error
    assert refused.hint == "make the CA with --crl-url, or leave --idp out"
