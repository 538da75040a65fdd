"""A token that counts wrong PINs (opencryptoki: three) is never locked by us."""

from __future__ import annotations

import pytest

from pki.errors import PinError
from pki.signers.pkcs11 import PinState, close_all, open_token, token_info
from tests.support.opencryptoki import opencryptoki_token
from tests.support.tokens import FixedSecrets, run

pytestmark = [pytest.mark.hsm("opencryptoki"), pytest.mark.hsm("opensc"), pytest.mark.xdist_group("opencryptoki")]


@pytest.fixture
def device(tmp_path):
    with opencryptoki_token(tmp_path) as device:
        yield device
        close_all()


def pin_state(device):
    close_all()
    return token_info(device.config()).slot.token.pin


def login_elsewhere(device, pin):
    """Log in as another program would, and say whether the token let it."""
    try:
        run("pkcs11-tool", "--module", str(device.lib), "--token-label", device.label, "--login", "--pin", pin, "-O")
    except AssertionError:
        return False
    return True


def test_a_token_is_never_brought_to_its_last_try_by_one_wrong_pin(device):
    for _ in range(5):
        with pytest.raises(PinError):
            open_token(device.config(), FixedSecrets("000000"))

    assert pin_state(device) is PinState.COUNT_LOW


def test_a_token_at_its_last_try_is_refused_before_any_pin_even_the_right_one(device):
    for pin in ("000000", "111111"):
        assert not login_elsewhere(device, pin)
    secrets = FixedSecrets(device.pin)

    with pytest.raises(PinError, match="one more wrong PIN would lock it, so it is not tried") as caught:
        open_token(device.config(), secrets)

    assert secrets.asked == []
    assert "log in once with the vendor's tool" in caught.value.hint
    assert pin_state(device) is PinState.FINAL_TRY
    assert login_elsewhere(device, device.pin)  # the way out that the hint names
    open_token(device.config(), secrets).close()


def test_a_locked_token_is_refused_before_any_pin_until_it_is_unlocked(device):
    for pin in ("000000", "111111", "222222"):
        assert not login_elsewhere(device, pin)
    secrets = FixedSecrets(device.pin)

    with pytest.raises(PinError, match="its user PIN is locked") as caught:
        open_token(device.config(), secrets)

    assert secrets.asked == []
    assert caught.value.hint == "the token's security officer can unlock it"
    device.unlock()
    open_token(device.config(), secrets).close()


def test_a_pin_of_the_wrong_length_is_one_clear_error(device):
    with pytest.raises(PinError, match=r"CKR_PIN_(LEN_RANGE|INCORRECT)"):
        open_token(device.config(), FixedSecrets("1"))
