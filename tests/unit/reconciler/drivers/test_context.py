"""What drivers find in state, by the names and identifiers that records have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pki.errors import PathEscapeError, StoreError
from pki.keyrefs import SoftwareKeyRef, TokenKeyRef
from pki.ports import Ports, SystemSecrets
from reconciler.drivers.context import Context
from reconciler.kinds.keys import KeySpec
from reconciler.workflow import Workspace
from tests.support.workspaces import TWO_TIER, Home

SINGLE = TWO_TIER.replace("profiles: [ec/tls-server, ec/tls-client]", "profiles: [ec/tls-server]")
MOVED = SINGLE.replace(
    "metadata: {name: test}",
    "metadata: {name: test}\nspec: {moved: [{from: key/old, to: key/newer}, {from: key/newer, to: key/newest}]}",
)
PLACE = "state/credential/web"
SHARED = SoftwareKeyRef("../../key/old/private/key.pem")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.make(tmp_path / "home", SINGLE)
    home.applied()
    home.declare(SINGLE.replace("name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2"))
    home.applied()
    return home


def context(home: Home) -> Context:
    ports = Ports(SystemSecrets(), clock=lambda: home.now)
    workspace = Workspace.open(home.directory, ports)
    keys: Any = None  # nothing here is on a token
    return Context(workspace.root, workspace.manifest, workspace.snapshot(), ports, keys)


def test_generations_come_oldest_first_and_the_last_is_current(home: Home) -> None:
    found = context(home)
    assert found.generations("issuing") == ["issuing", "issuing.2"]
    assert (found.current("issuing"), found.current("root")) == ("issuing.2", "root")


def test_a_directory_without_a_record_is_no_generation(home: Home) -> None:
    (home.directory / "state/ca/issuing.3").mkdir()
    assert context(home).current("issuing") == "issuing.2"


def test_what_became_a_link_that_leads_out_is_refused(home: Home, tmp_path: Path) -> None:
    """State was observed before: a driver does not go by what it was then."""
    found = context(home)
    (home.directory / "state/ca/issuing").rename(tmp_path / "elsewhere")
    (home.directory / "state/ca/issuing").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PathEscapeError):
        found.authority("issuing")


def test_a_ca_that_is_not_there_has_no_present_generation(home: Home) -> None:
    with pytest.raises(StoreError, match="no ca/none in state"):
        context(home).current("none")


def test_who_signed_is_found_by_key_identifier(home: Home) -> None:
    found = context(home)
    for name in ("root", "issuing", "issuing.2"):
        facts = found.ca_record(name).certificate
        assert facts is not None
        assert found.signer(facts.subject_key_id, "issuing") == name
        assert found.signer(str(facts.subject_key_id).lower()) == name


def test_a_record_of_old_names_no_key_and_means_the_present_generation(home: Home) -> None:
    assert context(home).signer(None, "issuing") == "issuing.2"


@pytest.mark.parametrize("key_id", ["00FF", None])
def test_a_signer_that_state_does_not_have_is_an_error(home: Home, key_id: str | None) -> None:
    with pytest.raises(StoreError, match="that signed it"):
        context(home).signer(key_id)


def test_who_issued_a_serial_has_its_certificate_on_file(home: Home) -> None:
    found = context(home)
    serials = {name: found.ca_record(name).certificate for name in ("issuing", "issuing.2")}
    assert {found.issuer_of(facts.serial) for facts in serials.values() if facts} == {"root"}
    assert found.issuer_of(1) is None


@pytest.mark.parametrize("name", ["root", "issuing", "issuing.2"])
def test_who_issued_is_found_wherever_one_looks_first(home: Home, name: str) -> None:
    found = context(home)
    issued, first = found.ca_record("issuing.2").certificate, found.ca_record(name).certificate
    assert issued is not None
    assert first is not None
    assert found.issuer_of(issued.serial, first.subject_key_id) == "root"


def test_a_held_ca_is_opened_once_and_again_after_its_release(home: Home) -> None:
    found = context(home)
    first = found.held("root")
    assert found.held("root") is first
    found.release("root")
    assert found.held("root") is not first
    found.close()
    found.release("root")


@pytest.mark.parametrize(
    ("spec", "stored", "expected"),
    [
        (
            KeySpec(hsm="hsm/one.yaml"),
            TokenKeyRef("../../../hsm/one.yaml", "a"),
            TokenKeyRef("../../../hsm/one.yaml", "a"),
        ),
        (KeySpec(hsm="hsm/one.yaml"), SoftwareKeyRef("private/key.pem"), SoftwareKeyRef("private/key.pem")),
        (KeySpec(), SoftwareKeyRef("private/key.pem", "OLD"), SoftwareKeyRef("private/key.pem")),
        (KeySpec(passphrase_env="NEW"), SoftwareKeyRef("private/key.pem"), SoftwareKeyRef("private/key.pem", "NEW")),
        (
            KeySpec(passphrase_file="secrets/pass"),
            SoftwareKeyRef("private/key.pem"),
            SoftwareKeyRef("private/key.pem", None, "../../../secrets/pass"),
        ),
        (KeySpec(resource="other"), SHARED, SHARED),
        (KeySpec(), SHARED, SHARED),
    ],
    ids=["token", "to a token", "no passphrase", "variable", "file", "another key", "to a file of its own"],
)
def test_a_record_follows_the_manifest_in_words_and_never_to_another_key(home: Home, spec, stored, expected) -> None:
    assert context(home).storage(spec, stored, PLACE) == expected


@pytest.mark.parametrize("name", ["newer", "newest"])
def test_a_shared_key_is_followed_as_far_as_it_has_moved(tmp_path: Path, name: str) -> None:
    key = "---\napiVersion: qpki.io/v1\nkind: Key\nmetadata: {name: newest}\nspec: {algorithm: ecdsa-p256}\n"
    home = Home.make(tmp_path / "home", MOVED + key)
    directory = home.directory / "state/key" / name
    directory.mkdir(parents=True)
    (directory / "key.meta.json").write_text("{}")
    found = context(home).storage(KeySpec(resource="newest"), SHARED, PLACE)
    assert found == SoftwareKeyRef(f"../../key/{name}/private/key.pem")
