"""Certification authorities: made, opened, used, renewed, and their files restored."""

from pki.authority.authority import DEFAULT_CRL_VALIDITY, Amendment, Authority, Issued
from pki.authority.creation import CaRequest, create_ca
from pki.authority.mending import mend_ca
from pki.authority.renewal import CaRenewal, renew_ca

__all__ = [
    "DEFAULT_CRL_VALIDITY",
    "Amendment",
    "Authority",
    "CaRenewal",
    "CaRequest",
    "Issued",
    "create_ca",
    "mend_ca",
    "renew_ca",
]
