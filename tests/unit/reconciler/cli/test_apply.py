"""`qpki apply` on a terminal: what is asked, and what an answer does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import lock
from tests.support.audits import audited
from tests.support.process import Site, Terminal, contents
from tests.support.single import ROOTS

PROMPT = "Only `yes` begins"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "qpki.yaml").write_text(ROOTS)
    return Site(tmp_path)


def answered(site: Site, keys: str, command: str = "apply"):
    with Terminal.open() as terminal:
        return terminal.run(site, command, PROMPT, keys)


def test_yes_begins_after_the_plan_was_shown(site: Site) -> None:
    done = answered(site, "yes\n")
    assert done.exit_code == 0
    assert done.stdout.index("Plan: 2 to create") < done.stdout.index("Applied: 4 done.")
    assert "ca/one: creating..." in done.stderr
    assert "ca/one: done (" in done.stderr


@pytest.mark.parametrize("answer", ["y", "", "YES", "no", " yes please"])
def test_no_other_word_begins(site: Site, answer: str) -> None:
    before = contents(site.directory)
    refused = answered(site, f"{answer}\n")
    assert refused.exit_code == 1
    assert refused.error == "nothing was done: it was not confirmed"
    assert contents(site.directory) == before


def test_no_answer_at_all_ends_it_on_a_line_of_its_own(site: Site) -> None:
    before = contents(site.directory)
    ended = answered(site, "\x04")  # Ctrl-D
    assert ended.exit_code == 130
    assert "\nError: interrupted\n" in ended.stderr
    assert contents(site.directory) == before


def test_yes_is_said_to_what_was_shown_and_to_nothing_else(site: Site) -> None:
    """Somebody edits the manifest while the question stands: what would be done now was never seen."""

    class Meanwhile(Terminal):
        def _read_until(self, prompt: str, process: subprocess.Popen[bytes]) -> None:
            super()._read_until(prompt, process)
            manifest = site / "qpki.yaml"
            manifest.write_text(manifest.read_text().replace("cn: One", "cn: Another"))

    with Meanwhile.open() as terminal:
        refused = terminal.run(site, "apply", PROMPT, "yes\n")
    assert refused.exit_code == 5
    assert "the manifests, or files that they name, have changed" in refused.stderr
    assert not (site / "state/ca").exists()


def test_a_fleet_is_shown_as_the_plan_shows_it(site: Site) -> None:
    """Whoever is asked sees what a reviewer of `qpki plan` saw, not a page for each member."""
    members = ", ".join(f"{{name: d{number}}}" for number in range(20))
    with (site / "qpki.yaml").open("a") as file:
        file.write(
            f"---\napiVersion: qpki.io/v1\nkind: CredentialSet\nmetadata: {{name: dev}}\nspec:\n"
            "  template: {issuer: one, profiles: [ec/tls-client], variables: {cn: '{{ name }}'}}\n"
            f"  members: [{members}]\n"
        )
    shown = site.ok("plan --now 2026-11-23T12:00:00Z").stdout
    assert "and 19 more of dev" in shown
    done = site.ok("apply --auto-approve --now 2026-11-23T12:00:00Z").stdout
    assert done.startswith(shown)


def test_quiet_drops_progress(site: Site) -> None:
    assert "creating..." not in answered(site, "yes\n", "--quiet apply").stderr


def test_with_json_the_plan_to_confirm_is_shown_beside_the_result(site: Site) -> None:
    done = answered(site, "yes\n", "apply -o json")
    assert "Plan: 2 to create" in done.stderr
    assert done.json["counts"] == {"done": 4}


def test_in_a_git_repository_the_commit_is_logged(site: Site) -> None:
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=site.directory, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=site.directory, check=True, capture_output=True, text=True)
    site.ok("apply --auto-approve")
    assert audited(site.directory)[0]["commit"] == head.stdout.strip()


@pytest.mark.parametrize(
    ("env", "actor"),
    [
        ({"QPKI_ACTOR": "alice", "GITHUB_ACTOR": "bob"}, "alice"),
        ({"GITHUB_ACTOR": "bob", "GITLAB_USER_LOGIN": "carol"}, "bob"),
        ({"GITLAB_USER_LOGIN": "carol"}, "carol"),
        ({"LOGNAME": "dave"}, "dave"),
    ],
)
def test_the_actor_is_who_the_environment_says(site: Site, env: dict[str, str], actor: str) -> None:
    site.ok("apply --auto-approve", **{"QPKI_ACTOR": None, "GITHUB_ACTOR": None, "GITLAB_USER_LOGIN": None, **env})
    assert audited(site.directory)[0]["actor"] == actor


def test_debug_shows_where_a_step_failed(site: Site) -> None:
    text = (site / "qpki.yaml").read_text()
    (site / "qpki.yaml").write_text(
        text.replace("variables: {cn: One}", "variables: {cn: One}\n  key: {passphraseEnv: F_PASS}")
    )
    assert "Traceback" not in site.run("apply --auto-approve", F_PASS=None).stderr
    assert "SecretError" in site.run("--debug apply --auto-approve", F_PASS=None).stderr


def waiting(site: Site, *options: str) -> subprocess.Popen[str]:
    """Start an apply that waits for the lock; it has shown its plan when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "reconciler", "apply", "--auto-approve", "--lock-timeout", "2m", *options],
        cwd=site.directory,
        env=site.environment({}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "Plan: 2 to create" in process.stdout.readline()
    return process


def test_who_waits_for_the_lock_goes_on_when_it_is_free(site: Site) -> None:
    """Another process holds it until it is told to let go, which is when this one is known to wait."""
    with lock.exclusive(site / "state", holder="bob@laptop"):
        process = waiting(site)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Applied: 4 done." in rest


@pytest.mark.parametrize(("approved", "code"), [(["plan.json"], 5), (["--expect-digest={digest}"], 5), ([], 0)])
def test_what_was_approved_is_held_to_under_the_lock(site: Site, approved: list[str], code: int) -> None:
    """The manifest changes while it waits: another plan is made only where none was approved."""
    digest = site.ok("plan --out plan.json -o json").json["digest"]
    with lock.exclusive(site / "state", holder="bob@laptop"):
        process = waiting(site, *(each.format(digest=digest) for each in approved))
        manifest = site / "qpki.yaml"
        manifest.write_text(manifest.read_text().replace("cn: One", "cn: Another"))
    _, told = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert ("the plan is stale" in told) is (code == 5)
    assert (site / "state/ca").exists() is (code == 0)


def test_a_user_without_a_name_is_a_number() -> None:
    """As in a container that runs as any number."""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody without a name")
    script = "from reconciler.cli.apply import _user; print(_user())"
    env = {name: value for name, value in os.environ.items() if name not in {"LOGNAME", "USER", "LNAME", "USERNAME"}}
    found = subprocess.run(
        [sys.executable, "-c", f"import os, reconciler.cli.apply; os.setuid(54321)\n{script}"],
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout == "54321\n"
