"""A fleet's workspace, and state that fits it, for benchmarks: real CAs, CRLs, certificates and records, made quickly.

What `qpki apply` does for each credential so that nothing can be lost (locks, journal, fsync, lint, verification) is
left out, and all devices share one key pair: a plan never looks at keys. Everything that a plan reads is as it would
be: each certificate is compiled from the profile and signed by the CA, and each record written by the library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pki.authority import Authority, CaRequest, create_ca
from pki.der import assemble
from pki.issuance import IssuingKey
from pki.keyrefs import SoftwareKeyRef
from pki.keys import FileKey
from pki.names import openssl_oneline
from pki.ports import Ports, SystemSecrets, random_serial
from pki.profiles.catalog import Catalog
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate
from pki.signers import software
from pki.signers.base import spki_sha256
from pki.store import meta
from pki.store.forms import Status
from pki.store.index import IndexEntry, format_entry
from pki.store.layout import GITIGNORE
from pki.store.meta import CaUrls, CredentialCertificate, CredentialMeta
from pki.x509.certificates import Certificate, certificate_tbs, parse_certificate
from reconciler.kinds.authority import CaSpec, UrlsSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.desired import Manifest
from reconciler.kinds.inputs import certificate_inputs, crl_inputs, resolve_urls

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BEGUN = NOW - timedelta(days=90)
"""When the CAs were made; the devices follow, one every half minute, so that no two have the same dates."""
PACE = timedelta(seconds=30)

WORKSPACE = """apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: fleet}
"""
AUTHORITIES = """apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: root}
spec:
  profile: ec/root-ca
  variables: {cn: Benchmark Root CA}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: devices}
spec:
  issuer: root
  profile: ec/issuing-ca
  variables: {cn: Benchmark Device CA}
  crl: {urls: ["http://pki.example.com/devices.crl"]}
"""
SET = """apiVersion: qpki.io/v1
kind: CredentialSet
metadata: {name: device}
spec:
  template:
    issuer: devices
    profiles: [ec/tls-client]
    variables: {cn: "{{ name }}.devices.example.com"}
  membersFrom: data/devices.csv
"""
SINGLE = """apiVersion: qpki.io/v1
kind: Credential
metadata: {{name: device-{name}}}
spec:
  issuer: devices
  profiles: [ec/tls-client]
  variables: {{cn: {name}.devices.example.com}}
"""
PER_FILE = 1000
"""Documents of one YAML file, where every credential has its own."""


def write_manifests(root: Path, count: int, *, single: bool) -> None:
    """Write a workspace that asks for `count` credentials: as one set with a CSV file, or each as a document."""
    names = [f"d{number:06}" for number in range(count)]
    contents = {"qpki.yaml": WORKSPACE, "pki/authorities.yaml": AUTHORITIES}
    if single:
        for start in range(0, count, PER_FILE):
            documents = (SINGLE.format(name=name) for name in names[start : start + PER_FILE])
            contents[f"pki/devices-{start // PER_FILE:03}.yaml"] = "---\n".join(documents)
    else:
        contents |= {"pki/devices.yaml": SET, "data/devices.csv": "\n".join(["name", *names, ""])}
    for path, text in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def write_state(root: Path, manifest: Manifest) -> None:
    """Write the state that `qpki apply` would leave at `NOW`."""
    authorities: dict[str, Authority] = {}
    for spec in sorted(manifest.cas.values(), key=lambda spec: spec.issuer is not None):  # at most two tiers
        authorities[spec.name] = _authority(root, manifest, spec, authorities)
    for name, authority in authorities.items():
        specs = [spec for spec in manifest.credentials.values() if spec.issuer == name]
        if specs:
            _Factory(root / manifest.workspace.state, manifest, authority).write(specs)
        crl = manifest.cas[name].crl
        Authority.open(authority.layout.root, _at(NOW)).generate_crl(crl.validity, inputs_digest=crl_inputs(crl, 1))


def _at(moment: datetime) -> Ports:
    return Ports(secrets=SystemSecrets(), clock=lambda: moment)


def _authority(root: Path, manifest: Manifest, spec: CaSpec, authorities: dict[str, Authority]) -> Authority:
    urls = resolve_urls(spec.urls, 1)
    request = CaRequest(
        directory=root / manifest.workspace.state / "ca" / spec.name,
        profile=Catalog().get(spec.profile),
        variables=spec.variables,
        key=FileKey(),
        parent=authorities[spec.issuer] if spec.issuer else None,
        urls=CaUrls(crl=urls.crl, ca_issuers=urls.ca_issuers, ocsp=urls.ocsp),
        inputs_digest=_inputs(manifest, (spec.profile,), spec.variables, spec.issuer),
        holder=str(spec.address),
    )
    return create_ca(request, _at(BEGUN))


def _inputs(manifest: Manifest, profiles: tuple[str, ...], variables: Any, issuer: str | None) -> str:  # noqa: ANN401
    urls: UrlsSpec | None = resolve_urls(manifest.cas[issuer].urls, 1) if issuer else None
    return certificate_inputs(profiles, manifest.profile_digests, variables, urls)


@dataclass(slots=True)
class _Factory:
    """Makes the credentials of one CA."""

    state: Path
    manifest: Manifest
    authority: Authority

    def write(self, specs: list[CredentialSpec]) -> None:
        directory = self.authority.layout.certificates
        directory.mkdir(exist_ok=True)
        with self.authority.key() as key, self.authority.layout.index.open("a", encoding="utf-8") as index:
            for spec, certificate, template in self._issue(specs, key):
                (directory / f"{certificate.serial_hex}.crt").write_bytes(certificate.pem())
                index.write(format_entry(_row(certificate)))
                self._write_credential(spec, certificate, template)

    def _issue(
        self, specs: list[CredentialSpec], key: IssuingKey
    ) -> Iterator[tuple[CredentialSpec, Certificate, CertificateTemplate]]:
        facts, catalog = self.authority.facts(), Catalog()
        profiles = {name: catalog.get(name) for spec in specs for name in spec.profiles}
        spki = software.generate(next(iter(profiles.values())).algorithm).spki
        for number, spec in enumerate(specs):
            now = BEGUN + number * PACE
            template = compile_template(profiles[spec.profiles[0]], spec.variables, issuer=facts, now=now)
            scheme = key.scheme(template.signature)
            tbs = certificate_tbs(template, serial=random_serial(), spki=spki, issuer=key.identity, scheme=scheme)
            yield spec, parse_certificate(assemble(tbs, scheme, key.signer.sign(tbs, scheme))), template

    def _write_credential(self, spec: CredentialSpec, certificate: Certificate, template: CertificateTemplate) -> None:
        directory = self.state / "credential" / spec.name
        directory.mkdir(parents=True)
        chain = b"".join(link.pem() for link in (self.authority.certificate, *self.authority.chain))
        contents = {
            ".gitignore": GITIGNORE,
            "cert.pem": certificate.pem(),
            "chain.pem": chain,
            "fullchain.pem": certificate.pem() + chain,
            "credential.meta.json": meta.dump(self._record(spec, certificate, template)),
        }
        for name, data in contents.items():
            (directory / name).write_bytes(data)

    def _record(self, spec: CredentialSpec, certificate: Certificate, template: CertificateTemplate) -> CredentialMeta:
        issuer = meta.IssuerFacts.of(self.authority.certificate)
        one = CredentialCertificate(
            serial=certificate.serial,
            role="signature",
            profile=template.profile,
            profile_digest=template.profile_digest,
            algorithm=certificate.scheme.label,
            key_algorithm=certificate.algorithm.name,
            fingerprint=certificate.fingerprint.upper(),
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            spki_sha256=spki_sha256(certificate.spki),
            storage=(SoftwareKeyRef("private/key.pem"),),
            path="cert.pem",
            chain_path="chain.pem",
            issuer_key_id=issuer.subject_key_id,
        )
        return CredentialMeta(
            id=spec.name,
            subject=meta.subject_of(certificate.subject),
            profiles=spec.profiles,
            status=Status.VALID,
            created=certificate.not_before,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            certificates=(one,),
            variables=dict(spec.variables),
            issuer=issuer,
            inputs_digest=_inputs(self.manifest, spec.profiles, spec.variables, spec.issuer),
        )


def _row(certificate: Certificate) -> IndexEntry:
    subject = openssl_oneline(certificate.subject)
    return IndexEntry("V", certificate.not_after, None, None, certificate.serial, subject)
