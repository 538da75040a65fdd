import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pki.x509.certificates import parse_certificate, parse_certificates

INITIALIZED = """\
CA initialized successfully!
  Subject:     CN=Root
  Issuer:      CN=Root
  Serial:      1001
  Not Before:  2026-11-23 12:00:00 UTC
  Not After:   2046-11-18 12:00:00 UTC
  Algorithm:   ecdsa-p384
  Signature:   ECDSA-SHA384
  Certificate: ./root-ca/ca.crt
  Private Key: ./root-ca/private/ca.ecdsa-p384.key
"""

SUBORDINATE = """\
Subordinate CA initialized successfully!
  Subject:     CN=Issuing
  Issuer:      CN=Root
  Serial:      1003
  Not Before:  2026-11-23 12:00:00 UTC
  Not After:   2036-11-20 12:00:00 UTC
  Algorithm:   ecdsa-p256
  Signature:   ECDSA-SHA384
  Certificate: ./other/ca.crt
  Chain:       ./other/chain.crt
  Private Key: ./other/private/ca.ecdsa-p256.key
"""

INFO = """\
CA:
  Directory:        ./issuing-ca
  Profile:          ec/issuing-ca
  Created:          2026-11-23 12:00:00 UTC
  Subject:          CN=Issuing
  Issuer:           CN=Root
  Serial:           1002
  Not Before:       2026-11-23 12:00:00 UTC
  Not After:        2036-11-20 12:00:00 UTC
  Algorithm:        ecdsa-p256
  Signature:        ECDSA-SHA384
  Path Length:      0
  Key Usage:        keyCertSign, cRLSign
  Subject Key ID:   <hash>
  Authority Key ID: <hash>
  Extensions:       subjectKeyIdentifier, authorityKeyIdentifier, basicConstraints (critical), keyUsage (critical)
  SHA-256:          <hash>
  Certificate:      ./issuing-ca/ca.crt
  Chain:            ./issuing-ca/chain.crt
  Private Key:      ./issuing-ca/private/ca.ecdsa-p256.key
  CRL:              none yet
"""


def test_init_makes_a_root_and_says_what_it_made(cli, tmp_path):
    root = tmp_path / "root-ca"
    made = cli.ok("ca", "init", "--profile", "ec/root-ca", "--var", "cn=Root", "--dir", root)

    assert made.stdout.replace(str(tmp_path), ".") == INITIALIZED
    assert made.stderr.startswith(f"Using profile: ec/root-ca\nInitializing CA at {root}...\n")
    assert "WARNING: Private key is not encrypted." in made.stderr


def test_every_path_that_is_printed_exists(cli, tmp_path):
    """The original prints a ca.crt that it never makes."""
    root, sub = tmp_path / "root", tmp_path / "sub"
    of_root = cli.ok("ca", "init", "-P", "ec/root-ca", "--var", "cn=Root", "-d", root).stdout
    of_sub = cli.ok("ca", "init", "-P", "ec/issuing-ca", "--var", "cn=Sub", "-d", sub, "--parent", root).stdout
    paths = [word for word in (of_root + of_sub).split() if word.startswith(str(tmp_path))]

    assert len(paths) == 5
    assert [path for path in paths if not Path(path).is_file()] == []


def test_init_makes_a_subordinate_whose_chain_openssl_accepts(world):
    other = world.home / "other"
    cli, arguments = world.cli, ("-P", "ec/issuing-ca", "--var", "cn=Issuing", "--parent", world.root)
    cli._serials = iter([0x1003])
    made = cli.ok("ca", "init", *arguments, "--dir", other)
    at = str(int(cli.now.timestamp()))  # the clock of the test need not be the machine's
    verify = ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", world.root / "ca.crt", other / "ca.crt"]

    assert world.blank(made.stdout) == SUBORDINATE
    subprocess.run(verify, check=True, capture_output=True)


def test_init_encrypts_the_key_with_the_passphrase_named(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("CA_PASS", "hunter2")
    made = cli.ok(
        "ca", "init", "-P", "ec/root-ca", "--var", "cn=X", "-d", tmp_path / "ca", "--passphrase-env", "CA_PASS"
    )
    key = next((tmp_path / "ca" / "private").iterdir())

    assert "WARNING" not in made.stderr
    assert b"ENCRYPTED PRIVATE KEY" in key.read_bytes()
    assert "hunter2" not in (tmp_path / "ca" / "ca.meta.json").read_text()


def test_an_unset_passphrase_variable_never_means_no_encryption(cli, tmp_path, monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    refused = cli.refused(
        "ca", "init", "-P", "ec/root-ca", "--var", "cn=X", "-d", tmp_path / "ca", "--passphrase-env", "NOT_SET"
    )

    assert "NOT_SET is not set" in refused.error
    assert not list(tmp_path.rglob("*.key"))


def test_the_parents_key_opens_with_the_ca_passphrase(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("ROOT_PASS", "hunter2")
    (tmp_path / "pass").write_text("hunter2\n")
    (tmp_path / "pass").chmod(0o600)
    root = tmp_path / "root"
    cli.ok("ca", "init", "-P", "ec/root-ca", "--var", "cn=R", "-d", root, "--passphrase-env", "ROOT_PASS")
    monkeypatch.delenv("ROOT_PASS")
    sub = ("ca", "init", "-P", "ec/issuing-ca", "--var", "cn=S", "--parent", root)

    assert "ROOT_PASS is not set" in cli.refused(*sub, "-d", tmp_path / "a").error
    cli.ok(*sub, "-d", tmp_path / "b", "--ca-passphrase-file", tmp_path / "pass")


def test_urls_given_at_init_stand_in_what_the_ca_issues(world):
    ca = world.home / "with-urls"
    urls = ("--crl-url", "http://crl.example.com/a.crl", "--ocsp-url", "http://ocsp.example.com/")
    world.cli.ok("ca", "init", "-P", "ec/root-ca", "--var", "cn=X", "-d", ca, *urls)
    issued = world.cli.ok("cert", "issue", "-d", ca, "-P", "ec/tls-server", "--csr", world.csr, "--output", "json").json

    assert issued["crl_urls"] == ["http://crl.example.com/a.crl"]
    assert issued["ocsp_urls"] == ["http://ocsp.example.com/"]


def test_variables_come_from_a_file_and_the_command_line_wins(cli, tmp_path):
    (tmp_path / "vars.yaml").write_text("cn: From file\norganization: Example\n")
    made = cli.ok(
        "ca", "init", "-P", "ec/root-ca", "-d", tmp_path / "ca", "--var-file", tmp_path / "vars.yaml",
        "--var", "cn=From flag", "-o", "json",
    ).json  # fmt: skip

    assert made["certificate"]["subject"] == "CN=From flag,O=Example"


def test_a_wrong_variable_is_refused_with_all_findings(cli, tmp_path):
    refused = cli.refused(
        "ca", "init", "-P", "ec/root-ca", "--var", "nc=X", "--var", "country=France", "-d", tmp_path / "ca"
    )

    assert "the profile has no variable `nc`" in refused.stderr
    assert "country" in refused.stderr
    assert not (tmp_path / "ca").exists()


def test_a_wrong_variable_of_a_file_is_shown_at_its_place(cli, tmp_path):
    (tmp_path / "vars.yaml").write_text("cn: X\nnc: X\n")
    refused = cli.refused("ca", "init", "-P", "ec/root-ca", "--var-file", tmp_path / "vars.yaml", "-d", tmp_path / "ca")

    assert f"{tmp_path}/vars.yaml:2:5: error: the profile has no variable `nc`" in refused.stderr


def test_a_ca_is_never_made_over_another(world):
    before = (world.root / "ca.meta.json").read_bytes()
    refused = world.cli.refused("ca", "init", "-P", "ec/root-ca", "--var", "cn=X", "-d", world.root)

    assert str(world.root) in refused.error
    assert (world.root / "ca.meta.json").read_bytes() == before


@pytest.mark.parametrize(
    "option", [["--key-label", "x"], ["--key-id", "01"], ["--generate-key"], ["--use-existing-key"]]
)
def test_token_options_need_a_token(cli, tmp_path, option):
    refused = cli.refused("ca", "init", "-P", "ec/root-ca", "--var", "cn=X", "-d", tmp_path / "ca", *option)

    assert "means nothing without --hsm-config" in refused.error


def test_a_key_on_a_token_takes_no_passphrase_and_needs_a_name(cli, tmp_path):
    (tmp_path / "hsm.yaml").touch()
    init = ("ca", "init", "-P", "ec/root-ca", "-d", tmp_path / "ca", "--hsm-config", tmp_path / "hsm.yaml")

    assert "has a PIN" in cli.refused(*init, "--key-label", "x", "--passphrase-env", "P").error
    assert "Add --key-label or --key-id" in cli.refused(*init).error
    assert cli.refused(*init, "--key-id", "01", "--generate-key").error.endswith("Add --key-label")


def test_info_shows_the_ca(world):
    assert world.blank(world.cli.ok("ca", "info", "-d", world.issuing).stdout) == INFO


def test_info_in_json_shows_paths_as_they_are_seen_from_here(world):
    facts = world.cli.ok("ca", "info", "-d", world.issuing, "-o", "json").json

    key = world.issuing / "private" / "ca.ecdsa-p256.key"
    assert facts["keys"][0]["storage"] == {"type": "software", "path": str(key)}
    assert facts["certificate_path"] == str(world.issuing / "ca.crt")
    assert facts["certificate"]["serial"] == "0x1002"
    assert facts["crl"] is None


def test_list_finds_every_ca_below(world):
    world.cli.ok("crl", "gen", "-d", world.issuing)

    listed = world.cli.ok("ca", "list", "--dir", world.home).stdout

    assert [line.split() for line in world.blank(listed).splitlines()] == [
        ["DIRECTORY", "SUBJECT", "ALGORITHM", "EXPIRES", "NEXT", "CRL"],
        ["./issuing-ca", "CN=Issuing", "ecdsa-p256", "2036-11-20", "2026-11-30"],
        ["./root-ca", "CN=Root", "ecdsa-p384", "2046-11-18", "-"],
        [],
        ["Total:", "2", "CAs"],
    ]
    assert world.cli.ok("ca", "list", "--dir", world.home / "root-ca" / "certs").stdout.startswith("No CAs in ")


def test_a_damaged_ca_hides_no_other(world):
    (world.issuing / "ca.meta.json").write_text("{")
    listed = world.cli("ca", "list", "--dir", world.home)
    alone = world.cli("ca", "list", "--dir", world.issuing, "-o", "json")

    assert (listed.exit_code, listed.error) == (1, "1 CA cannot be read")
    assert "root-ca  CN=Root" in listed.stdout
    assert f"error: {world.issuing}/ca.meta.json is not complete JSON" in listed.stderr
    assert (alone.exit_code, alone.json["cas"], alone.json["damaged"]) == (1, [], 1)


@pytest.mark.parametrize(("bundle", "names"), [("ca", ["Issuing"]), ("chain", ["Issuing", "Root"]), ("root", ["Root"])])
def test_export_writes_the_certificates_asked_for(world, bundle, names):
    pem = world.cli.ok("ca", "export", "-d", world.issuing, "-b", bundle).stdout.encode()
    found = [certificate.subject.rfc4514_string() for certificate in parse_certificates(pem)]

    assert found == [f"CN={name}" for name in names]


def test_export_writes_der_of_one_certificate(world):
    out = world.home / "ca.der"
    written = world.cli.ok("ca", "export", "-d", world.issuing, "-f", "der", "--out", out)
    refused = world.cli.refused("ca", "export", "-d", world.issuing, "-f", "der", "-b", "chain")

    assert (written.stdout, written.stderr) == ("", f"Written to {out}\n")
    assert parse_certificate(out.read_bytes()) == parse_certificate((world.issuing / "ca.crt").read_bytes())
    assert "DER holds one certificate" in refused.error


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda ca: (ca / "ca.meta.json").write_text((ca / "ca.meta.json").read_text()[:200]), "ca.meta.json"),
        (lambda ca: (ca / "ca.meta.json").unlink(), "there is no CA here"),
        (lambda ca: _set(ca, "format", 99), "has format 99"),
        (lambda ca: shutil.copy(ca.parent / "root-ca" / "ca.crt", ca / "ca.crt"), "is not the certificate"),
        (lambda ca: (ca / "private" / "ca.ecdsa-p256.key").unlink(), "is not there"),
    ],
    ids=["cut in half", "gone", "from a newer version", "certificate replaced", "key gone"],
)
def test_a_damaged_ca_gives_one_clear_error_and_stays_as_it_is(world, damage, message):
    damage(world.issuing)
    before = {path: path.read_bytes() for path in world.issuing.rglob("*") if path.is_file() and path.name != ".lock"}
    refused = world.cli.refused("crl", "gen", "-d", world.issuing)
    after = {path: path.read_bytes() for path in world.issuing.rglob("*") if path.is_file() and path.name != ".lock"}

    assert message in refused.error
    assert refused.hint
    assert after == before


def _set(ca, field, value):
    path = ca / "ca.meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
