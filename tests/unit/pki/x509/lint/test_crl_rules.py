"""One bad CRL per rule: the table maps a rule's code to to-be-signed bytes that break it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.algorithms import SCHEMES
from pki.x509.crls import Crl, CrlTemplate, DistributionPoint, Revocation, crl_tbs, parse_crl
from pki.x509.lint import CRL_RULES, lint_crl
from pki.x509.lint.candidate import Extension
from pki.x509.lint.crl_candidate import CrlFields
from tests.support import x509_objects as make

CA = make.issue(make.template(make.name("CA")))
NULL = asn1.decode_der(asn1.TLV, b"\x05\x00")
SECOND = timedelta(seconds=1)
REVOKED = (
    Revocation(0xABCDEF, make.NOW - make.DAY, "keyCompromise", make.NOW - 2 * make.DAY),
    Revocation(0xABCDF0, make.NOW - make.DAY, "unspecified"),
    Revocation(0xABCDF1, make.NOW),
)
NUMBER, AUTHORITY, SCOPE = "2.5.29.20", "2.5.29.35", "2.5.29.28"
REASON, INVALIDITY = "2.5.29.21", "2.5.29.24"

Edit = Callable[[CrlFields], None]


def tbs(number: int = 7, revocations: tuple[Revocation, ...] = REVOKED, **rest: Any) -> bytes:
    times = {"this_update": make.NOW, "next_update": make.NOW + 7 * make.DAY} | rest
    scope = DistributionPoint(("http://crl.example.com/ca.crl",))
    return crl_tbs(
        CrlTemplate(number, revocations=revocations, distribution_point=scope, **times), CA.identity, CA.scheme
    )


def codes(*edits: Edit, issuer=CA, scheme=CA.scheme, previous: Crl | None = None, **template: Any) -> set[str]:
    """Return the codes of what lint finds in a CRL, by default a good one, after these edits."""
    fields = asn1.decode_der(CrlFields, tbs(**template))
    for edit in edits:
        edit(fields)
    found = lint_crl(asn1.encode_der(fields), issuer=issuer, scheme=scheme, previous=previous)
    return {finding.code for finding in found}


def signed(**template: Any) -> Crl:
    data = tbs(**template)
    return parse_crl(der.assemble(data, CA.scheme, make.sign(make.private_key(), CA.scheme, data)))


def put(**values: Any) -> Edit:
    def edit(fields: CrlFields) -> None:
        for name, value in values.items():
            setattr(fields, name, value)

    return edit


def without(oid: str) -> Edit:
    def edit(fields: CrlFields) -> None:
        fields.extensions = [found for found in fields.extensions if found.extn_id.dotted_string != oid]

    return edit


def raw(oid: str, value: str, *, critical: bool | None = None) -> Extension:
    return Extension(extn_id=x509.ObjectIdentifier(oid), critical=critical, extn_value=bytes.fromhex(value))


def with_raw(oid: str, value: str, *, critical: bool | None = None) -> Edit:
    def edit(fields: CrlFields) -> None:
        without(oid)(fields)
        fields.extensions.append(raw(oid, value, critical=critical))

    return edit


def critical(oid: str, value: bool | None) -> Edit:  # noqa: FBT001 (the value is what the encoding holds)
    def edit(fields: CrlFields) -> None:
        for found in fields.extensions:
            if found.extn_id.dotted_string == oid:
                found.critical = value

    return edit


def twice(fields: CrlFields) -> None:
    fields.extensions = fields.extensions[:2] * 2


def entry(position: int = 0, **values: Any) -> Edit:
    def edit(fields: CrlFields) -> None:
        for name, value in values.items():
            setattr(fields.entries[position], name, value)

    return edit


def issuer_that_may(*usages: str):
    return make.issue(make.template(CA.subject, (make.basic_constraints(ca=True), make.key_usage(*usages))))


BROKEN = {
    "rfc5280.5.1.malformed": lambda: {finding.code for finding in lint_crl(CA.tbs, issuer=CA, scheme=CA.scheme)},
    "rfc5280.5.1.unreadable-name-or-extension": lambda: codes(with_raw(NUMBER, "0500")),
    "rfc5280.5.1.2.1.not-version-2": lambda: codes(put(version=None)),
    "x690.11.5.crl-default-encoded": lambda: codes(critical(NUMBER, False)),
    "rfc5280.5.2.duplicate-crl-extension": lambda: codes(twice),
    "rfc5280.5.1.1.2.not-the-signature-algorithm": lambda: codes(put(signature=NULL)),
    "rfc5280.5.1.1.2.not-a-scheme-of-the-issuers-key": lambda: codes(scheme=SCHEMES["ed25519"]),
    "rfc5280.5.1.2.3.not-the-issuers-name": lambda: codes(put(issuer=der.tlv(make.name("Ca").public_bytes()))),
    "rfc5280.6.3.3.issuer-without-crl-sign": lambda: codes(issuer=issuer_that_may("key_cert_sign")),
    "rfc5280.5.1.2.4.time-type": lambda: codes(put(next_update=asn1.GeneralizedTime(make.NOW + make.DAY))),
    "rfc5280.5.1.2.4.fraction-of-a-second": lambda: codes(
        put(next_update=asn1.GeneralizedTime(datetime(2051, 1, 1, microsecond=500_000, tzinfo=UTC)))
    ),
    "rfc5280.5.1.2.5.next-update-missing": lambda: codes(put(next_update=None)),
    "rfc5280.5.1.2.5.next-update-not-later": lambda: codes(next_update=make.NOW),
    "rfc5280.5.1.2.6.empty-entries": lambda: codes(put(entries=[])),
    "rfc5280.5.1.2.6.duplicate-entry": lambda: codes(revocations=(*REVOKED, *REVOKED[:1])),
    "rfc5280.4.1.2.2.entry-serial": lambda: codes(entry(serial=1 << 159)),
    "rfc5280.5.1.2.6.revoked-in-the-future": lambda: codes(revocations=(Revocation(1, make.NOW + SECOND),)),
    "rfc5280.5.3.1.reason-unspecified": lambda: codes(entry(extensions=[raw(REASON, "0a0100")])),
    "rfc5280.5.3.1.reason-not-for-a-full-crl": lambda: codes(revocations=(Revocation(1, make.NOW, "removeFromCRL"),)),
    "rfc5280.5.3.1.reason-unknown": lambda: codes(entry(extensions=[raw(REASON, "0a0107")])),
    "rfc5280.5.3.critical-entry-extension": lambda: codes(entry(extensions=[raw(REASON, "0a0101", critical=True)])),
    "rfc5280.5.3.2.invalidity-date": lambda: codes(
        entry(extensions=[raw(INVALIDITY, (b"\x17\x0d" + b"261123120000Z").hex())])
    ),
    "rfc5280.5.2.1.crl-authority-key-identifier-missing": lambda: codes(without(AUTHORITY)),
    "rfc5280.5.2.1.crl-authority-key-identifier-of-another-key": lambda: codes(with_raw(AUTHORITY, "3003800142")),
    "rfc5280.5.2.3.crl-number-missing": lambda: codes(without(NUMBER)),
    "rfc5280.5.2.3.crl-number-range": lambda: codes(number=1 << 159),
    "rfc5280.5.2.3.crl-number-not-higher": lambda: codes(number=7, previous=signed(number=7)),
    "rfc5280.5.2.3.this-update-goes-back": lambda: codes(this_update=make.NOW - SECOND, previous=signed(number=6)),
    "rfc5280.5.2.1.crl-authority-key-identifier-critical": lambda: codes(critical(AUTHORITY, True)),
    "rfc5280.5.2.3.crl-number-critical": lambda: codes(critical(NUMBER, True)),
    "rfc5280.5.2.5.distribution-point-not-critical": lambda: codes(critical(SCOPE, None)),
    "rfc5280.5.2.unknown-critical-crl-extension": lambda: codes(with_raw("1.2.3.4", "0500", critical=True)),
}


@pytest.mark.parametrize("code", BROKEN)
def test_a_crl_that_breaks_a_rule_is_found_out(code):
    """The rule of that code finds its own breach."""
    assert code in BROKEN[code]()


def test_every_rule_has_a_crl_that_breaks_it():
    """No rule is in the table that nothing was seen to break, and no code is there twice."""
    assert sorted(BROKEN) == sorted(rule.code for rule in CRL_RULES)


MORE = [
    ("x690.11.5.crl-default-encoded", lambda: codes(entry(extensions=[raw(REASON, "0a0101", critical=False)]))),
    ("rfc5280.5.1.2.4.time-type", lambda: codes(entry(date=asn1.GeneralizedTime(make.NOW)))),
    (
        "rfc5280.5.1.2.4.fraction-of-a-second",
        lambda: codes(entry(date=asn1.GeneralizedTime(make.NOW.replace(microsecond=1)))),
    ),
    ("rfc5280.4.1.2.2.entry-serial", lambda: codes(entry(serial=0))),
    ("rfc5280.5.3.2.invalidity-date", lambda: codes(entry(extensions=[raw(INVALIDITY, "1800")]))),
    ("rfc5280.5.2.1.crl-authority-key-identifier-missing", lambda: codes(with_raw(AUTHORITY, "3000"))),
    ("rfc5280.5.1.unreadable-name-or-extension", lambda: codes(with_raw(SCOPE, "3000", critical=True))),
    ("rfc5280.5.1.unreadable-name-or-extension", lambda: codes(with_raw(SCOPE, "30068101ff8201ff", critical=True))),
]


@pytest.mark.parametrize(("code", "broken"), MORE)
def test_the_other_ways_to_break_a_rule(code, broken):
    assert code in broken()


GOOD = {
    "with entries": codes,
    "without entries": lambda: codes(revocations=()),
    "with no distribution point": lambda: codes(without(SCOPE)),
    "the next after another": lambda: codes(number=8, previous=signed(number=7)),
    "with the largest number": lambda: codes(number=(1 << 159) - 1),
    "with an extension that nobody knows": lambda: codes(with_raw("1.2.3.4", "0500")),
    "with dates after 2049": lambda: codes(next_update=datetime(2050, 1, 1, tzinfo=UTC)),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_crl_gives_no_finding(kind):
    assert GOOD[kind]() == set()


def test_a_finding_on_many_entries_names_the_first_few():
    """A million bad entries give one sentence, not a million."""
    revocations = tuple(Revocation(serial, make.NOW + SECOND) for serial in range(1, 1001))

    (finding,) = lint_crl(tbs(revocations=revocations), issuer=CA, scheme=CA.scheme)

    assert finding.message == "the entries 01, 02, 03 and 997 more are revoked after thisUpdate"
