"""`Plan` and `Change`: what would be done, why, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from pki.findings import Finding
from pki.keyrefs import KeyRef
from pki.profiles.model import IssuerFacts
from reconciler.diff import Difference as Difference  # noqa: PLC0414  a word of this module, for its readers
from reconciler.model import Action, Address, Reason


@dataclass(frozen=True, slots=True)
class Content:
    """What a certificate says, as people read it: by the name of the field or extension, text or a list of texts.

    Serial, dates and key identifiers are not in it: they differ from certificate to certificate.
    """

    fields: Mapping[str, Any] = field(hash=False)
    algorithm: str
    """Of its key, as in `pki.algorithms`."""
    lifetime: timedelta
    is_ca: bool


@dataclass(frozen=True, slots=True)
class Compiled:
    """A certificate as it would be issued at the time of planning.

    `clipped`: its end is its issuer's, so its lifetime is no choice of the profile. `facts` is what certificates below
    it are compiled under, when it is a CA's.
    """

    content: Content
    not_before: datetime
    not_after: datetime
    clipped: bool = False
    facts: IssuerFacts | None = None
    notices: tuple[Finding, ...] = ()
    spki_sha256: str | None = None
    """Of the CSR's key; None when the key is to be ours."""


class Templates(Protocol):
    """What the planner must know of profiles and certificates; `reconciler.drivers.templates` has it."""

    def compile(
        self,
        profile: str,
        variables: Mapping[str, Any],
        *,
        issuer: IssuerFacts | None,
        csr: str | None = None,
        beside: Sequence[str] = (),
    ) -> Compiled:
        """Return what would be issued now.

        `beside` names the other profiles of the same credential: variables that only they know are left out.

        Raises:
            PkiError: the certificate cannot be made; a FindingsError has every reason.
        """
        ...

    def recorded(self, path: str, profile: str | None = None) -> Content:
        """Return what the certificate in a file of the workspace says.

        Give the profile that it is compared under: how a certificate is signed is part of its content only as far as
        the profile decides it.

        Raises:
            PkiError: it cannot be read.
        """
        ...

    def issuer(self, directory: str) -> IssuerFacts:
        """Return what certificates are compiled under by the CA in that directory of the workspace.

        Raises:
            PkiError: it cannot be read.
        """
        ...

    def storage(self, directory: str) -> KeyRef:
        """Return where the key of the CA in that directory of the workspace is; paths in it are relative to the latter.

        Raises:
            PkiError: its record cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Need:
    """A private key that a change uses or makes, and the secret that opens it.

    `holder` is whose key it is (`ca/root`). A key is on the token that `hsm` (an HSM config of the workspace) finds, or
    in the file `path`. `secret_env` and `secret_file` name where its PIN or passphrase comes from; a token with neither
    asks on the terminal.
    """

    holder: str
    use: Literal["sign", "generate", "open"]
    hsm: str | None = None
    token: str | None = None
    label: str | None = None
    path: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One step.

    An address can have several, to be made in their order (`move`, then `rekey`); what depends on an address depends on
    all of them. `depends_on` names what has a change in this plan. `reasons` has at least one; the first says most.
    `preview` holds what depends on the time of planning (dates to be, entries of a CRL): it is shown and not part of
    the digest. A change with `blocked` findings is shown and not made, and neither is what depends on it.
    """

    address: Address
    action: Action
    reasons: tuple[Reason, ...]
    differences: tuple[Difference, ...] = ()
    depends_on: tuple[Address, ...] = ()
    needs: tuple[Need, ...] = ()
    generation: int | None = None
    """Which generation of a CA or credential the change makes or is about; an `update` is about all of them."""
    issuer: str | None = None
    """The directory name of the CA generation that signs (`issuing.2`); None when none is needed, or a root signs
    itself."""
    inputs_digest: str | None = None
    """What the record is to say of what decides the content (`reconciler.kinds.inputs`)."""
    previous: Address | None = None
    """Where a moved resource was."""
    blocked: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()
    preview: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)
    """What is shown of a change beyond its differences; every key can be absent, times are datetimes.

    Of a certificate: `certificates` has a mapping for each that would be issued (`profile`, `algorithm`, `not_before`,
    `not_after`, `clipped`), `replaces` one for each on record that it takes the place of (`serial` as a number,
    `profile`, `algorithm`, `not_before`, `not_after`), `issuer` is the address text of the CA's generation directory
    that signs (`ca/issuing.2`), None for a root.
    Of a CRL: `number`, `this_update`, `next_update`, `entries` of the one on disk; `new_next_update` and `new_entries`
    of the one to be; `added` and `expired` are (serial, reason) pairs that come and go, reason a CRLReason or None.
    Of a revocation: `serials` are (serial, reason) pairs.
    """


DUE_LIMIT = 1000
"""How many of the next dates a plan holds; a fleet of 100,000 has as many."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that time alone will make a change of."""

    address: Address
    at: datetime
    """When a plan with no horizon begins to show it."""
    what: Literal["renewal", "crl-refresh", "revocation"]
    deadline: datetime
    """When it is too late: the certificate or CRL expires."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Globs over addresses; `replace` are those to get a new key."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered changes, each after all that it depends on.

    The digest binds what is to be done: the manifest, the state, the selection and every change, but not the time of
    planning, so that the same plan made an hour later has the same digest as long as nothing else came due.
    """

    changes: tuple[Change, ...]
    manifest_digest: str
    state_fingerprint: str
    now: datetime
    horizon: timedelta
    selection: Selection = Selection()
    added: tuple[Address, ...] = ()
    """Changes that `only` did not name, taken in because a named one depends on them."""
    unmanaged: tuple[Address, ...] = ()
    """In state, and neither in the manifest nor in `removed`."""
    unchanged: int = 0
    """Resources and CRLs that are as they should be."""
    due: tuple[Due, ...] = ()
    """What will come due when the plan is applied, soonest first; of a large fleet the soonest only."""
    due_total: int = 0
    """How many there are in all."""
    warnings: tuple[Finding, ...] = ()
