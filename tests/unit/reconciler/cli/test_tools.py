import base64
import json
import subprocess

import pytest


def kinds(cli, file):
    """Return the kinds of what is in a file, each of which has a text too."""
    assert cli.ok("inspect", file).stdout
    return [found["type"] for found in cli.ok("inspect", file, "-o", "json").json["objects"]]


def test_inspect_knows_every_kind_of_file(world):
    cli, home = world.cli, world.home
    cli.ok("crl", "gen", "-d", world.issuing)
    cli.ok("key", "pub", world.key, "--out", home / "server.pub")
    credential = ("credential", "enroll", "bob", "-c", home / "creds", "-d", world.issuing)
    cli.ok(*credential, "-P", "ec/tls-client", "--var", "cn=bob")

    assert kinds(cli, world.crt) == ["certificate"]
    assert kinds(cli, home / "creds" / "bob" / "fullchain.pem") == ["certificate"] * 3
    assert kinds(cli, world.csr) == ["certificate-request"]
    assert kinds(cli, world.key) == ["private-key"]
    assert kinds(cli, home / "server.pub") == ["public-key"]
    assert kinds(cli, world.issuing / "crl" / "ca.crl.pem") == ["crl"]
    assert kinds(cli, world.issuing / "crl" / "ca.crl") == ["crl"]
    assert kinds(cli, world.issuing / "ca.meta.json") == ["ca-meta"]
    assert kinds(cli, home / "creds" / "bob" / "credential.meta.json") == ["credential-meta"]


@pytest.mark.parametrize("name", ["server.crt", "server.csr", "server.pub"])
def test_inspect_reads_der_as_well_whatever_the_name(world, name):
    world.cli.ok("key", "pub", world.key, "--out", world.home / "server.pub")
    pem = (world.home / name).read_text()
    (world.home / "file").write_bytes(base64.b64decode("".join(pem.splitlines()[1:-1])))

    assert kinds(world.cli, world.home / "file") == kinds(world.cli, world.home / name)


def test_inspect_says_in_text_what_it_says_in_json(world):
    world.cli.ok("crl", "gen", "-d", world.issuing)
    bundle = world.home / "everything.pem"
    parts = (world.key, world.csr, world.crt, world.issuing / "crl" / "ca.crl.pem")
    bundle.write_bytes(b"".join(part.read_bytes() for part in parts))
    shown = world.cli.ok("inspect", bundle).stdout

    headings = [line for line in shown.splitlines() if line and not line.startswith(" ")]
    assert headings == ["Private key:", "Certificate request:", "Certificate:", "Certificate revocation list:"]
    assert "Private" not in shown.replace("Private key:", "")


def test_inspect_does_not_open_an_encrypted_key(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("P", "hunter2")
    cli.ok("key", "gen", "--out", tmp_path / "x.key", "--passphrase-env", "P")
    shown = cli.ok("inspect", tmp_path / "x.key")

    assert shown.stdout == "Private key:\n  Encrypted: yes\n"


def test_inspect_names_pem_blocks_that_it_does_not_know(cli, tmp_path):
    (tmp_path / "dh.pem").write_text("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n")

    assert cli.ok("inspect", tmp_path / "dh.pem").stdout == "Unknown PEM block:\n  Label: DH PARAMETERS\n"


def test_inspect_shows_records_with_paths_that_exist(world):
    shown = world.cli.ok("inspect", world.issuing / "ca.meta.json").stdout
    key = world.issuing / "private" / "ca.ecdsa-p256.key"

    assert f"  Keys:      default: ecdsa-p256, {key}\n" in shown
    assert key.exists()


def test_inspect_shows_the_records_of_the_seed_document(cli, tmp_path):
    """They have no certificate facts, and a token key by label."""
    record = {
        "profile": "ec/root-ca",
        "created": "2025-01-02T10:30:00Z",
        "keys": [
            {
                "id": "default",
                "algorithm": "ecdsa-p384",
                "storage": {"type": "pkcs11", "config": "./hsm.yaml", "label": "root-ca-key"},
            }
        ],
    }
    (tmp_path / "ca.meta.json").write_text(json.dumps(record))

    assert cli.ok("inspect", tmp_path / "ca.meta.json").stdout == (
        "CA record (ca.meta.json):\n"
        "  Profile: ec/root-ca\n"
        "  Created: 2025-01-02 10:30:00 UTC\n"
        f"  Keys:    default: ecdsa-p384, HSM label=root-ca-key ({tmp_path}/hsm.yaml)\n"
    )


def test_inspect_of_a_key_record(cli, tmp_path):
    record = {
        "id": "web",
        "algorithm": "ecdsa-p256",
        "created": "2026-01-02T10:30:00Z",
        "storage": {"type": "software", "path": "private/key.pem"},
        "spki_sha256": "ab" * 32,
    }
    (tmp_path / "key.meta.json").write_text(json.dumps(record))

    assert f"  Key:          {tmp_path}/private/key.pem\n" in cli.ok("inspect", tmp_path / "key.meta.json").stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x", b"hello", "holds nothing that qpki knows"),
        ("x", b"", "holds nothing that qpki knows"),
        ("x", b"{}", "is JSON, but no record of qpki's"),
        ("ca.meta.json", b'{"profile": "ec/ro', "ca.meta.json"),
        ("x.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x.pem: "),
        ("x.key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key"),
    ],
)
def test_inspect_of_what_is_broken_is_one_clear_error(cli, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)

    assert message in cli.refused("inspect", tmp_path / name).error


def test_inspect_of_a_foreign_certificate_does_not_need_its_algorithm(cli, tmp_path):
    """Looking is not relying: brainpool is not in the table."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1", "-nodes",
         "-keyout", "/dev/null", "-subj", "/CN=foreign"],
        check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "x.crt").write_bytes(made.stdout)
    (found,) = cli.ok("inspect", tmp_path / "x.crt", "-o", "json").json["objects"]

    assert (found["subject"], found["algorithm"]) == ("CN=foreign", "unknown")


def test_schema_prints_each_schema_and_lists_them(cli):
    names = cli.ok("schema").stdout.split()

    assert {"ca-meta", "credential-meta", "hsm", "profile", "var-file"} <= set(names)
    for name in names:
        assert json.loads(cli.ok("schema", name).stdout)["$schema"].endswith("2020-12/schema")


def test_version_tells_what_a_report_needs(cli):
    facts = cli.ok("version", "-o", "json").json

    assert {"qpki", "python", "openssl", "click", "cryptography", "python_pkcs11"} == facts.keys()
    assert cli.ok("--version").stdout == f"qpki {facts['qpki']}\n"
    assert cli.ok("version").stdout.startswith("qpki: ")


def test_a_library_that_is_not_installed_has_no_version():
    from reconciler.cli.tools import installed

    assert installed("no-such-distribution") == "unknown (not installed)"
