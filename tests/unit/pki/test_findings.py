"""Findings read well and keep their place."""

from pki.findings import Finding, FindingsError, Location, Severity, errors


def test_a_finding_says_where_what_and_why():
    finding = Finding(
        Severity.ERROR,
        "rfc5280.serial",
        "the serial is zero",
        Location("a.yaml", 3, 7),
        clause="RFC 5280 section 4.1.2.2",
    )

    assert str(finding) == "a.yaml:3:7: error: the serial is zero (RFC 5280 section 4.1.2.2) [rfc5280.serial]"


def test_a_place_may_be_a_file_alone():
    assert str(Location("a.yaml")) == "a.yaml"


def test_only_errors_block():
    notice, error = Finding(Severity.NOTICE, "a", "a"), Finding(Severity.ERROR, "b", "b")

    assert errors([notice, error]) == (error,)
    assert FindingsError("two", [notice, error]).findings == (notice, error)
