"""From a profile, variables, an issuer and a time to the content of one certificate: a pure function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki import names
from pki.findings import Finding, FindingsError, Location, Severity, errors
from pki.profiles.durations import parse_duration
from pki.profiles.extensions import build_extensions
from pki.profiles.model import CertificateTemplate, IssuerFacts, Profile, RequestedNames
from pki.profiles.requested import Placement, certified_names, place, report
from pki.profiles.templates import ABSENT, render
from pki.profiles.variables import resolve

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)


def compile_template(
    profile: Profile,
    variables: Mapping[str, Any],
    *,
    issuer: IssuerFacts | None,
    now: datetime,
    requested: RequestedNames | None = None,
) -> CertificateTemplate:
    """Decide everything about a certificate but its serial and keys.

    A variable's value is what `variables` gives, or else what the CSR asks for, or the issuer's default, or the
    profile's. Texts are read by the declared type, so that command-line values can be passed as they are. `now` is
    aware; the certificate is valid from then, to the second, for the profile's validity. `issuer` is None for a
    self-issued certificate.

    Raises:
        FindingsError: the certificate cannot be made; with every reason.
    """
    wanted = requested or RequestedNames()
    placement = place(profile, wanted, variables.keys())
    values, findings = resolve(profile.variables, _given(profile, variables, placement, issuer))
    _raise_errors(profile, findings)
    not_before = now.astimezone(UTC).replace(microsecond=0)
    subject = _subject(profile, values, findings)
    template = CertificateTemplate(
        profile=profile.name,
        profile_digest=profile.digest,
        algorithm=profile.algorithm,
        signature=profile.signature,
        subject=subject,
        not_before=not_before,
        not_after=_not_after(profile, values, not_before, issuer, findings),
        extensions=_extensions(profile, values, subject, findings),
    )
    _raise_errors(profile, findings)
    findings += report(placement, wanted.other, certified_names(subject, _alternatives(template)))
    findings += _own_faults(template)
    findings += _faults_under(template, issuer) if issuer else []
    _raise_errors(profile, findings)
    return replace(template, notices=tuple(findings))


def _raise_errors(profile: Profile, findings: list[Finding]) -> None:
    found = errors(findings)
    if not found:
        return
    what = found[0].message if len(found) == 1 else f"{len(found)} problems"
    own = found[0].hint if len(found) == 1 else None
    hint = own or f"see `qpki profile vars {_address(profile)}` for what each variable takes"
    raise FindingsError(f"profile {profile.name} cannot make this certificate: {what}", findings, hint=hint)


def _address(profile: Profile) -> str:
    """Return what commands find the profile by: its name or its path."""
    return profile.name if profile.source.startswith("builtin:") else profile.source


def _given(
    profile: Profile, variables: Mapping[str, Any], placement: Placement, issuer: IssuerFacts | None
) -> dict[str, Any]:
    defaults = issuer.defaults if issuer else {}
    offered = {name: list(urls) for name, urls in defaults.items() if name in profile.variables and urls}
    return offered | placement.values | dict(variables)


def _error(code: str, message: str, *, hint: str | None = None, clause: str | None = None) -> Finding:
    return Finding(Severity.ERROR, code, message, hint=hint, clause=clause)


def _subject(profile: Profile, values: Mapping[str, Any], findings: list[Finding]) -> x509.Name:
    fields: list[tuple[str, str, str | None]] = []
    for attribute in profile.subject:
        value = render(attribute.value, values)
        if value is ABSENT:
            continue
        try:
            names.name_attribute(attribute.name, str(value), attribute.encoding)
        except ValueError as error:
            findings.append(_error("subject.refused", f"subject `{attribute.name}`: {error}"))
        else:
            fields.append((attribute.name, str(value), attribute.encoding))
    return names.distinguished_name(fields)


def _extensions(
    profile: Profile, values: Mapping[str, Any], subject: x509.Name, findings: list[Finding]
) -> tuple[x509.Extension[Any], ...]:
    common_name = dict(names.fields(subject)).get("cn")
    rendered = render(profile.extensions, values)
    built, problems = build_extensions(rendered, common_name=common_name, empty_subject=not subject.rdns)
    where = Location(profile.source)
    findings += [Finding(Severity.ERROR, problem.code, problem.message, where) for problem in problems]
    return built


def _not_after(
    profile: Profile,
    values: Mapping[str, Any],
    not_before: datetime,
    issuer: IssuerFacts | None,
    findings: list[Finding],
) -> datetime:
    try:
        wanted = not_before + _validity(profile, values)
    except OverflowError:
        findings.append(_error("validity.refused", "`validity`: it ends after the year 9999"))
    except ValueError as error:
        findings.append(_error("validity.refused", f"`validity`: {error}"))
    else:
        if issuer is not None:
            findings += _lifetime_findings(profile, not_before, wanted, issuer)
        clipped = issuer is not None and profile.beyond_issuer == "clip"
        return min(wanted, issuer.not_after) if issuer is not None and clipped else wanted
    return not_before


def _validity(profile: Profile, values: Mapping[str, Any]) -> timedelta:
    text = render(profile.validity, values)
    if text is ABSENT:
        raise ValueError("it is not set")
    return parse_duration(str(text))


def _lifetime_findings(
    profile: Profile, not_before: datetime, not_after: datetime, issuer: IssuerFacts
) -> Iterator[Finding]:
    if not issuer.not_before <= not_before < issuer.not_after:
        message = f"the issuer is not valid now, only from {_utc(issuer.not_before)} to {_utc(issuer.not_after)}"
        yield _error("validity.issuer-not-valid", message, hint="renew the issuer, or set this machine's clock")
    elif not_after > issuer.not_after and profile.beyond_issuer == "clip":
        message = f"the certificate ends with its issuer, at {_utc(issuer.not_after)}, not at {_utc(not_after)}"
        yield Finding(Severity.NOTICE, "validity.clipped", message)
    elif not_after > issuer.not_after:
        ends = f"at {_utc(not_after)}, after its issuer, which ends at {_utc(issuer.not_after)}"
        hint = "ask for a shorter validity, renew the issuer, or say `beyondIssuer: clip` in the profile"
        yield _error("validity.beyond-issuer", f"the certificate would end {ends}", hint=hint)


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _alternatives(template: CertificateTemplate) -> x509.SubjectAlternativeName | None:
    return _value(template, x509.SubjectAlternativeName)


def _value(template: CertificateTemplate, kind: type[ExtensionT]) -> ExtensionT | None:
    values = (extension.value for extension in template.extensions)
    return next((value for value in values if isinstance(value, kind)), None)


def _own_faults(template: CertificateTemplate) -> Iterator[Finding]:
    """Find what only shows when the variables are filled in."""
    alternatives = _alternatives(template)
    if template.is_ca and not template.subject.rdns:
        yield _error("subject.empty", "a CA has a subject", clause="RFC 5280 section 4.1.2.6")
    elif not template.subject.rdns and alternatives is None:
        yield _error("subject.empty", "the certificate would name nobody", clause="RFC 5280 section 4.1.2.6")
    purposes = _value(template, x509.ExtendedKeyUsage) or ()
    hosts = alternatives and any(isinstance(name, x509.DNSName | x509.IPAddress) for name in alternatives)
    if ExtendedKeyUsageOID.SERVER_AUTH in purposes and not hosts:
        message = "a server certificate needs a DNS name or an IP address"
        yield _error("names.missing", message, clause="RFC 9525 section 4.1")


def _faults_under(template: CertificateTemplate, issuer: IssuerFacts) -> Iterator[Finding]:
    """Find what does not go with this issuer."""
    if not template.is_ca:
        return
    if template.subject == issuer.subject:
        message = "the CA would have its issuer's own name, and look self-issued"
        yield _error("subject.issuer", message, clause="RFC 5280 section 4.2.1.9")
    if issuer.path_length == 0:
        message = "the issuer has path length 0: it signs no CA certificates"
        hint = "choose a CA above it as the parent"
        yield _error("path-length.exhausted", message, hint=hint, clause="RFC 5280 section 4.2.1.9")
    elif issuer.path_length is not None and (
        template.path_length is None or template.path_length >= issuer.path_length
    ):
        message = f"the issuer's path length, {issuer.path_length}, leaves this CA one of {issuer.path_length - 1}"
        yield Finding(Severity.NOTICE, "path-length.limited", message, clause="RFC 5280 section 4.2.1.9")
