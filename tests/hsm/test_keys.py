"""Keys on a token for CAs, credentials and by themselves: found again after a crash, never a second one of a name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pki.algorithms import algorithm
from pki.authority import Authority
from pki.credentials import EnrollRequest, enroll, renew
from pki.errors import KeyAccessError, KeyAmbiguousError, KeyExistsError, KeyMismatchError, KeyNotFoundError
from pki.keyrefs import TokenKeyRef
from pki.keys import FileKey, SharedKey, TokenKeyChoice, adopt_key, create_key, list_token_keys, open_signer, prepare
from pki.ports import Ports
from pki.signers.base import spki_sha256
from pki.store import meta
from pki.store.layout import KeyLayout
from pki.store.meta import KeyMeta
from tests.support.enrolling import BOTH, WEB, of
from tests.support.issue import CATALOG, NOW, new_ca

pytestmark = pytest.mark.hsm

P256, P384 = algorithm("ecdsa-p256"), algorithm("ecdsa-p384")
ID = "0a1b2c3d4e5f6071"


@pytest.fixture
def ports(secrets) -> Ports:
    return Ports(secrets=secrets, clock=lambda: NOW)


@pytest.fixture
def ours(hsm) -> TokenKeyChoice:
    return TokenKeyChoice(hsm.config_path, "web", ID, generate=True, adopt=True)


@pytest.fixture
def ca(tmp_path, ports) -> Authority:
    return new_ca(CATALOG.get("ec/root-ca"), tmp_path / "state/ca/root", variables={"cn": "R"}, ports=ports)


@pytest.fixture
def wanted(tmp_path, hsm) -> EnrollRequest:
    return EnrollRequest(
        directory=tmp_path / "state/credential",
        profiles=[CATALOG.get("ec/tls-server")],
        variables=WEB,
        key=TokenKeyChoice(hsm.config_path, "web", generate=True),
        id="web",
    )


@pytest.fixture
def layout(tmp_path) -> KeyLayout:
    return KeyLayout(tmp_path / "state/key", "common")


def made(choice: TokenKeyChoice, secrets, wanted=P256) -> str:
    """Prepare a key and open it; return its SPKI SHA-256."""
    where = {"base": Path("/nowhere"), "default": "private/key.pem", "wanted_by": "profile x", "secrets": secrets}
    with prepare(choice, wanted, **where) as make_key:
        key = make_key()
        assert isinstance(key.ref, TokenKeyRef)
        assert (key.ref.label, key.ref.key_id) == (choice.label, choice.key_id)
        return spki_sha256(key.signer.spki)


def named(hsm, secrets) -> list[tuple[str, str]]:
    return [(key.label, key.key_id) for key in list_token_keys(hsm.config_path, secrets)]


def test_a_key_is_made_under_the_id_that_is_given(hsm, ours, secrets):
    made(replace(ours, adopt=False), secrets)

    assert named(hsm, secrets) == [("web", ID)]


def test_a_key_that_an_earlier_run_made_is_used(hsm, ours, secrets):
    assert made(ours, secrets) == made(ours, secrets)
    assert named(hsm, secrets) == [("web", ID)]


def test_without_leave_to_adopt_a_key_that_is_there_is_refused(ours, secrets):
    made(ours, secrets)
    with pytest.raises(KeyExistsError, match="the token holds a key of that name already"):
        made(replace(ours, adopt=False), secrets)


@pytest.mark.parametrize("other", [{"key_id": "0102030405060708"}, {"label": "other"}])
def test_half_of_the_name_is_somebody_elses_key(hsm, ours, secrets, other):
    made(replace(ours, **other), secrets)
    with pytest.raises(KeyExistsError) as caught:
        made(ours, secrets)

    assert f'both the label "web" and the id {ID}' in str(caught.value.hint)
    assert len(named(hsm, secrets)) == 1


def test_adopting_goes_by_label_and_id(ours, secrets):
    with pytest.raises(KeyAccessError, match="by label and id together"):
        made(replace(ours, key_id=None), secrets)


def test_a_key_of_another_kind_is_not_adopted(ours, secrets):
    made(ours, secrets)
    with pytest.raises(KeyMismatchError, match="the key is ecdsa-p256, but profile x asks for ecdsa-p384"):
        made(ours, secrets, P384)


def test_a_key_that_could_leave_the_token_is_none_of_ours(hsm, ours, secrets):
    """Whoever put it there may have kept a copy."""
    hsm.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "web", "--id", ID, "--extractable")
    with pytest.raises(KeyAccessError, match="it could leave the token"):
        made(ours, secrets)


def test_two_keys_of_one_name_are_not_told_apart(hsm, ours, secrets):
    for _ in range(2):
        hsm.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "web", "--id", ID, "--sensitive")
    with pytest.raises(KeyAmbiguousError):
        made(ours, secrets)


def test_a_later_generation_has_a_label_of_its_own(ca, wanted, hsm, secrets):
    first = enroll(ca, wanted)
    second = renew(ca, first, wanted, new_keys=True)
    third = renew(ca, second, wanted, new_keys=False)

    assert [label for label, _ in named(hsm, secrets)] == ["web", "web.g2"]
    assert third.meta.certificates[0].storage == second.meta.certificates[0].storage


def test_a_label_that_has_its_generation_is_left_as_it_is(ca, wanted, hsm, secrets):
    key = TokenKeyChoice(hsm.config_path, "web.g2", ID, generate=True, adopt=True)
    renew(ca, enroll(ca, wanted), replace(wanted, key=[key]), new_keys=True)

    assert ("web.g2", ID) in named(hsm, secrets)
    assert len(named(hsm, secrets)) == 2


def test_each_of_several_keys_has_its_number_and_generation(ca, wanted, hsm, secrets):
    renew(ca, enroll(ca, of(wanted, *BOTH)), of(wanted, *BOTH), new_keys=True)

    assert [label for label, _ in named(hsm, secrets)] == ["web-1", "web-1.g2", "web-2", "web-2.g2"]


def test_an_existing_key_keeps_its_label_in_a_renewal(ca, wanted, hsm, secrets):
    hsm.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "given", "--id", "aa", "--sensitive")
    given = replace(wanted, key=TokenKeyChoice(hsm.config_path, "given"))
    renewed = renew(ca, enroll(ca, given), given, new_keys=True)

    assert [certificate.storage[0].label for certificate in renewed.meta.certificates] == ["given"]
    assert named(hsm, secrets) == [("given", "aa")]


def test_keys_on_a_token_have_ids_of_their_own_one_by_one(ca, wanted, hsm, secrets):
    choices = [TokenKeyChoice(hsm.config_path, f"web-{n}", f"0{n}" * 8, generate=True) for n in (1, 2)]
    enroll(ca, of(wanted, *BOTH, key=choices))

    assert named(hsm, secrets) == [("web-1", "01" * 8), ("web-2", "02" * 8)]


def test_a_standalone_key_is_made_once_whatever_was_killed(hsm, layout, ours, ports):
    first = create_key(layout, P256, ours, ports)
    layout.meta.unlink()

    assert create_key(layout, P256, ours, ports) == first
    assert first.storage == TokenKeyRef("../../../hsm.yaml", "web", ID)
    assert len(named(hsm, ports.secrets)) == 1


def test_a_key_on_the_token_is_recorded_as_it_is(layout, ours, ports):
    spki = made(ours, ports.secrets)
    record = adopt_key(layout, P256, ours, ports, spki=spki.upper(), prevent_destroy=True)

    assert record == meta.load_key(layout.meta)
    assert record == KeyMeta(
        id="common",
        algorithm="ecdsa-p256",
        created=NOW,
        storage=TokenKeyRef("../../../hsm.yaml", "web", ID),
        spki_sha256=spki,
        prevent_destroy=True,
    )


def test_a_key_with_another_public_half_is_not_recorded(layout, ours, ports):
    made(ours, ports.secrets)
    with pytest.raises(KeyMismatchError, match="is another key than expected"):
        adopt_key(layout, P256, ours, ports, spki="0" * 64)

    assert not layout.directory.exists()


def test_a_key_of_another_kind_is_not_recorded(layout, ours, ports):
    made(ours, ports.secrets)
    with pytest.raises(KeyMismatchError, match="key common asks for ecdsa-p384"):
        adopt_key(layout, P384, ours, ports)

    assert not layout.directory.exists()


def test_a_key_that_is_not_there_is_not_made(hsm, layout, ours, ports):
    with pytest.raises(KeyNotFoundError):
        adopt_key(layout, P256, ours, ports)

    assert named(hsm, ports.secrets) == []


def test_a_shared_key_on_a_token_is_found_from_its_holders(ca, wanted, layout, ours, ports):
    record = create_key(layout, P256, ours, ports)
    shared = enroll(ca, replace(wanted, key=SharedKey(layout.directory)))
    certificate = shared.meta.certificates[0]
    with open_signer(certificate.storage[0], base=shared.layout.directory, secrets=ports.secrets) as signer:
        assert spki_sha256(signer.spki) == record.spki_sha256 == certificate.spki_sha256


def test_a_token_that_cannot_be_opened_leaves_the_credential_as_it_was(ca, wanted, hsm):
    first = enroll(ca, replace(wanted, key=FileKey()))
    hsm.write_config("gone.yaml", token="Another-Token")
    key = TokenKeyChoice(hsm.directory / "gone.yaml", "web", generate=True)
    with pytest.raises(KeyAccessError):
        renew(ca, first, replace(wanted, key=key), new_keys=True)

    assert meta.load_credential(first.layout.meta) == first.meta
    assert [entry.status for entry in ca.ledger.entries(NOW)] == ["V"]
