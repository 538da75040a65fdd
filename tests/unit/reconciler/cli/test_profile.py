import json

import pytest

OWN = """\
name: own/server
description: Servers of Example
algorithm: ecdsa-p256
subject: {cn: "{{ cn }}", ou: "{{ note }}"}
validity: 90d
variables:
  cn: {type: dns_name, required: true, description: The host, constraints: {allowed_suffixes: [example.com]}}
  note: {type: string, default: "x", enum: [x, y]}
extensions:
  keyUsage: {critical: true, values: [digitalSignature]}
  extKeyUsage: {values: [serverAuth]}
  subjectAltName: {dns: "{{ cn }}"}
"""


@pytest.fixture
def own(tmp_path):
    """A directory with a profile of one's own in it."""
    path = tmp_path / "profiles" / "own" / "server.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(OWN)
    return path


def test_list_shows_builtins_and_own_profiles(cli, own):
    listed = cli.ok("profile", "list", "--dir", own.parents[1]).stdout
    facts = cli.ok("profile", "list", "-o", "json").json["profiles"]

    assert "\nec/tls-server" in listed
    assert "\nown/server" in listed
    assert f"\nTotal: {len(facts) + 1} profiles\n" in listed
    assert {"name", "algorithm", "description", "ca", "source"} == facts[0].keys()


def test_show_prints_the_yaml_as_it_stands(cli, own):
    assert cli.ok("profile", "show", "own/server", "--dir", own.parents[1]).stdout == OWN
    assert cli.ok("profile", "show", own).stdout == OWN


def test_show_in_json_is_what_was_understood(cli, own):
    facts = cli.ok("profile", "show", own, "-o", "json").json

    assert facts["validity"] == "90d"
    assert facts["extensions"]["extKeyUsage"]["values"] == ["serverAuth"]
    assert facts["variables"][0] == {
        "name": "cn",
        "type": "dns_name",
        "required": True,
        "default": None,
        "description": "The host",
        "limits": {"allowed_suffixes": ["example.com"]},
    }


def test_vars_lists_the_variables_with_their_limits(cli, own):
    assert cli.ok("profile", "vars", own).stdout == (
        "NAME  TYPE      REQUIRED  DEFAULT  DESCRIPTION\n"
        "cn    dns_name  yes       -        The host [allowed suffixes example.com]\n"
        "note  string    no        x        [enum x, y]\n"
    )


def test_export_copies_the_yaml_to_a_file_or_stdout(cli, tmp_path):
    text = cli.ok("profile", "export", "ec/tls-server").stdout
    written = cli.ok("profile", "export", "ec/tls-server", "--out", tmp_path / "mine.yaml")

    assert (tmp_path / "mine.yaml").read_text() == text
    assert written.stdout == ""
    assert cli.ok("profile", "lint", tmp_path / "mine.yaml").stdout.startswith("VALID: ")


def test_export_copies_all_of_them(cli, tmp_path):
    export = ("profile", "export", "--all", tmp_path / "copies")
    cli.ok(*export)
    copies = list((tmp_path / "copies").rglob("*.yaml"))
    names = {entry["name"] for entry in cli.ok("profile", "list", "-o", "json").json["profiles"]}

    assert {path.relative_to(tmp_path / "copies").with_suffix("").as_posix() for path in copies} == names
    assert cli.ok("profile", "lint", *copies).stdout.count("VALID: ") == len(names)
    assert "exists" in cli.refused(*export).error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which profile?"),
        (["ec/root-ca", "--all", "x"], "NAME and --all exclude each other"),
        (["--out", "x.yaml", "--all", "x"], "--out and --all exclude each other"),
    ],
)
def test_export_is_of_one_or_of_all(cli, arguments, message):
    assert message in cli.refused("profile", "export", *arguments).error


def test_every_builtin_is_shown_understood_and_its_variables_listed(cli):
    for entry in cli.ok("profile", "list", "-o", "json").json["profiles"]:
        assert cli.ok("profile", "show", entry["name"]).stdout
        assert json.dumps(cli.ok("profile", "show", entry["name"], "-o", "json").json)
        assert cli.ok("profile", "vars", entry["name"]).stdout.startswith("NAME")


def test_lint_lists_every_problem_with_its_place(cli, own):
    own.write_text(OWN.replace("serverAuth", "serverAuht").replace("validity:", "validty:"))
    refused = cli.refused("profile", "lint", own)

    assert f"{own}:5:1: error:" in refused.stderr
    assert "did you mean `validity`?" in refused.stderr
    assert "serverAuht" in refused.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "error"),
        ("name: x\nname: y\n", "given twice"),
        ("- list", "a mapping"),
        ("a: &a [x]\nb: [" + ", ".join(["*a"] * 10) + "]\n", "error"),
        ("x: " + "[" * 200 + "]" * 200, "error"),
        ("\x00", "error"),
    ],
    ids=["syntax", "duplicate key", "no mapping", "unknown keys", "depth", "NUL"],
)
def test_lint_of_bad_yaml_gives_findings_and_never_a_traceback(cli, own, text, message):
    own.write_text(text)
    refused = cli.refused("profile", "lint", own)

    assert str(own) in refused.stderr
    assert message in refused.stderr.lower()


def test_an_unknown_profile_gets_a_suggestion(cli):
    refused = cli.refused("profile", "show", "ec/tls-sever")

    assert refused.error == "there is no profile 'ec/tls-sever'"
    assert "ec/tls-server" in refused.hint


def test_a_name_outside_the_profiles_suffixes_is_refused(cli, own, tmp_path):
    ca = ("--ca-dir", tmp_path / "ca")
    cli.ok("ca", "init", "-P", "ec/root-ca", "--var", "cn=R", *ca)
    csr = tmp_path / "x.csr"
    names = ("--cn", "www.evil.org", "--dns", "www.evil.org")
    cli.ok("csr", "gen", "--keyout", tmp_path / "x.key", *names, "--out", csr)
    refused = cli.refused("cert", "issue", *ca, "-P", own, "--csr", csr)

    assert "evil.org" in refused.stderr
    assert not list((tmp_path / "ca" / "certs").iterdir())
