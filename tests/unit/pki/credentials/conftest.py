"""A CA, and a request for a server's credential with its key in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pki.authority import Authority
from pki.credentials import Credential, EnrollRequest, enroll
from pki.keys import FileKey
from tests.support.enrolling import WEB
from tests.support.issue import CATALOG, new_ca


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return new_ca(CATALOG.get("ec/root-ca"), tmp_path / "ca", variables={"cn": "CA"})


@pytest.fixture
def wanted(tmp_path: Path) -> EnrollRequest:
    return EnrollRequest(
        directory=tmp_path / "credentials",
        profiles=[CATALOG.get("ec/tls-server")],
        variables=WEB,
        key=FileKey(),
        id="web",
    )


@pytest.fixture
def web(ca: Authority, wanted: EnrollRequest) -> Credential:
    return enroll(ca, wanted)
