"""`hsm test` proves a configuration step by step, and stops at what is wrong."""

from __future__ import annotations

import pytest

from pki.algorithms import ALGORITHMS, SCHEMES
from pki.errors import PinError, TokenError
from pki.signers.config import load_config
from pki.signers.pkcs11 import check, open_token
from pki.signers.pkcs11.check import verify
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


@pytest.mark.parametrize(
    ("mechanisms", "answer"),
    [
        ("CKM_RSA_PKCS,CKM_RSA_PKCS_KEY_PAIR_GEN", "signed and verified with a temporary rsa-2048 key, which is gone"),
        ("CKM_EDDSA,CKM_EC_EDWARDS_KEY_PAIR_GEN", "skipped: the token makes none of ecdsa-p256, rsa-2048"),
    ],
)
def test_the_self_test_takes_what_the_token_has(hsm, secrets, mechanisms, answer):
    restrict(hsm, mechanisms)

    *_, last = check(hsm.config(), secrets, self_test=True)

    assert last.run() == answer


def test_a_token_of_no_use_fails_where_its_mechanisms_are_read(hsm, secrets):
    restrict(hsm, "CKM_SHA256")

    with pytest.raises(TokenError, match="lists no mechanism for any supported algorithm"):
        check(hsm.config(), secrets)[2].run()


def restrict(hsm, mechanisms):
    """SoftHSM2 can pretend to know fewer mechanisms."""
    hsm.conf.write_text(f"{hsm.conf.read_text()}slots.mechanisms = {mechanisms}\n")


def test_a_signature_that_does_not_verify_is_an_error(hsm, secrets):
    with open_token(hsm.config(), secrets) as token, token.temporary_signer(ALGORITHMS["rsa-2048"]) as signer:
        signature = signer.sign(b"this", SCHEMES["rsa-sha256"])

        with pytest.raises(TokenError, match="does not verify with its own public key"):
            verify(signer.spki, b"that", signature)


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
