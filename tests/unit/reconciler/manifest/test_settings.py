"""The Workspace: its defaults, its settings, and its lists of what moves, leaves and comes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pki.findings import FindingsError, Location
from reconciler.kinds.renewal import Renewal
from reconciler.kinds.workspace import CA_RENEWAL, RENEWAL, Imported, Moved, Removal, Removed, WorkspaceSpec
from reconciler.model import Address
from tests.support.manifests import ca, codes, credential, document, load, refused, settings


def test_a_workspace_that_says_nothing_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path).workspace == WorkspaceSpec("test", Location("qpki.yaml", 1, 1), profiles=())


def test_the_profiles_directory_is_one_when_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()

    assert load(tmp_path).workspace.profiles == ("profiles",)


def test_every_setting_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    found = load(
        tmp_path,
        settings("""
            include: ["pki/*.yaml"]
            profiles: [./mine]
            state: ./kept/here
            horizon: 12h
            crl: {validity: 10d, refreshBefore: 4d}
            renewal: {before: 25%}
            caRenewal: {before: 90d}
        """),
        ca(),
    ).workspace

    assert found.include == ("pki/*.yaml",)
    assert (found.profiles, found.state) == (("mine",), "kept/here")
    assert found.horizon == timedelta(hours=12)
    assert (found.crl_validity, found.crl_refresh_before) == (timedelta(days=10), timedelta(days=4))
    assert (found.renewal, found.ca_renewal) == (Renewal(share=0.25), Renewal(before=timedelta(days=90)))


def test_a_horizon_can_be_none_and_no_other_duration(tmp_path: Path) -> None:
    assert load(tmp_path, settings("horizon: 0s"), ca()).workspace.horizon == timedelta()
    with pytest.raises(FindingsError, match="is not a duration"):
        load(tmp_path, settings("crl: {validity: 0s}"), ca())


def test_half_a_crl_block_keeps_the_other_half_of_the_defaults(tmp_path: Path) -> None:
    found = load(tmp_path, settings("crl: {validity: 30d}")).workspace

    assert (found.crl_validity, found.crl_refresh_before) == (timedelta(days=30), timedelta(days=3))
    assert (found.renewal, found.ca_renewal) == (RENEWAL, CA_RENEWAL)


def test_moves_removals_and_imports_are_read_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "old" / "ca").mkdir(parents=True)
    found = load(
        tmp_path,
        settings(
            """
            moved:
              - {from: credential/site, to: credential/web}
            removed:
              - {address: credential/old, action: revoke, reason: keyCompromise}
              - {address: ca/lab, action: forget}
            import:
              - {to: ca/root, from: ./old/ca}
              - {to: key/k, hsm: hsm/x.yaml, id: "0102", spkiSha256: HASH}
        """.replace("HASH", "ab" * 32)
        ),
        ca(),
        credential(),
        document("Key", "k", "algorithm: ecdsa-p256\nhsm: hsm/x.yaml"),
        hsm__x_dot_yaml="type: pkcs11\npkcs11: {lib: /x.so, token: T}\n",
    ).workspace
    site, web = Address.parse("credential/site"), Address.parse("credential/web")

    assert found.moved == (Moved(site, web, Location("qpki.yaml", 7, 19)),)
    assert found.removed == (
        Removed(Address.parse("credential/old"), Removal.REVOKE, Location("qpki.yaml", 9, 19), "keyCompromise"),
        Removed(Address.parse("ca/lab"), Removal.FORGET, Location("qpki.yaml", 10, 19)),
    )
    assert found.imported == (
        Imported(Address.parse("ca/root"), Location("qpki.yaml", 12, 19), directory="old/ca"),
        Imported(
            Address.parse("key/k"),
            Location("qpki.yaml", 13, 19),
            hsm="hsm/x.yaml",
            key_id="0102",
            spki_sha256="ab" * 32,
        ),
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("horizon: 0d", ("qpki.yaml:6:12", "manifest.value")),
        ("horizon: 1d1y", ("qpki.yaml:6:12", "manifest.value")),
        ("horizon: 5", ("qpki.yaml:6:12", "schema.type")),
        ("renewal: {before: 0%}", ("qpki.yaml:6:21", "schema.pattern")),
        ("renewal: {before: 0h}", ("qpki.yaml:6:21", "manifest.value")),
        ("renewal: {}", ("qpki.yaml:6:12", "schema.missing-key")),
        ("profiles: [mine]", ("qpki.yaml:6:14", "path.missing")),
        ("profiles: [../mine]", ("qpki.yaml:6:14", "path.outside")),
        ("state: /var/state", ("qpki.yaml:6:10", "path.outside")),
        ("state: .", ("qpki.yaml:6:10", "path.outside")),
        ("moved: [{from: ca/A, to: ca/b}]", ("qpki.yaml:6:18", "schema.pattern")),
        ("moved: [{from: crl/a, to: crl/b}]", ("qpki.yaml:6:18", "schema.pattern")),
        ("removed: [{address: ca/a, action: delete}]", ("qpki.yaml:6:37", "schema.enum")),
        ("import: [{to: ca/a}]", ("qpki.yaml:6:12", "schema.oneOf")),
        ("import: [{to: key/a, hsm: hsm/x.yaml}]", ("qpki.yaml:6:12", "schema.anyOf")),
        ("import: [{to: ca/a, from: x, label: y}]", ("qpki.yaml:6:12", "schema.dependentRequired")),
    ],
)
def test_a_setting_that_means_nothing_is_refused_with_its_place(
    tmp_path: Path, spec: str, expected: tuple[str, str]
) -> None:
    assert expected in codes(refused(tmp_path, settings(spec)))
