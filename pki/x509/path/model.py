"""The vocabulary of path validation: what is found to hold, and what can be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pki.errors import VerificationError
from pki.findings import Finding
from pki.names import display
from pki.x509.certificates import Certificate
from pki.x509.crls import Crl, Revocation

Chain = tuple[Certificate, ...]
"""Certificates from the leaf to the trust anchor, each signed by the next."""


class Fault(StrEnum):
    """What is wrong with a path: a stable code each, in the order in which the checks are made."""

    UNTRUSTED = "untrusted"
    TOO_COMPLEX = "too-complex"
    ALGORITHM = "algorithm"
    SIGNATURE = "signature"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    CRITICAL_EXTENSION = "critical-extension"
    NOT_A_CA = "not-a-ca"
    PATH_LENGTH = "path-length"
    NAME_CONSTRAINTS = "name-constraints"
    POLICY = "policy"
    PURPOSE = "purpose"
    HOSTNAME = "hostname"
    CRL_MISSING = "crl-missing"
    CRL_UNUSABLE = "crl-unusable"
    CRL_SIGNATURE = "crl-signature"
    CRL_NOT_YET_VALID = "crl-not-yet-valid"
    CRL_EXPIRED = "crl-expired"
    REVOKED = "revoked"


class PathError(VerificationError):
    """A path that does not hold; `certificate` is the one at fault, where one is."""

    def __init__(
        self, fault: Fault, message: str, *, certificate: Certificate | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault
        self.certificate = certificate


class RevokedError(PathError):
    def __init__(self, certificate: Certificate, revocation: Revocation) -> None:
        reason = f", reason {revocation.reason}" if revocation.reason else ""
        super().__init__(
            Fault.REVOKED,
            f"{describe(certificate)} was revoked on {revocation.at:%Y-%m-%d %H:%M:%SZ}{reason}",
            certificate=certificate,
        )
        self.revocation = revocation


@dataclass(frozen=True, slots=True)
class CrlStatus:
    """The CRL that shows `certificate` not to be revoked; None when no CRL speaks of it, so that nobody knows."""

    certificate: Certificate
    crl: Crl | None


@dataclass(frozen=True, slots=True)
class CertificationPath:
    """A path that holds.

    `certificates` goes from the leaf up to the one that the anchor signed; the anchor itself is apart (it is also the
    only certificate when it was the leaf). `revocation` has one status for each certificate below the anchor.
    `policies` are the OIDs that the path is valid for, in the anchor's terms; `2.5.29.32.0` is any policy.
    """

    certificates: Chain
    anchor: Certificate
    revocation: tuple[CrlStatus, ...]
    policies: frozenset[str]
    notices: tuple[Finding, ...]

    @property
    def chain(self) -> Chain:
        """All certificates from the leaf to the anchor, each once."""
        return self.certificates if self.anchor in self.certificates else (*self.certificates, self.anchor)


def describe(certificate: Certificate) -> str:
    """Return how messages name a certificate; one for a host alone may have no subject."""
    name, serial = display(certificate.subject), certificate.serial_hex
    return f'certificate "{name}" (serial {serial})' if name else f"certificate {serial}"
