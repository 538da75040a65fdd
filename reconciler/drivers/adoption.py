"""What exists becomes managed: by an `import`, or because what was forgotten is declared again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from posixpath import relpath

from pki import keys
from pki.algorithms import algorithm
from pki.authority import Authority
from pki.credentials import Credential
from pki.errors import IssuanceError, StoreError, about
from pki.keyrefs import KeyRef, TokenKeyRef
from pki.store import files, meta
from pki.store.journal import Journal
from pki.store.layout import CaLayout, inside
from pki.store.meta import CaMeta, CredentialCertificate, CredentialMeta
from pki.x509.certificates import Certificate
from pki.x509.crls import parse_crl
from pki.x509.signatures import verify
from reconciler.drivers import authority as authorities
from reconciler.drivers import events, key, removal
from reconciler.drivers.context import Context
from reconciler.kinds.keys import in_workspace
from reconciler.kinds.workspace import Imported
from reconciler.model import Address, Event, EventName, Kind
from reconciler.plan.model import Change

_UNCOPIED = frozenset({".lock", "journal/issued.jsonl"})
_PRIVATE = 0o600
_OTHERS = 0o077


def adopt(context: Context, change: Change) -> Iterable[Event]:
    """Take in what an `import` or the declaration of an existing key names, or take back what was forgotten."""
    if _is_recorded(context, change.address):
        removal.mark(context, change.address, None)
        return [Event(EventName.ADOPTED, change.address)]
    entry = next((each for each in context.manifest.workspace.imported if each.target == change.address), None)
    if entry is None:
        return key.create(context, change)
    by_kind = {Kind.CA: _adopt_ca, Kind.CREDENTIAL: _adopt_credential, Kind.KEY: _adopt_key}
    return list(by_kind[change.address.kind](context, change, entry))


def _is_recorded(context: Context, address: Address) -> bool:
    match address.kind:
        case Kind.CA:
            return bool(context.generations(address.name))
        case Kind.CREDENTIAL:
            return files.exists(context.credential(address.name).meta)
        case _:
            return files.exists(context.key(address.name).meta)


def _adopt_ca(context: Context, change: Change, entry: Imported) -> Iterator[Event]:
    """Copy the directory of a CA, its record last, after checking that it is whole and of the declared issuer."""
    spec, place = context.ca_spec(change.address), entry.directory or ""
    found = Authority.open(inside(context.root, place), context.ports)
    _require_issuer(found.certificate, context.authority(change.issuer) if change.issuer else found, place)
    _require_intact(found)
    target = CaLayout(context.ca_directory(spec.name))
    record = replace(
        found.meta,
        keys=tuple(
            replace(each, storage=_moved(each.storage, place, context.place(target.root))) for each in found.meta.keys
        ),
        urls=authorities.urls(spec, 1),
        generation=1,
        inputs_digest=change.inputs_digest,
        prevent_destroy=spec.prevent_destroy,
        forgotten=None,
    )
    if change.inputs_digest is not None:
        profile = context.profile(spec.profile)
        record = replace(record, profile=profile.name, profile_digest=profile.digest, variables=dict(spec.variables))
    _take_over(found, target.journal)
    _copy(found.layout.root, target.root, target.meta, record)
    yield _adopted(change, place)


def _adopt_credential(context: Context, change: Change, entry: Imported) -> Iterator[Event]:
    """Copy the directory of a credential, its record last, after checking that it is whole and of its issuer."""
    spec, place = context.credential_spec(change.address), entry.directory or ""
    source = inside(context.root, place)
    found = Credential.open(source.parent, source.name)
    issuer = context.authority(change.issuer or context.current(spec.issuer))
    for certificate in found.certificates():
        _require_issuer(certificate, issuer, place)
    target = context.credential(spec.name)
    new_place = context.place(target.directory)
    record = replace(
        found.meta,
        id=spec.name,
        certificates=tuple(_moved_certificate(each, place, new_place) for each in found.meta.certificates),
        previous=tuple(_moved_certificate(each, place, new_place) for each in found.meta.previous),
        inputs_digest=change.inputs_digest,
        prevent_destroy=spec.prevent_destroy,
        forgotten=None,
    )
    _copy(source, target.directory, target.meta, record)
    yield _adopted(change, place)


def _adopt_key(context: Context, change: Change, entry: Imported) -> Iterator[Event]:
    """Record a key that is on a token, after checking its kind and, if the import pins it, its public half."""
    spec, layout = context.key_spec(change.address), context.key(change.address.name)
    hsm = entry.hsm or spec.key.hsm or ""
    choice = keys.TokenKeyChoice(inside(context.root, hsm), entry.label, entry.key_id)
    record = keys.adopt_key(
        layout,
        algorithm(spec.algorithm),
        choice,
        context.ports,
        spki=entry.spki_sha256,
        prevent_destroy=spec.prevent_destroy,
    )
    found = replace(spec.key, existing=True)
    yield events.standalone_key(change.address, record, found, context.place(layout.directory))
    yield Event(EventName.ADOPTED, change.address, {"hsm": hsm, "label": entry.label, "key_id": entry.key_id})


def _adopted(change: Change, place: str) -> Event:
    return Event(EventName.ADOPTED, change.address, {"from": place})


def _require_issuer(certificate: Certificate, issuer: Authority, place: str) -> None:
    """Refuse a certificate that the declared issuer did not sign.

    Raises:
        VerificationError: it did not.
    """
    hint = "the import was not made: name the right directory, or the right issuer"
    with about(f"{place} is not what is declared", hint=hint):
        if certificate.issuer_der != issuer.certificate.subject_der:
            raise IssuanceError(f"its certificate is not issued by {issuer.layout.root.name}")
        verify(issuer.certificate.spki, certificate.scheme, certificate.tbs, certificate.signature)


def _require_intact(found: Authority) -> None:
    """Refuse a CA whose index cannot be read, lacks a certificate, or whose CRL another key signed.

    Raises:
        StoreError, VerificationError: it is so.
    """
    for entry in found.ledger.entries(found.now()):
        path = found.layout.issued(events.serial_text(entry.serial).removeprefix("0x"))
        if entry.status == "V" and not files.exists(path):
            raise StoreError(
                f"{path} is not there, but the index has it as valid", hint="restore it; nothing was imported"
            )
    if files.exists(found.layout.crl_der):
        with about(found.layout.crl_der):
            crl = parse_crl(files.read(found.layout.crl_der, limit=None))
            verify(found.certificate.spki, crl.scheme, crl.tbs, crl.signature)


def _take_over(found: Authority, target: Path) -> None:
    """Give an imported CA its journal, for whoever opens it next to settle what is open.

    Whom its certificates were for is left behind: resources of the workspace that it comes from. Here no record names
    them, and as certificates of nobody's they would be revoked. A CA that kept no journal gets one that has all in it
    that it issued.
    """
    kept = Journal(found.layout.journal).without_holders()
    files.make_directory(target.parent)
    files.write(target, kept)
    if not kept:
        Journal(target).done(entry.serial for entry in found.ledger.entries(found.now()))


def _moved_certificate(certificate: CredentialCertificate, before: str, after: str) -> CredentialCertificate:
    return replace(certificate, storage=tuple(_moved(ref, before, after) for ref in certificate.storage))


def _moved(storage: KeyRef, before: str, after: str) -> KeyRef:
    """Return a reference in a record as it must be in another directory; key files are copied along."""
    found = in_workspace(storage, before)
    if isinstance(found, TokenKeyRef):
        return replace(found, config=relpath(found.config, after))
    secret = found.passphrase_file
    path = relpath(found.path, before)
    if not path.startswith("private/"):  # what is elsewhere git does not ignore
        raise StoreError(
            f"the key file {found.path} is not in {before}/private",
            hint="put it there, and name it in the record; nothing was imported",
        )
    return replace(found, path=path, passphrase_file=None if secret is None else relpath(secret, after))


def _copy(source: Path, target: Path, record_path: Path, record: CaMeta | CredentialMeta) -> None:
    """Copy a directory file by file, whole and durable each, and the record when all else is there."""
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if path.is_symlink():
            raise StoreError(f"{path} is a symbolic link", hint="put the real file in its place; nothing was imported")
        if path.is_dir():
            files.make_directory(target / relative, mode=0o700 if relative.name == "private" else 0o755)
        elif not {relative.name, relative.as_posix()} & {*_UNCOPIED, record_path.name}:
            files.make_directory((target / relative).parent)
            mode = files.PUBLIC if path.stat().st_mode & _OTHERS and "private" not in relative.parts else _PRIVATE
            files.write(target / relative, files.read(path, limit=None), mode=mode)
    files.make_directory(target)
    files.write(record_path, meta.dump(record))
