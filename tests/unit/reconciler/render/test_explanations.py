"""What is told of one resource: what it is, what it was, what happens to it now, and what is next."""

from __future__ import annotations

import json

import pytest

from reconciler.plan.explain import explain, find
from reconciler.render.explanations import explanation_facts, explanation_text
from tests.support import plans
from tests.support.desired import desired
from tests.support.history import told
from tests.support.observed import certificate, credential_in_state, in_state
from tests.support.plans import GOLDEN, explanations


@pytest.mark.parametrize("name", ["explain-ca.txt", "explain-credential.txt", "explain-crl.txt"])
def test_an_explanation_looks_as_it_was_approved(name):
    """`python -m tests.support.plans` writes the files anew."""
    assert explanations()[name] == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        ("key/shared", ["Key:      ecdsa-p256, file state/key/shared/private/key.pem"]),
        ("credential/new", ["State:    not there yet", "Issuer:   ca/issuing <- ca/root"]),
        ("credential/mail", ["State:    damaged: credential.meta.json is cut off", "Request:  csr/mail.csr"]),
        ("credential/old", ["Declared: nowhere", "State:    unmanaged: no manifest declares it, and it is left alone"]),
        ("credential/old", ["2026-10-24 -> 2026-11-20   expired, 3 days ago   serial 99"]),
        ("credential/early", ["2026-11-25 -> 2027-01-22   not-yet-valid, 60 days left   serial 98"]),
        (
            "ca/gone",
            ["State:     forgotten: it stays as it is, and is managed no longer", "CRL: none that can be read"],
        ),
        ("ca/root", ["Issuer:    none: it is a root", "Needed by: ca/issuing, crl/root and 5 more"]),
    ],
)
def test_a_line_for_each_thing_to_know(address, lines):
    shown = [line.strip() for line in explanation_text(told(address)).splitlines()]

    assert [line for line in lines if line not in shown] == []


def test_nothing_planned_and_nothing_next_are_said():
    assert explanation_text(told("key/shared")).endswith("\n\nNow: nothing is planned.\n\nNext: nothing.")


def test_facts_have_all_that_the_text_tells():
    facts = explanation_facts(told("credential/web"))

    assert json.loads(json.dumps(facts)) == facts
    assert (facts["address"], facts["declared"], facts["set"]) == ("credential/web", "pki/all.yaml:2:1", "servers")
    assert facts["issuers"] == ["ca/issuing", "ca/root"]
    assert [(each["generation"], each["serial"], each["status"]) for each in facts["certificates"]] == [
        (1, "0x50", "expired"),
        (1, "0x51", "revoked"),
        (2, "0x53", "valid"),
    ]
    assert facts["certificates"][1]["revocation_reason"] == "superseded"
    assert [change["action"] for change in facts["changes"]] == ["rekey"]
    assert facts["due"] == [
        {
            "address": "credential/web", "what": "renewal", "at": "2027-01-01T00:00:00Z",
            "deadline": "2027-02-01T00:00:00Z",
        }
    ]  # fmt: skip


def test_facts_of_a_key_a_crl_and_what_is_damaged():
    assert explanation_facts(told("key/shared"))["key"]["place"] == "file state/key/shared/private/key.pem"
    assert explanation_facts(told("credential/mail"))["damaged"]["message"] == "credential.meta.json is cut off"
    (crl,) = explanation_facts(told("crl/issuing"))["crls"]
    assert (crl["address"], crl["number"], crl["entries"]) == ("crl/issuing", "7", 1)


def test_a_record_that_does_not_tell_what_the_key_is_shows_where_it_is():
    old = credential_in_state("old", certificate(0x53, key_algorithm=None), issuer="issuing")
    snapshot = in_state(old)
    shown = explanation_text(explain(find("credential/old", desired(), snapshot), desired(), snapshot, plans.make()))

    assert "\n  Key: file state/credential/old/private/key.pem\n" in shown
    assert "ECDSA" not in shown
