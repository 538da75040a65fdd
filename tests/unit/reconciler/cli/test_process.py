"""The command as a process: terminals, pipes, signals, a full disk, a poor locale. No shell and no network."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

QPKI = [sys.executable, "-P", "-m", "reconciler"]
PLAIN = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "TERM"}} | {
    "PYTHONPATH": str(ROOT)
}


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*QPKI, *arguments],
        cwd=cwd,
        env=PLAIN | environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def on_terminal(*arguments: str, answer: tuple[str, str] = ("", ""), **environment: str) -> tuple[int, str]:
    """Run with a terminal on stdin and stderr, type the answer to a prompt, return exit code and what was shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*QPKI, *arguments],
        env=PLAIN | environment,
        stdin=slave,
        stderr=slave,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(slave)
    prompt, typed = answer
    shown = ""
    while chunk := _read(master):
        shown += chunk
        if prompt and prompt in shown:
            os.write(master, typed.encode())
            prompt = ""
    os.close(master)
    return process.wait(), shown


def _read(master: int) -> str:
    try:
        return os.read(master, 4096).decode()
    except OSError:  # the other end is closed
        return ""


def test_errors_are_colored_on_a_terminal_only():
    code, shown = on_terminal("frobnicate", TERM="xterm")

    assert code == 1
    assert "\x1b[31m\x1b[1mError:\x1b[0m no such command" in shown
    assert "\x1b" not in on_terminal("frobnicate", TERM="xterm", NO_COLOR="1")[1]
    assert "\x1b" not in run("frobnicate", TERM="xterm").stderr


def test_color_can_be_forced_into_a_pipe():
    assert "\x1b[31m" in run("frobnicate", FORCE_COLOR="1").stderr
    assert "\x1b" not in run("--color", "never", "schema", "x", FORCE_COLOR="1").stderr


def test_a_reader_that_leaves_early_is_no_error():
    """`qpki schema profile | head -1` prints one line and nothing else."""
    process = subprocess.Popen(
        [*QPKI, "schema", "profile"], env=PLAIN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()

    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_stdout_is_one_clear_error():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*QPKI, "schema", "hsm"], env=PLAIN, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.stderr == "Error: cannot write the output: No space left on device\n"
    assert done.returncode == 1


def test_a_name_that_the_terminal_lacks_is_escaped(tmp_path):
    run("csr", "gen", "--keyout", "k.key", "--cn", "日本", "--out", "x.csr", cwd=tmp_path)
    shown = run("csr", "info", "x.csr", cwd=tmp_path, PYTHONIOENCODING="latin-1")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "CN=\\u65e5\\u672c" in shown.stdout
    assert "CN=日本" in run("csr", "info", "x.csr", cwd=tmp_path, PYTHONUTF8="1").stdout


def test_ctrl_c_during_key_generation_leaves_no_key_and_no_traceback(tmp_path):
    process = subprocess.Popen(
        [*QPKI, "key", "gen", "--algorithm", "rsa-4096", "--out", "x.key"],
        cwd=tmp_path,
        env=PLAIN,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr.readline() == "Generating rsa-4096 key pair...\n"
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()

    assert (process.returncode, stdout) == (130, "")
    assert stderr.strip().splitlines()[0] == "Error: interrupted"
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


def test_a_passphrase_is_asked_for_on_a_terminal_and_not_shown(tmp_path):
    key = tmp_path / "x.key"
    run("key", "gen", "--out", str(key), "--passphrase-env", "P", P="hunter2")
    prompt = f"passphrase of {key}: "
    code, shown = on_terminal("key", "info", str(key), answer=(prompt, "hunter2\n"))

    assert (code, prompt in shown) == (0, True)
    assert "hunter2" not in shown


def test_without_a_terminal_nothing_is_asked(tmp_path):
    run("key", "gen", "--out", "x.key", "--passphrase-env", "P", cwd=tmp_path, P="hunter2")
    refused = run("key", "info", "x.key", cwd=tmp_path)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no terminal is attached" in refused.stderr


def test_debug_shows_the_traceback_and_nothing_else_does(tmp_path):
    arguments = ("ca", "info", "--ca-dir", str(tmp_path))

    assert "Traceback" not in run(*arguments).stderr
    assert "Traceback" in run("--debug", *arguments).stderr
    assert "Traceback" in run(*arguments, QPKI_DEBUG="1").stderr
    assert run("--debug", *arguments).stderr.splitlines()[-2].startswith("Error: ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_asks_the_command_itself(shell):
    assert "_QPKI_COMPLETE" in run("completion", shell).stdout


def test_completion_knows_commands_and_values():
    def offered(words: str) -> list[str]:
        completed = run(_QPKI_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1))
        return [line.partition(",")[2] for line in completed.stdout.splitlines()]

    assert offered("qpki cred") == ["credential"]
    assert offered("qpki cert revoke --reason key") == ["keyCompromise"]
    assert offered("qpki key gen --algorithm ml-dsa-4") == ["ml-dsa-44"]
