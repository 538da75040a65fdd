"""What is due: what waits already, and what comes."""

from datetime import timedelta

from reconciler.model import Action, Reason, ReasonCode
from reconciler.plan.model import Change, Due
from reconciler.render.dues import due_facts, due_text
from tests.support.plans import address, blocked, make, on, refreshed, rekeyed

SOON = (
    Due(address("crl/root"), on("2026-11-28"), "crl-refresh", on("2026-11-30")),
    Due(address("credential/mail"), on("2026-12-01"), "renewal", on("2026-12-31")),
    Due(address("credential/old"), on("2026-12-02"), "revocation", on("2026-12-31")),
)
MONTH = timedelta(days=30)


def test_what_waits_already_comes_before_what_comes_due():
    plan = make(rekeyed(), refreshed(), blocked(), due=SOON, due_total=3)

    assert due_text(due_facts(plan, SOON, MONTH)) == (
        "ADDRESS          WHAT        DUE                     EXPIRES\n"
        "credential/web   renewal     now                     2026-12-20 (in 26 days)\n"
        "crl/root         refresh     now                     2026-11-25 (in 39 hours)\n"
        "credential/mail  renewal     2026-12-01 (in 7 days)  2026-12-31 (in 37 days)\n"
        "credential/old   revocation  2026-12-02 (in 8 days)  2026-12-31 (in 37 days)\n"
        "\n"
        "Total: 4 due within 30 days.\n"
        "`qpki plan` has 3 changes to apply now."
    )


def test_nothing_due_says_for_how_long():
    assert due_text(due_facts(make(), (), MONTH)) == "Nothing is due within 30 days."


def test_what_cannot_be_renewed_is_due_all_the_same():
    expired = Reason(ReasonCode.EXPIRED, "it expired", since=on("2026-11-20"))
    change = Change(address("credential/x"), Action.RENEW, (expired,), blocked=blocked().blocked)

    assert due_text(due_facts(make(change), (), MONTH)).splitlines()[1] == (
        "credential/x  renewal (blocked)  now  2026-11-20 (3 days ago)"
    )


def test_an_expired_crl_says_since_when_and_is_counted_once():
    expired = Reason(ReasonCode.CRL_EXPIRED, "its next update was due on 2026-11-20", since=on("2026-11-20"))
    plan = make(Change(address("crl/root"), Action.REFRESH, (expired,)), due=SOON[:1], due_total=1)
    facts = due_facts(plan, SOON[:1], MONTH)

    assert due_text(facts).splitlines()[1:] == [
        "crl/root  refresh  now  2026-11-20 (3 days ago)",
        "",
        "Total: 1 due within 30 days.",
        "`qpki plan` has 1 change to apply now.",
    ]
    assert facts["due_now"][0]["deadline"] == "2026-11-20T00:00:00Z"


def test_a_plan_that_lists_only_the_soonest_says_so():
    facts = due_facts(make(due=SOON, due_total=12), SOON, MONTH)

    assert facts["due_total"] == 12
    assert due_text(facts).endswith("Total: 3 due within 30 days, and perhaps more: these are the soonest of 12.")


def test_a_list_that_ends_before_the_time_asked_for_is_complete():
    facts = due_facts(make(due=SOON, due_total=12), SOON[:1], timedelta(days=5))

    assert due_text(facts).endswith("Total: 1 due within 5 days.")


def test_facts_are_for_programs():
    facts = due_facts(make(rekeyed()), SOON[:1], MONTH)

    assert facts["due_now"] == [
        {
            "address": "credential/web", "what": "renewal", "at": "2026-11-20T00:00:00Z",
            "deadline": "2026-12-20T00:00:00Z", "blocked": False,
        }
    ]  # fmt: skip
    assert facts["due_soon"] == [
        {
            "address": "crl/root", "what": "crl-refresh", "at": "2026-11-28T00:00:00Z",
            "deadline": "2026-11-30T00:00:00Z",
        }
    ]  # fmt: skip
