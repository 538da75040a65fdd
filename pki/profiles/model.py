"""The vocabulary of issuance policy.

A `Profile` says what certificates of a kind look like. Compiling it with variables, an issuer and a time gives a
`CertificateTemplate`, which leaves nothing to decide but the serial and the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from cryptography import x509

from pki.algorithms import Algorithm, SchemeChoice
from pki.findings import Finding


class VariableType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    LIST = "list"
    IP_LIST = "ip_list"
    DNS_NAME = "dns_name"
    DNS_NAMES = "dns_names"
    EMAIL = "email"
    URI = "uri"
    OID = "oid"
    DURATION = "duration"

    @property
    def is_list(self) -> bool:
        return self in {VariableType.LIST, VariableType.IP_LIST, VariableType.DNS_NAMES}


@dataclass(frozen=True, slots=True)
class Constraints:
    """What values may say.

    A suffix `example.com` holds for itself and for what is below it, never for `badexample.com`; `.example.com` holds
    for what is below only.
    """

    allowed_suffixes: tuple[str, ...] = ()
    denied_prefixes: tuple[str, ...] = ()
    allowed_ranges: tuple[str, ...] = ()
    allowed_schemes: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    min_items: int | None = None
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Whether a DNS name may be `*.example.com`, and whether `*.co.uk` is refused all the same.

    The star always stands for one whole label (RFC 6125 section 6.4.3).
    """

    allowed: bool = False
    forbid_public_suffix: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """One input of a profile. Values that are None were not given."""

    name: str
    type: VariableType
    required: bool = False
    default: Any = None
    description: str = ""
    pattern: str | None = None
    enum: tuple[Any, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    min: int | None = None
    max: int | None = None
    min_duration: timedelta | None = None
    max_duration: timedelta | None = None
    allow_single_label: bool = False
    wildcard: Wildcard = Wildcard()
    constraints: Constraints = Constraints()


@dataclass(frozen=True, slots=True)
class SubjectAttribute:
    """One attribute of the subject: its short name, a text that may hold `{{ variables }}`, and a string type."""

    name: str
    value: str
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Issuance policy, valid by construction: only `pki.profiles.loader` makes one.

    `extensions` is the block of the YAML file as its schema describes it, variables still in place, as in `validity`.
    `digest` is the SHA-256 of the canonical content in hex: it changes when, and only when, the policy does.
    """

    name: str
    description: str
    source: str
    algorithm: Algorithm
    signature: SchemeChoice
    subject: tuple[SubjectAttribute, ...]
    validity: str
    beyond_issuer: Literal["refuse", "clip"]
    extensions: Mapping[str, Any] = field(hash=False)
    variables: Mapping[str, Variable] = field(hash=False)
    digest: str

    @property
    def is_ca(self) -> bool:
        return bool(self.extensions.get("basicConstraints", {}).get("ca", False))


@dataclass(frozen=True, slots=True)
class IssuerFacts:
    """What compiling must know of the CA that will sign.

    `defaults` feeds the variables `crl_urls`, `ca_issuers_urls` and `ocsp_urls` where the caller gave none.
    """

    subject: x509.Name
    not_before: datetime
    not_after: datetime
    path_length: int | None = None
    defaults: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class RequestedNames:
    """The names that a CSR asks for, as plain text.

    `subject` holds (short name, value) pairs as `pki.names.fields` gives them; `other` describes SAN names of the kinds
    that no profile can have.
    """

    subject: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateTemplate:
    """The fully decided content of one certificate, but for serial, keys and the two key identifiers.

    Times are aware, in UTC, whole seconds. `notices` tells what was left out or shortened.
    """

    profile: str
    profile_digest: str
    algorithm: Algorithm
    signature: SchemeChoice
    subject: x509.Name
    not_before: datetime
    not_after: datetime
    extensions: tuple[x509.Extension[Any], ...]
    notices: tuple[Finding, ...] = ()

    @property
    def is_ca(self) -> bool:
        constraints = self._basic_constraints()
        return constraints is not None and constraints.ca

    @property
    def path_length(self) -> int | None:
        """How many CA certificates may follow below this one; None is no limit."""
        constraints = self._basic_constraints()
        return constraints.path_length if constraints else None

    def _basic_constraints(self) -> x509.BasicConstraints | None:
        values = (extension.value for extension in self.extensions)
        return next((value for value in values if isinstance(value, x509.BasicConstraints)), None)
