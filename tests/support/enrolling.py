"""Credentials as tests ask for them: a server's names, a CSR of somebody else's, a CA at another time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from cryptography import x509

from pki.algorithms import algorithm as algorithm_of
from pki.authority import Authority
from pki.credentials import EnrollRequest
from pki.issuance import sign_request
from pki.signers import software
from pki.x509.requests import CertificateRequest, parse_request
from tests.support.issue import CATALOG

WEB = {"cn": "www.example.com", "dns_names": ["www.example.com"]}
BOTH = ("ec/tls-server", "ec/tls-client")


def of(request: EnrollRequest, *profiles: str, **changes: Any) -> EnrollRequest:
    """Return the request for other profiles."""
    return replace(request, profiles=[CATALOG.get(name) for name in profiles], **changes)


def csr(algorithm: str = "ecdsa-p256", name: str = "csr.example.com") -> CertificateRequest:
    """Return a request for a name, with a key that nobody else has."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    extension = x509.Extension(names.oid, critical=False, value=names)
    signer = software.generate(algorithm_of(algorithm))
    return parse_request(sign_request(subject, [extension], signer=signer))


def at(authority: Authority, now: datetime) -> Authority:
    """Return the CA at another time."""
    return replace(authority, ports=replace(authority.ports, clock=lambda: now))


def statuses(authority: Authority) -> list[str]:
    """Return the status of each certificate in the index, in the order of issuance."""
    return [entry.status for entry in authority.ledger.entries(authority.now())]
