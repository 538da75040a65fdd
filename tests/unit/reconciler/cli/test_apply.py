"""`qpki apply` on a terminal: what is asked, and what an answer does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.audits import audited
from tests.support.process import Site, Terminal, contents
from tests.unit.reconciler.cli.test_stopping import ROOTS

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


def test_quiet_drops_progress(site: Site) -> None:
    assert "creating..." not in answered(site, "yes\n", "--quiet apply").stderr


def test_with_json_the_plan_to_confirm_is_shown_beside_the_result(site: Site) -> None:
    done = answered(site, "yes\n", "apply -o json")
    assert "Plan: 2 to create" in done.stderr
    assert done.json["counts"] == {"done": 4}


def test_in_a_git_repository_the_commit_is_logged(site: Site) -> None:
    import subprocess

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
