"""What a certificate may be used for: extended key usage and key usage together (RFC 5280 section 4.2.1.12)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.x509.certificates import Certificate
from pki.x509.path.model import Chain, Fault, PathError, describe


class Purpose(StrEnum):
    SERVER = "server"
    CLIENT = "client"
    CODE = "code"
    EMAIL = "email"
    TIMESTAMP = "timestamp"
    OCSP = "ocsp"


@dataclass(frozen=True, slots=True)
class _Rule:
    """What the leaf must have.

    `stated`: the extended key usage must be there and name this purpose. `alone`: it must be critical and name nothing
    else. `key_usages`: where there is a key usage, it has one of these.
    """

    eku: x509.ObjectIdentifier
    key_usages: tuple[str, ...]
    stated: bool = False
    alone: bool = False


_SIGN = ("digital_signature",)
_SIGN_OR_COMMIT = ("digital_signature", "content_commitment")
_RULES = {
    Purpose.SERVER: _Rule(ExtendedKeyUsageOID.SERVER_AUTH, (*_SIGN, "key_encipherment", "key_agreement")),
    Purpose.CLIENT: _Rule(ExtendedKeyUsageOID.CLIENT_AUTH, (*_SIGN, "key_agreement")),
    Purpose.CODE: _Rule(ExtendedKeyUsageOID.CODE_SIGNING, _SIGN, stated=True),
    Purpose.EMAIL: _Rule(ExtendedKeyUsageOID.EMAIL_PROTECTION, (*_SIGN_OR_COMMIT, "key_encipherment", "key_agreement")),
    # RFC 3161 section 2.3
    Purpose.TIMESTAMP: _Rule(ExtendedKeyUsageOID.TIME_STAMPING, _SIGN_OR_COMMIT, stated=True, alone=True),
    # RFC 6960 section 4.2.2.2
    Purpose.OCSP: _Rule(ExtendedKeyUsageOID.OCSP_SIGNING, _SIGN_OR_COMMIT, stated=True),
}


def require_purpose(chain: Chain, purpose: Purpose) -> None:
    """Check the leaf against the purpose, and that no CA above it is limited to other purposes.

    RFC 5280 does not say that an extended key usage binds the certificates below it; every relying party acts as if.

    Raises:
        PathError: the certificate must not be used for that.
    """
    rule = _RULES[purpose]
    leaf, *authorities = chain
    if not _leaf_allows(leaf, rule):
        raise PathError(Fault.PURPOSE, f"{describe(leaf)} is not for purpose {purpose}", certificate=leaf)
    for authority in authorities:
        if not _names(authority, rule.eku, or_any=True):
            raise PathError(
                Fault.PURPOSE, f"{describe(authority)} must not issue for purpose {purpose}", certificate=authority
            )


def _leaf_allows(leaf: Certificate, rule: _Rule) -> bool:
    usage = leaf.key_usage
    if usage is not None and not any(getattr(usage, name) for name in rule.key_usages):
        return False
    stated = leaf.extension(x509.ExtendedKeyUsage)
    if stated is None:
        return not rule.stated
    if rule.alone and not (len(list(stated)) == 1 and _is_critical(leaf)):
        return False
    return _names(leaf, rule.eku, or_any=not rule.stated)


def _names(certificate: Certificate, eku: x509.ObjectIdentifier, *, or_any: bool) -> bool:
    stated = certificate.extension(x509.ExtendedKeyUsage)
    return stated is None or eku in stated or (or_any and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in stated)


def _is_critical(leaf: Certificate) -> bool:
    return leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical
