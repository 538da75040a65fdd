"""Keys in files: made once, opened as recorded, never overwritten; a wrong one is refused by name."""

from __future__ import annotations

import stat
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pki.algorithms import algorithm
from pki.errors import (
    KeyExistsError,
    KeyMismatchError,
    KeyNotFoundError,
    PassphraseError,
    PathEscapeError,
    PkiError,
    SecretError,
)
from pki.keyrefs import SoftwareKeyRef
from pki.keys import FileKey, KeyFile, generate_file_key, list_file_keys, load_file_key, open_signer, prepare
from pki.ports import SecretRef, SystemSecrets
from pki.signers.base import Signer, spki_sha256
from pki.signers.software import SoftwareSigner

P256, P384 = algorithm("ecdsa-p256"), algorithm("ecdsa-p384")
PASSPHRASE = SecretRef(env="KEY_PASSPHRASE")
DEFAULT = "private/ca.key"


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("KEY_PASSPHRASE", "correct horse")
    monkeypatch.setenv("OTHER_PASSPHRASE", "battery staple")
    monkeypatch.delenv("NO_PASSPHRASE", raising=False)


def prepared(base: Path, passphrase: SecretRef | None = None, wanted=P256) -> AbstractContextManager:
    return prepare(
        FileKey(passphrase), wanted, base=base, default=DEFAULT, wanted_by="profile x", secrets=SystemSecrets()
    )


def generate(path: Path, passphrase: SecretRef | None = None) -> SoftwareSigner:
    path.parent.mkdir(parents=True, exist_ok=True)
    return generate_file_key(P256, path, passphrase=passphrase, secrets=SystemSecrets())


def opened(base: Path, ref: SoftwareKeyRef, **pins) -> Signer:
    with open_signer(ref, base=base, secrets=SystemSecrets(), **pins) as signer:
        return signer


def refused(error: type[PkiError], base: Path, ref: SoftwareKeyRef, **pins) -> PkiError:
    with pytest.raises(error) as caught:
        opened(base, ref, **pins)
    assert caught.value.hint
    return caught.value


def test_nothing_is_made_before_the_key_is_asked_for(tmp_path):
    with prepared(tmp_path / "ca") as make_key:
        assert not (tmp_path / "ca").exists()
        key = make_key()

    assert key.ref == SoftwareKeyRef(DEFAULT)
    assert opened(tmp_path / "ca", key.ref).spki == key.signer.spki


def test_a_new_key_file_is_for_its_owner_alone(tmp_path):
    with prepared(tmp_path) as make_key:
        make_key()

    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / DEFAULT).stat().st_mode) == 0o600


def test_a_key_that_a_crashed_run_left_is_used(tmp_path):
    left = generate(tmp_path / DEFAULT)

    with prepared(tmp_path) as make_key:
        assert make_key().signer.spki == left.spki


def test_a_key_of_another_size_that_is_there_is_refused_and_stays(tmp_path):
    generate(tmp_path / DEFAULT)
    before = (tmp_path / DEFAULT).read_bytes()

    with prepared(tmp_path, wanted=P384) as make_key, pytest.raises(KeyMismatchError, match=r"ca\.key.*ecdsa-p256"):
        make_key()
    assert (tmp_path / DEFAULT).read_bytes() == before


def test_a_passphrase_that_is_not_set_stops_before_anything_is_made(tmp_path):
    with (
        pytest.raises(SecretError, match="NO_PASSPHRASE is not set"),
        prepared(tmp_path, SecretRef(env="NO_PASSPHRASE")),
    ):
        pytest.fail("the block must not be entered")

    assert list(tmp_path.iterdir()) == []


def test_the_reference_names_where_the_passphrase_comes_from(tmp_path):
    (tmp_path / "secret").write_text("correct horse\n")
    (tmp_path / "secret").chmod(0o600)
    with prepared(tmp_path / "ca", SecretRef(file=tmp_path / "secret")) as make_key:
        key = make_key()

    assert key.ref == SoftwareKeyRef(DEFAULT, passphrase_file="../secret")
    assert opened(tmp_path / "ca", key.ref).spki == key.signer.spki


def test_another_source_may_stand_in_for_the_recorded_one(tmp_path):
    spki = generate(tmp_path / "a.key", PASSPHRASE).spki
    ref = SoftwareKeyRef("a.key", passphrase_env="NO_PASSPHRASE")

    assert opened(tmp_path, ref, passphrase=PASSPHRASE).spki == spki


def test_a_key_other_than_the_recorded_one_is_refused(tmp_path):
    generate(tmp_path / "a.key")

    assert "another key than the one on record" in str(
        refused(KeyMismatchError, tmp_path, SoftwareKeyRef("a.key"), pin_spki="0" * 64)
    )


def test_the_recorded_key_opens(tmp_path):
    spki = generate(tmp_path / "a.key").spki

    assert opened(tmp_path, SoftwareKeyRef("a.key"), pin_spki=spki_sha256(spki)).spki == spki


def test_a_key_file_that_is_gone_is_named(tmp_path):
    assert f"{tmp_path}/a.key is not there" in str(refused(KeyNotFoundError, tmp_path, SoftwareKeyRef("a.key")))


def test_a_reference_out_of_its_directory_is_refused(tmp_path):
    generate(tmp_path / "a.key")

    with pytest.raises(PathEscapeError):
        opened(tmp_path / "ca", SoftwareKeyRef("../a.key"))


def test_a_wrong_passphrase_is_refused_and_not_repeated(tmp_path):
    generate(tmp_path / "a.key", PASSPHRASE)
    error = refused(PassphraseError, tmp_path, SoftwareKeyRef("a.key", passphrase_env="OTHER_PASSPHRASE"))

    assert "a.key" in str(error)
    assert "battery" not in f"{error} {error.hint}"


def test_a_plain_key_where_an_encrypted_one_is_on_record_is_refused(tmp_path):
    generate(tmp_path / "a.key")
    error = refused(PassphraseError, tmp_path, SoftwareKeyRef("a.key", passphrase_env="KEY_PASSPHRASE"))

    assert "is not encrypted, but a passphrase is named" in str(error)


def test_a_file_that_holds_no_key_is_refused(tmp_path):
    (tmp_path / "a.key").write_text("no key")

    assert "a.key: " in str(refused(PkiError, tmp_path, SoftwareKeyRef("a.key")))


def test_a_key_is_never_generated_over_a_file(tmp_path):
    (tmp_path / "a.key").write_text("mine")
    with pytest.raises(KeyExistsError, match=r"a\.key exists"):
        generate(tmp_path / "a.key")

    assert (tmp_path / "a.key").read_text() == "mine"


def test_no_key_is_generated_without_its_passphrase(tmp_path):
    with pytest.raises(SecretError):
        generate(tmp_path / "a.key", SecretRef(env="NO_PASSPHRASE"))

    assert list(tmp_path.iterdir()) == []


def test_an_encrypted_key_opens_by_its_passphrase_alone(tmp_path):
    made = generate(tmp_path / "a.key", PASSPHRASE)

    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (tmp_path / "a.key").read_bytes()
    assert load_file_key(tmp_path / "a.key", passphrase=PASSPHRASE, secrets=SystemSecrets()).spki == made.spki


def test_the_keys_below_a_directory_are_listed_and_other_files_passed_over(tmp_path):
    plain = generate(tmp_path / "b" / "plain.key")
    generate(tmp_path / "a" / "locked.pem", PASSPHRASE)
    (tmp_path / "broken.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (tmp_path / "huge.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\n" + b"A" * (1 << 17))
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "notes.txt").write_text("-----BEGIN PRIVATE KEY-----\n")

    assert list_file_keys(tmp_path) == [
        KeyFile(tmp_path / "a" / "locked.pem", encrypted=True),
        KeyFile(tmp_path / "b" / "plain.key", False, P256, spki_sha256(plain.spki)),
    ]
