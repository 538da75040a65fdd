"""Texts of what is hard to come by on the command line, from facts as the JSON output has them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pki.algorithms import ALGORITHMS, SCHEMES
from pki.findings import Finding, Location, Severity
from pki.profiles.model import Constraints, Variable, VariableType, Wildcard
from pki.signers.base import TokenKey
from pki.signers.mechanisms import Approach, MechanismSpec
from pki.signers.pkcs11 import PinState, SlotInfo, TokenInfo
from pki.signers.pkcs11.report import ListedMechanism, MechanismReport
from reconciler.render import credentials, findings, hsm, keys, profiles, verification

TOKEN = TokenInfo("CA", "1234", "Maker", "M1", "1.0", "2.0", True, True, False, PinState.OK)


def slots(*found):
    return hsm.slots_text({"module": "/lib/x.so", "slots": [hsm.slot_facts(slot) for slot in found]})


def test_slots_without_a_token_say_why():
    assert slots(SlotInfo(1, "first", "Maker", None), SlotInfo(2, "second", "Maker", None, "CKR_DEVICE_ERROR")) == (
        "PKCS#11 Module: /lib/x.so\n"
        "\n"
        "Slot 1:\n"
        "  Description:  first\n"
        "  Manufacturer: Maker\n"
        "  Token:        (not present)\n"
        "\n"
        "Slot 2:\n"
        "  Description:  second\n"
        "  Manufacturer: Maker\n"
        "  Problem:      CKR_DEVICE_ERROR"
    )


def test_a_module_without_slots_says_so():
    assert slots() == "PKCS#11 Module: /lib/x.so\n\nNo slots found."


def test_a_slot_shows_its_token_and_the_state_of_its_pin():
    shown = slots(SlotInfo(7, "", "", TOKEN))

    assert "  Token Label:  CA\n  Token Serial: 1234\n" in shown
    assert shown.endswith("  PIN:          ok")


def test_mechanisms_are_three_tables():
    report = MechanismReport(
        {ALGORITHMS["ecdsa-p256"]: True, ALGORITHMS["ml-dsa-65"]: False},
        {
            SCHEMES["ecdsa-sha256"]: MechanismSpec("ECDSA", Approach.PREHASH, "sha256"),
            SCHEMES["ml-dsa-65"]: None,
        },
        (ListedMechanism("ECDSA", ("SIGN", "VERIFY"), 256, 521), ListedMechanism("SHA256", (), None, None)),
    )

    assert hsm.mechanisms_text(hsm.mechanism_facts(report, "ecd")) == (
        "KEYS        GENERATED AND USED\n"
        "ecdsa-p256  yes\n"
        "ml-dsa-65   no\n"
        "\n"
        "SIGNATURES    MECHANISM  APPROACH\n"
        "ecdsa-sha256  ECDSA      prehash\n"
        "ml-dsa-65     -          -\n"
        "\n"
        "MECHANISMS  SIZES    FLAGS\n"
        "ECDSA       256-521  sign, verify"
    )
    assert len(hsm.mechanism_facts(report)["mechanisms"]) == 2


def test_a_token_key_of_an_unknown_type_is_listed_with_what_is_known():
    key = TokenKey("odd", "01", "0x80000001", None, False, None, None, None)

    assert keys.key_text(keys.token_key_facts(key)) == (
        "  Label:   odd\n  ID:      01\n  Type:    0x80000001\n  CanSign: no"
    )


@pytest.mark.parametrize(
    ("storage", "where"),
    [
        ({"type": "software", "path": "private/ca.key"}, "pki/root/private/ca.key"),
        ({"type": "pkcs11", "config": "../hsm.yaml", "label": "a"}, "HSM label=a (pki/hsm.yaml)"),
        ({"type": "pkcs11", "config": "/hsm.yaml", "label": "a", "key_id": "01"}, "HSM label=a, id=01 (/hsm.yaml)"),
        ({"type": "pkcs11", "config": "./hsm.yaml", "key_id": "01"}, "HSM id=01 (pki/root/hsm.yaml)"),
    ],
)
def test_a_key_is_shown_where_it_is_seen_from_here(storage, where):
    assert keys.where(keys.storage_facts(storage, "pki/root")) == where


def test_variables_show_their_limits_in_words():
    variable = Variable(
        "validity",
        VariableType.DURATION,
        default="365d",
        description="Lifetime",
        max_duration=timedelta(days=398),
        wildcard=Wildcard(allowed=True),
        constraints=Constraints(allowed_suffixes=("a.com", "b.com"), min_items=1),
    )
    listed = Variable("names", VariableType.LIST, default=("a", "b"))
    facts = {"variables": [profiles.variable_facts(variable), profiles.variable_facts(listed)]}

    assert profiles.variables_text(facts) == (
        "NAME      TYPE      REQUIRED  DEFAULT  DESCRIPTION\n"
        "validity  duration  no        365d     Lifetime [max duration 398 days; allowed suffixes a.com, b.com;"
        " min items 1; wildcards]\n"
        "names     list      no        a,b"
    )
    assert profiles.variables_text({"variables": []}) == "No variables."


@pytest.mark.parametrize(
    ("checked", "shown"),
    [
        ([], "not applicable: it is trusted itself"),
        ([True, True], "not revoked"),
        ([True, False], "partly checked: no --crl speaks of CN=1"),
        ([False, False], "not checked: no --crl speaks of CN=0 or CN=1"),
    ],
)
def test_a_path_says_how_far_revocation_was_checked(checked, shown):
    certificate = {
        "subject": "CN=x", "issuer": "CN=y", "serial": "0x01", "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2027-01-01T00:00:00Z", "algorithm": "ecdsa-p256", "signature": "ECDSA-SHA256",
    }  # fmt: skip
    revocation = [{"subject": f"CN={position}", "checked": value} for position, value in enumerate(checked)]
    facts = {"certificate": certificate, "path": ["CN=x"], "revocation": revocation}

    assert verification.path_text(facts).endswith(f"  Revocation: {shown}")


def test_a_credentials_subject_begins_with_its_common_name():
    facts = {
        "id": "x", "directory": "d", "profiles": ["p"], "status": "valid", "certificates": [],
        "subject": {"country": ["FR"], "common_name": "x", "organizational_unit": ["a", "b"], "1.2.3": ["z"]},
        "created": "2026-01-01T00:00:00Z", "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z",
        "revoked_at": None, "revocation_reason": None,
    }  # fmt: skip

    assert "Subject:       CN=x,C=FR,OU=a,OU=b,1.2.3=z\n" in credentials.credential_text(facts)


def test_findings_are_lines_that_an_editor_can_jump_to():
    found = [
        Finding(Severity.ERROR, "a.b", "it is wrong", Location("x.yaml", 1, 2), "do it right", "RFC 1"),
        Finding(Severity.NOTICE, "c.d", "by the way"),
    ]

    assert findings.finding_lines(found) == [
        "x.yaml:1:2: error: it is wrong (RFC 1) [a.b]",
        "  do it right",
        "notice: by the way [c.d]",
    ]


def test_the_modules_path_is_text():
    from pki.signers.pkcs11 import DeviceInfo, ModuleInfo

    module = ModuleInfo(Path("/lib/x.so"), "Soft", "Maker", "2.6", "2.40")
    facts = hsm.device_facts(DeviceInfo(module, SlotInfo(7, "d", "m", TOKEN)))

    assert facts["module"]["path"] == "/lib/x.so"
    assert "  Library:      Maker: Soft 2.6\n  Cryptoki:     2.40\n  Slot:         7\n" in hsm.device_text(facts)


def test_times_in_facts_are_text():
    from pki.store.index import IndexEntry
    from reconciler.render.certificates import entry_facts

    now = datetime(2026, 11, 23, tzinfo=UTC)
    entry = IndexEntry("R", now, now, None, 0x1A, "/CN=x")

    assert entry_facts(entry, now) == {
        "serial": "0x1A",
        "status": "revoked",
        "not_after": "2026-11-23T00:00:00Z",
        "subject": "CN=x",
        "revoked_at": "2026-11-23T00:00:00Z",
        "reason": "unspecified",
    }
