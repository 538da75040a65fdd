"""What exists already and becomes a resource: it is taken as it is."""

from __future__ import annotations

from datetime import datetime
from posixpath import dirname

from pki.errors import PkiError
from pki.findings import Finding, Severity
from reconciler.model import Action, Address
from reconciler.plan import certificates, reasons
from reconciler.plan.certificates import Comparison, Order, Wanted
from reconciler.plan.context import Context
from reconciler.plan.model import Change
from reconciler.plan.outlook import Outlook


def imported(ctx: Context, order: Order, path: str, wanted: Wanted, issuer: Outlook | None, digest: str) -> Change:
    """Return the change that adopts what was made elsewhere, the certificate in `path` and all that is beside it.

    The certificate is compared with what the manifest asks for; of several the record there alone knows the files, and
    they are compared by the plan after it. `digest` is for the record, once nothing differs.
    """
    comparison, blocked = _compared(ctx, order, path, wanted)
    differences = comparison.differences if comparison else ()
    return Change(
        order.address,
        Action.ADOPT,
        (reasons.imported(dirname(path)),),
        differences=differences,
        depends_on=issuer.awaited(ctx, issuer.number) if issuer else (),
        generation=1,
        issuer=issuer.name(issuer.number) if issuer else None,
        inputs_digest=digest if comparison and not differences else None,
        blocked=blocked,
        notices=(_DIFFERS,) if differences else (),
    )


def taken_back(ctx: Context, address: Address, forgotten: datetime | None, generation: int) -> tuple[Change, ...]:
    """Return the change by which what is `forgotten` is managed again; nothing for what is managed."""
    if address not in ctx.snapshot.forgotten:
        return ()
    return (Change(address, Action.ADOPT, (reasons.taken_back(forgotten),), generation=generation),)


_DIFFERS = Finding(
    Severity.WARNING,
    "import.differs",
    "its certificate differs from what the manifest asks for: the next plan issues another",
)


def _compared(ctx: Context, order: Order, path: str, wanted: Wanted) -> tuple[Comparison | None, tuple[Finding, ...]]:
    """Compare the one certificate there is, and return what stands against its adoption."""
    if wanted.refused or len(wanted.certificates) != 1:
        return None, wanted.refused
    try:
        recorded = ctx.templates.recorded(path, order.profiles[0])
    except PkiError as error:
        return None, (certificates.blocked("import.unreadable", error.message, order, error.hint),)
    comparison = certificates.compare(order, [recorded], [False], wanted)
    return comparison, tuple(_mismatches(order, comparison, dirname(path)))


def _mismatches(order: Order, comparison: Comparison, source: str) -> list[Finding]:
    """Return why what exists cannot become what the manifest asks for."""
    hint = "correct the manifest, or import something else"
    messages = [f"{source}: {each.message}" for each in comparison.key_reasons]
    if comparison.renames:
        messages.append(f"{source} is for another subject than {order.address}")
    return [certificates.blocked("import.mismatch", message, order, hint) for message in messages]
