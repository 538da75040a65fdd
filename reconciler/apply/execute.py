"""Making the changes of a plan, and keeping the log of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from pki.errors import PkiError
from pki.ports import Clock
from reconciler.apply.outcomes import Outcome, Report, Verdict
from reconciler.apply.recovery import Logged, lacking
from reconciler.apply.schedule import Done, Failed, Result, Skipped, Stop, run_all
from reconciler.apply.secrets import unlock
from reconciler.apply.tasks import Tasks
from reconciler.audit import AuditLog, entries
from reconciler.drivers import steps
from reconciler.drivers.context import Context, TokenKey
from reconciler.journal import KeyIntent, KeyJournal
from reconciler.model import Event, EventName
from reconciler.plan.model import Change, Plan
from reconciler.snapshot import Snapshot

Events = tuple[Event, ...]


class Observer(Protocol):
    """Hears how an apply goes, in the thread that called it."""

    def started(self, change: Change) -> None: ...
    def ended(self, outcome: Outcome) -> None: ...


@dataclass(slots=True)
class JournaledKeys:
    """The journal of keys, as the drivers of one run use it: what earlier runs left open is read once."""

    journal: KeyJournal
    clock: Clock
    _left_open: frozenset[tuple[str, ...]] | None = None

    def is_ours(self, key: TokenKey) -> bool:
        if self._left_open is None:
            self._left_open = frozenset(intent.names for intent in self.journal.open())
        return self._intent(key).names in self._left_open

    def intend(self, key: TokenKey) -> None:
        self.journal.intend(self._intent(key))

    def recorded(self, key: TokenKey) -> None:
        self.journal.done(self._intent(key))

    def _intent(self, key: TokenKey) -> KeyIntent:
        return KeyIntent(
            address=str(key.holder),
            generation=key.generation,
            hsm=key.hsm,
            label=key.label,
            key_id=key.key_id,
            at=self.clock(),
        )


@dataclass(slots=True, kw_only=True)
class Run:
    """One apply, under the workspace's lock.

    `clock` is the real one, whatever time the changes are made for. `circumstances` are what the log tells of the run.
    `observe` looks at state again.
    """

    plan: Plan
    context: Context
    log: AuditLog
    journal: KeyJournal
    clock: Clock
    observe: Callable[[], Snapshot]
    circumstances: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    stop: Stop = field(default_factory=Stop)
    observer: Observer | None = None
    guard: Callable[[], AbstractContextManager[object]] = nullcontext
    """What is around the steps: there an interruption is a request, and before and after it is one at once."""
    _unwritten: PkiError | None = None

    def execute(self) -> Report:
        """Make every change that is not blocked, in order, and return what became of each.

        What a killed run before this one did is written to the log first. Where there is nothing to do, that is all.

        Raises:
            StoreError: the log cannot be written; the steps in hand were finished, and no others begun.
        """
        chosen = [change for change in self.plan.changes if not change.blocked]
        with ExitStack() as stack:
            secrets = self.context.ports.secrets
            unlock(self.context.root, [need for change in chosen for need in change.needs], secrets, stack)
            stack.callback(self.context.close)
            if self.log.unfinished:
                self._write_lacking()
            if chosen:
                self._write([Event(EventName.APPLY_STARTED, None, self.circumstances)])
            report = Report(self.plan, self._make_all(chosen))
            if self._unwritten is not None:
                raise self._unwritten
            if report.of(Verdict.FAILED):
                self._write_lacking()
            if self.log.unfinished:
                self.log.finish({**report.counts, "interrupted": self.stop.requested or None}, self.clock())
        return report

    def _write_lacking(self) -> None:
        logged = Logged.of(entries(self.log.path))
        self._write(list(lacking(self.context, self.observe(), self.journal.open(), logged)))

    def _make_all(self, chosen: Sequence[Change]) -> tuple[Outcome, ...]:
        """Make the chosen changes, and return what became of all, in the order of the plan."""
        with self.guard():
            results = run_all(
                Tasks.of(chosen, self.context.snapshot).all(lambda change: steps.make(self.context, change)),
                workers=self.workers,
                stop=self.stop,
                started=lambda place: self._started(chosen[place]),
                ended=lambda place, result: self._ended(outcome(chosen, place, result)),
            )
        made = (outcome(chosen, place, result) for place, result in enumerate(results))
        return tuple(Outcome(change, Verdict.BLOCKED) if change.blocked else next(made) for change in self.plan.changes)

    def _started(self, change: Change) -> None:
        if self.observer is not None:
            self.observer.started(change)

    def _ended(self, ended: Outcome) -> None:
        """Write what was done; a log that cannot be written ends the run, with what is in hand finished."""
        try:
            self._write(ended.events)
        except PkiError as error:
            self.stop.requested = True
            self._unwritten = error
        if self.observer is not None:
            self.observer.ended(ended)

    def _write(self, events: Sequence[Event]) -> None:
        self.log.append(events, self.clock())


def outcome(changes: Sequence[Change], place: int, result: Result[Events]) -> Outcome:
    """Return what became of the change in that place."""
    change = changes[place]
    match result:
        case Done(events):
            return Outcome(change, Verdict.DONE, events=events)
        case Failed(error):
            return Outcome(change, Verdict.FAILED, error=error)
        case Skipped(because):
            return Outcome(change, Verdict.SKIPPED, because=changes[because].address)
        case _:
            return Outcome(change, Verdict.LEFT)
