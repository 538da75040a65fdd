"""Revoking a credential takes in every certificate that is still good, at the CA that signed it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pki.authority import Authority
from pki.credentials import Credential, amend, enroll, renew, revoke
from pki.errors import StoreError
from pki.store.forms import Status
from tests.support.enrolling import at, statuses
from tests.support.issue import CATALOG, NOW, new_ca


@pytest.fixture
def first(tmp_path) -> Authority:
    return made(tmp_path / "ca")


@pytest.fixture
def second(tmp_path) -> Authority:
    return made(tmp_path / "ca.2")


@pytest.fixture
def web(first, second, wanted) -> Credential:
    """Three generations: two by the CA's first key, one by its second."""
    again = renew(first, enroll(first, wanted), wanted, new_keys=True)
    return renew(second, again, wanted, new_keys=True)


def made(directory: Path) -> Authority:
    return new_ca(CATALOG.get("ec/root-ca"), directory, variables={"cn": "CA"})


def recorded(credential: Credential) -> Credential:
    return Credential.open(credential.layout.root, credential.layout.id)


@pytest.mark.parametrize("order", [1, -1])
def test_each_generation_is_revoked_by_the_ca_that_signed_it(first, second, web, order):
    revoked = revoke([first, second][::order], web, "keyCompromise")

    assert (statuses(first), statuses(second)) == (["R", "R"], ["R"])
    assert (revoked.meta.status, revoked.meta.revocation_reason) == (Status.REVOKED, "keyCompromise")
    assert recorded(web) == revoked


def test_a_ca_that_is_missing_stops_all(first, second, web):
    with pytest.raises(StoreError, match=rf"ca\.2 has no certificate .* {first.meta.certificate.subject_key_id}"):
        revoke(second, web, None)

    assert (statuses(first), statuses(second)) == (["V", "V"], ["V"])
    assert recorded(web) == web


def test_without_any_ca_nothing_is_revoked(web):
    with pytest.raises(StoreError, match="no CA that was named"):
        revoke([], web, None)


def test_what_has_ended_in_an_earlier_generation_is_left_alone(first, second, wanted):
    """Its CA need not even be there any more."""
    old = enroll(first, wanted)
    ended = old.meta.not_after + timedelta(days=1)
    renewed = renew(at(second, ended), old, wanted, new_keys=True)
    revoke(at(second, ended), renewed, "superseded")

    assert (statuses(first), statuses(second)) == (["V"], ["R"])


def test_what_has_ended_at_the_same_ca_is_left_alone_too(first, wanted):
    old = enroll(first, wanted)
    later = at(first, old.meta.not_after + timedelta(days=1))
    revoke(later, renew(later, old, wanted, new_keys=True), "superseded")

    assert statuses(later) == ["V", "R"]


def test_present_certificates_are_revoked_even_when_they_have_ended(first, wanted):
    web = enroll(first, wanted)
    later = at(first, web.meta.not_after + timedelta(days=1))

    assert revoke(later, web, "superseded").meta.status is Status.REVOKED
    assert statuses(first) == ["R"]


def test_an_ended_credential_of_another_ca_has_nothing_to_revoke(first, second, wanted):
    web = enroll(first, wanted)
    with pytest.raises(StoreError, match="nothing left to revoke"):
        revoke(at(second, web.meta.not_after + timedelta(days=1)), web, None)

    assert recorded(web) == web


def test_what_was_revoked_before_keeps_its_date_and_reason(first, second, web):
    serial = web.meta.previous[0].serial
    at(first, NOW + timedelta(days=1)).revoke([serial], "superseded")
    revoke([at(each, NOW + timedelta(days=2)) for each in (first, second)], web, "keyCompromise")
    rows = {entry.serial: (entry.revoked_at, entry.reason) for entry in first.ledger.entries(NOW)}

    assert rows == {
        serial: (NOW + timedelta(days=1), "superseded"),
        web.meta.previous[1].serial: (NOW + timedelta(days=2), "keyCompromise"),
    }


def test_the_invalidity_date_is_in_every_index(first, second, web):
    since = NOW - timedelta(days=3)
    revoke([first, second], web, "keyCompromise", invalidity_date=since)

    assert {entry.invalidity_date for ca in (first, second) for entry in ca.ledger.entries(NOW)} == {since}


def test_a_revocation_that_was_cut_short_is_taken_up_again(first, second, web):
    """As after a kill between two CAs: the first has its entries, the record does not say so yet."""
    first.revoke([each.serial for each in web.meta.previous], "keyCompromise")

    assert revoke([first, second], web, "keyCompromise").meta.status is Status.REVOKED
    assert (statuses(first), statuses(second)) == (["R", "R"], ["R"])


def test_a_record_that_does_not_say_who_signed_trusts_the_caller(first, wanted):
    web = enroll(first, wanted)
    unknown = tuple(replace(each, issuer_key_id=None) for each in web.meta.certificates)
    revoke(first, amend(web, certificates=unknown, issuer=None), "superseded")

    assert statuses(first) == ["R"]
