"""PINs are asked for once, handed over when it is safe, never tried again, and never shown."""

from __future__ import annotations

import traceback

import pkcs11
import pytest

from pki.algorithms import ALGORITHMS
from pki.errors import PinError, SecretError
from pki.ports import SystemSecrets
from pki.signers.config import load_config
from pki.signers.pkcs11 import PinState, open_token, token_info
from tests.support.tokens import PIN, PIN_ENV, SO_PIN, FixedSecrets, spy

pytestmark = pytest.mark.hsm

WRONG = "918273"

OFFER_FOUR_PINS = """
for pin in ('918273', '918273', '918273', '1234'):
    try:
        open_token(config, FixedSecrets(pin)).close()
    except PkiError as error:
        print(error)
"""


def test_a_wrong_pin_is_one_clear_error(hsm):
    with pytest.raises(PinError, match=r"the token refuses the PIN \(CKR_PIN_INCORRECT\)") as caught:
        open_token(hsm.config(), FixedSecrets(WRONG))

    assert "it is not tried again" in caught.value.hint


def test_a_wrong_pin_is_handed_to_the_token_once_however_often_it_is_offered(hsm):
    """A spy between us and the token counts the logins."""
    watch = spy(hsm)

    hsm.script(OFFER_FOUR_PINS, config=watch.config_path)

    assert watch.calls().count("C_Login") == 2  # the wrong one, and the right one


def test_a_refused_pin_is_not_offered_again_but_another_is(hsm):
    for _ in range(2):
        with pytest.raises(PinError):
            open_token(hsm.config(), FixedSecrets(WRONG))
    with pytest.raises(PinError, match="it refused this PIN, and is not asked with it again"):
        open_token(hsm.config(), FixedSecrets(WRONG))

    open_token(hsm.config(), FixedSecrets(PIN)).close()


def test_a_failed_login_leaves_no_session_behind(hsm):
    """The binding forgets the session of a failed login; while it lives, the security officer cannot log in."""
    with pytest.raises(PinError):
        open_token(hsm.config(), FixedSecrets(WRONG))

    device = pkcs11.lib(str(hsm.lib)).get_token(token_label=hsm.label)
    device.open(rw=True, so_pin=SO_PIN).close()


def test_a_pin_is_asked_for_by_the_name_of_its_token_and_once_per_process(hsm, secrets):
    for _ in range(3):
        with open_token(hsm.config(), secrets) as token:
            token.keys()

    assert secrets.asked == [f"PIN of token {hsm.label}"]


def test_logout_after_use_logs_out_with_the_last_use(hsm, secrets):
    config = load_config(hsm.write_config("x.yaml", logout_after_use=True))

    with open_token(config, secrets) as outer:
        with open_token(config, secrets):
            pass
        assert outer.keys() == []  # still logged in, or this would raise
    with open_token(config, secrets):
        pass

    assert len(secrets.asked) == 2


def test_the_session_of_the_pin_outlives_the_first_use(hsm, secrets):
    """Closing it would log out everybody else in the process."""
    first = open_token(hsm.config(), secrets)
    second = open_token(hsm.config(), secrets)
    first.close()

    second.generate(ALGORITHMS["ecdsa-p256"], label="made after the first use ended")
    second.close()


def test_the_process_logs_out_and_finalises_when_it_ends(hsm):
    watch = spy(hsm)

    hsm.script("with open_token(config, secrets) as token: token.keys()", config=watch.config_path)

    assert watch.calls()[-3:] == ["C_Logout", "C_CloseSession", "C_Finalize"]


def test_no_pin_is_asked_for_when_the_token_is_not_found(hsm):
    secrets = FixedSecrets()

    with pytest.raises(Exception, match="there is no token"):
        open_token(load_config(hsm.write_config("x.yaml", token="Other")), secrets)

    assert secrets.asked == []


def test_an_unset_variable_is_an_error_and_the_token_is_not_asked(hsm, monkeypatch):
    monkeypatch.delenv(PIN_ENV, raising=False)

    with pytest.raises(SecretError, match="PIN of token CA-Token: environment variable HSM_PIN is not set"):
        open_token(hsm.config(), SystemSecrets())

    assert token_info(hsm.config()).slot.token.pin is PinState.OK


def test_a_pin_file_opens_the_token_and_one_that_others_can_read_does_not(hsm):
    file = hsm.directory / "pin"
    file.write_text(f"{PIN}\n")
    config = load_config(hsm.write_config("x.yaml", pin_env=None, pin_file="pin"))

    file.chmod(0o640)
    with pytest.raises(SecretError, match="other users can read it"):
        open_token(config, SystemSecrets())
    file.chmod(0o600)
    open_token(config, SystemSecrets()).close()


def test_a_pin_that_is_not_text_is_refused_and_not_shown(hsm):
    """Bytes of a variable that are not UTF-8 reach Python as lone surrogates, and its own error would show the PIN."""
    with pytest.raises(PinError, match="is not UTF-8 text") as caught:
        open_token(hsm.config(), FixedSecrets(f"{WRONG}\udcff"))

    assert WRONG not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None


def test_without_a_source_and_a_terminal_the_error_says_so(hsm, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    with pytest.raises(SecretError, match="no terminal is attached"):
        open_token(load_config(hsm.write_config("x.yaml", pin_env=None)), SystemSecrets())


def test_no_error_repr_or_traceback_holds_the_pin(hsm):
    secrets = FixedSecrets(WRONG)

    with pytest.raises(PinError) as caught:
        open_token(hsm.config(), secrets)
    with open_token(hsm.config(), FixedSecrets()) as token:
        shown = repr((token, token._module, secrets))

    assert WRONG not in "".join(traceback.format_exception(caught.value))
    assert WRONG not in shown
    assert f"'{PIN}'" not in shown
