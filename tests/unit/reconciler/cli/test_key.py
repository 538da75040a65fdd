import stat
import subprocess

import pytest


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519", "ml-dsa-65"])
def test_gen_writes_a_key_that_only_its_owner_can_read(cli, tmp_path, algorithm):
    key = tmp_path / "x.key"
    made = cli.ok("key", "gen", "-a", algorithm, "--out", key, "-o", "json").json

    assert (made["algorithm"], made["path"], made["encrypted"]) == (algorithm, str(key), False)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert cli.ok("key", "info", key, "-o", "json").json["spki_sha256"] == made["spki_sha256"]


def test_gen_says_what_it_made_and_warns_of_a_plain_key(cli, tmp_path):
    made = cli.ok("key", "gen", "--out", tmp_path / "x.key")

    assert made.stdout.startswith("Key generated successfully!\n")
    assert "  Algorithm:    ecdsa-p256\n  Encrypted:    no\n" in made.stdout
    assert made.stderr.startswith("Generating ecdsa-p256 key pair...\n\nWARNING: Private key is not encrypted.\n")


def test_quiet_does_not_silence_the_warning(cli, tmp_path):
    made = cli.ok("--quiet", "key", "gen", "--out", tmp_path / "x.key")

    assert made.stderr.startswith("\nWARNING: Private key is not encrypted.\n")


def test_an_encrypted_key_opens_in_openssl_with_its_passphrase(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("P", "hunter2")
    key = tmp_path / "x.key"
    made = cli.ok("key", "gen", "--out", key, "--passphrase-env", "P")

    assert "WARNING" not in made.stderr
    subprocess.run(["openssl", "pkey", "-in", key, "-passin", "env:P", "-noout"], check=True)
    assert cli.ok("key", "info", key, "--passphrase-env", "P").stdout.startswith(
        "Private key:\n  Algorithm:    ecdsa-p256"
    )


def test_a_wrong_passphrase_is_one_clear_error(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("P", "hunter2")
    cli.ok("key", "gen", "--out", tmp_path / "x.key", "--passphrase-env", "P")
    monkeypatch.setenv("P", "swordfish")
    refused = cli.refused("key", "info", tmp_path / "x.key", "--passphrase-env", "P")

    assert "passphrase" in refused.error
    assert "swordfish" not in refused.stderr


def test_a_secret_file_that_others_can_read_is_refused(cli, tmp_path):
    (tmp_path / "pass").write_text("hunter2\n")
    (tmp_path / "pass").chmod(0o644)
    refused = cli.refused("key", "gen", "--out", tmp_path / "x.key", "--passphrase-file", tmp_path / "pass")

    assert "other users can read it" in refused.error
    assert "chmod 600" in refused.hint
    assert not (tmp_path / "x.key").exists()


def test_an_unset_variable_never_means_no_encryption(cli, tmp_path, monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    refused = cli.refused("key", "generate", "--out", tmp_path / "x.key", "--passphrase-env", "NOT_SET")

    assert "NOT_SET is not set" in refused.error
    assert not (tmp_path / "x.key").exists()


def test_a_key_is_never_made_over_anything(cli, tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    cli.ok("key", "gen", "--out", tmp_path / "b.key")
    before = (tmp_path / "b.key").read_bytes()
    cli.refused("key", "gen", "--out", tmp_path / "a.txt")
    cli.refused("key", "gen", "--out", tmp_path / "b.key")

    assert (tmp_path / "a.txt").read_text() == "mine"
    assert (tmp_path / "b.key").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which key? Name a file, or a token with --hsm-config"),
        (["--out", "{tmp}/x.key", "--hsm-config", "{tmp}/hsm.yaml"], "--out and --hsm-config exclude each other"),
        (["--out", "{tmp}/x.key", "--key-label", "a"], "--key-label means nothing without --hsm-config"),
        (["--out", "{tmp}/x.key", "--algorithm", "rsa-1024"], "unknown algorithm 'rsa-1024'"),
        (["--hsm-config", "{tmp}/hsm.yaml"], "which key on the token? Add --key-label"),
        (["--hsm-config", "{tmp}/hsm.yaml", "--key-label", "a", "--passphrase-env", "P"], "has a PIN"),
        (["--out", "{tmp}/x.key", "--passphrase-env", "P", "--passphrase-file", "{tmp}/p"], "exclude each other"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_made(cli, tmp_path, arguments, message):
    (tmp_path / "hsm.yaml").touch()
    (tmp_path / "p").touch()
    refused = cli.refused("key", "gen", *(argument.format(tmp=tmp_path) for argument in arguments))

    assert message in refused.error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hsm.yaml", "p"]


def test_list_shows_keys_below_and_keeps_encrypted_ones_closed(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("P", "hunter2")
    (tmp_path / "sub").mkdir()
    cli.ok("key", "gen", "--out", tmp_path / "sub" / "a.key", "-a", "ed25519")
    cli.ok("key", "gen", "--out", tmp_path / "b.key", "--passphrase-env", "P")
    (tmp_path / "c.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    listed = cli.ok("key", "list", "--dir", tmp_path)
    facts = cli.ok("key", "list", "--dir", tmp_path, "-o", "json").json

    assert listed.stdout.startswith(
        f"Private keys in {tmp_path}:\n\n  Path:      {tmp_path}/b.key\n  Encrypted: yes\n\n"
    )
    assert [(key["algorithm"], key["encrypted"]) for key in facts["keys"]] == [(None, True), ("ed25519", False)]
    assert cli.ok("key", "list", "--dir", tmp_path / "sub" / "..").stdout


def test_an_empty_directory_has_no_keys(cli, tmp_path):
    assert cli.ok("key", "list", "--dir", tmp_path).stdout == f"No private keys found in {tmp_path}\n"


def test_pub_is_the_public_half_that_openssl_finds(cli, tmp_path):
    key = tmp_path / "x.key"
    cli.ok("key", "gen", "--out", key, "-a", "rsa-2048")
    openssl = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True, text=True)
    written = cli.ok("key", "pub", key, "--out", tmp_path / "x.pub")

    assert cli.ok("key", "pub", key).stdout == openssl.stdout
    assert (tmp_path / "x.pub").read_text() == openssl.stdout
    assert written.stderr == f"Written to {tmp_path}/x.pub\n"


def test_a_public_key_never_replaces_the_private_one(cli, tmp_path):
    key = tmp_path / "x.key"
    cli.ok("key", "gen", "--out", key)

    assert "holds a private key" in cli.refused("key", "pub", key, "--out", key).error
