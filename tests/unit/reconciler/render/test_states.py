"""State as a table."""

from __future__ import annotations

import json

from reconciler.render.states import resource_text, state_facts, state_text
from tests.support.desired import desired
from tests.support.history import MANIFEST, SNAPSHOT
from tests.support.observed import certificate, credential_in_state, in_state
from tests.support.plans import GOLDEN, NOW, explanations


def facts() -> dict:
    return state_facts(MANIFEST, SNAPSHOT, NOW)


def resource(address: str) -> dict:
    return next(each for each in facts()["resources"] if each["address"] == address)


def test_the_table_looks_as_it_was_approved():
    """`python -m tests.support.plans` writes the file anew."""
    assert explanations()["show.txt"] == (GOLDEN / "show.txt").read_text(encoding="utf-8")


def test_every_address_has_one_row_and_one_status():
    statuses = {each["address"]: each["status"] for each in facts()["resources"]}

    assert statuses == {
        "key/shared": "present",
        "ca/gone": "valid",
        "ca/issuing": "valid",
        "ca/root": "valid",
        "credential/early": "not-yet-valid",
        "credential/mail": "damaged",
        "credential/new": "absent",
        "credential/old": "expired",
        "credential/web": "valid",
        "crl/gone": "missing",
        "crl/issuing": "current",
        "crl/issuing.2": "expired",
        "crl/root": "current",
    }


def test_an_empty_workspace_says_so():
    assert state_text(state_facts(desired(), in_state(), NOW)) == "Nothing is declared, and nothing is in state."


def test_one_resource_shows_all_its_certificates():
    assert resource_text(resource("credential/web")) == (
        "Address:    credential/web\n"
        "Status:     valid\n"
        "Generation: 2\n"
        "Algorithm:  ecdsa-p256\n"
        "Key:        file state/credential/web/private/key.pem\n"
        "\n"
        "GEN  STATUS   SERIAL  PROFILE        ALGORITHM   NOT BEFORE  NOT AFTER\n"
        "1    expired  50      ec/tls-server  ecdsa-p256  2026-10-24  2026-11-22\n"
        "1    revoked  51      ec/tls-server  ecdsa-p256  2026-10-24  2027-01-22\n"
        "2    valid    53      ec/tls-server  ecdsa-p256  2026-10-24  2027-01-22"
    )


def test_a_record_that_does_not_tell_what_the_key_is_shows_no_signature_algorithm_for_it():
    old = credential_in_state("old", certificate(0x53, key_algorithm=None), issuer="issuing")
    facts = state_facts(desired(), in_state(old), NOW)

    assert facts["resources"][0]["algorithms"] == []
    assert "credential/old  valid, unmanaged  -          2027" in state_text(facts)
    assert resource_text(facts["resources"][0]).endswith("ec/tls-server  -          2026-10-24  2027-01-22")


def test_a_crl_shows_its_number_and_what_is_wrong_with_its_files():
    assert resource_text(resource("crl/issuing.2")) == (
        "Address:       crl/issuing.2\n"
        "Status:        expired, 1 file altered\n"
        "Generation:    2\n"
        "Algorithm:     ecdsa-p384\n"
        "CRL Number:    9\n"
        "Entries:       0\n"
        "This Update:   2026-11-21 09:00:00 UTC\n"
        "Next Update:   2026-11-22 09:00:00 UTC\n"
        "Altered Files: state/ca/issuing.2/crl/ca.crl.pem is not what the record says"
    )


def test_facts_are_json():
    assert json.loads(json.dumps(facts())) == facts()
    assert resource("crl/issuing")["crl"]["kept_until"] == "2027-01-22T09:00:00Z"
    assert resource("credential/web")["certificates"][1]["revoked_at"] == "2026-11-20T09:00:00Z"
