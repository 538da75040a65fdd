"""Our verdicts on chains against those of pyhanko-certvalidator and of OpenSSL, which share no code with ours."""

from __future__ import annotations

import shutil
from collections.abc import Container
from pathlib import Path

import pytest

from pki.x509.path import Purpose
from tests.support import chain_crls, chain_policies
from tests.support.chain_cases import CASES
from tests.support.other_validators import OPENSSL_PURPOSES, PYHANKO_PURPOSES, openssl_accepts, pyhanko_accepts

pytestmark = pytest.mark.interop

assert chain_crls
assert chain_policies


def comparable(validator: str, purposes: Container[Purpose]) -> list[str]:
    cases = {name: make() for name, make in CASES.items()}
    return [
        name
        for name, case in cases.items()
        if validator not in case.incomparable and (case.purpose is None or case.purpose in purposes)
    ]


@pytest.mark.parametrize("name", comparable("pyhanko", PYHANKO_PURPOSES))
def test_pyhanko_certvalidator_agrees(name: str) -> None:
    case = CASES[name]()

    assert pyhanko_accepts(case) == (case.fault is None)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
@pytest.mark.parametrize("name", comparable("openssl", OPENSSL_PURPOSES))
def test_openssl_agrees(tmp_path: Path, name: str) -> None:
    case = CASES[name]()

    assert openssl_accepts(case, tmp_path) == (case.fault is None)
