"""Why, in sentences. They say what files say, with dates, and never how long ago that is: a digest is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from reconciler.model import Address, Kind, Reason, ReasonCode
from reconciler.plan.signers import Revoked
from reconciler.snapshot import Fault

RANK = (
    ReasonCode.FORCED,
    ReasonCode.REMOVED,
    ReasonCode.MOVED,
    ReasonCode.ADOPTED,
    ReasonCode.MISSING,
    ReasonCode.CRL_MISSING,
    ReasonCode.REVOCATION_ADDED,
    ReasonCode.ORPHAN_SERIAL,
    ReasonCode.EXPIRED,
    ReasonCode.CRL_EXPIRED,
    ReasonCode.KEY_MISSING,
    ReasonCode.KEY_MISMATCH,
    ReasonCode.SPEC_CHANGED,
    ReasonCode.PROFILE_CHANGED,
    ReasonCode.ISSUER_CHANGED,
    ReasonCode.ISSUER_REKEYED,
    ReasonCode.RENEWAL_DUE,
    ReasonCode.CRL_REFRESH_DUE,
    ReasonCode.ARTIFACT_TAMPERED,
    ReasonCode.ARTIFACT_MISSING,
)
"""Codes by importance: what somebody did or must know, then what time brings, then what only needs mending."""

_SHOWN = 3
_SHORT = timedelta(days=4)
"""Of a lifetime so short the hours count."""


def ranked(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return reasons by importance, each once."""
    return tuple(sorted(dict.fromkeys(reasons), key=lambda reason: RANK.index(reason.code)))


def when(at: datetime, *, to_the_minute: bool = False) -> str:
    """Return a time as sentences have it, in UTC: a day, or a minute."""
    return f"{at.astimezone(UTC):{'%Y-%m-%dT%H:%MZ' if to_the_minute else '%Y-%m-%d'}}"


def missing() -> Reason:
    return Reason(ReasonCode.MISSING, "the manifest has it, state does not")


def unreadable() -> Reason:
    return Reason(ReasonCode.ARTIFACT_TAMPERED, "its record cannot be read")


def imported(source: str) -> Reason:
    return Reason(ReasonCode.ADOPTED, f"`import` takes it from {source}")


def forced() -> Reason:
    return Reason(ReasonCode.FORCED, "it was asked for by --replace")


def renewal(start: datetime, opens: datetime, end: datetime) -> Reason:
    exact = end - start < _SHORT
    message = f"renewal window open from {when(opens, to_the_minute=exact)}, expires {when(end, to_the_minute=exact)}"
    return Reason(ReasonCode.RENEWAL_DUE, message, since=opens, deadline=end)


def expired(end: datetime) -> Reason:
    return Reason(ReasonCode.EXPIRED, f"it expired {when(end, to_the_minute=True)}", since=end)


def generation_asked(wanted: int, present: int) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"generation {wanted} is asked for, and {present} is the present one")


def key_elsewhere(before: object, after: object) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"its key is to be {after}, and is {before}")


def key_gone(name: str) -> Reason:
    return Reason(ReasonCode.KEY_MISSING, f"its key is key/{name}'s, which is not in state")


def key_differs(name: str) -> Reason:
    return Reason(ReasonCode.KEY_MISMATCH, f"key/{name} is another key than the one in its certificate")


def algorithm_differs(before: str, after: str) -> Reason:
    return Reason(ReasonCode.KEY_MISMATCH, f"its key is {before}, and its profile asks for {after}")


def algorithm_asked(before: str, after: str) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"it is {before}, and the manifest asks for {after}")


def csr_changed(path: str) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"{path}, or what certificates of its issuer point to, changed")


def taken_back(forgotten: datetime | None) -> Reason:
    since = f" since {when(forgotten)}" if forgotten else ""
    return Reason(ReasonCode.ADOPTED, f"state has it, forgotten{since}, and the manifest has it again", since=forgotten)


def csr_key_differs(path: str) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"{path} holds another key than the one in its certificate")


def csr_instead(path: str) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"its key is to be that of {path}, and is one of ours")


def own_key_instead() -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, "its key is to be one of ours, and came with a CSR")


def profiles_named(before: Sequence[str], after: Sequence[str]) -> Reason:
    new, old = ", ".join(after), ", ".join(before)
    return Reason(ReasonCode.SPEC_CHANGED, f"it is to be made by profile {new}, and was by {old}")


def variables_changed(names: Sequence[str]) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"the manifest gives other variables: {listed(names)}")


def urls_changed(issuer: Address) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"what certificates of {issuer} point to changed")


def profile_changed(names: Sequence[str]) -> Reason:
    return Reason(ReasonCode.PROFILE_CHANGED, f"profile {listed(names)} changed")


def inputs_unknown() -> Reason:
    return Reason(ReasonCode.ADOPTED, "its record does not say yet what its certificate is made from")


def spec_changed(what: str) -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, f"the manifest says otherwise than its record: {what}")


def issuer_changed(issuer: Address | None, before: str | None) -> Reason:
    if issuer is None:
        return Reason(ReasonCode.ISSUER_CHANGED, "it is to be a root, and another CA signed it")
    message = f"its issuer is to be {issuer}, and {before or 'another key'} signed it"
    return Reason(ReasonCode.ISSUER_CHANGED, message)


def issuer_rekeyed(issuer: Address, number: int) -> Reason:
    message = f"{issuer} has a new key, generation {number}, and says `onIssuerRekey: reissue`"
    return Reason(ReasonCode.ISSUER_REKEYED, message)


def chain_changed(above: Address) -> Reason:
    return Reason(ReasonCode.ISSUER_CHANGED, f"{above}, which signed it, gets a new certificate or chain")


def faults(found: Iterable[Fault]) -> list[Reason]:
    """Return why files have to be written again: those that are gone, and those that are not what they were."""
    gone: list[str] = []
    altered: list[str] = []
    for fault in found:
        (gone if fault.missing else altered).append(f"{fault.path} {fault.detail}")
    codes = ((ReasonCode.ARTIFACT_TAMPERED, altered), (ReasonCode.ARTIFACT_MISSING, gone))
    return [Reason(code, listed(each, "; ")) for code, each in codes if each]


def revoked(reason: str, at: datetime | None) -> Reason:
    since = f", and not to be trusted since {when(at, to_the_minute=True)}" if at else ""
    return Reason(ReasonCode.REVOCATION_ADDED, f"the manifest says that it is revoked: {reason}{since}", since=at)


def revoked_by(revoked: Revoked) -> Reason:
    row = revoked.row
    why = f": {row.reason}" if row.reason else ""
    message = f"{Kind.CA}/{revoked.by.name} has revoked it, on {when(row.at)}{why}, and the manifest does not"
    return Reason(ReasonCode.REVOCATION_ADDED, message, since=row.at)


def issuer_revoked(issuer: Address, number: int) -> Reason:
    message = f"{issuer} has a new key, generation {number}, and the certificate of the one before is revoked"
    return Reason(ReasonCode.ISSUER_REKEYED, message)


def no_longer_revoked(at: datetime | None) -> Reason:
    since = f" since {when(at)}" if at else ""
    return Reason(ReasonCode.SPEC_CHANGED, f"it is revoked{since}, and the manifest does not revoke it any more", at)


def crl_missing() -> Reason:
    return Reason(ReasonCode.CRL_MISSING, "there is no CRL yet")


def crl_imported() -> Reason:
    return Reason(ReasonCode.ADOPTED, "its CA is imported, and publishes by the manifest from now on")


def crl_expired(end: datetime) -> Reason:
    return Reason(ReasonCode.CRL_EXPIRED, f"its next update was due {when(end, to_the_minute=True)}", since=end)


def crl_due(opens: datetime, end: datetime) -> Reason:
    dates = f"open from {when(opens, to_the_minute=True)}, next update {when(end, to_the_minute=True)}"
    return Reason(ReasonCode.CRL_REFRESH_DUE, f"refresh window {dates}", since=opens, deadline=end)


def crl_spec_changed() -> Reason:
    return Reason(ReasonCode.SPEC_CHANGED, "the manifest says otherwise how it is to be made")


def not_listed(count: int) -> Reason:
    which = "1 revoked certificate is" if count == 1 else f"{count} revoked certificates are"
    return Reason(ReasonCode.REVOCATION_ADDED, f"{which} not on it")


def orphans(count: int) -> Reason:
    which = "1 serial belongs" if count == 1 else f"{count} serials belong"
    return Reason(ReasonCode.ORPHAN_SERIAL, f"{which} to nothing on record: a run was cut off, or a record is gone")


def moved(source: Address) -> Reason:
    return Reason(ReasonCode.MOVED, f"`moved` says that it was {source}")


def forgotten() -> Reason:
    return Reason(ReasonCode.REMOVED, "`removed` says that it is managed no longer")


def removed(reason: str) -> Reason:
    return Reason(ReasonCode.REMOVED, f"`removed` says that it is revoked: {reason}")


def listed(items: Sequence[str], separator: str = ", ") -> str:
    more = len(items) - _SHOWN
    return separator.join(items[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
