"""What comes due, and when."""

from __future__ import annotations

from datetime import timedelta

from reconciler.model import Address
from reconciler.plan.due import due_of, due_within, soonest_first
from reconciler.plan.model import Due
from tests.support.plans import NOW, make


def due(text: str, days: float, what: str = "renewal") -> Due:
    return Due(Address.parse(text), NOW + timedelta(days=days), what, NOW + timedelta(days=days + 30))


WEB, ROOT, MAIL = due("credential/web", 3), due("crl/root", 3, "crl-refresh"), due("credential/mail", 1)


def test_what_comes_due_first_is_first_and_at_the_same_time_as_a_listing_has_it():
    assert soonest_first([ROOT, WEB, MAIL]) == (MAIL, WEB, ROOT)


def test_a_span_begins_with_the_time_of_planning_and_includes_its_end():
    late = due("credential/api", -2)
    plan = make(due=(ROOT, WEB, MAIL, late))

    assert (late, MAIL, WEB, ROOT) == due_within(plan, timedelta(days=3))
    assert (late, MAIL) == due_within(plan, timedelta(days=3) - timedelta(seconds=1))


def test_of_one_address_all_that_comes_due():
    refresh = due("crl/root", 1, "crl-refresh")

    assert (refresh, ROOT) == due_of(make(due=(ROOT, WEB, refresh)), Address.parse("crl/root"))
