"""What the credentials below one CA have in common, and the glance that settles nearly all of a fleet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from posixpath import join, normpath
from typing import TYPE_CHECKING

from pki.keyrefs import SoftwareKeyRef
from pki.store.forms import Status
from pki.store.meta import CredentialMeta
from reconciler.kinds.authority import UrlsSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.inputs import inputs_of, shared_inputs
from reconciler.plan.context import Context
from reconciler.plan.outlook import Outlook
from reconciler.snapshot import ObservedCredential

if TYPE_CHECKING:
    from hashlib import _Hash


@dataclass(slots=True)
class Lane:
    """What the credentials below one CA have in common, computed once."""

    ctx: Context
    issuer: Outlook
    key_id: str | None = None
    """Of the generation that signs new certificates; None when no certificate can be in order as it is."""
    revoked: frozenset[int] = frozenset()
    """What that generation has revoked."""
    beginnings: dict[tuple[tuple[str, ...], int], _Hash] = field(default_factory=dict)

    @classmethod
    def of(cls, ctx: Context, issuer: Outlook) -> Lane:
        current = issuer.generation(issuer.number)
        facts = current.certificate if current and current.name not in issuer.fresh else None
        if current is None or facts is None or not facts.subject_key_id:
            return cls(ctx, issuer)
        return cls(ctx, issuer, facts.subject_key_id.upper(), frozenset(ctx.signers.rows[current.name]))

    def digest(self, spec: CredentialSpec, number: int) -> str:
        """Return what the inputs of a certificate signed by a generation come to."""
        beginning = self.beginnings.get((spec.profiles, number))
        if beginning is None:
            urls: UrlsSpec = self.issuer.urls(number)
            beginning = shared_inputs(spec.profiles, self.ctx.manifest.profile_digests, urls)
            self.beginnings[spec.profiles, number] = beginning
        return inputs_of(beginning, spec.variables, spec.csr_sha256)

    def window(self, spec: CredentialSpec, observed: ObservedCredential | None) -> datetime | None:
        """Return when the renewal window of a credential opens that is as it should be; None for any other."""
        if observed is None or observed.faults or spec.revoked is not None:
            return None
        record = observed.record
        if record.status is not Status.VALID or record.prevent_destroy != spec.prevent_destroy or self.key_id is None:
            return None
        if any(each.issuer_key_id != self.key_id or each.serial in self.revoked for each in record.certificates):
            return None
        if not _in_plain_files(spec, record, observed.directory):
            return None
        if self.digest(spec, self.issuer.number) != record.inputs_digest:
            return None
        opens = spec.renewal.opens(record.not_before, record.not_after)
        return None if self.ctx.acts_on(record.not_before, opens) else opens


def lanes(ctx: Context, outlooks: Mapping[str, Outlook]) -> dict[str, Lane]:
    return {name: Lane.of(ctx, outlook) for name, outlook in outlooks.items()}


def _in_plain_files(spec: CredentialSpec, record: CredentialMeta, directory: str) -> bool:
    """Say whether all keys are in files of their own, as asked; whatever else is asked needs a closer look."""
    if spec.csr is not None:
        return not any(each.storage for each in record.certificates)
    if len(record.certificates) != len(spec.profiles):
        return False
    for position, each in enumerate(record.certificates):
        key = spec.keys[position] if position < len(spec.keys) else spec.keys[0]
        for ref in each.storage:
            if (
                key.hsm is not None
                or key.resource is not None
                or not isinstance(ref, SoftwareKeyRef)
                or ref.passphrase_env != key.passphrase_env
                or _secret_file(ref, directory) != key.passphrase_file
                or not ref.path.startswith("private/")
            ):
                return False
    return True


def _secret_file(ref: SoftwareKeyRef, directory: str) -> str | None:
    """Return the file with the passphrase of a key, relative to the workspace as in `KeySpec`."""
    return ref.passphrase_file and normpath(join(directory, ref.passphrase_file))
