import subprocess

import pytest

INFO = """\
Certificate request:
  Subject:           CN=a.example.com,O=A\\, B & C,C=FR
  Alternative Names: DNS:a.example.com
                     DNS:*.b.example.com
                     IP:2001:db8::1
                     email:me@example.com
                     URI:http://example.com/x
  Algorithm:         ecdsa-p384
  Signature:         ECDSA-SHA384
  SPKI SHA-256:      <hash>
"""

NAMES = (
    "--cn", "a.example.com", "-O", "A, B & C", "-C", "FR", "--dns", "A.example.com", "--dns", "*.b.example.com",
    "--ip", "2001:DB8::1", "--email", "me@EXAMPLE.com", "--uri", "HTTP://example.com/x",
)  # fmt: skip


def test_gen_makes_key_and_request_with_every_kind_of_name(cli, tmp_path):
    csr, key = tmp_path / "x.csr", tmp_path / "x.key"
    made = cli.ok("csr", "gen", "--keyout", key, "-a", "ecdsa-p384", *NAMES, "--out", csr)
    lines = cli.ok("csr", "info", csr).stdout.splitlines(keepends=True)

    assert made.stdout.startswith("Certificate request generated successfully!\n")
    assert f"  Request:           {csr}\n  Private Key:       {key}\n" in made.stdout
    assert "WARNING" in made.stderr
    assert "".join(lines[:-1]) + "  SPKI SHA-256:      <hash>\n" == INFO


def test_gen_uses_the_key_that_is_there_and_openssl_verifies_the_result(cli, tmp_path):
    csr, key = tmp_path / "x.csr", tmp_path / "x.key"
    cli.ok("key", "gen", "--out", key)
    before = key.read_bytes()
    made = cli.ok("csr", "gen", "--key", key, "--dns", "a.example.com", "--out", csr, "-o", "json").json

    assert made["new_key"] is None
    assert key.read_bytes() == before
    subprocess.run(["openssl", "req", "-in", csr, "-verify", "-noout"], check=True, capture_output=True)
    assert cli.ok("csr", "verify", csr).stdout.startswith("Certificate request is VALID")


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ed25519", "ml-dsa-44"])
def test_every_kind_of_key_signs_its_request(cli, tmp_path, algorithm):
    csr = tmp_path / "x.csr"
    cli.ok("csr", "gen", "--keyout", tmp_path / "x.key", "-a", algorithm, "--cn", "x", "--out", csr)

    verified = cli.ok("csr", "verify", csr, "-o", "json").json
    assert (verified["valid"], verified["algorithm"]) == (True, algorithm)


def test_an_encrypted_key_is_opened_with_its_passphrase(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("P", "hunter2")
    passphrase = ("--passphrase-env", "P")
    cli.ok("csr", "gen", "--keyout", tmp_path / "x.key", "--cn", "x", "--out", tmp_path / "a.csr", *passphrase)
    cli.ok("csr", "gen", "--key", tmp_path / "x.key", "--cn", "x", "--out", tmp_path / "b.csr", *passphrase)

    assert b"ENCRYPTED" in (tmp_path / "x.key").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cn", "x"], "which key? Name a file, or a token with --hsm-config"),
        (["--keyout", "k"], "a request needs a name"),
        (["--keyout", "k", "--cn", "x\x07"], "control character U+0007"),
        (["--keyout", "k", "--cn", "x", "-C", "fr"], "a country is two capital letters"),
        (["--keyout", "k", "--dns", "no spaces"], "is not a DNS name"),
        (["--keyout", "k", "--ip", "1.2.3"], "is not an IP address"),
        (["--keyout", "k", "--key", "{key}", "--cn", "x"], "exclude each other"),
        (["--key", "{key}", "--cn", "x", "-a", "rsa-2048"], "--algorithm means nothing without --keyout"),
        (["--keyout", "k", "--cn", "x", "--key-id", "01"], "--key-id means nothing without --hsm-config"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_made(cli, tmp_path, arguments, message):
    key = tmp_path / "old.key"
    cli.ok("key", "gen", "--out", key)
    given = [argument.format(key=key) if argument != "k" else str(tmp_path / "k") for argument in arguments]
    refused = cli.refused("csr", "gen", *given, "--out", tmp_path / "x.csr")

    assert message in refused.error
    assert list(tmp_path.iterdir()) == [key]


def test_a_request_never_replaces_a_key(cli, tmp_path):
    key = tmp_path / "x.key"
    cli.ok("key", "gen", "--out", key)

    assert "holds a private key" in cli.refused("csr", "gen", "--key", key, "--cn", "x", "--out", key).error


def test_without_a_subject_the_names_are_critical(cli, tmp_path):
    """RFC 5280 section 4.2.1.6."""
    csr = tmp_path / "x.csr"
    cli.ok("csr", "gen", "--keyout", tmp_path / "k", "--dns", "a.example.com", "--out", csr)
    shown = subprocess.run(
        ["openssl", "req", "-in", csr, "-noout", "-text"], check=True, capture_output=True, text=True
    )

    assert "X509v3 Subject Alternative Name: critical" in shown.stdout
