"""PINs and passphrases, asked for before the first step."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pki import keys
from pki.errors import PkiError, SecretError
from pki.keys import keyfiles
from pki.ports import SecretRef, SecretSource
from pki.signers import software
from pki.store import files
from pki.store.layout import inside
from reconciler.plan.model import Need


@dataclass(slots=True)
class Remembered:
    """A source of secrets that asks each of them once, whether it comes or not, and never two at a time."""

    source: SecretSource = field(repr=False)
    _answers: dict[tuple[SecretRef, str], str | SecretError] = field(default_factory=dict, repr=False)
    _asking: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def read(self, ref: SecretRef, purpose: str) -> str:
        with self._asking:
            if (ref, purpose) not in self._answers:
                self._answers[ref, purpose] = self._ask(ref, purpose)
            answer = self._answers[ref, purpose]
        if isinstance(answer, SecretError):
            raise answer
        return answer

    def _ask(self, ref: SecretRef, purpose: str) -> str | SecretError:
        try:
            return self.source.read(ref, purpose)
        except SecretError as error:
            return error


def unlock(root: Path, needs: Iterable[Need], secrets: SecretSource, open_until: ExitStack) -> None:
    """Log in to every token of a plan, once, and ask for the passphrases of its key files.

    A token stays open as long as `open_until`, so that nothing logs in to it again. What cannot be opened is no error
    here: it fails the changes that need it, and no others.
    """
    for need in {(each.hsm, each.path): each for each in needs}.values():
        try:
            if need.hsm is not None:
                open_until.enter_context(keys.open_token(inside(root, need.hsm), secrets))
            else:
                _ask_for_file(root, need, secrets)
        except PkiError:
            continue


def _ask_for_file(root: Path, need: Need, secrets: SecretSource) -> None:
    """Ask in the words in which the library will; a plain file, or one that is to be plain, needs nothing."""
    if need.path is None:
        return
    path = inside(root, need.path)
    if need.secret_env is not None or need.secret_file is not None:
        file = None if need.secret_file is None else inside(root, need.secret_file)
        secrets.read(SecretRef(need.secret_env, file), keyfiles.purpose(path))
    elif files.exists(path) and software.is_encrypted(files.read(path)):
        secrets.read(SecretRef(), keyfiles.purpose(path))
