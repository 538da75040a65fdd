"""CRLs of every family: others read in them what we revoked, and when and why; linters have nothing against them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from pki.authority import Authority
from pki.store.layout import CaLayout
from pki.store.meta import CaUrls
from pki.x509.crls import REASONS, Crl, DistributionPoint, parse_crl
from tests.support import chains, interop
from tests.support.issue import CATALOG, NOW, PORTS, Estate, families, fewest, new_ca, new_leaf

pytestmark = pytest.mark.interop

URL = "http://pki.example.com/ca.crl"
REVOKING = [None, *(reason for reason in REASONS if reason != "removeFromCRL")]
"""Every reason that a full CRL can have; `unspecified` is written as none (RFC 5280 section 5.3.1)."""


@pytest.fixture(scope="module")
def crl_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Crl, CaLayout, dict[int, str | None]]]:
    """Give, by family, a CRL with an entry for each reason, where it is published, and the reasons by serial."""

    @cache
    def make(family: str) -> tuple[Crl, CaLayout, dict[int, str | None]]:
        authority = new_ca(CATALOG.get(f"{family}/root-ca"), tmp_path_factory.mktemp(family) / "ca")
        profile = CATALOG.get(f"{family}/tls-client")
        serials = [new_leaf(authority, profile, fewest(profile)).certificate.serial for _ in REVOKING]
        for serial, reason in zip(serials, REVOKING, strict=True):
            authority.revoke([serial], reason)
        reasons = [None if reason == "unspecified" else reason for reason in REVOKING]
        return authority.generate_crl(), authority.layout, dict(zip(serials, reasons, strict=True))

    return make


in_every_family = pytest.mark.parametrize("family", families())


@in_every_family
def test_pkilint_finds_nothing_in_a_crl_of_every_reason(crl_of, family: str) -> None:
    crl, _, _ = crl_of(family)

    assert interop.pkilint_crl(crl) == []


@in_every_family
def test_zlint_finds_nothing_in_a_crl_of_every_reason(crl_of, tmp_path: Path, family: str) -> None:
    crl, _, _ = crl_of(family)

    assert interop.zlint(crl, tmp_path) == {}


@in_every_family
def test_pkilint_finds_nothing_in_a_crl_that_lists_nothing(estate: Estate, family: str) -> None:
    crls = estate.family(f"{family}/root-ca").before

    assert [(crl.size, interop.pkilint_crl(crl)) for crl in crls] == [(0, []), (0, [])]


@in_every_family
def test_openssl_reads_the_reasons_and_dates(crl_of, family: str) -> None:
    _, layout, reasons = crl_of(family)

    text = openssl("crl", "-in", layout.crl_pem, "-noout", "-text").decode()

    assert openssl_entries(text) == {serial: ("Nov 23 12:00:00 2026 GMT", reason) for serial, reason in reasons.items()}


@in_every_family
def test_asn1crypto_reads_the_reasons_and_dates(crl_of, family: str) -> None:
    crl, _, reasons = crl_of(family)

    assert interop.asn1_entries(crl.der) == {serial: (NOW, reason) for serial, reason in reasons.items()}


@in_every_family
def test_openssl_makes_the_published_pem_of_the_published_der(crl_of, family: str) -> None:
    crl, layout, _ = crl_of(family)

    assert layout.crl_der.read_bytes() == crl.der
    assert openssl("crl", "-inform", "DER", "-in", layout.crl_der) == layout.crl_pem.read_bytes()


@pytest.mark.parametrize("family", [name for name in families() if name != "ml"])
def test_openssl_verifies_the_signature(crl_of, family: str) -> None:
    _, layout, _ = crl_of(family)

    said = openssl_says("crl", "-in", layout.crl_pem, "-noout", "-verify", "-CAfile", layout.certificate)

    assert "verify OK" in said


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA whose certificates say where its CRL is."""
    profile, directory = CATALOG.get("ec/root-ca"), tmp_path_factory.mktemp("published") / "ca"
    return new_ca(profile, directory, variables=fewest(profile), urls=CaUrls(crl=(URL,)))


@pytest.mark.parametrize(
    ("point", "counts"),
    [
        (DistributionPoint(urls=(URL,)), True),
        (DistributionPoint(only="user"), True),
        (DistributionPoint(urls=(URL,), only="user"), True),
        (DistributionPoint(urls=("http://pki.example.com/another.crl",)), False),
        (DistributionPoint(only="ca"), False),
    ],
    ids=["its URL", "its scope", "both", "another URL", "another scope"],
)
def test_a_crl_counts_for_the_certificates_that_its_distribution_point_names(
    published: Authority, tmp_path: Path, point: DistributionPoint, *, counts: bool
) -> None:
    profile = CATALOG.get("ec/tls-client")
    issue = new_leaf(published, profile, fewest(profile))

    crl = published.generate_crl(distribution_point=point)

    assert interop.pkilint_crl(crl) == []
    pyhanko = interop.pyhanko_verdict(issue, [crl])
    openssl = interop.openssl_verdict(issue, [crl], tmp_path, options=["-extended_crl"])
    assert (pyhanko == "valid", openssl == "valid") == (counts, counts)


def test_times_cross_from_utctime_to_generalizedtime_where_the_standard_says(tmp_path: Path) -> None:
    """RFC 5280 section 5.1.2.4: UTCTime through 2049, GeneralizedTime from 2050 on, in one and the same CRL."""
    at = datetime(2049, 12, 30, 12, 0, tzinfo=UTC)
    ports = replace(PORTS, clock=lambda: at)
    authority = new_ca(CATALOG.get("ec/root-ca"), tmp_path / "ca", ports=ports)
    profile = CATALOG.get("ec/tls-client")
    good, bad = (new_leaf(authority, profile, fewest(profile)) for _ in range(2))
    authority.revoke([bad.certificate.serial], "superseded")

    crl = authority.generate_crl(timedelta(days=7))

    for certificate in (authority.certificate, good.certificate):
        assert interop.pkilint_certificate(certificate) == []
    assert interop.pkilint_crl(crl) == []
    for issue, verdict in ((good, "valid"), (bad, "revoked")):
        for later in (at + timedelta(minutes=1), at + timedelta(days=6)):
            assert interop.pyhanko_verdict(issue, [crl], later) == verdict
            assert interop.openssl_verdict(issue, [crl], tmp_path, later) == verdict


def test_the_linter_finds_what_is_wrong() -> None:
    """A linter that is wired up wrongly finds nothing either."""
    issuer = chains.issue("Issuer")
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, NOW, NOW + timedelta(days=7))
    bad = parse_crl(builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER))

    assert "pkix.crl_number_missing" in " ".join(interop.pkilint_crl(bad))


def openssl(*arguments: str | Path) -> bytes:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def openssl_says(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stderr


def openssl_entries(text: str) -> dict[int, tuple[str, str | None]]:
    """Return date and reason by serial, as `openssl crl -text` shows them."""
    entry = re.compile(r"([0-9A-F]+)\n +Revocation Date: ([^\n]+)(?:\n +CRL entry.+\n.+Reason Code: *\n +(.+))?")
    entries = [entry.match(block) for block in text.split("Serial Number: ")[1:]]
    return {int(found[1], 16): (found[2], found[3] and interop.rfc_reason(found[3])) for found in entries}
