"""Rules on what the key may be used for: keyUsage and extKeyUsage (RFC 5280 sections 4.2.1.3 and 4.2.1.12)."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from pki.findings import Severity
from pki.x509.lint.candidate import Candidate
from pki.x509.lint.rules import Rulebook

RULES: Rulebook[Candidate] = Rulebook()

_SIGN = frozenset({"digitalSignature"})
_SIGN_OR_COMMIT = _SIGN | {"nonRepudiation"}
_USAGES_OF_PURPOSE = {  # RFC 5280 section 4.2.1.12: at least one of these bits is consistent with the purpose
    Purpose.SERVER_AUTH: _SIGN | {"keyEncipherment", "keyAgreement"},
    Purpose.CLIENT_AUTH: _SIGN | {"keyAgreement"},
    Purpose.CODE_SIGNING: _SIGN,
    Purpose.EMAIL_PROTECTION: _SIGN_OR_COMMIT | {"keyEncipherment", "keyAgreement"},
    Purpose.TIME_STAMPING: _SIGN_OR_COMMIT,
    Purpose.OCSP_SIGNING: _SIGN_OR_COMMIT,
}


@RULES.rule("rfc5280.4.2.1.3.no-usage")
def _no_usage(candidate: Candidate) -> Iterator[str]:
    if candidate.extension(x509.KeyUsage) is not None and not candidate.usages:
        yield "keyUsage has no bit set"


@RULES.rule("rfc3279.2.3.5.encipher-only-and-decipher-only")
def _both_only(candidate: Candidate) -> Iterator[str]:
    if {"encipherOnly", "decipherOnly"} <= candidate.usages:
        yield "encipherOnly and decipherOnly exclude each other"


@RULES.rule("rfc5280.4.2.1.3.ca-without-cert-sign")
def _ca_without_cert_sign(candidate: Candidate) -> Iterator[str]:
    if candidate.is_ca and "keyCertSign" not in candidate.usages:
        yield "a CA certificate has a keyUsage with keyCertSign"


@RULES.rule("rfc5280.4.2.1.9.cert-sign-without-ca")
def _cert_sign_without_ca(candidate: Candidate) -> Iterator[str]:
    if "keyCertSign" in candidate.usages and not candidate.is_ca:
        yield "keyCertSign stands in a certificate that is not a CA's"


@RULES.rule("rfc5280.4.2.1.12.any-purpose-critical", Severity.WARNING)
def _any_purpose(candidate: Candidate) -> Iterator[str]:
    if Purpose.ANY_EXTENDED_KEY_USAGE in candidate.purposes and candidate.is_critical(x509.ExtendedKeyUsage):
        yield "extKeyUsage should not be critical when it allows any purpose"


# The bits of a CA's key usage are about its own signatures, its purposes about what it may issue.
@RULES.rule("rfc5280.4.2.1.12.purpose-without-usage")
def _purpose_without_usage(candidate: Candidate) -> Iterator[str]:
    if candidate.is_ca or not candidate.usages:
        return
    for purpose in candidate.extension(x509.ExtendedKeyUsage) or ():
        consistent = _USAGES_OF_PURPOSE.get(purpose)
        if consistent and not candidate.usages & consistent:
            yield f"the purpose {purpose.dotted_string} needs one of the key usages {', '.join(sorted(consistent))}"


@RULES.rule("rfc3161.2.3.time-stamping")
def _time_stamping(candidate: Candidate) -> Iterator[str]:
    if Purpose.TIME_STAMPING not in candidate.purposes or candidate.is_ca:
        return
    if len(candidate.purposes) > 1:
        yield "a time-stamping certificate has no other purpose"
    if not candidate.is_critical(x509.ExtendedKeyUsage):
        yield "the extKeyUsage of a time-stamping certificate is critical"


@RULES.rule("rfc6960.4.2.2.2.responder-not-issued-by-a-ca")
def _self_signed_responder(candidate: Candidate) -> Iterator[str]:
    if Purpose.OCSP_SIGNING in candidate.purposes and candidate.issuer is None:
        yield "an OCSP responder's certificate is issued directly by the CA whose certificates it answers for"


# A CA below that carries this purpose may answer for its parent, and so unrevoke itself.
@RULES.rule("rfc6960.4.2.2.2.responder-is-a-ca", Severity.WARNING)
def _responder_is_ca(candidate: Candidate) -> Iterator[str]:
    if Purpose.OCSP_SIGNING in candidate.purposes and candidate.is_ca and candidate.issuer is not None:
        yield "a subordinate CA with the purpose OCSPSigning can answer for its issuer"


@RULES.rule("rfc6960.4.2.2.2.1.responder-without-no-check", Severity.NOTICE)
def _responder_without_no_check(candidate: Candidate) -> Iterator[str]:
    responder = Purpose.OCSP_SIGNING in candidate.purposes and not candidate.is_ca
    if responder and candidate.extension(x509.OCSPNoCheck) is None:
        yield "an OCSP responder's certificate has id-pkix-ocsp-nocheck, or clients must find out whether it is revoked"


@RULES.rule("rfc6960.4.2.2.2.1.no-check-without-responder", Severity.WARNING)
def _no_check_without_responder(candidate: Candidate) -> Iterator[str]:
    if candidate.extension(x509.OCSPNoCheck) is not None and Purpose.OCSP_SIGNING not in candidate.purposes:
        yield "id-pkix-ocsp-nocheck is for OCSP responders only"
