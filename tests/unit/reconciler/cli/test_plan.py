"""`qpki plan`, `explain`, `graph`, `show` and `due` on the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import lock
from reconciler.cli.painting import painted
from tests.support.process import Site
from tests.support.workspaces import CAS, TWO_TIER, Home

NOTHING = "apiVersion: qpki.io/v1\nkind: Workspace\nmetadata: {name: empty}\n"
ENCRYPTED = TWO_TIER.replace("cn: Test Root CA}", "cn: Test Root CA}\n  key: {passphraseEnv: NOWHERE_SET}")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.make(tmp_path / "workspace")


@pytest.fixture
def empty(tmp_path: Path) -> Home:
    return Home.make(tmp_path / "empty", NOTHING)


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home.make(tmp_path_factory.mktemp("applied"))
    made.applied()
    return made


def ok(home: Home, command: str, *arguments: object) -> str:
    outcome = home.qpki(command, *arguments)
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.stdout


def refused(home: Home, command: str, *arguments: object) -> tuple[str, str]:
    outcome = home.qpki(command, *arguments)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    return outcome.error, outcome.hint


def test_a_plan_says_what_would_be_done_and_does_nothing(home):
    before = home.tree()
    shown = ok(home, "plan")

    assert shown.startswith("Plan: 3 to create, 2 to refresh.\n  digest ")
    assert "  # ca/root will be created: the manifest has it, state does not\n  + ca/root " in shown
    assert "\nNext due after this plan:\n  crl/issuing " in shown
    assert home.tree() == before


def test_the_same_files_and_time_give_the_same_bytes(home):
    for form in ("text", "json", "markdown"):
        first, second = (ok(home, "plan", "-o", form, "--now", "2026-11-23T09:00:00Z") for _ in range(2))

        assert first == second


def test_it_is_the_same_bytes_however_strings_are_hashed(home):
    """In every process strings are hashed in another way, and with them the order of a set is another."""
    roles = ("tls-client", "signing", "code-signing")
    keys = "".join(
        f"---\napiVersion: qpki.io/v1\nkind: Key\nmetadata: {{name: {role}}}\nspec: {{algorithm: ecdsa-p256}}\n"
        for role in roles
    )
    shared = ", ".join(f"{{resource: {role}}}" for role in roles)
    profiles = ", ".join(f"ec/{role}" for role in roles)
    web = f"{{issuer: issuing, variables: {{cn: Web}}, profiles: [{profiles}], keys: [{shared}]}}"
    home.declare(f"{CAS}---\napiVersion: qpki.io/v1\nkind: Credential\nmetadata: {{name: web}}\nspec: {web}\n{keys}")
    site = Site(home.directory)
    plans = {site.ok("plan -o json --now 2026-11-23T09:00:00Z", PYTHONHASHSEED=seed).stdout for seed in "0123"}

    (plan,) = plans
    (made,) = [each for each in json.loads(plan)["changes"] if each["address"] == "credential/web"]
    assert len(made["depends_on"]) == len(roles) + 1


def test_a_plan_that_changes_nothing_loads_nothing_that_issues(applied):
    """It is what a scheduler and every pull request runs: keys, lint and the machinery of issuance cost 26 ms."""
    script = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        "from reconciler.cli.main import main; main()"
    )
    words = ["plan", "-C", str(applied.directory), "--now", "2026-11-23T12:00:00Z", "--detailed-exitcode"]

    done = subprocess.run([sys.executable, "-P", "-c", script, *words], capture_output=True, text=True, check=True)

    loaded = set(done.stderr.split())
    assert "reconciler.plan.planner" in loaded
    assert loaded.isdisjoint(
        {"pki.authority", "pki.credentials", "pki.issuance", "pki.keys", "pki.x509.lint", "pkcs11"}
    )


@pytest.mark.parametrize("words", ["plan", "explain ca/root", "graph", "show", "due"])
def test_who_only_looks_takes_no_lock(home, words):
    """An apply can be at work, on another machine or for hours; nobody waits for it to see what it will leave."""
    with lock.exclusive(home.directory / "state", holder="bob@laptop"):
        ok(home, *words.split())


def test_a_plan_needs_no_secret(tmp_path):
    """A passphrase that is not set, as on the runner of a pull request."""
    shown = ok(Home.make(tmp_path, ENCRYPTED), "plan")

    assert "Apply will need:\n  variable NOWHERE_SET   passphrase of state/ca/root/private/" in shown


def test_nothing_to_do_is_said_first(applied):
    assert ok(applied, "plan").startswith("No changes. The PKI matches the manifests.\n")


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--detailed-exitcode"], 2)])
def test_changes_end_with_2_if_asked_for(home, arguments, code):
    assert home.qpki("plan", *arguments).exit_code == code


def test_no_changes_end_with_0_even_so(empty):
    assert empty.qpki("plan", "--detailed-exitcode").exit_code == 0


def test_a_saved_plan_is_what_json_shows(home):
    out = home.directory / "plan.json"
    outcome = home.qpki("plan", "--out", out, "-o", "json")

    assert outcome.exit_code == 0
    assert json.loads(out.read_bytes()) == outcome.json
    assert outcome.json["format_version"] == "1.0"
    assert outcome.json["tool"]["name"] == "qpki"
    assert outcome.stderr == (
        f"\nSaved to {out}. To do exactly this, and nothing if anything changed: qpki apply {out}\n"
        f"To hold another run to it: qpki apply --expect-digest {outcome.json['digest']}\n"
    )


def test_text_and_markdown_have_the_digest_that_approval_takes(home):
    digest = home.plan()["digest"]

    assert f"\n  digest {digest}\n  now 2026-11-23 12:00:00 UTC, horizon 1 day\n" in ok(home, "plan")
    assert f"\ndigest <code>{digest}</code><br>\n" in ok(home, "plan", "-o", "markdown")


def test_a_plan_can_look_not_ahead_at_all(home):
    assert home.qpki("plan", "--horizon", "0s", "-o", "json").json["horizon"] == "0s"
    assert ", horizon none\n" in ok(home, "plan", "--horizon", "0s")


def test_a_plan_replaces_a_plan_and_nothing_else(home):
    out = home.directory / "plan.json"
    ok(home, "plan", "--out", out, "--now", "2026-11-01T00:00:00Z")
    ok(home, "plan", "--out", out)

    assert json.loads(out.read_bytes())["now"] == "2026-11-23T12:00:00Z"
    manifest = home.directory / "qpki.yaml"
    before = manifest.read_bytes()
    error, _ = refused(home, "plan", "--out", manifest)
    assert error == f"invalid value for '--out': {str(manifest)!r} is there and is not a plan; choose another name"
    assert manifest.read_bytes() == before


def test_a_plan_of_a_newer_version_is_a_plan(home):
    out = home.directory / "plan.json"
    out.write_text('{"format_version": "2.0"}')
    ok(home, "plan", "--out", out)

    assert json.loads(out.read_bytes())["format_version"] == "1.0"


def test_markdown_is_a_comment_of_bounded_size(home):
    whole = ok(home, "plan", "-o", "markdown")
    short = ok(home, "plan", "-o", "markdown", "--max-bytes", "2000")

    assert whole.startswith("<!-- qpki-plan -->\n\n**Plan: 3 to create, 2 to refresh.**\n\n")
    assert len(short.encode()) <= 2000
    assert re.search(r"^\*\*\d changes? not shown\*\*", short, re.MULTILINE)


def test_a_selection_takes_along_what_it_depends_on(home):
    changes = home.changes("--only", "ca/issuing")

    assert changes == [
        ("ca/root", "create"), ("ca/issuing", "create"), ("crl/issuing", "refresh"), ("crl/root", "refresh"),
    ]  # fmt: skip
    shown = ok(home, "plan", "--only", "ca/issuing")
    assert "\n  only ca/issuing\n  taken along, because what was named depends on them: " in shown


def test_a_selection_leaves_out_what_it_excludes_and_replaces_what_it_names(applied, home):
    assert ("credential/web", "create") not in home.changes("--exclude", "credential/*")
    assert ("credential/web", "rekey") in applied.changes("--replace", "credential/web")


def test_a_later_time_or_a_longer_horizon_shows_what_will_be_due(applied):
    later = applied.changes("--only", "crl/root", "--now", "2026-11-28T00:00:00Z")

    assert later == [("crl/root", "refresh")]
    assert applied.changes("--only", "crl/root", "--now", "2026-11-25T00:00:00Z", "--horizon", "1h") == []
    assert applied.changes("--only", "crl/root", "--now", "2026-11-25T00:00:00Z", "--horizon", "3d") == later
    shown = ok(applied, "plan", "--only", "crl/root", "--now", "2026-11-28T00:00:00Z")
    assert "(2 days left, 64% elapsed)" in re.sub(r"\n  # +|\n# +", " ", shown)


def test_a_workspace_is_found_upwards(home):
    below = home.directory / "pki" / "deep"
    below.mkdir(parents=True)

    assert ok(Home(below), "plan").startswith("Plan: 3 to create")


def test_where_there_is_no_workspace_that_is_said(tmp_path):
    error, hint = refused(Home(tmp_path), "plan")

    assert "qpki.yaml" in error
    assert hint


def test_color_adds_nothing_to_the_words(home):
    plain = ok(home, "plan")
    home.env = {"NO_COLOR": "", "FORCE_COLOR": "1"}
    colored = ok(home, "plan")

    assert colored != plain
    assert ANSI.sub("", colored) == plain
    assert "  \x1b[32m+\x1b[0m ca/root" in colored


@pytest.mark.parametrize(
    ("line", "colored"),
    [
        ("Plan: 1 to create.", "\x1b[1mPlan:\x1b[0m 1 to create."),
        ("  # x will be created: y", "\x1b[1m  # x will be created: y\x1b[0m"),
        ("  ± credential/web", "  \x1b[35m±\x1b[0m credential/web"),
        ("      x  - DNS:a", "      x  \x1b[31m-\x1b[0m DNS:a"),
        ("         + DNS:b", "         \x1b[32m+\x1b[0m DNS:b"),
        ("      blocked  no", "      \x1b[31m\x1b[1mblocked\x1b[0m  no"),
        ("  warning: no", "  \x1b[33m\x1b[1mwarning\x1b[0m: no"),
        ("      subject  CN=a - b", "      subject  CN=a - b"),
        ("  ca/root", "  ca/root"),
    ],
)
def test_a_line_is_colored_by_what_it_begins_with(line, colored):
    assert painted(line) == colored


def test_explain_tells_of_one_resource(applied):
    shown = ok(applied, "explain", "credential/web")

    assert shown.startswith("credential/web\n  Declared: qpki.yaml:20:1\n  Subject:  CN=www.example.com\n")
    assert "\nGeneration 1, current, in state/credential/web:\n" in shown
    assert "\nNow: nothing is planned.\n\nNext:\n  credential/web   renewal   " in shown
    assert json.loads(ok(applied, "explain", "ca/root", "-o", "json"))["dependents"] == ["ca/issuing", "crl/root"]


def test_an_unknown_address_has_a_suggestion(home):
    assert refused(home, "explain", "ca/isuing") == ("there is no 'ca/isuing'", "did you mean `ca/issuing`?")
    assert refused(home, "show", "ca/isuing") == ("there is no 'ca/isuing'", "did you mean `ca/issuing`?")


def test_show_is_the_state_as_a_table(home, applied):
    assert re.findall(r"^(\S+) +(\w+) ", ok(home, "show"), re.MULTILINE)[1:-1] == [
        (address, "absent") for address in ("ca/issuing", "ca/root", "credential/web", "crl/issuing", "crl/root")
    ]
    found = json.loads(ok(applied, "show", "-o", "json"))["resources"]
    assert {each["address"]: each["status"] for each in found} == {
        "ca/issuing": "valid",
        "ca/root": "valid",
        "credential/web": "valid",
        "crl/issuing": "current",
        "crl/root": "current",
    }


def test_show_as_of_a_later_time(applied):
    found = json.loads(ok(applied, "show", "crl/root", "-o", "json", "--now", "2027-06-01T00:00:00Z"))

    assert found["status"] == "expired"
    assert ok(applied, "show", "credential/web").startswith("Address:    credential/web\nStatus:     valid\n")


def test_graph_is_mermaid_dot_or_json(home):
    assert ok(home, "graph").startswith('flowchart TD\n  n0["+ ca/root"]\n')
    assert ok(home, "graph", "-o", "dot").startswith("digraph qpki {\n")
    assert {"from": "n0", "to": "n1"} in json.loads(ok(home, "graph", "-o", "json"))["edges"]


def test_due_lists_what_waits_and_what_comes(applied):
    assert [line.split()[:2] for line in ok(applied, "due").splitlines()[1:3]] == [
        ["crl/issuing", "refresh"],
        ["crl/root", "refresh"],
    ]
    facts = json.loads(ok(applied, "due", "--within", "1d", "--now", "2026-11-29T00:00:00Z", "-o", "json"))
    assert [due["address"] for due in facts["due_now"]] == ["crl/issuing", "crl/root"]
    assert facts["due_soon"] == []
