"""Rules on what the issuer may sign: its rights, its path length, its name constraints, its own lifetime."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki import der
from pki.algorithms import SignatureScheme
from pki.errors import PkiError
from pki.x509.constraints import violations
from pki.x509.lint.candidate import Candidate
from pki.x509.lint.rules import Rulebook

RULES: Rulebook[Candidate] = Rulebook()

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
"""What OpenSSL takes for a host name: `cn2dnsid` in crypto/x509/v3_ncons.c."""


@RULES.rule("rfc5280.4.1.1.2.not-a-scheme-of-the-issuers-key")
def _scheme(candidate: Candidate) -> Iterator[str]:
    if not fits_key(candidate.scheme, candidate.issuer.spki if candidate.issuer else candidate.spki):
        yield f"the issuer's key cannot sign by {candidate.scheme}"


def fits_key(scheme: SignatureScheme, spki: bytes) -> bool:
    """Say whether a key can sign so; no key can that is broken or of an unknown type."""
    try:
        key = der.spki_algorithm(spki)
    except PkiError:
        return False
    return scheme.family is key.family and (scheme.digest is not None or scheme.name == key.scheme)


@RULES.rule("rfc5280.6.1.4.issuer-is-not-a-ca")
def _issuer_is_ca(candidate: Candidate) -> Iterator[str]:
    if candidate.issuer and not candidate.issuer.is_ca:
        yield "the issuer's certificate is not a CA's"


@RULES.rule("rfc5280.6.1.4.issuer-without-cert-sign")
def _issuer_usage(candidate: Candidate) -> Iterator[str]:
    usage = candidate.issuer.key_usage if candidate.issuer else None
    if usage and not usage.key_cert_sign:
        yield "the issuer's key is not for signing certificates"


@RULES.rule("rfc5280.4.2.1.9.path-length-exceeded")
def _path_length(candidate: Candidate) -> Iterator[str]:
    limit = candidate.issuer.path_length if candidate.issuer else None
    if limit is None or not candidate.is_ca or _is_self_issued(candidate):
        return
    own = candidate.basic_constraints.path_length
    if limit == 0:
        yield "the issuer's path length is 0: no CA can be below it"
    elif own is not None and own >= limit:
        yield f"the path length {own} is not below the issuer's, {limit}"


def _is_self_issued(candidate: Candidate) -> bool:
    return der.octets(candidate.fields.subject) == der.octets(candidate.fields.issuer)


@RULES.rule("rfc5280.4.2.1.10.name-not-permitted")
def _name_constraints(candidate: Candidate) -> Iterator[str]:
    constraints = candidate.issuer.extension(x509.NameConstraints) if candidate.issuer else None
    if constraints and not (candidate.is_ca and _is_self_issued(candidate)):
        yield from violations(constraints, candidate.subject, candidate.san)


@RULES.rule("openssl.47.common-name-not-permitted")
def _common_name(candidate: Candidate) -> Iterator[str]:
    """Say so where OpenSSL does: it takes a common name like a host's for a DNS name where there is no other."""
    constraints = candidate.issuer.extension(x509.NameConstraints) if candidate.issuer else None
    if constraints is None or (candidate.san and candidate.san.get_values_for_type(x509.DNSName)):
        return
    for part in candidate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if isinstance(part.value, str) and _HOST.fullmatch(part.value):
            alternative = x509.SubjectAlternativeName([x509.DNSName(part.value)])
            yield from (f"common name: {reason}" for reason in violations(constraints, x509.Name([]), alternative))


@RULES.rule("rfc5280.6.1.3.begins-before-the-issuer")
def _begins_before(candidate: Candidate) -> Iterator[str]:
    begin = candidate.readable.not_valid_before_utc
    if candidate.issuer and begin < candidate.issuer.not_before:
        yield f"it begins {begin}, before its issuer at {candidate.issuer.not_before}"


@RULES.rule("rfc5280.6.1.3.outlives-the-issuer")
def _outlives(candidate: Candidate) -> Iterator[str]:
    end = candidate.readable.not_valid_after_utc
    if candidate.issuer and end > candidate.issuer.not_after:
        yield f"it ends {end}, after its issuer at {candidate.issuer.not_after}"
