"""Certificates and CRLs by pyca's builders, independent of our encoder, with every way to get them wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pki.x509.certificates import Certificate, parse_certificate
from pki.x509.crls import Crl, parse_crl
from tests.support.x509_objects import key_usage, private_key

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CA_USAGE = ("key_cert_sign", "crl_sign")
LEAF_USAGE = ("digital_signature",)

_serials = count(0x1001)


@dataclass(frozen=True)
class Entity:
    """A certificate and the private key of its subject."""

    certificate: x509.Certificate
    key: Any
    pss: bool = False

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def parsed(self) -> Certificate:
        return parse_certificate(self.der)

    @property
    def key_id(self) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(self.certificate.public_key())


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def issue(  # noqa: PLR0913  one keyword for each thing that can be wrong
    subject: str | x509.Name,
    issuer: Entity | None = None,
    *,
    key: Any = "ecdsa-p256",
    pss: bool = False,
    ca: bool | None = True,
    path_length: int | None = None,
    usage: Sequence[str] | None = CA_USAGE,
    eku: Sequence[x509.ObjectIdentifier] = (),
    names: Sequence[x509.GeneralName] = (),
    extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
    start: datetime = AT - DAY,
    end: datetime = AT + 30 * DAY,
    signed_by: Entity | None = None,
    authority_key_id: x509.AuthorityKeyIdentifier | None = None,
    key_ids: bool = True,
) -> Entity:
    """Issue a certificate, self-signed without an issuer.

    `key` is the name of an algorithm, or a private key. `ca` and `usage` None leave the extension out. `signed_by` is
    whose key signs, if not the issuer's; `authority_key_id` overrides what names the issuer's key.
    """
    name = common_name(subject) if isinstance(subject, str) else subject
    own_key = private_key(key, name.rfc4514_string()) if isinstance(key, str) else key
    issuer_name = issuer.certificate.subject if issuer else name
    builder = (
        x509.CertificateBuilder(issuer_name, name, own_key.public_key(), next(_serials))
        .not_valid_before(start)
        .not_valid_after(end)
    )
    extensions = list(extra)
    if key_ids:
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), False))
        named = x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer.key if issuer else own_key).public_key())
        extensions.append((authority_key_id or named, False))
    if ca is not None:
        extensions.append((x509.BasicConstraints(ca, path_length), True))
    if usage is not None:
        extensions.append((key_usage(*usage).value, True))
    if eku:
        extensions.append((x509.ExtendedKeyUsage(eku), False))
    if names:
        extensions.append((x509.SubjectAlternativeName(names), not name.rdns))
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    signer = signed_by or issuer or Entity(None, own_key, pss)  # type: ignore[arg-type]  # it is being made
    return Entity(builder.sign(signer.key, **_how(signer.key, pss=signer.pss)), own_key, pss)


def leaf(subject: str, issuer: Entity, **options: Any) -> Entity:
    return issue(subject, issuer, **{"ca": None, "usage": LEAF_USAGE, **options})


def crl(
    issuer: Entity,
    revoked: Iterable[Entity | tuple[Entity, x509.ReasonFlags]] = (),
    *,
    number: int = 1,
    this_update: datetime = AT - DAY,
    next_update: datetime = AT + 7 * DAY,
    extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
    entry_extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
    signed_by: Entity | None = None,
) -> Crl:
    return parse_crl(
        crl_der(
            issuer, revoked, number, this_update, next_update, tuple(extra), tuple(entry_extra), signed_by or issuer
        )
    )


def crl_der(
    issuer: Entity,
    revoked: Iterable[Entity | tuple[Entity, x509.ReasonFlags]],
    number: int,
    this_update: datetime,
    next_update: datetime,
    extra: tuple[tuple[x509.ExtensionType, bool], ...],
    entry_extra: tuple[tuple[x509.ExtensionType, bool], ...],
    signer: Entity,
) -> bytes:
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, this_update, next_update)
    for value, critical in (
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False),
        (x509.CRLNumber(number), False),
        *extra,
    ):
        builder = builder.add_extension(value, critical)
    for item in revoked:
        entity, reason = item if isinstance(item, tuple) else (item, None)
        entry = x509.RevokedCertificateBuilder(entity.certificate.serial_number, AT - 2 * DAY)
        if reason:
            entry = entry.add_extension(x509.CRLReason(reason), False)
        for value, critical in entry_extra:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signer.key, **_how(signer.key, pss=signer.pss)).public_bytes(Encoding.DER)


def _how(key: Any, *, pss: bool) -> dict[str, Any]:
    match key:
        case ec.EllipticCurvePrivateKey():
            by_size = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
            return {"algorithm": by_size[key.curve.key_size]}
        case rsa.RSAPrivateKey():
            scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
            return {"algorithm": hashes.SHA256(), "rsa_padding": scheme}
        case _:
            return {"algorithm": None}
