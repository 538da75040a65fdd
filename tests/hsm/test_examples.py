"""The examples are valid, the documentation knows every key, and the one example that can be run is run."""

from __future__ import annotations

import json
import re

import pytest

from pki.ports import SecretRef
from pki.schemas import schema_text
from pki.signers.config import load_config
from tests.support.checkout import ROOT

EXAMPLES = sorted((ROOT / "examples" / "hsm").glob("*.yaml"))


def settings() -> set[str]:
    return set(json.loads(schema_text("hsm"))["properties"]["pkcs11"]["properties"]) - {"pin"}


def test_every_vendor_that_was_promised_has_an_example():
    assert {path.stem for path in EXAMPLES} == {
        "aws-cloudhsm",
        "entrust-nshield",
        "eviden-proteccio",
        "securosys-primus",
        "softhsm2",
        "thales-luna",
        "utimaco",
        "yubihsm2",
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_and_takes_its_pin_from_the_environment(path):
    config = load_config(path)

    assert config.lib.is_absolute()
    assert config.pin == SecretRef(env="HSM_PIN")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_whether_it_was_ever_run_and_the_tables_agree(path):
    row = next(line for line in readme().splitlines() if line.startswith(f"| [{path.name}]"))
    tested = path.stem == "softhsm2"

    assert ("Untested" not in path.read_text()) is tested
    assert ("| no |" not in row) is tested
    assert f"(../examples/hsm/{path.name})" in guide()


def test_the_guide_explains_every_key_of_the_configuration_and_no_other():
    explained = re.findall(r"^\| `(\w+)` \|", guide().partition("## PINs")[0], re.MULTILINE)

    assert set(explained) == settings()


def readme() -> str:
    return (ROOT / "examples" / "hsm" / "README.md").read_text(encoding="utf-8")


def guide() -> str:
    return (ROOT / "docs" / "hsm.md").read_text(encoding="utf-8")


@pytest.mark.hsm
def test_the_softhsm2_example_works_as_it_is(hsm):
    path = ROOT / "examples" / "hsm" / "softhsm2.yaml"
    if not load_config(path).lib.exists():
        pytest.skip("SoftHSM2 is installed elsewhere on this machine")

    output = hsm.script("for step in check(config, secrets, self_test=True): print(step, step.run())", config=path)

    assert output.splitlines()[-1].startswith("[5/5] Signing with a temporary key signed and verified")
