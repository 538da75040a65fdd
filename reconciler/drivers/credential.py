"""Credentials: enrolled, renewed, revoked, and their records and derived files kept right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from pki import credentials
from pki.authority import Authority
from pki.credentials import Credential, EnrollRequest
from pki.errors import about
from pki.keys import FileKey, KeyChoice
from pki.store import files
from pki.store.layout import inside
from pki.store.meta import CredentialCertificate, CredentialMeta
from pki.x509.requests import MAX_SIZE, CertificateRequest, parse_request
from reconciler.drivers import events, revocation
from reconciler.drivers.context import Context
from reconciler.drivers.keychoice import WantedKey, chosen
from reconciler.kinds.credential import CredentialSpec
from reconciler.model import Action, Event
from reconciler.plan.certificates import Order
from reconciler.plan.model import Change
from reconciler.plan.needs import labels_shared


def create(context: Context, change: Change) -> Iterable[Event]:
    """Enroll a credential: its keys, its certificates, its record."""
    spec, issuer = context.credential_spec(change.address), _issuer(context, change)
    with _request(context, change, spec, _wanted(context, spec)) as request:
        record = credentials.enroll(context.held(issuer), request).meta
    return [*_keys(context, spec, record), *events.credential_issued(change.address, record, issuer)]


def renew(context: Context, change: Change) -> Iterable[Event]:
    """Issue a credential's certificates anew: for new keys where it is a rekey, and else for those that it has."""
    spec, issuer = context.credential_spec(change.address), _issuer(context, change)
    found, new_keys = _open(context, spec), change.action is Action.REKEY
    wanted = _wanted(context, spec) if new_keys else _wanted_beside(context, spec, found.meta)
    with _request(context, change, spec, wanted) as request:
        renewed = credentials.renew(context.held(issuer), found, request, new_keys=new_keys)
    record = credentials.amend(renewed, certificates=_stored(context, spec, renewed.meta)).meta
    known = {each.spki_sha256 for each in found.meta.certificates}
    return [*_keys(context, spec, record, known), *events.credential_issued(change.address, record, issuer)]


def update(context: Context, change: Change) -> Iterable[Event]:
    """Bring a credential's record, and the files that follow from others, up to date."""
    spec = context.credential_spec(change.address)
    found = _open(context, spec)
    written = credentials.mend_credential(_signer(context, spec, found.meta), found)
    certificates = _stored(context, spec, found.meta)
    fields: dict[str, object] = {"prevent_destroy": spec.prevent_destroy}
    if change.inputs_digest is not None:
        fields |= {"inputs_digest": change.inputs_digest, "variables": dict(spec.variables)}
        digests = {name: context.profile(name).digest for name in spec.profiles}
        certificates = tuple(
            replace(each, profile_digest=digests.get(each.profile, each.profile_digest)) for each in certificates
        )
    if credentials.amend(found, certificates=certificates, **fields).meta != found.meta:
        written = [found.layout.meta, *written]
    return [events.updated(change.address, written, context.root)]


def revoke(context: Context, change: Change) -> Iterable[Event]:
    """Revoke all that the manifest says is revoked of a credential."""
    spec = context.credential_spec(change.address)
    if spec.revoked is None:
        raise AssertionError(change)
    at = spec.revoked.at
    return revocation.of_credential(context, change.address, spec.revoked.reason, invalidity_date=at)


@contextmanager
def _request(
    context: Context, change: Change, spec: CredentialSpec, wanted: Sequence[WantedKey | None]
) -> Iterator[EnrollRequest]:
    layout = context.credential(spec.name)
    with _key(context, change, spec, wanted) as key:
        yield EnrollRequest(
            directory=layout.root,
            profiles=[context.profile(name) for name in spec.profiles],
            variables=spec.variables,
            key=key,
            id=spec.name,
            inputs_digest=change.inputs_digest,
            prevent_destroy=spec.prevent_destroy,
            holder=str(change.address),
        )


@contextmanager
def _key(
    context: Context, change: Change, spec: CredentialSpec, wanted: Sequence[WantedKey | None]
) -> Iterator[Sequence[KeyChoice] | CertificateRequest]:
    """Give a choice for each profile, or the request that a key of somebody else's came with."""
    if spec.csr is not None:
        with about(spec.csr):
            request = parse_request(files.read(inside(context.root, spec.csr), limit=MAX_SIZE))
        yield request
        return
    made = [key for key in wanted if key is not None]
    with chosen(context, change.address, change.generation or 1, made) as choices:
        coming = iter(choices)
        yield [FileKey() if key is None else next(coming) for key in wanted]


def _wanted(context: Context, spec: CredentialSpec) -> list[WantedKey]:
    order = Order.of_credential(spec)
    return [
        WantedKey(order.key(place), context.profile(profile).algorithm, place + 1, labels_shared(order))
        for place, profile in enumerate(spec.profiles)
    ]


def _wanted_beside(context: Context, spec: CredentialSpec, record: CredentialMeta) -> list[WantedKey | None]:
    """Return the keys that a renewal with the present ones still has to make: those of profiles that are new."""
    present = {each.profile for each in record.certificates}
    if len(spec.profiles) == len(record.certificates) == 1:
        present = {*spec.profiles}
    wanted = zip(spec.profiles, _wanted(context, spec), strict=True)
    return [None if profile in present else key for profile, key in wanted]


def _stored(context: Context, spec: CredentialSpec, record: CredentialMeta) -> tuple[CredentialCertificate, ...]:
    """Return the certificates on record with their keys where, and opened as, the manifest says."""
    place = context.place(context.credential(spec.name).directory)
    order = Order.of_credential(spec)
    keys = {profile: order.key(position) for position, profile in enumerate(spec.profiles)} if spec.csr is None else {}
    return tuple(
        replace(each, storage=tuple(context.storage(keys[each.profile], ref, place) for ref in each.storage))
        if each.profile in keys
        else each
        for each in record.certificates
    )


def _keys(
    context: Context, spec: CredentialSpec, record: CredentialMeta, known: Collection[str | None] = ()
) -> Iterable[Event]:
    """Tell of the keys of the present certificates that are not `known` from before."""
    if spec.csr is not None:
        return
    order = Order.of_credential(spec)
    place = context.place(context.credential(spec.name).directory)
    for position, certificate in enumerate(record.certificates):
        if certificate.spki_sha256 not in known:
            algorithm = context.profile(certificate.profile).algorithm.name
            yield from events.credential_key(spec.address, certificate, order.key(position), place, algorithm)


def _open(context: Context, spec: CredentialSpec) -> Credential:
    layout = context.credential(spec.name)
    return Credential.open(layout.root, layout.id)


def _issuer(context: Context, change: Change) -> str:
    return change.issuer or context.current(context.credential_spec(change.address).issuer)


def _signer(context: Context, spec: CredentialSpec, record: CredentialMeta) -> Authority:
    """Return the generation that signed a credential's present certificates."""
    key_id = next((each.issuer_key_id for each in record.certificates), None)
    recorded = record.issuer.subject_key_id if record.issuer else None
    return context.authority(context.signer(key_id or recorded, spec.issuer))
