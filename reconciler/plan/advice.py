"""What a plan warns of: nothing that it changes, and nothing that stops it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from pki.errors import PkiError
from pki.findings import Finding, Severity
from pki.keyrefs import TokenKeyRef
from pki.store.wire import serial_hex
from reconciler.graph import listing
from reconciler.kinds.inputs import resolve_distribution_point, resolve_urls
from reconciler.model import Address, Kind
from reconciler.plan import reasons
from reconciler.plan.certificates import Order, policy_findings
from reconciler.plan.context import Context
from reconciler.plan.crls import CrlOutlook
from reconciler.plan.outlook import Outlook
from reconciler.plan.policy import key_violations, rules_for
from reconciler.plan.selection import Changes, Selector


def overridden(ctx: Context) -> Iterator[Finding]:
    for name in ctx.manifest.overridden:
        message = f"profile {name} of this workspace takes the place of the builtin of that name"
        yield Finding(Severity.NOTICE, "profile.overridden", message)


def unmanaged(ctx: Context, addresses: Iterable[Address]) -> Iterator[Finding]:
    """Say of CAs that nobody manages when their CRLs run out."""
    for address in addresses:
        ca = ctx.snapshot.cas.get(address.name) if address.kind is Kind.CA else None
        for generation in ca.generations if ca else ():
            if generation.crl is not None:
                end = reasons.when(generation.crl.next_update, to_the_minute=True)
                yield Finding(
                    Severity.WARNING,
                    "unmanaged.crl",
                    f"{Kind.CRL}/{generation.name} is refreshed by nobody, and its next update is {end}",
                    hint=f"take {address} into the manifest, or let `removed` name it",
                )


def nameless(ctx: Context) -> Iterator[Finding]:
    """Tell of certificates whose records were lost, or deleted by hand: nobody renews them, or revokes them."""
    for ca in ctx.snapshot.cas.values():
        for generation in ca.generations:
            for each in generation.orphans:
                if each.recorded and each.not_after is not None and each.not_after > ctx.now:
                    serial, end = serial_hex(each.serial), reasons.when(each.not_after)
                    yield Finding(
                        Severity.WARNING,
                        "state.nameless",
                        f"certificate {serial} by ca/{generation.name} was of {each.holder}, whose record is gone or no"
                        f" longer names it; it is valid until {end}",
                        hint="restore the record from git or a backup, or revoke the certificate: `qpki cert revoke`",
                    )


def damaged(ctx: Context) -> Iterator[Finding]:
    """Tell of records that cannot be read and that the manifest does not ask for."""
    for address, finding in ctx.damaged.items():
        if ctx.manifest.find(address) is None:
            yield replace(finding, severity=Severity.WARNING)


def unseen(ctx: Context) -> Iterator[Finding]:
    """Tell of what nothing can be said of, for the record of its issuer cannot be read."""
    cas, credentials = (ctx.manifest.cas, ctx.manifest.credentials) if ctx.damaged else ({}, {})
    below = [spec.issuer for spec in cas.values() if spec.name in ctx.snapshot.cas]
    below += [spec.issuer for spec in credentials.values() if spec.name in ctx.snapshot.credentials]
    for name, count in Counter(below).items():
        if name is not None and (finding := ctx.damaged.get(issuer := Address(Kind.CA, name))):
            which = "1 resource below it was" if count == 1 else f"{count} resources below it were"
            message = f"the record of {issuer} cannot be read, and {which} not looked at"
            yield Finding(Severity.WARNING, "state.unseen", message, hint=finding.hint)


def of_selection(
    ctx: Context, selector: Selector, changes: Changes, selected: Collection[Address], waiting: Iterable[Address]
) -> Iterator[Finding]:
    """Tell of what a selection leaves out that somebody could expect to be done."""
    if selector.is_all and not ctx.forced:
        return
    left = [each for each in changes if each not in selected and selector.names(each)]
    if left:
        message = f"left out, for it depends on what is excluded: {_listed(left)}"
        yield Finding(Severity.WARNING, "selection.excluded", message)
    crls = [each for each in waiting if selector.only is not None and selector.names(each)]
    if crls:
        message = f"left out, for it comes with a change of its CA, which is not selected: {_listed(crls)}"
        yield Finding(Severity.NOTICE, "selection.waiting", message)
    if idle := [each for each in ctx.forced if each not in selected]:
        message = f"--replace has no effect on what is not selected, or is made no more: {_listed(idle)}"
        yield Finding(Severity.WARNING, "selection.not-replaced", message)


def shared_urls(crls: Iterable[CrlOutlook], outlooks: Mapping[str, Outlook]) -> Iterator[Finding]:
    """Find CAs whose generations publish their CRLs in one place: whoever looks there finds one of them."""
    numbers: dict[str, list[int]] = {}
    for crl in crls:
        name, _, number = crl.address.name.partition(".")
        numbers.setdefault(name, []).append(int(number or 1))
    for name, live in numbers.items():
        outlook = outlooks[name]
        places = [_places(outlook, number) for number in live]
        shared = sorted(set.intersection(*places)) if len(places) > 1 else []
        if shared:
            yield Finding(
                Severity.WARNING,
                "crl.shared-url",
                f"generations {' and '.join(map(str, live))} of {outlook.address} publish their CRLs at {shared[0]}",
                outlook.spec.where,
                hint="write {{ generation }} into the URL, so that each has one of its own",
            )


def _listed(addresses: Iterable[Address]) -> str:
    return reasons.listed([str(each) for each in sorted(addresses, key=listing)])


def policy_breaches(ctx: Context, outlooks: Mapping[str, Outlook], touched: frozenset[Address]) -> Iterator[Finding]:
    """Hold what stays as it is against the policies; `touched` gets new certificates, which were held against them."""
    if not ctx.manifest.policies:
        return
    for key in ctx.manifest.keys.values():
        if (standing := ctx.key(key.address)) is not None:
            in_hsm = isinstance(standing.record.storage, TokenKeyRef)
            held = key_violations(ctx.manifest.policies, key.address, standing.record.algorithm, in_hsm=in_hsm)
            yield from (_of_before(finding, "made") for finding in held)
    for outlook in outlooks.values():
        if outlook.observed is not None and outlook.address not in touched:
            path = f"{outlook.observed.current.directory}/ca.crt"
            yield from _breaches(ctx, Order.of_ca(outlook.spec), [path])
    for spec in ctx.manifest.credentials.values():
        observed = ctx.snapshot.credentials.get(spec.name)
        if observed is not None and spec.revoked is None and spec.address not in touched:
            paths = [f"{observed.directory}/{each.path or 'cert.pem'}" for each in observed.record.certificates]
            yield from _breaches(ctx, Order.of_credential(spec), paths)


def _breaches(ctx: Context, order: Order, paths: Iterable[str]) -> Iterator[Finding]:
    if not rules_for(ctx.manifest.policies, order.address):
        return
    found: dict[Finding, None] = {}
    for position, path in enumerate(paths):
        try:
            content = ctx.templates.recorded(path)
        except PkiError:
            continue  # a file that is not as it should be has a change of its own
        found |= dict.fromkeys(policy_findings(ctx, order, position, content))
    yield from (_of_before(finding, "issued") for finding in found)


def _of_before(finding: Finding, done: str) -> Finding:
    return replace(finding, severity=Severity.WARNING, message=f"{finding.message}; it was {done} before")


def _places(outlook: Outlook, number: int) -> set[str]:
    point = resolve_distribution_point(outlook.spec.crl, number)
    return {*resolve_urls(outlook.spec.urls, number).crl, *(point.urls if point else ())}
