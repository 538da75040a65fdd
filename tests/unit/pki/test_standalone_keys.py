"""A key that stands alone is made once, recorded, and used by the CAs and credentials of its state directory alone."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from pki.algorithms import algorithm
from pki.authority import Authority, CaRequest, create_ca
from pki.credentials import EnrollRequest, enroll
from pki.errors import (
    AlreadyExistsError,
    KeyAccessError,
    KeyMismatchError,
    KeyNotFoundError,
    PathEscapeError,
    SecretError,
    StoreError,
)
from pki.keyrefs import SoftwareKeyRef
from pki.keys import FileKey, KeyChoice, SharedKey, create_key, load_file_key, open_signer
from pki.ports import SecretRef
from pki.signers.base import spki_sha256
from pki.store import meta
from pki.store.layout import KeyLayout
from pki.store.meta import KeyMeta
from tests.support.enrolling import BOTH, WEB
from tests.support.issue import CATALOG, NOW, PORTS

P256, P384 = algorithm("ecdsa-p256"), algorithm("ecdsa-p384")
SHARED = "../../key/common/private/key.pem"


@pytest.fixture
def layout(tmp_path) -> KeyLayout:
    return KeyLayout(tmp_path / "state" / "key", "common")


@pytest.fixture
def common(layout) -> KeyMeta:
    return create_key(layout, P384, FileKey(), PORTS)


@pytest.fixture
def holder(tmp_path) -> Path:
    """Where a CA is to be."""
    return tmp_path / "state" / "ca" / "root"


def new_ca(directory: Path, key: KeyChoice) -> Authority:
    profile = CATALOG.get("ec/root-ca")
    return create_ca(CaRequest(directory=directory, profile=profile, variables={"cn": "R"}, key=key), PORTS)


def opened(base: Path, path: str) -> str:
    with open_signer(SoftwareKeyRef(path), base=base, secrets=PORTS.secrets) as signer:
        return spki_sha256(signer.spki)


def test_a_new_key_is_recorded(layout, common):
    assert common == meta.load_key(layout.meta)
    assert common == KeyMeta(
        id="common",
        algorithm="ecdsa-p384",
        created=NOW,
        storage=SoftwareKeyRef("private/key.pem"),
        spki_sha256=opened(layout.directory, "private/key.pem"),
    )


def test_its_file_is_for_its_owner_alone_and_never_for_git(layout, common):
    assert stat.S_IMODE((layout.private / "key.pem").stat().st_mode) == 0o600
    assert (layout.directory / ".gitignore").read_text().splitlines() == ["/private/", "/.lock"]
    assert common.prevent_destroy is False


def test_protection_is_recorded(layout):
    assert create_key(layout, P384, FileKey(), PORTS, prevent_destroy=True).prevent_destroy is True


def test_a_key_is_made_once(layout, common):
    with pytest.raises(AlreadyExistsError, match="key common exists"):
        create_key(layout, P384, FileKey(), PORTS)

    assert meta.load_key(layout.meta) == common


def test_a_key_that_a_killed_run_left_is_the_one(layout, common):
    layout.meta.unlink()

    assert create_key(layout, P384, FileKey(), PORTS) == common


def test_a_key_of_another_kind_that_is_left_is_not_recorded(layout, common):
    layout.meta.unlink()
    with pytest.raises(KeyMismatchError, match="key common asks for ecdsa-p256"):
        create_key(layout, P256, FileKey(), PORTS)

    assert not layout.meta.exists()
    assert common.spki_sha256 == opened(layout.directory, "private/key.pem")


def test_without_its_passphrase_nothing_is_made(layout, monkeypatch):
    monkeypatch.delenv("NO_PASSPHRASE", raising=False)
    with pytest.raises(SecretError):
        create_key(layout, P384, FileKey(SecretRef(env="NO_PASSPHRASE")), PORTS)

    assert not layout.directory.exists()


def test_a_standalone_key_is_no_other_one(layout, common):
    with pytest.raises(KeyAccessError, match="cannot be another standalone key"):
        create_key(KeyLayout(layout.root, "second"), P384, SharedKey(layout.directory), PORTS)

    assert common.id == "common"


def test_a_ca_uses_it_where_it_is(layout, common, holder):
    ca = new_ca(holder, SharedKey(layout.directory))
    ca.generate_crl()

    assert ca.meta.keys[0].storage == SoftwareKeyRef(SHARED)
    assert ca.meta.keys[0].spki_sha256 == common.spki_sha256
    assert list(ca.layout.private.iterdir()) == []


def test_several_certificates_share_it(layout, holder, tmp_path):
    made = create_key(layout, P256, FileKey(), PORTS)
    request = EnrollRequest(
        directory=tmp_path / "state" / "credential",
        profiles=[CATALOG.get(name) for name in BOTH],
        variables=WEB,
        key=SharedKey(layout.directory),
        id="web",
    )
    certificates = enroll(new_ca(holder, FileKey()), request).meta.certificates

    assert {each.spki_sha256 for each in certificates} == {made.spki_sha256}
    assert {each.storage for each in certificates} == {(SoftwareKeyRef(SHARED),)}


def test_a_holder_that_is_named_by_a_relative_path_finds_it(layout, common, holder, monkeypatch):
    new_ca(holder, SharedKey(layout.directory))
    monkeypatch.chdir(holder)

    assert opened(Path(), SHARED) == common.spki_sha256


def test_the_source_of_its_passphrase_is_known_to_the_holder(layout, holder, tmp_path):
    (tmp_path / "secret").write_text("correct horse\n")
    (tmp_path / "secret").chmod(0o600)
    made = create_key(layout, P384, FileKey(SecretRef(file=tmp_path / "secret")), PORTS)
    ca = new_ca(holder, SharedKey(layout.directory))

    assert made.storage == SoftwareKeyRef("private/key.pem", passphrase_file="../../../secret")
    assert ca.meta.keys[0].storage == SoftwareKeyRef(SHARED, passphrase_file="../../../secret")
    assert ca.generate_crl().size == 0


def test_a_profile_for_another_kind_of_key_is_refused(layout, common, holder):
    profile = replace(CATALOG.get("ec/root-ca"), algorithm=P256)
    request = CaRequest(directory=holder, profile=profile, variables={"cn": "R"}, key=SharedKey(layout.directory))
    with pytest.raises(KeyMismatchError, match=r"key\.meta\.json: the key is ecdsa-p384, .* asks for ecdsa-p256"):
        create_ca(request, PORTS)

    assert common.algorithm == "ecdsa-p384"
    assert not holder.exists()


def test_a_replaced_key_file_is_noticed(layout, common, holder, tmp_path):
    create_key(KeyLayout(tmp_path / "elsewhere", "other"), P384, FileKey(), PORTS)
    (layout.private / "key.pem").write_bytes((tmp_path / "elsewhere/other/private/key.pem").read_bytes())
    with pytest.raises(KeyMismatchError, match=f"another key than the one on record .*{common.spki_sha256[:16]}"):
        new_ca(holder, SharedKey(layout.directory))


def test_a_key_that_is_not_there_is_named(layout, holder):
    with pytest.raises(StoreError, match="there is no such key"):
        new_ca(holder, SharedKey(layout.directory))


def test_a_key_file_is_shared_within_one_state_directory(layout, common, tmp_path):
    with pytest.raises(KeyAccessError, match="cannot be used from"):
        new_ca(tmp_path / "elsewhere", SharedKey(layout.directory))

    assert common.algorithm == "ecdsa-p384"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../../key/common/private/other.pem",
        "../../key/common/key.pem",
        "../../key/../private/key.pem",
        "../../key/.hidden/private/key.pem",
        "../../key/a/b/private/key.pem",
        "../../key//private/key.pem",
        "../../key/common/private/key.pem/",
        "../../ca/common/private/key.pem",
        "../key/common/private/key.pem",
        "../../../key/common/private/key.pem",
        "./../../key/common/private/key.pem",
        "x/../../../key/common/private/key.pem",
        "../../key/common/private/key.pem\n",
    ],
)
def test_no_other_path_leads_out_of_a_holder(layout, common, holder, path):
    holder.mkdir(parents=True)
    load_file_key(layout.private / "key.pem", passphrase=None, secrets=PORTS.secrets)
    with pytest.raises(PathEscapeError):
        opened(holder, path)

    assert opened(holder, SHARED) == common.spki_sha256


@pytest.mark.parametrize("part", ["", "common", "common/private", "common/private/key.pem"])
def test_no_symbolic_link_leads_to_another_key(layout, common, holder, part):
    """Not even one that stays in the state directory: `key/common` is what the record and its reviewer mean."""
    holder.mkdir(parents=True)
    real = layout.root / part
    moved = real.rename(layout.root.parent / "moved")
    real.symlink_to(moved)
    with pytest.raises(PathEscapeError):
        opened(holder, SHARED)

    real.unlink()
    moved.rename(real)
    assert opened(holder, SHARED) == common.spki_sha256


def test_a_shared_file_that_is_gone_is_named(layout, common, holder):
    ca = new_ca(holder, SharedKey(layout.directory))
    (layout.private / "key.pem").unlink()
    with pytest.raises(KeyNotFoundError, match=r"state/key/common/private/key\.pem is not there"):
        ca.generate_crl()

    assert ca.meta.keys[0].spki_sha256 == common.spki_sha256
