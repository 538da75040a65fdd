"""A certification authority: a directory with its certificate, its records and the way to its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pki import issuance, keys
from pki.algorithms import SchemeChoice, select_scheme
from pki.errors import AlreadyExistsError, IssuanceError, KeyMismatchError, RequestError, UnsupportedAlgorithmError
from pki.findings import Finding
from pki.issuance import IssuingKey
from pki.keyrefs import KeyRef
from pki.ledger import RESTORE, Ledger, intact, revocation, stored_certificates
from pki.ports import Ports, SecretRef
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate, IssuerFacts, Profile
from pki.signers.base import Signer, spki_sha256
from pki.store import files, meta
from pki.store.index import IndexEntry
from pki.store.layout import GITIGNORE, CaLayout
from pki.store.meta import CaMeta
from pki.x509.certificates import Certificate
from pki.x509.crls import Crl, CrlTemplate, DistributionPoint, Revocation, parse_crl
from pki.x509.requests import CertificateRequest, verify_request

DEFAULT_CRL_VALIDITY = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaRequest:
    """What `create_ca` is asked for. No parent means a root. `urls` are what its certificates will point to."""

    directory: Path
    profile: Profile
    variables: Mapping[str, Any]
    key: keys.KeyChoice
    parent: Authority | None = None
    urls: meta.CaUrls = field(default_factory=meta.CaUrls)


@dataclass(frozen=True, slots=True)
class Issued:
    certificate: Certificate
    path: Path
    notices: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Authority:
    """An existing CA, checked against its records; its key is opened only while something is signed."""

    layout: CaLayout
    meta: CaMeta
    certificate: Certificate
    chain: tuple[Certificate, ...]
    ports: Ports
    passphrase: SecretRef | None = None

    @classmethod
    def open(cls, directory: Path, ports: Ports, *, passphrase: SecretRef | None = None) -> Authority:
        """Load the CA in `directory`. `passphrase` overrides the source that its metadata names for its key file.

        Raises:
            StoreError: there is no CA, its records cannot be read, or `ca.crt` is not the certificate on record.
        """
        layout = CaLayout(directory)
        record = meta.load_ca(layout.meta)
        certificate = stored_certificates(layout.certificate)[0]
        _require_recorded(record, certificate, layout)
        chain = tuple(stored_certificates(layout.chain)) if files.exists(layout.chain) else ()
        return cls(layout, record, certificate, chain, ports, passphrase)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.layout)

    def facts(self) -> IssuerFacts:
        """Return what compiling a profile under this CA depends on."""
        urls = self.meta.urls
        return IssuerFacts(
            subject=self.certificate.subject,
            not_before=self.certificate.not_before,
            not_after=self.certificate.not_after,
            path_length=self.certificate.path_length,
            defaults={"crl_urls": urls.crl, "ca_issuers_urls": urls.ca_issuers, "ocsp_urls": urls.ocsp},
        )

    def issue(self, profile: Profile, variables: Mapping[str, Any], request: CertificateRequest) -> Issued:
        """Issue for a CSR: the profile decides, the CSR proposes its key and its names.

        Raises:
            RequestError: the CSR's self-signature or key does not do.
            FindingsError: names or variables that the profile refuses, content that breaks a rule; nothing was signed.
        """
        verify_request(request)
        now = self.now()
        template = compile_template(profile, variables, issuer=self.facts(), now=now, requested=request.names)
        if request.algorithm != template.algorithm:
            raise RequestError(
                f"the CSR's key is {request.algorithm}, but profile {profile.name} asks for {template.algorithm}",
                hint="make the CSR with another key, or choose the profile for this one",
            )
        with self.key() as key:
            return self.issue_template(template, request.spki, key)

    def issue_template(self, template: CertificateTemplate, spki: bytes, key: IssuingKey) -> Issued:
        """Issue a compiled template for a public key whose holder has proved possession."""
        now = self.now()
        with self.ledger.exclusive(now):
            serial = _free_serial(self.ledger, self.ports)
            intend = self.ledger.intend_certificate(template, serial, now)
            certificate = issuance.issue_certificate(template, spki=spki, serial=serial, issuer=key, intend=intend)
            self.ledger.file(certificate)
        return Issued(certificate, self.layout.issued(certificate.serial_hex), template.notices)

    def revoke(self, serials: Sequence[int], reason: str | None) -> list[IndexEntry]:
        """Revoke certificates by serial, all or none; the next CRL lists them."""
        now = self.now()
        with self.ledger.exclusive(now):
            return self.ledger.revoke(serials, reason, now)

    def ensure_revoked(self, serials: Sequence[int], reason: str | None) -> list[Revocation]:
        """Revoke those of the certificates that are not revoked yet, and return the revocations of all."""
        now = self.now()
        with self.ledger.exclusive(now):
            rows = {entry.serial: entry for entry in self.ledger.entries(now) if entry.serial in set(serials)}
            standing = [serial for serial in serials if serial not in rows or rows[serial].revoked_at is None]
            if standing:
                rows |= {entry.serial: entry for entry in self.ledger.revoke(standing, reason, now)}
        return [revocation(rows[serial]) for serial in serials]

    def generate_crl(
        self, validity: timedelta = DEFAULT_CRL_VALIDITY, *, distribution_point: DistributionPoint | None = None
    ) -> Crl:
        """Sign and publish a new CRL, DER and PEM, and record its number and dates.

        The number is thisUpdate in microseconds since 1970, or one above every number used before if that is greater:
        it rises even when the clock does not, and CRLs made on two branches of a repository get different numbers.
        """
        with self.key() as key, self.ledger.exclusive(now := self.now()):
            record = meta.load_ca(self.layout.meta)
            previous = self._published_crl()
            template = CrlTemplate(
                number=_next_number(now, record, previous, self.ledger.open_crl_numbers()),
                this_update=now,
                next_update=now + validity,
                revocations=self.ledger.revocations(previous, now),
                distribution_point=distribution_point,
            )
            intend = self.ledger.intend_crl(template.number, now)
            crl = issuance.issue_crl(template, issuer=key, previous=previous, intend=intend)
            self._publish(crl, template, record)
        return crl

    @contextmanager
    def key(self) -> Iterator[IssuingKey]:
        """Open the CA's key for signing.

        Raises:
            KeyAccessError: it cannot be opened, or it is not the key of the CA's certificate.
            UnsupportedAlgorithmError: the CA has several keys.
        """
        record, *others = self.meta.keys
        if others:
            raise UnsupportedAlgorithmError(
                f"{self.layout.meta} names {len(self.meta.keys)} keys: signing with a hybrid CA is not supported yet",
                hint="nothing was signed: a certificate by one of its keys alone would not be what the CA promises",
            )
        with keys.open_signer(
            record.storage,
            base=self.layout.root,
            secrets=self.ports.secrets,
            pin_spki=record.spki_sha256 or spki_sha256(self.certificate.spki),
            passphrase=self.passphrase,
        ) as signer:
            yield IssuingKey(signer, self.certificate, record.signature)

    def now(self) -> datetime:
        return self.ports.clock()

    def _published_crl(self) -> Crl | None:
        if not files.exists(self.layout.crl_der):
            return None
        with intact(self.layout.crl_der):
            return parse_crl(files.read(self.layout.crl_der, limit=None))

    def _publish(self, crl: Crl, template: CrlTemplate, record: CaMeta) -> None:
        files.make_directory(self.layout.crl_der.parent)
        files.write_many({self.layout.crl_der: crl.der, self.layout.crl_pem: crl.pem()})
        facts = meta.CrlFacts(
            number=template.number, this_update=template.this_update, next_update=template.next_update
        )
        files.write(self.layout.meta, meta.dump(replace(record, crl=facts)))
        self.ledger.crl_published()


def create_ca(request: CaRequest, ports: Ports) -> Authority:
    """Create a CA: its key, its certificate (self-signed or by the parent), then the record that makes it exist.

    A run that was killed leaves no CA; running it again carries on with the key file that is there.

    Raises:
        AlreadyExistsError: the directory holds a CA or something else; it is left as it is.
        FindingsError, KeyAccessError: as for issuing; no CA exists afterwards.
    """
    layout, parent, now = CaLayout(request.directory), request.parent, ports.clock()
    _require_ca_profile(request.profile)
    _require_vacant(layout)
    facts = parent.facts() if parent else None
    template = compile_template(request.profile, request.variables, issuer=facts, now=now)
    # What needs a PIN or passphrase is opened first: a wrong one must not leave a key without a certificate.
    with _certifier(layout, template, parent, ports) as certify, _new_key(layout, request, template, ports) as make_key:
        files.make_directory(layout.root)
        with Ledger(layout).exclusive(now):
            _require_vacant(layout)
            files.make_directory(layout.private, mode=0o700)
            files.write(layout.root / ".gitignore", GITIGNORE)
            key = make_key()
            certificate = certify(key.signer)
            files.write(layout.meta, meta.dump(_record(request, template, certificate, key.ref, now)))
            if parent is None:
                Ledger(layout).settled(certificate.serial)
    return Authority.open(layout.root, ports)


@contextmanager
def _certifier(
    layout: CaLayout, template: CertificateTemplate, parent: Authority | None, ports: Ports
) -> Iterator[Callable[[Signer], Certificate]]:
    """Give what certifies the new CA's key: its parent, with its key open and its records in order, or itself."""
    if parent is None:
        yield lambda signer: _certify_itself(layout, template, signer, ports)
        return
    with parent.key() as key:
        parent.ledger.settle(ports.clock())
        yield lambda signer: _certify_below(layout, template, signer, parent, key)


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


def _certify_below(
    layout: CaLayout, template: CertificateTemplate, signer: Signer, parent: Authority, key: IssuingKey
) -> Certificate:
    certificate = parent.issue_template(template, signer.spki, key).certificate
    chain = b"".join(link.pem() for link in (parent.certificate, *parent.chain))
    files.write_many({layout.chain: chain, layout.certificate: certificate.pem()})
    return certificate


def _certify_itself(layout: CaLayout, template: CertificateTemplate, signer: Signer, ports: Ports) -> Certificate:
    ledger = Ledger(layout)
    serial = _free_serial(ledger, ports)
    intend = ledger.intend_certificate(template, serial, ports.clock())
    certificate = issuance.issue_self_signed(template, serial=serial, signer=signer, intend=intend)
    files.write(layout.certificate, certificate.pem())
    return certificate


def _record(
    request: CaRequest, template: CertificateTemplate, certificate: Certificate, ref: KeyRef, now: datetime
) -> CaMeta:
    key = meta.KeyRecord(
        id="default",
        algorithm=template.algorithm.name,
        storage=ref,
        spki_sha256=spki_sha256(certificate.spki),
        signature=_own_choice(template),
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
    )


def _own_choice(template: CertificateTemplate) -> SchemeChoice:
    """Return how the new CA signs: as its profile says, if its own key can do that too."""
    try:
        select_scheme(template.algorithm, template.signature)
    except UnsupportedAlgorithmError:
        return SchemeChoice()
    return template.signature


def _next_number(now: datetime, record: CaMeta, published: Crl | None, begun: Sequence[int]) -> int:
    used = [facts.number or 0 for facts in (record.crl, published) if facts is not None]
    return max([int(now.timestamp() * 1_000_000), *(number + 1 for number in (*used, *begun))])


def _free_serial(ledger: Ledger, ports: Ports) -> int:
    for _ in range(3):
        serial = ports.serials()
        if ledger.is_free(serial):
            return serial
    raise IssuanceError("the serial source repeats itself", hint="check the machine's random number generator")


def _require_recorded(record: CaMeta, certificate: Certificate, layout: CaLayout) -> None:
    facts = record.certificate
    if facts is not None and not facts.describes(certificate):
        raise IssuanceError(
            f"{layout.certificate} is not the certificate that {layout.meta.name} records", hint=RESTORE
        )
    pin = record.keys[0].spki_sha256
    if pin is not None and pin != spki_sha256(certificate.spki):
        raise KeyMismatchError(
            f"{layout.certificate} certifies another key than {layout.meta.name} records", hint=RESTORE
        )


def _require_ca_profile(profile: Profile) -> None:
    if not profile.is_ca:
        raise IssuanceError(f"profile {profile.name} does not make a CA", hint="choose a root-ca or issuing-ca profile")


def _require_vacant(layout: CaLayout) -> None:
    if files.exists(layout.meta):
        raise AlreadyExistsError(f"there is a CA in {layout.root}", hint="choose another directory")
    foreign = [name for name in files.list_directory(layout.root) if name not in CaLayout.UNCOMMITTED]
    if foreign:
        raise AlreadyExistsError(
            f"{layout.root} is not empty ({', '.join(sorted(foreign)[:3])})", hint="choose another directory"
        )
