"""`qpki apply` and what moves, leaves or comes from elsewhere: reviewed configuration, done once."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from pki.store.journal import Intent, Journal
from pki.store.layout import CaLayout
from pki.x509.certificates import parse_certificates
from tests.support.audits import audited, names
from tests.support.single import (
    RENAMED,
    SHARED,
    SINGLE,
    assert_in_order,
    certificates,
    declared,
    layout,
    record,
    revoked_on_crl,
)
from tests.support.workspaces import Home, assert_converged


def test_a_moved_credential_keeps_its_certificate(home: Home) -> None:
    home.applied()
    (before,) = certificates(home)
    declared(home, "metadata: {name: web}", "metadata: {name: site}")
    declared(
        home,
        "metadata: {name: test}",
        "metadata: {name: test}\nspec: {moved: [{from: credential/web, to: credential/site}]}",
    )
    assert home.changes() == [("credential/site", "move")]
    home.applied()
    assert certificates(home, "site") == [before]
    assert record(home, "site")["id"] == "site"
    assert ("moved", "credential/site") in names(audited(home.directory))
    assert_in_order(home)


def test_a_moved_ca_takes_all_its_generations_along(home: Home) -> None:
    home.applied()
    declared(home, "name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2")
    home.applied()
    declared(home, "metadata: {name: issuing}", "metadata: {name: tls}")
    declared(home, "issuer: issuing", "issuer: tls")
    declared(home, "metadata: {name: test}", "metadata: {name: test}\nspec: {moved: [{from: ca/issuing, to: ca/tls}]}")
    home.applied()
    assert sorted(path.name for path in (home.directory / "state/ca").iterdir()) == ["root", "tls", "tls.2"]
    assert_in_order(home)


def test_a_move_that_was_cut_short_goes_on(home: Home) -> None:
    """Killed between the two directories of a CA: the newest has its new name, the oldest has not."""
    home.applied()
    declared(home, "name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2")
    home.applied()
    cas = home.directory / "state/ca"
    (cas / "issuing.2").rename(cas / "tls.2")
    declared(home, "metadata: {name: issuing}", "metadata: {name: tls}")
    declared(home, "issuer: issuing", "issuer: tls")
    declared(home, "metadata: {name: test}", "metadata: {name: test}\nspec: {moved: [{from: ca/issuing, to: ca/tls}]}")
    home.applied()
    assert sorted(path.name for path in cas.iterdir()) == ["root", "tls", "tls.2"]
    assert_in_order(home)


def test_a_move_that_fails_half_way_goes_on(home: Home) -> None:
    """As long as the oldest directory of a CA has its old name, the move is not done."""
    home.applied()
    declared(home, "name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2")
    home.applied()
    declared(home, "metadata: {name: issuing}", "metadata: {name: tls}")
    declared(home, "issuer: issuing", "issuer: tls")
    declared(home, "metadata: {name: test}", "metadata: {name: test}\nspec: {moved: [{from: ca/issuing, to: ca/tls}]}")
    obstacle = home.directory / "state/ca/tls.2"
    obstacle.mkdir()
    assert home.apply().exit_code == 1
    obstacle.rmdir()
    home.applied()
    assert sorted(path.name for path in obstacle.parent.iterdir()) == ["root", "tls", "tls.2"]
    assert_in_order(home)


WITHOUT_WEB = SINGLE[: SINGLE.rindex("---\n")]


def removed(action: str) -> str:
    entry = f"spec: {{removed: [{{address: credential/web, action: {action}}}]}}"
    return WITHOUT_WEB.replace("metadata: {name: test}", f"metadata: {{name: test}}\n{entry}")


def test_what_is_forgotten_stays_as_it_is_and_can_be_taken_back(home: Home) -> None:
    home.applied()
    before = home.tree()
    home.declare(removed("forget"))
    assert home.changes() == [("credential/web", "forget")]
    home.applied()
    after = home.tree()
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == {
        "qpki.yaml",
        "state/audit.jsonl",
        "state/credential/web/credential.meta.json",
    }
    assert_converged(home)
    home.declare(SINGLE)
    assert home.changes() == [("credential/web", "adopt")]
    home.applied()
    assert "forgotten" not in record(home)
    assert_in_order(home)


def test_what_is_removed_and_revoked_is_on_the_crl(home: Home) -> None:
    home.applied()
    (before,) = certificates(home)
    home.declare(removed("revoke"))
    home.applied()
    assert revoked_on_crl(home) == {before.serial: "cessationOfOperation"}
    assert names(audited(home.directory))[-4:-1] == [
        ("certificate-revoked", "credential/web"),
        ("forgotten", "credential/web"),
        ("crl-signed", "crl/issuing"),
    ]
    assert_converged(home)


def test_a_removed_ca_is_revoked_by_its_issuer(home: Home) -> None:
    home.applied()
    serial = parse_certificates(layout(home).certificate.read_bytes())[0].serial
    text = WITHOUT_WEB[: WITHOUT_WEB.rindex("---\n")]
    entries = "{address: credential/web, action: forget}, {address: ca/issuing, action: revoke, reason: cACompromise}"
    home.declare(text.replace("metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{removed: [{entries}]}}"))
    home.applied()
    assert revoked_on_crl(home, "root") == {serial: "cACompromise"}
    assert_converged(home)


def test_a_removed_ca_is_revoked_with_all_its_certificates(home: Home) -> None:
    """Those that it was renewed from as well, as long as they have not expired."""
    home.applied()
    home.now += timedelta(days=9 * 365)
    home.applied()
    meta = json.loads((home.directory / "state/ca/issuing/ca.meta.json").read_bytes())
    serials = {int(each["serial"], 16) for each in (meta["certificate"], *meta["previous"])}
    assert len(serials) == 2
    text = WITHOUT_WEB[: WITHOUT_WEB.rindex("---\n")]
    entries = "{address: credential/web, action: forget}, {address: ca/issuing, action: revoke}"
    home.declare(text.replace("metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{removed: [{entries}]}}"))
    home.applied()
    assert revoked_on_crl(home, "root").keys() == serials
    assert_converged(home)


@pytest.mark.parametrize("kind", ["credential", "ca"])
def test_what_is_lost_from_state_is_not_revoked(home: Home, kind: str) -> None:
    """Somebody tidied up a directory too many: its certificate can be in use, which a killed run's cannot."""
    home.applied()
    name, issuer = {"credential": ("web", "issuing"), "ca": ("issuing", "root")}[kind]
    shutil.rmtree(home.directory / "state" / kind / name)
    home.applied("--only", "crl/*")
    assert revoked_on_crl(home, issuer) == {}
    home.applied()
    assert revoked_on_crl(home, issuer) == {}
    assert [each["code"] for each in home.plan()["warnings"]] == ["state.nameless"]


def test_what_was_forgotten_can_be_deleted(home: Home) -> None:
    home.applied()
    home.declare(removed("forget"))
    home.applied()
    shutil.rmtree(home.directory / "state/credential/web")
    home.applied()
    assert revoked_on_crl(home) == {}
    assert_converged(home)


def test_a_ca_and_a_credential_are_imported_as_they_are(home: Home, tmp_path: Path) -> None:
    """Into another workspace, without their keys being touched, and nothing is left to do afterwards."""
    home.applied()
    other = Home.make(tmp_path / "other", SINGLE)
    for kind, name in (("ca", "root"), ("ca", "issuing"), ("credential", "web")):
        shutil.copytree(home.directory / "state" / kind / name, other.directory / "old" / name)
    entries = ", ".join(
        f"{{to: {address}, from: old/{address.partition('/')[2]}}}"
        for address in ("ca/root", "ca/issuing", "credential/web")
    )
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    for end in ("cn: Test Root CA}", "dns_names: [www.example.com]}"):
        declared(other, end, f"{end}\n  lifecycle: {{preventDestroy: true}}")
    assert [each for each in other.changes() if each[0].startswith(("ca/", "credential/"))] == [
        ("ca/root", "adopt"),
        ("ca/issuing", "adopt"),
        ("credential/web", "adopt"),
    ]
    other.applied()
    assert certificates(other) == certificates(home)
    assert other.directory.joinpath("state/ca/root/private").stat().st_mode & 0o777 == 0o700
    assert_converged(other)
    other.now += timedelta(days=300)
    other.applied()
    assert_converged(other)


def imported(home: Home, tmp_path: Path, key: str) -> Home:
    """Return a workspace that imports the root of another, whose key file has that place in its directory."""
    home.applied()
    old = tmp_path / "other/old"
    shutil.copytree(home.directory / "state/ca/root", old)
    text = (old / "ca.meta.json").read_text()
    place = json.loads(text)["keys"][0]["storage"]["path"]
    (old / place).rename(old / key)
    (old / "ca.meta.json").write_text(text.replace(place, key))
    other = Home.make(tmp_path / "other", SINGLE)
    declared(other, "metadata: {name: test}", "metadata: {name: test}\nspec: {import: [{to: ca/root, from: old}]}")
    return other


def test_what_only_its_owner_can_read_stays_so_when_it_is_imported(home: Home, tmp_path: Path) -> None:
    other = imported(home, tmp_path, "private/root.key")
    (other.directory / "old/pass.txt").touch(mode=0o600)
    (other.directory / "old/private/root.key").chmod(0o644)
    other.applied()
    for name in ("pass.txt", "private/root.key"):
        assert (other.directory / "state/ca/root" / name).stat().st_mode & 0o777 == 0o600
    assert_converged(other)


def test_a_key_file_that_git_would_not_ignore_is_not_imported(home: Home, tmp_path: Path) -> None:
    outcome = imported(home, tmp_path, "root.key").apply("-o", "json")
    results = {each["address"]: each for each in outcome.json["outcomes"]}
    assert results["ca/root"]["result"] == "failed"
    assert "old/root.key is not in old/private" in results["ca/root"]["error"]
    assert not (tmp_path / "other/state/ca/root").exists()


def test_what_an_imported_ca_issued_elsewhere_stays_valid(home: Home, tmp_path: Path) -> None:
    """Its journal says for whom it was: resources that this workspace does not have, which makes them no orphans."""
    home.applied()
    other = Home.make(tmp_path / "other", WITHOUT_WEB)
    for name in ("root", "issuing"):
        shutil.copytree(home.directory / "state/ca" / name, other.directory / "old" / name)
    entries = "{to: ca/root, from: old/root}, {to: ca/issuing, from: old/issuing}"
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    other.applied()
    assert_converged(other)
    assert revoked_on_crl(other) == {}


def test_a_ca_without_a_journal_is_imported(home: Home, tmp_path: Path) -> None:
    """Other programs that write an index keep none."""
    home.applied()
    other = Home.make(tmp_path / "other", WITHOUT_WEB)
    for name in ("root", "issuing"):
        shutil.copytree(home.directory / "state/ca" / name, other.directory / "old" / name)
        shutil.rmtree(other.directory / "old" / name / "journal")
        (other.directory / "old" / name / "private").rename(tmp_path / name)
    entries = "{to: ca/root, from: old/root}, {to: ca/issuing, from: old/issuing}"
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    assert other.apply().exit_code == 1  # no key signs the CRL of what was imported, so that its journal has no more
    for name in ("root", "issuing"):
        (tmp_path / name).rename(other.directory / "state/ca" / name / "private")
    other.applied()
    assert_converged(other)


def test_what_an_imported_ca_had_open_is_settled_here(home: Home, tmp_path: Path) -> None:
    """Its last run was killed after it reserved a serial: nobody can prove that no certificate was signed with it."""
    home.applied()
    old = tmp_path / "other/old"
    for name in ("root", "issuing"):
        shutil.copytree(home.directory / "state/ca" / name, old / name)
    Journal(CaLayout(old / "issuing").journal).intend(
        [Intent(kind="certificate", serial=77, tbs_sha256="ab" * 32, at=home.now, not_after=home.now + timedelta(90))]
    )
    other = Home.make(tmp_path / "other", WITHOUT_WEB)
    entries = "{to: ca/root, from: old/root}, {to: ca/issuing, from: old/issuing}"
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    other.applied()
    assert revoked_on_crl(other) == {77: None}
    assert_converged(other)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda old: (old / "issuing/index.txt").write_text("nonsense\n"), "index.txt"),
        (lambda old: next((old / "root/certs").iterdir()).unlink(), "has it as valid"),
        (lambda old: (old / "root/crl/ca.crl").write_bytes((old / "issuing/crl/ca.crl").read_bytes()), "ca.crl"),
        (lambda old: (old / "root/link").symlink_to("/etc/passwd"), "symbolic link"),
    ],
    ids=["index", "certificate", "crl", "link"],
)
def test_what_is_not_whole_is_not_imported(home: Home, tmp_path: Path, spoil, said: str) -> None:
    home.applied()
    other = Home.make(tmp_path / "other", SINGLE)
    for name in ("root", "issuing"):
        shutil.copytree(home.directory / "state/ca" / name, other.directory / "old" / name)
    spoil(other.directory / "old")
    entries = "{to: ca/root, from: old/root}, {to: ca/issuing, from: old/issuing}"
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    outcome = other.apply()
    assert outcome.exit_code in (1, 4)
    assert said in outcome.stdout
    name = "issuing" if said == "index.txt" else "root"
    assert not (other.directory / "state/ca" / name / "ca.meta.json").exists()


@pytest.mark.parametrize("killed", [False, True], ids=["in one go", "killed between the key and its holder"])
def test_a_shared_key_that_moves_stays_the_key_of_its_holders(tmp_path: Path, *, killed: bool) -> None:
    home = Home.make(tmp_path / "home", SHARED)
    home.applied()
    before = certificates(home)
    home.declare(RENAMED)
    if killed:
        home.applied("--only", "key/*")
    assert ("credential/web", "update") in home.changes()
    home.applied()
    assert certificates(home) == before
    assert record(home)["certificates"][0]["storage"][0]["path"] == "../../key/common/private/key.pem"
    assert_in_order(home)


def test_a_ca_of_another_issuer_is_not_imported(home: Home, tmp_path: Path) -> None:
    """It is called the same, and another key signed it."""
    home.applied()
    other = Home.make(tmp_path / "other", SINGLE)
    shutil.copytree(home.directory / "state/ca/issuing", other.directory / "old/issuing")
    declared(
        other, "metadata: {name: test}", "metadata: {name: test}\nspec: {import: [{to: ca/issuing, from: old/issuing}]}"
    )
    outcome = other.apply("-o", "json")
    results = {each["address"]: each for each in outcome.json["outcomes"]}
    assert (outcome.exit_code, results["ca/issuing"]["result"]) == (1, "failed")
    assert "old/issuing is not what is declared" in results["ca/issuing"]["error"]
    assert results["credential/web"]["because"] == "ca/issuing"


def test_a_credential_whose_key_is_not_in_its_directory_is_not_imported(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", SHARED)
    home.applied()
    other = Home.make(tmp_path / "other", SINGLE)
    for kind, name in (("ca", "root"), ("ca", "issuing"), ("credential", "web")):
        shutil.copytree(home.directory / "state" / kind / name, other.directory / "old" / name)
    places = ("ca/root", "ca/issuing", "credential/web")
    entries = ", ".join(f"{{to: {address}, from: old/{address.partition('/')[2]}}}" for address in places)
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    outcome = other.apply("-o", "json")
    results = {each["address"]: each for each in outcome.json["outcomes"]}
    assert results["credential/web"]["result"] == "failed"
    assert "is not in old/web" in results["credential/web"]["error"]
