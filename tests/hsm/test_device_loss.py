"""A token that goes away is one clear error; when it is back, the same process can go on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from pki.algorithms import ALGORITHMS
from tests.support.tokens import TokenServer, token_server

pytestmark = [pytest.mark.hsm, pytest.mark.hsm("p11-kit")]

# Obeys a line at a time and answers with one: in a process of its own, because p11-kit's client belongs to the process.
CLIENT = """
for command in sys.stdin:
    try:
        match command.strip():
            case 'open':
                token = open_token(config, secrets)
                answer = 'opened'
            case 'signer':
                signer = token.signer(label='key', key_id=None)
                answer = signer.algorithm
            case 'sign':
                answer = len(signer.sign(b'message', SCHEMES['ecdsa-sha256'])) > 60
            case 'list':
                answer = len(token.keys())
            case 'generate':
                answer = token.generate(ALGORITHMS['rsa-2048'], label='new').label
            case 'close':
                token.close()
                answer = 'closed'
            case 'asked':
                answer = len(secrets.asked)
    except PkiError as error:
        answer = f'{type(error).__name__}: {error} | {error.hint}'
    print(answer, flush=True)
"""


class Client:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def __call__(self, command: str) -> str:
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")


@pytest.fixture
def server(hsm, token) -> Iterator[TokenServer]:
    token.generate(ALGORITHMS["ecdsa-p256"], label="key")
    with token_server(hsm) as server:
        yield server


@pytest.fixture
def client(hsm, server) -> Iterator[Client]:
    process = hsm.start(CLIENT, config=server.config_path)
    client = Client(process)
    assert (client("open"), client("signer"), client("sign")) == ("opened", "ecdsa-p256", "True")
    yield client
    _, errors = process.communicate(timeout=60)
    assert errors == ""  # no traceback, not even one that Cython prints
    assert process.returncode == 0


LOST = "the token no longer answers (CKR_DEVICE_ERROR) | check the device, its network"


@pytest.mark.parametrize("command", ["sign", "list", "signer", "generate"])
def test_losing_the_token_is_one_clear_error_whatever_is_asked(server, client, command):
    server.cut()

    answer = client(command)

    assert answer.startswith("TokenError: cannot ")
    assert LOST in answer


def test_what_was_open_stays_refused_and_opening_again_works(server, client):
    server.cut()

    assert LOST in client("sign")
    assert "the connection to the token was lost | open the token again" in client("sign")
    assert "the connection to the token was lost | open the token again" in client("list")
    assert [client(command) for command in ("close", "open", "signer", "sign")] == [
        "closed", "opened", "ecdsa-p256", "True",
    ]  # fmt: skip
    assert client("asked") == "2"  # a new login, with the PIN asked for again


def test_a_token_that_is_still_away_is_one_clear_error_until_it_is_back(server, client):
    server.stop()

    assert LOST in client("sign")
    for _ in range(2):
        assert "there is no token with label 'CA-Token'" in client("open")
    server.start()
    assert (client("open"), client("signer"), client("sign")) == ("opened", "ecdsa-p256", "True")


def test_closing_a_lost_token_is_no_failure(server, client):
    """What was signed before is not undone by a token that is gone when we say goodbye."""
    server.cut()

    assert client("close") == "closed"
