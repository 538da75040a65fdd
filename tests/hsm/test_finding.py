"""A configuration leads to exactly one token, or to one clear error."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from pki.errors import TokenError
from pki.signers.config import load_config
from pki.signers.pkcs11 import PinState, list_slots, mechanisms, open_token, token_info
from tests.support.tokens import FixedSecrets, softhsm_token, write_config

pytestmark = pytest.mark.hsm


def serials(hsm) -> dict[str, str]:
    slots = list_slots(hsm.lib, {"SOFTHSM2_CONF": str(hsm.conf)})
    return {slot.token.serial: slot.token.label for slot in slots if slot.token}


def refused(path: Path) -> TokenError:
    with pytest.raises(TokenError) as caught:
        open_token(load_config(path), FixedSecrets())
    return caught.value


def test_slots_and_tokens_are_listed_without_a_pin(hsm):
    slots = list_slots(hsm.lib, {"SOFTHSM2_CONF": str(hsm.conf)})

    ours = next(slot for slot in slots if slot.token and slot.token.label == hsm.label)
    assert (ours.token.initialized, ours.token.login_required, ours.token.pin) == (True, True, PinState.OK)
    assert [slot.token.initialized for slot in slots if slot is not ours] == [False]
    assert ours.token.model == "SoftHSM v2"


def test_a_tokens_information_needs_no_pin(hsm):
    info = token_info(hsm.config())

    assert (info.slot.token.label, info.module.manufacturer) == (hsm.label, "SoftHSM")
    assert info.module.cryptoki == "2.40"


def test_a_missing_library_is_named(hsm):
    error = refused(hsm.write_config("x.yaml", lib="/nope/lib.so"))

    assert str(error) == "there is no PKCS#11 module at /nope/lib.so"
    assert error.hint == "install the vendor's client, or correct `lib`"


def test_a_path_that_the_system_refuses_is_one_clear_error(hsm):
    assert "cannot be loaded: File name too long" in str(refused(hsm.write_config("x.yaml", lib=f"/{'x' * 5000}")))


def test_a_library_that_is_not_pkcs11_is_named(hsm):
    zlib = next(path for path in Path("/lib").rglob("libz.so.1"))

    assert "is a library, but not a PKCS#11 module" in str(refused(hsm.write_config("x.yaml", lib=zlib)))


def test_a_file_that_is_no_library_is_named(hsm):
    assert "hsm.yaml cannot be loaded" in str(refused(hsm.write_config("x.yaml", lib=hsm.config_path)))


def test_a_module_that_does_not_start_says_what_to_check(tmp_path):
    """SoftHSM2 without its configuration file fails with CKR_GENERAL_ERROR and not one word more."""
    hsm = softhsm_token(tmp_path / "good")
    error = refused(hsm.write_config("x.yaml", env={"SOFTHSM2_CONF": tmp_path / "nope.conf"}))

    assert "CKR_GENERAL_ERROR" in str(error)
    with open_token(hsm.config(), FixedSecrets()) as token:  # and the next configuration works
        assert token.keys() == []


def test_a_module_that_does_not_start_when_it_is_loaded_says_so_too(hsm):
    """The same in a process that never had the module: here, a copy of it."""
    copy = hsm.directory / "copy.so"
    shutil.copy(hsm.lib, copy)

    error = refused(hsm.write_config("x.yaml", lib=copy, env={"SOFTHSM2_CONF": hsm.directory / "nope.conf"}))

    assert str(error) == f"the PKCS#11 module {copy} does not start (CKR_GENERAL_ERROR)"
    assert error.hint == "check its own configuration, and the variables under `env`"


def test_no_such_token_names_those_that_are_there(hsm):
    error = refused(hsm.write_config("x.yaml", token="Other"))

    assert str(error).endswith("x.yaml: there is no token with label 'Other'")
    assert f'"{hsm.label}" (serial' in error.hint


def test_a_module_without_tokens_says_so(hsm, tmp_path):
    (tmp_path / "empty").mkdir()
    conf = tmp_path / "empty.conf"
    conf.write_text(f"directories.tokendir = {tmp_path}/empty\n")

    error = refused(hsm.write_config("x.yaml", env={"SOFTHSM2_CONF": conf}))

    assert error.hint == "the module shows no initialised token"


def test_two_tokens_with_one_label_are_refused_and_listed(hsm):
    hsm.add_token(hsm.label)

    error = refused(hsm.config_path)

    assert "2 tokens answer to token with label 'CA-Token'" in str(error)
    assert all(serial in str(error) for serial, label in serials(hsm).items() if label == hsm.label)
    assert error.hint == "add `token_serial` or `slot` to the configuration"


def test_label_serial_and_slot_each_find_the_token(hsm):
    hsm.add_token(hsm.label)
    wanted = next(serial for serial, label in serials(hsm).items() if label)

    by_serial = token_info(load_config(hsm.write_config("x.yaml", token_serial=wanted)))
    by_slot = token_info(load_config(hsm.write_config("y.yaml", token=None, slot=by_serial.slot.slot)))

    assert by_serial == by_slot
    assert by_serial.slot.token.serial == wanted


def test_all_identifiers_must_agree(hsm):
    hsm.add_token("Other")
    other = next(serial for serial, label in serials(hsm).items() if label == "Other")

    error = refused(hsm.write_config("x.yaml", token_serial=other))

    assert f"there is no token with label 'CA-Token' and serial '{other}'" in str(error)


def test_a_token_that_appears_later_is_found(hsm, secrets):
    """SoftHSM2 reads its tokens when it starts; a process that lives longer must not need a restart."""
    with open_token(hsm.config(), secrets):
        pass
    hsm.add_token("Later")

    with open_token(load_config(hsm.write_config("x.yaml", token="Later")), secrets) as token:
        assert token.keys() == []


def test_two_configurations_of_one_module_take_turns(tmp_path, secrets):
    one, two = softhsm_token(tmp_path / "one", label="One"), softhsm_token(tmp_path / "two", label="Two")

    for hsm in (one, two, one):
        with open_token(hsm.config(), secrets) as token:
            assert token.keys() == []


def test_a_module_in_use_is_not_switched_to_another_environment(token, tmp_path):
    other = softhsm_token(tmp_path / "other", label="Other")

    error = refused(other.config_path)

    assert "loaded in this process already, with other variables under `env`" in str(error)
    assert token.keys() == []


def test_a_configuration_that_would_inherit_anothers_environment_is_refused(hsm):
    """What the first one set cannot be unset again, so the second would silently use it."""
    list_slots(hsm.lib, {"SOFTHSM2_CONF": str(hsm.conf)})

    with pytest.raises(TokenError, match="with other variables"):
        list_slots(hsm.lib)


def test_the_mechanisms_are_reported_in_our_words_and_the_tokens(hsm):
    report = mechanisms(hsm.config())

    can = {row.name for row, usable in report.algorithms.items() if usable}
    ways = {row.name: spec and spec.mechanism for row, spec in report.schemes.items()}
    listed = {row.name: row for row in report.listed}
    assert can == {"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"}
    assert (ways["ecdsa-sha384"], ways["rsa-pss-sha256"], ways["ml-dsa-65"]) == ("ECDSA", "RSA_PKCS_PSS", None)
    assert "GENERATE_KEY_PAIR" in listed["RSA_PKCS_KEY_PAIR_GEN"].flags


def test_an_uninitialised_token_is_refused_before_a_pin_is_asked_for(hsm):
    slots = list_slots(hsm.lib, {"SOFTHSM2_CONF": str(hsm.conf)})
    blank = next(slot.slot for slot in slots if slot.token and not slot.token.initialized)
    secrets = FixedSecrets()
    config = load_config(
        write_config(hsm.directory / "x.yaml", {"lib": hsm.lib, "slot": blank, "env": {"SOFTHSM2_CONF": hsm.conf}})
    )

    with pytest.raises(Exception, match="it has no user PIN yet"):
        open_token(config, secrets)

    assert secrets.asked == []


def test_a_token_that_another_process_is_writing_is_found(hsm, secrets):
    """SoftHSM2 rewrites a token's file at each login, and for that moment other processes do not see the token."""
    (file,) = hsm.directory.glob("tokens/*/token.object")
    away = file.rename(file.with_suffix(".away"))
    back = threading.Timer(0.05, away.rename, [file])
    back.start()

    with open_token(hsm.config(), secrets) as token:
        assert token.keys() == []
    back.join()
