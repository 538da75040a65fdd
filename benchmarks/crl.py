"""How fast a CRL is made, against the builder of pyca/cryptography with the same entries and key.

    python -m benchmarks.crl [ENTRIES ...]          20,000 entries when none are said; 1,000,000 takes a minute

Ours is measured twice: from revocations to signed bytes, as the builder does it, and all of `qpki crl gen`, which reads
the index, lints, journals, verifies and publishes as well.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from benchmarks.timing import Work, seconds
from pki.authority import Authority, CaRequest, create_ca
from pki.der import assemble
from pki.keys import FileKey
from pki.ports import Ports, SystemSecrets, random_serial
from pki.profiles.catalog import Catalog
from pki.store import index
from pki.store.index import IndexEntry
from pki.x509.crls import REASONS, CrlTemplate, Revocation, crl_tbs

MANY = 100_000
"""Entries above which one turn has to do."""

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NEXT = NOW + timedelta(days=7)
EXPIRY = NOW + timedelta(days=365)
USED = tuple(reason for reason in REASONS if reason not in {"unspecified", "removeFromCRL"})


def main() -> None:
    parser = argparse.ArgumentParser(description="CRL generation against pyca's builder.")
    parser.add_argument("entries", type=int, nargs="*", default=[20_000], help="how many revoked certificates")
    print(f"{'entries':>10}{'pyca':>10}{'encoder':>10}{'ratio':>8}{'all of it':>12}{'ratio':>8}{'size':>12}")
    for count in parser.parse_args().entries:
        with tempfile.TemporaryDirectory() as folder:
            print(_measure(_authority(Path(folder) / "ca", count), count), flush=True)


def _measure(ca: Authority, count: int) -> str:
    revocations = ca.ledger.revocations(None, NOW)
    candidates: dict[str, Work] = {
        "pyca": lambda: _by_pyca(ca, revocations),
        "encoder": lambda: _by_ours(ca, revocations),
        "whole": ca.generate_crl,
    }
    taken = seconds(candidates, turns=5 if count <= MANY else 1)
    pyca, encoder, whole = taken.values()
    megabytes = ca.layout.crl_der.stat().st_size / 1e6
    return (
        f"{count:>10,}{pyca:>8.2f} s{encoder:>8.2f} s{encoder / pyca:>8.2f}"
        f"{whole:>10.2f} s{whole / pyca:>8.2f}{megabytes:>9.1f} MB"
    )


def _authority(directory: Path, count: int) -> Authority:
    """Return a CA that issued and revoked that many certificates, by its index."""
    profile = Catalog().get("ec/root-ca")
    wanted = CaRequest(directory=directory, profile=profile, variables={"cn": "Benchmark CA"}, key=FileKey())
    ca = create_ca(wanted, Ports(secrets=SystemSecrets(), clock=lambda: NOW))
    reasons = (USED[number % len(USED)] for number in range(count))
    rows = (IndexEntry("R", EXPIRY, NOW, reason, random_serial(), "/CN=www.example.com") for reason in reasons)
    index.append(ca.layout.index, *rows)
    return ca


def _by_ours(ca: Authority, revocations: tuple[Revocation, ...]) -> bytes:
    template = CrlTemplate(1, NOW, NEXT, revocations)
    with ca.key() as key:
        scheme = ca.certificate.scheme
        tbs = crl_tbs(template, key.identity, scheme)
        return assemble(tbs, scheme, key.signer.sign(tbs, scheme))


def _by_pyca(ca: Authority, revocations: tuple[Revocation, ...]) -> bytes:
    entries = [
        x509.RevokedCertificateBuilder(revocation.serial, revocation.at)
        .add_extension(x509.CRLReason(x509.ReasonFlags(revocation.reason)), critical=False)
        .build()
        for revocation in revocations
    ]
    builder = x509.CertificateRevocationListBuilder(ca.certificate.subject, NOW, NEXT, revoked_certificates=entries)
    key_id = x509.AuthorityKeyIdentifier(ca.certificate.key_id, None, None)
    builder = builder.add_extension(key_id, critical=False).add_extension(x509.CRLNumber(1), critical=False)
    (path,) = ca.layout.private.glob("*.key")
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return builder.sign(key, hashes.SHA384()).public_bytes(Encoding.DER)


if __name__ == "__main__":
    main()
