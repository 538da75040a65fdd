"""Names in certificates: what they may hold, how they are encoded, how they are shown.

Distinguished names follow RFC 5280 section 4.1.2.4 and the upper bounds of its appendix A; the other kinds follow
section 4.2.1.6. A check returns the normal form, or raises `ValueError` with a sentence for whoever typed the name.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.name import _ASN1Type as StringType  # pyca has no public name for it

Encoding = Literal["utf8", "printable", "ia5"]

_STRING_TYPES: dict[Encoding, StringType] = {
    "utf8": StringType.UTF8String,
    "printable": StringType.PrintableString,
    "ia5": StringType.IA5String,
}
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")  # X.680 section 41.4
_HOST_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_LOCAL_PART = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)  # RFC 5321 Dot-string
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")  # RFC 3986 characters
_OID = re.compile(r"(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]{0,37}))(?:\.(?:0|[1-9][0-9]{0,37}))*")
_VISIBLE = range(0x20, 0x7F)


@dataclass(frozen=True, slots=True)
class AttributeType:
    """A kind of subject attribute: our short name, OpenSSL's, the OID, its string type, and its bound in characters."""

    name: str
    openssl: str
    oid: x509.ObjectIdentifier
    bound: int
    encoding: Encoding = "utf8"
    fixed: bool = False
    """Whether the standard leaves no other string type."""


def _row(
    name: str, openssl: str, oid: str, bound: int, encoding: Encoding = "utf8", *, fixed: bool = False
) -> AttributeType:
    return AttributeType(name, openssl, x509.ObjectIdentifier(oid), bound, encoding, fixed)


_ROWS = (  # in the order in which they stand in a name: from the widest to the narrowest
    _row("dc", "DC", "0.9.2342.19200300.100.1.25", 63, "ia5", fixed=True),
    _row("c", "C", "2.5.4.6", 2, "printable", fixed=True),
    _row("st", "ST", "2.5.4.8", 128),
    _row("l", "L", "2.5.4.7", 128),
    _row("postalCode", "postalCode", "2.5.4.17", 40),
    _row("street", "street", "2.5.4.9", 128),
    _row("o", "O", "2.5.4.10", 64),
    _row("organizationIdentifier", "organizationIdentifier", "2.5.4.97", 256),
    _row("ou", "OU", "2.5.4.11", 64),
    _row("title", "title", "2.5.4.12", 64),
    _row("surname", "SN", "2.5.4.4", 32768),
    _row("givenName", "GN", "2.5.4.42", 32768),
    _row("pseudonym", "pseudonym", "2.5.4.65", 128),
    _row("serialNumber", "serialNumber", "2.5.4.5", 64, "printable", fixed=True),
    _row("dnQualifier", "dnQualifier", "2.5.4.46", 64, "printable", fixed=True),
    _row("uid", "UID", "0.9.2342.19200300.100.1.1", 256),
    _row("cn", "CN", "2.5.4.3", 64),
    _row("email", "emailAddress", "1.2.840.113549.1.9.1", 255, "ia5", fixed=True),
)
ATTRIBUTES = {row.name: row for row in _ROWS}
_BY_OID = {row.oid: row for row in _ROWS}
_RANK = {row.oid: rank for rank, row in enumerate(_ROWS)}
_RFC4514_NAMES = {row.oid: row.openssl for row in _ROWS}


def distinguished_name(fields: Iterable[tuple[str, str, str | None]]) -> x509.Name:
    """Return the name of these (short name, value, encoding) fields; an encoding of None is the attribute's own.

    One attribute per RDN, from the widest (`dc`, `c`) to the narrowest (`cn`), whatever order they came in: so a name
    does not depend on how somebody sorted a file. Attributes of one kind keep their order.

    Raises:
        ValueError: a field is not fit to stand in a name.
    """
    attributes = [name_attribute(name, value, encoding) for name, value, encoding in fields]
    return x509.Name(sorted(attributes, key=lambda attribute: _RANK[attribute.oid]))


def name_attribute(name: str, value: str, encoding: str | None = None) -> x509.NameAttribute[str]:
    """Return one attribute of a distinguished name.

    Raises:
        ValueError: unknown attribute, empty, too long, with control characters, or not in the string type's alphabet.
    """
    kind = ATTRIBUTES.get(name)
    if kind is None:
        raise ValueError(f"unknown subject attribute `{name}`; there are: {', '.join(ATTRIBUTES)}")
    plain_text(value)
    if len(value) > kind.bound:
        raise ValueError(f"{name} has at most {kind.bound} characters, not {len(value)}")
    if name == "c" and not re.fullmatch("[A-Z]{2}", value):
        raise ValueError(f"a country is two capital letters (ISO 3166-1), not {value!r}")
    return x509.NameAttribute(kind.oid, value, _string_type(kind, value, encoding))


def _string_type(kind: AttributeType, value: str, encoding: str | None) -> StringType:
    chosen = encoding or kind.encoding
    if chosen not in _STRING_TYPES:
        raise ValueError(f"unknown encoding `{chosen}`; there are: {', '.join(_STRING_TYPES)}")
    if kind.fixed and chosen != kind.encoding:
        raise ValueError(f"{kind.name} is always encoded as {kind.encoding} (RFC 5280 appendix A)")
    if chosen == "printable" and not _PRINTABLE.fullmatch(value):
        raise ValueError(f"{kind.name} is a PrintableString: letters, digits, space and '()+,-./:=? only")
    if chosen == "ia5" and not value.isascii():
        raise ValueError(f"{kind.name} is an IA5String: ASCII only")
    return _STRING_TYPES[chosen]


def fields(name: x509.Name) -> tuple[tuple[str, str], ...]:
    """Return (short name, value) for each attribute, in encoded order; unknown kinds by dotted OID, bytes as hex."""
    return tuple(
        (kind.name if (kind := _BY_OID.get(attribute.oid)) else attribute.oid.dotted_string, _text(attribute.value))
        for attribute in name
    )


def display(name: x509.Name) -> str:
    """Return the name as people read it: RFC 4514, the narrowest first (`CN=www,O=Example,C=FR`)."""
    return name.rfc4514_string(_RFC4514_NAMES)


def openssl_oneline(name: x509.Name) -> str:
    """Return the name as OpenSSL's `index.txt` holds it (`X509_NAME_oneline`): `/C=FR/O=Example/CN=www`."""
    return "".join(
        f"/{kind.openssl if (kind := _BY_OID.get(attribute.oid)) else attribute.oid.dotted_string}="
        + "".join(map(_openssl_escape, _text(attribute.value).encode()))
        for attribute in name
    )


def _openssl_escape(byte: int) -> str:
    if byte in b"/+":
        return f"\\{chr(byte)}"
    return chr(byte) if byte in _VISIBLE else f"\\x{byte:02X}"


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()


def plain_text(value: str) -> str:
    """Return `value` if a person can read all of it.

    Raises:
        ValueError: it is empty, begins or ends with white space, or holds a control or direction-changing character.
    """
    if not value:
        raise ValueError("it is empty")
    hidden = next((char for char in value if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}), None)
    if hidden is not None:
        raise ValueError(f"it holds the control character U+{ord(hidden):04X}")
    if value != value.strip():
        raise ValueError("it begins or ends with white space")
    return value


def dns_name(value: str, *, wildcard: bool = False, single_label: bool = False) -> str:
    """Return a host name in lower case, with labels outside ASCII as A-labels (RFC 5891).

    `wildcard` accepts `*` as the leftmost label of at least three (RFC 6125 section 6.4.3); `single_label` accepts a
    name without a dot.

    Raises:
        ValueError: it is not such a name.
    """
    star, host = ("*.", value[2:]) if value.startswith("*.") else ("", value)
    if star and not wildcard:
        raise ValueError(f"{value!r} is a wildcard, which is not allowed here")
    host = (host if host.isascii() else _a_labels(host)).lower()
    labels = host.split(".")
    if len(host) + len(star) > 253:  # noqa: PLR2004  RFC 1035 section 2.3.4, without the root label
        raise ValueError(f"a DNS name has at most 253 characters, not {len(value)}")
    for label in labels:
        _check_label(label, value)
    if labels[-1].isdigit():
        raise ValueError(f"{value!r} is not a DNS name: its last label is a number")
    if len(labels) == 1 and (star or not single_label):
        raise ValueError(f"{value!r} has too few labels for a {'wildcard' if star else 'DNS name'}")
    return star + host


def _check_label(label: str, name: str) -> None:
    if not label:
        raise ValueError(f"{name!r} is not a DNS name: it has an empty label")
    if len(label) > 63:  # noqa: PLR2004  RFC 1035 section 2.3.4
        raise ValueError(f"{name!r} is not a DNS name: a label has more than 63 characters")
    if not _HOST_LABEL.fullmatch(label):
        raise ValueError(f"{name!r} is not a DNS name: {label!r} is not letters, digits and inner hyphens")
    if label[2:4] == "--":
        _check_a_label(label, name)


def _check_a_label(label: str, name: str) -> None:
    """Refuse what only looks like an A-label: RFC 5890 section 2.3.1 keeps `??--` for real ones."""
    import idna  # noqa: PLC0415  its tables are large and few names need them

    try:
        sound = label.startswith("xn--") and idna.encode(idna.decode(label)) == label.encode()
    except idna.IDNAError:
        sound = False
    if not sound:
        raise ValueError(f"{name!r} is not a DNS name: {label!r} is not a valid A-label")


def _a_labels(host: str) -> str:
    import idna  # noqa: PLC0415  its tables are large and few names need them

    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"{host!r} is not a DNS name: {error}") from error


def email(value: str) -> str:
    """Return a mailbox `local@host` with the host as `dns_name` gives it.

    Raises:
        ValueError: it is not one; quoted and internationalised local parts (RFC 8398) are refused.
    """
    local, at, host = value.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or len(local) > 64:  # noqa: PLR2004  RFC 5321 section 4.5.3.1.1
        raise ValueError(f"{value!r} is not an e-mail address")
    try:
        return f"{local}@{dns_name(host)}"
    except ValueError as error:
        raise ValueError(f"{value!r} is not an e-mail address: {error}") from error


def uri(value: str) -> str:
    """Return an absolute URI with scheme and host in lower case.

    Raises:
        ValueError: it is relative, holds characters that RFC 3986 does not have, names a user, or names no sound host.
    """
    if not _URI.fullmatch(value):
        raise ValueError(f"{value!r} is not an absolute URI in ASCII, such as http://host/path")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{value!r} is not a URI: {error}") from error
    if "@" in parts.netloc:
        raise ValueError(f"a URI in a certificate names no user, as this one of {host} does")
    if not host and parts.scheme in {"http", "https"}:
        raise ValueError(f"{value!r} is not a URI: it names no host")
    rest = value[len(parts.scheme) + 1 :]
    if host:
        rest = f"//{_netloc(host_name(host), port)}{rest[2 + len(parts.netloc) :]}"
    return f"{parts.scheme}:{rest}"


def _netloc(host: str, port: int | None) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


def host_name(value: str) -> str:
    """Return an IP address or a DNS name, of one label too.

    Raises:
        ValueError: it is neither.
    """
    try:
        return ip(value)
    except ValueError:
        return dns_name(value, single_label=True)


def ip(value: str) -> str:
    """Return an IPv4 or IPv6 address in its shortest form (RFC 5952).

    Raises:
        ValueError: it is not one; scope ids (`%eth0`) mean nothing in a certificate.
    """
    try:
        address = ipaddress.ip_address(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not an IP address") from error
    if getattr(address, "scope_id", None):
        raise ValueError(f"{value!r} has a scope, which means nothing in a certificate")
    return str(address)


def oid(value: str) -> x509.ObjectIdentifier:
    """Return a dotted object identifier.

    Raises:
        ValueError: it is not one.
    """
    if not _OID.fullmatch(value):
        raise ValueError(f"{value!r} is not an object identifier, such as 1.3.6.1.5.5.7.3.1")
    return x509.ObjectIdentifier(value)
