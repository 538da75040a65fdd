"""Whether a certificate is for the service a client meant to reach (RFC 9525)."""

from __future__ import annotations

import ipaddress

from cryptography import x509

from pki.names import dns_name
from pki.x509.certificates import Certificate
from pki.x509.path.model import Fault, PathError, describe


def require_hostname(leaf: Certificate, hostname: str) -> None:
    """Check a DNS name or IP address against the subjectAltName; the subject's common name does not count.

    Raises:
        PathError: the certificate does not name it, or it is neither.
    """
    names = leaf.extension(x509.SubjectAlternativeName) or x509.SubjectAlternativeName([])
    address = _address(hostname)
    if address is not None:
        found = address in names.get_values_for_type(x509.IPAddress)
    else:
        wanted = _host(hostname)
        found = any(_matches(wanted, presented) for presented in names.get_values_for_type(x509.DNSName))
    if not found:
        raise PathError(Fault.HOSTNAME, f"{describe(leaf)} is not for {hostname}", certificate=leaf, hint=_hint(names))


def _matches(wanted: str, presented: str) -> bool:
    """Section 6.3: a wildcard is the whole leftmost label, and stands for exactly one label."""
    presented = presented.lower()
    if presented.startswith("*."):
        _, _, parent = wanted.partition(".")
        return "." in parent and presented[2:] == parent
    return presented == wanted


def _address(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(hostname)
    except ValueError:
        return None


def _host(hostname: str) -> str:
    try:
        return dns_name(hostname.removesuffix("."), single_label=True)
    except ValueError as error:
        raise PathError(Fault.HOSTNAME, f"not a host name or IP address: {error}") from error


def _hint(names: x509.SubjectAlternativeName) -> str:
    values = [str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]
    return f"it is for: {', '.join(values)}" if values else "it names no host at all"
