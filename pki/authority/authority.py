"""`Authority`: a directory with a CA's certificate, its records and the way to its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict, Unpack

from pki import issuance, keys
from pki.authority.own import recorded_certificate, recorded_chain
from pki.errors import UnsupportedAlgorithmError
from pki.findings import Finding
from pki.issuance import IssuingKey
from pki.ledger import Ledger, intact, revocation
from pki.ports import Ports, SecretRef
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate, IssuerFacts, Profile
from pki.signers.base import spki_sha256
from pki.store import files, meta
from pki.store.index import IndexEntry
from pki.store.layout import CaLayout
from pki.store.meta import CaMeta
from pki.x509.certificates import Certificate, issuer_facts
from pki.x509.crls import Crl, CrlTemplate, DistributionPoint, Revocation, parse_crl
from pki.x509.requests import CertificateRequest, require_key, verify_request

DEFAULT_CRL_VALIDITY = timedelta(days=7)


class Amendment(TypedDict, total=False):
    """Fields of a CA's record that change without its key being used: `Authority.amend` takes them by name."""

    profile: str
    profile_digest: str | None
    variables: Mapping[str, Any]
    keys: tuple[meta.KeyRecord, ...]
    urls: meta.CaUrls
    inputs_digest: str | None
    prevent_destroy: bool
    forgotten: datetime | None


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
    _opened: IssuingKey | None = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, directory: Path, ports: Ports, *, passphrase: SecretRef | None = None) -> Authority:
        """Load the CA in `directory`. `passphrase` overrides the source that its metadata names for its key file.

        Raises:
            StoreError: there is no CA, or its records cannot be read.
            IssuanceError, KeyMismatchError: `ca.crt` is not the certificate on record, and neither is a copy in `own/`.
        """
        layout = CaLayout(directory)
        record = meta.load_ca(layout.meta)
        certificate = recorded_certificate(layout, record)
        return cls(layout, record, certificate, recorded_chain(layout, certificate), ports, passphrase)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.layout)

    def facts(self) -> IssuerFacts:
        """Return what compiling a profile under this CA depends on."""
        return issuer_facts(self.certificate, self.meta.urls.variables)

    def chain_below(self) -> tuple[Certificate, ...]:
        """Return the chain of what it issues: its own certificate, and those above."""
        return (self.certificate, *self.chain)

    def issue(self, profile: Profile, variables: Mapping[str, Any], request: CertificateRequest) -> Issued:
        """Issue for a CSR.

        Raises:
            RequestError, FindingsError: as for `template_for`, and for content that breaks a rule; nothing was signed.
        """
        template = self.template_for(request, profile, variables, self.now())
        with self.key() as key:
            return self.issue_template(template, request.spki, key)

    def template_for(
        self, request: CertificateRequest, profile: Profile, variables: Mapping[str, Any], now: datetime
    ) -> CertificateTemplate:
        """Compile a profile for a CSR: the profile decides, the CSR proposes its key and its names.

        Raises:
            RequestError: the CSR's self-signature or key does not do.
            FindingsError: names or variables that the profile refuses.
        """
        verify_request(request)
        template = compile_template(profile, variables, issuer=self.facts(), now=now, requested=request.names)
        require_key(request, template)
        return template

    def issue_template(
        self, template: CertificateTemplate, spki: bytes, key: IssuingKey, *, holder: str = ""
    ) -> Issued:
        """Issue a compiled template for a public key whose holder has proved possession.

        `holder` is the address of the resource that it is for: a certificate that a crash keeps from its holder's
        record can be told from one that was asked for by hand.
        """
        now = self.now()
        with self.ledger.exclusive(now):
            serial = self.ledger.free_serial(self.ports.serials)
            intend = self.ledger.intend_certificate(template, serial, now, holder=holder)
            certificate = issuance.issue_certificate(template, spki=spki, serial=serial, issuer=key, intend=intend)
            self.ledger.file(certificate)
        return Issued(certificate, self.layout.issued(certificate.serial_hex), template.notices)

    def revoke(
        self, serials: Sequence[int], reason: str | None, *, invalidity_date: datetime | None = None
    ) -> list[IndexEntry]:
        """Revoke certificates by serial, all or none; the next CRL lists them.

        `invalidity_date` is since when they are not to be trusted (RFC 5280 section 5.3.2); it goes with a reason.
        """
        now = self.now()
        with self.ledger.exclusive(now):
            return self.ledger.revoke(serials, reason, now, invalidity_date=invalidity_date)

    def ensure_revoked(
        self, serials: Sequence[int], reason: str | None, *, invalidity_date: datetime | None = None
    ) -> list[Revocation]:
        """Revoke those of the certificates that are not revoked yet, and return the revocations of all."""
        now = self.now()
        with self.ledger.exclusive(now):
            rows = {serial: row for serial in serials if (row := self.ledger.find(serial)) is not None}
            standing = [serial for serial in serials if serial not in rows or rows[serial].revoked_at is None]
            if standing:
                revoked = self.ledger.revoke(standing, reason, now, invalidity_date=invalidity_date)
                rows |= {entry.serial: entry for entry in revoked}
        return [revocation(rows[serial]) for serial in serials]

    def generate_crl(
        self,
        validity: timedelta = DEFAULT_CRL_VALIDITY,
        *,
        distribution_point: DistributionPoint | None = None,
        keep_expired: bool = False,
        inputs_digest: str | None = None,
    ) -> Crl:
        """Sign and publish a new CRL, DER and PEM, and record its number and dates, and `inputs_digest`.

        The number is thisUpdate in microseconds since 1970, or one above every number used before if that is greater:
        it rises even when the clock does not, and CRLs made on two branches of a repository get different numbers.
        `keep_expired`: it lists every certificate that the CA ever revoked, expired or not, and says so.
        """
        with self.key() as key, self.ledger.exclusive(now := self.now()):
            record = meta.load_ca(self.layout.meta)
            previous = self._published_crl()
            template = CrlTemplate(
                number=_next_number(now, record, previous, self.ledger.open_crl_numbers()),
                this_update=now,
                next_update=now + validity,
                revocations=self.ledger.revocations(previous, now, keep_expired=keep_expired),
                distribution_point=distribution_point,
                expired_since=self._first_day() if keep_expired else None,
            )
            intend = self.ledger.intend_crl(template.number, now)
            crl = issuance.issue_crl(template, issuer=key, previous=previous, intend=intend)
            self._publish(crl, template, record, inputs_digest)
        return crl

    def amend(self, **fields: Unpack[Amendment]) -> Authority:
        """Change the record alone; when it says all that already, nothing is written."""
        with self.ledger.exclusive(self.now()):
            record = meta.load_ca(self.layout.meta)
            amended = replace(record, **fields)
            if amended != record:
                files.write(self.layout.meta, meta.dump(amended))
        return replace(self, meta=amended)

    @contextmanager
    def held(self) -> Iterator[Authority]:
        """Give this CA with its key open, for as long as the block lasts: a fleet logs in to a token once."""
        if self._opened is not None:
            yield self
            return
        with self.key() as key:
            yield replace(self, _opened=key)

    @contextmanager
    def key(self) -> Iterator[IssuingKey]:
        """Open the CA's key for signing; that of a CA that is `held` is open.

        Raises:
            KeyAccessError: it cannot be opened, or it is not the key of the CA's certificate.
            UnsupportedAlgorithmError: the CA has several keys.
        """
        if self._opened is not None:
            yield self._opened
            return
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

    def _first_day(self) -> datetime:
        """Return since when the CA has issued: before, nothing of its own can have expired."""
        return min([self.certificate.not_before, *(facts.not_before for facts in self.meta.previous)])

    def _publish(self, crl: Crl, template: CrlTemplate, record: CaMeta, inputs_digest: str | None) -> None:
        files.make_directory(self.layout.crl_der.parent)
        files.write_many({self.layout.crl_der: crl.der, self.layout.crl_pem: crl.pem()})
        facts = meta.CrlFacts(
            number=template.number,
            this_update=template.this_update,
            next_update=template.next_update,
            inputs_digest=inputs_digest,
        )
        files.write(self.layout.meta, meta.dump(replace(record, crl=facts)))
        self.ledger.crl_published()


def _next_number(now: datetime, record: CaMeta, published: Crl | None, begun: Sequence[int]) -> int:
    used = [facts.number or 0 for facts in (record.crl, published) if facts is not None]
    return max([int(now.timestamp() * 1_000_000), *(number + 1 for number in (*used, *begun))])
