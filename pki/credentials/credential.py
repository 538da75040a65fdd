"""`Credential`: a directory with an end entity's certificates and their record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pki.errors import StoreError
from pki.ledger import LOCK_TIMEOUT, stored_certificates
from pki.store import files, meta
from pki.store.forms import Status
from pki.store.layout import CredentialLayout
from pki.store.meta import CredentialCertificate, CredentialMeta
from pki.x509.certificates import Certificate


@dataclass(frozen=True, slots=True)
class Credential:
    layout: CredentialLayout
    meta: CredentialMeta

    @classmethod
    def open(cls, directory: Path, credential_id: str) -> Credential:
        """Load one credential of those under `directory`.

        Raises:
            PathEscapeError: the id could lead out of the directory.
            StoreError: there is no such credential, or its record cannot be read.
        """
        layout = CredentialLayout(directory, credential_id)
        return cls(layout, meta.load_credential(layout.meta))

    def certificates(self) -> list[Certificate]:
        """Return its present certificates, each checked against the record.

        Raises:
            StoreError: a file is missing or holds another certificate than was issued.
        """
        return [self._certificate(record) for record in self.meta.certificates]

    def chain(self) -> list[Certificate]:
        """Return the CA certificates above, the issuer's first."""
        return stored_certificates(self.layout.chain)

    def status(self, now: datetime) -> Status:
        """Return the status at a time: a valid credential expires without anybody writing it down."""
        if self.meta.status is Status.VALID and self.meta.not_after < now:
            return Status.EXPIRED
        return self.meta.status

    def _certificate(self, record: CredentialCertificate) -> Certificate:
        path = certificate_path(self.layout, record)
        certificate = stored_certificates(path)[0]
        if not record.describes(certificate):
            raise StoreError(f"{path} is not the certificate on record", hint="restore it from git or your backup")
        return certificate


def credential_ids(directory: Path) -> list[str]:
    """Return the names under `directory` that have a record, in order; opening one may still fail."""
    return [name for name in files.list_directory(directory) if files.exists(directory / name / "credential.meta.json")]


def amend(credential: Credential, **fields: Any) -> Credential:  # noqa: ANN401 - of each field's own type
    """Change fields of the record alone; when it says all that already, nothing is written."""
    with exclusive(credential.layout):
        record = meta.load_credential(credential.layout.meta)
        amended = replace(record, **fields)
        if amended != record:
            files.write(credential.layout.meta, meta.dump(amended))
    return replace(credential, meta=amended)


@contextmanager
def exclusive(layout: CredentialLayout) -> Iterator[None]:
    """Hold the credential's lock, with what a killed run staged removed."""
    with files.locked(layout.file(".lock"), timeout=LOCK_TIMEOUT) as abandoned:
        if abandoned:
            files.sweep(layout.directory)
        yield


def certificate_path(layout: CredentialLayout, record: CredentialCertificate) -> Path:
    return layout.file(record.path) if record.path else layout.certificate


def signed_by(certificate: CredentialCertificate, record: CredentialMeta) -> str | None:
    """Return the key identifier of the CA that signed a present certificate, as far as the record tells."""
    return certificate.issuer_key_id or (record.issuer.subject_key_id if record.issuer else None)
