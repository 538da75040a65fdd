"""Every example in a help text runs as it is written, in a shell, in the order of a story."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from reconciler.cli import reference
from tests.support.checkout import ROOT
from tests.support.tokens import PIN, PIN_ENV, softhsm_token

STORY = """
    init, validate, plan, explain, graph, show, due, apply,
    version, completion, schema, profile list, profile show, profile vars, profile export, profile lint,
    ca init, ca info, ca list, ca export, key gen, key list, key info, key pub, csr gen, csr info, csr verify,
    cert issue, cert list, cert info, cert verify, crl gen, crl info, crl verify,
    credential enroll, credential list, credential info, credential export, inspect,
    cert revoke, credential revoke, hsm list, hsm test, hsm info, hsm mechanisms
"""
EXAMPLES = {context.command_path.removeprefix("qpki "): context.command.examples for context in reference.commands()}
COMMANDS = [command.strip() for command in STORY.split(",")]


def needs_token(example: str) -> bool:
    return "hsm" in example


@pytest.fixture
def shell(tmp_path):
    """Run a line in bash, in one directory, with `qpki` on the path and a home of its own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    qpki = programs / "qpki"
    qpki.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m reconciler "$@"\n')
    qpki.chmod(0o755)
    home = tmp_path / "home"
    (home / ".config" / "fish" / "completions").mkdir(parents=True)
    environment = {
        **os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(home), "PYTHONPATH": str(ROOT),
    }  # fmt: skip

    def run(line: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-eu", "-c", line], cwd=home, env=environment | more, capture_output=True, text=True,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done

    return run


def test_the_story_has_every_command():
    assert set(COMMANDS) == set(EXAMPLES)


@pytest.mark.slow
def test_the_examples_work_as_they_are_written(shell):
    """In this order, because the later ones use what the earlier ones made."""
    ran = 0
    for command in COMMANDS:
        for example in EXAMPLES[command]:
            if not needs_token(example):
                shell(example)
                ran += 1

    assert ran >= 40


@pytest.mark.slow
@pytest.mark.hsm
def test_the_examples_with_a_token_work_as_they_are_written(shell, tmp_path):
    token = softhsm_token(tmp_path / "token")
    (tmp_path / "home" / "hsm.yaml").write_text(token.config_path.read_text())
    world = {"SOFTHSM2_CONF": str(token.conf), PIN_ENV: PIN}
    for command in COMMANDS:
        for example in EXAMPLES[command]:
            if needs_token(example):
                line = example.replace("/usr/lib/softhsm/libsofthsm2.so", str(token.lib))
                shell(line, **world)
