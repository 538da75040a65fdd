"""What of the names that a CSR asks for a profile takes, and as which variable.

A subject attribute, or an entry of subjectAltName, that is exactly `{{ variable }}` is a place for a requested name.
What is given explicitly wins over what is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from pki import names
from pki.findings import Finding, Severity
from pki.profiles.extensions import host
from pki.profiles.model import Profile, RequestedNames
from pki.profiles.templates import whole

Name = tuple[str, str]
"""A kind (`cn`, `dns`) and a name of that kind."""

_NORMAL_FORMS: dict[str, Callable[[str], str]] = {"dns": host, "ip": names.ip, "email": names.email, "uri": names.uri}
_WORDS = {"dns": "DNS name", "ip": "IP address", "email": "e-mail address", "uri": "URI"}


@dataclass(slots=True)
class Placement:
    """Where requested names went.

    `values` are those of variables. Of the others, the caller's own variables replace the `overruled`; the profile has
    no place for the rest, which in a subject are `left_out` and in subjectAltName are `homeless`.
    """

    values: dict[str, Any] = field(default_factory=dict)
    overruled: list[Name] = field(default_factory=list)
    left_out: list[Name] = field(default_factory=list)
    homeless: list[Name] = field(default_factory=list)


def place(profile: Profile, requested: RequestedNames, given: Collection[str]) -> Placement:
    """Match requested names with the variables of the profile; `given` are those that are set explicitly."""
    placement = Placement()
    for kind in dict(requested.subject):
        wanted = [value for name, value in requested.subject if name == kind and value]
        places = [whole(attribute.value) for attribute in profile.subject if attribute.name == kind]
        rest, decided = _fill(profile, places, wanted, given, placement.values)
        (placement.overruled if decided else placement.left_out).extend((kind, name) for name in rest)
    alternatives = {"dns": requested.dns, "ip": requested.ips, "email": requested.emails, "uri": requested.uris}
    for kind, asked in alternatives.items():
        rest, decided = _fill(profile, _places(profile, kind), list(asked), given, placement.values)
        (placement.overruled if decided else placement.homeless).extend((kind, name) for name in rest)
    return placement


def _places(profile: Profile, kind: str) -> list[str | None]:
    entries = profile.extensions.get("subjectAltName", {}).get(kind, [])
    return [whole(entry) for entry in (entries if isinstance(entries, list) else [entries])]


def _fill(
    profile: Profile, places: list[str | None], wanted: list[str], given: Collection[str], values: dict[str, Any]
) -> tuple[list[str], bool]:
    """Put names into the free places; return those that are left, and whether an explicit value held a place."""
    for name in places:
        if name is None or name in given or name in values or not wanted:
            continue
        if profile.variables[name].type.is_list:
            values[name], wanted = wanted, []
        else:
            values[name], *wanted = wanted
    return wanted, any(name in given for name in places)


def report(placement: Placement, other: Collection[str], template_names: Collection[Name]) -> Iterator[Finding]:
    """Say what was asked for and is not in the certificate, whose names are `template_names`.

    Alternative names without a place are errors, the others are notices.
    """

    def missing(wanted: Iterable[Name]) -> list[str]:
        absent = [(kind, name) for kind, name in wanted if (kind, _normal(kind, name)) not in template_names]
        return [f"{_WORDS.get(kind, kind)} {name!r}" for kind, name in absent]

    for name in missing(placement.left_out):
        yield _notice(f"the CSR's {name} is left out: the profile decides")
    for name in missing(placement.overruled):
        yield _notice(f"the CSR's {name} is left out: the variables given decide")
    for name in missing(placement.homeless):
        yield _refusal(f"the CSR asks for the {name}, for which the profile has no place")
    for name in other:
        yield _refusal(f"the CSR asks for {name}, for which the profile has no place")


def certified_names(subject: x509.Name, san: x509.SubjectAlternativeName | None) -> set[Name]:
    """Return every name in a certificate with its kind."""
    found = set(names.fields(subject))
    if san is not None:
        found.update(("dns", name) for name in san.get_values_for_type(x509.DNSName))
        found.update(("ip", str(name)) for name in san.get_values_for_type(x509.IPAddress))
        found.update(("email", name) for name in san.get_values_for_type(x509.RFC822Name))
        found.update(("uri", name) for name in san.get_values_for_type(x509.UniformResourceIdentifier))
    return found


def _normal(kind: str, name: str) -> str:
    try:
        return _NORMAL_FORMS[kind](name) if kind in _NORMAL_FORMS else name
    except ValueError:
        return name


def _notice(message: str) -> Finding:
    return Finding(Severity.NOTICE, "request.left-out", message)


def _refusal(message: str) -> Finding:
    hint = "leave it out of the CSR, or choose a profile that has a place for it"
    return Finding(Severity.ERROR, "request.no-place", message, hint=hint)
