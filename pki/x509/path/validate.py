"""Section 6.1 of RFC 5280: each check is a function over a whole path, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from pki.der import spki_algorithm
from pki.errors import EncodingError, UnsupportedAlgorithmError, VerificationError
from pki.findings import Finding, Severity
from pki.x509.certificates import Certificate, is_self_issued
from pki.x509.constraints import violations
from pki.x509.crls import Crl
from pki.x509.path.build import candidate_paths, untrusted
from pki.x509.path.hostnames import require_hostname
from pki.x509.path.model import (
    CertificationPath,
    Chain,
    CrlStatus,
    Fault,
    PathError,
    describe,
)
from pki.x509.path.policies import POLICY_MAPPINGS, valid_policies
from pki.x509.path.purposes import Purpose, require_purpose
from pki.x509.path.revocation import current_crl
from pki.x509.signatures import public_key, verify


@dataclass(frozen=True, slots=True)
class _Question:
    at: datetime
    crls: tuple[Crl, ...]
    require_crls: bool
    purpose: Purpose | None
    hostname: str | None
    policies: Collection[str]


def validate_path(  # noqa: PLR0913  the inputs of RFC 5280 section 6.1.1
    leaf: Certificate,
    intermediates: Iterable[Certificate],
    anchors: Iterable[Certificate],
    *,
    at: datetime,
    crls: Iterable[Crl] = (),
    require_crls: bool = False,
    purpose: Purpose | None = None,
    hostname: str | None = None,
    policies: Collection[str] = (),
) -> CertificationPath:
    """Find a path from the leaf to a trust anchor that holds at that time.

    Intermediates and CRLs may come in any order and be more than needed. A certificate that no CRL is about is an error
    when `require_crls`, a notice otherwise. `hostname` is a DNS name or an IP address. `policies` are OIDs of which the
    path must be valid for at least one; without any, policies matter only where a certificate of the path says so.

    Raises:
        PathError: no path holds. Of several failures the one of the path that came furthest is told.
    """
    intermediates, anchors = tuple(intermediates), tuple(anchors)
    question = _Question(at, tuple(crls), require_crls, purpose, hostname, policies)
    failures: list[PathError] = []
    try:
        for chain in candidate_paths(leaf, intermediates, anchors):
            try:
                return _validate(chain, question)
            except PathError as failure:
                failures.append(failure)
    except PathError as failure:
        failures.append(failure)
    raise max(failures, key=lambda failure: _PROGRESS[failure.fault], default=untrusted(leaf, intermediates))


_PROGRESS = {fault: position for position, fault in enumerate(Fault)}


def _validate(chain: Chain, question: _Question) -> CertificationPath:
    for check in _CHECKS:
        check(chain, question)
    policies = valid_policies(chain, question.policies)
    if question.purpose is not None:
        require_purpose(chain, question.purpose)
    if question.hostname is not None:
        require_hostname(chain[0], question.hostname)
    revocation = tuple(
        CrlStatus(certificate, current_crl(certificate, issuer, question.crls, question.at))
        for certificate, issuer in pairwise(chain)
    )
    unknown = [status.certificate for status in revocation if status.crl is None]
    if unknown and question.require_crls:
        raise PathError(
            Fault.CRL_MISSING, f"no CRL says whether {describe(unknown[0])} is revoked", certificate=unknown[0]
        )
    return CertificationPath(
        certificates=chain[:-1] or chain,
        anchor=chain[-1],
        revocation=revocation,
        policies=policies,
        notices=tuple(_unknown_status(certificate) for certificate in unknown),
    )


def _unknown_status(certificate: Certificate) -> Finding:
    return Finding(
        Severity.NOTICE,
        "path.crl-missing",
        f"no CRL says whether {describe(certificate)} is revoked",
        clause="RFC 5280 section 6.3",
    )


def _check_signatures(chain: Chain, _question: _Question) -> None:
    """Nobody vouches for an anchor; alone and self-signed, its own signature is still all there is to check."""
    links = list(pairwise(chain))
    if not links and is_self_issued(chain[0]):
        links = [(chain[0], chain[0])]
    for certificate, issuer in links:
        try:
            verify(issuer.spki, certificate.scheme, certificate.tbs, certificate.signature)
        except VerificationError as error:
            raise PathError(
                Fault.SIGNATURE,
                f"{describe(certificate)} was not signed by {describe(issuer)}",
                certificate=certificate,
            ) from error
        except UnsupportedAlgorithmError as error:
            raise PathError(
                Fault.ALGORITHM, f"{describe(certificate)} cannot be verified: {error}", certificate=certificate
            ) from error


def _check_keys(chain: Chain, _question: _Question) -> None:
    """Refuse keys that the algorithm table does not have, the leaf's too: RSA of 1024 bits, odd curves."""
    for certificate in chain:
        try:
            spki_algorithm(certificate.spki)
            public_key(certificate.spki)
        except (UnsupportedAlgorithmError, EncodingError) as error:
            raise PathError(
                Fault.ALGORITHM,
                f"the key of {describe(certificate)} cannot be trusted: {error}",
                certificate=certificate,
            ) from error


def _check_dates(chain: Chain, question: _Question) -> None:
    for certificate in chain:
        if question.at < certificate.not_before:
            raise PathError(
                Fault.NOT_YET_VALID,
                f"{describe(certificate)} is not valid before {certificate.not_before:%Y-%m-%d %H:%M:%SZ}",
                certificate=certificate,
            )
        if question.at > certificate.not_after:
            raise PathError(
                Fault.EXPIRED,
                f"{describe(certificate)} expired on {certificate.not_after:%Y-%m-%d %H:%M:%SZ}",
                certificate=certificate,
            )


_UNDERSTOOD = {
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.INHIBIT_ANY_POLICY,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    x509.ObjectIdentifier(POLICY_MAPPINGS),
}


def _check_critical_extensions(chain: Chain, _question: _Question) -> None:
    for certificate in chain:
        for extension in certificate.extensions:
            if extension.critical and extension.oid not in _UNDERSTOOD:
                raise PathError(
                    Fault.CRITICAL_EXTENSION,
                    f"{describe(certificate)} has a critical extension that is not understood"
                    f" ({extension.oid.dotted_string})",
                    certificate=certificate,
                )


def _check_authorities(chain: Chain, _question: _Question) -> None:
    for authority in chain[1:]:
        usage = authority.key_usage
        if not authority.is_ca or (usage is not None and not usage.key_cert_sign):
            raise PathError(Fault.NOT_A_CA, f"{describe(authority)} may not sign certificates", certificate=authority)


def _check_path_lengths(chain: Chain, _question: _Question) -> None:
    """Count the intermediate CAs below each CA but for self-issued ones (section 4.2.1.9); the leaf is not one."""
    for position, authority in enumerate(chain[1:], start=1):
        below = sum(not is_self_issued(certificate) for certificate in chain[1:position])
        if authority.path_length is not None and below > authority.path_length:
            raise PathError(
                Fault.PATH_LENGTH,
                f"{describe(authority)} allows {authority.path_length} CAs below it, and the path has {below}",
                certificate=authority,
            )


def _check_name_constraints(chain: Chain, _question: _Question) -> None:
    """Hold each certificate to the constraints of all CAs above it; self-issued CAs are exempt (section 6.1.3 (b))."""
    for position, authority in enumerate(chain):
        constraints = authority.extension(x509.NameConstraints)
        if constraints is None:
            continue
        for certificate in (c for c in chain[:position] if c is chain[0] or not is_self_issued(c)):
            names = certificate.extension(x509.SubjectAlternativeName)
            for sentence in violations(constraints, certificate.subject, names):
                raise PathError(
                    Fault.NAME_CONSTRAINTS,
                    f"{describe(certificate)} breaks the name constraints of {describe(authority)}: {sentence}",
                    certificate=certificate,
                )


_CHECKS: tuple[Callable[[Chain, _Question], None], ...] = (
    _check_keys,
    _check_signatures,
    _check_dates,
    _check_critical_extensions,
    _check_authorities,
    _check_path_lengths,
    _check_name_constraints,
)
