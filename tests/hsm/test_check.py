"""`hsm test` proves a configuration step by step, and stops at what is wrong."""

from __future__ import annotations

import pytest

from pki.errors import PinError, TokenError
from pki.signers.config import load_config
from pki.signers.pkcs11 import check
from tests.support.tokens import FixedSecrets

pytestmark = pytest.mark.hsm


def test_each_step_says_what_it_found(hsm, secrets):
    steps = check(hsm.config(), secrets)

    assert [str(step) for step in steps] == [
        "[1/4] Loading the module",
        "[2/4] Finding the token",
        "[3/4] Reading its mechanisms",
        "[4/4] Authenticating and listing keys",
    ]
    loaded, found, read, listed = [step.run() for step in steps]
    assert loaded == "SoftHSM: Implementation of PKCS11 2.6, Cryptoki 2.40"
    assert found.startswith('"CA-Token" (serial ')
    assert read.startswith("can make ecdsa-p256, ecdsa-p384, ")
    assert listed == "logged in; 0 private keys"


def test_the_self_test_signs_and_leaves_nothing_on_the_token(hsm, secrets):
    *_, last = check(hsm.config(), secrets, self_test=True)

    assert str(last) == "[5/5] Signing with a temporary key"
    assert last.run() == "signed and verified with a temporary ecdsa-p256 key, which is gone"
    assert hsm.tool("--list-objects") == ""


def test_a_wrong_pin_fails_at_the_last_step_and_not_before(hsm):
    *before, last = check(hsm.config(), FixedSecrets("918273"))

    assert all(step.run() for step in before)
    with pytest.raises(PinError):
        last.run()


def test_a_token_that_is_not_there_fails_at_its_step(hsm, secrets):
    loading, finding, *_ = check(load_config(hsm.write_config("x.yaml", token="Other")), secrets)

    assert loading.run()
    with pytest.raises(TokenError, match="there is no token"):
        finding.run()
    assert secrets.asked == []
