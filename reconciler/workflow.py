"""What one run works with: a workspace, its manifest, and the outside world."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pki.ports import Ports
from reconciler import manifest as manifests
from reconciler.kinds.desired import Manifest
from reconciler.plan.model import DUE_LIMIT, Plan, Selection
from reconciler.snapshot import Snapshot

if TYPE_CHECKING:
    from reconciler.apply import Observer, Report, Stop
    from reconciler.drivers.context import Context
    from reconciler.journal import KeyJournal

EVERYTHING = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a plan is to be applied.

    `binding`: it is refused if it would be another by now; otherwise what is in order then is applied.
    `now` makes the changes as of another time than the clock's. `holder` says in the lock who has it; `actor`, `commit`
    and `version` go into the audit log. `guard` is around the steps. `abandoned` hears that the last run was killed.
    """

    actor: str
    holder: str
    version: str
    commit: str | None = None
    binding: bool = True
    now: datetime | None = None
    workers: int = 1
    lock_timeout: timedelta = timedelta(0)
    stop: Stop | None = None
    observer: Observer | None = None
    guard: Callable[[], AbstractContextManager[object]] = nullcontext
    abandoned: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A loaded workspace. Nothing here reads a private key, takes a lock or writes, but for what `apply` does."""

    root: Path
    manifest: Manifest
    ports: Ports

    @classmethod
    def open(cls, directory: Path, ports: Ports) -> Workspace:
        """Load the workspace that `directory` is in.

        Raises:
            StoreError: there is no `qpki.yaml` there or above.
            DocumentError: the manifests are not valid; with every finding of every file.
        """
        root = manifests.find_root(directory)
        return cls(root, manifests.load(root), ports)

    @property
    def state(self) -> Path:
        return self.root / self.manifest.workspace.state

    def snapshot(self) -> Snapshot:
        """Return what state says and what files hold right now."""
        from reconciler.observe import observe  # noqa: PLC0415 - `validate` and `graph` need no state

        return observe(self.root, self.manifest.workspace)

    def plan(
        self,
        *,
        now: datetime | None = None,
        horizon: timedelta | None = None,
        selection: Selection = EVERYTHING,
        snapshot: Snapshot | None = None,
        due_limit: int | None = DUE_LIMIT,
    ) -> Plan:
        """Return what would be done; `now` is the clock's time and `horizon` the workspace's unless given.

        `due_limit` bounds the dates that are given of what comes due; None is no bound.

        Raises:
            PkiError: an address or glob of the selection matches nothing.
        """
        from reconciler.drivers.templates import ProfileTemplates  # noqa: PLC0415 - compiling costs imports
        from reconciler.plan.planner import make_plan  # noqa: PLC0415 - the same

        moment = (now or self.ports.clock()).replace(microsecond=0)
        return make_plan(
            self.manifest,
            snapshot or self.snapshot(),
            ProfileTemplates(self.root, self.manifest.workspace.state, self.manifest.catalog, moment),
            now=moment,
            horizon=horizon,
            selection=selection,
            due_limit=due_limit,
        )

    def is_settled(self) -> bool:
        """Say whether no run before was killed: what one did is still to be written to the audit log."""
        from reconciler import audit  # noqa: PLC0415 - only `apply` asks

        return not audit.AuditLog.load(self.state / audit.NAME).unfinished

    def apply(self, approved: Plan, terms: Terms) -> Report:
        """Make the changes of a plan, as long as it is still the plan of the files as they are.

        Raises:
            LockTimeoutError: somebody else applies.
            StalePlanError: the plan would be another one by now.
            StoreError: the audit log cannot be read or written.
        """
        from reconciler import lock  # noqa: PLC0415 - the same
        from reconciler.apply.stale import require_digest  # noqa: PLC0415 - the same
        from reconciler.plan.digest import facts_digest  # noqa: PLC0415 - the same
        from reconciler.plan.facts import plan_facts  # noqa: PLC0415 - the same

        with lock.exclusive(self.state, holder=terms.holder, timeout=terms.lock_timeout) as abandoned:
            if abandoned:
                terms.abandoned()
            again = Workspace.open(self.root, self.ports)
            snapshot = again.snapshot()
            plan = again.plan(
                now=approved.now, horizon=approved.horizon, selection=approved.selection, snapshot=snapshot
            )
            if terms.binding:
                facts = plan_facts(approved)
                require_digest(plan, facts_digest(facts), before=facts)
            return _execute(again, plan, snapshot, terms)


def _execute(workspace: Workspace, plan: Plan, snapshot: Snapshot, terms: Terms) -> Report:
    from reconciler import audit  # noqa: PLC0415 - the same
    from reconciler.apply import Run, Stop  # noqa: PLC0415 - the same
    from reconciler.journal import KeyJournal  # noqa: PLC0415 - the same
    from reconciler.plan.digest import plan_digest  # noqa: PLC0415 - the same

    journal = KeyJournal(workspace.state / "journal" / "keys.jsonl")
    return Run(
        plan=plan,
        context=_context(workspace, snapshot, journal, terms),
        log=audit.AuditLog.load(workspace.state / audit.NAME),
        journal=journal,
        clock=workspace.ports.clock,
        observe=workspace.snapshot,
        circumstances={
            "plan": plan_digest(plan),
            "manifest": plan.manifest_digest,
            "state": plan.state_fingerprint,
            "actor": terms.actor,
            "commit": terms.commit,
            "version": terms.version,
            "now": terms.now and terms.now.isoformat(),
        },
        workers=terms.workers,
        stop=terms.stop or Stop(),
        observer=terms.observer,
        guard=terms.guard,
    ).execute()


def _context(workspace: Workspace, snapshot: Snapshot, journal: KeyJournal, terms: Terms) -> Context:
    from reconciler.apply import JournaledKeys, Remembered  # noqa: PLC0415 - the same
    from reconciler.drivers.context import Context  # noqa: PLC0415 - the same

    now = terms.now
    return Context(
        root=workspace.root,
        manifest=workspace.manifest,
        snapshot=snapshot,
        ports=replace(
            workspace.ports,
            secrets=Remembered(workspace.ports.secrets),
            clock=workspace.ports.clock if now is None else lambda: now,
        ),
        token_keys=JournaledKeys(journal, workspace.ports.clock),
    )
