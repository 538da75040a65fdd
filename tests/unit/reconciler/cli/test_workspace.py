"""`qpki init` and `qpki validate`."""

import json

from tests.support.manifests import ca, credential, document, settings, workspace


def test_a_new_workspace_can_be_validated_at_once(cli, tmp_path):
    made = cli.ok("init", tmp_path / "my-pki")
    found = cli.ok("validate", "-C", tmp_path / "my-pki" / "pki")

    assert made.stdout.startswith(f"New workspace in {tmp_path}/my-pki:\n  qpki.yaml\n  pki/authorities.yaml\n")
    assert made.stdout.endswith(f"\nNext: `qpki plan --workspace {tmp_path}/my-pki`\n")
    assert found.stdout.startswith(
        "VALID: workspace my-pki\n"
        "  Resources: 2 CAs, 1 credential\n"
        "  Profiles:  ec/issuing-ca, ec/root-ca, ec/tls-server\n"
        "  Digest:    sha256:"
    )
    assert (made.stderr, found.stderr) == ("", "")


def test_init_says_in_json_what_it_wrote(cli, tmp_path):
    made = cli.ok("init", tmp_path, "-o", "json").json

    assert made["workspace"] == str(tmp_path)
    assert all((tmp_path / path).is_file() for path in made["files"])


def test_init_writes_over_nothing(cli, tmp_path):
    cli.ok("init", tmp_path)
    refused = cli.refused("init", tmp_path)

    assert refused.error.startswith(f"{tmp_path} has qpki.yaml and pki/authorities.yaml and ")
    assert refused.hint == "choose another directory; `qpki init` never writes over a file"


def test_validate_outside_a_workspace_says_how_to_make_one(cli, tmp_path):
    assert cli.refused("validate", "-C", tmp_path).hint == "`qpki init DIRECTORY` makes a workspace"


def test_validate_lists_every_problem_with_its_line_and_a_caret(cli, tmp_path):
    root = workspace(tmp_path, ca("root", "profile: ec/rootca\nvariables: {cn: R}"), credential(issuer="rot"))
    refused = cli.refused("validate", "-C", root)

    assert refused.stderr == (
        "pki/all.yaml:6:12: error: there is no profile `ec/rootca` [profile.unknown]\n"
        "  6 |   profile: ec/rootca\n"
        "    |            ^\n"
        "  did you mean `ec/root-ca`?\n"
        "pki/all.yaml:13:11: error: there is no CertificateAuthority `rot` [ca.unknown]\n"
        "  13 |   issuer: rot\n"
        "     |           ^\n"
        "  did you mean `root`?\n"
        "Error: 2 problems in pki/all.yaml\n"
        "Hint: docs/manifests.md explains every field; `qpki validate` lists all problems again\n"
    )


def test_validate_says_the_same_in_json(cli, tmp_path):
    root = workspace(tmp_path, settings("include: [pki/*.yaml, no/*.yaml]"), ca("root", "profile: ec/rootca"))
    refused = cli("validate", "-C", root, "-o", "json")

    assert (refused.exit_code, refused.stderr) == (1, "")
    assert json.loads(refused.stdout) == {
        "valid": False,
        "error_count": 1,
        "warning_count": 1,
        "diagnostics": [
            {
                "severity": "error",
                "code": "profile.unknown",
                "message": "there is no profile `ec/rootca`",
                "file": "pki/all.yaml",
                "line": 6,
                "column": 12,
                "snippet": "  profile: ec/rootca",
                "hint": "did you mean `ec/root-ca`?",
            },
            {
                "severity": "warning",
                "code": "workspace.include-empty",
                "message": "`include`: no/*.yaml matches no file",
                "file": "qpki.yaml",
                "line": 6,
                "column": 25,
                "snippet": "  include: [pki/*.yaml, no/*.yaml]",
                "hint": None,
            },
        ],
    }


def test_warnings_do_not_make_a_workspace_invalid(cli, tmp_path):
    profile = "algorithm: ecdsa-p256\nvalidity: 1d\nsubject: {cn: x}\n"
    files = {"profiles__ec__email_dot_yaml": profile, "pki__x_dot_yml": "not: read\n"}
    root = workspace(tmp_path, ca(), **files)
    text, facts = cli.ok("validate", "-C", root), cli.ok("validate", "-C", root, "-o", "json").json

    assert text.stderr.startswith("pki/x.yml: warning: nothing includes this file [workspace.not-included]\n")
    assert "  In place of builtins: ec/email\n" in text.stdout
    assert (facts["valid"], facts["warning_count"], facts["overridden"]) == (True, 1, ["ec/email"])
    assert facts["resources"] == {"cas": 1, "credentials": 0, "keys": 0, "policies": 0}


def test_validate_checks_what_a_plan_does_not_need(cli, tmp_path):
    root = workspace(tmp_path, ca(), profiles__x_dot_yaml="algorithm: none\n")

    assert "profiles/x.yaml:1:12" in cli.refused("validate", "-C", root).stderr


def test_a_tab_and_a_control_character_in_a_line_keep_the_caret_in_place(cli, tmp_path):
    root = workspace(tmp_path, ca("root", "profile:\tec/root-ca\nvariables: {cn: R}\nisuer: x\t"))
    (root / "pki" / "csv.yaml").write_text("kind: \x1b[31m\n")
    shown = cli.refused("validate", "-C", root).stderr

    assert "\x1b" not in shown
    assert "  8 |   isuer: x\n    |   ^\n" in shown


def test_policies_are_counted_as_english_does(cli, tmp_path):
    policy = document("Policy", "NAME", "rules: [{id: NAME, effect: deny, keyInHsm: true}]")
    one = workspace(tmp_path / "one", policy.replace("NAME", "a"))
    two = workspace(tmp_path / "two", policy.replace("NAME", "a"), policy.replace("NAME", "b"))
    none = workspace(tmp_path / "none")

    assert "  Resources: 1 policy\n" in cli.ok("validate", "-C", one).stdout
    assert "  Resources: 2 policies\n" in cli.ok("validate", "-C", two).stdout
    assert "  Resources: none\n" in cli.ok("validate", "-C", none).stdout
