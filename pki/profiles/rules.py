"""What a profile must not say, whatever its variables: each rule with the clause it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pki.algorithms import Algorithm, Family
from pki.schemas import Problem

Extensions = Mapping[str, Any]

_KEY_ENCRYPTION = {"keyEncipherment", "dataEncipherment"}
_KEY_AGREEMENT = {"keyAgreement", "encipherOnly", "decipherOnly"}
_NEVER: dict[Family, tuple[set[str], str]] = {
    Family.EC: (_KEY_ENCRYPTION, "RFC 8813 section 3"),
    Family.RSA: (_KEY_AGREEMENT, "RFC 3279 section 2.3.1"),
    Family.ED: (_KEY_ENCRYPTION | _KEY_AGREEMENT, "RFC 9295 section 3"),
    Family.ML_DSA: (_KEY_ENCRYPTION | _KEY_AGREEMENT, "RFC 9881 section 5"),
}


def check(extensions: Extensions, algorithm: Algorithm) -> list[Problem]:
    """Return every rule that the `extensions` of a profile for such a key break."""
    found = [problem for rule in RULES for problem in rule(extensions)]
    return [*found, *_usages_of_family(extensions, algorithm)]


def _problem(code: str, message: str, clause: str, *path: str | int) -> Problem:
    return Problem(("extensions", *path), f"profile.{code}", message, clause=clause)


def _is_ca(extensions: Extensions) -> bool:
    return bool(extensions.get("basicConstraints", {}).get("ca", False))


def _usages(extensions: Extensions) -> list[str]:
    return list(extensions.get("keyUsage", {}).get("values", []))


def _purposes(extensions: Extensions) -> list[str]:
    return list(extensions.get("extKeyUsage", {}).get("values", []))


def _critical(extensions: Extensions, name: str, *, default: bool) -> bool:
    return bool(extensions[name].get("critical", default))


def ca_signs_certificates(extensions: Extensions) -> Iterator[Problem]:
    if _is_ca(extensions) and "keyCertSign" not in _usages(extensions):
        path = ("keyUsage", "values") if "keyUsage" in extensions else ("basicConstraints", "ca")
        message = "a CA has key usage keyCertSign"
        yield _problem("ca-without-cert-sign", message, "RFC 5280 section 4.2.1.3", *path)


def only_a_ca_signs_certificates(extensions: Extensions) -> Iterator[Problem]:
    usages = _usages(extensions)
    if "keyCertSign" in usages and not _is_ca(extensions):
        path = ("keyUsage", "values", usages.index("keyCertSign"))
        message = "key usage keyCertSign is for a CA (`basicConstraints: {ca: true}`)"
        yield _problem("cert-sign-without-ca", message, "RFC 5280 section 4.2.1.9", *path)


def ca_constraints_are_critical(extensions: Extensions) -> Iterator[Problem]:
    if _is_ca(extensions) and not _critical(extensions, "basicConstraints", default=True):
        message = "basicConstraints of a CA is critical"
        path = ("basicConstraints", "critical")
        yield _problem("basic-constraints-not-critical", message, "RFC 5280 section 4.2.1.9", *path)


def only_a_ca_has_a_path_length(extensions: Extensions) -> Iterator[Problem]:
    if "pathLen" in extensions.get("basicConstraints", {}) and not _is_ca(extensions):
        path = ("basicConstraints", "pathLen")
        yield _problem("path-length-without-ca", "only a CA has a pathLen", "RFC 5280 section 4.2.1.9", *path)


def only_a_ca_constrains_names(extensions: Extensions) -> Iterator[Problem]:
    if "nameConstraints" not in extensions:
        return
    clause = "RFC 5280 section 4.2.1.10"
    if not _is_ca(extensions):
        yield _problem("name-constraints-without-ca", "only a CA has nameConstraints", clause, "nameConstraints")
    if not _critical(extensions, "nameConstraints", default=True):
        path = ("nameConstraints", "critical")
        yield _problem("name-constraints-not-critical", "nameConstraints is critical", clause, *path)


def information_access_is_not_critical(extensions: Extensions) -> Iterator[Problem]:
    if "authorityInfoAccess" in extensions and _critical(extensions, "authorityInfoAccess", default=False):
        path = ("authorityInfoAccess", "critical")
        yield _problem("aia-critical", "authorityInfoAccess is not critical", "RFC 5280 section 4.2.2.1", *path)


def time_stamping_is_alone_and_critical(extensions: Extensions) -> Iterator[Problem]:
    purposes = _purposes(extensions)
    if "timeStamping" not in purposes:
        return
    clause = "RFC 3161 section 2.3"
    if len(purposes) > 1:
        message = "timeStamping stands alone in extKeyUsage"
        yield _problem("time-stamping-not-alone", message, clause, "extKeyUsage", "values")
    if not _critical(extensions, "extKeyUsage", default=False):
        message = "extKeyUsage with timeStamping is critical"
        yield _problem("time-stamping-not-critical", message, clause, "extKeyUsage")


def no_check_is_for_responders(extensions: Extensions) -> Iterator[Problem]:
    if "ocspNoCheck" in extensions and "ocspSigning" not in _purposes(extensions):
        message = "ocspNoCheck is for OCSP responders (extKeyUsage ocspSigning)"
        yield _problem("no-check-without-ocsp-signing", message, "RFC 6960 section 4.2.2.2.1", "ocspNoCheck")


def one_way_agreement_needs_agreement(extensions: Extensions) -> Iterator[Problem]:
    usages = _usages(extensions)
    for index, usage in enumerate(usages):
        if usage in {"encipherOnly", "decipherOnly"} and "keyAgreement" not in usages:
            message = f"{usage} means nothing without keyAgreement"
            path = ("keyUsage", "values", index)
            yield _problem("one-way-without-agreement", message, "RFC 5280 section 4.2.1.3", *path)


def a_server_has_names(extensions: Extensions) -> Iterator[Problem]:
    purposes = _purposes(extensions)
    names = extensions.get("subjectAltName", {})
    if "serverAuth" in purposes and not names.keys() & {"dns", "ip", "dns_include_cn"}:
        message = "a server is known by the names in subjectAltName; give it `dns` or `ip`"
        yield _problem("server-without-names", message, "RFC 9525 section 4.1", "extKeyUsage")


RULES: tuple[Callable[[Extensions], Iterator[Problem]], ...] = (
    ca_signs_certificates,
    only_a_ca_signs_certificates,
    ca_constraints_are_critical,
    only_a_ca_has_a_path_length,
    only_a_ca_constrains_names,
    information_access_is_not_critical,
    time_stamping_is_alone_and_critical,
    no_check_is_for_responders,
    one_way_agreement_needs_agreement,
    a_server_has_names,
)


def _usages_of_family(extensions: Extensions, algorithm: Algorithm) -> Iterator[Problem]:
    never, clause = _NEVER[algorithm.family]
    for index, usage in enumerate(_usages(extensions)):
        if usage in never:
            message = f"an {algorithm.label} key has no {usage}"
            yield _problem("usage-of-another-family", message, clause, "keyUsage", "values", index)
