"""What would be issued, against what is on record: the half of planning that CAs and credentials share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pki.errors import PkiError
from pki.findings import Finding, FindingsError, Severity, errors
from pki.profiles.model import IssuerFacts
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.keys import KeySpec
from reconciler.kinds.renewal import Renewal
from reconciler.model import Address, Kind, Reason
from reconciler.plan import reasons
from reconciler.plan.context import Context
from reconciler.plan.model import Compiled, Content, Difference

if TYPE_CHECKING:
    from reconciler.plan.outlook import Outlook

CLIPPED = "validity.clipped"


@dataclass(frozen=True, slots=True)
class Order:
    """What certificates of one resource are to be like."""

    address: Address
    profiles: tuple[str, ...]
    spec: CaSpec | CredentialSpec
    keys: tuple[KeySpec, ...]
    csr: str | None = None

    @classmethod
    def of_ca(cls, spec: CaSpec) -> Order:
        return cls(spec.address, (spec.profile,), spec, (spec.key,))

    @classmethod
    def of_credential(cls, spec: CredentialSpec) -> Order:
        return cls(spec.address, spec.profiles, spec, spec.keys, spec.csr)

    def key(self, position: int) -> KeySpec:
        """Return what is asked of the key of one certificate; positions count from 0."""
        return self.keys[position] if position < len(self.keys) else self.keys[0]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The certificates that would be issued now, one for each profile, or none and why."""

    certificates: tuple[Compiled, ...] = ()
    refused: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()

    @property
    def not_after(self) -> datetime:
        """When the first of them ends."""
        return min(each.not_after for each in self.certificates)

    @property
    def life(self) -> tuple[datetime, datetime] | None:
        """When all of them are valid."""
        if not self.certificates:
            return None
        return max(each.not_before for each in self.certificates), self.not_after


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would be issued against what is on record."""

    differences: tuple[Difference, ...]
    algorithms: tuple[str, ...]
    """Of the keys on record."""
    key_reasons: tuple[Reason, ...] = ()
    """Why the keys on record will not do."""
    renames: bool = False
    """Whether any would be for another subject."""


def wanted(ctx: Context, order: Order, facts: IssuerFacts | None, issuer: Address | None) -> Wanted:
    """Return what would be issued now under an issuer; None for a root."""
    compiled: list[Compiled] = []
    refused: list[Finding] = []
    for profile in order.profiles:
        beside = tuple(other for other in order.profiles if other != profile)
        try:
            compiled.append(
                ctx.templates.compile(profile, order.spec.variables, issuer=facts, csr=order.csr, beside=beside)
            )
        except PkiError as error:
            refused += _findings(error, order)
    if refused:
        return Wanted(refused=tuple(refused))
    held = tuple(dict.fromkeys(_policy_findings(ctx, order, compiled)))
    notices = [_notice(notice, issuer) for each in compiled for notice in each.notices]
    return Wanted(
        tuple(compiled),
        refused=(*errors(held), *_key_findings(ctx, order, compiled), *_endless(order, compiled)),
        notices=(*notices, *(finding for finding in held if finding.severity is not Severity.ERROR)),
    )


def compare(order: Order, recorded: Sequence[Content], ends: Sequence[bool], after: Wanted) -> Comparison:
    """Compare certificates on record with those that would be issued, in the order of the profiles.

    `ends` says of each on record whether it ended with its issuer: then its lifetime was nobody's choice.
    """
    pairs = list(zip(recorded, after.certificates, strict=False))
    clipped = [it.clipped or short for it, short in zip(after.certificates, ends, strict=False)]
    before = [_said(old, clip) for (old, _), clip in zip(pairs, clipped, strict=True)]
    now = [_said(new.content, clip) for (_, new), clip in zip(pairs, clipped, strict=True)]
    now += [said(each) for each in after.certificates[len(pairs) :]]
    key_reasons = [
        reasons.algorithm_differs(old.algorithm, new.content.algorithm)
        for old, new in pairs
        if old.algorithm != new.content.algorithm
    ]
    return Comparison(
        _differences(_by_profile(order, before), _by_profile(order, now)),
        tuple(old.algorithm for old in recorded),
        tuple(key_reasons),
        any(old.fields.get("subject") != new.content.fields.get("subject") for old, new in pairs),
    )


def creation(order: Order, after: Wanted) -> tuple[Difference, ...]:
    """Return all that certificates will say that are not there yet."""
    return _differences(None, _by_profile(order, [said(each) for each in after.certificates]))


def said(compiled: Compiled) -> dict[str, Any]:
    """Return what a certificate will say, by field; a lifetime that only its issuer's end decides is left out."""
    return _said(compiled.content, compiled.clipped)


def causes(
    ctx: Context,
    order: Order,
    profiles: Mapping[str, str | None],
    variables: Mapping[str, Any],
    digest: str | None,
) -> list[Reason]:
    """Return why content may differ from what is on record: what the manifest or a profile says otherwise than then.

    `profiles` has the digest of each profile on record, `digest` is over all that decided the content.
    """
    found: list[Reason] = []
    if tuple(profiles) != order.profiles:
        found.append(reasons.profiles_named(tuple(profiles), order.profiles))
    if names := _unequal(variables, order.spec.variables):
        found.append(reasons.variables_changed(names))
    now = ctx.manifest.profile_digests
    known = (name for name in order.profiles if profiles.get(name) is not None)
    if changed := [name for name in known if profiles[name] != now.get(name)]:
        found.append(reasons.profile_changed(changed))
    if digest is None:
        return found or [reasons.inputs_unknown()]
    if order.csr is not None:
        return found or [reasons.csr_changed(order.csr)]
    return found or [reasons.urls_changed(issuer_of(order) or order.address)]


def time_reasons(ctx: Context, validity: tuple[datetime, datetime] | None, renewal: Renewal) -> list[Reason]:
    """Return why a certificate that is valid from one time to another has to be replaced now, if it has to."""
    if validity is None:
        return []
    start, end = validity
    if end <= ctx.now:
        return [reasons.expired(end)]
    opens = renewal.opens(start, end)
    return [reasons.renewal(start, opens, end)] if ctx.acts_on(start, opens) else []


def gains_nothing(wanted: Wanted, validity: tuple[datetime, datetime] | None) -> bool:
    """Say whether new certificates would end no later than those that they replace: their issuer ends then."""
    return bool(wanted.certificates) and validity is not None and wanted.not_after <= validity[1]


def ends_with_issuer(order: Order) -> Finding:
    return Finding(
        Severity.WARNING,
        "renewal.no-gain",
        f"{order.address} is due for renewal, and a new certificate would end no later: {issuer_of(order)} ends then",
        order.spec.where,
        hint=f"renew {issuer_of(order)} first",
    )


def wanted_under(ctx: Context, order: Order, issuer: Outlook, number: int) -> Wanted:
    """Return what would be issued now by a generation of a CA; nothing, by one that nobody can say anything of."""
    try:
        facts = issuer.facts(ctx, number)
    except PkiError as error:
        if issuer.barred:
            return Wanted()  # what stands against the CA is told there
        message = f"what {issuer.address} certifies cannot be said: {error.message}"
        return Wanted(refused=(blocked("issuer.unknown", message, order, error.hint),))
    return wanted(ctx, order, facts, issuer.address)


def standing_keys(order: Order) -> tuple[Address, ...]:
    """Return the standalone keys that are used."""
    return tuple(dict.fromkeys(Address(Kind.KEY, key.resource) for key in order.keys if key.resource is not None))


def policy_findings(ctx: Context, order: Order, position: int, content: Content) -> tuple[Finding, ...]:
    """Return what policies say of one certificate and its key."""
    from reconciler.plan.policy import violations  # noqa: PLC0415  few workspaces have policies

    in_hsm = None if order.csr else in_token(ctx, order.key(position))
    return violations(ctx.manifest.policies, order.address, content, in_hsm=in_hsm)


def in_token(ctx: Context, key: KeySpec) -> bool:
    """Say whether a key is to be on a token."""
    standalone = ctx.manifest.keys.get(key.resource) if key.resource is not None else None
    return (standalone.key if standalone else key).hsm is not None


def _policy_findings(ctx: Context, order: Order, compiled: Sequence[Compiled]) -> Iterator[Finding]:
    if ctx.manifest.policies:
        for position, each in enumerate(compiled):
            yield from policy_findings(ctx, order, position, each.content)


def _key_findings(ctx: Context, order: Order, compiled: Sequence[Compiled]) -> Iterator[Finding]:
    """Find standalone keys that are of another type than a profile asks for."""
    for position, each in enumerate(compiled):
        name = order.key(position).resource if order.csr is None else None
        standalone = ctx.manifest.keys.get(name) if name is not None else None
        if standalone and standalone.algorithm != each.content.algorithm:
            yield Finding(
                Severity.ERROR,
                "key.algorithm",
                f"profile {order.profiles[position]} asks for {each.content.algorithm}, and key/{name} is "
                f"{standalone.algorithm}",
                order.spec.where,
                hint="refer to a Key of that algorithm, or choose the profile for this one",
            )


def _endless(order: Order, compiled: Sequence[Compiled]) -> Iterator[Finding]:
    """Find certificates that would have to be renewed as soon as they are issued."""
    for profile, each in zip(order.profiles, compiled, strict=True):
        if not each.clipped and order.spec.renewal.opens(each.not_before, each.not_after) <= each.not_before:
            yield Finding(
                Severity.ERROR,
                "renewal.endless",
                f"a certificate of profile {profile} would be due for renewal as soon as it is issued",
                order.spec.where,
                hint="let `renewal.before` be shorter than the validity of the profile",
            )


def _findings(error: PkiError, order: Order) -> list[Finding]:
    if isinstance(error, FindingsError) and errors(error.findings):
        return [replace(each, where=each.where or order.spec.where) for each in errors(error.findings)]
    return [Finding(Severity.ERROR, "certificate.refused", error.message, order.spec.where, hint=error.hint)]


def _notice(notice: Finding, issuer: Address | None) -> Finding:
    """Return a notice of compiling; the one of an early end without its date, which a plan shows beside it."""
    if notice.code != CLIPPED:
        return notice
    return replace(notice, message=f"the certificate ends with its issuer, {issuer}, earlier than its profile says")


def _said(content: Content, clipped: bool) -> dict[str, Any]:  # noqa: FBT001  a fact about the content
    lifetime = {} if clipped else {"lifetime": content.lifetime}
    return {"algorithm": content.algorithm, **lifetime, **content.fields}


def _by_profile(order: Order, contents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of one certificate, or of several each under the name of its profile."""
    if len(order.profiles) == 1:
        return dict(contents[0]) if contents else {}
    return dict(zip(order.profiles, contents, strict=False))


def _differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[Difference, ...]:
    from reconciler.diff import differences  # noqa: PLC0415  only when there is something to compare

    return differences(before, after)


def _unequal(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names whose values differ; lists and tuples are the same thing."""
    return [name for name in sorted({*before, *after}) if _list(before.get(name)) != _list(after.get(name))]


def _list(value: Any) -> Any:  # noqa: ANN401  any value of a variable
    return list(value) if isinstance(value, tuple) else value


def blocked(code: str, message: str, order: Order, hint: str | None = None) -> Finding:
    return Finding(Severity.ERROR, code, message, order.spec.where, hint=hint)


def issuer_of(order: Order) -> Address | None:
    return None if order.spec.issuer is None else Address(Kind.CA, order.spec.issuer)
