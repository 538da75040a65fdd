"""Policy processing on random chains: our mapping per level against the valid policy trees of other people."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from cryptography import x509

from pki.x509.path import PathError, validate_path
from tests.support.chain_cases import Case, root
from tests.support.chain_policies import ANY, Extra, asserts, demands, maps
from tests.support.chains import issue, leaf
from tests.support.other_validators import openssl_accepts, pyhanko_accepts

pytestmark = pytest.mark.interop

POLICIES = [f"1.3.6.1.4.1.55555.9.{arc}" for arc in range(1, 4)]


def random_extensions(choose: random.Random, *, ca: bool) -> list[Extra]:
    asserted = choose.sample([*POLICIES, ANY], choose.randint(1, 3))
    extra = [asserts(*asserted)] if choose.random() < 0.9 else []
    mappable = [policy for policy in asserted if policy != ANY] or POLICIES
    if ca and choose.random() < 0.4:
        extra.append(maps(choose.choice(mappable), choose.choice(POLICIES)))
    if choose.random() < 0.25:
        explicit, mapping = choose.choice([(0, None), (1, None), (2, 0), (None, 0), (None, 1)])
        extra.append(demands(explicit=explicit, mapping=mapping))
    if ca and choose.random() < 0.25:
        extra.append((x509.InhibitAnyPolicy(choose.randint(0, 2)), True))
    return extra


def random_case(seed: int) -> Case:
    choose = random.Random(seed)
    authorities = [root()]
    for depth in range(choose.randint(1, 3)):
        above = authorities[-1]
        self_issued = choose.random() < 0.2
        name = above.certificate.subject if self_issued else f"Policy CA {depth}"
        key = ("ecdsa-p384", "ecdsa-p521", "ed25519")[depth] if self_issued else "ecdsa-p256"
        authorities.append(issue(name, above, key=key, extra=random_extensions(choose, ca=True)))
    end = leaf("Policy leaf", authorities[-1], extra=random_extensions(choose, ca=False))
    required = choose.sample(POLICIES, choose.randint(0, 2))
    return Case(end, authorities[1:], [root()], policies=required)


def accepts(case: Case) -> bool:
    try:
        validate_path(
            case.leaf.parsed,
            [entity.parsed for entity in case.intermediates],
            [entity.parsed for entity in case.anchors],
            at=case.at,
            policies=case.policies,
        )
    except PathError:
        return False
    return True


def test_pyhanko_certvalidator_agrees_on_random_policies() -> None:
    cases = {seed: random_case(seed) for seed in range(400)}

    ours = {seed: accepts(case) for seed, case in cases.items()}

    assert 100 < sum(ours.values()) < 300
    assert ours == {seed: pyhanko_accepts(case) for seed, case in cases.items()}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
def test_openssl_agrees_on_random_policies(tmp_path: Path) -> None:
    cases = {seed: random_case(seed) for seed in range(1000, 1100)}

    ours = {seed: accepts(case) for seed, case in cases.items()}

    assert ours == {seed: openssl_accepts(case, tmp_path) for seed, case in cases.items()}
