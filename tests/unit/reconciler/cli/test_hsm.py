"""The commands about tokens, on a real SoftHSM2; what needs none is tested without."""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys

import pytest

from pki.signers.pkcs11 import close_all
from tests.support.checkout import ROOT
from tests.support.tokens import PIN, PIN_ENV, softhsm_token


@pytest.fixture
def token(tmp_path, monkeypatch):
    made = softhsm_token(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.conf))
    monkeypatch.setenv(PIN_ENV, PIN)
    yield made
    close_all()


def config(tmp_path, text):
    path = tmp_path / "hsm.yaml"
    path.write_text(text)
    return path


USUAL = "type: pkcs11\npkcs11:\n  lib: {lib}\n  token: CA-Token\n  pin_env: HSM_PIN\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (USUAL + '  pin: "1234"\n', "pin"),
        (USUAL.replace("token:", "tokn:"), "did you mean `token`?"),
        (USUAL + "  token: Other\n", "given twice"),
        (
            "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*{'a' if not n else f'b{n - 1}'}, *a]\n" for n in range(40)),
            "yaml",
        ),
        (USUAL.replace("pkcs11", "vault", 1), "pkcs11"),
        ("pkcs11: [", "hsm.yaml:"),
        ("", "hsm.yaml"),
    ],
    ids=["pin in YAML", "unknown key", "duplicate key", "bomb", "type", "syntax", "empty"],
)
def test_a_bad_configuration_is_told_with_its_place_and_without_the_pin(cli, tmp_path, text, message):
    refused = cli.refused("hsm", "test", "--hsm-config", config(tmp_path, text.format(lib="/x.so")))

    assert message in refused.stderr
    assert "1234" not in refused.stderr


def test_a_missing_module_is_one_clear_error(cli, tmp_path):
    refused = cli.refused("hsm", "info", "--hsm-config", config(tmp_path, USUAL.format(lib="/nope.so")))

    assert "/nope.so" in refused.error
    assert refused.hint


def test_a_library_that_is_no_pkcs11_module_is_one_clear_error(cli):
    name = ctypes.util.find_library("c")
    candidates = [
        path
        for folder in ("/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64")
        for path in [f"{folder}/{name}"]
    ]
    libc = next((path for path in candidates if (ROOT / path).exists()), None)
    if libc is None:
        pytest.skip("no C library where it usually is")
    refused = cli.refused("hsm", "list", "--lib", libc)

    assert "not a PKCS#11 module" in refused.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "Add --lib or --hsm-config"), (["--lib", "{here}", "--hsm-config", "{here}"], "exclude each other")],
)
def test_list_needs_a_module_or_a_configuration(cli, arguments, message):
    assert message in cli.refused("hsm", "list", *(argument.format(here=__file__) for argument in arguments)).error


@pytest.mark.hsm
@pytest.mark.parametrize(
    ("command", "shown"), [("list", "PKCS#11 Module: {lib}\n"), ("info", "  Module:       {lib}\n")]
)
def test_the_modules_path_is_shown_without_detours(token, command, shown):
    """In a process of its own: one process loads a module by one path."""
    detour = token.write_config("detour.yaml", lib=f"{token.lib.parent}/../{token.lib.parent.name}/{token.lib.name}")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "reconciler", "hsm", command, "--hsm-config", detour],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert shown.format(lib=token.lib) in done.stdout


@pytest.mark.hsm
def test_list_shows_slots_without_a_pin(cli, token, monkeypatch):
    monkeypatch.delenv(PIN_ENV)
    # In a process of its own: here, a configuration of another test may have loaded the module with variables.
    command = [sys.executable, "-P", "-m", "reconciler", "hsm", "list", "--lib", token.lib]
    by_lib = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    by_config = cli.ok("hsm", "list", "--hsm-config", token.config_path, "-o", "json").json
    labels = [slot["token"]["label"] for slot in by_config["slots"]]

    assert by_lib.startswith(f"PKCS#11 Module: {token.lib}\n\nSlot ")
    assert "  Token Label:  CA-Token\n" in by_lib
    assert "  Token Label:  (not initialized)\n" in by_lib
    assert labels == ["CA-Token", ""]


@pytest.mark.hsm
def test_test_proves_the_configuration_step_by_step(cli, token):
    outcome = cli.ok("hsm", "test", "--hsm-config", token.config_path, "--self-test")
    lines = outcome.stdout.splitlines()

    assert [line[:6] for line in lines[:5]] == [f"[{n}/5] " for n in range(1, 6)]
    assert all("... OK (" in line for line in lines[:5])
    assert lines[5:] == ["", "All 5 tests passed!"]
    assert cli.ok("hsm", "test", "--hsm-config", token.config_path, "-o", "json").json["passed"] is True


@pytest.mark.hsm
def test_test_shows_where_it_fails_and_a_wrong_pin_is_not_tried_again(cli, token, monkeypatch):
    monkeypatch.setenv(PIN_ENV, "9999")
    outcome = cli("hsm", "test", "--hsm-config", token.config_path)

    assert outcome.exit_code == 1
    assert outcome.stdout.splitlines()[-1].endswith("... FAILED")
    assert "refuses the PIN" in outcome.error
    assert "not tried again" in outcome.hint
    assert "9999" not in outcome.stderr


@pytest.mark.hsm
def test_info_and_mechanisms_show_what_the_token_can_do(cli, token):
    about = cli.ok("hsm", "info", "--hsm-config", token.config_path).stdout
    report = cli.ok("hsm", "mechanisms", "--hsm-config", token.config_path, "--filter", "ecdsa", "-o", "json").json
    text = cli.ok("hsm", "mechanisms", "--hsm-config", token.config_path).stdout

    assert about.startswith(f"HSM:\n  Module:       {token.lib}\n")
    assert report["algorithms"]["ecdsa-p384"] is True
    assert report["signatures"]["ecdsa-sha384"] == {"mechanism": "ECDSA", "approach": "prehash"}
    assert all("ECDSA" in row["name"] for row in report["mechanisms"])
    assert [
        line.split()[0] for line in text.splitlines() if line.isupper() and line.startswith(("KEYS", "SIG", "MECH"))
    ]


@pytest.mark.hsm
def test_a_token_that_is_not_there_is_told_with_those_that_are(cli, token):
    other = token.write_config("other.yaml", token="No-Such")
    refused = cli.refused("key", "list", "--hsm-config", other)

    assert "No-Such" in refused.error
    assert "CA-Token" in refused.hint


@pytest.mark.hsm
def test_keys_are_made_listed_and_used_on_the_token(cli, token, tmp_path):
    at = ("--hsm-config", token.config_path)
    made = cli.ok("key", "gen", "-a", "ecdsa-p256", *at, "--key-label", "web", "--key-id", "0A0B")
    listed = cli.ok("key", "list", *at, "-o", "json").json["keys"]
    cli.ok("csr", "gen", *at, "--key-label", "web", "--cn", "a.example.com", "--out", tmp_path / "a.csr")
    again = cli.refused("key", "gen", "-a", "ecdsa-p256", *at, "--key-label", "web")

    assert made.stdout.startswith("Key generated successfully!\n  Label:        web\n  ID:           0a0b\n")
    assert "WARNING" not in made.stderr
    assert [(key["label"], key["key_id"], key["extractable"]) for key in listed] == [("web", "0a0b", False)]
    assert cli.ok("key", "pub", *at, "--key-id", "0a:0b").stdout.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert cli.ok("key", "info", *at, "--key-label", "web", "-o", "json").json == listed[0]
    spki = listed[0]["spki_sha256"]
    assert cli.ok("csr", "verify", tmp_path / "a.csr", "-o", "json").json["spki_sha256"] == spki
    assert "web" in again.error


@pytest.mark.hsm
def test_a_ca_uses_the_key_that_is_there_unless_told_to_make_one(cli, token, tmp_path):
    init = ("ca", "init", "-P", "ec/root-ca", "--var", "cn=R", "--hsm-config", token.config_path, "--key-label")
    absent = cli.refused(*init, "k1", "-d", tmp_path / "a")
    made = cli.ok(*init, "k1", "-d", tmp_path / "b", "--generate-key")
    cli.ok(*init, "k1", "-d", tmp_path / "c", "--use-existing-key")

    assert "k1" in absent.error
    assert f"  Private Key: HSM label=k1, id={_key_id(tmp_path / 'b')} ({token.config_path})\n" in made.stdout
    assert not (tmp_path / "a").exists()


def _key_id(ca):
    return json.loads((ca / "ca.meta.json").read_text())["keys"][0]["storage"]["key_id"]


@pytest.mark.hsm
def test_a_credential_makes_its_key_on_the_token_unless_told_to_use_one(cli, token, tmp_path):
    ca = ("-d", tmp_path / "ca", "-c", tmp_path / "creds")
    cli.ok("ca", "init", "-P", "ec/root-ca", "--var", "cn=R", "-d", tmp_path / "ca")
    enroll = ("credential", "enroll", *ca, "-P", "ec/tls-client", "--var", "cn=x", "--hsm-config", token.config_path)
    made = cli.ok(*enroll, "one", "--key-label", "c1")
    cli.ok("key", "gen", "-a", "ecdsa-p256", "--hsm-config", token.config_path, "--key-label", "c2")
    cli.ok(*enroll, "two", "--key-label", "c2", "--use-existing-key")
    refused = cli.refused(*enroll, "three", "--key-label", "c1")

    assert "Key:         HSM label=c1" in made.stdout
    assert "WARNING" not in made.stderr
    assert "c1" in refused.error
