"""A SoftHSM2 token per test, and the module set free afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pki.signers.pkcs11 import PkcsToken, close_all, open_token
from tests.support.tokens import FixedSecrets, SoftHsm, softhsm_token


@pytest.fixture(autouse=True)
def _nothing_stays_logged_in() -> Iterator[None]:
    """Each test starts as a fresh process would."""
    yield
    close_all()


@pytest.fixture
def hsm(tmp_path) -> SoftHsm:
    return softhsm_token(tmp_path)


@pytest.fixture
def secrets() -> FixedSecrets:
    return FixedSecrets()


@pytest.fixture
def token(hsm, secrets) -> Iterator[PkcsToken]:
    with open_token(hsm.config(), secrets) as token:
        yield token
