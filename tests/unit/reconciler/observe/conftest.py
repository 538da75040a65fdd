from __future__ import annotations

import pytest

from tests.support.states import State


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> State:
    return State.make(tmp_path_factory.mktemp("state"))


@pytest.fixture
def state(made, tmp_path) -> State:
    """State of the test's own, to do with as it likes."""
    return made.copy(tmp_path / "workspace")
