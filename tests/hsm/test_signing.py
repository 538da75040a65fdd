"""What the token is asked to do for a signature: as little as possible, and the same from every thread."""

from __future__ import annotations

import pytest

from pki.algorithms import ALGORITHMS, SCHEMES
from pki.errors import UnsupportedAlgorithmError
from pki.signers.config import load_config
from pki.signers.pkcs11 import open_token
from pki.x509.signatures import verify
from tests.support.tokens import spy

pytestmark = pytest.mark.hsm

SIGN_TEN_TIMES = """
with open_token(config, secrets) as token:
    token.generate(ALGORITHMS['rsa-2048'], label='key')
    signer = token.signer(label='key', key_id=None)
    for name in ('rsa-sha256', 'rsa-pss-sha384'):
        for _ in range(5):
            signer.sign(b'message', SCHEMES[name])
"""

FOUR_THREADS = """
from concurrent.futures import ThreadPoolExecutor

KINDS = ('ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'ed25519')

def work(kind):
    with open_token(config, secrets) as mine:
        signer = mine.signer(label=kind, key_id=None)
        scheme = SCHEMES[signer.algorithm.scheme]
        for number in range(200):
            message = number.to_bytes(4)
            verify(signer.spki, scheme, message, signer.sign(message, scheme))
            if number % 50 == 0:
                assert len(mine.keys()) == 4
    return 200

with open_token(config, secrets) as token:
    for kind in KINDS:
        token.generate(ALGORITHMS[kind], label=kind)
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(work, KINDS)))
"""


@pytest.mark.hsm("opensc")
def test_a_signature_is_one_operation_of_the_token_and_nothing_else(hsm):
    """No lookup, no session, no login per signature; the binding asks for the length first, hence two C_Sign."""
    watch = spy(hsm)

    hsm.script(SIGN_TEN_TIMES, config=watch.config_path)

    calls = watch.calls()
    first, last = calls.index("C_SignInit"), len(calls) - calls[::-1].index("C_Sign")
    assert calls[first:last] == ["C_SignInit", "C_Sign", "C_Sign"] * 10
    assert calls.count("C_Login") == 1


@pytest.mark.hsm("opensc")
def test_pss_parameters_are_always_passed(hsm):
    """Left out, the binding would say SHA-1 and a salt of 20 bytes."""
    watch = spy(hsm)

    hsm.script(SIGN_TEN_TIMES, config=watch.config_path)

    log = watch.log()
    assert log.count("hashAlg = CKM_SHA384") == 5
    assert log.count("mgf = CKG_MGF1_SHA384") == 5
    assert log.count("sLen = 48") == 5


def test_four_threads_with_a_token_each_sign_800_times_without_an_error(hsm):
    """Unlocked, the binding and SoftHSM2 corrupt memory here; in a process of its own, that would be seen."""
    assert hsm.script(FOUR_THREADS) == "800\n"


@pytest.mark.parametrize("name", ["rsa-sha256", "rsa-sha512", "rsa-pss-sha256", "rsa-pss-sha384"])
@pytest.mark.parametrize("approach", ["prehash", "hash-and-sign"])
def test_the_configuration_says_who_hashes_and_the_signature_is_right_either_way(hsm, secrets, name, approach):
    config = load_config(hsm.write_config("x.yaml", mechanisms={name: approach}))
    scheme = SCHEMES[name]

    with open_token(config, secrets) as token:
        token.generate(ALGORITHMS["rsa-2048"], label="key")
        signer = token.signer(label="key", key_id=None)
        signature = signer.sign(b"message", scheme)

    verify(signer.spki, scheme, b"message", signature)


def test_an_override_that_the_token_cannot_do_is_refused_before_the_key_is_used(hsm, secrets):
    """SoftHSM2 2.6 has no CKM_ECDSA_SHA256."""
    config = load_config(hsm.write_config("x.yaml", mechanisms={"ecdsa-sha256": "hash-and-sign"}))

    with open_token(config, secrets) as token:
        token.generate(ALGORITHMS["ecdsa-p256"], label="key")
        signer = token.signer(label="key", key_id=None)
        with pytest.raises(UnsupportedAlgorithmError, match="does not list CKM_ECDSA_SHA256"):
            signer.sign(b"message", SCHEMES["ecdsa-sha256"])
