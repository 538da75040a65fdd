"""Ctrl-C and SIGTERM at the worst moments: no traceback, no half key, and the next run works.

A command that is made to wait - for a passphrase from a pipe, or by what the spy on the token writes - is interrupted
at that very moment; nothing sleeps.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.process import Running, Site, Terminal, contents
from tests.support.tokens import PIN_ENV, SoftHsm, spy


@contextmanager
def pipe(path: Path) -> Iterator[int]:
    """Make a named pipe, and give its end to write to once a command has opened the other one."""
    os.mkfifo(path, 0o600)
    writer = os.open(path, os.O_WRONLY)
    try:
        yield writer
    finally:
        os.close(writer)
        path.unlink()


def while_it_makes_a_key(site: Site, command: str, number: signal.Signals):
    """Interrupt a command that has just got the passphrase of the key that it is about to make."""
    running = Running.start(site, f"{command} --passphrase-file pipe")
    with pipe(site / "pipe") as writer:
        os.write(writer, b"tell nobody\n")
        return running.end(number)


@pytest.mark.parametrize(
    "command",
    [
        "key gen --algorithm rsa-4096 --out new.key",
        "csr gen --algorithm rsa-4096 --keyout new.key --cn x --out new.csr",
    ],
)
def test_ctrl_c_while_a_key_file_is_made_leaves_no_file(site, command):
    before = contents(site.directory)

    stopped = while_it_makes_a_key(site, command, signal.SIGINT)

    assert (stopped.exit_code, stopped.stdout, stopped.error) == (130, "", "interrupted")
    assert "run the command again" in stopped.hint
    assert "Traceback" not in stopped.stderr
    assert contents(site.directory) == before
    site.ok(command)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("command", "check"),
    [
        ("ca init --dir new --profile rsa/root-ca --var cn=New", "crl gen --ca-dir new"),
        ("credential enroll bob --ca-dir ca --profile ./client.yaml --var cn=bob", "credential info bob"),
    ],
)
def test_a_stopped_command_leaves_nothing_that_the_next_run_stumbles_over(site, number, command, check):
    site.env["NEW_PASSPHRASE"] = "tell nobody"
    stopped = while_it_makes_a_key(site, command, number)

    assert stopped.exit_code == 128 + number
    assert stopped.stdout == ""
    assert "Traceback" not in stopped.stderr
    assert not list(site.directory.rglob("*.tmp"))
    assert not (site / "new" / "ca.meta.json").exists()
    assert not (site / "credentials" / "bob" / "credential.meta.json").exists()
    site.ok(f"{command} --passphrase-env NEW_PASSPHRASE")
    site.ok(check)
    site.ok("crl gen --ca-dir ca")


@pytest.fixture
def watched(site: Site, token: SoftHsm) -> Path:
    """A configuration of the token that writes down every call of the module on stderr, as it is made."""
    site.env[PIN_ENV] = token.pin
    watch = spy(token)
    settings = [line for line in watch.config_path.read_text().splitlines() if "PKCS11SPY_OUTPUT" not in line]
    (site / "spy.yaml").write_text("\n".join(settings) + "\n")
    return site / "spy.yaml"


@pytest.mark.hsm("opensc")
@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("key gen --algorithm rsa-4096 --key-label new", "key gen --key-label new"),
        (
            "ca init --dir new --profile rsa/root-ca --var cn=New --key-label new --generate-key",
            "ca init --dir new --profile ./root.yaml --var cn=New --key-label new --generate-key",
        ),
    ],
)
def test_ctrl_c_while_a_token_makes_a_key_leaves_none_on_it(site, token, command, again):
    """The key would take seconds; the next run asks for a quicker one, under the same name."""
    running = Running.start(site, f"{command} --hsm-config spy.yaml")
    running.until("C_GenerateKeyPair")
    stopped = running.end(signal.SIGINT)

    assert (stopped.exit_code, stopped.stdout) == (130, "")
    assert "Error: interrupted\n" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert site.ok(f"key list --hsm-config {token.config_path} -o json").json["keys"] == []
    site.ok(f"{again} --hsm-config {token.config_path}")


@pytest.mark.hsm("opensc")
@pytest.mark.usefixtures("watched")
def test_sigterm_while_a_token_makes_a_key_leaves_the_token_usable(site, token):
    running = Running.start(site, "key gen --algorithm rsa-4096 --key-label new --hsm-config spy.yaml")
    running.until("C_GenerateKeyPair")
    stopped = running.end(signal.SIGTERM)

    assert stopped.exit_code == 128 + signal.SIGTERM
    assert stopped.stdout == ""
    assert "Traceback" not in stopped.stderr
    site.ok(f"key gen --algorithm ecdsa-p256 --key-label next --hsm-config {token.config_path}")


@pytest.mark.hsm("opensc")
@pytest.mark.usefixtures("watched")
def test_ctrl_c_while_a_token_signs_loses_no_serial(site):
    """The certificate's serial was journaled before the key was used: the next CRL lists it, or it is filed."""
    site.ok("ca init --dir hsm --profile ./root.yaml --var cn=x --key-label ca --generate-key --hsm-config spy.yaml")
    running = Running.start(site, "cert issue --ca-dir hsm --profile ./server.yaml --csr www.csr")
    running.until("C_SignInit")
    stopped = running.end(signal.SIGINT)
    site.ok("crl gen --ca-dir hsm")

    assert stopped.exit_code == 130
    rows = site.ok("cert list --ca-dir hsm -o json").json["certificates"]
    filed = list((site / "hsm" / "certs").iterdir())
    assert [row["status"] for row in rows] == ["valid" if filed else "revoked"]


@pytest.mark.hsm
@pytest.mark.parametrize(
    ("keys", "code", "says"),
    [
        pytest.param("\x03", 130, "interrupted", id="Ctrl-C"),
        pytest.param("12\x03", 130, "interrupted", id="Ctrl-C after two digits"),
        pytest.param("\x04", 130, "interrupted", id="Ctrl-D"),
        pytest.param("\n", 1, "no PIN of token CA-Token was given", id="nothing"),
        pytest.param("918273\n", 1, "CKR_PIN_INCORRECT", id="a wrong PIN"),
        pytest.param("1234\n", 0, "", id="the PIN"),
    ],
)
def test_a_prompt_for_the_pin_ends_well_whatever_is_typed(site, token, keys, code, says):
    """It is not asked again, what is typed is not shown, and the terminal is left as it was."""
    config = token.write_config("prompt.yaml", pin_env=None)

    with Terminal.open() as terminal:
        ended = terminal.run(site, f"key list --hsm-config {config}", "PIN of token CA-Token: ", keys)

        assert terminal.echoes
    assert ended.exit_code == code
    assert ended.stderr.count("PIN of token CA-Token: ") == 1
    assert says in (ended.error if code else "")
    assert "Traceback" not in ended.stderr
    assert keys.strip("\x03\x04\n") not in ended.stderr or not keys.strip("\x03\x04\n")
    assert (ended.stdout == "") is (code != 0)


@pytest.mark.parametrize("keys", ["\x03", "\x04"])
def test_a_prompt_for_a_passphrase_ends_well_too(site, keys):
    (site / "locked" / "ca.meta.json").write_text(
        (site / "locked" / "ca.meta.json").read_text().replace('"passphrase_env": "CA_PASSPHRASE",', "")
    )
    before = contents(site.directory)
    with Terminal.open() as terminal:
        ended = terminal.run(site, "crl gen --ca-dir locked", "passphrase of locked/private", keys)

        assert terminal.echoes
    assert (ended.exit_code, ended.stdout, ended.error) == (130, "", "interrupted")
    assert contents(site.directory) == before
