"""Credentials: an end entity's keys and certificates under one name, with one life.

A credential is a directory. Several profiles make several certificates, each with a key of its own; they are issued,
shown, renewed and revoked together.
"""

from pki.credentials.credential import Credential, amend, credential_ids
from pki.credentials.derived import mend_credential
from pki.credentials.issuing import enroll, renew
from pki.credentials.requests import EnrollRequest
from pki.credentials.revocation import revoke

__all__ = [
    "Credential",
    "EnrollRequest",
    "amend",
    "credential_ids",
    "enroll",
    "mend_credential",
    "renew",
    "revoke",
]
