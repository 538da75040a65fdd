"""A CA's own certificate in its directory: which file has the one on record, and the files that follow from it.

`ca.crt` and `chain.crt` are what people fetch. When a CA gets a new certificate they are replaced after the record, so
that for a moment, or after a crash, they lag behind it. The copy in `own/` never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pki.errors import IssuanceError, KeyMismatchError, PkiError
from pki.ledger import RESTORE, stored_certificates
from pki.signers.base import spki_sha256
from pki.store import files
from pki.store.layout import CaLayout
from pki.store.meta import CaMeta
from pki.x509.certificates import Certificate, is_self_issued, may_have_issued, serial_hex


def recorded_certificate(layout: CaLayout, record: CaMeta, copies: Iterable[Path] = ()) -> Certificate:
    """Return the certificate that the record names: from `ca.crt`, or else from `own/` or the first of `copies`.

    Raises:
        StateCorruptError: none of them has it, and `ca.crt` is missing or damaged.
        IssuanceError: none of them has it, and `ca.crt` holds another.
        KeyMismatchError: it certifies another key than the record names.
    """
    try:
        return _required(layout.certificate, record, layout)
    except PkiError:
        if record.certificate is None:
            raise
        for path in (layout.own(serial_hex(record.certificate.serial)), *copies):
            with suppress(PkiError):
                return _required(path, record, layout)
        raise


def recorded_chain(layout: CaLayout, certificate: Certificate) -> tuple[Certificate, ...]:
    """Return the certificates above from `chain.crt`: none when it is not there, or lags behind the record.

    Raises:
        StateCorruptError: it is damaged.
    """
    if is_self_issued(certificate) or not files.exists(layout.chain):
        return ()
    chain = tuple(stored_certificates(layout.chain))
    return chain if may_have_issued(chain[0], certificate) else ()


def keep(layout: CaLayout, certificate: Certificate) -> list[Path]:
    """Put a certificate of the CA's own into `own/`, and return what was written: nothing when it is there."""
    files.make_directory(layout.own_certificates)
    return put({layout.own(certificate.serial_hex): certificate.pem()})


def derived(layout: CaLayout, certificate: Certificate, chain: Sequence[Certificate]) -> dict[Path, bytes]:
    """Return the files that follow from the record; a root has no `chain.crt`."""
    above = {layout.chain: b"".join(link.pem() for link in chain)} if chain else {}
    return {**above, layout.certificate: certificate.pem()}


def put(contents: Mapping[Path, bytes]) -> list[Path]:
    """Write the files that are missing or hold something else, and return them."""
    altered = {path: data for path, data in contents.items() if not _holds(path, data)}
    if altered:
        files.write_many(altered)
    return list(altered)


def _holds(path: Path, data: bytes) -> bool:
    return files.exists(path) and files.read(path, limit=None) == data


def _required(path: Path, record: CaMeta, layout: CaLayout) -> Certificate:
    certificate = stored_certificates(path)[0]
    facts, pin = record.certificate, record.keys[0].spki_sha256
    if facts is not None and not facts.describes(certificate):
        raise IssuanceError(f"{path} is not the certificate that {layout.meta.name} records", hint=RESTORE)
    if pin is not None and pin != spki_sha256(certificate.spki):
        raise KeyMismatchError(f"{path} certifies another key than {layout.meta.name} records", hint=RESTORE)
    return certificate
