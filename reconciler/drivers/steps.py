"""Which function makes which change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from reconciler.drivers import adoption, authority, credential, crl, key, moving, removal
from reconciler.drivers.context import Context
from reconciler.model import Action, Event, Kind
from reconciler.plan.model import Change


def _revoke_credential(context: Context, change: Change) -> Iterable[Event]:
    """Revoke what the manifest says is revoked, or what it lets go."""
    declared = change.address.name in context.manifest.credentials
    return credential.revoke(context, change) if declared else removal.revoke(context, change)


Driver = Callable[[Context, Change], Iterable[Event]]

_DRIVERS: Mapping[tuple[Kind, Action], Driver] = {
    (Kind.KEY, Action.CREATE): key.create,
    (Kind.KEY, Action.UPDATE): key.update,
    (Kind.CA, Action.CREATE): authority.create,
    (Kind.CA, Action.REKEY): authority.create,
    (Kind.CA, Action.RENEW): authority.renew,
    (Kind.CA, Action.REISSUE): authority.renew,
    (Kind.CA, Action.UPDATE): authority.update,
    (Kind.CA, Action.REVOKE): removal.revoke,
    (Kind.CREDENTIAL, Action.CREATE): credential.create,
    (Kind.CREDENTIAL, Action.REKEY): credential.renew,
    (Kind.CREDENTIAL, Action.RENEW): credential.renew,
    (Kind.CREDENTIAL, Action.REISSUE): credential.renew,
    (Kind.CREDENTIAL, Action.UPDATE): credential.update,
    (Kind.CREDENTIAL, Action.REVOKE): _revoke_credential,
    (Kind.CRL, Action.REFRESH): crl.refresh,
    (Kind.CRL, Action.UPDATE): crl.update,
    **{(kind, Action.ADOPT): adoption.adopt for kind in (Kind.KEY, Kind.CA, Kind.CREDENTIAL)},
    **{(kind, Action.MOVE): moving.move for kind in (Kind.KEY, Kind.CA, Kind.CREDENTIAL)},
    **{(kind, Action.FORGET): removal.forget for kind in (Kind.KEY, Kind.CA, Kind.CREDENTIAL)},
}


def make(context: Context, change: Change) -> tuple[Event, ...]:
    """Make one change, and return what was done.

    Raises:
        PkiError: it failed; what was done of it is as safe as after a crash, and the next plan goes on from there.
    """
    return tuple(_DRIVERS[change.address.kind, change.action](context, change))
