"""What holds for the whole suite.

Helpers skip a test whose token or program is not there. With QPKI_REQUIRE_TOKENS set, as on CI, nothing marked `hsm`
may be skipped: such a skip is a failure, unless what is missing is the right to mount, which containers lack.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Shared machines are slow at the wrong moment: no deadlines. CI tries the same examples every time.
settings.register_profile("qpki", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("qpki-ci", settings.get_profile("qpki"), derandomize=True)
settings.load_profile("qpki-ci" if os.environ.get("CI") else "qpki")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("QPKI_REQUIRE_TOKENS") and item.get_closest_marker("hsm"):
        report.outcome = "failed"
        *_, reason = report.longrepr if isinstance(report.longrepr, tuple) else (report.longreprtext,)
        report.longrepr = f"QPKI_REQUIRE_TOKENS is set, but: {reason}"
    return report
