from __future__ import annotations

import re

import pytest

from pki.findings import Severity
from pki.x509.lint import CRL_RULES, RULES
from pki.x509.lint.rules import Rule


@pytest.mark.parametrize(
    ("code", "clause"),
    [
        ("rfc5280.4.1.2.2.serial-not-positive", "RFC 5280 section 4.1.2.2"),
        ("rfc5280.A.1.country-code", "RFC 5280 appendix A.1"),
        ("rfc5280.8.fetched-over-tls", "RFC 5280 section 8"),
        ("x690.11.5.default-encoded", "ITU-T X.690 section 11.5"),
        ("fips186-5.A.1.1.rsa-exponent", "FIPS 186-5 appendix A.1.1"),
        ("cabf-br.7.1.serial-short", "CA/Browser Forum Baseline Requirements section 7.1"),
        ("openssl.47.common-name-not-permitted", "OpenSSL error 47"),
        ("qpki.names.control-character", None),
    ],
)
def test_the_clause_is_read_from_the_code(code, clause):
    assert clause == Rule(code, Severity.ERROR, lambda _: ()).clause


def test_codes_are_unique_and_name_their_clause():
    """Only our own rules, which say so, have no clause."""
    rules = (*RULES, *CRL_RULES)
    codes = [rule.code for rule in rules]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+", code) for code in codes)
    assert all(rule.clause or rule.code.startswith("qpki.") for rule in rules)


def test_a_finding_carries_code_severity_and_clause():
    rule = Rule("rfc5280.8.x", Severity.NOTICE, lambda subject: [f"{subject} is odd"])

    (finding,) = rule.findings("it")

    assert str(finding) == "notice: it is odd (RFC 5280 section 8) [rfc5280.8.x]"


WARNING, NOTICE = Severity.WARNING, Severity.NOTICE


def test_all_but_these_rules_stop_an_issuance():
    """An error blocks the key: which rules only advise is a decision, not an accident."""
    advice = {rule.code: rule.severity for rule in (*RULES, *CRL_RULES) if rule.severity is not Severity.ERROR}

    assert advice == {
        "cabf-br.7.1.serial-short": WARNING,
        "rfc5280.4.2.1.6.critical-san": WARNING,
        "rfc5480.2.2.compressed-point": WARNING,
        "rfc5280.4.2.1.7.critical-issuer-alternative-name": WARNING,
        "rfc5280.4.2.1.13.critical-distribution-points": WARNING,
        "rfc6960.4.2.2.2.1.critical-no-check": WARNING,
        "rfc5280.4.2.1.3.key-usage-not-critical": WARNING,
        "rfc5280.4.2.unknown-critical-extension": WARNING,
        "rfc5280.4.2.1.4.explicit-text-too-long": WARNING,
        "rfc5280.8.fetched-over-tls": NOTICE,
        "rfc5280.4.2.1.12.any-purpose-critical": WARNING,
        "rfc6960.4.2.2.2.responder-is-a-ca": WARNING,
        "rfc6960.4.2.2.2.1.responder-without-no-check": NOTICE,
        "rfc6960.4.2.2.2.1.no-check-without-responder": WARNING,
        "rfc5280.5.2.unknown-critical-crl-extension": WARNING,
    }
