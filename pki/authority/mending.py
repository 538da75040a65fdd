"""Files of a CA that follow from others, written again where they are missing or were altered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pki.authority.authority import Authority
from pki.authority.own import derived, put, recorded_certificate
from pki.errors import IssuanceError, PkiError
from pki.ledger import Ledger
from pki.ports import Ports
from pki.store import files, meta
from pki.store.layout import CaLayout
from pki.x509.certificates import Certificate, is_self_issued, may_have_issued, serial_hex
from pki.x509.crls import Crl, parse_crl
from pki.x509.signatures import verify


def mend_ca(directory: Path, ports: Ports, parent: Authority | None = None) -> list[Path]:
    """Restore `ca.crt`, `chain.crt` and both forms of the CRL, without a key, and return what was written.

    `ca.crt` comes from `own/` or from what the parent issued, `chain.crt` from the parent as it is now (without one it
    is left alone), each form of the CRL from the other, as long as one is there whole and signed by the CA.

    Raises:
        StoreError: there is no CA, or no file has the certificate on record.
        IssuanceError: the certificate on record is not by the parent.
    """
    layout = CaLayout(directory)
    meta.load_ca(layout.meta)  # without one there is nothing to lock
    with Ledger(layout).exclusive(ports.clock()):
        record = meta.load_ca(layout.meta)
        facts = record.certificate
        copies = [parent.layout.issued(serial_hex(facts.serial))] if parent and facts else []
        certificate = recorded_certificate(layout, record, copies)
        return put({**_certificates(layout, certificate, parent), **_crl(layout, certificate)})


def _certificates(layout: CaLayout, certificate: Certificate, parent: Authority | None) -> dict[Path, bytes]:
    if parent is None or is_self_issued(certificate):
        return derived(layout, certificate, ())
    if not may_have_issued(parent.certificate, certificate):
        raise IssuanceError(f"{layout.certificate} is not issued by the CA in {parent.layout.root}")
    return derived(layout, certificate, parent.chain_below())


def _crl(layout: CaLayout, certificate: Certificate) -> dict[Path, bytes]:
    """Return both forms of the last CRL: of what is whole, and if that differs, of the one with the higher number."""
    found = list(_intact_crls(layout, certificate))
    if not found:
        return {}
    crl = max(found, key=lambda each: each.number or 0)
    return {layout.crl_der: crl.der, layout.crl_pem: crl.pem()}


def _intact_crls(layout: CaLayout, certificate: Certificate) -> Iterator[Crl]:
    for path in filter(files.exists, (layout.crl_der, layout.crl_pem)):
        with suppress(PkiError):
            crl = parse_crl(files.read(path, limit=None))
            verify(certificate.spki, crl.scheme, crl.tbs, crl.signature)
            yield crl
