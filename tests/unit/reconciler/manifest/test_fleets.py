"""Each member of a CredentialSet is a credential; 100,000 of them are one document and one file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pki.findings import Location
from reconciler.kinds.credential import CredentialSpec, RevokedSpec
from reconciler.kinds.keys import KeySpec, Rotation
from reconciler.kinds.renewal import Renewal
from tests.support.manifests import ca, codes, credential, document, load, refusal, refused, workspace

TEMPLATE = """template:
  issuer: root
  profile: ec/tls-client
  variables: {cn: "{{ name }}.example.com", organization: Example}
"""
CSV = {"dev_dot_csv": "name,ou\na,unit-1\nb,\n"}


def fleet(members: str, template: str = TEMPLATE) -> str:
    return document("CredentialSet", "dev", f"{template}{members}")


def test_members_of_a_csv_file_have_its_cells_as_variables(tmp_path: Path) -> None:
    found = load(tmp_path, ca(), fleet("membersFrom: dev.csv"), **CSV).credentials

    assert list(found) == ["dev-a", "dev-b"]
    assert found["dev-a"].variables == {"cn": "a.example.com", "organization": "Example", "ou": "unit-1"}
    assert found["dev-b"].variables == {"cn": "b.example.com", "organization": "Example"}
    assert found["dev-b"].where == Location("dev.csv", 3)
    assert found["dev-b"].fleet == "dev"


def test_members_take_all_else_from_the_template(tmp_path: Path) -> None:
    template = """template:
  issuer: root
  profile: ec/tls-client
  variables: {cn: "{{ name }}"}
  key: {passphraseEnv: PASS, rotation: never}
  renewal: {before: 10%}
  lifecycle: {preventDestroy: true}
"""
    found = load(tmp_path, ca(), fleet("members: [{name: a}, {name: b}]", template)).credentials

    assert found["dev-a"] == CredentialSpec(
        name="dev-a",
        issuer="root",
        profiles=("ec/tls-client",),
        variables={"cn": "a"},
        keys=(KeySpec(passphrase_env="PASS"),),
        renewal=Renewal(share=0.1),
        where=Location("pki/all.yaml", 20, 13),
        rotation=Rotation.NEVER,
        prevent_destroy=True,
        fleet="dev",
    )
    assert found["dev-a"].keys is found["dev-b"].keys


def test_members_of_json_lines_and_of_the_document_are_the_same(tmp_path: Path) -> None:
    members = (
        '{"name": "a", "variables": {"ou": "x"}, "revoked": {"reason": "superseded", "at": "2026-11-20T10:00:00Z"}}'
    )
    in_file = load(tmp_path / "1", ca(), fleet("membersFrom: dev.jsonl"), dev_dot_jsonl=f"{members}\n\n").credentials
    inline = load(tmp_path / "2", ca(), fleet(f"members: [{members}]")).credentials

    assert in_file["dev-a"].variables == inline["dev-a"].variables
    assert in_file["dev-a"].revoked == inline["dev-a"].revoked
    assert in_file["dev-a"].revoked == RevokedSpec("superseded", datetime(2026, 11, 20, 10, tzinfo=UTC))


def test_a_csv_file_can_revoke_and_name_requests(tmp_path: Path) -> None:
    text = "revoked.at,name,revoked.reason,csr\n2026-11-20T10:00:00Z,a,keyCompromise,in/a.csr\n,b,,\n,c,superseded,\n"
    found = load(tmp_path, ca(), fleet("membersFrom: dev.csv"), dev_dot_csv=text, in__a_dot_csr="x").credentials

    assert found["dev-a"].revoked == RevokedSpec("keyCompromise", datetime(2026, 11, 20, 10, tzinfo=UTC))
    assert (found["dev-a"].csr, found["dev-b"].csr) == ("in/a.csr", None)
    assert (found["dev-b"].revoked, found["dev-c"].revoked) == (None, RevokedSpec("superseded"))


def test_requests_can_be_found_by_the_name_of_the_member(tmp_path: Path) -> None:
    template = 'template:\n  issuer: root\n  profile: ec/tls-client\n  csr: "in/{{ name }}.csr"\n'
    members = "members: [{name: a}, {name: b, csr: other.csr}]"
    found = load(tmp_path, ca(), fleet(members, template), in__a_dot_csr="x", other_dot_csr="y").credentials

    assert [each.csr for each in found.values()] == ["in/a.csr", "other.csr"]
    assert found["dev-a"].csr_sha256 != found["dev-b"].csr_sha256
    assert found["dev-a"].rotation is Rotation.NEVER


def test_a_member_wins_over_the_template(tmp_path: Path) -> None:
    members = "members: [{name: a, variables: {cn: own, organization: Other}}]"

    assert load(tmp_path, ca(), fleet(members)).credentials["dev-a"].variables == {"cn": "own", "organization": "Other"}


def test_a_template_can_use_variables_of_members_that_the_profile_has_not(tmp_path: Path) -> None:
    template = """template:
  issuer: root
  profile: ec/tls-server
  variables:
    cn: "{{ name }}.{{ site }}.example.com"
    dns_names: ["{{ name }}.example.com", "{{ alias }}"]
    organization: "{{ o }}"
"""
    text = "name,site,alias,o\na,paris,x.example.com,Example\nb,lyon,,\n"
    found = load(tmp_path, ca(), fleet("membersFrom: dev.csv", template), dev_dot_csv=text).credentials

    assert found["dev-a"].variables == {
        "cn": "a.paris.example.com", "dns_names": ["a.example.com", "x.example.com"], "organization": "Example",
    }  # fmt: skip
    assert found["dev-b"].variables == {"cn": "b.lyon.example.com", "dns_names": ["b.example.com"]}


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path, ca(), fleet("membersFrom: dev.csv"))
    (root / "dev.csv").write_bytes(b"name\n\xff\n")

    assert codes(list(refusal(root).findings)) == [("dev.csv", "document.unreadable")]


def test_an_empty_fleet_is_no_credential(tmp_path: Path) -> None:
    assert load(tmp_path, ca(), fleet("members: []")).credentials == {}
    assert load(tmp_path, ca(), fleet("membersFrom: dev.csv"), dev_dot_csv="name\n").credentials == {}


def test_a_quoted_cell_can_hold_a_line_break_and_lines_are_counted_all_the_same(tmp_path: Path) -> None:
    text = 'name,ou\na,"x\r\ny"\n\n"b","un,it"\nC,\n'
    (found,) = refused(tmp_path, ca(), fleet("membersFrom: dev.csv"), dev_dot_csv=text.replace("x\r\ny", "x, y"))

    assert codes([found]) == [("dev.csv:5", "schema.pattern")]
    found = refused(tmp_path, ca(), fleet("membersFrom: dev.csv"), dev_dot_csv=text)[-1]
    assert codes([found]) == [("dev.csv:6", "schema.pattern")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("dev.csv:1", "csv.header")]),
        ("id,ou\na,b\n", [("dev.csv:1", "csv.header")]),
        ("name,ou,ou\n", [("dev.csv:1", "csv.header")]),
        ("name,o u\n", [("dev.csv:1", "csv.header")]),
        ("name\na,b\n\nA\na\n", [("dev.csv:2", "csv.cells"), ("dev.csv:4", "schema.pattern")]),
        ('name\n"a\n', [("dev.csv:2", "csv.syntax")]),
        ("name\n,\n", [("dev.csv:2", "csv.cells")]),
        ("name,ou\n,x\n", [("dev.csv:2", "schema.pattern")]),
        ("name\na\nb\na\n", [("dev.csv:4", "manifest.duplicate")]),
        ("name,revoked.reason\na,stolen\n", [("dev.csv:2", "schema.enum")]),
        ("name,revoked.at\na,2026-11-20T10:00:00Z\n", [("dev.csv:2", "schema.missing-key")]),
        ("name,revoked.reason,revoked.at\na,superseded,2026-11-31T10:00:00Z\n", [("dev.csv:2", "manifest.value")]),
        ("name,csr\na,none.csr\n", [("dev.csv:2", "path.missing")]),
        ("name,csr\na,../x.csr\n", [("dev.csv:2", "path.outside")]),
        ("name\n" + "a" * 60 + "\n", [("dev.csv:2", "fleet.name")]),
        ("name,uo\na,x\n", [("dev.csv:2", "variable.unknown")]),
        ("name,country\na,France\n", [("dev.csv:2", "variable.refused")]),
    ],
)
def test_what_is_wrong_with_a_csv_file_is_told_with_its_line(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    assert codes(refused(tmp_path, ca(), fleet("membersFrom: dev.csv"), dev_dot_csv=text)) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "jsonl.syntax"),
        ('{"name": "a", "name": "b"}', "jsonl.syntax"),
        ("[" * 100_000, "jsonl.syntax"),
        ('"a"', "schema.type"),
        ('{"name": "a", "variable": {}}', "schema.unknown-key"),
        ('{"name": "a", "variables": {"cn": 1.5}}', "schema.type"),
    ],
)
def test_what_is_wrong_with_json_lines_is_told_with_its_line(tmp_path: Path, text: str, code: str) -> None:
    found = refused(tmp_path, ca(), fleet("membersFrom: dev.jsonl"), dev_dot_jsonl=f'{{"name": "ok"}}\n{text}\n')

    assert codes(found) == [("dev.jsonl:2", code)]


@pytest.mark.parametrize(
    ("members", "template", "expected"),
    [
        ("members: [{name: a}]\nmembersFrom: dev.csv", TEMPLATE, "schema.oneOf"),
        ("", TEMPLATE, "schema.oneOf"),
        ("membersFrom: dev.txt", TEMPLATE, "schema.pattern"),
        ("membersFrom: ../dev.csv", TEMPLATE, "path.outside"),
        ("membersFrom: none.csv", TEMPLATE, "path.missing"),
        ("members: [{name: a, nam: b}]", TEMPLATE, "schema.unknown-key"),
        ("members: [{name: a}]", TEMPLATE + "  revoked: {reason: superseded}\n", "schema.refused-key"),
        ("members: [{name: a}]", TEMPLATE.replace("name }}", "nam }}"), "fleet.unknown-variable"),
        ("members: [{name: a}]", TEMPLATE.replace("{{ name", "{{ na me"), "manifest.value"),
        ("members: [{name: a}]", TEMPLATE.replace("root", "rot"), "ca.unknown"),
        ("members: [{name: a}]", TEMPLATE.replace("-client", "-clint"), "profile.unknown"),
        ("members: [{name: a}]", TEMPLATE.replace("tls-client", "root-ca"), "profile.is-ca"),
        ("members: [{name: a}]", TEMPLATE + "  key: {hsm: hsm/x.yaml, label: k}\n", "fleet.key"),
        ("members: [{name: a}]", TEMPLATE + "  key: {hsm: hsm/x.yaml, id: '01'}\n", "fleet.key"),
        ("members: [{name: a}]", TEMPLATE + "  key: {resource: none}\n", "key.unknown"),
        ("members: [{name: a}]", TEMPLATE.replace("Example}", "Example, oz: x}"), "variable.unknown"),
        ("members: [{name: a}]", TEMPLATE + "  renewal: {before: 365d}\n", "renewal.always-due"),
    ],
)
def test_what_is_wrong_with_a_template_is_refused(tmp_path: Path, members: str, template: str, expected: str) -> None:
    hsm = "type: pkcs11\npkcs11: {lib: /x.so, token: T}\n"
    found = refused(tmp_path, ca(), fleet(members, template), hsm__x_dot_yaml=hsm, **CSV)

    assert [finding.code for finding in found] == [expected]


def test_a_variable_that_no_member_has_comes_with_a_suggestion(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, ca(), fleet("membersFrom: dev.csv", TEMPLATE.replace("name", "nmae")), **CSV)

    assert (str(found.where), found.hint) == ("pki/all.yaml:16:21", "did you mean `name`?")


def test_members_on_a_token_share_an_existing_key_or_make_their_own(tmp_path: Path) -> None:
    hsm = "type: pkcs11\npkcs11: {lib: /x.so, token: T}\n"
    own = TEMPLATE + "  key: {hsm: hsm/x.yaml}\n"
    existing = TEMPLATE + "  key: {hsm: hsm/x.yaml, label: k, existing: true}\n"
    members = "members: [{name: a}, {name: b}]"

    assert len(load(tmp_path, ca(), fleet(members, own), hsm__x_dot_yaml=hsm).credentials) == 2
    assert len(load(tmp_path, ca(), fleet(members, existing), hsm__x_dot_yaml=hsm).credentials) == 2


def test_a_member_cannot_have_the_name_of_another_credential(tmp_path: Path) -> None:
    found = refused(tmp_path, ca(), credential("dev-a"), fleet("members: [{name: a}]"))

    assert [(finding.code, finding.message) for finding in found] == [
        ("manifest.duplicate", "credential/dev-a is declared twice: first in pki/all.yaml:9:1")
    ]


def test_every_member_is_checked_when_everything_is(tmp_path: Path) -> None:
    text = "name,country\na,FR\nb,fr\nc,FR\nd,F\n"
    set_ = fleet("membersFrom: dev.csv")

    assert len(load(tmp_path, ca(), set_, dev_dot_csv=text).credentials) == 4
    found = refused(tmp_path, ca(), set_, thorough=True, dev_dot_csv=text)
    assert codes(found) == [("dev.csv:3", "variable.refused"), ("dev.csv:5", "variable.refused")]
    assert [finding.snippet for finding in found] == ["b,fr", "d,F"]


def test_a_bad_value_of_the_template_is_told_at_the_template(tmp_path: Path) -> None:
    found = refused(tmp_path, ca(), fleet("members: [{name: a}]", TEMPLATE.replace("Example}", '"", country: x}')))

    assert codes(found) == [("pki/all.yaml:16:74", "variable.refused")]


def test_a_hundred_thousand_members_load(tmp_path: Path) -> None:
    text = "name,ou\n" + "".join(f"d{n},unit-{n % 7}\n" for n in range(100_000))
    found = load(tmp_path, ca(), fleet("membersFrom: dev.csv"), dev_dot_csv=text).credentials

    assert len(found) == 100_000
    assert found["dev-d99999"].variables["cn"] == "d99999.example.com"
    assert len({id(each.keys) for each in found.values()}) == 1
    assert len({id(each.renewal) for each in found.values()}) == 1
