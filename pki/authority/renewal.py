"""A new certificate for the key that a CA has: because the old one ends, or says what is true no longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pki.authority.authority import Authority
from pki.authority.creation import certifier, own_choice, require_ca_profile
from pki.authority.own import derived, keep, put
from pki.errors import IssuanceError, KeyMismatchError
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate, Profile
from pki.store import files, meta
from pki.store.meta import CaMeta, CertificateFacts
from pki.x509.certificates import Certificate

_REKEY = "that takes a new generation of the CA, with a key of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaRenewal:
    """What `renew_ca` is asked for. No parent means self-signed. The last two are as in `CaRequest`."""

    profile: Profile
    variables: Mapping[str, Any]
    parent: Authority | None = None
    inputs_digest: str | None = None
    holder: str = ""


def renew_ca(authority: Authority, renewal: CaRenewal) -> Authority:
    """Certify the CA's key anew, under the same name; the certificate until now goes to `previous` in the record.

    The new one is in `own/` before the record names it, and `ca.crt` and `chain.crt` follow the record. A run that was
    killed leaves the CA with the one or the other; its serial, if the record does not name it, is settled by whoever
    journaled it. What the CA issued stays valid: neither its key nor its name has changed.

    Raises:
        KeyMismatchError: the profile asks for another kind of key.
        IssuanceError: the profile makes no CA, or gives it another name.
        FindingsError, KeyAccessError: as for issuing; the CA is as it was.
    """
    layout, ports, parent, now = authority.layout, authority.ports, renewal.parent, authority.now()
    require_ca_profile(renewal.profile)
    facts = parent.facts() if parent else None
    template = compile_template(renewal.profile, renewal.variables, issuer=facts, now=now)
    _require_same_key_and_name(authority, template)
    certifying = certifier(layout, template, parent, ports, holder=renewal.holder)
    with certifying as certify, authority.key() as key, authority.ledger.exclusive(now):
        before = Authority.open(layout.root, ports)
        keep(layout, before.certificate)
        certificate = certify(key.signer)
        keep(layout, certificate)
        files.write(layout.meta, meta.dump(_record(before, renewal, template, certificate)))
        if parent is None:
            authority.ledger.settled(certificate.serial)
            files.remove(layout.chain)
        put(derived(layout, certificate, parent.chain_below() if parent else ()))
    return Authority.open(layout.root, ports, passphrase=authority.passphrase)


def _record(before: Authority, renewal: CaRenewal, template: CertificateTemplate, certificate: Certificate) -> CaMeta:
    record = before.meta
    key, *others = record.keys
    return replace(
        record,
        profile=renewal.profile.name,
        profile_digest=renewal.profile.digest,
        variables=dict(renewal.variables),
        keys=(replace(key, signature=own_choice(template)), *others),
        certificate=CertificateFacts.of(certificate),
        issuer=meta.IssuerFacts.of(renewal.parent.certificate) if renewal.parent else None,
        inputs_digest=renewal.inputs_digest,
        previous=(*record.previous, record.certificate or CertificateFacts.of(before.certificate)),
    )


def _require_same_key_and_name(authority: Authority, template: CertificateTemplate) -> None:
    algorithm = authority.certificate.algorithm
    if template.algorithm != algorithm:
        raise KeyMismatchError(
            f"profile {template.profile} asks for {template.algorithm}, but the CA's key is {algorithm}", hint=_REKEY
        )
    if template.subject.public_bytes() != authority.certificate.subject_der:
        raise IssuanceError(
            f"profile {template.profile} gives the CA the name {template.subject.rfc4514_string()},"
            f" but it is {authority.certificate.subject.rfc4514_string()}",
            hint=_REKEY,
        )
