"""`qpki apply` and keys in files: shared, rotated or not, and the passphrases that open them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from pki.store.layout import CaLayout
from pki.x509.crls import parse_crl
from tests.support.audits import audited, names
from tests.support.single import (
    SHARED,
    SINGLE,
    assert_in_order,
    certificates,
    declared,
    record,
)
from tests.support.workspaces import TWO_TIER, Home


def test_a_shared_key_is_used_by_those_who_name_it(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", SHARED)
    home.applied()
    storage = record(home)["certificates"][0]["storage"]
    assert storage == [{"type": "software", "path": "../../key/shared/private/key.pem"}]
    assert ("key-adopted", "credential/web") in names(audited(home.directory))
    assert_in_order(home)


def test_git_ignores_every_private_directory(home: Home) -> None:
    with (home.directory / "qpki.yaml").open("a") as file:
        file.write("---\napiVersion: qpki.io/v1\nkind: Key\nmetadata: {name: spare}\nspec: {algorithm: ecdsa-p256}\n")
    home.applied()
    holders = [path.parent for path in (home.directory / "state").rglob("private")]
    assert {path.parent.name for path in holders} == {"ca", "credential", "key"}
    assert {"/private/" in (path / ".gitignore").read_text().splitlines() for path in holders} == {True}


def test_another_source_of_a_passphrase_is_noted_and_no_key_changes(home: Home) -> None:
    home.env = {"OLD_PASS": "correct horse", "NEW_PASS": "correct horse"}
    for name in ("issuing", "web"):
        declared(
            home,
            f"metadata: {{name: {name}}}\nspec:",
            f"metadata: {{name: {name}}}\nspec:\n  key: {{passphraseEnv: OLD_PASS}}",
        )
    home.applied()
    before = certificates(home)
    declared(home, "OLD_PASS", "NEW_PASS")
    assert home.changes() == [("ca/issuing", "update"), ("credential/web", "update")]
    home.applied()
    home.env = {"NEW_PASS": "correct horse"}
    assert certificates(home) == before
    assert record(home)["certificates"][0]["storage"][0]["passphrase_env"] == "NEW_PASS"
    home.now += timedelta(days=5)
    home.applied()
    assert_in_order(home)


def test_a_note_in_the_record_does_not_take_an_old_key_for_a_new_one(home: Home) -> None:
    """The holder is to use a shared key from now on, and something else changes at the same time."""
    home.applied()
    before = record(home)["certificates"][0]["storage"]
    home.declare(
        SHARED.replace("key: {resource: shared}", "key: {resource: shared}\n  lifecycle: {preventDestroy: true}")
    )
    home.applied()
    found = record(home)
    assert found["previous"][0]["storage"] == before
    assert found["certificates"][0]["storage"] == [{"type": "software", "path": "../../key/shared/private/key.pem"}]
    assert_in_order(home)


def test_a_standalone_key_follows_the_manifest_and_can_be_let_go(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", SINGLE + SHARED[SHARED.rindex("---") :])
    home.applied()
    path = home.directory / "state/key/shared/key.meta.json"
    declared(home, "spec: {algorithm: ecdsa-p256}", "spec: {algorithm: ecdsa-p256, lifecycle: {preventDestroy: true}}")
    assert home.changes() == [("key/shared", "update")]
    home.applied()
    assert json.loads(path.read_bytes())["prevent_destroy"] is True
    declared(home, "{preventDestroy: true}", "{preventDestroy: false}")
    home.applied()
    entry = "spec: {removed: [{address: key/shared, action: forget}]}"
    home.declare(SINGLE.replace("metadata: {name: test}", f"metadata: {{name: test}}\n{entry}"))
    home.applied()
    assert "forgotten" in json.loads(path.read_bytes())
    assert_in_order(home)


def test_a_profile_in_the_place_of_another_gets_a_key_of_its_own(tmp_path: Path) -> None:
    """The key of the profile that stays goes on: its rotation is never."""
    manifests = TWO_TIER.replace("ec/tls-client]", "ec/tls-client]\n  key: {rotation: never}")
    home = Home.make(tmp_path / "home", manifests)
    home.applied()
    before = {each["profile"]: each["spki_sha256"] for each in record(home)["certificates"]}
    declared(home, "ec/tls-client]", "ec/code-signing]")
    assert ("credential/web", "reissue") in home.changes()
    home.applied()
    after = {each["profile"]: each["spki_sha256"] for each in record(home)["certificates"]}
    assert after["ec/tls-server"] == before["ec/tls-server"]
    assert after["ec/code-signing"] not in before.values()
    made = [entry["spki_sha256"] for entry in audited(home.directory) if entry["event"] == "key-generated"]
    assert made[-1] == after["ec/code-signing"]
    assert len(made) == len(set(made)) == 5
    assert_in_order(home)


def test_a_crl_that_is_lost_in_both_forms_is_made_again_with_all_that_is_revoked(home: Home) -> None:
    """What cannot be read is no CRL of this CA; the index says who is revoked, and the number still rises."""
    home.applied()
    text = (home.directory / "qpki.yaml").read_text(encoding="utf-8")
    home.declare(f"{text.rstrip()}\n  revoked: {{reason: keyCompromise}}\n")
    home.applied()
    layout = CaLayout(home.directory / "state/ca/issuing")
    before = parse_crl(layout.crl_der.read_bytes())
    for path in (layout.crl_der, layout.crl_pem):
        path.write_bytes(b"no CRL")

    assert home.changes() == [("crl/issuing", "refresh")]
    home.applied()

    after = parse_crl(layout.crl_der.read_bytes())
    assert after.serials() == before.serials() != frozenset()
    assert after.number > before.number
    assert_in_order(home)
