from __future__ import annotations

import pytest

from pki.errors import StoreError
from pki.findings import Finding, LintError, Severity
from reconciler.apply.outcomes import Verdict
from reconciler.model import Action, Address, Event, EventName, Kind, Reason, ReasonCode
from reconciler.plan.model import Change
from reconciler.render.outcomes import doing, outcome_facts, plain_keys, report_facts, report_text

WEB = Address(Kind.CREDENTIAL, "web")
CHANGE = Change(WEB, Action.CREATE, (Reason(ReasonCode.MISSING, "it is missing"),))
BLOCKED = Change(
    WEB, Action.CREATE, CHANGE.reasons, blocked=(Finding(Severity.ERROR, "policy.house", "no \x1b[31m wildcards"),)
)


def text(facts: dict, counts: dict[str, int], *, settled: bool = False) -> list[str]:
    return report_text(report_facts("sha256:00", counts, [facts], settled=settled)).splitlines()


@pytest.mark.parametrize("action", Action)
def test_every_action_can_be_told(action: Action) -> None:
    assert doing(Change(WEB, action, CHANGE.reasons)).startswith("credential/web: ")


def test_what_is_done_needs_no_line() -> None:
    event = Event(EventName.FORGOTTEN, WEB, {"none": None, "some": 1})
    facts = outcome_facts(CHANGE, Verdict.DONE, events=[event])
    assert facts["events"] == [{"event": "forgotten", "some": 1}]
    assert text(facts, {"done": 1}, settled=True) == ["Applied: 1 done."]


def test_a_failure_has_its_error_and_the_way_out() -> None:
    facts = outcome_facts(CHANGE, Verdict.FAILED, error=StoreError("the disk\nis full", hint="free some space"))
    assert text(facts, {"failed": 1}) == [
        "Applied: 1 failed.",
        r"  failed     credential/web  the disk\nis full",
        "             hint: free some space",
        "",
        "Apply again to go on: it does what is left.",
    ]


def test_a_failure_for_several_reasons_lists_them() -> None:
    error = LintError("refusing to sign", [Finding(Severity.ERROR, "a.b", "too long", hint="shorten it")])
    lines = text(outcome_facts(CHANGE, Verdict.FAILED, error=error), {"failed": 1})
    assert "too long" in lines[2]
    assert lines[3].strip() == "shorten it"


def test_a_fault_of_ours_is_named_as_one() -> None:
    facts = outcome_facts(CHANGE, Verdict.FAILED, error=ZeroDivisionError("oops"))
    assert facts["error"] == "something unforeseen: ZeroDivisionError: oops"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (outcome_facts(CHANGE, Verdict.SKIPPED, because="ca/x"), "  skipped    credential/web  because ca/x failed"),
        (outcome_facts(BLOCKED, Verdict.BLOCKED), r"  blocked    credential/web  no \x1b[31m wildcards"),
        (outcome_facts(CHANGE, Verdict.LEFT), "  not begun  credential/web"),
    ],
    ids=["skipped", "blocked", "left"],
)
def test_what_was_not_made_says_why(facts: dict, line: str) -> None:
    assert text(facts, {"left": 1})[1] == line


def test_nothing_at_all_is_said_so() -> None:
    assert report_text(report_facts("sha256:00", {}, [], settled=True)) == "Applied: nothing was to be done."


def test_plain_keys_are_those_that_were_made_in_files_without_a_passphrase() -> None:
    made = [
        Event(EventName.KEY_GENERATED, WEB, {"path": "plain.pem"}),
        Event(EventName.KEY_GENERATED, WEB, {"path": "encrypted.pem"}),
        Event(EventName.KEY_GENERATED, WEB, {"label": "on-a-token"}),
        Event(EventName.KEY_ADOPTED, WEB, {"path": "anothers.pem"}),
    ]
    assert plain_keys(made, frozenset({"encrypted.pem"})) == ["plain.pem"]
