"""A load says all that is wrong, in order and with the lines as they stand, or gives a manifest with a digest."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from pki.errors import StoreError
from pki.findings import Finding, Location, Severity
from reconciler import manifest
from reconciler.manifest.reading import Reading
from tests.support.manifests import ca, codes, credential, document, load, refusal, refused, settings, workspace


def test_the_root_is_the_nearest_directory_upwards_with_a_root_file(tmp_path: Path) -> None:
    outer = workspace(tmp_path / "outer")
    inner = workspace(outer / "a" / "inner")
    (inner / "pki" / "deep").mkdir()

    assert manifest.find_root(inner / "pki" / "deep") == inner
    assert manifest.find_root(outer / "a") == outer
    assert manifest.find_root(outer) == outer


def test_without_a_root_file_the_way_out_is_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "qpki.yaml").mkdir()

    with pytest.raises(StoreError, match=r"there is no qpki\.yaml in .* or above") as caught:
        manifest.find_root(tmp_path)
    assert caught.value.hint == "`qpki init DIRECTORY` makes a workspace"


def test_the_findings_of_all_files_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    found = refused(
        tmp_path,
        settings("horizn: 1d"),
        ca("root", "profile: ec/rootca\nvariables: {cn: R}\ncrl: {validity: 1d}"),
        credential("Web"),
        pki__b_dot_yaml="a: [",
        pki__a_dot_yaml=credential(issuer="rot"),
    )

    assert codes(found) == [
        ("pki/a.yaml:6:11", "ca.unknown"),
        ("pki/all.yaml:6:12", "profile.unknown"),
        ("pki/all.yaml:8:19", "crl.always-due"),
        ("pki/all.yaml:12:18", "schema.pattern"),
        ("pki/b.yaml:2:1", "yaml.syntax"),
        ("qpki.yaml:6:3", "schema.unknown-key"),
    ]


def test_one_problem_is_the_error_and_several_are_counted(tmp_path: Path) -> None:
    one = refusal(workspace(tmp_path / "one", ca("Root")))
    two = refusal(workspace(tmp_path / "two", ca("Root"), ca("Root2")))
    more = refusal(workspace(tmp_path / "more", ca("Root"), pki__b_dot_yaml=ca("Root2")))

    assert one.message.startswith("pki/all.yaml:4:18: `metadata.name` must be")
    assert two.message == "2 problems in pki/all.yaml"
    assert more.message == "2 problems in 2 files"
    assert more.hint == "docs/manifests.md explains every field; `qpki validate` lists all problems again"


def test_a_finding_shows_its_line(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, ca("root", "profile: ec/root-ca\nvariables: {cn: R}\nisuer: x"))

    assert (found.snippet, found.hint) == ("  isuer: x", "did you mean `issuer`?")


@pytest.mark.parametrize("key", ["pin", "PIN", "pin_env", "passphrase", "passphraseEnv", "password", '"my_secret"'])
def test_a_line_that_could_hold_a_secret_is_not_shown(tmp_path: Path, key: str) -> None:
    found = refused(tmp_path, ca("root", f"profile: ec/root-ca\nvariables: {{cn: R}}\n{key}: hunter2"))

    assert [finding.snippet for finding in found] == [None]


@pytest.mark.parametrize(
    "where", [None, Location("gone.yaml", 1, 1), Location("qpki.yaml", 99, 1), Location("qpki.yaml")]
)
def test_a_line_that_is_not_there_is_not_shown(tmp_path: Path, where: Location | None) -> None:
    reading = Reading(workspace(tmp_path))
    reading.findings.append(Finding(Severity.ERROR, "a.b", "wrong", where))

    assert [finding.snippet for finding in reading.sorted_findings()] == [None]


def test_a_long_line_is_shown_in_part(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, ca("root", f"profile: ec/root-ca\nvariables: {{cn: R}}\nisuer: {'x' * 500}"))

    assert found.snippet == f"  isuer: {'x' * 500}"[:200]


def test_warnings_come_with_the_manifest_and_with_a_refusal(tmp_path: Path) -> None:
    warned = settings("include: [pki/*.yaml, none/*.yaml]")
    good = load(tmp_path / "good", warned, ca())
    bad = refused(tmp_path / "bad", warned, ca("Root"))

    assert [finding.severity for finding in good.warnings] == [Severity.WARNING]
    assert [finding.severity for finding in bad] == [Severity.ERROR, Severity.WARNING]


def test_the_digest_is_of_what_was_read_and_of_the_profiles_used(tmp_path: Path) -> None:
    files = {"web_dot_csr": "csr", "profiles__x_dot_yaml": "algorithm: ecdsa-p256\nvalidity: 1d\nsubject: {cn: x}\n"}
    hsm = "type: pkcs11\npkcs11: {lib: /x.so, token: T}\n"
    more = "key: {hsm: hsm/x.yaml}"
    documents = (ca(), credential(more="csr: web.csr"), credential("b", more=more))

    def digest(name: str, *given: str, **changed: str) -> str:
        return load(tmp_path / name, *given, **{**files, "hsm__x_dot_yaml": hsm, **changed}).digest

    first = digest("first", *documents)
    assert first == digest("again", *documents, README_dot_md="not read", state__x="nor this")
    assert len(first) == 64
    others = [
        digest("manifest", ca(spec="profile: ec/root-ca\nvariables: {cn: R2}"), *documents[1:]),
        digest("csr", *documents, web_dot_csr="other"),
        digest("profile", *documents, profiles__x_dot_yaml=files["profiles__x_dot_yaml"].replace("1d", "2d")),
        digest("hsm", *documents, hsm__x_dot_yaml=hsm.replace("T}", "U}")),
        digest("new", *documents, pki__b_dot_yaml="# only a comment\n"),
    ]
    assert len({first, *others}) == 6


def test_the_digest_covers_profiles_that_no_file_of_the_workspace_holds(tmp_path: Path) -> None:
    """Another release can have a builtin profile otherwise: what was approved with this one is stale then."""
    found = load(tmp_path, ca())
    covered = {f"profile:{name}": digest for name, digest in found.profile_digests.items()}
    for name in ("qpki.yaml", "pki/all.yaml"):
        covered[name] = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(covered.items()))

    assert "profile:ec/root-ca" in covered
    assert found.digest == hashlib.sha256(lines.encode()).hexdigest()


def test_a_renamed_file_is_another_digest(tmp_path: Path) -> None:
    one = load(tmp_path / "one", pki__a_dot_yaml=ca())
    other = load(tmp_path / "other", pki__b_dot_yaml=ca())

    assert one.digest != other.digest


def test_two_loads_of_the_same_files_are_equal(tmp_path: Path) -> None:
    files = {"dev_dot_csv": "name\na\nb\n"}
    fleet = document(
        "CredentialSet",
        "dev",
        "template: {issuer: root, profile: ec/tls-client, variables: {cn: x}}\nmembersFrom: dev.csv",
    )
    here = load(tmp_path / "here", ca(), credential(), fleet, **files)
    there = load(tmp_path / "elsewhere" / "deep", ca(), credential(), fleet, **files)

    assert here == there


def test_a_load_of_sound_files_does_not_need_jsonschema_or_a_graph(tmp_path: Path) -> None:
    root = workspace(tmp_path, ca(), credential())
    code = (
        "import sys; from pathlib import Path; from reconciler import manifest; manifest.load(Path(sys.argv[1]));"
        "print({'jsonschema', 'networkx', 'deepdiff', 'pkcs11', 'click'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, root], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_every_file_of_resources_or_members_is_opened_once(tmp_path: Path) -> None:
    template = "template: {issuer: root, profile: ec/tls-client, variables: {cn: x}}"
    root = workspace(
        tmp_path,
        settings("include: [pki/all.yaml, pki/*.yaml]"),
        ca(),
        document("CredentialSet", "dev", f"{template}\nmembersFrom: dev.csv"),
        document("CredentialSet", "lab", f"{template}\nmembersFrom: lab.jsonl"),
        dev_dot_csv="name\na\n",
        lab_dot_jsonl='{"name": "b"}\n',
    )
    code = (
        "import sys; from pathlib import Path; from reconciler import manifest; root = Path(sys.argv[1]); seen = [];"
        "sys.addaudithook(lambda event, given: event == 'open' and seen.append(str(given[0])));"
        "manifest.load(root); print(*sorted(path for path in seen if path.startswith(str(root))), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, root], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [
        str(root / name) for name in ("dev.csv", "lab.jsonl", "pki/all.yaml", "qpki.yaml")
    ]


def test_ten_thousand_documents_load(tmp_path: Path) -> None:
    found = load(tmp_path, ca(), "".join(credential(f"c{n}") for n in range(10_000)))

    assert len(found.credentials) == 10_000
    assert found.credentials["c9999"].where.line == 7 + 9_999 * 8 + 2


def test_what_the_schema_refuses_hides_nothing_else_in_its_document(tmp_path: Path) -> None:
    variables = "{cn: {a: b}, dns_nmes: [a.example.com], ip_addresses: [300.1.1.1]}"
    spec = f"issuer: root\nprofile: ec/tls-server\nrenewl: x\ncsr: none.csr\nvariables: {variables}"

    found = refused(tmp_path, ca(), document("Credential", "web", spec))

    assert sorted(finding.code for finding in found) == [
        "path.missing",
        "schema.type",
        "schema.unknown-key",
        "variable.refused",
        "variable.unknown",
    ]
