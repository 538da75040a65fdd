"""Files of a credential that follow from its record: what they hold, and how they are restored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pki.authority import Authority
from pki.authority.own import put
from pki.credentials.credential import Credential, certificate_path, exclusive
from pki.errors import IssuanceError, PkiError, StoreError
from pki.ledger import RESTORE, stored_certificates
from pki.store import meta
from pki.store.layout import CredentialLayout
from pki.store.meta import CredentialCertificate
from pki.store.wire import serial_hex
from pki.x509.certificates import Certificate, may_have_issued

_CERTIFICATE_FILE = re.compile(r"cert(\.[A-Za-z0-9-]+)?\.pem")


def mend_credential(authority: Authority, credential: Credential) -> list[Path]:
    """Restore the certificates, the chain and the full chains, without a key, and return what was written.

    Certificates come from what `authority`, which issued them, has on file; the chain is its own as it is now.

    Raises:
        StoreError: no file has a certificate that is on record.
        IssuanceError: a certificate on record is not by `authority`.
    """
    layout = credential.layout
    with exclusive(layout):
        records = meta.load_credential(layout.meta).certificates
        certificates = [recorded_certificate(layout, record, [authority]) for record in records]
        for record, certificate in zip(records, certificates, strict=True):
            if not may_have_issued(authority.certificate, certificate):
                raise IssuanceError(
                    f"{certificate_path(layout, record)} is not issued by the CA in {authority.layout.root}",
                    hint="name the CA, or the generation of it, that issued the credential",
                )
        return put(contents(layout, records, certificates, authority))


def contents(
    layout: CredentialLayout,
    records: Sequence[CredentialCertificate],
    certificates: Sequence[Certificate],
    authority: Authority,
) -> dict[Path, bytes]:
    """Return what is to be in each file beside the record."""
    chain = b"".join(link.pem() for link in authority.chain_below())
    return {
        path: data
        for record, certificate in zip(records, certificates, strict=True)
        for path, data in _files(layout, record, certificate.pem(), chain)
    }


def recorded_certificate(
    layout: CredentialLayout, record: CredentialCertificate, issuers: Iterable[Authority] = ()
) -> Certificate:
    """Return a certificate on record, from the credential's own file, or else from what its issuer has on file.

    Raises:
        StoreError: none of them has it.
    """
    own = certificate_path(layout, record)
    for path in (own, *(issuer.layout.issued(serial_hex(record.serial)) for issuer in issuers)):
        with suppress(PkiError):
            certificate = stored_certificates(path)[0]
            if record.describes(certificate):
                return certificate
    raise StoreError(f"{own} is not the certificate on record, and no other file is", hint=RESTORE)


def _files(
    layout: CredentialLayout, record: CredentialCertificate, certificate: bytes, chain: bytes
) -> Iterator[tuple[Path, bytes]]:
    yield certificate_path(layout, record), certificate
    if record.chain_path:
        yield layout.file(record.chain_path), chain
    if found := _CERTIFICATE_FILE.fullmatch(record.path or ""):
        yield layout.file(f"fullchain{found[1] or ''}.pem"), certificate + chain
