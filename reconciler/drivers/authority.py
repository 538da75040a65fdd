"""CAs: created, renewed, rekeyed, and their records and derived files kept right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pki.authority import Amendment, Authority, CaRenewal, CaRequest, create_ca, mend_ca, renew_ca
from pki.store.meta import CaMeta, CaUrls
from reconciler.drivers import events
from reconciler.drivers.context import Context
from reconciler.drivers.keychoice import WantedKey, chosen
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.inputs import resolve_urls
from reconciler.model import Event
from reconciler.plan.context import generation_name
from reconciler.plan.model import Change


def create(context: Context, change: Change) -> Iterable[Event]:
    """Make a CA, or its next generation: a key, a certificate, a directory of their own."""
    spec = context.ca_spec(change.address)
    number = change.generation or 1
    name = generation_name(spec.name, number)
    profile = context.profile(spec.profile)
    with chosen(context, change.address, number, [WantedKey(spec.key, profile.algorithm)]) as (key,):
        request = CaRequest(
            directory=context.ca_directory(name),
            profile=profile,
            variables=spec.variables,
            key=key,
            parent=_parent(context, change),
            urls=urls(spec, number),
            generation=number,
            inputs_digest=change.inputs_digest,
            prevent_destroy=spec.prevent_destroy,
            holder=str(change.address),
        )
        record = create_ca(request, context.ports).meta
    place = context.place(context.ca_directory(name))
    return [
        *events.ca_key(change.address, record, spec.key, place),
        *events.ca_issued(change.address, record, change.issuer),
    ]


def renew(context: Context, change: Change) -> Iterable[Event]:
    """Certify the key that a CA has anew."""
    spec = context.ca_spec(change.address)
    name = context.current(spec.name)
    renewal = CaRenewal(
        profile=context.profile(spec.profile),
        variables=spec.variables,
        parent=_parent(context, change),
        inputs_digest=change.inputs_digest,
        holder=str(change.address),
    )
    renewed = renew_ca(context.held(name), renewal)
    context.release(name)
    record = renewed.amend(**_settings(spec, renewed.meta)).meta
    return [*events.ca_issued(change.address, record, change.issuer)]


def update(context: Context, change: Change) -> Iterable[Event]:
    """Bring the records of a CA's generations, and the files that follow from others, up to date."""
    spec = context.ca_spec(change.address)
    written = [path for name in context.generations(spec.name) for path in _update(context, change, spec, name)]
    return [events.updated(change.address, written, context.root)]


def urls(spec: CaSpec, number: int) -> CaUrls:
    """Return what certificates by a generation of the CA point to."""
    resolved = resolve_urls(spec.urls, number)
    return CaUrls(crl=resolved.crl, ca_issuers=resolved.ca_issuers, ocsp=resolved.ocsp)


def _update(context: Context, change: Change, spec: CaSpec, name: str) -> list[Path]:
    directory, record = context.ca_directory(name), context.ca_record(name)
    written = mend_ca(directory, context.ports, _signer(context, spec, record))
    settings = _settings(spec, record)
    if name == context.current(spec.name):
        settings |= _of_current(context, change, spec, record, context.place(directory))
    context.release(name)
    authority = context.authority(name)
    return written if authority.amend(**settings).meta == record else [authority.layout.meta, *written]


def _of_current(context: Context, change: Change, spec: CaSpec, record: CaMeta, place: str) -> Amendment:
    """Return what only the record of the present generation follows the manifest in."""
    key, *others = record.keys
    amendment = Amendment(keys=(replace(key, storage=context.storage(spec.key, key.storage, place)), *others))
    if change.inputs_digest is not None:
        amendment |= Amendment(
            profile=spec.profile,
            profile_digest=context.profile(spec.profile).digest,
            variables=dict(spec.variables),
            inputs_digest=change.inputs_digest,
        )
    return amendment


def _settings(spec: CaSpec, record: CaMeta) -> Amendment:
    """Return what every generation's record is to say, and no certificate depends on."""
    return Amendment(urls=urls(spec, record.generation), prevent_destroy=spec.prevent_destroy)


def _parent(context: Context, change: Change) -> Authority | None:
    return None if change.issuer is None else context.held(change.issuer)


def _signer(context: Context, spec: CaSpec, record: CaMeta) -> Authority | None:
    """Return the generation that signed a CA's certificate; None for one that signed itself."""
    if spec.issuer is None or record.issuer is None:
        return None
    return context.authority(context.signer(record.issuer.subject_key_id, spec.issuer))
