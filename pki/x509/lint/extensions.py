"""Rules on extensions: which must be there, which are critical, what they may say (RFC 5280 section 4.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.findings import Severity
from pki.x509.lint.candidate import Candidate
from pki.x509.lint.names import host_problem, uri_problem
from pki.x509.lint.rules import Rulebook

RULES: Rulebook[Candidate] = Rulebook()

_MAX_EXPLICIT_TEXT = 200


def _critical(code: str, kind: type[x509.ExtensionType], severity: Severity = Severity.ERROR, *, must_be: bool) -> None:
    """Enter a rule on whether an extension is critical wherever it stands."""

    @RULES.rule(code, severity)
    def _check(candidate: Candidate) -> Iterator[str]:
        if candidate.extension(kind) is not None and candidate.is_critical(kind) is not must_be:
            yield f"{kind.__name__} {'is' if must_be else 'is not'} critical"


def _only_in_ca(code: str, kind: type[x509.ExtensionType]) -> None:
    """Enter a rule against an extension that only means something for a CA."""

    @RULES.rule(code)
    def _check(candidate: Candidate) -> Iterator[str]:
        if candidate.extension(kind) is not None and not candidate.is_ca:
            yield f"{kind.__name__} stands in CA certificates only"


_critical("rfc5280.4.2.1.1.critical-authority-key-identifier", x509.AuthorityKeyIdentifier, must_be=False)
_critical("rfc5280.4.2.1.2.critical-subject-key-identifier", x509.SubjectKeyIdentifier, must_be=False)
_critical("rfc5280.4.2.2.1.critical-authority-information-access", x509.AuthorityInformationAccess, must_be=False)
_critical("rfc5280.4.2.2.2.critical-subject-information-access", x509.SubjectInformationAccess, must_be=False)
_critical("rfc5280.4.2.1.15.critical-freshest-crl", x509.FreshestCRL, must_be=False)
_critical(
    "rfc5280.4.2.1.7.critical-issuer-alternative-name", x509.IssuerAlternativeName, Severity.WARNING, must_be=False
)
_critical("rfc5280.4.2.1.13.critical-distribution-points", x509.CRLDistributionPoints, Severity.WARNING, must_be=False)
_critical("rfc6960.4.2.2.2.1.critical-no-check", x509.OCSPNoCheck, Severity.WARNING, must_be=False)
_critical("rfc5280.4.2.1.10.name-constraints-not-critical", x509.NameConstraints, must_be=True)
_critical("rfc5280.4.2.1.11.policy-constraints-not-critical", x509.PolicyConstraints, must_be=True)
_critical("rfc5280.4.2.1.14.inhibit-any-policy-not-critical", x509.InhibitAnyPolicy, must_be=True)
_critical("rfc5280.4.2.1.3.key-usage-not-critical", x509.KeyUsage, Severity.WARNING, must_be=True)

_only_in_ca("rfc5280.4.2.1.10.name-constraints-without-ca", x509.NameConstraints)
_only_in_ca("rfc5280.4.2.1.11.policy-constraints-without-ca", x509.PolicyConstraints)
_only_in_ca("rfc5280.4.2.1.14.inhibit-any-policy-without-ca", x509.InhibitAnyPolicy)


@RULES.rule("rfc5280.4.2.unknown-critical-extension", Severity.WARNING)
def _unknown_critical(candidate: Candidate) -> Iterator[str]:
    for extension in candidate.readable.extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            yield f"extension {extension.oid.dotted_string} is critical: who does not know it refuses the certificate"


@RULES.rule("rfc5280.4.2.1.9.basic-constraints-not-critical")
def _basic_constraints_critical(candidate: Candidate) -> Iterator[str]:
    if candidate.is_ca and not candidate.is_critical(x509.BasicConstraints):
        yield "basicConstraints is critical in a CA certificate"


@RULES.rule("rfc5280.4.2.1.9.path-length-without-cert-sign")
def _path_length_without_cert_sign(candidate: Candidate) -> Iterator[str]:
    if candidate.basic_constraints.path_length is not None and "keyCertSign" not in candidate.usages:
        yield "a path length means nothing without keyCertSign"


@RULES.rule("rfc5280.4.2.1.2.subject-key-identifier-missing")
def _ski_missing(candidate: Candidate) -> Iterator[str]:
    if candidate.is_ca and _subject_key_id(candidate) is None:
        yield "a CA certificate has a subject key identifier"


@RULES.rule("rfc5280.4.2.1.2.subject-key-identifier-of-another-key")
def _ski_value(candidate: Candidate) -> Iterator[str]:
    found = _subject_key_id(candidate)
    expected = hashlib.sha1(candidate.key[2], usedforsecurity=False).digest()
    if found is not None and found != expected:
        yield f"the subject key identifier is not the SHA-1 of the key, {expected.hex()}"


@RULES.rule("rfc5280.4.2.1.1.authority-key-identifier-missing")
def _aki_missing(candidate: Candidate) -> Iterator[str]:
    if candidate.issuer and _authority_key_id(candidate) is None:
        yield "the authority key identifier is missing, or holds no key identifier"


@RULES.rule("rfc5280.4.2.1.1.authority-key-identifier-of-another-key")
def _aki_value(candidate: Candidate) -> Iterator[str]:
    found = _authority_key_id(candidate)
    expected = candidate.issuer.key_id if candidate.issuer else _subject_key_id(candidate)
    if found is not None and expected is not None and found != expected:
        yield f"the authority key identifier is not the issuer's subject key identifier, {expected.hex()}"


def _subject_key_id(candidate: Candidate) -> bytes | None:
    found = candidate.extension(x509.SubjectKeyIdentifier)
    return found.digest if found else None


def _authority_key_id(candidate: Candidate) -> bytes | None:
    found = candidate.extension(x509.AuthorityKeyIdentifier)
    return found.key_identifier if found else None


@RULES.rule("rfc5280.4.2.1.10.constraint-syntax")
def _constraint_syntax(candidate: Candidate) -> Iterator[str]:
    constraints = candidate.extension(x509.NameConstraints)
    if constraints is None:
        return
    for tree in (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ())):
        if not isinstance(tree, x509.DNSName | x509.RFC822Name | x509.UniformResourceIdentifier):
            continue
        dotted = "" if isinstance(tree, x509.DNSName) else "."
        host = tree.value.rpartition("@")[2].removeprefix(dotted)
        if host and host_problem(host):
            yield f"the constraint {tree.value!r} is not a host or domain: it {host_problem(host)}"


@RULES.rule("rfc5280.4.2.1.4.duplicate-policy")
def _duplicate_policy(candidate: Candidate) -> Iterator[str]:
    oids = [policy.policy_identifier.dotted_string for policy in candidate.extension(x509.CertificatePolicies) or ()]
    for oid in sorted({oid for oid in oids if oids.count(oid) > 1}):
        yield f"certificate policy {oid} is there more than once"


@RULES.rule("rfc5280.4.2.1.4.empty-policies")
def _empty_policies(candidate: Candidate) -> Iterator[str]:
    policies = candidate.extension(x509.CertificatePolicies)
    if policies is not None and not list(policies):
        yield "certificatePolicies names no policy"


@RULES.rule("rfc5280.4.2.1.4.explicit-text-too-long", Severity.WARNING)
def _explicit_text(candidate: Candidate) -> Iterator[str]:
    for policy in candidate.extension(x509.CertificatePolicies) or ():
        for qualifier in policy.policy_qualifiers or ():
            text = qualifier.explicit_text if isinstance(qualifier, x509.UserNotice) else None
            if text and len(text) > _MAX_EXPLICIT_TEXT:
                yield f"a user notice has {len(text)} characters; {_MAX_EXPLICIT_TEXT} are allowed"


@RULES.rule("rfc5280.4.2.1.13.empty-distribution-points")
def _empty_distribution_points(candidate: Candidate) -> Iterator[str]:
    points = candidate.extension(x509.CRLDistributionPoints)
    if points is not None and not list(points):
        yield "cRLDistributionPoints names no place"


@RULES.rule("rfc5280.4.2.1.13.distribution-point-uri")
def _distribution_point_uri(candidate: Candidate) -> Iterator[str]:
    for uri in _crl_uris(candidate):
        if problem := uri_problem(uri):
            yield f"the CRL distribution point {uri!r} {problem}"


@RULES.rule("rfc5280.4.2.2.1.empty-authority-information-access")
def _empty_access(candidate: Candidate) -> Iterator[str]:
    access = candidate.extension(x509.AuthorityInformationAccess)
    if access is not None and not list(access):
        yield "authorityInfoAccess names no place"


@RULES.rule("rfc5280.4.2.2.1.access-location-uri")
def _access_uri(candidate: Candidate) -> Iterator[str]:
    for uri in _access_uris(candidate):
        if problem := uri_problem(uri):
            yield f"the access location {uri!r} {problem}"


# To fetch over TLS what is needed to verify a certificate may never end.
@RULES.rule("rfc5280.8.fetched-over-tls", Severity.NOTICE)
def _https(candidate: Candidate) -> Iterator[str]:
    for uri in (*_crl_uris(candidate), *_access_uris(candidate)):
        if uri.lower().startswith(("https:", "ldaps:")):
            yield f"{uri} is fetched over TLS, which needs certificates to be verified: use plain http"


def _crl_uris(candidate: Candidate) -> Iterator[str]:
    for point in candidate.extension(x509.CRLDistributionPoints) or ():
        for name in point.full_name or ():
            if isinstance(name, x509.UniformResourceIdentifier):
                yield name.value


def _access_uris(candidate: Candidate) -> Iterator[str]:
    known = (AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS)
    for access in candidate.extension(x509.AuthorityInformationAccess) or ():
        if access.access_method in known and isinstance(access.access_location, x509.UniformResourceIdentifier):
            yield access.access_location.value
