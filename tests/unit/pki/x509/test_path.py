"""Path validation, case by case: what holds, and what does not and why."""

from __future__ import annotations

import pytest

from pki.x509.path import CertificationPath, Fault, PathError, validate_path
from tests.support import chain_crls, chain_policies
from tests.support.chain_cases import CASES, Case

assert chain_crls
assert chain_policies
GOOD = [name for name, make in CASES.items()]


def validate(case: Case) -> CertificationPath:
    return validate_path(
        case.leaf.parsed,
        [entity.parsed for entity in case.intermediates],
        [entity.parsed for entity in case.anchors],
        at=case.at,
        crls=case.crls,
        require_crls=case.require_crls,
        purpose=case.purpose,
        hostname=case.hostname,
        policies=case.policies,
    )


def verdict(case: Case) -> Fault | None:
    try:
        validate(case)
    except PathError as error:
        return error.fault
    return None


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_right(name: str) -> None:
    case = CASES[name]()

    assert verdict(case) == case.fault
