"""A plan on a terminal: the summary first, a reason with dates for each change, no bending by a name."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from pki.findings import Finding, Severity
from reconciler.model import Action, Reason, ReasonCode
from reconciler.plan.model import Change, Difference, Due, Need, Selection
from reconciler.render.changes import SYMBOLS
from reconciler.render.plans import next_due, plan_text
from tests.support import plans
from tests.support.plans import DIGEST, NOW, address, make, on

HOSTILE = "a|b```\n</details><script>@org/x #1 [x](y) \x1b[31m\u202e www.x.com http://e.com a@b.c `"


def text(*changes: Change, **more: object) -> str:
    return plan_text(make(*changes, **more), DIGEST)


def change(action: Action = Action.UPDATE, *reasons: Reason, **more: object) -> Change:
    why = reasons or (Reason(ReasonCode.SPEC_CHANGED, "it changed"),)
    return Change(address("credential/web"), action, why, **more)  # type: ignore[arg-type]  # the fields by name


@pytest.mark.parametrize("name", ["plan.txt", "plan.md", "plan-empty.txt"])
def test_a_plan_looks_as_it_was_approved(name):
    """`python -m tests.support.plans` writes the files anew."""
    assert plans.renderings()[name] == (plans.GOLDEN / name).read_text(encoding="utf-8")


def test_the_summary_is_the_first_line_and_every_line_fits():
    lines = plan_text(plans.everything(), DIGEST).splitlines()

    assert lines[0] == (
        "Plan: 14 to create, 1 to rekey, 1 to revoke, 2 to refresh, 1 to move, 1 blocked, 12 unchanged."
    )
    assert lines[1] == f"  digest {DIGEST}"
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("action", Action)
def test_the_legend_has_the_symbols_of_this_plan_and_no_other(action):
    legend = text(change(action)).splitlines()[4]

    assert legend == f"  {SYMBOLS[action]} {action}"


def test_a_blocked_change_shows_what_blocks_it_and_is_counted_apart():
    shown = text(plans.blocked())

    assert shown.startswith("Plan: 1 blocked.\n")
    assert "  x blocked\n" in shown
    assert "credential/legacy-gateway cannot be created: the manifest has it, state does not" in shown
    assert "blocked    pki/policy.yaml:12:7: rule no-rsa of policy baseline refuses rsa-2048" in shown
    assert "choose an algorithm of ec-*, or change the rule" in shown
    assert "Apply will need" not in shown


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (plans.reason(ReasonCode.MISSING, "it is not there"), "it is not there"),
        (
            plans.reason(ReasonCode.EXPIRED, "it expired 2026-11-20T00:00Z", "2026-11-20"),
            "it expired 2026-11-20T00:00Z (3 days ago)",
        ),
        (plans.reason(ReasonCode.SPEC_CHANGED, "it changed", "2026-11-01"), "it changed (since 2026-11-01)"),
        (plans.reason(ReasonCode.SPEC_CHANGED, "changed on 2026-11-01", "2026-11-01"), "changed on 2026-11-01"),
        (
            plans.reason(ReasonCode.CRL_REFRESH_DUE, "it is due", None, "2026-11-24"),
            "it is due (2026-11-24: 15 hours left)",
        ),
        (
            plans.reason(ReasonCode.RENEWAL_DUE, "expires 2026-11-22", None, "2026-11-22"),
            "expires 2026-11-22 (33 hours ago)",
        ),
    ],
)
def test_a_reason_has_the_dates_that_its_sentence_lacks_and_how_far_they_are(reason, shown):
    assert f"  # credential/web will be updated: {shown}\n" in text(change(Action.UPDATE, reason)) + "\n"


def test_further_reasons_have_lines_of_their_own():
    first, second = (Reason(ReasonCode.SPEC_CHANGED, words) for words in ("one", "two"))

    assert "updated: one\n  #   also: two\n" in text(change(Action.UPDATE, first, second))


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a", "b", ["x  a -> b"]),
        (True, False, ["x  yes -> no"]),
        (timedelta(days=1), timedelta(hours=12), ["x  1 day -> 12 hours"]),
        (on("2026-11-23"), on("2026-11-24"), ["x  2026-11-23 00:00:00 UTC -> 2026-11-24 00:00:00 UTC"]),
        (None, "b", ["x  + b"]),
        ("a", None, ["x  - a"]),
        (("a", "b"), ("b", "c", "d"), ["x  - a", "+ c", "+ d"]),
        (["a", "b"], ["b", "a"], ["x  a, b -> b, a"]),
        (None, ("a",), ["x  + a"]),
        ({"k": 1}, {"k": 2, "l": ()}, ["x  k 1 -> k 2, l (empty)"]),
        (1, 2, ["x  1 -> 2"]),
    ],
)
def test_a_difference_is_shown_as_people_read_certificates(before, after, lines):
    shown = text(change(Action.REISSUE, differences=(Difference("x", before, after),)))

    assert [line.strip() for line in shown.splitlines()][8 : 8 + len(lines)] == lines


@pytest.mark.parametrize(
    ("need", "row", "secret"),
    [
        (
            Need("credential/web", "generate", hsm="h.yaml", token="T", label="web", secret_env="PIN"),
            'new key  "web" on token "T"',
            'variable PIN   PIN of token "T" (h.yaml)',
        ),
        (
            Need("credential/web", "open", path="state/x.pem", secret_file="/pass"),
            "key  state/x.pem",
            "file /pass   passphrase of state/x.pem",
        ),
        (
            Need("ca/root", "sign", hsm="h.yaml"),
            'signed by  ca/root with token "h.yaml"',
            'asked for   PIN of token "h.yaml" (h.yaml)',
        ),
    ],
)
def test_a_change_says_which_key_it_takes_and_the_plan_which_secret(need, row, secret):
    shown = text(change(Action.RENEW, needs=(need,)))

    assert f"      {row}\n" in shown
    assert f"Apply will need:\n  {secret}\n" in shown


def test_a_key_file_without_a_passphrase_needs_no_secret():
    assert "Apply will need" not in text(change(Action.RENEW, needs=(Need("ca/root", "sign", path="k.pem"),)))


def test_many_serials_are_counted_not_listed():
    listed = [(number, None) for number in range(1, 15)]
    shown = text(change(Action.REVOKE, preview={"serials": listed}))

    assert shown.count("+ unspecified") == 10
    assert "+ 4 more\n" in shown


def test_one_passphrase_for_many_keys_is_one_line():
    needs = [Need("ca/x", "generate", path=f"state/{name}.pem", secret_env="PASS") for name in "abc"]

    assert "Apply will need:\n  variable PASS   passphrase of state/a.pem and 2 more\n" in text(
        change(needs=tuple(needs))
    )


def test_a_key_file_that_anybody_can_use_says_so():
    shown = text(change(Action.CREATE, needs=(Need("credential/web", "generate", path="state/x.pem"),)))

    assert "      new key  state/x.pem (not encrypted)\n" in shown


def test_the_members_of_a_fleet_are_one_block():
    changes = plans.fleet(10_000)
    shown = plan_text(make(*changes), DIGEST, {each.address: "device" for each in changes})

    assert shown.count("will be created") == 1
    assert "credential/device-00001 and 9999 more of device will be created" in shown
    assert "+ ... and 9996 more" in shown
    assert "      first of 10000  credential/device-00001\n        subject       CN=device-00001\n" in shown


@pytest.mark.parametrize("size", [2, 12])
def test_what_is_told_of_one_new_member_stands_for_all_of_them(size):
    first, *others = plans.fleet(size)
    changes = (first, *(replace(each, differences=()) for each in others))
    shown = plan_text(make(*changes), DIGEST, {each.address: "device" for each in changes})

    assert f"# credential/device-00001 and {size - 1} more of device will be created" in shown
    assert f"first of {size}" in shown
    assert shown.count("CN=device-") == 1


def test_one_that_is_not_the_first_says_which_it_is():
    first, second, third = plans.fleet(3)
    changes = (replace(first, differences=()), second, replace(third, differences=()))
    shown = plan_text(make(*changes), DIGEST, {each.address: "device" for each in changes})

    assert "      number 2 of 3  credential/device-00002\n" in shown


def test_the_only_new_member_of_a_set_shows_what_it_says_as_any_other():
    (only,) = plans.fleet(1)
    shown = plan_text(make(only), DIGEST, {only.address: "device"})

    assert "      subject    CN=device-00001\n" in shown
    assert "of 1" not in shown


def test_members_that_change_show_the_first_and_the_last_of_what_differs():
    changes = [replace(each, action=Action.REISSUE) for each in plans.fleet(12)]
    shown = plan_text(make(*changes), DIGEST, {each.address: "device" for each in changes})

    assert "subject    + CN=device-00001 ... + CN=device-00012\n" in shown


def test_changes_of_no_fleet_that_differ_in_a_name_are_all_shown():
    shown = text(*plans.fleet(20))

    assert shown.count("will be created") == 20
    assert "CN=device-00007\n" in shown


def test_changes_of_no_fleet_that_do_not_differ_are_one_block():
    changes = [replace(each, differences=()) for each in plans.fleet(8)]

    assert text(*changes[:7]).count("will be created") == 7
    assert "credential/device-00001 and 7 more will be created" in text(*changes)


def test_a_member_that_differs_stands_alone():
    fleet = plans.fleet(20)
    odd = replace(fleet[10], notices=(Finding(Severity.NOTICE, "a.b", "by the way"),))
    plan = make(*fleet[:10], odd, *fleet[11:])
    shown = plan_text(plan, DIGEST, {each.address: "device" for each in fleet})

    assert shown.count("will be created") == 3
    assert "      notice     by the way\n" in shown


def test_what_a_new_certificate_says_is_no_difference():
    made = {"certificates": [plans.certificate("ec/x", "ecdsa-p256", "2026-11-23", "2027-02-21")]}
    shown = text(
        change(
            Action.CREATE,
            differences=(Difference("algorithm", None, "ecdsa-p256"), Difference("keyUsage", None, ("critical", "x"))),
            preview=made,
        )
    )

    assert shown.splitlines()[7:9] == [
        "  + credential/web   ecdsa-p256   valid 2026-11-23 -> 2027-02-21",
        "      keyUsage  critical, x",
    ]


def test_each_of_several_certificates_has_what_it_says_below_it():
    names = ("ec/server", "ec/client")
    made = [plans.certificate(name, "ecdsa-p256", "2026-11-23", "2027-02-21") for name in names]
    said = [Difference(f"{name}.extKeyUsage", ("any",), (name,)) for name in names]
    shown = text(change(Action.REISSUE, differences=tuple(said), preview={"certificates": made}))

    assert shown.splitlines()[8:14] == [
        "      ec/server      ecdsa-p256   valid 2026-11-23 -> 2027-02-21",
        "        extKeyUsage  - any",
        "                     + ec/server",
        "      ec/client      ecdsa-p256   valid 2026-11-23 -> 2027-02-21",
        "        extKeyUsage  - any",
        "                     + ec/client",
    ]


def test_a_selection_says_what_it_leaves_out_and_what_it_takes_along():
    selection = Selection(only=("crl/*",), exclude=("crl/old", "crl/x"), replace=("ca/root",))
    shown = text(change(), selection=selection, added=(address("ca/root"),))

    assert "  only crl/*\n  without crl/old, crl/x\n  replacing ca/root\n" in shown
    assert "  taken along, because what was named depends on them: ca/root\n" in shown


def test_nothing_to_do_with_a_selection_does_not_claim_that_all_is_well():
    assert text(selection=Selection(only=("crl/*",))).startswith("No changes in what was selected.\n")


def test_unmanaged_resources_are_few_words_however_many_there_are():
    shown = text(unmanaged=tuple(address(f"ca/x{number}") for number in range(30)))

    assert "left alone: ca/x0, ca/x1, " in shown
    assert "ca/x9 and 20 more\n" in shown


def test_the_end_says_what_is_due_next():
    dues = tuple(
        Due(address(f"crl/x{day}"), on(f"2026-12-0{day}"), "crl-refresh", on("2026-12-20")) for day in (1, 2, 3, 4)
    )

    assert next_due(make(due=dues)) == [
        "crl/x1   refresh   2026-12-01 (in 7 days)   expires 2026-12-20",
        "crl/x2   refresh   2026-12-02 (in 8 days)   expires 2026-12-20",
        "crl/x3   refresh   2026-12-03 (in 9 days)   expires 2026-12-20",
    ]


def test_a_strangers_name_stays_on_its_line_and_steers_no_terminal():
    shown = plan_text(plans.hostile(HOSTILE), DIGEST)

    assert re.findall(r"[^\x20-\x7e\n]", shown) == []
    assert [line for line in shown.splitlines() if line.startswith("</details>")] == []


def test_the_same_plan_is_the_same_text():
    assert plan_text(plans.everything(), DIGEST) == plan_text(plans.everything(), DIGEST)
    assert plans.everything().now == NOW
