"""Rules on to-be-signed bytes, checked before a key is used.

Each rule is a small function over what was encoded, never over the template that it came from, with a stable code that
begins with its clause. `RULES` and `CRL_RULES` are all of them.
"""

from __future__ import annotations

from typing import Any

from pki import der
from pki.algorithms import SignatureScheme
from pki.errors import EncodingError
from pki.findings import Finding
from pki.x509.certificates import Certificate
from pki.x509.crls import Crl
from pki.x509.lint import crl, encoding, extensions, issuer, keys, names, purposes
from pki.x509.lint.candidate import Candidate, Fields
from pki.x509.lint.crl_candidate import CrlCandidate, CrlFields
from pki.x509.lint.rules import Rule, findings

__all__ = ["CRL_RULES", "RULES", "Rule", "lint_certificate", "lint_crl"]

_CONTENT_RULES = (*names.RULES, *keys.RULES, *extensions.RULES, *purposes.RULES, *issuer.RULES)
RULES: tuple[Rule[Any], ...] = (encoding.MALFORMED, encoding.UNREADABLE, *encoding.RULES, *_CONTENT_RULES)
CRL_RULES: tuple[Rule[Any], ...] = (crl.MALFORMED, crl.UNREADABLE, *crl.ENCODING_RULES, *crl.RULES)


def lint_certificate(tbs: bytes, *, issuer: Certificate | None, scheme: SignatureScheme) -> list[Finding]:
    """Return what is wrong or odd with a certificate that `issuer` is about to sign by `scheme`; None is its own key.

    What cannot be decoded is not looked into further.
    """
    try:
        fields = der.decode(Fields, tbs, "the certificate")
    except EncodingError as error:
        return findings([encoding.MALFORMED], error)
    candidate = Candidate(tbs, fields, issuer, scheme)
    found = findings(encoding.RULES, candidate)
    unreadable = findings([encoding.UNREADABLE], candidate)
    return [*found, *(unreadable or findings(_CONTENT_RULES, candidate))]


def lint_crl(tbs: bytes, *, issuer: Certificate, scheme: SignatureScheme, previous: Crl | None = None) -> list[Finding]:
    """Return what is wrong or odd with a CRL that `issuer` is about to sign by `scheme`; `previous` came before it.

    Whether every revocation of `previous` that still counts is there is for who keeps the revocations to say.
    """
    try:
        fields = der.decode(CrlFields, tbs, "the CRL")
    except EncodingError as error:
        return findings([crl.MALFORMED], error)
    candidate = CrlCandidate(fields, issuer, scheme, previous)
    found = findings(crl.ENCODING_RULES, candidate)
    unreadable = findings([crl.UNREADABLE], candidate)
    return [*found, *(unreadable or findings(crl.RULES, candidate))]
