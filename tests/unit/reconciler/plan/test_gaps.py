"""A plan does not say "no changes" when an issuer has lost what it needs to revoke what is on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pki.findings import Severity
from reconciler.model import Action, Address, Kind
from reconciler.plan.explain import explain
from reconciler.plan.gaps import judged
from reconciler.snapshot import Gap, Lack
from tests.support.desired import ca, credential
from tests.support.planning import Bench, bench
from tests.support.plans import NOW

WEB = Address(Kind.CREDENTIAL, "web")
ROOT = Address(Kind.CA, "root")
INDEX = "state/ca/root/index.txt"


def lacking(*gaps: Gap) -> Bench:
    found = bench(ca("root"), credential("web", issuer="root"))
    found.snapshot = replace(found.snapshot, gaps=gaps)
    return found


def gap(lack: Lack, path: str = INDEX, serial: int = 0xAB, *, days: int = 30) -> Gap:
    return Gap(lack, path, serial, WEB, NOW + timedelta(days=days))


def test_a_lost_row_is_damage_of_its_ca():
    found = lacking(gap(Lack.ROW), gap(Lack.ROW, serial=0xCD))

    changes = {change.address: change for change in found.plan().changes}

    (finding,) = changes[ROOT].blocked
    assert changes[ROOT].action is Action.UPDATE
    assert finding.severity is Severity.ERROR
    assert finding.message == f"{INDEX} has lost certificate AB of credential/web and 1 more, which this CA issued"
    assert finding.hint == "restore the file from git or a backup"


def test_explain_says_it_too():
    found = lacking(gap(Lack.ROW))

    told = explain(ROOT, found.manifest, found.snapshot, found.plan())

    assert told.damaged is not None
    assert told.damaged.message == f"{INDEX} has lost certificate AB of credential/web, which this CA issued"


def test_a_forgotten_ca_is_damaged_like_another():
    found = lacking(gap(Lack.ROW)).snapshot
    forgotten = replace(found, cas={}, forgotten={ROOT: found.cas["root"]})

    seen = judged(forgotten, NOW)

    assert (seen.forgotten, list(seen.damaged)) == ({}, ["ca/root"])


@pytest.mark.parametrize("lack", Lack)
def test_of_a_certificate_that_has_expired_nothing_is_said(lack):
    plan = lacking(gap(lack, days=0)).plan()

    assert (plan.changes, plan.warnings) == ((), ())


@pytest.mark.parametrize(
    ("gaps", "message"),
    [
        (
            [gap(Lack.ORIGIN)],
            f"{INDEX} does not have certificate AB of credential/web, and nothing shows that it was issued there",
        ),
        (
            [gap(Lack.FILE, "state/ca/root/certs/AB.crt")],
            "state/ca/root/certs/AB.crt is missing: the certificate of credential/web, valid until ",
        ),
        (
            [gap(Lack.FILE, "state/ca/root/certs/AB.crt"), gap(Lack.FILE, "state/ca/root/certs/CD.crt", 0xCD)],
            "state/ca/root/certs/AB.crt is missing, and 1 more beside it: the certificate of credential/web",
        ),
    ],
)
def test_what_stops_nothing_is_a_warning_for_each_ca(gaps, message):
    plan = lacking(*gaps).plan()

    (warning,) = plan.warnings
    assert plan.changes == ()
    assert warning.severity is Severity.WARNING
    assert warning.message.startswith(message)
    assert "restore the file from git" in warning.hint
