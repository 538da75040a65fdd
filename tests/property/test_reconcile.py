"""Laws of plan and apply, over workspaces that nobody thought of."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.workspaces import Home, assert_accounted_for, assert_converged

NAMES = st.from_regex("[a-z]([a-z0-9]{0,5})", fullmatch=True)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _document(kind: str, name: str, spec: dict[str, object]) -> str:
    return json.dumps({"apiVersion": "qpki.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """One to three CAs under one another or not, up to four credentials, and settings of every kind."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    documents = [_document("Workspace", "any", {"horizon": draw(st.sampled_from(["1h", "24h"]))})]
    for position, name in enumerate(names):
        above = draw(st.sampled_from([None, *names[:position]])) if position else None
        above = None if above and above != names[0] else above  # an issuing CA signs no CA
        spec: dict[str, object] = {
            "profile": "ec/issuing-ca" if above else "ec/root-ca",
            "variables": {"cn": f"CA {name}"},
            "crl": {"validity": draw(st.sampled_from(["7d", "30d"])), "refreshBefore": "2d"},
            "onIssuerRekey": draw(st.sampled_from(["reissue", "at-renewal", "keep"])),
        }
        documents.append(_document("CertificateAuthority", name, spec | ({"issuer": above} if above else {})))
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        spec = {
            "issuer": draw(st.sampled_from(names)),
            "profiles": draw(st.sampled_from([["ec/tls-client"], ["ec/tls-client", "ec/signing"]])),
            "variables": {"cn": name},
            "key": {"rotation": draw(st.sampled_from(["always", "never"]))},
        }
        documents.append(_document("Credential", name, spec))
    return "\n---\n".join(documents) + "\n"


def fresh(text: str) -> Home:
    return Home.make(Path(tempfile.mkdtemp(prefix="reconcile")), text)


@FEW
@given(manifests(), st.integers(min_value=1, max_value=800))
def test_apply_converges_whenever_it_is_run(text: str, days: int) -> None:
    """After an apply nothing is left to do, now and at any later time; a second apply writes not one byte."""
    home = fresh(text)
    try:
        home.applied()
        assert_converged(home)
        home.now += timedelta(days=days)
        home.applied()
        assert_converged(home)
        assert_accounted_for(home)
    finally:
        shutil.rmtree(home.directory)


@FEW
@given(manifests())
def test_same_inputs_same_bytes(text: str) -> None:
    """A plan is a function of the files and the time: the same bytes again, and nothing was written."""
    home = fresh(text)
    try:
        before = home.tree()
        once, again = (home.qpki("plan", "-o", "json").stdout for _ in range(2))
        assert once == again
        assert home.tree() == before
    finally:
        shutil.rmtree(home.directory)


@FEW
@given(manifests())
def test_a_plan_is_in_order(text: str) -> None:
    """No change stands before one that it depends on."""
    home = fresh(text)
    try:
        seen: set[str] = set()
        changes = home.plan()["changes"]
        planned = {change["address"] for change in changes}
        for change in changes:
            assert set(change.get("depends_on", ())) & planned <= seen
            seen.add(change["address"])
    finally:
        shutil.rmtree(home.directory)


BASE = """\
apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: merge}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: root}
spec: {profile: ec/root-ca, variables: {cn: Merge Root CA}}
"""


def credential(name: str) -> str:
    return _document("Credential", name, {"issuer": "root", "profiles": ["ec/tls-client"], "variables": {"cn": name}})


def git(home: Home, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=home.directory, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(FEW, max_examples=6)
@given(st.lists(NAMES, min_size=2, max_size=6, unique=True), st.data())
def test_branches_that_both_issue_merge(names: list[str], data: st.DataObject) -> None:
    """Two branches that each issue merge without conflict, and then plan clean but for CRLs that want a refresh.

    No serial is used twice.
    """
    split = data.draw(st.integers(min_value=1, max_value=len(names) - 1))
    home = fresh(BASE)
    try:
        (home.directory / ".gitattributes").write_text("state/**/index.txt merge=union\nstate/**/*.jsonl merge=union\n")
        home.applied()
        git(home, "init", "-q", "-b", "main")
        git(home, "add", "-A")
        git(home, "commit", "-qm", "base")
        for branch, mine in (("left", names[:split]), ("right", names[split:])):
            git(home, "checkout", "-q", "-b", branch, "main")
            (home.directory / "pki").mkdir(exist_ok=True)
            for name in mine:
                (home.directory / "pki" / f"{name}.yaml").write_text(credential(name))
            home.applied()
            git(home, "add", "-A")
            git(home, "commit", "-qm", branch)
        git(home, "merge", "-q", "--no-edit", "left")

        assert {address for address, _ in home.changes()} <= {"crl/root"}
        home.applied()
        assert_converged(home)
        assert_accounted_for(home)
        serials = [
            line.split("\t")[3] for line in (home.directory / "state/ca/root/index.txt").read_text().splitlines()
        ]
        assert len(serials) == len(set(serials)) == len(names)
    finally:
        shutil.rmtree(home.directory)
