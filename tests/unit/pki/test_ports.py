"""Secrets come from where they may come from, and never show."""

import os
import pty
import subprocess
import sys

import pytest

from pki.errors import SecretError
from pki.ports import SecretRef, SystemSecrets, random_serial, system_clock


def test_a_serial_fits_twenty_octets_and_is_positive():
    serials = {random_serial() for _ in range(1000)}

    assert len(serials) == 1000
    assert all(0 < serial < 2**159 for serial in serials)
    assert max(serial.bit_length() for serial in serials) == 159


def test_the_clock_is_aware():
    assert system_clock().utcoffset().total_seconds() == 0


def test_a_secret_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("QPKI_TEST_PIN", "1234")

    assert SystemSecrets().read(SecretRef(env="QPKI_TEST_PIN"), "PIN") == "1234"


@pytest.mark.parametrize(("value", "state"), [(None, "not set"), ("", "empty")])
def test_an_unset_variable_is_an_error_and_not_an_empty_secret(monkeypatch, value, state):
    monkeypatch.delenv("QPKI_TEST_PIN", raising=False)
    if value is not None:
        monkeypatch.setenv("QPKI_TEST_PIN", value)

    with pytest.raises(SecretError, match=f"QPKI_TEST_PIN is {state}"):
        SystemSecrets().read(SecretRef(env="QPKI_TEST_PIN"), "PIN")


def test_a_secret_file_gives_its_first_line(tmp_path):
    path = tmp_path / "pin"
    path.write_text("1234\n")
    path.chmod(0o600)

    assert SystemSecrets().read(SecretRef(file=path), "PIN") == "1234"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_secret_file_that_others_can_read_is_refused(tmp_path, mode):
    path = tmp_path / "pin"
    path.write_text("1234\n")
    path.chmod(mode)

    with pytest.raises(SecretError, match="other users can read it") as caught:
        SystemSecrets().read(SecretRef(file=path), "PIN")

    assert "1234" not in str(caught.value)


@pytest.mark.parametrize(("content", "problem"), [(b"", "is empty"), (b"\xff\xfe\n", "not UTF-8")])
def test_a_secret_file_without_a_secret_is_refused(tmp_path, content, problem):
    path = tmp_path / "pin"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(SecretError, match=problem):
        SystemSecrets().read(SecretRef(file=path), "PIN")


def test_a_missing_secret_file_is_named(tmp_path):
    with pytest.raises(SecretError, match="nowhere"):
        SystemSecrets().read(SecretRef(file=tmp_path / "nowhere"), "PIN")


def test_without_a_terminal_nothing_is_asked():
    """Under cron as under pytest, standard input is no terminal."""
    with pytest.raises(SecretError, match="no terminal is attached"):
        SystemSecrets().read(SecretRef(), "PIN")


def test_on_a_terminal_each_secret_is_asked_once_and_not_echoed():
    """A real terminal: two reads of one PIN give one prompt, and the PIN is not on the screen."""
    script = (
        "from pki.ports import *; s = SystemSecrets();"
        "a = s.read(SecretRef(), 'PIN of token x'); b = s.read(SecretRef(), 'PIN of token x'); print(a == b, len(a))"
    )
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        screen = _until(master, b": ")
        os.write(master, b"s3cret-pin\n")
        screen += _until(master, b"10")
        process.wait(timeout=30)
    os.close(master)

    assert screen.count(b"PIN of token x:") == 1
    assert b"s3cret" not in screen
    assert b"True 10" in screen


def _until(terminal: int, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen:
        seen += os.read(terminal, 1024)
    return seen


def test_an_empty_answer_is_no_secret():
    master, slave = pty.openpty()
    script = (
        "from pki.ports import *\n"
        "try: SystemSecrets().read(SecretRef(), 'PIN')\n"
        "except Exception as error: print('refused:', error)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        _until(master, b": ")
        os.write(master, b"\n")
        screen = _until(master, b"given")
        process.wait(timeout=30)
    os.close(master)

    assert b"refused: no PIN was given" in screen


def test_known_secrets_do_not_show_in_a_repr(monkeypatch):
    monkeypatch.setenv("QPKI_TEST_PIN", "s3cret")
    source = SystemSecrets()
    source.read(SecretRef(env="QPKI_TEST_PIN"), "PIN")

    assert "s3cret" not in repr(source)
