"""What goes in comes out, and nothing that was changed after signing passes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pki import der
from pki.algorithms import SCHEMES
from pki.errors import PkiError
from pki.profiles.model import RequestedNames
from pki.x509.certificates import IssuerIdentity, certificate_tbs, parse_certificate, serial_hex
from pki.x509.crls import REASONS, CrlTemplate, DistributionPoint, Revocation, crl_tbs, parse_crl
from pki.x509.lint import lint_certificate, lint_crl, x690
from pki.x509.requests import parse_request, request_tbs, verify_request
from pki.x509.signatures import verify
from tests.support import x509_objects as make

SCHEME = SCHEMES["ecdsa-sha256"]
UNSIGNED = b"no signature"

serials = st.integers(min_value=1, max_value=(1 << 159) - 1)
moments = st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis asks for naive bounds)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=16)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=4).map(".".join)
ips = st.ip_addresses().map(str)
names = st.lists(
    st.tuples(st.sampled_from([NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.LOCALITY_NAME]), texts),
    max_size=5,
).map(lambda attributes: x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes]))
names_on_request = st.builds(
    RequestedNames,
    dns=st.lists(hosts, unique=True, max_size=3).map(tuple),
    ips=st.lists(ips, unique=True, max_size=3).map(tuple),
    emails=st.lists(st.builds("{}@{}".format, labels, hosts), unique=True, max_size=3).map(tuple),
    uris=st.lists(hosts.map("http://{}/".format), unique=True, max_size=3).map(tuple),
)
revocations = st.builds(Revocation, serials, moments, st.none() | st.sampled_from(REASONS), st.none() | moments)


def whole(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(microsecond=0)


@given(names, serials, moments, moments, st.none() | st.binary(min_size=1, max_size=20))
def test_a_certificate_says_what_its_template_said(subject, serial, begin, end, issuer_key_id):
    issuer = None if issuer_key_id is None else IssuerIdentity(make.name("CA").public_bytes(), issuer_key_id)
    template = make.template(subject, not_before=begin, not_after=end)
    spki = make.spki_of(make.private_key())
    tbs = certificate_tbs(template, serial=serial, spki=spki, issuer=issuer, scheme=SCHEME)
    certificate = parse_certificate(der.assemble(tbs, SCHEME, UNSIGNED))

    assert (certificate.subject, certificate.serial) == (subject, serial)
    assert (certificate.not_before, certificate.not_after) == (whole(begin), whole(end))
    assert certificate.issuer == (make.name("CA") if issuer else subject)
    assert certificate.authority_key_id == (issuer_key_id or der.subject_key_identifier(spki))
    assert (certificate.spki, certificate.tbs, certificate.scheme) == (spki, tbs, SCHEME)
    assert tuple(certificate.extensions)[2:] == template.extensions
    assert int(certificate.serial_hex, 16) == serial
    assert len(serial_hex(serial)) % 2 == 0
    assert not list(x690.breaches(tbs))


@given(st.lists(revocations, max_size=5), serials, moments, st.lists(hosts, max_size=2), st.sampled_from([None, "ca"]))
def test_a_crl_says_what_its_template_said(entries, number, moment, urls, only):
    scope = DistributionPoint(tuple(f"http://{host}/" for host in urls), only) if urls or only else None
    template = CrlTemplate(number, moment, moment, tuple(entries), scope)
    tbs = crl_tbs(template, IssuerIdentity(make.name("CA").public_bytes(), b"key"), SCHEME)
    crl = parse_crl(der.pem(der.CRL, der.assemble(tbs, SCHEME, UNSIGNED)))

    assert (crl.number, crl.this_update, crl.next_update) == (number, whole(moment), whole(moment))
    assert crl.distribution_point == (scope and scope.extension().value)
    assert list(crl.revocations) == [
        Revocation(
            entry.serial,
            whole(entry.at),
            None if entry.reason == "unspecified" else entry.reason,
            whole(entry.invalidity_date),
        )
        for entry in entries
    ]
    assert not list(x690.breaches(tbs))


@given(names, names_on_request)
def test_a_request_asks_for_what_it_was_made_from(subject, wanted):
    san = make.san(dns=wanted.dns, ips=wanted.ips, emails=wanted.emails, uris=wanted.uris)
    spki = make.spki_of(make.private_key())
    tbs = request_tbs(subject, spki, [make.extension(san)])
    request = parse_request(der.assemble(tbs, SCHEME, UNSIGNED))

    short = {NameOID.COMMON_NAME: "cn", NameOID.ORGANIZATION_NAME: "o", NameOID.LOCALITY_NAME: "l"}
    asked = tuple(dict.fromkeys((short[part.oid], part.value) for part in subject))
    assert request.names == RequestedNames(asked, wanted.dns, wanted.ips, wanted.emails, wanted.uris)
    assert (request.spki, request.tbs) == (spki, tbs)


@cache
def signed(kind: str, scheme_name: str) -> bytes:
    scheme, key = SCHEMES[scheme_name], make.private_key(make.SCHEME_KEYS[scheme_name])
    spki = make.spki_of(key)
    issuer = IssuerIdentity(make.name().public_bytes(), b"key")
    crl = CrlTemplate(1, make.NOW, make.NOW + make.DAY, (Revocation(5, make.NOW, "superseded", make.NOW),))
    tbs = {
        "certificate": lambda: certificate_tbs(make.template(), serial=5, spki=spki, issuer=issuer, scheme=scheme),
        "crl": lambda: crl_tbs(crl, issuer, scheme),
        "request": lambda: request_tbs(make.name(), spki, [make.extension(make.san(dns=["example.com"]))]),
    }[kind]()
    return der.assemble(tbs, scheme, make.sign(key, scheme, tbs))


def accept(kind: str, data: bytes, spki: bytes) -> None:
    if kind == "request":
        verify_request(parse_request(data))
    else:
        found = parse_certificate(data) if kind == "certificate" else parse_crl(data)
        verify(spki, found.scheme, found.tbs, found.signature)


@pytest.mark.parametrize("kind", ["certificate", "crl", "request"])
@pytest.mark.parametrize("scheme_name", ["ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256", "ed25519", "ml-dsa-44"])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_flipped_bit_passes(kind, scheme_name, data):
    """A signed object with one bit changed is refused, with an error of ours: no parser's error gets out."""
    good = signed(kind, scheme_name)
    spki = make.spki_of(make.private_key(make.SCHEME_KEYS[scheme_name]))
    accept(kind, good, spki)
    bit = data.draw(st.integers(0, 8 * len(good) - 1))
    bad = bytearray(good)
    bad[bit // 8] ^= 1 << bit % 8

    with pytest.raises(PkiError):
        accept(kind, bytes(bad), spki)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["certificate", "crl", "request"])
def test_no_flipped_bit_of_any_position_passes(kind):
    good = signed(kind, "ecdsa-sha256")
    spki = make.spki_of(make.private_key())
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PkiError):
            accept(kind, bytes(bad), spki)


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda content: b"\x30" + bytes([len(content)]) + content))
def test_noise_is_refused_with_an_error_of_ours(data):
    for parse in (parse_certificate, parse_crl, parse_request):
        with pytest.raises(PkiError):
            parse(data)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_lint_never_raises(data):
    """Bytes that are broken in any way give findings or none, not an exception."""
    tbs = bytearray(der.split(signed("certificate", "ecdsa-sha256")).tbs)
    crl = bytearray(der.split(signed("crl", "ecdsa-sha256")).tbs)
    issuer = make.issue(make.template(make.name("Test")))
    for target in (tbs, crl):
        for _ in range(data.draw(st.integers(1, 3))):
            target[data.draw(st.integers(0, len(target) - 1))] = data.draw(st.integers(0, 255))

    assert isinstance(lint_certificate(bytes(tbs), issuer=issuer, scheme=SCHEME), list)
    assert isinstance(lint_crl(bytes(crl), issuer=issuer, scheme=SCHEME, previous=None), list)
