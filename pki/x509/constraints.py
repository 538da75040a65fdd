"""Name constraints: which names a CA may certify (RFC 5280 section 4.2.1.10)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID


def violations(
    constraints: x509.NameConstraints, subject: x509.Name, san: x509.SubjectAlternativeName | None
) -> list[str]:
    """Return one sentence for each way in which the names break the constraints; none says that all are allowed.

    E-mail addresses in the subject are held to the constraints on addresses, whether or not there is a subjectAltName.
    A name that is constrained but cannot be compared (an otherName, a URI without a host name) is not allowed.
    """
    return [
        f"{form.label} {_text(name)} {problem}"
        for form, kind, name in _names(subject, san)
        for problem in _problems(
            form, name, _trees(constraints.permitted_subtrees, kind), _trees(constraints.excluded_subtrees, kind)
        )
    ]


@dataclass(frozen=True, slots=True)
class _Form:
    """How names of one form compare: `within(name, subtree)`; `touches` when an exclusion concerns some of the name."""

    label: str
    within: Callable[[Any, Any], bool]
    touches: Callable[[Any, Any], bool]


class _IncomparableError(ValueError):
    pass


def _problems(form: _Form, name: object, permitted: list[object], excluded: list[object]) -> Iterator[str]:
    try:
        if permitted and not any(form.within(name, tree) for tree in permitted):
            yield f"is outside the permitted {', '.join(map(_text, permitted))}"
        for tree in excluded:
            if form.touches(name, tree):
                yield f"is in the excluded {_text(tree)}"
    except _IncomparableError:
        yield "cannot be compared with the constraints on its kind"


def _names(subject: x509.Name, san: x509.SubjectAlternativeName | None) -> Iterator[tuple[_Form, type, object]]:
    names: list[tuple[type, object]] = [(x509.DirectoryName, subject)] if subject.rdns else []
    names += [(x509.RFC822Name, part.value) for part in subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    names += [(type(name), name.value) for name in san or ()]
    for kind, name in names:
        yield _FORMS.get(kind, _OTHER), kind, name


def _trees(subtrees: list[x509.GeneralName] | None, kind: type) -> list[object]:
    return [tree.value for tree in subtrees or () if isinstance(tree, kind)]


def _text(value: object) -> str:
    return value.rfc4514_string() if isinstance(value, x509.Name) else str(value)


def _dns_within(name: str, tree: str) -> bool:
    return _in_domain(_host(name), tree.lower())


def _dns_touches(name: str, tree: str) -> bool:
    """Say so too when a wildcard stands for the excluded name, one label below its parent."""
    parent = _host(name).removeprefix("*.")
    covered = name.startswith("*.") and tree.lower().partition(".")[2] == parent
    return covered or _dns_within(name, tree)


def _in_domain(host: str, tree: str) -> bool:
    """Say whether the host is the tree's or below it; a leading dot (others write it, the RFC does not) is below."""
    return not tree or host == tree or host.endswith(tree if tree.startswith(".") else f".{tree}")


def _email_within(name: str, tree: str) -> bool:
    local, at, host = name.rpartition("@")
    if not at:
        raise _IncomparableError(name)
    if "@" in tree:
        tree_local, _, tree_host = tree.rpartition("@")
        return (local, host.lower()) == (tree_local, tree_host.lower())
    return _host_matches(host, tree)


def _uri_within(name: str, tree: str) -> bool:
    try:
        host = urlsplit(name).hostname
    except ValueError as error:
        raise _IncomparableError(name) from error
    if not host or _is_address(host):
        raise _IncomparableError(name)
    return _host_matches(host, tree)


def _host_matches(host: str, tree: str) -> bool:
    """Compare as addresses and URIs do: a host is that host alone, a leading dot is every host below."""
    tree = tree.lower()
    return not tree or (_host(host).endswith(tree) if tree.startswith(".") else _host(host) == tree)


def _host(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _ip_within(name: object, tree: object) -> bool:
    if not isinstance(name, IPv4Address | IPv6Address) or not isinstance(tree, IPv4Network | IPv6Network):
        raise _IncomparableError(name)
    return name in tree


def _directory_within(name: x509.Name, tree: x509.Name) -> bool:
    return _rdns(name)[: len(tree.rdns)] == _rdns(tree)


def _rdns(name: x509.Name) -> list[frozenset[tuple[str, object]]]:
    """Return the RDNs in the form in which RFC 5280 section 7.1 compares them: case and runs of spaces do not count."""
    return [frozenset((part.oid.dotted_string, _prepared(part.value)) for part in rdn) for rdn in name.rdns]


def _prepared(value: str | bytes) -> str | bytes:
    if isinstance(value, bytes):
        return value
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _incomparable(name: object, _tree: object) -> bool:
    raise _IncomparableError(name)


_FORMS: dict[type, _Form] = {
    x509.DNSName: _Form("DNS name", _dns_within, _dns_touches),
    x509.RFC822Name: _Form("e-mail address", _email_within, _email_within),
    x509.UniformResourceIdentifier: _Form("URI", _uri_within, _uri_within),
    x509.IPAddress: _Form("IP address", _ip_within, _ip_within),
    x509.DirectoryName: _Form("directory name", _directory_within, _directory_within),
}
_OTHER = _Form("a name", _incomparable, _incomparable)
