"""Names that lead elsewhere, directories that are taken, disks that are full or closed, readers that leave."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import QPKI, Mount, Site, contents, mounted

ENROLL = "credential enroll --ca-dir ca --profile ./client.yaml --var cn=bob"
ISSUE = "cert issue --profile ./server.yaml --csr www.csr"
INIT = "ca init --profile ./root.yaml --var cn=x"
BELOW = "ca init --profile ./issuing.yaml --var cn=x --parent ca"


@pytest.mark.parametrize(
    "name",
    ["../../x", "/tmp/x", "''", ".", "..", "a/b", ".hidden", "'a b'", "'a\nb'", "'a\\b'", "-x", "ä", "x" * 129],
)
def test_an_id_that_could_lead_elsewhere_is_refused_by_every_command(shared, name):
    for command in (
        f"{ENROLL} --id={name}",
        f"{ENROLL} -- {name}",
        f"credential info -- {name}",
        f"credential export -- {name}",
        f"credential revoke --ca-dir ca -- {name}",
    ):
        refused = shared.refused(command, here=True)
        assert "cannot be used as an id" in refused.error
        assert "letters, digits" in refused.hint


def test_an_id_that_is_taken_is_refused(shared):
    refused = shared.refused(f"{ENROLL} alice", here=True)

    assert refused.error == "credential alice exists in credentials"
    assert refused.hint == "choose another id"


def test_a_key_that_a_killed_run_left_is_not_used_for_another_kind_of_certificate(site):
    (site / "credentials" / "bob" / "private").mkdir(parents=True)
    (site / "credentials" / "bob" / "private" / "key.pem").write_bytes((site / "www.key").read_bytes())
    refused = site.refused(f"{ENROLL.replace('./client.yaml', 'rsa/tls-client')} bob", here=True)

    assert "credentials/bob/private/key.pem: the key is ecdsa-p256, but profile rsa/tls-client asks" in refused.error
    assert refused.hint
    site.ok(f"{ENROLL} bob")


def test_what_is_no_credential_hides_none(site):
    """A directory among them that somebody else made is passed over."""
    (site / "credentials" / "lost + found").mkdir()
    (site / "credentials" / "README").write_text("hello\n")

    assert [found["id"] for found in site.ok("credential list -o json").json["credentials"]] == ["alice"]


@pytest.mark.parametrize(
    ("directory", "says"),
    [
        pytest.param("ca", "there is a CA in ca", id="a CA"),
        pytest.param("credentials", "credentials is not empty (alice", id="something else"),
        pytest.param("root.yaml", "'root.yaml' is a file", id="a file"),
        pytest.param("root.yaml/below", "Not a directory", id="below a file"),
        pytest.param("dangling", "dangling", id="a link that leads nowhere"),
    ],
)
def test_a_directory_that_is_taken_is_left_alone(shared, directory, says):
    if not (link := shared / "dangling").is_symlink():
        link.symlink_to("nowhere/at/all")

    refused = shared.refused(f"{INIT} --dir {directory}", here=True)

    assert says in refused.error


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("cert list --ca-dir nowhere", "nowhere/ca.meta.json is not there"),
        ("cert list --ca-dir credentials", "credentials/ca.meta.json is not there"),
        ("credential info nobody", "credentials/nobody/credential.meta.json is not there"),
        ("cert info 4711 --ca-dir ca", "has issued no certificate with serial 4711"),
        ("cert revoke 4711 --ca-dir ca", "has issued no certificate with serial 4711"),
        ("cert revoke www.crt --ca-dir locked", "has issued no certificate as in www.crt"),
        ("cert revoke www.key --ca-dir ca", "www.key: the PEM holds PRIVATE KEY, not CERTIFICATE"),
        ("crl verify ca/crl/ca.crl --ca www.key", "www.key: the PEM holds PRIVATE KEY, not CERTIFICATE"),
        ("crl info www.crt", "www.crt: the PEM holds CERTIFICATE, not X509 CRL"),
        ("key gen --out www.key", "'www.key' holds a private key, which is never overwritten"),
        ("key gen --out www.crt", "www.crt exists"),
        (f"{ISSUE} --ca-dir ca --out www.key", "'www.key' holds a private key, which is never overwritten"),
        (f"{ISSUE} --ca-dir ca --out nowhere/x.crt", "there is no directory 'nowhere'"),
        ("inspect /dev/null", "/dev/null"),
    ],
)
def test_what_is_not_there_or_something_else_is_named(shared, command, says):
    assert says in shared.refused(command, here=True).error


@pytest.fixture(scope="module")
def closed(shared: Site) -> Iterator[Mount]:
    """The site on a file system that is mounted read-only."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
    with mounted(shared.directory, script) as mount:
        yield mount


@pytest.mark.parametrize(
    "command",
    [
        "crl gen --ca-dir ca",
        f"{ISSUE} --ca-dir ca",
        "cert revoke www.crt --ca-dir ca",
        f"{ENROLL} bob",
        "credential revoke alice --ca-dir ca",
        f"{INIT} --dir new",
        f"{BELOW} --dir new",
        "key gen --out new.key",
        "csr gen --key www.key --cn x --out new.csr",
        "ca export --ca-dir ca --out new.crt",
    ],
)
def test_a_read_only_directory_is_one_clear_error(shared, closed, command):
    refused = shared.refused(command, entry=closed.entry)

    assert "read-only" in f"{refused.error} {refused.hint}".lower()


def test_a_read_only_directory_can_be_read(shared, closed):
    for command in ("ca info --ca-dir ca", "cert list --ca-dir ca", "credential list", "crl info ca/crl/ca.crl"):
        assert shared.run(command, entry=closed.entry).exit_code == 0


def test_no_certificate_is_signed_that_cannot_be_handed_over(shared, closed, tmp_path):
    """The CA can be written and the place for the copy cannot."""
    elsewhere = shared.copy(tmp_path)
    refused = elsewhere.refused(f"{ISSUE} --ca-dir {elsewhere / 'ca'} --out new.crt", entry=closed.entry)

    assert "--out" in refused.error
    assert "read-only" in refused.error.lower()


@pytest.mark.hsm
def test_no_key_is_made_on_a_token_for_what_cannot_be_written(shared, closed, token):
    env = {"HSM_PIN": token.pin}
    for command in (
        f"{INIT} --dir new --hsm-config {token.config_path} --key-label ca --generate-key",
        f"{ENROLL} bob --hsm-config {token.config_path} --key-label bob",
        f"{BELOW} --dir {token.directory}/below --hsm-config {token.config_path} --key-label below --generate-key",
    ):
        shared.refused(command, entry=closed.entry, **env)

    assert shared.ok(f"key list --hsm-config {token.config_path} -o json", **env).json["keys"] == []
    assert not (token.directory / "below").exists()


@pytest.fixture
def full(site: Site, tmp_path_factory) -> Iterator[tuple[Site, Mount, Path]]:
    """A copy of the site on a disk with no block left, as its processes see it and as we do; and what fills it."""
    directory = tmp_path_factory.mktemp("disk")
    script = f'mount -t tmpfs -o size=512k none "$0" && cp -r {site.directory}/. "$0" && (yes > "$0/filling" || true)'
    with mounted(directory, f"{{ {script}; }} 2>/dev/null") as mount:
        yield Site(directory, site.env), mount, mount.outside / "filling"


@pytest.mark.parametrize(
    "command",
    [
        "crl gen --ca-dir ca",
        f"{ISSUE} --ca-dir ca",
        "cert revoke www.crt --ca-dir ca",
        f"{ENROLL} bob",
        f"{INIT} --dir new",
        "key gen --out new.key",
    ],
)
def test_a_full_disk_is_one_clear_error_and_the_next_run_works(full, command):
    """What was there stays whole. A serial whose certificate could not be written is on the next CRL."""
    site, mount, filling = full
    before = contents(mount.outside)

    refused = site.run(command, entry=mount.entry)
    after = contents(mount.outside)

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "No space left on device" in refused.error
    assert refused.hint == "the disk is full: free some space and run the command again"
    assert "Traceback" not in refused.stderr
    changed = {name for name, what in before.items() if after.get(name) != what}
    assert changed <= {"ca/journal/issued.jsonl"}
    assert not [name for name in after if name.endswith((".tmp", ".key", ".pem")) and name not in before]
    filling.unlink()
    assert site.run(command, entry=mount.entry).exit_code == 0


def test_a_certificate_that_the_full_disk_did_not_take_is_revoked_by_the_next_crl(full):
    site, mount, filling = full
    site.run(f"{ISSUE} --ca-dir ca", entry=mount.entry)
    filling.unlink()
    lost = json.loads((mount.outside / "ca" / "journal" / "issued.jsonl").read_text().splitlines()[-1])
    published = site.run("crl gen --ca-dir ca -o json", entry=mount.entry)
    shown = site.run("crl info ca/crl/ca.crl", entry=mount.entry).stdout

    assert published.exit_code == 0
    assert lost["serial"].removeprefix("0x").upper() in shown.upper()


@pytest.mark.parametrize("command", ["profile show ./server.yaml", "ca info --ca-dir ca", "schema profile", "--help"])
def test_a_reader_that_leaves_early_sees_no_error(shared, command):
    """`qpki ... | head -1`."""
    program = subprocess.Popen(
        [*QPKI, *command.split()],
        cwd=shared.directory, env=shared.environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    program.stdout.close()
    _, errors = program.communicate()

    assert errors == ""
