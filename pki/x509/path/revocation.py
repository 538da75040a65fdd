"""Whether a CRL says that a certificate of the path is revoked (RFC 5280 section 6.3), for full, direct CRLs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509

from pki.errors import EncodingError, UnsupportedAlgorithmError, VerificationError
from pki.names import display
from pki.x509.certificates import Certificate
from pki.x509.crls import Crl
from pki.x509.path.model import Fault, PathError, RevokedError, describe
from pki.x509.signatures import verify


def current_crl(subject: Certificate, issuer: Certificate, crls: Sequence[Crl], at: datetime) -> Crl | None:
    """Return the CRL that shows `subject` not to be revoked at that time; None when no CRL is about it.

    Of several that could be used the newest one counts. A CRL that is about the certificate and cannot be used is an
    error unless another one can: whoever hands it over believes that it protects them.

    Raises:
        RevokedError: it is revoked, if only by a CRL that is out of date by now.
        PathError: the CRLs that are about it cannot be used.
    """
    authentic: list[Crl] = []
    problems: list[PathError] = []
    for crl in crls:
        if not _is_about(crl, subject, issuer):
            continue
        try:
            _require_usable(crl, issuer, at)
        except PathError as problem:
            problems.append(problem)
        else:
            authentic.append(crl)
    if authentic:
        return _not_revoked_by(max(authentic, key=_age), subject, at)
    if problems:
        raise problems[0]
    return None


def validate_crl(crl: Crl, authorities: Iterable[Certificate], *, at: datetime) -> Certificate:
    """Return the one of these CA certificates whose key signed the CRL, which is a current one.

    The certificate itself is believed: whether it may be is for `validate_path`.

    Raises:
        PathError: none of them signed it or may sign CRLs, or it is not current, or of a kind that is not understood.
    """
    problem = PathError(
        Fault.UNTRUSTED, f"{_describe(crl)} was not signed by any of the CAs given: none has its issuer's name and key"
    )
    for authority in authorities:
        if not _names_as_issuer(crl, authority):
            continue
        try:
            _require_usable(crl, authority, at)
        except PathError as error:
            problem = error
        else:
            _require_fresh(crl, at)
            return authority
    raise problem


def _age(crl: Crl) -> tuple[datetime, int]:
    return crl.this_update, crl.number or 0


def _not_revoked_by(crl: Crl, subject: Certificate, at: datetime) -> Crl:
    try:
        revocations = crl.revocations
    except EncodingError as error:
        raise _unusable(crl, error.message) from error
    for revocation in revocations:
        if revocation.serial == subject.serial:
            raise RevokedError(subject, revocation)
    _require_fresh(crl, at)
    return crl


def _require_fresh(crl: Crl, at: datetime) -> None:
    if crl.next_update is None:
        raise _unusable(crl, "it has no nextUpdate")
    if at > crl.next_update:
        raise PathError(
            Fault.CRL_EXPIRED,
            f"{_describe(crl)} is out of date: the next one was due on {crl.next_update:%Y-%m-%d %H:%M:%SZ}",
            hint="get the current CRL from the CA",
        )


def _names_as_issuer(crl: Crl, authority: Certificate) -> bool:
    """Compare the name and the key that the AKI names: what another key of the same CA signed is another's CRL."""
    keys = (crl.authority_key_id, authority.key_id)
    return crl.issuer_der == authority.subject_der and (None in keys or keys[0] == keys[1])


def _is_about(crl: Crl, subject: Certificate, issuer: Certificate) -> bool:
    """Compare the CRL's issuer and scope (section 6.3.3 (b)) with the certificate."""
    if not _names_as_issuer(crl, issuer):
        return False
    scope = crl.distribution_point
    if scope is None:
        return True
    other_kind = scope.only_contains_user_certs if subject.is_ca else scope.only_contains_ca_certs
    if other_kind or scope.only_contains_attribute_certs:
        return False
    return scope.relative_name is None and (not scope.full_name or _is_published_there(subject, scope.full_name))


def _is_published_there(subject: Certificate, places: Sequence[x509.GeneralName]) -> bool:
    points = subject.extension(x509.CRLDistributionPoints) or ()
    return any(name in places for point in points for name in point.full_name or ())


def _require_usable(crl: Crl, issuer: Certificate, at: datetime) -> None:
    """Check all that does not depend on the certificate asked about; dates but for the end.

    Raises:
        PathError: the CRL must not be used.
    """
    if crl.extension(x509.DeltaCRLIndicator):
        raise _unusable(crl, "it is a delta CRL")
    unknown = [e.oid.dotted_string for e in crl.extensions if e.critical and e.oid not in _UNDERSTOOD]
    if unknown:
        raise _unusable(crl, f"it has a critical extension that is not understood ({unknown[0]})")
    scope = crl.distribution_point
    if scope and scope.indirect_crl:
        raise _unusable(crl, "it is an indirect CRL")
    if scope and scope.only_some_reasons:
        raise _unusable(crl, "it is about some revocation reasons only")
    if issuer.key_usage and not issuer.key_usage.crl_sign:
        raise _unusable(crl, f"{describe(issuer)} may not sign CRLs")
    _require_signature(crl, issuer)
    if at < crl.this_update:
        raise PathError(
            Fault.CRL_NOT_YET_VALID, f"{_describe(crl)} is from the future: {crl.this_update:%Y-%m-%d %H:%M:%SZ}"
        )


def _require_signature(crl: Crl, issuer: Certificate) -> None:
    try:
        verify(issuer.spki, crl.scheme, crl.tbs, crl.signature)
    except VerificationError as error:
        raise PathError(Fault.CRL_SIGNATURE, f"{_describe(crl)} was not signed by {describe(issuer)}") from error
    except UnsupportedAlgorithmError as error:
        raise _unusable(crl, error.message) from error


_UNDERSTOOD = {x509.IssuingDistributionPoint.oid, x509.AuthorityKeyIdentifier.oid, x509.CRLNumber.oid}


def _describe(crl: Crl) -> str:
    number = f"number {crl.number} " if crl.number is not None else ""
    return f'the CRL {number}of "{display(crl.issuer)}"'


def _unusable(crl: Crl, why: str) -> PathError:
    return PathError(Fault.CRL_UNUSABLE, f"{_describe(crl)} cannot be used: {why}")
