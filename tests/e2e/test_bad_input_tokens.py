"""Tokens, modules, PINs and keys that are not what the command line says: no key is used and no PIN is wasted."""

from __future__ import annotations

import re
from ctypes.util import find_library
from pathlib import Path

import pytest

from tests.support.opencryptoki import opencryptoki_token
from tests.support.process import Site
from tests.support.tokens import PIN_ENV, SoftHsm, run, softhsm_token, spy

pytestmark = pytest.mark.hsm

INIT = "ca init --dir new --profile ./root.yaml --var cn=x"
WRONG = "918273"


@pytest.fixture(scope="module")
def hsm(tmp_path_factory) -> SoftHsm:
    """A token with the key `ec`, two keys `two`, an RSA key, and a sister that has a twin."""
    token = softhsm_token(tmp_path_factory.mktemp("token"))
    for label in ("Twin", "Twin"):
        token.add_token(label)
    for label, kind, key_id in (
        ("ec", "EC:secp256r1", "01"),
        ("two", "EC:secp256r1", "02"),
        ("two", "EC:secp256r1", "03"),
        ("rsa", "RSA:2048", "04"),
    ):
        token.tool("--keypairgen", "--key-type", kind, "--label", label, "--id", key_id)
    return token


@pytest.fixture(scope="module")
def bench(shared, hsm) -> Site:
    """The site, with configurations of the token: `hsm.yaml` is right."""
    libc = next((path for path in Path("/lib").rglob("libc.so.6")), None) or find_library("c")
    for name, settings in {
        "hsm.yaml": {},
        "no-lib.yaml": {"lib": "/nowhere/libcryptoki.so"},
        "libc.yaml": {"lib": libc},
        "text.yaml": {"lib": shared / "root.yaml"},
        "no-token.yaml": {"token": "Nobody"},
        "twins.yaml": {"token": "Twin"},
        "disagree.yaml": {"slot": 99},
        "prompt.yaml": {"pin_env": None},
        "pin-file.yaml": {"pin_env": None, "pin_file": "pin"},
    }.items():
        (shared / name).write_text(hsm.write_config("x.yaml", **settings).read_text())
    shared.env[PIN_ENV] = hsm.pin
    return shared


@pytest.mark.parametrize(
    ("choice", "says", "hint"),
    [
        pytest.param(
            "--hsm-config no-lib.yaml --key-label ec",
            "there is no PKCS#11 module at /nowhere/libcryptoki.so",
            "correct `lib`",
            id="the library is missing",
        ),
        pytest.param(
            "--hsm-config libc.yaml --key-label ec",
            "is a library, but not a PKCS#11 module",
            "correct `lib`",
            id="the library is libc",
        ),
        pytest.param(
            "--hsm-config text.yaml --key-label ec", "cannot be loaded", "PKCS#11", id="the library is a text file"
        ),
        pytest.param(
            "--hsm-config no-token.yaml --key-label ec",
            "no-token.yaml: there is no token with label 'Nobody'",
            "the module shows slot",
            id="there is no such token",
        ),
        pytest.param(
            "--hsm-config disagree.yaml --key-label ec",
            "disagree.yaml: there is no token with label 'CA-Token' and slot 99",
            "the module shows slot",
            id="the label is right and the slot is not",
        ),
        pytest.param(
            "--hsm-config twins.yaml --key-label ec",
            "twins.yaml: 2 tokens answer to token with label 'Twin'",
            "add `token_serial` or `slot`",
            id="two tokens have the label",
        ),
        pytest.param(
            "--hsm-config hsm.yaml --key-label nobody",
            'there is no key with label "nobody"',
            "qpki key list",
            id="there is no such key",
        ),
        pytest.param(
            "--hsm-config hsm.yaml --key-label ec --key-id 02",
            'there is no key with label "ec" and id 02',
            "qpki key list",
            id="the label is right and the id is not",
        ),
        pytest.param(
            "--hsm-config hsm.yaml --key-label two",
            '2 keys answer to the key with label "two"',
            "give both the label and the id",
            id="two keys have the label",
        ),
        pytest.param(
            "--hsm-config hsm.yaml --key-label rsa",
            "the key is rsa-2048, but profile root asks for ecdsa-p256",
            "the profile decides the algorithm",
            id="the key is of another type than the profile's",
        ),
        pytest.param(
            "--hsm-config hsm.yaml --key-label ec --generate-key",
            'the token holds a key of that name already: "ec"',
            "choose another label",
            id="a key of that label exists and a new one is asked for",
        ),
        pytest.param(
            "--hsm-config hsm.yaml --key-label ml --generate-key --profile ml/root-ca",
            "HSM mode takes classical algorithms only",
            "software mode",
            id="a post-quantum key on a classical token",
        ),
        pytest.param("--hsm-config hsm.yaml", "which key on the token?", "--help", id="no key is named"),
        pytest.param(
            "--hsm-config hsm.yaml --key-id 0xyz",
            "'0xyz' is not a key id",
            "--help",
            id="an id that is not hexadecimal",
        ),
        pytest.param(
            "--key-label ec", "--key-label means nothing without --hsm-config", "--help", id="no token is named"
        ),
    ],
)
def test_what_the_token_does_not_have_makes_no_ca(bench, choice, says, hint):
    """Not even an empty directory for it."""
    refused = bench.refused(f"{INIT} {choice}")

    assert says in refused.error
    assert hint in refused.hint


def test_none_of_that_made_a_key(bench):
    assert [key["label"] for key in bench.ok("key list --hsm-config hsm.yaml -o json").json["keys"]] == [
        "ec",
        "rsa",
        "two",
        "two",
    ]


def test_both_names_find_one_of_two_keys(site, hsm):
    """The way out that the error of two keys offers."""
    site.env[PIN_ENV] = hsm.pin
    site.ok(f"{INIT} --hsm-config {hsm.config_path} --key-label two --key-id 03")

    assert site.ok("crl gen --ca-dir new").stdout


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(f"{INIT} --hsm-config hsm.yaml --key-label ec", id="ca init"),
        pytest.param(f"{INIT} --hsm-config hsm.yaml --key-label new --generate-key", id="ca init with a new key"),
        pytest.param("key gen --hsm-config hsm.yaml --key-label new", id="key gen"),
        pytest.param("key list --hsm-config hsm.yaml", id="key list"),
        pytest.param("key pub --hsm-config hsm.yaml --key-label ec", id="key pub"),
        pytest.param("csr gen --hsm-config hsm.yaml --key-label ec --cn x --out x.csr", id="csr gen"),
        pytest.param(
            "credential enroll bob --ca-dir ca --profile ./client.yaml --var cn=b --hsm-config hsm.yaml --key-label b",
            id="credential enroll",
        ),
        pytest.param("hsm test --hsm-config hsm.yaml -o json", id="hsm test"),
    ],
)
def test_a_wrong_pin_is_one_error_wherever_it_is_needed(bench, command):
    refused = bench.refused(command, **{PIN_ENV: WRONG})

    assert refused.error == "cannot log in to the token: the token refuses the PIN (CKR_PIN_INCORRECT)"
    assert "it is not tried again" in refused.hint
    assert WRONG not in refused.stderr


@pytest.mark.parametrize(
    ("variables", "config", "says"),
    [
        ({PIN_ENV: None}, "hsm.yaml", "environment variable HSM_PIN is not set"),
        ({PIN_ENV: ""}, "hsm.yaml", "environment variable HSM_PIN is empty"),
        ({}, "prompt.yaml", "no terminal is attached"),
        ({}, "pin-file.yaml", "No such file"),
    ],
)
def test_without_a_pin_the_token_is_not_asked(bench, variables, config, says):
    refused = bench.refused(f"{INIT} --hsm-config {config} --key-label ec", **variables)

    assert "PIN of token CA-Token" in refused.error
    assert says in refused.error


def test_a_pin_file_that_others_can_read_is_refused_by_its_name(bench):
    (bench / "pin").write_text("271828\n")
    (bench / "pin").chmod(0o644)
    refused = bench.refused(f"{INIT} --hsm-config pin-file.yaml --key-label ec")
    (bench / "pin").unlink()

    assert "other users can read it (mode 0644)" in refused.error
    assert refused.hint.startswith("chmod 600 ")
    assert "271828" not in refused.stderr


@pytest.mark.hsm("opensc")
def test_a_wrong_pin_is_handed_to_the_token_once_by_a_command_that_needs_it_twice(bench, hsm):
    """Parent and child are on one token; the spy between it and us counts."""
    watch = spy(hsm)
    (bench / "spy.yaml").write_text(watch.config_path.read_text())
    bench.ok("ca init --dir above --profile ./root.yaml --var cn=Above --hsm-config spy.yaml --key-label ec")
    bench.ok(f"{INIT} --hsm-config hsm.yaml --key-label two --key-id 02 --dir probe")
    before = watch.calls().count("C_Login")

    refused = bench.refused(
        "ca init --dir below --profile ./issuing.yaml --var cn=Below --parent above --hsm-config spy.yaml "
        "--key-label below --generate-key",
        **{PIN_ENV: WRONG},
    )

    assert "CKR_PIN_INCORRECT" in refused.error
    assert watch.calls().count("C_Login") == before + 1


@pytest.mark.parametrize("change", ["another key under its label", "no key under its label"])
def test_a_key_that_was_exchanged_on_the_token_signs_nothing(site, token, change):
    site.env[PIN_ENV] = token.pin
    site.ok(f"{INIT} --hsm-config {token.config_path} --key-label root --generate-key")
    token.raw("private('root').destroy(); public('root').destroy()")
    if change == "another key under its label":
        site.ok(f"key gen --hsm-config {token.config_path} --key-label root")

    refused = site.refused("crl gen --ca-dir new")

    assert re.search(r'the key with label "root".* is not the key that was recorded|there is no key', refused.error)
    assert refused.hint


@pytest.mark.hsm("opencryptoki")
@pytest.mark.xdist_group("opencryptoki")
def test_a_token_that_counts_wrong_pins_is_never_locked_by_us(site, tmp_path_factory):
    """It locks at the third. Each command makes one try, and none is made when it would be the last."""
    with opencryptoki_token(tmp_path_factory.mktemp("counting")) as device:
        (site / "hsm.yaml").write_text(device.config_path.read_text())

        def state() -> str:
            return site.ok("hsm info --hsm-config hsm.yaml -o json").json["token"]["pin"]

        def refused(pin: str) -> str:
            outcome = site.refused("key list --hsm-config hsm.yaml", **{PIN_ENV: pin})
            assert outcome.hint
            return outcome.error

        assert state() == "ok"
        assert "CKR_PIN_INCORRECT" in refused("000000")
        assert state() == "wrong at the last try"
        assert "CKR_PIN_INCORRECT" in refused("111111")
        assert state() == "last try"
        assert "one more wrong PIN would lock it, so it is not tried" in refused("222222")
        assert "one more wrong PIN would lock it, so it is not tried" in refused(device.pin)
        assert state() == "last try"
        with pytest.raises(AssertionError, match="PIN"):
            run("pkcs11-tool", "--module", str(device.lib), "--login", "--pin", "222222", "-O")
        assert state() == "locked"
        assert "its user PIN is locked" in refused(device.pin)
