"""Certificates, CRLs and requests made by our encoder, signed by pyca's keys; one key per algorithm and role."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pki.algorithms import SCHEMES, Family, SchemeChoice, SignatureScheme, algorithm, select_scheme
from pki.der import assemble
from pki.profiles.model import CertificateTemplate
from pki.x509.certificates import Certificate, certificate_tbs, parse_certificate

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)

_GENERATORS = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ml-dsa-44": mldsa.MLDSA44PrivateKey.generate,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey.generate,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey.generate,
}
_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


def private_key(name: str = "ecdsa-p256", role: str = "") -> Any:
    """Return the key of that algorithm and role: made once per test run."""
    return _private_key(name, role)


@cache
def _private_key(name: str, _role: str) -> Any:
    return _GENERATORS[name]()


def spki_of(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def digest_of(scheme: SignatureScheme) -> hashes.HashAlgorithm | None:
    return _HASHES.get(scheme.digest)


def padding_of(scheme: SignatureScheme) -> padding.AsymmetricPadding | None:
    if scheme.family is not Family.RSA:
        return None
    digest = digest_of(scheme)
    return padding.PSS(padding.MGF1(digest), digest.digest_size) if scheme.kind == "rsassa-pss" else padding.PKCS1v15()


def sign(key: Any, scheme: SignatureScheme, message: bytes) -> bytes:
    if scheme.family is Family.EC:
        return key.sign(message, ec.ECDSA(digest_of(scheme)))
    if scheme.family is Family.RSA:
        return key.sign(message, padding_of(scheme), digest_of(scheme))
    return key.sign(message)


def name(common_name: str = "Test", organization: str | None = "Example", country: str | None = "FR") -> x509.Name:
    attributes = (
        (NameOID.COUNTRY_NAME, country),
        (NameOID.ORGANIZATION_NAME, organization),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes if value is not None])


def extension(value: x509.ExtensionType, *, critical: bool = False) -> x509.Extension[Any]:
    return x509.Extension(value.oid, critical, value)


def key_usage(*names: str, critical: bool = True) -> x509.Extension[Any]:
    fields = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return extension(x509.KeyUsage(**{field: field in names for field in fields}), critical=critical)


def basic_constraints(*, ca: bool, path_length: int | None = None, critical: bool = True) -> x509.Extension[Any]:
    return extension(x509.BasicConstraints(ca, path_length), critical=critical)


def san(
    *, dns: Iterable[str] = (), ips: Iterable[str] = (), emails: Iterable[str] = (), uris: Iterable[str] = ()
) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [
            *(x509.DNSName(value) for value in dns),
            *(x509.IPAddress(ip_address(value)) for value in ips),
            *(x509.RFC822Name(value) for value in emails),
            *(x509.UniformResourceIdentifier(value) for value in uris),
        ]
    )


CA_EXTENSIONS = (basic_constraints(ca=True), key_usage("key_cert_sign", "crl_sign"))
LEAF_EXTENSIONS = (
    key_usage("digital_signature"),
    extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])),
    extension(san(dns=["www.example.com"])),
)


def template(
    subject: x509.Name | None = None,
    extensions: Sequence[x509.Extension[Any]] = CA_EXTENSIONS,
    *,
    key: str = "ecdsa-p256",
    not_before: datetime = NOW,
    not_after: datetime = NOW + 365 * DAY,
) -> CertificateTemplate:
    return CertificateTemplate(
        profile="test",
        profile_digest="",
        algorithm=algorithm(key),
        signature=SchemeChoice(),
        subject=name() if subject is None else subject,
        not_before=not_before,
        not_after=not_after,
        extensions=tuple(extensions),
    )


def issue(
    template: CertificateTemplate,
    *,
    issuer: Certificate | None = None,
    key: Any = None,
    issuer_key: Any = None,
    scheme: SignatureScheme | None = None,
    serial: int = 0x1234567890ABCDEF01,
) -> Certificate:
    """Issue by `issuer` with `issuer_key`; without an issuer, self-signed with `key`."""
    key = key or private_key(template.algorithm.name)
    issuer_key = issuer_key or (key if issuer is None else private_key(issuer.algorithm.name))
    scheme = scheme or select_scheme(issuer.algorithm if issuer else template.algorithm)
    tbs = certificate_tbs(template, serial=serial, spki=spki_of(key), issuer=issuer and issuer.identity, scheme=scheme)
    return parse_certificate(assemble(tbs, scheme, sign(issuer_key, scheme, tbs)))


SCHEME_KEYS = {
    "ecdsa-sha256": "ecdsa-p256",
    "ecdsa-sha384": "ecdsa-p384",
    "ecdsa-sha512": "ecdsa-p521",
    **{scheme.name: "rsa-2048" for scheme in SCHEMES.values() if scheme.family is Family.RSA},
    "ed25519": "ed25519",
    "ml-dsa-44": "ml-dsa-44",
    "ml-dsa-65": "ml-dsa-65",
    "ml-dsa-87": "ml-dsa-87",
}
"""Every scheme of the table, and a key that signs by it."""
