"""The durable records: `ca.meta.json`, `credential.meta.json`, `key.meta.json`.

What a record does not name does not exist: replacing the file is the commit point of everything before it. The records
are values; change one with `dataclasses.replace` and write `dump` of the result. Times are UTC in whole seconds,
serials are `0x` and hex, a CRL number is a decimal string, because many JSON readers keep no number above 2^53 exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pki.algorithms import SchemeChoice
from pki.errors import StoreError
from pki.store import files, records
from pki.store.forms import (
    Choice,
    Flag,
    Hex,
    Instant,
    Name,
    Number,
    Ordinal,
    Serial,
    Sha256,
    State,
    Status,
    Storage,
    Subject,
    Variables,
)
from pki.store.records import Record

META_LIMIT = 4 * 1024 * 1024
"""Bytes of a record; the variables of a profile are the only part without a natural bound."""


class CertificateLike(Protocol):
    """What the records take from a certificate (`pki.x509.certificates.Certificate` has it)."""

    @property
    def serial(self) -> int: ...
    @property
    def subject(self) -> Iterable[Any]: ...
    @property
    def not_before(self) -> datetime: ...
    @property
    def not_after(self) -> datetime: ...
    @property
    def key_id(self) -> bytes | None: ...
    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord(Record):
    """A key of a CA: where it is, which public key that must be, and how it signs unless told otherwise."""

    id: Name
    algorithm: Name
    storage: Storage
    spki_sha256: Sha256 | None = None
    signature: Choice = field(default_factory=SchemeChoice)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts(Record):
    """A CA's certificate. `fingerprint` is the SHA-256 of the DER, and it and `subject_key_id` are upper-case hex."""

    serial: Serial
    fingerprint: Hex
    not_before: Instant
    not_after: Instant
    subject_key_id: Hex | None = None

    @classmethod
    def of(cls, certificate: CertificateLike) -> CertificateFacts:
        return cls(
            serial=certificate.serial,
            fingerprint=certificate.fingerprint.upper(),
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            subject_key_id=key_id_of(certificate),
        )

    def describes(self, certificate: CertificateLike) -> bool:
        return self.fingerprint.upper() == certificate.fingerprint.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerFacts(Record):
    """Whose key signed."""

    subject: Subject = field(hash=False)
    fingerprint: Hex
    subject_key_id: Hex | None = None

    @classmethod
    def of(cls, certificate: CertificateLike) -> IssuerFacts:
        return cls(
            subject=subject_of(certificate.subject),
            fingerprint=certificate.fingerprint.upper(),
            subject_key_id=key_id_of(certificate),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaUrls(Record):
    """Where a CA publishes: what certificates that it issues point to unless a variable says otherwise."""

    crl: tuple[Name, ...] = ()
    ca_issuers: tuple[Name, ...] = ()
    ocsp: tuple[Name, ...] = ()

    @property
    def variables(self) -> dict[str, tuple[str, ...]]:
        """The variables of a profile that these are the values of."""
        return {"crl_urls": self.crl, "ca_issuers_urls": self.ca_issuers, "ocsp_urls": self.ocsp}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlFacts(Record):
    """The CRL that was published last. `inputs_digest` is of what decided its content but the revocations."""

    number: Number
    this_update: Instant
    next_update: Instant
    inputs_digest: Sha256 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaMeta(Record):
    """`ca.meta.json`: paths and `config` in it are relative to its directory.

    `previous` are the earlier certificates of the same key, oldest first; all of them stand in `own/`. `generation`
    counts the keys that the CA has had, each in a directory of its own. `inputs_digest` is of what decides the content
    of the certificate. `prevent_destroy` and `forgotten` are a reconciler's: not to be removed; managed no longer,
    since when.
    """

    profile: Name
    created: Instant
    keys: tuple[KeyRecord, ...]
    profile_digest: Sha256 | None = None
    variables: Variables = field(default_factory=dict, hash=False)
    subject: Subject = field(default_factory=dict, hash=False)
    certificate: CertificateFacts | None = None
    issuer: IssuerFacts | None = None
    urls: CaUrls = CaUrls()
    crl: CrlFacts | None = None
    generation: Ordinal = 1
    inputs_digest: Sha256 | None = None
    prevent_destroy: Flag = False
    forgotten: Instant | None = None
    previous: tuple[CertificateFacts, ...] = ()

    def __post_init__(self) -> None:
        ids = {key.id for key in self.keys}
        if not ids or len(ids) != len(self.keys):
            raise ValueError("keys must be a list of at least one key, each with its own id")


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialCertificate(Record):
    """One certificate of a credential. `storage` is empty when the key never was ours (a CSR).

    `generation` is the credential's when it was issued, `issuer_key_id` the subject key identifier of the CA key that
    signed it, in upper-case hex: which generation of a CA can revoke it. `algorithm` is of the signature,
    `key_algorithm` of the key; older records lack the second.
    """

    serial: Serial
    role: Name
    profile: Name
    algorithm: Name
    fingerprint: Hex
    storage: tuple[Storage, ...] = ()
    profile_digest: Sha256 | None = None
    spki_sha256: Sha256 | None = None
    not_before: Instant | None = None
    not_after: Instant | None = None
    path: Name | None = None
    chain_path: Name | None = None
    generation: Ordinal = 1
    issuer_key_id: Hex | None = None
    key_algorithm: Name | None = None

    def describes(self, certificate: CertificateLike) -> bool:
        return self.fingerprint.upper() == certificate.fingerprint.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialMeta(Record):
    """`credential.meta.json`: certificates with one life. `status` is as of the time it was written.

    `certificates` are those of the present `generation`, `previous` those of the earlier ones, oldest first. The last
    four fields mean what they mean in `CaMeta`.
    """

    id: Name
    subject: Subject = field(hash=False)
    profiles: tuple[Name, ...]
    status: State
    created: Instant
    not_before: Instant
    not_after: Instant
    certificates: tuple[CredentialCertificate, ...]
    variables: Variables = field(default_factory=dict, hash=False)
    issuer: IssuerFacts | None = None
    revoked_at: Instant | None = None
    revocation_reason: Name | None = None
    previous: tuple[CredentialCertificate, ...] = ()
    generation: Ordinal = 1
    inputs_digest: Sha256 | None = None
    prevent_destroy: Flag = False
    forgotten: Instant | None = None

    def __post_init__(self) -> None:
        if not self.certificates:
            raise ValueError("certificates must be a list of at least one certificate")

    def revoked(self, at: datetime, reason: str | None) -> CredentialMeta:
        return replace(self, status=Status.REVOKED, revoked_at=at, revocation_reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMeta(Record):
    """`key.meta.json`: a key that stands alone, before or without a certificate."""

    id: Name
    algorithm: Name
    created: Instant
    storage: Storage
    spki_sha256: Sha256
    prevent_destroy: Flag = False
    forgotten: Instant | None = None


def load_ca(path: Path) -> CaMeta:
    """Return the record of a CA.

    Raises:
        StoreError: there is none.
        StateCorruptError: it is cut off, or is not what it should be; the message names the place.
        NewerFormatError: a newer version wrote it.
    """
    return _load(CaMeta, path, "there is no CA here")


def load_credential(path: Path) -> CredentialMeta:
    """Return the record of a credential; raises as `load_ca` does."""
    return _load(CredentialMeta, path, "there is no such credential")


def load_key(path: Path) -> KeyMeta:
    """Return the record of a standalone key; raises as `load_ca` does."""
    return _load(KeyMeta, path, "there is no such key")


def dump(meta: CaMeta | CredentialMeta | KeyMeta) -> bytes:
    """Return the file of a record: sorted keys, two spaces, a final newline."""
    return records.dumps(meta)


def subject_of(name: Iterable[Any]) -> dict[str, Any]:
    """Return a distinguished name as records hold it: `common_name` as text, further names as lists.

    `name` is an `x509.Name`. It is for people and for searching: the certificate has the order and the string types. Of
    several common names the last, most specific one stays. Types without a name here stand under their OID.
    """
    subject: dict[str, Any] = {}
    for attribute in name:
        label = _ATTRIBUTES.get(attribute.oid.dotted_string, attribute.oid.dotted_string)
        value = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
        subject[label] = value if label == "common_name" else [*subject.get(label, []), value]
    return subject


def key_id_of(certificate: CertificateLike) -> str | None:
    """Return the subject key identifier of a CA as records name it: in upper-case hex."""
    octets = certificate.key_id
    return None if octets is None else octets.hex().upper()


_ATTRIBUTES = {
    "2.5.4.3": "common_name",
    "2.5.4.4": "surname",
    "2.5.4.5": "serial_number",
    "2.5.4.6": "country",
    "2.5.4.7": "locality",
    "2.5.4.8": "province",
    "2.5.4.9": "street",
    "2.5.4.10": "organization",
    "2.5.4.11": "organizational_unit",
    "2.5.4.12": "title",
    "2.5.4.17": "postal_code",
    "2.5.4.42": "given_name",
    "2.5.4.65": "pseudonym",
    "2.5.4.97": "organization_identifier",
    "0.9.2342.19200300.100.1.1": "user_id",
    "0.9.2342.19200300.100.1.25": "domain_component",
    "1.2.840.113549.1.9.1": "email",
}

M = TypeVar("M", bound=Record)


def _load(kind: type[M], path: Path, absent: str) -> M:
    if not files.exists(path):
        raise StoreError(f"{path} is not there: {absent}", hint="check the directory that you named")
    return records.loads(kind, files.read(path, limit=META_LIMIT), path)
