"""CAs of every family, once per test run."""

from __future__ import annotations

import pytest

from tests.support.issue import Estate


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return Estate(tmp_path_factory.mktemp("estate"))
