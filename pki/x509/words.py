"""What extensions say, in the words of RFC 5280: for people, and for comparing one certificate with another."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.names import ATTRIBUTES, display

_KEY_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "ocspSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "any",
}
_NAME_KINDS = {
    x509.DNSName: "DNS",
    x509.IPAddress: "IP",
    x509.RFC822Name: "email",
    x509.UniformResourceIdentifier: "URI",
}
_OWN_ENCODINGS = {kind.oid: kind.encoding for kind in ATTRIBUTES.values()}
_ENCODINGS = {"UTF8String": "utf8", "PrintableString": "printable", "IA5String": "ia5"}


def key_usages(value: x509.KeyUsage) -> list[str]:
    names = [name for attribute, name in _KEY_USAGES.items() if getattr(value, attribute)]
    if value.key_agreement:
        # pyca refuses to say these two of a key that agrees on nothing (RFC 5280 section 4.2.1.3).
        names += ["encipherOnly"] * value.encipher_only + ["decipherOnly"] * value.decipher_only
    return names


def purposes(value: x509.ExtendedKeyUsage) -> list[str]:
    return [_PURPOSES.get(oid, oid.dotted_string) for oid in value]


def general_names(names: Iterable[x509.GeneralName]) -> list[str]:
    """Return names with their kinds: `DNS:www.example.com`, `IP:10.0.0.0/8`."""
    return [_general_name(name) for name in names]


def _general_name(name: x509.GeneralName) -> str:
    match name:
        case x509.DirectoryName():
            return f"directory:{display(name.value)}"
        case x509.RegisteredID():
            return f"OID:{name.value.dotted_string}"
        case x509.OtherName():
            return f"other:{name.type_id.dotted_string}"
        case _:
            return f"{_NAME_KINDS.get(type(name), 'unknown')}:{name.value}"


def encodings(name: x509.Name) -> list[str]:
    """Return the string types that are not the attributes' usual ones: `CN=www as printable`."""
    return [
        f"{display(x509.Name([attribute]))} as {_ENCODINGS.get(kind, kind)}"
        for attribute in name
        if (kind := attribute._type.name)  # noqa: SLF001  pyca shows the string type nowhere else
        and _ENCODINGS.get(kind, kind) != _OWN_ENCODINGS.get(attribute.oid, "utf8")
    ]
