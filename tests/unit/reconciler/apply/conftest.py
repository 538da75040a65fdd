from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.single import SINGLE
from tests.support.workspaces import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A workspace of a root, an issuing CA and a credential, with nothing applied yet; some files have their own."""
    return Home.make(tmp_path / "home", SINGLE)
