"""HSM configuration files are the seed's, read strictly; no finding ever repeats a PIN."""

from __future__ import annotations

from pathlib import Path

import pytest

from pki.algorithms import SCHEMES
from pki.findings import DocumentError
from pki.ports import SecretRef
from pki.schemas import validator
from pki.signers.config import load_config
from pki.signers.mechanisms import SIGNING, Approach

SEED = """\
# hsm/thales-luna.yaml
type: pkcs11

pkcs11:
  # Path to PKCS#11 library
  lib: /usr/lib/libCryptoki2_64.so

  # Token identification (choose one)
  token: "CA-Token"           # By label (recommended)
  # token_serial: "ABC123"    # By serial number (more precise)
  # slot: 0                   # By slot ID (less portable)

  # PIN via environment variable (never in file)
  pin_env: HSM_PIN
"""


@pytest.fixture
def written(tmp_path):
    def write(*lines: str) -> Path:
        path = tmp_path / "hsm.yaml"
        path.write_text("type: pkcs11\npkcs11:\n" + "".join(f"  {line}\n" for line in lines))
        return path

    return write


def refused(path: Path) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        load_config(path)
    return caught.value


def test_the_seed_file_loads_as_it_is(tmp_path):
    path = tmp_path / "hsm.yaml"
    path.write_text(SEED)

    config = load_config(path)

    assert config.lib == Path("/usr/lib/libCryptoki2_64.so")
    assert (config.token, config.token_serial, config.slot) == ("CA-Token", None, None)
    assert config.pin == SecretRef(env="HSM_PIN")
    assert (config.logout_after_use, config.env, config.mechanisms, config.id_length) == (False, {}, {}, 8)


def test_every_setting_arrives(written):
    config = load_config(
        written(
            "lib: /x.so",
            "token: a",
            'token_serial: "0012"',
            "slot: 0",
            "logout_after_use: true",
            "env: {A: b}",
            "mechanisms: {rsa-sha256: hash-and-sign}",
            "id_length: 2",
        )
    )

    assert (config.token, config.token_serial, config.slot) == ("a", "0012", 0)
    assert (config.logout_after_use, config.env, config.id_length) == (True, {"A": "b"}, 2)
    assert config.mechanisms == {"rsa-sha256": "hash-and-sign"}
    assert config.pin == SecretRef()  # no source: a prompt


def test_relative_paths_start_at_the_folder_of_the_file(written, monkeypatch):
    path = written("lib: modules/x.so", "slot: 1", "pin_file: ../pin")
    monkeypatch.chdir(path.parent.parent)

    config = load_config(path.relative_to(path.parent.parent))

    assert config.lib == path.parent / "modules/x.so"
    assert config.pin == SecretRef(file=path.parent / "../pin")


def test_a_bare_library_name_is_a_file_beside_the_configuration(written):
    """The system's library path is not searched: what gets the PIN is the file that was named."""
    path = written("lib: libsofthsm2.so", "slot: 1")

    assert load_config(path).lib == path.parent / "libsofthsm2.so"


@pytest.mark.parametrize("key", ["pin: 918273", 'pin: "918273"'])
def test_a_pin_in_the_file_is_refused_with_the_reason_and_not_repeated(written, key):
    error = refused(written("lib: x.so", "slot: 1", key))

    assert "a PIN never stands in a file that is reviewed and committed" in str(error)
    assert [finding.code for finding in error.findings] == ["schema.refused-key"]
    assert error.hint is not None
    assert error.hint.startswith("name its source with `pin_env` or `pin_file`")
    assert "918273" not in f"{error} {error.hint} {[str(finding) for finding in error.findings]}"


def test_a_pin_beside_pkcs11_is_refused_too(tmp_path):
    path = tmp_path / "hsm.yaml"
    path.write_text("type: pkcs11\npin: 918273\npkcs11: {lib: x.so, slot: 1}\n")

    error = refused(path)

    assert "a PIN never stands in a file" in str(error)
    assert "918273" not in str(error)


@pytest.mark.parametrize("value", ["918273", '"918273"', '"91 82"'])
def test_a_pin_where_its_source_belongs_is_refused_and_not_repeated(written, value):
    error = refused(written("lib: x.so", "slot: 1", f"pin_env: {value}"))

    assert "must be the name of an environment variable" in str(error)
    assert value.strip('"') not in str(error)


def test_a_pin_under_env_is_refused_and_not_repeated(written):
    error = refused(written("lib: x.so", "slot: 1", "pin_env: HSM_PIN", 'env: {HSM_PIN: "918273"}'))

    assert "hsm.yaml:6:9: `env` must not set HSM_PIN" in str(error)
    assert "918273" not in f"{error} {error.hint}"


@pytest.mark.parametrize("name", ["PIN", "hsm_pin", "KEYSTORE_PASSWORD", "Vendor_Passphrase_File"])
def test_a_variable_under_env_whose_name_says_that_it_is_secret_is_refused(written, name):
    error = refused(written("lib: x.so", "slot: 1", f'env: {{A: b, {name}: "918273"}}'))

    assert f"hsm.yaml:5:15: `env` must not set {name}: a PIN, password or passphrase never stands" in str(error)
    assert error.hint == f"export {name} in the shell instead, or use pin_env, pin_file or the prompt"
    assert "918273" not in str(error)


def test_every_secret_under_env_is_told(written):
    error = refused(written("lib: x.so", "slot: 1", "pin_env: A", "env: {A: '918273', B_PIN: '918273'}"))

    assert [finding.code for finding in error.findings] == ["hsm.pin-in-file"] * 2


def test_a_name_that_only_begins_like_a_secret_is_not_one(written):
    assert load_config(written("lib: x.so", "slot: 1", "env: {PINNED: a, SECRETS_CONF: b}")).env == {
        "PINNED": "a",
        "SECRETS_CONF": "b",
    }


def test_a_pin_has_one_source(written):
    error = refused(written("lib: x.so", "slot: 1", "pin_env: A", "pin_file: b"))

    assert "`pkcs11.pin_file` is not allowed here: `pin_env` is given too" in str(error)


def test_all_problems_are_reported_at_once_with_their_places_and_suggestions(written):
    error = refused(
        written(
            "lib: x.so",
            "pin_fil: x",
            "token_serial: 1234",
            "logout_after_use: no",
            "id_length: 1",
            "env: {A: 1}",
            "mechanisms: {ecdsa-sha25: prehash, rsa-sha256: digest}",
        )
    )

    found = [(finding.where.line, finding.where.column, finding.code) for finding in error.findings]
    assert found == [
        (4, 3, "schema.unknown-key"),
        (5, 17, "schema.type"),
        (6, 21, "schema.type"),
        (7, 14, "schema.minimum"),
        (8, 12, "schema.type"),
        (9, 16, "schema.unknown-key"),
        (9, 50, "schema.enum"),
    ]
    assert error.findings[0].hint == "did you mean `pin_file`?"
    assert error.findings[5].hint == "did you mean `ecdsa-sha256`?"


def test_a_configuration_must_say_which_token(written):
    assert "one or more of `token`, `token_serial`, `slot`" in str(refused(written("lib: x.so")))


def test_another_type_than_pkcs11_is_refused(tmp_path):
    path = tmp_path / "hsm.yaml"
    path.write_text("type: kmip\npkcs11: {lib: x.so, slot: 1}\n")

    assert '`type` must be pkcs11, the only type there is, not "kmip"' in str(refused(path))


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path):
    assert "cannot read the file" in str(refused(tmp_path / "nope.yaml"))


def test_the_token_is_described_by_what_was_given(written):
    config = load_config(written("lib: x.so", "token: A", "slot: 3"))

    assert str(config) == "token with label 'A' and slot 3"


def test_the_schema_and_the_mechanism_table_name_the_same_overrides():
    """Each scheme that can be asked for in two ways has its override, in the words of the table."""
    schema = validator("hsm").schema
    assert isinstance(schema, dict)
    settings = schema["properties"]["pkcs11"]["properties"]["mechanisms"]["properties"]

    assert set(settings) == {name for name in SCHEMES if len(SIGNING[name]) > 1}
    assert schema["$defs"]["approach"]["enum"] == [Approach.PREHASH, Approach.HASH_AND_SIGN]
