"""Credentials: an end entity's keys and certificates under one name, with one life.

A credential is a directory. Several profiles make several certificates, each with a key of its own; they are issued,
shown and revoked together.
"""

from __future__ import annotations

import re
import secrets as entropy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.x509.oid import NameOID

from pki import keys
from pki.authority import Authority
from pki.errors import AlreadyExistsError, IssuanceError, KeyAccessError, PkiError, StoreError
from pki.ledger import LOCK_TIMEOUT, stored_certificates
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate, Profile
from pki.signers.base import spki_sha256
from pki.store import files, meta
from pki.store.forms import Status
from pki.store.layout import GITIGNORE, CredentialLayout
from pki.store.meta import CredentialCertificate, CredentialMeta
from pki.x509.certificates import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollRequest:
    """What `enroll` is asked for; without an id one is made from the common name, the date and six random digits."""

    directory: Path
    profiles: Sequence[Profile]
    variables: Mapping[str, Any]
    key: keys.KeyChoice
    id: str | None = None


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
        """Return its certificates, each checked against the record.

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
        path = self.layout.file(record.path) if record.path else self.layout.certificate
        certificate = stored_certificates(path)[0]
        if certificate.fingerprint.upper() != record.fingerprint.upper():
            raise StoreError(f"{path} is not the certificate on record", hint="restore it from git or your backup")
        return certificate


@dataclass(frozen=True, slots=True)
class _Part:
    """One certificate to be of a credential: what it will say, where its key is to be, and the name of its files."""

    template: CertificateTemplate
    choice: keys.KeyChoice
    suffix: str

    @property
    def key_path(self) -> str:
        return f"private/key{self.suffix}.pem"

    @property
    def path(self) -> str:
        return f"cert{self.suffix}.pem"

    @property
    def full_chain_path(self) -> str:
        return f"fullchain{self.suffix}.pem"


def credential_ids(directory: Path) -> list[str]:
    """Return the names under `directory` that have a record, in order; opening one may still fail."""
    return [name for name in files.list_directory(directory) if files.exists(directory / name / "credential.meta.json")]


def enroll(authority: Authority, request: EnrollRequest) -> Credential:
    """Make the keys, issue a certificate for each profile, and record them; the record makes the credential exist.

    What can be refused is refused before the first key is made, and every key is there before the first certificate.

    Raises:
        AlreadyExistsError: the id is taken.
        FindingsError, KeyAccessError: as for issuing; there is no credential afterwards.
    """
    now = authority.now()
    templates = _compile(authority, request, now)
    layout = CredentialLayout(request.directory, _new_id(templates[0], now) if request.id is None else request.id)
    _require_free(layout)
    with authority.key() as issuer, ExitStack() as stack:
        parts = _parts(request, templates)
        authority.ledger.settle(now)
        prepared = [stack.enter_context(_prepare_key(authority, layout, part)) for part in parts]
        files.make_directory(layout.directory, mode=0o700)
        stack.enter_context(_exclusive(layout))
        _require_free(layout)
        opened = [make() for make in prepared]
        issued: list[Certificate] = []
        with _all_or_none(authority, layout, issued):
            for part, key in zip(parts, opened, strict=True):
                issued.append(authority.issue_template(part.template, key.signer.spki, issuer).certificate)
            _write(authority, layout, parts, issued)
            records = tuple(map(_certificate_record, parts, opened, issued))
            files.write(layout.meta, meta.dump(_record(authority, request, layout, issued, records)))
    return Credential.open(request.directory, layout.id)


def revoke(authority: Authority, credential: Credential, reason: str | None) -> Credential:
    """Revoke every certificate of a credential that is not revoked yet, all or none, and record when and why.

    Raises:
        StoreError: the credential is revoked already, or another CA issued it; nothing was changed.
    """
    with _exclusive(credential.layout):
        record = meta.load_credential(credential.layout.meta)
        if record.status is Status.REVOKED:
            raise StoreError(f"credential {record.id} is revoked already; its date and reason stay")
        revocations = authority.ensure_revoked([certificate.serial for certificate in record.certificates], reason)
        last = max(revocations, key=lambda each: each.at)
        revoked = record.revoked(last.at, last.reason)
        files.write(credential.layout.meta, meta.dump(revoked))
    return replace(credential, meta=revoked)


@contextmanager
def _exclusive(layout: CredentialLayout) -> Iterator[None]:
    """Hold the credential's lock, with what a killed run staged removed."""
    with files.locked(layout.file(".lock"), timeout=LOCK_TIMEOUT):
        files.sweep(layout.directory)
        yield


def _compile(authority: Authority, request: EnrollRequest, now: datetime) -> list[CertificateTemplate]:
    names = [profile.name for profile in request.profiles]
    if len(set(names)) != len(names):
        raise IssuanceError("a credential takes each profile once", hint="two of a kind are two credentials")
    facts = authority.facts()
    return [
        compile_template(profile, _variables_of(profile, request), issuer=facts, now=now)
        for profile in request.profiles
    ]


def _variables_of(profile: Profile, request: EnrollRequest) -> dict[str, Any]:
    """Return the variables for this profile: its own, and those that no profile knows, for it to refuse."""
    others = {name for other in request.profiles for name in other.variables} - set(profile.variables)
    return {name: value for name, value in request.variables.items() if name not in others}


def _parts(request: EnrollRequest, templates: Sequence[CertificateTemplate]) -> list[_Part]:
    """Name what belongs to each certificate: alone it needs no suffix, one of several has its profile's name."""
    if len(templates) == 1:
        return [_Part(templates[0], request.key, "")]
    return [
        _Part(template, _numbered(request.key, position), "." + re.sub(r"[^A-Za-z0-9]+", "-", template.profile))
        for position, template in enumerate(templates, start=1)
    ]


def _numbered(choice: keys.KeyChoice, position: int) -> keys.KeyChoice:
    """Give each of several keys on a token a label of its own.

    Raises:
        KeyAccessError: an id was given, which can name one key only.
    """
    if isinstance(choice, keys.FileKey):
        return choice
    if choice.key_id is not None or choice.label is None:
        raise KeyAccessError(
            "several profiles need several keys on the token, which one key id cannot name",
            hint="give a label alone: the keys become LABEL-1, LABEL-2 and so on",
        )
    return replace(choice, label=f"{choice.label}-{position}")


def _prepare_key(
    authority: Authority, layout: CredentialLayout, part: _Part
) -> AbstractContextManager[Callable[[], keys.OpenKey]]:
    return keys.prepare(
        part.choice,
        part.template.algorithm,
        base=layout.directory,
        default=part.key_path,
        wanted_by=f"profile {part.template.profile}",
        secrets=authority.ports.secrets,
    )


@contextmanager
def _all_or_none(authority: Authority, layout: CredentialLayout, issued: Sequence[Certificate]) -> Iterator[None]:
    """Revoke what was issued for a credential that then does not come to be: nobody holds those certificates."""
    try:
        yield
    except BaseException as error:
        if issued and not files.exists(layout.meta):
            try:
                authority.ensure_revoked([certificate.serial for certificate in issued], "cessationOfOperation")
            except PkiError as failure:
                error.add_note(f"certificates were issued, belong to no credential, and are still valid: {failure}")
        raise


def _write(
    authority: Authority, layout: CredentialLayout, parts: Sequence[_Part], issued: Sequence[Certificate]
) -> None:
    chain = b"".join(link.pem() for link in (authority.certificate, *authority.chain))
    contents = {layout.file(".gitignore"): GITIGNORE, layout.chain: chain}
    for part, certificate in zip(parts, issued, strict=True):
        contents[layout.file(part.path)] = certificate.pem()
        contents[layout.file(part.full_chain_path)] = certificate.pem() + chain
    files.write_many(contents)


def _certificate_record(part: _Part, key: keys.OpenKey, certificate: Certificate) -> CredentialCertificate:
    return CredentialCertificate(
        serial=certificate.serial,
        role=_role(certificate),
        profile=part.template.profile,
        profile_digest=part.template.profile_digest,
        algorithm=certificate.scheme.label,
        fingerprint=certificate.fingerprint.upper(),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        spki_sha256=spki_sha256(certificate.spki),
        storage=(key.ref,),
        path=part.path,
        chain_path="chain.pem",
    )


def _record(
    authority: Authority,
    request: EnrollRequest,
    layout: CredentialLayout,
    issued: Sequence[Certificate],
    records: tuple[CredentialCertificate, ...],
) -> CredentialMeta:
    return CredentialMeta(
        id=layout.id,
        subject=meta.subject_of(issued[0].subject),
        profiles=tuple(record.profile for record in records),
        status=Status.VALID,
        created=authority.now(),
        not_before=max(certificate.not_before for certificate in issued),
        not_after=min(certificate.not_after for certificate in issued),
        certificates=records,
        variables=dict(request.variables),
        issuer=meta.IssuerFacts.of(authority.certificate),
    )


def _role(certificate: Certificate) -> str:
    """Return what the key is for, by its key usage: encryption when it cannot sign, signature otherwise."""
    usage = certificate.key_usage
    signs = usage is None or usage.digital_signature or usage.content_commitment or usage.key_cert_sign
    return "signature" if signs else "encryption"


def _require_free(layout: CredentialLayout) -> None:
    if files.exists(layout.meta):
        raise AlreadyExistsError(f"credential {layout.id} exists in {layout.root}", hint="choose another id")


def _new_id(template: CertificateTemplate, now: datetime) -> str:
    names = template.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(names[0].value) if names else "credential"
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower())[:20].strip("-") or "credential"
    return f"{slug}-{now:%Y%m%d}-{entropy.token_hex(3)}"
