"""What `--out` and `--keyout` may write over, and what they never do."""

import pytest

from pki.errors import StoreError
from reconciler.cli import outputs


def test_an_output_file_may_be_new_or_replace_a_certificate(tmp_path):
    old = tmp_path / "old.crt"
    old.write_text("-----BEGIN CERTIFICATE-----")

    assert outputs.output_file(str(tmp_path / "new.crt")) == tmp_path / "new.crt"
    assert outputs.output_file(str(old)) == old


def test_an_output_file_never_replaces_a_private_key(tmp_path):
    key = tmp_path / "server.key"
    key.write_text("-----BEGIN EC PARAMETERS-----\n-----BEGIN EC PRIVATE KEY-----\n")

    with pytest.raises(ValueError, match="holds a private key"):
        outputs.output_file(str(key))


def test_an_output_file_needs_a_directory_and_is_none(tmp_path):
    with pytest.raises(ValueError, match="is no ordinary file"):
        outputs.output_file(str(tmp_path))
    with pytest.raises(ValueError, match="there is no directory"):
        outputs.output_file(str(tmp_path / "none" / "x.crt"))


@pytest.mark.parametrize("target", ["/dev/null", "old.crt"])
def test_an_output_file_is_no_device_and_no_link(tmp_path, target):
    """Replacing /dev/null with a certificate, as root, breaks the machine."""
    (tmp_path / "old.crt").touch()
    (tmp_path / "link").symlink_to(target)

    for path in (str(tmp_path / "link"), "/dev/null"):
        with pytest.raises(ValueError, match="is no ordinary file"):
            outputs.output_file(path)


def test_what_is_written_is_checked_again_at_that_moment(tmp_path):
    path = outputs.output_file(str(tmp_path / "x.crt"))
    path.write_text("-----BEGIN PRIVATE KEY-----\n")

    with pytest.raises(StoreError, match="holds a private key") as caught:
        outputs.write(path, b"a certificate")
    assert caught.value.hint
    assert path.read_text() == "-----BEGIN PRIVATE KEY-----\n"


def test_a_key_far_inside_a_bundle_is_found(tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("#" * 79 + "\n")
    with bundle.open("a") as file:
        file.writelines(["#" * 79 + "\n"] * 40_000)
        file.write("-----BEGIN PRIVATE KEY-----\n")

    with pytest.raises(ValueError, match="holds a private key"):
        outputs.output_file(str(bundle))


@pytest.mark.parametrize(
    "name",
    ["ca.crt", "ca.meta.json", "index.txt", "chain.crt", "journal/issued.jsonl", "certs/1003.crt", "certs/new.crt",
     "crl/ca.crl", ".lock", "private/new.key"],
)  # fmt: skip
def test_a_cas_own_files_are_not_for_output(world, name):
    world.cli.ok("crl", "gen", "-d", world.issuing)
    (world.home / "link").symlink_to("issuing-ca")
    before = {path: path.read_bytes() for path in world.issuing.rglob("*") if path.is_file()}

    for directory in ("issuing-ca", "link"):
        out = world.home / directory / name
        for command in (
            ("cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", world.csr, "--out", out),
            ("ca", "export", "-d", world.root, "--out", out),
            ("key", "gen", "--out", out),
            ("csr", "gen", "--keyout", out, "--cn", "x", "--out", world.home / "x.csr"),
        ):
            assert "belongs to the CA in" in world.cli.refused(*command).error
    assert {path: path.read_bytes() for path in world.issuing.rglob("*") if path.is_file()} == before


def test_what_a_cas_layout_does_not_know_may_be_written_beside_it_once(world):
    out = world.issuing / "www.pem"
    export = ("ca", "export", "-d", world.root, "--out", out)
    world.cli.ok(*export)
    (world.issuing / "credentials").mkdir()
    world.cli.ok(*export[:-1], world.issuing / "credentials" / "www.pem")

    assert "belongs to the CA in" in world.cli.refused(*export).error


@pytest.mark.parametrize("name", ["cert.pem", "chain.pem", "credential.meta.json", "private/new.pem"])
def test_a_credentials_own_files_are_not_for_output(world, name):
    credentials = world.home / "credentials"
    at = ("--ca-dir", world.issuing, "--cred-dir", credentials)
    world.cli.ok("credential", "enroll", "alice", *at, "-P", "ec/tls-client", "--var", "cn=alice")
    refused = world.cli.refused("ca", "export", "-d", world.root, "--out", credentials / "alice" / name)

    assert "belongs to the credential in" in refused.error


@pytest.mark.parametrize("second", ["k", "./k", "sub/../k"])
def test_a_key_and_its_request_do_not_go_to_one_file(cli, tmp_path, monkeypatch, second):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    refused = cli.refused("csr", "gen", "--keyout", "k", "--cn", "x", "--out", second)

    assert refused.error == "'--keyout' and '--out' name the same file"
    assert not (tmp_path / "k").exists()


def test_a_certificate_does_not_go_over_the_request_it_is_for(world):
    before = world.csr.read_bytes()
    issue = ("cert", "issue", "-d", world.issuing, "-P", "ec/tls-server", "--csr", world.csr, "--out", world.csr)

    assert world.cli.refused(*issue).error == "'--csr' and '--out' name the same file"
    assert world.csr.read_bytes() == before
