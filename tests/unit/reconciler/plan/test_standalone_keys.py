"""What becomes of keys that stand by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pki.findings import Severity
from pki.keyrefs import TokenKeyRef
from reconciler.kinds.keys import KeySpec
from reconciler.kinds.policy import Effect, PolicySpec, Rule
from reconciler.kinds.workspace import Imported
from reconciler.model import Action, Address, ReasonCode
from reconciler.plan.model import Difference, Need
from reconciler.snapshot import Fault
from tests.support import observed as state
from tests.support.desired import at, ca, credential, standing_key
from tests.support.planning import Bench, bench, done, refusal, steps
from tests.support.plans import NOW

HSM = {"hsm/a.yaml": "Token A"}
KEY = Address.parse("key/k")


def one(key: KeySpec = KeySpec(), **more: Any) -> Bench:  # noqa: B008  a value
    return bench(replace(standing_key("k"), key=key), hsms=HSM, **more)


def empty(key: KeySpec = KeySpec(), **more: Any) -> Bench:  # noqa: B008  the same
    found = one(key, **more)
    found.snapshot = state.in_state()
    return found


def test_a_key_that_is_there_needs_nothing():
    plan = one().plan()

    assert (plan.changes, plan.unchanged) == ((), 1)


@pytest.mark.parametrize(
    ("key", "action", "need"),
    [
        (
            KeySpec(passphrase_env="P"),
            Action.CREATE,
            Need("key/k", "generate", path="state/key/k/private/key.pem", secret_env="P"),
        ),
        (
            KeySpec(hsm="hsm/a.yaml"),
            Action.CREATE,
            Need("key/k", "generate", hsm="hsm/a.yaml", token="Token A", label="key-k"),
        ),
        (
            KeySpec(hsm="hsm/a.yaml", label="old", existing=True),
            Action.ADOPT,
            Need("key/k", "open", hsm="hsm/a.yaml", token="Token A", label="old"),
        ),
    ],
)
def test_a_key_that_is_missing_is_made_or_found(key, action, need):
    change = empty(key).change("key/k")

    assert done(change) == (action, [ReasonCode.MISSING], False)
    assert change.needs == (need,)
    assert change.differences == (Difference("algorithm", None, "ecdsa-p256"),)


def test_a_key_on_a_token_can_be_imported():
    found = empty()
    found.settings(imported=(Imported(KEY, at(9), hsm="hsm/a.yaml", label="old"),))

    change = found.change("key/k")

    assert done(change) == (Action.ADOPT, [ReasonCode.ADOPTED], False)
    assert change.needs == (Need("key/k", "open", hsm="hsm/a.yaml", token="Token A", label="old"),)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"algorithm": "rsa-2048"}, ReasonCode.SPEC_CHANGED),
        ({"key": KeySpec(hsm="hsm/a.yaml")}, ReasonCode.SPEC_CHANGED),
    ],
)
def test_a_key_is_never_another_one(spec, code):
    found = one()
    found.declare(replace(found.manifest.keys["k"], **spec))

    change = found.change("key/k")

    assert done(change) == (Action.REKEY, [code], True)
    assert [each.code for each in change.blocked] == ["key.fixed"]


def test_a_key_is_not_replaced_either():
    assert done(one().change("key/k", replace=("key/k",))) == (Action.REKEY, [ReasonCode.FORCED], True)


def test_protection_and_the_source_of_its_passphrase_go_into_the_record():
    found = one()
    spec = replace(found.manifest.keys["k"], key=KeySpec(passphrase_file="secrets/k"), prevent_destroy=True)
    found.declare(spec)

    change = found.change("key/k")

    assert done(change) == (Action.UPDATE, [ReasonCode.SPEC_CHANGED], False)
    assert change.differences == (
        Difference("preventDestroy", False, True),
        Difference("key.passphraseFile", None, "secrets/k"),
    )


def test_a_key_on_a_token_has_no_passphrase_on_record():
    found = one(KeySpec(hsm="hsm/a.yaml", label="l"))
    found.edit("key/k", storage=TokenKeyRef("../../../hsm/a.yaml", "l", "0a"))

    assert found.plan().changes == ()


def test_a_damaged_record_is_left_alone():
    found = empty()
    found.snapshot = replace(found.snapshot, damaged={"key/k": refusal().findings[0]})

    assert done(found.change("key/k")) == (Action.UPDATE, [ReasonCode.ARTIFACT_TAMPERED], True)


@pytest.mark.parametrize("mendable", [True, False])
def test_files_of_it_that_are_not_as_they_should_be_are_told(mendable):
    found = one()
    found.touch("key/k", lambda each: replace(each, faults=(Fault("key.pub", True, "is missing", mendable=mendable),)))

    assert done(found.change("key/k")) == (Action.UPDATE, [ReasonCode.ARTIFACT_MISSING], not mendable)


def test_a_key_that_was_forgotten_is_adopted():
    found = one()
    found.forget("key/k", NOW - timedelta(days=2))

    assert done(found.change("key/k")) == (Action.ADOPT, [ReasonCode.ADOPTED], False)


def test_policies_are_held_against_a_key_that_is_there():
    rule = Rule("in-hsm", Effect.DENY, at(7), key_in_hsm=True, algorithms=("ecdsa-*",))
    found = one(policies=(PolicySpec("p", (rule,), at(6)),))
    plan = found.plan()

    assert plan.changes == ()
    assert [(each.severity, each.message) for each in plan.warnings] == [
        (Severity.WARNING, "key/k: its key is in a file, and must be in an HSM; it was made before")
    ]
    found.edit("key/k", storage=TokenKeyRef("../../../hsm/a.yaml", "key-k", "0a"))
    found.declare(replace(found.manifest.keys["k"], key=KeySpec(hsm="hsm/a.yaml")))
    assert found.plan().warnings == ()


def test_holders_of_a_key_whose_record_is_damaged_are_left_alone():
    found = bench(ca("ca", resource="k"), credential("web", issuer="ca", resource="k"), standing_key("k"))
    found.drop("key/k")
    found.snapshot = replace(found.snapshot, damaged={"key/k": refusal().findings[0]})

    assert steps(found.plan()) == ["x update key/k"]


@pytest.mark.parametrize(("effect", "blocked", "noticed"), [(Effect.DENY, 1, 0), (Effect.WARN, 0, 1)])
def test_policies_hold_for_a_key_to_be_made(effect, blocked, noticed):
    rule = Rule("in-hsm", effect, at(7), key_in_hsm=True)
    change = empty(policies=(PolicySpec("p", (rule,), at(6)),)).change("key/k")

    assert (len(change.blocked), len(change.notices)) == (blocked, noticed)
