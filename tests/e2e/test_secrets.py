"""A whole life of a CA, with every error on the way: no PIN or passphrase appears in anything that we leave behind."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from reconciler.cli.main import cli
from tests.support.process import Site, Terminal
from tests.support.tokens import PIN_ENV, SoftHsm, softhsm_token

SECRETS = {
    "pin": "Zq7pinVw93xK",
    "wrong pin": "Yr8wrongpin04m",
    "CA passphrase": "Xs9 pâss$(phrase) Ca",
    "credential passphrase": "Wt0'crédential\"\\phrase",
    "typed passphrase": "Vu1typedphrase77",
    "wrong passphrase": "Us2wrongphrase55",
}

FILE_LIFE = """\
ca init --profile ./root.yaml --var cn=Root --dir sealed --passphrase-env CA_SECRET
ca init --profile ./issuing.yaml --var cn=Below --dir below --parent sealed --passphrase-file secret
cert issue --ca-dir below --profile ./server.yaml --csr www.csr --out below.crt
credential enroll carol --ca-dir below --profile ./client.yaml --var cn=carol --passphrase-env CRED_SECRET
credential export carol --bundle all
key gen --out sealed.key --passphrase-env CRED_SECRET
key info sealed.key --passphrase-env CRED_SECRET
csr gen --key sealed.key --passphrase-env CRED_SECRET --cn x --out sealed.csr
inspect sealed.key
key list --dir .
cert revoke below.crt --ca-dir below --gen-crl
credential revoke carol --ca-dir below
crl gen --ca-dir sealed
ca info --ca-dir sealed -o json
"""
"""Every command that handles a passphrase, and some that show what was made."""

TOKEN_LIFE = """\
hsm list --hsm-config hsm.yaml
hsm test --hsm-config hsm.yaml --self-test
hsm info --hsm-config hsm.yaml -o json
ca init --profile ./root.yaml --var cn=Root --dir hsm --hsm-config hsm.yaml --key-label root --generate-key
cert issue --ca-dir hsm --profile ./server.yaml --csr www.csr --out hsm.crt
credential enroll dave --ca-dir hsm --profile ./client.yaml --var cn=dave --hsm-config hsm.yaml --key-label dave
key list --hsm-config hsm.yaml
csr gen --hsm-config hsm.yaml --key-label dave --cn dave --out dave.csr
cert revoke hsm.crt --ca-dir hsm --gen-crl
ca info --ca-dir hsm -o json
"""

MANIFESTS = """\
apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: declared}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: root}
spec: {profile: ec/root-ca, variables: {cn: Root}, key: {hsm: hsm.yaml, label: declared}}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: issuing}
spec: {issuer: root, profile: ec/issuing-ca, variables: {cn: Issuing}, key: {passphraseEnv: CA_SECRET}}
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {name: web}
spec: {issuer: issuing, profiles: [ec/tls-client], variables: {cn: Web}, key: {passphraseFile: secret}}
"""

DECLARED_LIFE = """\
validate -C declared
plan -C declared --out plan.json -o markdown
apply -C declared plan.json --auto-approve
plan -C declared -o json --replace ca/issuing
show -C declared -o json
explain ca/issuing -C declared -o json
apply -C declared --auto-approve --replace ca/issuing
"""
"""The same of a workspace: each way of naming a secret is in its manifests."""

FAILURES = """\
apply -C declared --auto-approve --replace crl/*
key list --hsm-config hsm.yaml
crl gen --ca-dir hsm
credential enroll erin --ca-dir hsm --profile ./client.yaml --var cn=erin --hsm-config hsm.yaml --key-label erin
hsm test --hsm-config hsm.yaml
crl gen --ca-dir sealed
key info sealed.key --passphrase-env CRED_SECRET
ca init --profile ./issuing.yaml --var cn=Again --dir again --parent sealed
"""
"""What fails when every secret is a wrong one."""


@pytest.fixture(scope="module")
def hsm(tmp_path_factory) -> SoftHsm:
    return softhsm_token(tmp_path_factory.mktemp("token"), pin=SECRETS["pin"])


@pytest.fixture(scope="module")
def lived(shared: Site, hsm: SoftHsm) -> Site:
    """The site after that life, with its commands and all that they said."""
    (shared / "hsm.yaml").write_text(hsm.config_path.read_text())
    (shared / "declared").mkdir()
    (shared / "declared" / "hsm.yaml").write_text(hsm.config_path.read_text())
    (shared / "declared" / "qpki.yaml").write_text(MANIFESTS)
    passphrases = shared / "secret", shared / "declared" / "secret"
    for path in passphrases:
        path.write_text(f"{SECRETS['typed passphrase']}\n")
        path.chmod(0o600)
    right = {
        PIN_ENV: SECRETS["pin"],
        "CA_SECRET": SECRETS["CA passphrase"],
        "CRED_SECRET": SECRETS["credential passphrase"],
    }
    wrong = {PIN_ENV: SECRETS["wrong pin"], **dict.fromkeys(("CA_SECRET", "CRED_SECRET"), SECRETS["wrong passphrase"])}
    for command in (FILE_LIFE + TOKEN_LIFE + DECLARED_LIFE).splitlines():
        shared.ok(command, **right)
    for command in FAILURES.splitlines():
        for debug in ("", "--debug "):
            assert shared.run(debug + command, **wrong).exit_code == 1, command
    with Terminal.open() as terminal:
        sealed = shared / "sealed.key"
        terminal.run(shared, f"key info {sealed}", f"passphrase of {sealed}", f"{SECRETS['wrong passphrase']}\n")
    for path in passphrases:
        path.unlink()
    return shared


@pytest.fixture(params=SECRETS)
def forms(request) -> list[bytes]:
    """The ways in which a secret could stand somewhere."""
    secret = SECRETS[request.param]
    octets = secret.encode()
    return [
        octets,
        repr(secret).strip("'\"").encode(),
        shlex.quote(secret).encode(),
        secret.encode("utf-16-le"),
        base64.b64encode(octets).rstrip(b"="),
        octets.hex().encode(),
        octets.hex().upper().encode(),
    ]


def test_no_secret_is_in_anything_that_was_printed(lived, forms):
    """Debug output with its tracebacks included."""
    printed = "".join(outcome.stdout + outcome.stderr for outcome in lived.outputs).encode()

    assert b"Traceback" in printed
    assert not [form for form in forms if form in printed]


def test_no_secret_is_in_any_file(lived, hsm, forms):
    """Of ours, or of the token's."""
    written = [path for root in (lived.directory, hsm.directory) for path in root.rglob("*") if path.is_file()]

    assert len(written) > 50
    assert not [path for path in written for form in forms if form in path.read_bytes()]


def test_no_secret_was_on_a_command_line(lived, forms):
    """What other users see of a process (/proc/PID/cmdline) is what the commands above were made of."""
    commands = "\n".join(lived.commands).encode()

    assert commands.count(b"\n") > 30
    assert not [form for form in forms if form in commands]


def test_records_name_where_a_secret_is_and_nothing_more(lived):
    sealed = lived.ok("ca info --ca-dir sealed -o json").stdout
    meta = (lived / "sealed" / "ca.meta.json").read_text()
    below = (lived / "below" / "ca.meta.json").read_text()

    assert "CA_SECRET" in meta + sealed
    assert '"passphrase_file": "../secret"' in below
    assert "pin" not in (lived / "hsm" / "ca.meta.json").read_text().lower()


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _commands(child, (*words, name))


def test_no_option_carries_a_secret():
    """An option about a PIN or passphrase names a variable or a file."""
    options = {
        name
        for _, command in _commands(cli, ("qpki",))
        for parameter in command.params
        for name in parameter.opts
        if any(word in name for word in ("pin", "pass", "secret", "pwd"))
    }

    assert options == {"--passphrase-env", "--passphrase-file", "--ca-passphrase-env", "--ca-passphrase-file"}


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("--pin", "pin_env"),
        ("--hsm-pin", "pin_env"),
        ("--user-pin", "pin_env"),
        ("-p", "--passphrase-env"),
        ("--passphrase", "--passphrase-env"),
        ("--ca-passphrase", "--ca-passphrase-env"),
        ("--password", "--passphrase-env"),
    ],
)
@pytest.mark.parametrize("command", ["ca init --profile ./root.yaml", "key gen --out x.key", "credential enroll x"])
def test_who_tries_one_is_told_the_way_and_the_secret_is_not_repeated(shared, command, option, hint):
    for written in (f"{option} tellnobody", f"{option}=tellnobody"):
        refused = shared.refused(f"{command} {written}", here=True)
        assert f"there is no option {option}" in refused.error
        assert hint in refused.hint
        assert "tellnobody" not in refused.stderr


def test_a_secret_that_stands_where_the_name_of_a_variable_belongs_is_not_repeated(shared):
    """`--passphrase-env 'correct horse'` is a slip that anybody can make."""
    refused = shared.refused("key gen --out x.key --passphrase-env 'tell nobody!'", here=True)

    assert "tell nobody!" not in refused.stderr
    assert refused.hint


def test_a_key_file_can_be_opened_with_what_it_was_closed_with(lived):
    """The unusual characters above reach the file as they are."""
    assert lived.ok("key info sealed.key --passphrase-env CRED_SECRET", CRED_SECRET=SECRETS["credential passphrase"])
    assert Path(lived / "sealed.key").read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
