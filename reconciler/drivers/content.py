"""What certificates say, as people read it: of one that would be issued, and of one that was.

Both are described by the same words, so that a certificate that was issued from a template has the template's content.
Fields and extensions have the names that profiles give them; an extension is a list of texts, and when it is critical
the first says so. One that no profile has a block for stands under its OID.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.algorithms import Algorithm, SchemeChoice
from pki.errors import EncodingError
from pki.names import display
from pki.profiles import qcstatements
from pki.profiles.model import CertificateTemplate
from pki.x509.certificates import Certificate
from pki.x509.words import encodings, general_names, key_usages, purposes
from reconciler.plan.model import Content

_BY_KEY = (x509.SubjectKeyIdentifier.oid, x509.AuthorityKeyIdentifier.oid)
"""Extensions that differ from key to key, not from content to content."""


def of_template(template: CertificateTemplate) -> Content:
    return _content(
        template.subject,
        template.algorithm,
        template.signature,
        template.extensions,
        template.not_after - template.not_before,
    )


def of_certificate(certificate: Certificate, signature: SchemeChoice | None = None) -> Content:
    """Return the content of a certificate.

    `signature` is what the profile says about how it is to be signed: of how it was, only as much is content.

    Raises:
        UnsupportedAlgorithmError, EncodingError: its key or signature is none of the table, or broken.
    """
    wanted = signature or SchemeChoice()
    decided = SchemeChoice(
        kind=certificate.scheme.kind if wanted.kind else None,
        digest=certificate.scheme.digest if wanted.digest else None,
    )
    return _content(
        certificate.subject,
        certificate.algorithm,
        decided,
        certificate.extensions,
        certificate.not_after - certificate.not_before,
    )


def _content(
    subject: x509.Name,
    algorithm: Algorithm,
    signature: SchemeChoice,
    extensions: Iterable[x509.Extension[Any]],
    lifetime: timedelta,
) -> Content:
    said = [extension for extension in extensions if extension.oid not in _BY_KEY]
    fields: dict[str, Any] = {"subject": display(subject)}
    if unusual := encodings(subject):
        fields["subjectEncoding"] = unusual
    if signature != SchemeChoice():
        fields["signature"] = str(signature)
    fields |= dict(map(_field, said))
    is_ca = any(isinstance(each.value, x509.BasicConstraints) and each.value.ca for each in said)
    return Content(fields, algorithm.name, lifetime, is_ca)


def _field(extension: x509.Extension[Any]) -> tuple[str, list[str]]:
    name, read = _KNOWN.get(extension.oid, (extension.oid.dotted_string, _octets))
    try:
        said = read(extension.value)
    except EncodingError:
        said = _octets(extension.value)
    return name, ["critical"] * extension.critical + said


def _octets(value: x509.ExtensionType) -> list[str]:
    return [f"DER {value.public_bytes().hex()}"]


def _basic_constraints(value: x509.BasicConstraints) -> list[str]:
    limit = [] if value.path_length is None else [f"path length {value.path_length}"]
    return ["CA" if value.ca else "not a CA", *limit]


def _distribution_points(value: x509.CRLDistributionPoints) -> list[str]:
    return [text for point in value for text in _point(point)]


def _point(point: x509.DistributionPoint) -> Iterator[str]:
    scope = "".join(
        [
            f" for {', '.join(sorted(reason.value for reason in point.reasons))}" if point.reasons else "",
            f" by {', '.join(general_names(point.crl_issuer))}" if point.crl_issuer else "",
        ]
    )
    for name in point.full_name or ():
        text = name.value if isinstance(name, x509.UniformResourceIdentifier) else general_names([name])[0]
        yield f"{text}{scope}"
    if not point.full_name:
        place = point.relative_name.rfc4514_string() if point.relative_name else "at its issuer"
        yield f"{place}{scope}"


def _information_access(value: x509.AuthorityInformationAccess) -> list[str]:
    return [
        f"{_METHODS.get(entry.access_method, entry.access_method.dotted_string)}: {_place(entry)}" for entry in value
    ]


def _place(entry: x509.AccessDescription) -> str:
    place = entry.access_location
    return place.value if isinstance(place, x509.UniformResourceIdentifier) else general_names([place])[0]


_METHODS = {AuthorityInformationAccessOID.OCSP: "OCSP", AuthorityInformationAccessOID.CA_ISSUERS: "CA Issuers"}


def _policies(value: x509.CertificatePolicies) -> list[str]:
    return [_policy(policy) for policy in value]


def _policy(policy: x509.PolicyInformation) -> str:
    said = [
        qualifier if isinstance(qualifier, str) else f'"{qualifier.explicit_text}"'
        for qualifier in policy.policy_qualifiers or ()
    ]
    return policy.policy_identifier.dotted_string + (f" ({', '.join(said)})" if said else "")


def _name_constraints(value: x509.NameConstraints) -> list[str]:
    permitted, excluded = general_names(value.permitted_subtrees or ()), general_names(value.excluded_subtrees or ())
    return [*(f"permitted {name}" for name in permitted), *(f"excluded {name}" for name in excluded)]


_KNOWN: dict[x509.ObjectIdentifier, tuple[str, Callable[[Any], list[str]]]] = {
    x509.BasicConstraints.oid: ("basicConstraints", _basic_constraints),
    x509.KeyUsage.oid: ("keyUsage", key_usages),
    x509.ExtendedKeyUsage.oid: ("extKeyUsage", purposes),
    x509.SubjectAlternativeName.oid: ("subjectAltName", general_names),
    x509.CertificatePolicies.oid: ("certificatePolicies", _policies),
    x509.NameConstraints.oid: ("nameConstraints", _name_constraints),
    x509.CRLDistributionPoints.oid: ("crlDistributionPoints", _distribution_points),
    x509.AuthorityInformationAccess.oid: ("authorityInfoAccess", _information_access),
    x509.OCSPNoCheck.oid: ("ocspNoCheck", lambda _: ["yes"]),
    qcstatements.OID: ("qcStatements", lambda value: qcstatements.describe(value.value)),
}
"""By OID: the name of an extension, and what reads it."""
