"""A login that ends behind our back is noticed: a token that cannot know is never believed when it shows nothing."""

from __future__ import annotations

import pkcs11
import pytest

from pki.algorithms import ALGORITHMS, SCHEMES
from pki.errors import TokenError
from pki.signers.pkcs11 import module, open_token
from tests.support.tokens import PIN, FixedSecrets, spy

pytestmark = pytest.mark.hsm

P256 = ALGORITHMS["ecdsa-p256"]
SHA256 = SCHEMES["ecdsa-sha256"]

FORK = """
with open_token(config, secrets) as token:
    signer = token.signer(label='key', key_id=None)
    uses = (
        lambda: signer.sign(b'', SCHEMES['ecdsa-sha256']),
        lambda: open_token(config, secrets),
        lambda: list_slots(config.lib, config.env),
    )
    child = os.fork()
    if not child:
        for use in uses:
            try:
                use()
            except PkiError as error:
                print(error, '|', error.hint, flush=True)
        sys.exit(0)  # the parent's login must survive the end of its child
    os.waitpid(child, 0)
    print(len(token.keys()), len(uses[0]()) > 60)
"""

OPEN_OFTEN = """
for number in range(5):
    with open_token(config, secrets) as token:
        token.generate(ALGORITHMS['ecdsa-p256'], label=f'key-{number}')
        token.signer(label=f'key-{number}', key_id=None)
    for step in check(config, secrets, self_test=True):
        step.run()
"""

SIGN_ONCE = """
with open_token(config, secrets) as token:
    token.signer(label='key', key_id=None).sign(b'', SCHEMES['ecdsa-sha256'])
"""


def log_out_behind_our_back(hsm):
    """End the login of this process, as other code in it, or a token's timeout, would."""
    device = pkcs11.lib(str(hsm.lib)).get_token(token_label=hsm.label)
    with pytest.raises(pkcs11.UserAlreadyLoggedIn):
        device.open(user_pin=PIN)
    for session in list(module_of(hsm).logins.values()):
        session.close()


def module_of(hsm):
    return module.load(hsm.lib, {"SOFTHSM2_CONF": str(hsm.conf)})


def test_an_empty_listing_after_a_logout_is_an_error_and_not_no_keys(hsm, token):
    """SoftHSM2, like others, then shows no private object and no error."""
    token.generate(P256, label="key")
    log_out_behind_our_back(hsm)

    with pytest.raises(TokenError, match="the token has logged this process out"):
        token.keys()


def test_a_key_is_not_reported_missing_by_a_token_that_logged_us_out(hsm, token):
    token.generate(P256, label="key")
    log_out_behind_our_back(hsm)

    with pytest.raises(TokenError, match="logged this process out"):
        token.signer(label="key", key_id=None)


def test_a_signer_notices_the_logout_and_a_new_start_works(hsm, token, secrets):
    token.generate(P256, label="key")
    signer = token.signer(label="key", key_id=None)
    log_out_behind_our_back(hsm)

    with pytest.raises(TokenError, match="logged this process out"):
        signer.sign(b"message", SHA256)
    with pytest.raises(TokenError, match="the connection to the token was lost") as caught:
        signer.sign(b"message", SHA256)

    assert caught.value.hint == "open the token again, or run again"
    with open_token(hsm.config(), secrets) as again:
        assert again.signer(label="key", key_id=None).sign(b"message", SHA256)


def test_generating_while_logged_out_is_an_error_and_makes_nothing(hsm, token, secrets):
    log_out_behind_our_back(hsm)

    with pytest.raises(TokenError, match="logged this process out"):
        token.generate(P256, label="key")

    with open_token(hsm.config(), secrets) as again:
        assert again.keys() == []


def test_a_token_that_other_code_of_this_process_logged_in_to_is_used(hsm):
    """That login is not ours: we neither ask it to end nor end it."""
    secrets = FixedSecrets()
    open_token(hsm.config(), secrets).close()
    loaded = module_of(hsm)
    loaded.restart()
    device = pkcs11.lib(str(hsm.lib)).get_token(token_label=hsm.label)
    with device.open(user_pin=PIN) as other:
        with open_token(hsm.config(), secrets) as token:
            token.generate(P256, label="key")
        assert loaded.logins == {}
        assert len(list(other.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}))) == 1


@pytest.mark.hsm("opensc")
def test_every_session_that_is_opened_is_closed(hsm):
    """Devices have few sessions (YubiHSM 2: 16)."""
    watch = spy(hsm)

    hsm.script(OPEN_OFTEN, config=watch.config_path)

    calls = watch.calls()
    assert calls.count("C_OpenSession") == calls.count("C_CloseSession") > 20


def test_a_forked_child_is_refused_and_its_parent_goes_on(hsm, token):
    """A child shares its parent's sockets and memory of the module: one use could end the parent's login."""
    token.generate(P256, label="key")

    lines = hsm.script(FORK).splitlines()

    assert len(lines) == 4
    assert all("this process was forked after the PKCS#11 module was loaded" in line for line in lines[:3])
    assert all("'spawn'" in line for line in lines[:3])
    assert lines[3] == "1 True"


def test_processes_that_log_in_at_the_same_moment_all_get_in(hsm, token):
    """SoftHSM2 rewrites the token's file at each login; others then see no token, or CKR_GENERAL_ERROR."""
    token.generate(P256, label="key")
    processes = [hsm.start(SIGN_ONCE) for _ in range(12)]

    assert [process.communicate(timeout=120)[1] for process in processes] == [""] * 12
