"""Plans as files: the published shape, what is read back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pki.errors import NewerFormatError
from pki.findings import Finding, Location, Severity
from pki.schemas import problems
from reconciler.model import Action
from reconciler.plan.digest import plan_digest
from reconciler.plan.model import Plan, Selection
from reconciler.plan.wire import FORMAT_VERSION, PlanFileError, SavedPlan, read, to_json
from tests.support import plans
from tests.support.workspaces import Home

SELECTION = Selection(only=("credential/*", "crl/*"), exclude=("credential/x",), replace=("credential/web",))


def written(plan: Plan) -> bytes:
    return to_json(plan, tool="qpki", version="1.2.3")


def document(plan: Plan) -> dict[str, Any]:
    return json.loads(written(plan))


def saved(**changes: Any) -> bytes:
    return json.dumps({**document(plans.everything()), **changes}).encode()


@pytest.mark.parametrize("plan", [plans.everything(), plans.make(), plans.make(selection=SELECTION)])
def test_the_published_schema_accepts_what_is_written(plan):
    assert problems("plan", document(plan)) == []


def test_the_published_schema_accepts_the_plan_of_a_workspace_and_the_file_of_it_reads_back(tmp_path):
    home = Home.make(tmp_path / "home")
    shown = home.plan("--out", tmp_path / "plan.json")

    assert [change["address"] for change in shown["changes"]][:2] == ["ca/root", "ca/issuing"]
    assert problems("plan", shown) == []
    assert read((tmp_path / "plan.json").read_bytes(), "plan.json").digest == shown["digest"]


def test_a_plan_is_read_back_as_what_it_takes_to_make_it_again():
    plan = replace(plans.everything(), selection=SELECTION)

    assert read(written(plan), "plan.json") == SavedPlan(plan_digest(plan), plan.now, plan.horizon, SELECTION)


def test_a_plan_that_looks_ahead_not_at_all_is_read_back():
    plan = replace(plans.make(), horizon=timedelta())

    assert read(written(plan), "plan.json").horizon == timedelta()


def test_a_file_is_for_reviewers_sorted_and_ended_and_the_same_every_time():
    text = written(plans.everything()).decode()

    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert written(plans.everything()).decode() == text


def test_a_file_says_what_made_it_and_in_which_format():
    shown = document(plans.make())

    assert shown["format_version"] == FORMAT_VERSION == "1.0"
    assert shown["tool"] == {"name": "qpki", "version": "1.2.3"}


def test_a_summary_counts_each_action_and_apart_what_is_blocked():
    summary = document(plans.make(plans.created_ca(), plans.rekeyed(), plans.blocked(), unchanged=7))["summary"]

    assert {key: summary[key] for key in ("blocked", "unchanged")} == {"blocked": 1, "unchanged": 7}
    assert [action for action in Action if summary[action]] == [Action.CREATE, Action.REKEY]


def test_serials_and_crl_numbers_are_texts_whatever_their_size():
    (refresh,) = document(plans.make(plans.refreshed()))["changes"]

    assert refresh["preview"]["number"] == "1790000000000001"
    assert refresh["preview"]["added"] == [{"serial": "0x5A3F09E177C1", "reason": "keyCompromise"}]
    assert refresh["preview"]["expired"] == [{"serial": "0x0B00112233445566778899AABB77", "reason": None}]


def test_a_difference_keeps_both_sides_and_spells_them_as_manifests_do():
    (rekeyed,) = document(plans.make(plans.rekeyed()))["changes"]

    assert {"field": "lifetime", "before": "398d", "after": "90d"} in rekeyed["differences"]
    assert {"field": "certificatePolicies", "before": None, "after": ["2.23.140.1.2.1"]} in rekeyed["differences"]


def test_numbers_that_readers_would_round_are_texts():
    big = plans.Difference("x", 2**53 - 1, 2**53)
    (change,) = document(plans.make(replace(plans.created_ca(), differences=(big,))))["changes"]

    assert change["differences"] == [{"field": "x", "before": 2**53 - 1, "after": str(2**53)}]


def test_a_file_name_that_is_no_utf8_is_written_and_read_back():
    odd = Finding(Severity.WARNING, "odd", "a file", Location("caf\udce9.yaml", 1, 2))
    plan = plans.make(replace(plans.created_ca(), notices=(odd,)), warnings=(odd,))

    assert document(plan)["warnings"][0]["source"] == "caf\udce9.yaml"
    assert read(written(plan), "plan.json").digest == plan_digest(plan)


def test_further_keys_of_a_later_minor_version_are_passed_over():
    assert read(saved(format_version="1.7", novelty={"x": 1}), "plan.json").digest == plan_digest(plans.everything())


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"[]", b"null", b'"1.0"', b"{}", b'{"format_version": 1.0}', b'{"format_version": "one"}'],
)
def test_what_is_no_plan_is_refused(data):
    with pytest.raises(PlanFileError, match=r"^plan\.json is not ") as refused:
        read(data, "plan.json")

    assert refused.value.hint == "make it again: qpki plan --out FILE"


def test_a_plan_of_another_major_version_is_refused():
    with pytest.raises(NewerFormatError, match=r"plan\.json has plan format 2\.0, and this qpki reads 1\.x"):
        read(saved(format_version="2.0"), "plan.json")


@pytest.mark.parametrize("key", ["digest", "now", "horizon", "selection", "changes", "manifest_digest"])
@pytest.mark.parametrize("value", [None, 5, "soon", [], {}])
def test_a_part_that_is_not_what_it_should_be_is_refused(key, value):
    with pytest.raises(PlanFileError):
        read(saved(**{key: value}), "plan.json")


@pytest.mark.parametrize("key", ["digest", "now", "horizon", "selection", "changes", "state_fingerprint"])
def test_a_part_that_is_not_there_is_refused(key):
    shown = document(plans.everything())
    del shown[key]

    with pytest.raises(PlanFileError, match=r"plan\.json is not a complete plan"):
        read(json.dumps(shown).encode(), "plan.json")


def test_selections_are_lists_of_texts():
    for globs in ("ca/*", [5]):
        with pytest.raises(PlanFileError):
            read(saved(selection={"only": globs, "exclude": [], "replace": []}), "plan.json")


def test_changes_that_somebody_took_out_after_the_plan_was_made_are_missed():
    shown = document(plans.everything())

    with pytest.raises(PlanFileError, match=r"plan\.json was changed after it was made"):
        read(saved(changes=shown["changes"][1:]), "plan.json")
