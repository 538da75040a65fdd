"""The implementations that keep the contracts: each is made once per test module, and asked for by name."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pki.algorithms import ALGORITHMS, Algorithm, algorithm
from pki.ports import SystemSecrets
from pki.signers import software
from pki.signers.base import Signer, Token
from pki.signers.config import load_config
from pki.signers.pkcs11 import close_all, open_token
from tests.support.faketoken import FakeToken
from tests.support.opencryptoki import opencryptoki_token
from tests.support.tokens import FixedSecrets, softhsm_token

CONFIGURED = "QPKI_TEST_HSM_CONFIG"
"""Names an HSM configuration; the suite then runs over that token too, and leaves its keys on it: use a scratch one."""


@contextmanager
def _softhsm(directory: Path) -> Iterator[Token]:
    with open_token(softhsm_token(directory).config(), FixedSecrets()) as token:
        yield token


@contextmanager
def _opencryptoki(directory: Path) -> Iterator[Token]:
    with opencryptoki_token(directory) as device:
        try:
            with open_token(device.config(), FixedSecrets(device.pin)) as token:
                yield token
        finally:
            close_all()  # the daemon ends now; its library must not be left waiting for it


@contextmanager
def _configured(_: Path) -> Iterator[Token]:
    with open_token(load_config(Path(os.environ[CONFIGURED])), SystemSecrets()) as token:
        yield token


IMPLEMENTATIONS: dict[str, Callable[[Path], AbstractContextManager[Token]]] = {
    "fake": lambda _: nullcontext(FakeToken()),
    "softhsm": _softhsm,
    "opencryptoki": _opencryptoki,
} | ({"configured": _configured} if CONFIGURED in os.environ else {})
MARKS = {
    "softhsm": [pytest.mark.hsm],
    "opencryptoki": [pytest.mark.hsm("opencryptoki"), pytest.mark.xdist_group("opencryptoki")],
}
TOKENS = [pytest.param(name, marks=MARKS.get(name, [])) for name in IMPLEMENTATIONS]


@dataclass(slots=True)
class Device:
    """An open token under test, and names that no other test uses."""

    token: Token
    _made: dict[str, Signer] = field(default_factory=dict)

    @property
    def smallest(self) -> Algorithm:
        """The algorithm whose keys the token makes fastest."""
        return next(algorithm(name) for name in ("ecdsa-p256", "rsa-2048") if self.token.supports(algorithm(name)))

    def name(self) -> str:
        return f"contract-{secrets.token_hex(6)}"

    def key(self, kind: Algorithm) -> Signer:
        """Return a signer of that kind, made once."""
        if kind.name not in self._made:
            if not self.token.supports(kind):
                pytest.skip(f"the token does not list {kind}")
            made = self.token.generate(kind, label=self.name())
            self._made[kind.name] = self.token.signer(label=made.label, key_id=made.key_id)
        return self._made[kind.name]


@pytest.fixture(scope="module", params=TOKENS)
def device(request, tmp_path_factory) -> Iterator[Device]:
    with IMPLEMENTATIONS[request.param](tmp_path_factory.mktemp(request.param)) as token:
        yield Device(token)


@pytest.fixture(scope="module")
def devices(tmp_path_factory) -> Iterator[Callable[[str], Device]]:
    """Open each implementation when it is first asked for, and close them all at the end."""
    opened: dict[str, Device] = {}
    with ExitStack() as stack:

        def device(name: str) -> Device:
            if name not in opened:
                context = IMPLEMENTATIONS[name](tmp_path_factory.mktemp(name))
                opened[name] = Device(stack.enter_context(context))
            return opened[name]

        yield device


@pytest.fixture(scope="module")
def software_keys() -> Callable[[Algorithm], Signer]:
    made: dict[str, Signer] = {}
    return lambda kind: made.setdefault(kind.name, software.generate(kind))


# What each implementation promises to have; `configured` is asked, the others must not shrink.
PROMISED = {
    "software": tuple(ALGORITHMS),
    "fake": ("ecdsa-p256", "rsa-2048", "ed25519"),
    "softhsm": ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"),
    "opencryptoki": ("rsa-2048", "rsa-3072", "rsa-4096"),
    "configured": tuple(ALGORITHMS),
}
SIGNERS = [
    pytest.param((name, kind), id=f"{name}-{kind}", marks=MARKS.get(name, []))
    for name, kinds in PROMISED.items()
    if name in ("software", *IMPLEMENTATIONS)
    for kind in kinds
]


@pytest.fixture(scope="module", params=SIGNERS)
def signer(request, devices, software_keys) -> Signer:
    name, kind = request.param
    return software_keys(algorithm(kind)) if name == "software" else devices(name).key(algorithm(kind))
