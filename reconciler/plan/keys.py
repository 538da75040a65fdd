"""Standalone keys: made or found once, and then what they are."""

from __future__ import annotations

from pki.findings import Finding, Severity, errors
from pki.keyrefs import SoftwareKeyRef, TokenKeyRef
from reconciler.kinds.keys import StandaloneKeySpec, in_workspace
from reconciler.model import Action, Reason
from reconciler.plan import needs, places, reasons
from reconciler.plan.adoption import taken_back
from reconciler.plan.context import Context
from reconciler.plan.model import Change, Difference, Need
from reconciler.plan.places import Holder
from reconciler.plan.upkeep import lost
from reconciler.snapshot import ObservedKey


def plan_key(ctx: Context, spec: StandaloneKeySpec) -> tuple[Change, ...]:
    """Return what becomes of one standalone key."""
    address = spec.address
    if address in ctx.damaged:
        return (Change(address, Action.UPDATE, (reasons.unreadable(),), blocked=(ctx.damaged[address],)),)
    observed = ctx.key(address)
    return _made(ctx, spec) if observed is None else _present(ctx, spec, observed)


def _made(ctx: Context, spec: StandaloneKeySpec) -> tuple[Change, ...]:
    held = _policy_findings(ctx, spec)
    entry = ctx.imports.get(spec.address)
    if entry is not None and entry.hsm is not None:
        reason = reasons.imported(entry.hsm)
        ref = TokenKeyRef(entry.hsm, entry.label, entry.key_id)
        action, need = Action.ADOPT, needs.of_ref(ctx, str(spec.address), "open", ref)
    else:
        reason = reasons.missing()
        action, need = (Action.ADOPT if spec.key.existing else Action.CREATE), _need(ctx, spec)
    change = Change(
        spec.address,
        action,
        (reason,),
        differences=(Difference("algorithm", None, spec.algorithm),),
        needs=(need,),
        generation=1,
        blocked=errors(held),
        notices=tuple(each for each in held if each.severity is not Severity.ERROR),
    )
    return (change,)


def _need(ctx: Context, spec: StandaloneKeySpec) -> Need:
    file = f"{ctx.state}/{spec.address}/private/key.pem"
    return needs.of_spec(ctx, spec.key, spec.address, str(spec.address), "generate", 1, file)


def _present(ctx: Context, spec: StandaloneKeySpec, observed: ObservedKey) -> tuple[Change, ...]:
    adopted = taken_back(ctx, spec.address, observed.record.forgotten, 1)
    if why := _reasons_for_another(ctx, spec, observed):
        change = Change(spec.address, Action.REKEY, reasons.ranked(why), blocked=(_fixed(spec),))
    elif missing := lost(spec.where, observed.faults):
        change = Change(spec.address, Action.UPDATE, tuple(reasons.faults(observed.faults)), blocked=missing)
    elif update := _update(spec, observed):
        change = update
    else:
        return adopted
    return (*adopted, change)


def _reasons_for_another(ctx: Context, spec: StandaloneKeySpec, observed: ObservedKey) -> list[Reason]:
    record = observed.record
    why = [reasons.forced()] if spec.address in ctx.forced else []
    if record.algorithm != spec.algorithm:
        why.append(reasons.algorithm_asked(record.algorithm, spec.algorithm))
    why += places.key_reasons(ctx, spec.key, Holder(spec.address, observed.directory, record.storage))
    return why


def _fixed(spec: StandaloneKeySpec) -> Finding:
    message = f"{spec.address} is one key for ever, since others may have it in their certificates"
    return Finding(Severity.ERROR, "key.fixed", message, spec.where, hint="declare another Key, and refer to that")


def _update(spec: StandaloneKeySpec, observed: ObservedKey) -> Change | None:
    """Return what puts the record in order: its protection, and where the secret of a key file comes from."""
    record = observed.record
    found: list[tuple[str, object, object]] = [("preventDestroy", record.prevent_destroy, spec.prevent_destroy)]
    stored = in_workspace(record.storage, observed.directory)
    if isinstance(stored, SoftwareKeyRef):
        found += [
            ("key.passphraseEnv", stored.passphrase_env, spec.key.passphrase_env),
            ("key.passphraseFile", stored.passphrase_file, spec.key.passphrase_file),
        ]
    changed = tuple(Difference(*each) for each in found if each[1] != each[2])
    why = [reasons.spec_changed(", ".join(each.field for each in changed))] if changed else []
    why += reasons.faults(observed.faults)
    return Change(spec.address, Action.UPDATE, reasons.ranked(why), changed, generation=1) if why else None


def _policy_findings(ctx: Context, spec: StandaloneKeySpec) -> tuple[Finding, ...]:
    if not ctx.manifest.policies:
        return ()
    from reconciler.plan.policy import key_violations  # noqa: PLC0415  few workspaces have policies

    return key_violations(ctx.manifest.policies, spec.address, spec.algorithm, in_hsm=spec.key.hsm is not None)
