"""New CAs: a key, a certificate for it by itself or by a parent, and the record that makes the CA exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pki import issuance, keys
from pki.algorithms import SchemeChoice, select_scheme
from pki.authority.authority import Authority
from pki.authority.own import derived
from pki.errors import AlreadyExistsError, IssuanceError, UnsupportedAlgorithmError
from pki.keyrefs import KeyRef
from pki.ledger import Ledger
from pki.ports import Ports
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate, Profile
from pki.signers.base import Signer, spki_sha256
from pki.store import files, meta
from pki.store.layout import GITIGNORE, CaLayout
from pki.store.meta import CaMeta
from pki.x509.certificates import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class CaRequest:
    """What `create_ca` is asked for. No parent means a root. `urls` are what its certificates will point to.

    `generation`, `inputs_digest` and `prevent_destroy` go into the record; `holder` is the address of the resource that
    the CA is, for the journal of whoever signs its certificate.
    """

    directory: Path
    profile: Profile
    variables: Mapping[str, Any]
    key: keys.KeyChoice
    parent: Authority | None = None
    urls: meta.CaUrls = field(default_factory=meta.CaUrls)
    generation: int = 1
    inputs_digest: str | None = None
    prevent_destroy: bool = False
    holder: str = ""


def create_ca(request: CaRequest, ports: Ports) -> Authority:
    """Create a CA: its key, its certificate (self-signed or by the parent), then the record that makes it exist.

    A run that was killed leaves no CA; running it again carries on with the key file that is there.

    Raises:
        AlreadyExistsError: the directory holds a CA or something else; it is left as it is.
        FindingsError, KeyAccessError: as for issuing; no CA exists afterwards.
    """
    layout, parent, now = CaLayout(request.directory), request.parent, ports.clock()
    require_ca_profile(request.profile)
    _require_vacant(layout)
    facts = parent.facts() if parent else None
    template = compile_template(request.profile, request.variables, issuer=facts, now=now)
    certifying = certifier(layout, template, parent, ports, holder=request.holder)
    # What needs a PIN or passphrase is opened first: a wrong one must not leave a key without a certificate.
    with certifying as certify, _new_key(layout, request, template, ports) as make_key:
        files.make_directory(layout.root)
        with Ledger(layout).exclusive(now):
            _require_vacant(layout)
            files.make_directory(layout.private, mode=0o700)
            files.write(layout.root / ".gitignore", GITIGNORE)
            key = make_key()
            certificate = certify(key.signer)
            files.write_many(derived(layout, certificate, parent.chain_below() if parent else ()))
            files.write(layout.meta, meta.dump(_record(request, template, certificate, key.ref, now)))
            if parent is None:
                Ledger(layout).settled(certificate.serial)
    return Authority.open(layout.root, ports)


@contextmanager
def certifier(
    layout: CaLayout, template: CertificateTemplate, parent: Authority | None, ports: Ports, *, holder: str
) -> Iterator[Callable[[Signer], Certificate]]:
    """Give what certifies a CA's key: its parent, with its key open and its records in order, or the CA itself.

    A self-signed certificate is only journaled: its intent is settled once the record names it.
    """
    if parent is None:
        yield lambda signer: _certify_itself(layout, template, signer, ports, holder)
        return
    with parent.key() as key:
        parent.ledger.settle(ports.clock())
        yield lambda signer: parent.issue_template(template, signer.spki, key, holder=holder).certificate


def require_ca_profile(profile: Profile) -> None:
    """Refuse a profile that makes something else.

    Raises:
        IssuanceError: it does.
    """
    if not profile.is_ca:
        raise IssuanceError(f"profile {profile.name} does not make a CA", hint="choose a root-ca or issuing-ca profile")


def own_choice(template: CertificateTemplate) -> SchemeChoice:
    """Return how the CA of a certificate signs: as its profile says, if its own key can do that too."""
    try:
        select_scheme(template.algorithm, template.signature)
    except UnsupportedAlgorithmError:
        return SchemeChoice()
    return template.signature


def _new_key(
    layout: CaLayout, request: CaRequest, template: CertificateTemplate, ports: Ports
) -> AbstractContextManager[Callable[[], keys.OpenKey]]:
    return keys.prepare(
        request.key,
        template.algorithm,
        base=layout.root,
        default=f"private/ca.{template.algorithm}.key",
        wanted_by=f"profile {request.profile.name}",
        secrets=ports.secrets,
    )


def _certify_itself(
    layout: CaLayout, template: CertificateTemplate, signer: Signer, ports: Ports, holder: str
) -> Certificate:
    ledger = Ledger(layout)
    serial = ledger.free_serial(ports.serials)
    intend = ledger.intend_certificate(template, serial, ports.clock(), holder=holder)
    return issuance.issue_self_signed(template, serial=serial, signer=signer, intend=intend)


def _record(
    request: CaRequest, template: CertificateTemplate, certificate: Certificate, ref: KeyRef, now: datetime
) -> CaMeta:
    key = meta.KeyRecord(
        id="default",
        algorithm=template.algorithm.name,
        storage=ref,
        spki_sha256=spki_sha256(certificate.spki),
        signature=own_choice(template),
    )
    return CaMeta(
        profile=request.profile.name,
        profile_digest=request.profile.digest,
        created=now,
        variables=dict(request.variables),
        subject=meta.subject_of(certificate.subject),
        keys=(key,),
        certificate=meta.CertificateFacts.of(certificate),
        issuer=meta.IssuerFacts.of(request.parent.certificate) if request.parent else None,
        urls=request.urls,
        generation=request.generation,
        inputs_digest=request.inputs_digest,
        prevent_destroy=request.prevent_destroy,
    )


def _require_vacant(layout: CaLayout) -> None:
    if files.exists(layout.meta):
        raise AlreadyExistsError(f"there is a CA in {layout.root}", hint="choose another directory")
    foreign = [name for name in files.list_directory(layout.root) if name not in CaLayout.UNCOMMITTED]
    if foreign:
        raise AlreadyExistsError(
            f"{layout.root} is not empty ({', '.join(sorted(foreign)[:3])})", hint="choose another directory"
        )
