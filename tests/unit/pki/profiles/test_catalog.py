"""Profiles are found by name, a user's own before ours, or by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from pki.documents import Document, load_yaml
from pki.errors import ProfileError
from pki.findings import DocumentError
from pki.profiles.catalog import Catalog
from tests.support.profiles import HEAD


def write(path: Path, text: str = HEAD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_builtin_is_found_by_its_name() -> None:
    found = Catalog().get("ec/tls-server")

    assert (found.name, found.source) == ("ec/tls-server", "builtin:ec/tls-server")
    assert Catalog().is_builtin("ec/tls-server")


def test_a_profile_is_loaded_once() -> None:
    assert Catalog().get("ec/root-ca") is Catalog().get("ec/root-ca")


def test_own_profiles_are_named_by_their_path_and_come_first(tmp_path: Path) -> None:
    write(tmp_path / "one/team/web.yaml")
    write(tmp_path / "one/ec/tls-server.yaml")
    override = write(tmp_path / "two/ec/tls-server.yaml", HEAD + "description: last\n")
    catalog = Catalog([tmp_path / "one", tmp_path / "two"])

    assert catalog.get("team/web").name == "team/web"
    assert catalog.get("ec/tls-server").description == "last"
    assert catalog.get("ec/tls-server").source == str(override)
    assert not catalog.is_builtin("ec/tls-server")
    assert not catalog.is_builtin("team/web")
    assert catalog.is_builtin("ec/root-ca")
    assert set(catalog.names()) == {*Catalog().names(), "team/web"}
    assert catalog.names() == sorted(catalog.names())


def test_an_own_profile_that_changes_is_another_to_the_next_catalog_and_never_to_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "x.yaml")
    catalog = Catalog([tmp_path])
    before = catalog.get("x")
    write(path, HEAD.replace("30d", "31d"))

    assert catalog.get("x") is before
    assert Catalog([tmp_path]).get("x").digest != before.digest


@pytest.mark.parametrize("spelling", ["./web.yaml", "web.yaml", "./sub/../web.yaml"])
def test_a_path_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    write(tmp_path / "web.yaml")
    write(tmp_path / "sub/x")
    monkeypatch.chdir(tmp_path)

    assert Catalog().get(spelling).name == "web"
    assert Catalog().get(str(tmp_path / "web.yaml")).source == str(tmp_path / "web.yaml")


def test_the_text_of_a_profile_is_as_it_stands(tmp_path: Path) -> None:
    text = "# a comment\n" + HEAD
    path = write(tmp_path / "x.yaml", text)

    assert Catalog([tmp_path]).text("x") == text
    assert Catalog().text(str(path)) == text
    assert Catalog().text("ec/root-ca").startswith("# The trust anchor")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ec/tls-sever", "did you mean `ec/tls-server`?"),
        ("EC/TLS-SERVER", "did you mean `ec/tls-server`?"),
        ("nothing", "a path to a file begins with ./ or / or ends in .yaml"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ProfileError, match="there is no profile") as caught:
        Catalog().get(name)

    assert caught.value.hint == hint


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="No such file"):
        Catalog().get(str(tmp_path / "none.yaml"))


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="there is no profile directory"):
        Catalog([tmp_path / "none"])


def test_a_broken_profile_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path / "bad.yaml", "algorithm: [\n")
    catalog = Catalog([tmp_path])

    assert "bad" in catalog.names()
    with pytest.raises(DocumentError, match=r"bad\.yaml:2:1: not valid YAML"):
        catalog.get("bad")


def resource(name: str, spec: str = "  algorithm: ecdsa-p256\n  validity: 30d\n  subject: {cn: x}\n") -> Document:
    return load_yaml(f"kind: Profile\nmetadata: {{name: {name}}}\nspec:\n{spec}", "pki/profiles.yaml")


def test_a_document_can_be_a_profile_and_comes_before_all(tmp_path: Path) -> None:
    write(tmp_path / "acme/web.yaml")
    documents = {"acme/web": resource("acme/web"), "ec/root-ca": resource("ec/root-ca")}
    catalog = Catalog([tmp_path], documents)

    assert (catalog.get("acme/web").name, catalog.get("acme/web").source) == ("acme/web", "pki/profiles.yaml")
    assert catalog.text("acme/web") == documents["acme/web"].text
    assert not catalog.is_builtin("ec/root-ca")


def test_what_is_wrong_with_a_document_has_its_place_there() -> None:
    wrong = resource("x", "  algorithm: ecdsa-p256\n  validity: 30d\n  subject: {cn: '{{ y }}'}\n")
    with pytest.raises(DocumentError) as caught:
        Catalog(resources={"x": wrong}).get("x")

    assert [str(finding.where) for finding in caught.value.findings] == ["pki/profiles.yaml:6:17"]


def test_the_builtins_that_are_overridden_are_known(tmp_path: Path) -> None:
    write(tmp_path / "ec/tls-server.yaml")
    write(tmp_path / "web.yaml")

    assert Catalog().overridden() == []
    assert Catalog([tmp_path], {"ec/email": resource("ec/email")}).overridden() == ["ec/email", "ec/tls-server"]


def test_sources_can_be_relative_to_a_root(tmp_path: Path) -> None:
    write(tmp_path / "own/team/web.yaml")
    write(tmp_path / "own/broken.yaml", "algorithm: none\n")
    catalog = Catalog([tmp_path / "own"], root=tmp_path)

    assert catalog.get("team/web").source == "own/team/web.yaml"
    with pytest.raises(DocumentError, match=r"^own/broken\.yaml: 2 problems"):
        catalog.get("broken")
