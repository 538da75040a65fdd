"""Making credentials, and making them anew: keys, then certificates, then the record that names both."""

from __future__ import annotations

import re
import secrets as entropy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from cryptography.x509.oid import NameOID

from pki import keys
from pki.authority import Authority
from pki.credentials.credential import Credential, exclusive, signed_by
from pki.credentials.derived import contents, recorded_certificate
from pki.credentials.requests import EnrollRequest, Part, PresentKey, SubjectKey, compiled, parts_of
from pki.errors import AlreadyExistsError, IssuanceError, PkiError, StoreError
from pki.profiles.model import CertificateTemplate
from pki.signers.base import Signer, spki_sha256
from pki.store import files, meta
from pki.store.forms import COMPROMISES, Status
from pki.store.layout import GITIGNORE, CredentialLayout
from pki.store.meta import CredentialCertificate, CredentialMeta
from pki.x509.certificates import Certificate
from pki.x509.requests import CertificateRequest


@dataclass(frozen=True, slots=True)
class _Issued:
    """The certificates of one generation, with what their record says of them."""

    certificates: list[Certificate]
    records: tuple[CredentialCertificate, ...]


def enroll(authority: Authority, request: EnrollRequest) -> Credential:
    """Make the keys, issue a certificate for each profile, and record them; the record makes the credential exist.

    What can be refused is refused before the first key is made, and every key is there before the first certificate. A
    CSR brings its key: there is one profile, and nothing of the key is stored.

    Raises:
        AlreadyExistsError: the id is taken.
        RequestError: the CSR's self-signature or key does not do.
        FindingsError, KeyAccessError: as for issuing; there is no credential afterwards.
    """
    now = authority.now()
    templates = compiled(authority, request, now)
    layout = CredentialLayout(request.directory, _new_id(templates[0], now) if request.id is None else request.id)
    _require_free(layout)
    parts = parts_of(request, templates)
    with _issuing(authority, layout, parts, request.holder) as issue:
        _require_free(layout)
        issued = issue(frozenset())
        derived = contents(layout, issued.records, issued.certificates, authority)
        record = CredentialMeta(id=layout.id, created=now, **_facts(authority, request, issued))
        # In this order, and all staged before the first is moved into place: the record comes last.
        files.write_many({layout.file(".gitignore"): GITIGNORE, **derived, layout.meta: meta.dump(record)})
    return Credential.open(layout.root, layout.id)


def renew(authority: Authority, credential: Credential, request: EnrollRequest, *, new_keys: bool) -> Credential:
    """Issue a credential's certificates anew, as its next generation; the present ones stay valid, and on record.

    `authority` need not be the CA that issued the present ones, and the profiles may be others, or more or fewer. The
    credential stays where it is, under its id. Without `new_keys` the keys are those that it has, and `request.key` is
    asked for a profile that has none yet; the key of a CSR is the one in the CSR. New keys stand beside the old ones,
    which nothing destroys.

    The record is replaced before the certificate files: whoever finds those of the generation before, after a crash,
    gets the new ones from `mend_credential`.

    Raises:
        StoreError: the credential was changed meanwhile, or the certificate of a present key is nowhere to be found.
        IssuanceError: the credential is revoked as compromised, and a key that it has had would be certified again.
        KeyMismatchError: a present key is not of the kind that its profile asks for.
        RequestError, FindingsError, KeyAccessError: as for `enroll`; the credential is as it was.
    """
    now, layout, generation = authority.now(), credential.layout, credential.meta.generation + 1
    templates = compiled(authority, request, now)
    csr = isinstance(request.key, CertificateRequest)
    present = [] if new_keys or csr else _present_keys(authority, credential)
    parts = parts_of(request, templates, generation=generation, present=present)
    with _issuing(authority, layout, parts, request.holder) as issue:
        record = meta.load_credential(layout.meta)
        if record.generation != credential.meta.generation:
            raise StoreError(f"credential {layout.id} was renewed meanwhile", hint="look at it again")
        issued = issue(_compromised_keys(record))
        renewed = replace(
            record,
            generation=generation,
            previous=(*record.previous, *(_retired(each, record) for each in record.certificates)),
            revoked_at=None,
            revocation_reason=None,
            **_facts(authority, request, issued),
        )
        derived = contents(layout, issued.records, issued.certificates, authority)
        files.write_many({layout.meta: meta.dump(renewed), **derived})  # in this order, all staged before
    return Credential.open(layout.root, layout.id)


@contextmanager
def _issuing(
    authority: Authority, layout: CredentialLayout, parts: Sequence[Part], holder: str
) -> Iterator[Callable[[frozenset[str]], _Issued]]:
    """Give what makes the keys and certifies them, with the CA's key open and the credential locked.

    It is called with the SHA-256 of each SPKI that it is to refuse. When the block fails before the record names the
    certificates, they are revoked: nobody holds them.
    """
    certificates: list[Certificate] = []
    with authority.key() as issuer, ExitStack() as stack:
        authority.ledger.settle(authority.now())
        sources = [stack.enter_context(_subject_key(authority, layout, part)) for part in parts]
        files.make_directory(layout.directory, mode=0o700)
        stack.enter_context(exclusive(layout))

        def issue(refused: frozenset[str]) -> _Issued:
            subjects = [source() for source in sources]
            _require_uncompromised(layout, subjects, refused)
            for part, subject in zip(parts, subjects, strict=True):
                issued = authority.issue_template(part.template, subject.spki, issuer, holder=holder)
                certificates.append(issued.certificate)
            records = map(partial(_certificate_record, authority), parts, subjects, certificates)
            return _Issued(certificates, tuple(records))

        with _all_or_none(authority, layout, certificates, parts[0].generation):
            yield issue


@contextmanager
def _subject_key(authority: Authority, layout: CredentialLayout, part: Part) -> Iterator[Callable[[], SubjectKey]]:
    """Give what returns the key to certify; only one that is new to the credential is opened or made.

    A renewal for a present key does without its private half: its holder proved to have it when it was first certified,
    and the certificate then says which key it is. The issuer's own check is its signature over that certificate.
    """
    if isinstance(part.source, SubjectKey):
        subject = part.source
        yield lambda: subject
        return
    with keys.prepare(
        part.source,
        part.template.algorithm,
        base=layout.directory,
        default=part.key_path,
        wanted_by=f"profile {part.template.profile}",
        secrets=authority.ports.secrets,
    ) as open_key:
        yield lambda: _of(open_key())


def _of(key: keys.OpenKey) -> SubjectKey:
    return SubjectKey(key.signer.spki, (key.ref,))


@contextmanager
def _all_or_none(
    authority: Authority, layout: CredentialLayout, issued: Sequence[Certificate], generation: int
) -> Iterator[None]:
    """Revoke what was issued for a generation that then does not come to be."""
    try:
        yield
    except BaseException as error:
        try:
            if issued and _recorded_generation(layout) != generation:
                authority.ensure_revoked([certificate.serial for certificate in issued], "cessationOfOperation")
        except PkiError as failure:
            error.add_note(f"certificates were issued, belong to no credential, and are still valid: {failure}")
        raise


def _recorded_generation(layout: CredentialLayout) -> int | None:
    return meta.load_credential(layout.meta).generation if files.exists(layout.meta) else None


def _present_keys(authority: Authority, credential: Credential) -> list[PresentKey]:
    return [_present_key(authority, credential.layout, record) for record in credential.meta.certificates]


def _present_key(authority: Authority, layout: CredentialLayout, record: CredentialCertificate) -> PresentKey:
    """Return the key of a certificate on record; its private half is opened only if that certificate is lost."""
    try:
        found: Certificate | Signer = recorded_certificate(layout, record, [authority])
    except StoreError:
        if not record.storage:
            raise
        with keys.open_signer(
            record.storage[0], base=layout.directory, secrets=authority.ports.secrets, pin_spki=record.spki_sha256
        ) as signer:
            found = signer
    return PresentKey(record.profile, found.algorithm.name, SubjectKey(found.spki, record.storage))


def _compromised_keys(record: CredentialMeta) -> frozenset[str]:
    """Return all keys, by SPKI SHA-256, that a credential which is revoked as compromised ever had."""
    if record.status is not Status.REVOKED or record.revocation_reason not in COMPROMISES:
        return frozenset()
    return frozenset(each.spki_sha256 for each in (*record.previous, *record.certificates) if each.spki_sha256)


def _require_uncompromised(layout: CredentialLayout, subjects: Sequence[SubjectKey], refused: frozenset[str]) -> None:
    if any(spki_sha256(subject.spki) in refused for subject in subjects):
        raise IssuanceError(
            f"credential {layout.id} was revoked because its key is compromised: it is not certified again",
            hint="renew the credential with a new key",
        )


def _retired(certificate: CredentialCertificate, record: CredentialMeta) -> CredentialCertificate:
    """Return a certificate as `previous` has it: its files hold another now; who signed it must be told by itself."""
    return replace(certificate, path=None, chain_path=None, issuer_key_id=signed_by(certificate, record))


def _certificate_record(
    authority: Authority, part: Part, subject: SubjectKey, certificate: Certificate
) -> CredentialCertificate:
    return CredentialCertificate(
        serial=certificate.serial,
        role=_role(certificate),
        profile=part.template.profile,
        profile_digest=part.template.profile_digest,
        algorithm=certificate.scheme.label,
        key_algorithm=certificate.algorithm.name,
        fingerprint=certificate.fingerprint.upper(),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        spki_sha256=spki_sha256(certificate.spki),
        storage=subject.storage,
        path=part.path,
        chain_path="chain.pem",
        generation=part.generation,
        issuer_key_id=meta.key_id_of(authority.certificate),
    )


def _facts(authority: Authority, request: EnrollRequest, issued: _Issued) -> dict[str, Any]:
    """Return what the record of a credential says of its present generation."""
    return {
        "subject": meta.subject_of(issued.certificates[0].subject),
        "profiles": tuple(record.profile for record in issued.records),
        "status": Status.VALID,
        "not_before": max(certificate.not_before for certificate in issued.certificates),
        "not_after": min(certificate.not_after for certificate in issued.certificates),
        "certificates": issued.records,
        "variables": dict(request.variables),
        "issuer": meta.IssuerFacts.of(authority.certificate),
        "inputs_digest": request.inputs_digest,
        "prevent_destroy": request.prevent_destroy,
    }


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
