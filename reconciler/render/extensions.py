"""What the extensions of a certificate or request say, in the words of RFC 5280."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.x509.words import general_names, key_usages, purposes
from reconciler.render.layout import Facts

_NAMES = {
    x509.BasicConstraints.oid: "basicConstraints",
    x509.KeyUsage.oid: "keyUsage",
    x509.ExtendedKeyUsage.oid: "extKeyUsage",
    x509.SubjectKeyIdentifier.oid: "subjectKeyIdentifier",
    x509.AuthorityKeyIdentifier.oid: "authorityKeyIdentifier",
    x509.SubjectAlternativeName.oid: "subjectAltName",
    x509.CRLDistributionPoints.oid: "crlDistributionPoints",
    x509.AuthorityInformationAccess.oid: "authorityInfoAccess",
    x509.CertificatePolicies.oid: "certificatePolicies",
    x509.NameConstraints.oid: "nameConstraints",
    x509.OCSPNoCheck.oid: "ocspNoCheck",
    x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"): "qcStatements",
}


def extension_facts(extensions: x509.Extensions) -> dict[str, Any]:
    """Return what each known extension says, and the list of all of them with their criticality."""
    facts: dict[str, Any] = {}
    for extension in extensions:
        reader = _READERS.get(type(extension.value))
        if reader is not None:
            facts |= reader(extension.value)
    listed = [
        {"oid": item.oid.dotted_string, "name": _NAMES.get(item.oid), "critical": item.critical} for item in extensions
    ]
    return facts | {"extensions": listed}


def extension_rows(facts: Facts) -> list[tuple[str, object]]:
    """Return the rows that show `extension_facts` to people."""
    listed = [
        f"{item['name'] or item['oid']}{' (critical)' if item['critical'] else ''}" for item in facts["extensions"]
    ]
    return [
        ("Key Usage", ", ".join(facts.get("key_usage", []))),
        ("Extended Key Usage", ", ".join(facts.get("extended_key_usage", []))),
        ("Alternative Names", facts.get("alternative_names")),
        ("CRL", facts.get("crl_urls")),
        ("OCSP", facts.get("ocsp_urls")),
        ("CA Issuers", facts.get("ca_issuers_urls")),
        ("Policies", facts.get("policies")),
        ("Permitted Names", facts.get("permitted_names")),
        ("Excluded Names", facts.get("excluded_names")),
        ("Subject Key ID", facts.get("subject_key_id")),
        ("Authority Key ID", facts.get("authority_key_id")),
        ("Extensions", ", ".join(listed)),
    ]


def _constraints(value: x509.BasicConstraints) -> dict[str, Any]:
    return {"ca": value.ca, "path_length": value.path_length}


def _distribution_points(value: x509.CRLDistributionPoints) -> dict[str, Any]:
    return {"crl_urls": [str(name.value) for point in value for name in point.full_name or ()]}


def _information_access(value: x509.AuthorityInformationAccess) -> dict[str, Any]:
    kinds = {
        "ocsp_urls": AuthorityInformationAccessOID.OCSP,
        "ca_issuers_urls": AuthorityInformationAccessOID.CA_ISSUERS,
    }
    return {
        key: [str(entry.access_location.value) for entry in value if entry.access_method == method]
        for key, method in kinds.items()
    }


def _name_constraints(value: x509.NameConstraints) -> dict[str, Any]:
    return {
        "permitted_names": general_names(value.permitted_subtrees or ()),
        "excluded_names": general_names(value.excluded_subtrees or ()),
    }


_READERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    x509.BasicConstraints: _constraints,
    x509.KeyUsage: lambda value: {"key_usage": key_usages(value)},
    x509.ExtendedKeyUsage: lambda value: {"extended_key_usage": purposes(value)},
    x509.SubjectAlternativeName: lambda value: {"alternative_names": general_names(value)},
    x509.SubjectKeyIdentifier: lambda value: {"subject_key_id": value.digest.hex()},
    x509.AuthorityKeyIdentifier: lambda value: {
        "authority_key_id": value.key_identifier and value.key_identifier.hex()
    },
    x509.CRLDistributionPoints: _distribution_points,
    x509.AuthorityInformationAccess: _information_access,
    x509.CertificatePolicies: lambda value: {"policies": [info.policy_identifier.dotted_string for info in value]},
    x509.NameConstraints: _name_constraints,
}
