"""Profiles written in a test, and an issuer for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any, TypeVar

import pytest
from cryptography import x509

from pki.findings import DocumentError, FindingsError
from pki.names import distinguished_name
from pki.profiles.compile import compile_template
from pki.profiles.loader import load_profile
from pki.profiles.model import CertificateTemplate, IssuerFacts, Profile, RequestedNames

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ISSUER = IssuerFacts(
    subject=distinguished_name([("cn", "Issuer", None)]),
    not_before=NOW - timedelta(days=30),
    not_after=NOW + timedelta(days=3650),
)
HEAD = "algorithm: ecdsa-p256\nvalidity: 30d\n"

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)


def profile(body: str, head: str = HEAD) -> Profile:
    return load_profile(head + dedent(body), "p.yaml", "test/profile")


def load_problems(body: str, head: str = HEAD) -> list[tuple[str, int | None, str]]:
    """Return (code, line below the head, message) of each reason why a profile does not load."""
    with pytest.raises(DocumentError) as caught:
        profile(body, head)
    lines = head.count("\n")
    return [(found.code, line_of(found.where, lines), found.message) for found in caught.value.findings]


def line_of(where: Any, lines: int) -> int | None:
    return where.line - lines if where and where.line else None


def compiled(policy: Profile, requested: RequestedNames | None = None, /, **variables: Any) -> CertificateTemplate:
    return compile_template(policy, variables, issuer=ISSUER, now=NOW, requested=requested)


def compile_problems(
    policy: Profile, requested: RequestedNames | None = None, /, issuer: IssuerFacts | None = ISSUER, **variables: Any
) -> list[tuple[str, str]]:
    """Return (code, message) of each finding for which a certificate is refused."""
    with pytest.raises(FindingsError) as caught:
        compile_template(policy, variables, issuer=issuer, now=NOW, requested=requested)
    return [(found.code, found.message) for found in caught.value.findings]


def extension(template: CertificateTemplate, kind: type[ExtensionT]) -> x509.Extension[ExtensionT] | None:
    return next((found for found in template.extensions if isinstance(found.value, kind)), None)


def names_of(template: CertificateTemplate) -> list[str]:
    """Return the subjectAltName as OpenSSL shows it: `DNS:…`, `IP:…`."""
    words = {
        x509.DNSName: "DNS",
        x509.IPAddress: "IP",
        x509.RFC822Name: "email",
        x509.UniformResourceIdentifier: "URI",
    }
    found = extension(template, x509.SubjectAlternativeName)
    return [f"{words[type(name)]}:{name.value}" for name in found.value] if found else []
