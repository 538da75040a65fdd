"""What a killed or failed run did is in the audit log in the end, however much of the log was lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pki.store.journal import Intent, Journal
from pki.store.layout import CaLayout
from pki.x509.crls import parse_crl
from tests.support.audits import audited
from tests.support.cli import Cli
from tests.support.single import SINGLE
from tests.support.workspaces import NOW, Home, assert_converged

REVOKED = SINGLE.replace(
    "dns_names: [www.example.com]}", "dns_names: [www.example.com]}\n  revoked: {reason: superseded}"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.make(tmp_path / "home", SINGLE)
    home.applied("--parallelism", 1)
    return home


def kill_after(home: Home, lines: int = 1) -> None:
    """Leave the last run's log as if it had been killed after it wrote so many lines."""
    path = home.directory / "state" / "audit.jsonl"
    written = path.read_text().splitlines(keepends=True)
    start = max(number for number, line in enumerate(written) if '"event":"apply-started"' in line)
    path.write_text("".join(written[: start + lines]))


def facts(entries: list[dict[str, Any]], event: str) -> list[tuple[Any, ...]]:
    told = ("address", "serial", "number", "issuer", "reason", "path", "spki_sha256")
    return sorted(tuple(str(entry.get(name)) for name in told) for entry in entries if entry["event"] == event)


@pytest.mark.parametrize("lines", range(1, 10))
def test_wherever_a_first_run_dies_all_that_it_did_is_told_once(home: Home, lines: int) -> None:
    complete = audited(home.directory)
    kill_after(home, lines)
    home.applied()
    entries = audited(home.directory)
    for event in ("key-generated", "certificate-issued", "crl-signed"):
        assert facts(entries, event) == facts(complete, event)
    assert [entry.get("recovered", False) for entry in entries[:-1]] == [False] * lines + [True] * (
        len(entries) - lines - 1
    )
    assert_converged(home)


def test_a_revocation_and_its_crl_are_told(home: Home) -> None:
    home.declare(REVOKED)
    home.applied()
    complete = audited(home.directory)
    kill_after(home)
    home.applied()
    entries = audited(home.directory)
    assert facts(entries, "certificate-revoked") == facts(complete, "certificate-revoked")
    assert facts(entries, "crl-signed") == facts(complete, "crl-signed")


def test_a_crl_that_was_signed_and_never_published_is_told_by_its_number(home: Home) -> None:
    layout = CaLayout(home.directory / "state/ca/root")
    number = (parse_crl(layout.crl_der.read_bytes()).number or 0) + 7
    Journal(layout.journal).intend([Intent(kind="crl", serial=number, tbs_sha256="0" * 64, at=NOW)])
    kill_after(home)
    home.applied()
    (told,) = [entry for entry in audited(home.directory) if entry.get("published") is False]
    assert (told["event"], told["address"], told["number"]) == ("crl-signed", "crl/root", str(number))


def test_what_was_done_by_hand_is_told_without_an_address(home: Home) -> None:
    cli, ca = Cli(), home.directory / "state/ca/issuing"
    words = ("cert", "issue", "--ca-dir", ca, "--profile", "ec/tls-client", "--var", "cn=by-hand")
    csr = home.directory / "by-hand.csr"
    cli.ok("csr", "gen", "--keyout", home.directory / "by-hand.key", "--cn", "by-hand", "--out", csr)
    cli.ok(*words, "--csr", csr, "--out", home.directory / "by-hand.pem")
    cli.ok("cert", "revoke", "1001", "--ca-dir", ca, "--reason", "superseded")
    kill_after(home)
    home.applied()
    by_hand = [entry for entry in audited(home.directory) if entry.get("serial") == "0x1001"]
    assert [(entry["event"], entry.get("address")) for entry in by_hand] == [
        ("certificate-issued", None),
        ("certificate-revoked", "ca/issuing"),
    ]


def test_a_damaged_ca_is_passed_over_and_the_others_are_told(home: Home) -> None:
    complete = audited(home.directory)
    kill_after(home)
    index = home.directory / "state/ca/issuing/index.txt"
    sound = index.read_bytes()
    index.write_text("nonsense\n")
    assert home.apply().exit_code == 4
    told = {entry.get("address") for entry in audited(home.directory)}
    assert "crl/root" in told
    assert "credential/web" not in {entry.get("address") for entry in audited(home.directory) if "serial" in entry}
    index.write_bytes(sound)
    kill_after(home)
    home.applied()
    assert facts(audited(home.directory), "certificate-issued") == facts(complete, "certificate-issued")


def test_a_failed_run_tells_at_its_end_what_the_failed_step_did(tmp_path: Path) -> None:
    """A certificate that was issued for a credential which then could not be written is issued, and revoked."""
    home = Home.make(tmp_path / "home", SINGLE)
    home.applied("--only", "ca/*", "--only", "crl/*")
    directory = home.directory / "state/credential/web"
    (directory / "cert.pem").mkdir(parents=True)
    assert home.apply().exit_code == 1
    told = [
        (entry["event"], entry.get("recovered"))
        for entry in audited(home.directory)
        if entry.get("address") == "credential/web"
    ]
    assert told == [("certificate-issued", True), ("certificate-revoked", True)]
    (directory / "cert.pem").rmdir()
    home.applied()
    assert_converged(home)


def test_an_imported_key_is_not_told_as_one_that_was_made(home: Home, tmp_path: Path) -> None:
    other = Home.make(
        tmp_path / "other",
        SINGLE.replace(
            "metadata: {name: test}", "metadata: {name: test}\nspec: {import: [{to: ca/root, from: old/root}]}"
        ),
    )
    shutil.copytree(home.directory / "state/ca/root", other.directory / "old/root")
    other.applied("--parallelism", 1)
    kill_after(other, 2)
    assert [entry["event"] for entry in audited(other.directory)] == ["apply-started", "adopted"]
    other.applied()
    made = [entry.get("address") for entry in audited(other.directory) if entry["event"] == "key-generated"]
    assert made == ["ca/issuing", "credential/web"]
