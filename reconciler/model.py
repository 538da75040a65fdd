"""The words of a reconciliation: addresses, actions and reasons. Plain values; everything else is built of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What an address can be of, in the order in which a plan lists things that do not depend on each other."""

    KEY = "key"
    CA = "ca"
    CREDENTIAL = "credential"
    CRL = "crl"


class Address(NamedTuple):
    """The identity of a resource: `ca/root`, `credential/web`, `crl/issuing.2`, `key/root-2026`.

    A CRL belongs to one generation of a CA and has the name of that generation's directory.
    """

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that `text` writes.

        Raises:
            ValueError: it is none.
        """
        kind, _, name = text.partition("/")
        if not name:
            raise ValueError(f"{text!r} is not an address such as ca/root")
        return cls(Kind(kind), name)


class Action(StrEnum):
    """One step from observed to desired."""

    CREATE = "create"
    ADOPT = "adopt"
    RENEW = "renew"
    """A new certificate for the same key."""
    REKEY = "rekey"
    """A new key and a certificate for it."""
    REISSUE = "reissue"
    """A new certificate with other content, for the same key."""
    REVOKE = "revoke"
    REFRESH = "refresh"
    """A new CRL."""
    UPDATE = "update"
    """Records and derived files only; no key is used."""
    MOVE = "move"
    FORGET = "forget"


class ReasonCode(StrEnum):
    """Why a change is wanted. Codes are stable; readers of JSON should expect further ones."""

    MISSING = "missing"
    SPEC_CHANGED = "spec-changed"
    PROFILE_CHANGED = "profile-changed"
    RENEWAL_DUE = "renewal-due"
    EXPIRED = "expired"
    ISSUER_CHANGED = "issuer-changed"
    ISSUER_REKEYED = "issuer-rekeyed"
    KEY_MISSING = "key-missing"
    KEY_MISMATCH = "key-mismatch"
    ARTIFACT_MISSING = "artifact-missing"
    ARTIFACT_TAMPERED = "artifact-tampered"
    CRL_MISSING = "crl-missing"
    CRL_REFRESH_DUE = "crl-refresh-due"
    CRL_EXPIRED = "crl-expired"
    REVOCATION_ADDED = "revocation-added"
    ORPHAN_SERIAL = "orphan-serial"
    FORCED = "forced"
    ADOPTED = "adopted"
    MOVED = "moved"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, in one sentence, and the dates behind it: what opened or happened when, and what happens if nobody acts.

    The sentence depends on files only, never on the time of planning, so that it can be part of a plan's digest.
    """

    code: ReasonCode
    message: str
    since: datetime | None = None
    deadline: datetime | None = None


class EventName(StrEnum):
    """What the audit log tells; names are stable."""

    APPLY_STARTED = "apply-started"
    APPLY_FINISHED = "apply-finished"
    KEY_GENERATED = "key-generated"
    KEY_ADOPTED = "key-adopted"
    """A key that was there already, found on a token or shared, is used for the first time."""
    CERTIFICATE_ISSUED = "certificate-issued"
    CERTIFICATE_REVOKED = "certificate-revoked"
    CRL_SIGNED = "crl-signed"
    ADOPTED = "adopted"
    MOVED = "moved"
    FORGOTTEN = "forgotten"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done. `facts` are JSON values by name; what is None is not told. Never a secret."""

    name: EventName
    address: Address | None = None
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)
