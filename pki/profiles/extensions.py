"""The `extensions` block of a profile, variables filled in, as X.509 extensions.

An extension that is left without a value is left out. Each problem is reported with the path of the entry that has it.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from pki import names
from pki.profiles import qcstatements
from pki.profiles.templates import ABSENT
from pki.profiles.usages import EXTENDED_KEY_USAGES, KEY_USAGES
from pki.schemas import Problem, path_text

T = TypeVar("T")
_MAX_NOTICE = 200  # RFC 5280 section 4.2.1.4


@dataclass(frozen=True, slots=True)
class Scope:
    """What a builder works on: one extension's block, what surrounds it, and where its problems go."""

    data: Mapping[str, Any]
    path: tuple[str | int, ...]
    common_name: str | None
    problems: list[Problem]

    def fault(self, reason: str, *steps: str | int) -> None:
        path = (*self.path, *steps)
        self.problems.append(Problem(path, "profile.value", f"`{path_text(path)}`: {reason}"))

    def inside(self, *steps: str | int) -> Scope:
        """Return the scope of a block in this one."""
        data: Any = self.data
        for step in steps:
            data = data[step] if isinstance(step, int) else data.get(step, {})
        return Scope(data, (*self.path, *steps), self.common_name, self.problems)

    def each(self, key: str, check: Callable[[str], T]) -> list[T]:
        """Return the texts at `key`, each put through `check`, none twice; a `ValueError` becomes a problem."""
        given = self.data.get(key, [])
        listed = isinstance(given, list)
        found: list[T] = []
        for index, entry in enumerate(given if listed else [given]):
            if entry is not ABSENT:
                found += self.checked(entry, check, (key, index) if listed else (key,))
        return list(dict.fromkeys(found))

    def one(self, key: str, check: Callable[[str], T]) -> T | None:
        """Return the text at `key` put through `check`, or None when it is absent or has a problem."""
        found = self.checked(self.data[key], check, (key,)) if key in self.data else []
        return found[0] if found else None

    def whole_number(self, key: str) -> int | None:
        value = self.data.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        self.fault(f"it must be a whole number from 0 up, not {value!r}", key)
        return None

    def flag(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            self.fault(f"it must be true or false, not {value!r}", key)
        return value is True

    def checked(self, entry: str, check: Callable[[str], T], steps: tuple[str | int, ...]) -> list[T]:
        """Return the entry put through `check`, or nothing and a problem at `steps`."""
        try:
            return [check(str(entry))]
        except ValueError as error:
            self.fault(str(error), *steps)
            return []


def build_extensions(
    extensions: Mapping[str, Any], *, common_name: str | None, empty_subject: bool
) -> tuple[tuple[x509.Extension[Any], ...], list[Problem]]:
    """Return the extensions of a rendered block in a fixed order, and what is wrong with it."""
    problems: list[Problem] = []
    built: list[x509.Extension[Any]] = []
    for name, (builder, critical) in _BUILDERS.items():
        if name in extensions:
            scope = Scope(extensions[name], ("extensions", name), common_name, problems)
            value = builder(scope)
            if value is not None:
                required = name == "subjectAltName" and empty_subject  # RFC 5280 section 4.2.1.6
                built.append(x509.Extension(value.oid, scope.data.get("critical", critical or required), value))
    for index, entry in enumerate(extensions.get("custom", [])):
        scope = Scope(entry, ("extensions", "custom", index), common_name, problems)
        custom = _custom(scope, {extension.oid for extension in built})
        built += [x509.Extension(custom.oid, entry.get("critical", False), custom)] if custom else []
    return tuple(built), problems


def _basic_constraints(scope: Scope) -> x509.BasicConstraints:
    ca = scope.data["ca"]
    length = scope.whole_number("pathLen")
    return x509.BasicConstraints(ca, length if ca else None)


def _key_usage(scope: Scope) -> x509.KeyUsage:
    asserted = {KEY_USAGES[name] for name in scope.data["values"]}
    if "key_agreement" not in asserted:
        asserted -= {"encipher_only", "decipher_only"}  # undefined without it; the loader refuses such a profile
    return x509.KeyUsage(**{bit: bit in asserted for bit in set(KEY_USAGES.values())})


def _extended_key_usage(scope: Scope) -> x509.ExtendedKeyUsage | None:
    purposes = scope.each("values", lambda name: EXTENDED_KEY_USAGES.get(name) or names.oid(name))
    return x509.ExtendedKeyUsage(purposes) if purposes else None


def _subject_alternative_name(scope: Scope) -> x509.SubjectAlternativeName | None:
    hosts, addresses = _host_names(scope)
    general: list[x509.GeneralName] = [x509.DNSName(name) for name in hosts]
    general += [x509.RFC822Name(address) for address in scope.each("email", names.email)]
    general += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    general += [x509.UniformResourceIdentifier(uri) for uri in scope.each("uri", names.uri)]
    return x509.SubjectAlternativeName(general) if general else None


def _host_names(scope: Scope) -> tuple[list[str], list[str]]:
    """Return the DNS names and IP addresses; with `dns_include_cn`, the common name first among its kind."""
    hosts = scope.each("dns", host)
    addresses = scope.each("ip", names.ip)
    if scope.flag("dns_include_cn") and scope.common_name is not None:
        try:
            addresses.insert(0, names.ip(scope.common_name))
        except ValueError:
            hosts[:0] = scope.checked(scope.common_name, host, ("dns_include_cn",))
    return list(dict.fromkeys(hosts)), list(dict.fromkeys(addresses))


def host(name: str) -> str:
    """Return a DNS name as a subjectAltName may hold it; the variables say which of these a profile takes."""
    return names.dns_name(name, wildcard=True, single_label=True)


def _crl_distribution_points(scope: Scope) -> x509.CRLDistributionPoints | None:
    """All URLs in one point: they are places of one CRL (RFC 5280 section 4.2.1.13)."""
    urls = [x509.UniformResourceIdentifier(url) for url in scope.each("urls", names.uri)]
    return x509.CRLDistributionPoints([x509.DistributionPoint(urls, None, None, None)]) if urls else None


def _authority_information_access(scope: Scope) -> x509.AuthorityInformationAccess | None:
    methods = {"ocsp": AuthorityInformationAccessOID.OCSP, "caIssuers": AuthorityInformationAccessOID.CA_ISSUERS}
    descriptions = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
        for key, method in methods.items()
        for url in scope.each(key, names.uri)
    ]
    return x509.AuthorityInformationAccess(descriptions) if descriptions else None


def _certificate_policies(scope: Scope) -> x509.CertificatePolicies | None:
    found = [_policy(scope.inside("policies", index)) for index in range(len(scope.data.get("policies", [])))]
    policies = {policy.policy_identifier: policy for policy in found if policy is not None}
    if len(policies) < sum(policy is not None for policy in found):
        scope.fault("a policy stands in it once (RFC 5280 section 4.2.1.4)", "policies")
    return x509.CertificatePolicies(policies.values()) if policies else None


def _policy(scope: Scope) -> x509.PolicyInformation | None:
    identifier = scope.one("oid", names.oid)
    statement, notice = scope.one("cps", names.uri), scope.one("userNotice", _notice)
    qualifiers: list[str | x509.UserNotice] = [statement] if statement else []
    qualifiers += [x509.UserNotice(None, notice)] if notice else []
    return x509.PolicyInformation(identifier, qualifiers or None) if identifier else None


def _notice(text: str) -> str:
    if len(text) > _MAX_NOTICE:
        raise ValueError(f"a notice has at most {_MAX_NOTICE} characters, not {len(text)}")
    return names.plain_text(text)


def _name_constraints(scope: Scope) -> x509.NameConstraints | None:
    permitted, excluded = _subtrees(scope.inside("permitted")), _subtrees(scope.inside("excluded"))
    return x509.NameConstraints(permitted or None, excluded or None) if permitted or excluded else None


def _subtrees(scope: Scope) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = [x509.DNSName(name) for name in scope.each("dns", _dns_subtree)]
    general += [x509.RFC822Name(name) for name in scope.each("email", _email_subtree)]
    general += [x509.IPAddress(network) for network in scope.each("ip", ipaddress.ip_network)]
    return general


def _dns_subtree(name: str) -> str:
    if name.startswith("."):
        raise ValueError(f"write {name[1:]!r}: it covers what is below it too (RFC 5280 section 4.2.1.10)")
    return names.dns_name(name, single_label=True)


def _email_subtree(name: str) -> str:
    """Return a mailbox, a host, or with a leading dot what is below a domain (RFC 5280 section 4.2.1.10)."""
    if "@" in name:
        return names.email(name)
    return f".{names.dns_name(name[1:])}" if name.startswith(".") else names.dns_name(name)


def _ocsp_no_check(_: Scope) -> x509.OCSPNoCheck:
    return x509.OCSPNoCheck()


def _qc_statements(scope: Scope) -> x509.UnrecognizedExtension | None:
    locations = [_pds(scope.inside("qcPDS", index)) for index in range(len(scope.data.get("qcPDS", [])))]
    value = qcstatements.encode(
        compliance=scope.flag("qcCompliance"),
        kind=scope.data.get("qcType"),
        sscd=scope.flag("qcSSCD"),
        retention_years=scope.whole_number("qcRetentionPeriod"),
        pds=[location for location in locations if location is not None],
    )
    return x509.UnrecognizedExtension(qcstatements.OID, value) if value else None


def _pds(scope: Scope) -> tuple[str, str] | None:
    url, language = scope.one("url", names.uri), scope.one("language", _language)
    return (url, language) if url and language else None


def _language(code: str) -> str:
    if len(code) != 2 or not code.isascii() or not code.isalpha():  # noqa: PLR2004  as ISO 639-1 has it
        raise ValueError(f"a language is two letters (ISO 639-1), not {code!r}")
    return code.lower()


_BUILDERS: dict[str, tuple[Callable[[Scope], x509.ExtensionType | None], bool]] = {  # and whether critical by default
    "basicConstraints": (_basic_constraints, True),
    "keyUsage": (_key_usage, True),
    "extKeyUsage": (_extended_key_usage, False),
    "subjectAltName": (_subject_alternative_name, False),
    "certificatePolicies": (_certificate_policies, False),
    "nameConstraints": (_name_constraints, True),
    "crlDistributionPoints": (_crl_distribution_points, False),
    "authorityInfoAccess": (_authority_information_access, False),
    "ocspNoCheck": (_ocsp_no_check, False),
    "qcStatements": (_qc_statements, False),
}
_OWN_BLOCKS = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.OCSP_NO_CHECK,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    qcstatements.OID,
}


def _custom(scope: Scope, taken: set[x509.ObjectIdentifier]) -> x509.UnrecognizedExtension | None:
    identifier = scope.one("oid", names.oid)
    if identifier in _OWN_BLOCKS:
        scope.fault(f"{identifier.dotted_string} is not a custom extension: it has a block of its own, or is automatic")
    elif identifier in taken:
        scope.fault(f"{identifier.dotted_string} is given twice (RFC 5280 section 4.2)")
    forms = [key for key in ("value_hex", "value_base64") if key in scope.data]
    if len(forms) != 1:
        scope.fault("it needs either `value_hex` or `value_base64`")
        return None
    value = scope.one(forms[0], _from_hex if forms == ["value_hex"] else _from_base64)
    return x509.UnrecognizedExtension(identifier, value) if identifier and value else None


def _from_hex(text: str) -> bytes:
    return _der(bytes.fromhex(text))


def _from_base64(text: str) -> bytes:
    return _der(base64.b64decode(text, validate=True))


def _der(value: bytes) -> bytes:
    try:
        asn1.decode_der(asn1.TLV, value)
    except ValueError as error:
        raise ValueError("it is not one DER value") from error
    return value
