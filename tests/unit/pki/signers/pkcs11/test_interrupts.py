"""Ctrl-C waits for the end of what must not be cut in two."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from pki.signers.pkcs11.interrupts import held_back


@pytest.fixture(autouse=True)
def _interruptible():
    """As in a program on a terminal; a test run in the background can have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_delivered_when_the_block_has_ended():
    reached = []

    def block():
        with held_back():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        block()

    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_need_no_holding_back():
    """Python delivers signals to the main thread alone, and lets no other change how."""

    def block():
        with held_back():
            return "ran"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(block).result() == "ran"


def test_an_exception_of_the_block_is_not_lost():
    def block():
        with held_back():
            raise LookupError

    with pytest.raises(LookupError):
        block()

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    with held_back():
        signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
