"""`qpki apply`: make it so."""

from __future__ import annotations

import getpass
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options, planning, tools
from reconciler.cli.app import App
from reconciler.cli.painting import painted
from reconciler.cli.stopping import Interruption
from reconciler.cli.types import DIGEST, DURATION
from reconciler.cli.verbs import Verb
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from reconciler.apply import Outcome, Report, Stop
    from reconciler.plan.model import Change, Plan, Selection
    from reconciler.workflow import Terms, Workspace

_MOST_WORKERS = 64
_USUAL_WORKERS = 4
_ACTORS = ("QPKI_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN")
_SHOWN_KEYS = 3
_CLOCK_SKEW = timedelta(minutes=5)


@click.command(
    cls=Verb,
    examples=[
        "qpki apply plan.json --auto-approve",
        "qpki apply --only 'crl/*' --auto-approve",
    ],
)
@click.argument("plan_file", metavar="[PLAN]", type=options.FILE, required=False)
@planning.workspace
@planning.selection
@planning.now
@planning.horizon
@click.option("--auto-approve", is_flag=True, help="Do not ask; needed where no terminal is attached.")
@click.option(
    "--expect-digest",
    type=DIGEST,
    metavar="sha256:HEX",
    help="Apply only the plan of this digest, as `qpki plan -o json` has it.",
)
@click.option(
    "--lock-timeout", type=DURATION, metavar="DURATION", help="Wait so long for another apply to end.  [default: 0]"
)
@click.option(
    "--parallelism",
    type=click.IntRange(1, _MOST_WORKERS),
    help=f"Steps at a time, where nothing keeps them apart.  [default: {_USUAL_WORKERS}, or the number of cores]",
)
@options.output
@click.pass_obj
def apply(  # noqa: PLR0913 - one parameter per option
    app: App,
    *,
    plan_file: Path | None,
    workspace: Path,
    selection: Selection,
    now: datetime | None,
    horizon: timedelta | None,
    expect_digest: str | None,
    lock_timeout: timedelta | None,
    parallelism: int | None,
    output: str,
    auto_approve: bool,
) -> int:
    """Do what plan shows: keys, certificates, revocations, CRLs.

    PLAN is a plan that `qpki plan --out` saved: exactly that is done, or nothing if anything changed (exit 5). Without
    it a new plan is shown first, and `yes` begins. PINs and passphrases are asked for before the first step, once each.
    A step that fails stops what depends on it and nothing else; apply again to go on. So it is after Ctrl-C, which
    finishes the step in hand.
    """
    opened = planning.opened(app, workspace)
    plan = _plan(opened, plan_file, selection, now, horizon)
    _require_expected(plan, expect_digest)
    if now is not None:
        app.warn(f"Changes are made as of {now.isoformat()}, not of the time now.", "The audit log says so.")
    if _has_steps(plan):
        _confirm(app, opened, plan, output, auto_approve=auto_approve)
    elif opened.is_settled():
        return _nothing(app, opened, plan, output)
    else:
        app.say("The last apply was killed; the audit log is told what it did.")
    binding = plan_file is not None or expect_digest is not None or not auto_approve
    interruption = Interruption(_stop())
    progress = Progress(app)
    terms = _terms(app, opened.root, interruption, progress, lock_timeout, parallelism, binding=binding, now=now)
    report = opened.apply(plan, terms)
    _warn_of_plain_keys(app, report)
    _tell(app, report, output)
    return _exit_code(report, interruption)


@dataclass(slots=True)
class Progress:
    """Says on a terminal what is being done; it is an `Observer`."""

    app: App
    _since: dict[int, float] = field(default_factory=dict)

    def started(self, change: Change) -> None:
        from reconciler.render.outcomes import doing

        self._since[id(change)] = time.monotonic()
        self._say(doing(change))

    def ended(self, outcome: Outcome) -> None:
        since = self._since.pop(id(outcome.change), None)
        if since is not None:
            took = time.monotonic() - since
            self._say(f"{outcome.change.address}: {outcome.verdict} ({took:.1f} s)")
        if self.app.debug and outcome.error is not None:
            import traceback

            traceback.print_exception(outcome.error)

    def _say(self, text: str) -> None:
        if sys.stderr.isatty():
            self.app.say(text)


def _plan(
    opened: Workspace,
    plan_file: Path | None,
    selection: Selection,
    now: datetime | None,
    horizon: timedelta | None,
) -> Plan:
    """Return the plan to apply: made now, or the saved one, made again for its own time and found to be the same."""
    import json

    from reconciler.apply.stale import require_digest
    from reconciler.plan import wire
    from reconciler.plan.model import Selection as Everything

    if plan_file is None:
        return opened.plan(now=now, horizon=horizon, selection=selection)
    if selection != Everything() or horizon is not None:
        raise click.UsageError("a saved plan has its own selection and horizon: make another plan for others")
    text = plan_file.read_bytes()
    saved = wire.read(text, plan_file)
    _require_past(opened, saved.now, now)
    plan = opened.plan(now=saved.now, horizon=saved.horizon, selection=saved.selection)
    require_digest(plan, saved.digest, before=json.loads(text))
    return plan


def _require_past(opened: Workspace, made: datetime, now: datetime | None) -> None:
    """Refuse a plan that was made for a time that has not come; `--now` says that it is meant."""
    from pki.errors import PkiError

    if now is None and made > opened.ports.clock() + _CLOCK_SKEW:
        raise PkiError(
            f"the plan was made for {made.isoformat()}, which has not come yet",
            hint="apply it then, or say --now and that time",
        )


def _require_expected(plan: Plan, expected: str | None) -> None:
    from reconciler.apply.stale import require_digest

    if expected is not None:
        require_digest(plan, expected)


def _has_steps(plan: Plan) -> bool:
    return any(not change.blocked for change in plan.changes)


def _nothing(app: App, opened: Workspace, plan: Plan, output: str) -> int:
    """Say that there is nothing to do, or nothing that may be done; nothing was written, the lock included."""
    from reconciler.apply import Outcome, Report, Verdict

    outcomes = tuple(Outcome(change, Verdict.BLOCKED) for change in plan.changes if change.blocked)
    if output == "json":
        _tell(app, Report(plan, outcomes), output)
    else:
        _show(app, opened, plan)
    return ExitCode.BLOCKED if plan.changes else ExitCode.OK


def _confirm(app: App, opened: Workspace, plan: Plan, output: str, *, auto_approve: bool) -> None:
    """Show the plan and ask for the word.

    Raises:
        PkiError: nobody can be asked, or the answer is another.
    """
    from pki.errors import PkiError

    if not auto_approve and not sys.stdin.isatty():
        raise PkiError(
            "nobody can confirm: no terminal is attached",
            hint="add --auto-approve; with a saved plan or --expect-digest, nothing but what was reviewed is done",
        )
    if output == "text" or not auto_approve:
        _show(app, opened, plan, err=output != "text")
    if auto_approve:
        return
    if _answer() != "yes":
        raise PkiError("nothing was done: it was not confirmed", hint="answer `yes`, the whole word, to go on")


def _answer() -> str:
    try:
        return str(click.prompt("\nDo this? Only `yes` begins", default="", show_default=False, err=True))
    except click.Abort:  # the error begins a line of its own
        click.echo(err=True)
        raise


def _show(app: App, opened: Workspace, plan: Plan, *, err: bool = False) -> None:
    from reconciler.plan.digest import plan_digest
    from reconciler.render.layout import printable
    from reconciler.render.plans import plan_text

    text = plan_text(plan, plan_digest(plan), planning.fleets(opened))
    click.echo(painted(printable(text)), err=err, color=app.color)


def _terms(
    app: App,
    root: Path,
    interruption: Interruption,
    progress: Progress,
    lock_timeout: timedelta | None,
    parallelism: int | None,
    *,
    binding: bool,
    now: datetime | None,
) -> Terms:
    import socket

    from reconciler.workflow import Terms

    user = _user()
    return Terms(
        actor=next((os.environ[name] for name in _ACTORS if os.environ.get(name)), user),
        holder=f"{user}@{socket.gethostname()}",
        version=tools.own_version(),
        commit=_commit(root),
        binding=binding,
        now=now,
        workers=parallelism or min(_USUAL_WORKERS, os.cpu_count() or 1),
        lock_timeout=lock_timeout or timedelta(0),
        stop=interruption.stop,
        observer=progress,
        guard=interruption.awaited,
        abandoned=lambda: app.say("The last apply was killed; what it left open is settled now."),
    )


def _stop() -> Stop:
    from reconciler.apply import Stop

    return Stop()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user can have no name
        return str(os.getuid())


def _commit(root: Path) -> str | None:
    """Return the git commit that is checked out; None without git or a repository."""
    import shutil
    import subprocess

    git = shutil.which("git")
    if git is None:
        return None
    found = subprocess.run(  # noqa: S603 - no shell, and no argument of others but a directory
        [git, "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return found.stdout.strip() or None if found.returncode == 0 else None


def _warn_of_plain_keys(app: App, report: Report) -> None:
    from reconciler.render.outcomes import plain_keys

    needs = [need for change in report.plan.changes for need in change.needs]
    encrypted = frozenset(need.path for need in needs if need.path and (need.secret_env or need.secret_file))
    paths = plain_keys([event for outcome in report.outcomes for event in outcome.events], encrypted)
    if paths:
        more = [f"and {len(paths) - _SHOWN_KEYS} more"] if len(paths) > _SHOWN_KEYS else []
        app.warn(
            "Private keys are not encrypted.",
            *paths[:_SHOWN_KEYS],
            *more,
            "Whoever can read them, or a backup of them, can sign with them.",
            "For encrypted keys, name a passphrase in the manifest: `key: {passphraseEnv: NAME}`.",
        )


def _tell(app: App, report: Report, output: str) -> None:
    from reconciler.apply import Verdict
    from reconciler.plan.digest import plan_digest
    from reconciler.render import outcomes

    settled = not any(report.of(verdict) for verdict in (Verdict.FAILED, Verdict.SKIPPED, Verdict.LEFT))
    told = [
        outcomes.outcome_facts(each.change, each.verdict, error=each.error, because=each.because, events=each.events)
        for each in report.outcomes
    ]
    facts = outcomes.report_facts(plan_digest(report.plan), report.counts, told, settled=settled)
    app.show(facts, lambda found: "\n" + outcomes.report_text(found), output)


def _exit_code(report: Report, interruption: Interruption) -> int:
    from reconciler.apply import Verdict

    if report.of(Verdict.LEFT):
        return interruption.exit_code
    if report.of(Verdict.FAILED):
        return ExitCode.ERROR
    return ExitCode.BLOCKED if report.of(Verdict.BLOCKED) else ExitCode.OK
