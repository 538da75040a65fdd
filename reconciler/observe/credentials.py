"""Credentials: their records, and the files that people deploy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from pki.store import records
from pki.store.layout import identifier
from pki.store.meta import CredentialCertificate, CredentialMeta
from reconciler.drivers.copies import is_filed
from reconciler.observe.artefacts import certificate_fault, chain_fault, fingerprints
from reconciler.observe.authorities import Issuers
from reconciler.observe.reading import Reader
from reconciler.snapshot import Fault, ObservedCredential

CERTIFICATE = "cert.pem"
"""Where a certificate is whose record names no file."""

_CERTIFICATE_FILE = re.compile(r"cert(\.[A-Za-z0-9-]+)?\.pem")


class Credentials:
    """Observes credentials one after the other; chains that many of them share are looked into once."""

    def __init__(self, reader: Reader, state: str, issuers: Issuers) -> None:
        self._reader = reader
        self._state = state
        self._issuers = issuers
        self._good_chains: set[tuple[tuple[str, ...] | None, bytes]] = set()

    def find(self, name: str) -> ObservedCredential | None:
        """Read a credential's directory; None when there is no credential in it.

        Raises:
            PkiError: its record is damaged, or one of its paths leads out of the workspace.
        """
        directory = self._reader.vetted(f"{self._state}/credential/{name}")
        data = self._reader.beside(directory, "credential.meta.json")
        if data is None:
            return None
        identifier(name)
        record = records.loads(CredentialMeta, data, f"{directory}/credential.meta.json")
        return ObservedCredential(name, directory, record, tuple(self._faults(directory, record)))

    def _faults(self, directory: str, record: CredentialMeta) -> Iterator[Fault]:
        chains: dict[str | None, bytes | None] = {None: None}
        for certificate in record.certificates:
            found = self._issuers.signer(certificate.issuer_key_id, record.issuer)
            above = self._issuers.chain_below(found) if found else None
            path = certificate.chain_path
            if path is not None and path not in chains:
                data = self._reader.beside(directory, path)
                fault = self._chain_fault(f"{directory}/{path}", data, above)
                chains[path] = None if fault else data
                yield from (fault,) if fault else ()
            yield from self._certificate_faults(directory, certificate, chains[path], above)

    def _chain_fault(self, path: str, data: bytes | None, above: tuple[str, ...] | None) -> Fault | None:
        if data is not None and (above, data) in self._good_chains:
            return None
        fault = chain_fault(path, data, above)
        if data is not None and fault is None:
            self._good_chains.add((above, data))
        return fault

    def _certificate_faults(
        self, directory: str, certificate: CredentialCertificate, chain: bytes | None, above: tuple[str, ...] | None
    ) -> Iterator[Fault]:
        """Check a certificate and its full chain; `chain` is what the chain's own file holds, if that is right."""
        name = certificate.path or CERTIFICATE
        data = self._reader.beside(directory, name)

        def is_kept() -> bool:
            return is_filed(self._reader.root, self._state, certificate.serial, certificate.fingerprint)

        fault = certificate_fault(f"{directory}/{name}", data, certificate.fingerprint, is_kept)
        if fault:
            yield fault
        match = _CERTIFICATE_FILE.fullmatch(certificate.path or "")
        if match is None:
            return
        full = f"fullchain{match[1] or ''}.pem"
        found = self._reader.beside(directory, full)
        if fault or found is None or data is None or chain is None or found != data + chain:
            links = fingerprints(chain) if above is None and chain else above
            whole = None if links is None else (certificate.fingerprint.upper(), *links)
            if fault := chain_fault(f"{directory}/{full}", found, whole):
                yield replace(fault, mendable=above is not None and is_kept())
