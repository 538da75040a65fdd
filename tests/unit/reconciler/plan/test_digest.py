"""What the digest of a plan binds, and what it does not."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from pki.findings import Finding, Location, Severity
from reconciler.model import Action, Address
from reconciler.plan.digest import canonical, plan_digest
from reconciler.plan.model import Change, Due, Need, Plan, Selection
from tests.support import plans

PLAN = plans.make(plans.created_ca(), plans.blocked(), unchanged=3)
CREATED, BLOCKED = PLAN.changes
NOTICE = Finding(Severity.NOTICE, "validity.clipped", "ends at noon")


def with_created(**changes: object) -> Plan:
    return replace(PLAN, changes=(replace(CREATED, **changes), BLOCKED))


def test_a_digest_names_its_function():
    assert re.fullmatch("sha256:[0-9a-f]{64}", plan_digest(PLAN))


def test_a_digest_does_not_change_from_release_to_release():
    plan = Plan((), "0" * 64, "1" * 64, plans.NOW, timedelta(hours=36), Selection(only=("ca/*",)))
    bound = (
        f'{{"changes":[],"format":1,"horizon":"1d12h","manifest_digest":"{"0" * 64}",'
        f'"selection":{{"exclude":[],"only":["ca/*"],"replace":[]}},"state_fingerprint":"{"1" * 64}"}}'
    )

    assert plan_digest(plan) == f"sha256:{hashlib.sha256(bound.encode()).hexdigest()}"


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, manifest_digest="2" * 64),
        replace(PLAN, state_fingerprint="2" * 64),
        replace(PLAN, horizon=timedelta(days=2)),
        replace(PLAN, selection=Selection(only=("ca/*",))),
        replace(PLAN, changes=(BLOCKED, CREATED)),
        replace(PLAN, changes=(CREATED,)),
        with_created(address=Address.parse("ca/other")),
        with_created(action=Action.ADOPT),
        with_created(reasons=(plans.reason(CREATED.reasons[0].code, "otherwise"),)),
        with_created(differences=(plans.Difference("subject", None, "CN=a"),)),
        with_created(depends_on=()),
        with_created(needs=(Need("ca/issuing", "sign", path="x"),)),
        with_created(generation=2),
        with_created(issuer="root.2"),
        with_created(inputs_digest="3" * 64),
        with_created(previous=Address.parse("ca/old")),
        with_created(blocked=(NOTICE,)),
        with_created(notices=(NOTICE,)),
        replace(PLAN, changes=(CREATED, replace(BLOCKED, blocked=()))),
    ],
)
def test_what_is_to_be_done_is_bound(other):
    assert plan_digest(other) != plan_digest(PLAN)


@pytest.mark.parametrize(
    "same",
    [
        replace(PLAN, now=PLAN.now + timedelta(hours=1)),
        replace(PLAN, unchanged=4, unmanaged=(Address.parse("ca/left"),), added=(Address.parse("ca/issuing"),)),
        replace(PLAN, due=(Due(Address.parse("ca/issuing"), PLAN.now, "renewal", PLAN.now),), due_total=9),
        replace(PLAN, warnings=(NOTICE,)),
        with_created(preview={}),
    ],
)
def test_what_the_time_of_planning_decides_is_not_bound(same):
    assert plan_digest(same) == plan_digest(PLAN)


def test_a_finding_is_bound_by_its_code_because_its_words_can_tell_the_time():
    later = replace(NOTICE, message="ends at one", where=Location("x.yaml", 1, 1))

    assert plan_digest(with_created(notices=(NOTICE,))) == plan_digest(with_created(notices=(later,)))
    for other in (NOTICE, NOTICE), (replace(NOTICE, code="another"),), (replace(NOTICE, severity=Severity.WARNING),):
        assert plan_digest(with_created(notices=(NOTICE,))) != plan_digest(with_created(notices=other))


def test_a_digest_covers_every_field_of_a_change():
    """A field that is added to `Change` has to be bound, or to be told apart here."""
    assert set(Change.__dataclass_fields__) == {
        "action", "address", "blocked", "depends_on", "differences", "generation", "inputs_digest", "issuer", "needs",
        "notices", "previous", "preview", "reasons",
    }  # fmt: skip


def test_canonical_json_has_one_form():
    assert canonical({"b": ["é"], "a": None}) == b'{"a":null,"b":["\\u00e9"]}'
