"""Certification path validation (RFC 5280 section 6), offline: what a relying party would make of what we sign.

`validate_path` builds paths from a leaf to the trust anchors, checks each against the whole of section 6 over the
algorithm table, and returns the first that holds. Trust anchors are certificates, and what stands in them (dates, path
length, name constraints) binds like anywhere else in the path, as RFC 5937 allows and OpenSSL does.
"""

from pki.x509.path.model import CertificationPath, CrlStatus, Fault, PathError, RevokedError
from pki.x509.path.purposes import Purpose
from pki.x509.path.revocation import validate_crl
from pki.x509.path.validate import validate_path

__all__ = [
    "CertificationPath",
    "CrlStatus",
    "Fault",
    "PathError",
    "Purpose",
    "RevokedError",
    "validate_crl",
    "validate_path",
]
