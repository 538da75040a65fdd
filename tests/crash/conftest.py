"""Tells at the end of a run how many points of failure were tried."""

from __future__ import annotations


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    tried = {
        report.nodeid.rpartition("::")[2]: number
        for report in reports
        for name, number in report.user_properties
        if name == "points"
    }
    if tried:
        terminalreporter.write_line(f"fault injection: {sum(tried.values())} points tried")
        for test, number in sorted(tried.items()):
            terminalreporter.write_line(f"  {number:5} {test}")
