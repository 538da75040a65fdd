"""CAs, generation by generation: records, certificates and chains."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pki.errors import EncodingError, StateCorruptError
from pki.keyrefs import SoftwareKeyRef, is_own_path
from pki.store import records
from pki.store.meta import CaMeta, CertificateFacts, IssuerFacts
from pki.x509.certificates import Certificate, parse_certificate
from reconciler.drivers.copies import RESTORE, find_certificate
from reconciler.observe.artefacts import certificate_fault, chain_fault, fingerprints
from reconciler.observe.ledgers import Issued, read_ledger
from reconciler.observe.reading import Reader
from reconciler.snapshot import Fault

_DIRECTORY = re.compile(r"([^.]+)(?:\.([1-9][0-9]*))?")


@dataclass(frozen=True)
class Found:
    """One generation as its files have it. `facts` are those of its record, or else of `ca.crt` itself."""

    name: str
    number: int
    directory: str
    record: CaMeta
    file: bytes | None
    chain_file: bytes | None
    issued: Issued

    @cached_property
    def facts(self) -> CertificateFacts | None:
        return self.record.certificate or (CertificateFacts.of(self.parsed) if self.parsed else None)

    @cached_property
    def parsed(self) -> Certificate | None:
        """What is in `ca.crt`."""
        try:
            return parse_certificate(self.file) if self.file else None
        except EncodingError:
            return None

    @property
    def is_root(self) -> bool:
        if self.record.certificate is None:  # from before there were facts: the files tell
            return self.chain_file is None
        return self.record.issuer is None


def resource_name(directory: str) -> str:
    """Return the CA that a directory is a generation of."""
    return directory.partition(".")[0]


def generation_number(directory: str) -> int:
    """Return which generation of its CA a directory is.

    Raises:
        StateCorruptError: no generation's directory has such a name.
    """
    match = _DIRECTORY.fullmatch(directory)
    number = int(match[2] or 1) if match else 0
    if number < 1 or (match and match[2] == "1"):
        raise StateCorruptError(
            f"{directory} is no name of a CA's directory", hint="it is NAME, and NAME.2, NAME.3 for later generations"
        )
    return number


def find_generation(reader: Reader, directory: str) -> Found | None:
    """Read a CA's directory; None when there is no CA in it.

    Raises:
        PkiError: its record, index or journal is damaged, or one of its paths leads out of the workspace.
    """
    reader.vetted(directory)
    data = reader.beside(directory, "ca.meta.json")
    if data is None:
        return None
    name = directory.rpartition("/")[2]
    number = generation_number(name)
    record = records.loads(CaMeta, data, f"{directory}/ca.meta.json")
    _require_own_keys(record, directory)
    return Found(
        name=name,
        number=number,
        directory=directory,
        record=record,
        file=reader.beside(directory, "ca.crt"),
        chain_file=reader.beside(directory, "chain.crt"),
        issued=read_ledger(reader, directory),
    )


def _require_own_keys(record: CaMeta, directory: str) -> None:
    """Refuse a record that finds a key file where none of this CA can be: no new key is made for such a record.

    Raises:
        StateCorruptError: it does.
    """
    for key in record.keys:
        if isinstance(key.storage, SoftwareKeyRef) and not is_own_path(key.storage.path):
            raise StateCorruptError(
                f"{directory}/ca.meta.json: its key cannot be in {key.storage.path!r}, outside its directory",
                hint=RESTORE,
            )


class Issuers:
    """Who signed what, and with it the chains that certificates must come with."""

    def __init__(self, generations: Iterable[Found]) -> None:
        self._by_key: dict[str, list[Found]] = {}
        self._chains: dict[str, tuple[str, ...] | None] = {}
        for found in generations:
            if found.facts and found.facts.subject_key_id:
                self._by_key.setdefault(found.facts.subject_key_id.upper(), []).append(found)

    def signer(self, key_id: str | None, issuer: IssuerFacts | None) -> Found | None:
        """Return the generation whose key has that identifier; of several with one key, the one that `issuer` is."""
        wanted = key_id or (issuer.subject_key_id if issuer else None)
        known = self._by_key.get(wanted.upper(), []) if wanted else []
        if len(known) > 1 and issuer:
            return next((found for found in known if _is(found, issuer)), known[0])
        return known[0] if known else None

    def sharing(self, key_id: str) -> Sequence[Found]:
        """Return the generations whose key has that identifier: one, or copies of it."""
        return self._by_key.get(key_id.upper(), [])

    def chain_below(self, found: Found) -> tuple[str, ...] | None:
        """Return the fingerprints of what certificates by this generation are served with; None if it cannot be known.

        They are those of the certificates on record now, up to the root; above a CA that is not in state, `chain.crt`
        is all there is to know.
        """
        if found.directory not in self._chains:
            self._chains[found.directory] = None  # a circle has no chain
            above = self.chain_of(found)
            if found.facts and above is not None:
                self._chains[found.directory] = (found.facts.fingerprint.upper(), *above)
        return self._chains[found.directory]

    def chain_of(self, found: Found) -> tuple[str, ...] | None:
        """Return the fingerprints that `chain.crt` of this generation must have."""
        if found.is_root:
            return ()
        parent = self.parent(found)
        if parent is not None:
            return self.chain_below(parent)
        try:
            return fingerprints(found.chain_file) if found.chain_file else None
        except EncodingError:
            return None

    def parent(self, found: Found) -> Found | None:
        return self.signer(None, found.record.issuer)


def _is(found: Found, issuer: IssuerFacts) -> bool:
    own = (found.facts, *found.record.previous)
    return any(facts.fingerprint.upper() == issuer.fingerprint.upper() for facts in own if facts)


def certificate_of(reader: Reader, state: str, found: Found) -> Certificate | None:
    """Return the certificate on record, wherever it is."""
    if found.record.certificate is None or (found.parsed and found.record.certificate.describes(found.parsed)):
        return found.parsed
    return find_certificate(reader.root, state, found.directory, found.record.certificate)


def generation_faults(found: Found, issuers: Issuers, certificate: Certificate | None) -> tuple[Fault, ...]:
    expected = found.facts.fingerprint if found.facts else ""
    faults = [certificate_fault(f"{found.directory}/ca.crt", found.file, expected, lambda: certificate is not None)]
    if not found.is_root:
        known = issuers.chain_of(found) if issuers.parent(found) else None
        faults.append(chain_fault(f"{found.directory}/chain.crt", found.chain_file, known))
    return tuple(fault for fault in faults if fault is not None)


def by_resource(generations: Mapping[str, Found]) -> dict[str, list[Found]]:
    """Return the generations of each CA, oldest first."""
    grouped: dict[str, list[Found]] = {}
    for found in sorted(generations.values(), key=lambda each: each.number):
        grouped.setdefault(resource_name(found.name), []).append(found)
    return grouped
