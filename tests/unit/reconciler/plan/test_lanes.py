"""The glance that settles a credential: which it settles, so that a fleet costs little, and which it must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pki.keyrefs import SoftwareKeyRef
from reconciler.kinds.keys import KeySpec
from reconciler.plan.authorities import plan_authorities
from reconciler.plan.context import Context
from reconciler.plan.lanes import lanes
from reconciler.plan.signers import Signers
from tests.support.desired import ca, credential
from tests.support.planning import Bench, bench
from tests.support.plans import NOW


def web(**more: Any) -> Bench:
    return bench(ca("ca"), replace(credential("web", issuer="ca"), **more))


def is_settled(found: Bench) -> bool:
    signers = Signers.of(found.snapshot.generations())
    ctx = Context(found.manifest, found.snapshot, found.templates, NOW, timedelta(days=1), signers=signers)
    lane = lanes(ctx, plan_authorities(ctx))["ca"]
    return lane.window(found.manifest.credentials["web"], found.snapshot.credentials["web"]) is not None


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"csr": "web.csr"},
        {"keys": (KeySpec(passphrase_env="SECRET"),)},
        {"keys": (KeySpec(passphrase_file="secrets/web"),)},
        {"prevent_destroy": True},
    ],
)
def test_one_glance_settles_what_is_as_asked(more):
    assert is_settled(web(**more))


@pytest.mark.parametrize(
    "change",
    [
        {"prevent_destroy": True},
        {"keys": (KeySpec(passphrase_env="SECRET"),)},
        {"keys": (KeySpec(passphrase_file="secrets/web"),)},
    ],
)
@pytest.mark.parametrize("taken_away", [False, True])
def test_what_the_record_alone_would_say_otherwise_takes_a_closer_look(change, taken_away):
    found = web(**change) if taken_away else web()
    spec = found.manifest.credentials["web"]
    found.declare(replace(spec, prevent_destroy=False, keys=(KeySpec(),)) if taken_away else replace(spec, **change))

    assert not is_settled(found)
    (update,) = found.plan().changes
    assert len(update.differences) == 1


def test_a_key_in_the_file_of_another_takes_a_closer_look():
    found = web()
    (certificate,) = found.snapshot.credentials["web"].record.certificates
    elsewhere = replace(certificate, storage=(SoftwareKeyRef("../../key/k/private/key.pem"),))
    found.edit("credential/web", certificates=(elsewhere,))

    assert not is_settled(found)
