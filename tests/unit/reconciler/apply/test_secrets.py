from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pki.algorithms import ALGORITHMS
from pki.errors import SecretError
from pki.keys import generate_file_key
from pki.ports import SecretRef
from reconciler.apply.secrets import Remembered, unlock
from reconciler.plan.model import Need


@dataclass
class Answers:
    """Secrets by variable or, for a prompt, by purpose; what is not there cannot be had."""

    known: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def read(self, ref: SecretRef, purpose: str) -> str:
        name = ref.env or (ref.file and ref.file.name) or purpose
        self.asked.append(str(name))
        if name not in self.known:
            raise SecretError(f"no {name}")
        return self.known[str(name)]


def test_each_is_asked_for_once() -> None:
    source = Answers({"A": "x"})
    secrets = Remembered(source)
    assert [secrets.read(SecretRef("A"), "one"), secrets.read(SecretRef("A"), "one")] == ["x", "x"]
    assert source.asked == ["A"]


def test_what_could_not_be_had_is_not_asked_for_again() -> None:
    """A prompt that was left empty would come back for every step that needs it."""
    source = Answers({})
    secrets = Remembered(source)
    for _ in range(2):
        with pytest.raises(SecretError, match="no A"):
            secrets.read(SecretRef("A"), "one")
    assert source.asked == ["A"]


def test_its_repr_shows_no_secret() -> None:
    secrets = Remembered(Answers({"A": "correct horse"}))
    secrets.read(SecretRef("A"), "one")
    assert "correct horse" not in repr(secrets)


def test_unlock_asks_for_what_the_plan_needs_and_nothing_else(tmp_path: Path) -> None:
    encrypted, plain = tmp_path / "encrypted.key", tmp_path / "plain.key"
    known = Answers({"A": "x"})
    generate_file_key(ALGORITHMS["ecdsa-p256"], encrypted, passphrase=SecretRef("A"), secrets=known)
    generate_file_key(ALGORITHMS["ecdsa-p256"], plain, passphrase=None, secrets=known)
    source = Answers({"A": "x", "pass.txt": "y"})
    needs = [
        Need("ca/root", "sign", path="encrypted.key"),
        Need("ca/other", "sign", path="plain.key"),
        Need("ca/new", "generate", path="new.key"),
        Need("ca/one", "sign", path="one.key", secret_env="A"),
        Need("ca/two", "generate", path="two.key", secret_file="pass.txt"),
        Need("ca/one", "sign", path="one.key", secret_env="A"),
        Need("key/csr", "open"),
    ]
    with ExitStack() as stack:
        unlock(tmp_path, needs, Remembered(source), stack)
    assert source.asked == [f"passphrase of {encrypted}", "A", "pass.txt"]


def test_a_token_that_cannot_be_opened_is_no_error_yet(tmp_path: Path) -> None:
    with ExitStack() as stack:
        unlock(tmp_path, [Need("ca/root", "sign", hsm="hsm/none.yaml")], Remembered(Answers({})), stack)
