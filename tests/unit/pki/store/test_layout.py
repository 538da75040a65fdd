from __future__ import annotations

import pytest

from pki.errors import PathEscapeError
from pki.store.layout import CaLayout, CredentialLayout, KeyLayout, identifier, inside


@pytest.mark.parametrize("text", ["web", "server-example-com-20250102-a1b2c3", "_x", "a.b", "7", "A" * 128])
def test_an_id_that_names_a_directory_is_taken_as_it_is(text):
    assert identifier(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "../../x",
        "/etc",
        "a/b",
        "a\\b",
        ".hidden",
        "-rf",
        "a b",
        "a\0b",
        "a\n",
        "é",
        "A" * 129,
        "a" * 9999,
    ],
)
def test_an_id_that_could_lead_elsewhere_is_refused(text):
    with pytest.raises(PathEscapeError, match="cannot be used as an id") as caught:
        identifier(text)

    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("relative", ["a", "a/b.txt", "./hsm.yaml", "a/./b", "...", "é/ü"])
def test_a_path_below_the_root_is_given(tmp_path, relative):
    assert inside(tmp_path, relative) == tmp_path / relative


@pytest.mark.parametrize("relative", ["", ".", "/etc/passwd", "..", "../x", "a/../b", "a/../../x", "a\0b", "a\nb"])
def test_a_path_that_could_leave_the_root_is_refused(tmp_path, relative):
    with pytest.raises(PathEscapeError, match="is not allowed"):
        inside(tmp_path, relative)


@pytest.mark.parametrize("relative", ["link", "link/below", "deeper/up/x"])
def test_a_link_out_of_the_root_is_refused(tmp_path, relative):
    root = tmp_path / "root"
    (root / "deeper").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "deeper" / "up").symlink_to("../..")

    with pytest.raises(PathEscapeError, match="leads out of"):
        inside(root, relative)


def test_a_link_that_stays_inside_is_fine_and_so_is_a_root_that_is_one(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to("real")
    (tmp_path / "alias").symlink_to("root")

    assert inside(tmp_path / "root", "link/x") == tmp_path / "root" / "link" / "x"
    assert inside(tmp_path / "alias", "x") == tmp_path / "alias" / "x"


def test_links_in_a_circle_are_no_way_out_and_no_traceback(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    assert inside(tmp_path, "a/x") == tmp_path / "a" / "x"


def test_a_ca_has_its_files_where_the_seed_document_has_them(tmp_path):
    layout = CaLayout(tmp_path)
    paths = {
        "meta": layout.meta,
        "certificate": layout.certificate,
        "chain": layout.chain,
        "index": layout.index,
        "certificates": layout.certificates,
        "issued": layout.issued("0A1B"),
        "own_certificates": layout.own_certificates,
        "own": layout.own("0A1B"),
        "crl_der": layout.crl_der,
        "crl_pem": layout.crl_pem,
        "private": layout.private,
        "journal": layout.journal,
        "lock": layout.lock,
    }

    assert {name: path.relative_to(tmp_path).as_posix() for name, path in paths.items()} == {
        "meta": "ca.meta.json",
        "certificate": "ca.crt",
        "chain": "chain.crt",
        "index": "index.txt",
        "certificates": "certs",
        "issued": "certs/0A1B.crt",
        "own_certificates": "own",
        "own": "own/0A1B.crt",
        "crl_der": "crl/ca.crl",
        "crl_pem": "crl/ca.crl.pem",
        "private": "private",
        "journal": "journal/issued.jsonl",
        "lock": ".lock",
    }


def test_what_makes_a_ca_exist_is_not_among_what_may_be_there_before(tmp_path):
    layout = CaLayout(tmp_path)

    assert layout.meta.name not in CaLayout.UNCOMMITTED
    assert {layout.lock.name, layout.private.name, layout.certificate.name, "journal"} <= CaLayout.UNCOMMITTED


@pytest.mark.parametrize("serial", ["../../x", "", "0a", "0x0A", "0A\n"])
def test_what_is_no_serial_names_no_certificate(tmp_path, serial):
    for place in (CaLayout.issued, CaLayout.own):
        with pytest.raises(PathEscapeError, match="not a serial number"):
            place(CaLayout(tmp_path), serial)


def test_a_private_directory_that_leads_elsewhere_is_refused(tmp_path):
    (tmp_path / "private").symlink_to("/tmp")

    with pytest.raises(PathEscapeError, match="leads out of"):
        _ = CaLayout(tmp_path).private


def test_a_credential_and_a_key_have_a_directory_of_their_own(tmp_path):
    credential, key = CredentialLayout(tmp_path, "web"), KeyLayout(tmp_path, "spare")
    paths = [
        credential.meta,
        credential.certificate,
        credential.chain,
        credential.full_chain,
        credential.private,
        credential.file("second/cert.pem"),
        key.meta,
        key.private,
    ]

    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "web/credential.meta.json",
        "web/cert.pem",
        "web/chain.pem",
        "web/fullchain.pem",
        "web/private",
        "web/second/cert.pem",
        "spare/key.meta.json",
        "spare/private",
    ]


def test_a_credential_stays_in_its_directory(tmp_path):
    with pytest.raises(PathEscapeError):
        _ = CredentialLayout(tmp_path, "../../x").meta
    with pytest.raises(PathEscapeError):
        CredentialLayout(tmp_path, "web").file("../other/private/key")
    with pytest.raises(PathEscapeError):
        _ = KeyLayout(tmp_path, "..").private
