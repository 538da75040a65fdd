"""Rules on subjects and alternative names (RFC 5280 sections 4.1.2.6 and 4.2.1.6, appendix A)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.name import _ASN1Type as StringType  # pyca has no public name for it
from cryptography.x509.oid import NameOID

from pki.findings import Severity
from pki.x509.lint.candidate import Candidate
from pki.x509.lint.rules import Rulebook

RULES: Rulebook[Candidate] = Rulebook()

_MAX_HOST = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)  # RFC 1034 section 3.5, RFC 1123 section 2.1
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAILBOX = re.compile(rf"{_ATOM}(\.{_ATOM})*@(?P<host>[^@]+)")  # RFC 5321 section 4.1.2
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_UPPER_BOUNDS = {
    NameOID.COUNTRY_NAME: 2,
    NameOID.COMMON_NAME: 64,
    NameOID.LOCALITY_NAME: 128,
    NameOID.STATE_OR_PROVINCE_NAME: 128,
    NameOID.ORGANIZATION_NAME: 64,
    NameOID.ORGANIZATIONAL_UNIT_NAME: 64,
    NameOID.TITLE: 64,
    NameOID.SERIAL_NUMBER: 64,
    NameOID.PSEUDONYM: 128,
    NameOID.SURNAME: 32768,
    NameOID.GIVEN_NAME: 32768,
    NameOID.EMAIL_ADDRESS: 255,
}
_STRING_TYPES = dict.fromkeys(_UPPER_BOUNDS, (StringType.PrintableString, StringType.UTF8String)) | {
    NameOID.COUNTRY_NAME: (StringType.PrintableString,),
    NameOID.SERIAL_NUMBER: (StringType.PrintableString,),
    NameOID.DN_QUALIFIER: (StringType.PrintableString,),
    NameOID.EMAIL_ADDRESS: (StringType.IA5String,),
    NameOID.DOMAIN_COMPONENT: (StringType.IA5String,),
}


def host_problem(host: str) -> str | None:
    """Say why a name is not a host name in the preferred syntax, None when it is."""
    if len(host) > _MAX_HOST:
        return f"has {len(host)} characters; {_MAX_HOST} are allowed"
    bad = next((label for label in host.split(".") if not _LABEL.fullmatch(label)), None)
    return None if bad is None else f"has the label {bad!r}, which is not 1 to 63 letters, digits and inner hyphens"


def uri_problem(uri: str) -> str | None:
    """Say why a name is not an absolute URI with, if any, a valid host; None when it is."""
    if not uri.isascii() or not _SCHEME.fullmatch(uri):
        return "is not an absolute URI"
    try:
        host = urlsplit(uri).hostname
    except ValueError:
        return "has an authority that cannot be read"
    if host is None or _is_address(host):
        return "has no host" if uri.partition(":")[2].startswith("//") and not host else None
    problem = host_problem(host)
    return problem and f"has a host that {problem}"


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _san(candidate: Candidate, kind: type[x509.GeneralName]) -> list[Any]:
    return [name.value for name in candidate.san or () if isinstance(name, kind)]


@RULES.rule("rfc5280.4.1.2.6.ca-without-subject")
def _ca_without_subject(candidate: Candidate) -> Iterator[str]:
    if candidate.is_ca and not candidate.subject.rdns:
        yield "the subject of a CA is not empty"


@RULES.rule("rfc5280.4.2.1.6.empty-subject-without-critical-san")
def _nameless(candidate: Candidate) -> Iterator[str]:
    if not candidate.subject.rdns and not candidate.is_critical(x509.SubjectAlternativeName):
        yield "a certificate with an empty subject has a subjectAltName, and that is critical"


@RULES.rule("rfc5280.4.2.1.6.critical-san", Severity.WARNING)
def _critical_san(candidate: Candidate) -> Iterator[str]:
    if candidate.subject.rdns and candidate.is_critical(x509.SubjectAlternativeName):
        yield "subjectAltName should not be critical when the subject is not empty"


@RULES.rule("rfc5280.4.2.1.6.empty-san")
def _empty_san(candidate: Candidate) -> Iterator[str]:
    if candidate.san is not None and not list(candidate.san):
        yield "subjectAltName holds no name"


@RULES.rule("rfc5280.4.2.1.6.dns-name-syntax")
def _dns_syntax(candidate: Candidate) -> Iterator[str]:
    for name in _san(candidate, x509.DNSName):
        if "*" not in name and (problem := host_problem(name)):
            yield f"DNS name {name!r} {problem}"


@RULES.rule("rfc9525.6.3.wildcard")
def _wildcard(candidate: Candidate) -> Iterator[str]:
    for name in _san(candidate, x509.DNSName):
        if "*" in name and (not name.startswith("*.") or host_problem(name[2:])):
            yield f"DNS name {name!r} has a wildcard that is not the whole left-most label of a host name"


@RULES.rule("rfc5280.4.2.1.6.ip-address-octets")
def _ip_octets(candidate: Candidate) -> Iterator[str]:
    for name in _san(candidate, x509.IPAddress):
        if isinstance(name, IPv4Network | IPv6Network):
            yield f"IP address {name} is written with a mask; 4 or 16 octets are allowed"


@RULES.rule("rfc5280.4.2.1.6.email-syntax")
def _email_syntax(candidate: Candidate) -> Iterator[str]:
    for name in _san(candidate, x509.RFC822Name):
        mailbox = _MAILBOX.fullmatch(name)
        if not name.isascii() or not mailbox or host_problem(mailbox["host"]):
            yield f"e-mail address {name!r} is not of the form local-part@host"


@RULES.rule("rfc5280.4.2.1.6.uri-syntax")
def _uri_syntax(candidate: Candidate) -> Iterator[str]:
    for name in _san(candidate, x509.UniformResourceIdentifier):
        if problem := uri_problem(name):
            yield f"URI {name!r} {problem}"


@RULES.rule("rfc5280.A.1.attribute-length")
def _attribute_length(candidate: Candidate) -> Iterator[str]:
    for part in candidate.subject:
        bound = _UPPER_BOUNDS.get(part.oid)
        if not part.value or (bound is not None and len(part.value) > bound):
            yield f"{_label(part)} has {len(part.value)} characters; 1 to {bound or 'any number'} are allowed"


@RULES.rule("rfc5280.A.1.country-code")
def _country(candidate: Candidate) -> Iterator[str]:
    for part in candidate.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME):
        if not _COUNTRY.fullmatch(str(part.value)):
            yield f"country {part.value!r} is not two capital letters (ISO 3166-1)"


@RULES.rule("rfc5280.A.1.string-type")
def _string_type(candidate: Candidate) -> Iterator[str]:
    for part in candidate.subject:
        kind = part._type  # noqa: SLF001 (pyca shows it nowhere else)
        allowed = _STRING_TYPES.get(part.oid)
        if allowed and kind not in allowed:
            yield f"{_label(part)} is a {kind.name}, not a {' or '.join(each.name for each in allowed)}"


@RULES.rule("qpki.names.control-character")
def _control_characters(candidate: Candidate) -> Iterator[str]:
    for part in candidate.subject:
        if isinstance(part.value, str) and _CONTROL.search(part.value):
            yield f"{_label(part)} holds a control character"


@RULES.rule("rfc5280.4.1.2.6.email-in-subject-only")
def _email_in_subject(candidate: Candidate) -> Iterator[str]:
    for part in candidate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
        if part.value not in _san(candidate, x509.RFC822Name):
            yield f"e-mail address {part.value!r} stands in the subject but not in subjectAltName"


def _label(part: x509.NameAttribute[Any]) -> str:
    return f"subject attribute {part.rfc4514_attribute_name}"
