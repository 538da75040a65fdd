"""The one place that uses a private key to issue: lint, journal, sign, verify.

Every certificate, CRL and request takes the same four steps over its to-be-signed bytes. The key is used once, after
everything that can be checked has been checked and the intent is on disk; what comes back is verified against the
issuer's certificate, not against the signer's word, before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from pki.algorithms import SchemeChoice, SignatureScheme, select_scheme
from pki.der import assemble, split
from pki.errors import IssuanceError, KeyMismatchError, VerificationError
from pki.findings import Finding, LintError, errors
from pki.profiles.model import CertificateTemplate
from pki.signers.base import Signer, require_algorithm, require_scheme
from pki.x509.certificates import Certificate, IssuerIdentity, certificate_tbs, parse_certificate
from pki.x509.crls import Crl, CrlTemplate, crl_tbs, parse_crl
from pki.x509.lint import lint_certificate, lint_crl
from pki.x509.requests import request_tbs
from pki.x509.signatures import verify

Intend = Callable[[bytes], None]
"""Makes the intent to sign these bytes durable; returns only when it is on disk."""


@dataclass(frozen=True, slots=True)
class IssuingKey:
    """A CA's key with the certificate that others verify its signatures by, and how it signs unless told otherwise."""

    signer: Signer
    certificate: Certificate
    choice: SchemeChoice = field(default_factory=SchemeChoice)

    def __post_init__(self) -> None:
        if self.signer.spki != self.certificate.spki:
            raise KeyMismatchError(
                "the CA's key is not the key of its certificate",
                hint="nothing was signed; check which key the CA's metadata names",
            )

    @property
    def identity(self) -> IssuerIdentity:
        return self.certificate.identity

    def scheme(self, choice: SchemeChoice) -> SignatureScheme:
        return select_scheme(self.signer.algorithm, choice if choice != SchemeChoice() else self.choice)


def issue_certificate(
    template: CertificateTemplate, *, spki: bytes, serial: int, issuer: IssuingKey, intend: Intend
) -> Certificate:
    """Return a certificate for `spki`, signed by `issuer` and verified.

    Raises:
        LintError: the content breaks a standard or the issuer's constraints; the key was not used.
        KeyAccessError: the key cannot be used.
        IssuanceError: what the key produced does not verify.
    """
    scheme = issuer.scheme(template.signature)
    tbs = certificate_tbs(template, serial=serial, spki=spki, issuer=issuer.identity, scheme=scheme)
    findings = lint_certificate(tbs, issuer=issuer.certificate, scheme=scheme)
    der = _sign(tbs, issuer.signer, scheme, findings, intend, verified_by=issuer.certificate.spki)
    return parse_certificate(der)


def issue_self_signed(template: CertificateTemplate, *, serial: int, signer: Signer, intend: Intend) -> Certificate:
    """Return a self-signed certificate of `signer`'s key; raises as `issue_certificate` does."""
    require_algorithm(signer, template.algorithm, f"profile {template.profile}")
    scheme = select_scheme(signer.algorithm, template.signature)
    tbs = certificate_tbs(template, serial=serial, spki=signer.spki, issuer=None, scheme=scheme)
    findings = lint_certificate(tbs, issuer=None, scheme=scheme)
    return parse_certificate(_sign(tbs, signer, scheme, findings, intend, verified_by=signer.spki))


def issue_crl(template: CrlTemplate, *, issuer: IssuingKey, previous: Crl | None, intend: Intend) -> Crl:
    """Return a CRL signed by `issuer` and verified; raises as `issue_certificate` does."""
    scheme = issuer.scheme(SchemeChoice())
    tbs = crl_tbs(template, issuer.identity, scheme)
    findings = lint_crl(tbs, issuer=issuer.certificate, scheme=scheme, previous=previous)
    return parse_crl(_sign(tbs, issuer.signer, scheme, findings, intend, verified_by=issuer.certificate.spki))


def sign_request(
    subject: x509.Name,
    extensions: Iterable[x509.Extension[Any]],
    *,
    signer: Signer,
    choice: SchemeChoice = SchemeChoice(),  # noqa: B008 - frozen, so one value serves every call
) -> bytes:
    """Return a DER CertificationRequest (RFC 2986) for `signer`'s key, signed by it as proof of possession."""
    scheme = select_scheme(signer.algorithm, choice)
    tbs = request_tbs(subject, signer.spki, tuple(extensions))
    return _sign(tbs, signer, scheme, (), _nothing_to_record, verified_by=signer.spki)


def _sign(
    tbs: bytes,
    signer: Signer,
    scheme: SignatureScheme,
    findings: Iterable[Finding],
    intend: Intend,
    *,
    verified_by: bytes,
) -> bytes:
    broken = errors(findings)
    if broken:
        raise LintError("refusing to sign: the content breaks the rules below", broken)
    require_scheme(signer.algorithm, scheme)
    intend(tbs)
    der = assemble(tbs, scheme, signer.sign(tbs, scheme))
    _verify(der, tbs, scheme, verified_by)
    return der


def _verify(der: bytes, linted: bytes, scheme: SignatureScheme, spki: bytes) -> None:
    """Check what is about to be handed out, as its relying parties will read it.

    Raises:
        IssuanceError: it does not hold the linted bytes, or the signature over them is wrong.
    """
    signed = split(der)
    try:
        verify(spki, scheme, linted, signed.signature if signed.tbs == linted else b"")
    except VerificationError as error:
        raise IssuanceError(
            "the key returned a signature that does not verify; nothing was issued",
            hint="the token or key file is faulty: take it out of service and look into it",
        ) from error


def _nothing_to_record(_tbs: bytes) -> None:
    """A request uses up nothing that could be lost: no serial, no CRL number."""
