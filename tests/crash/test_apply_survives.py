"""Whatever step of an apply fails or is killed, applying again converges, and everything signed is accounted for.

One full apply, two tiers with a credential and their CRLs, is run once for every write, fsync, link, rename, signature
and key generation in it, in a forked process that is struck at exactly that point; then it is run again, unharmed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.support import killer
from tests.support.workspaces import TWO_TIER, Home, assert_accounted_for, assert_converged

KEY_CALLS = ("pki.signers.software:SoftwareSigner.sign", "pki.signers.software:generate")
POINTS = [("kill", "after"), ("kill", "half"), ("enospc", "before"), ("eio", "half")]
"""To be killed before a call is to be killed after the one before it."""

RENEWED = TWO_TIER.replace("name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2\n  onIssuerRekey: reissue")
REVOKED = f"{TWO_TIER}  revoked: {{reason: keyCompromise}}\n"
MOVED = (
    RENEWED.replace("name: web}", "name: site}")
    .replace("name: issuing}", "name: tls}")
    .replace("issuer: issuing", "issuer: tls")
    .replace(
        "name: test}",
        "name: test}\nspec: {moved: [{from: ca/issuing, to: ca/tls}, {from: credential/web, to: credential/site}]}",
    )
)


def strike(home: Home, number: int, mode: str, when: str) -> bool:
    """Apply in a child with a fault at its n-th call; say whether there was an n-th call."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            trigger = killer.arm(number, mode=mode, when=when, calls=KEY_CALLS)
            home.apply("--parallelism", 1)
            code = int(trigger.reached)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    outcome = os.waitstatus_to_exitcode(status)
    assert outcome in (0, 1, -signal.SIGKILL)
    return outcome != 0


def assert_one_key_each(home: Home) -> None:
    """Each generation has one key file; a second name that could not be unlinked is the same file, not another key."""
    for layout in home.generations():
        assert len({path.stat().st_ino for path in layout.private.iterdir()}) == 1


def assert_named_as_they_stand(home: Home) -> None:
    for path in home.directory.glob("state/credential/*/credential.meta.json"):
        assert json.loads(path.read_bytes())["id"] == path.parent.name


def assert_survives_everything(before: Home, mode: str, when: str, tmp_path: Path) -> int:
    """Return the number of points that were tried."""
    for number in count(1):
        work = tmp_path / "work"
        shutil.copytree(before.directory, work)
        home = Home(work, now=before.now)
        struck = strike(home, number, mode, when)
        home.applied()
        assert_converged(home)
        assert_accounted_for(home)
        assert_one_key_each(home)
        assert_named_as_they_stand(home)
        shutil.rmtree(work)
        if not struck:
            return number - 1
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "when"), POINTS)
def test_a_first_apply_survives(mode: str, when: str, tmp_path: Path, record_property) -> None:
    tried = assert_survives_everything(Home.make(tmp_path / "home"), mode, when, tmp_path)

    record_property("points", tried)
    assert tried > (30 if when == "half" else 100)


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "when"), [("kill", "after"), ("enospc", "before")])
@pytest.mark.parametrize("later", ["renewal", "rekey", "revocation", "move"])
def test_a_later_apply_survives(later: str, mode: str, when: str, tmp_path: Path, record_property) -> None:
    """A renewal of the credential and the CRLs, a CA's new key with all below it, a revocation, other names."""
    home = Home.make(tmp_path / "home")
    home.applied()
    if later == "move":  # of a CA with two generations
        home.declare(RENEWED)
        home.applied()
    home.declare({"renewal": TWO_TIER, "rekey": RENEWED, "revocation": REVOKED, "move": MOVED}[later])
    home.now += timedelta(days=300 if later == "renewal" else 1)

    tried = assert_survives_everything(home, mode, when, tmp_path)

    record_property("points", tried)
    assert tried > 10
