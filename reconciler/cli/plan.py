"""`qpki plan`, `explain`, `graph`, `show` and `due`: what would be done and why; nothing here writes state."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options, outputs, planning, tools
from reconciler.cli.app import App
from reconciler.cli.outputs import OUTPUT_FILE
from reconciler.cli.painting import painted
from reconciler.cli.types import DURATION
from reconciler.cli.verbs import Verb
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from reconciler.plan.model import Plan, Selection
    from reconciler.render.plans import Fleets

_LEAST_BYTES = 2_000
_TOOL = "qpki"


@click.command(
    cls=Verb,
    examples=[
        "qpki plan",
        "qpki plan --out plan.json --detailed-exitcode || test $? = 2",
        "qpki plan --only 'crl/*' --horizon 12h -o markdown",
    ],
)
@planning.workspace
@planning.selection
@planning.now
@planning.horizon
@click.option(
    "--out", type=OUTPUT_FILE, metavar="FILE", help="Save the plan, for `qpki apply FILE`; it holds no secret."
)
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when there are changes, blocked ones too.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Form of the result.",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(_LEAST_BYTES),
    default=60_000,
    show_default=True,
    help="Most that Markdown may take; what it leaves out is counted.",
)
@click.pass_obj
def plan(  # noqa: PLR0913 - one parameter per option
    app: App,
    *,
    workspace: Path,
    selection: Selection,
    now: datetime | None,
    horizon: timedelta | None,
    out: Path | None,
    output: str,
    max_bytes: int,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do, and why.

    It needs no secret, no HSM and no private key, takes no lock and changes nothing. The same files, --now and
    --horizon give the same plan.
    """
    if out is not None:
        _require_replaceable(out)
    opened = planning.opened(app, workspace)
    found = opened.plan(now=now, horizon=horizon, selection=selection)
    if out is not None:
        outputs.write(out, _document(found))
    _show(app, found, planning.fleets(opened), output, max_bytes)
    if out is not None:
        _say_saved(app, out, found)
    return ExitCode.CHANGES_PENDING if detailed_exitcode and found.changes else ExitCode.OK


@click.command(cls=Verb, examples=["qpki explain credential/web"])
@click.argument("address", metavar="ADDRESS")
@planning.workspace
@planning.now
@options.output
@click.pass_obj
def explain(app: App, address: str, workspace: Path, now: datetime | None, output: str) -> None:
    """Explain why a resource is as it is, and what comes next.

    It tells where it is declared, its subject, what is above and below it, its generations with their certificates, its
    CRL, what a plan does to it now, and what is due when.
    """
    from reconciler.plan import explain as explaining
    from reconciler.render import explanations

    opened = planning.opened(app, workspace)
    snapshot = opened.snapshot()
    found = explaining.explain(
        explaining.find(address, opened.manifest, snapshot),
        opened.manifest,
        snapshot,
        opened.plan(now=now, snapshot=snapshot, due_limit=None),
    )
    facts = explanations.explanation_facts(found)
    app.show(facts, lambda _: explanations.explanation_text(found), output, paint=painted)


@click.command(cls=Verb, examples=["qpki graph", "qpki graph -o dot > pki.dot"])
@planning.workspace
@planning.now
@click.option(
    "-o",
    "--output",
    type=click.Choice(["mermaid", "dot", "json"]),
    default="mermaid",
    show_default=True,
    help="Form of the result.",
)
@click.pass_obj
def graph(app: App, workspace: Path, now: datetime | None, output: str) -> None:
    """Draw what signs what, and what a plan would change.

    Mermaid goes into Markdown as it is, DOT to Graphviz.
    """
    from reconciler.graph import ResourceGraph
    from reconciler.render import graphs

    opened = planning.opened(app, workspace)
    snapshot = opened.snapshot()
    drawn = ResourceGraph.of(opened.manifest, (each.name for ca in snapshot.cas.values() for each in ca.generations))
    facts = graphs.graph_facts(opened.manifest, drawn, opened.plan(now=now, snapshot=snapshot))
    app.show(facts, graphs.dot if output == "dot" else graphs.mermaid, output)


@click.command(cls=Verb, examples=["qpki show", "qpki show ca/root", "qpki show -o json"])
@click.argument("address", metavar="[ADDRESS]", required=False)
@planning.workspace
@planning.now
@options.output
@click.pass_obj
def show(app: App, address: str | None, workspace: Path, now: datetime | None, output: str) -> None:
    """Show the state: every resource and CRL, or all of one."""
    from reconciler.plan.explain import find
    from reconciler.render import states

    opened = planning.opened(app, workspace)
    snapshot = opened.snapshot()
    facts: Any = states.state_facts(opened.manifest, snapshot, now or app.ports.clock())
    if address is None:
        app.show(facts, states.state_text, output)
    else:
        wanted = str(find(address, opened.manifest, snapshot))
        one = next(each for each in facts["resources"] if each["address"] == wanted)
        app.show(one, states.resource_text, output)


@click.command(cls=Verb, examples=["qpki due", "qpki due --within 90d -o json"])
@click.option(
    "--within", type=DURATION, metavar="DURATION", default="30d", show_default=True, help="How far to look ahead."
)
@planning.workspace
@planning.now
@options.output
@click.pass_obj
def due(app: App, within: timedelta, workspace: Path, now: datetime | None, output: str) -> None:
    """List what is due: renewals, CRLs, revocations, now and soon."""
    from reconciler.plan.due import due_within
    from reconciler.render import dues

    found = planning.opened(app, workspace).plan(now=now, due_limit=None)
    app.show(dues.due_facts(found, due_within(found, within), within), dues.due_text, output)


def _show(app: App, found: Plan, fleets: Fleets, output: str, max_bytes: int) -> None:
    from reconciler.plan.digest import plan_digest
    from reconciler.render.layout import printable

    if output == "json":
        import json

        app.show(json.loads(_document(found)), str, output)
    elif output == "markdown":
        from reconciler.render.plan_markdown import plan_markdown

        app.raw(printable(plan_markdown(found, plan_digest(found), max_bytes, fleets)))
    else:
        from reconciler.render.plans import plan_text

        app.show({}, lambda _: plan_text(found, plan_digest(found), fleets), output, paint=painted)


def _say_saved(app: App, out: Path, found: Plan) -> None:
    from reconciler.plan.digest import plan_digest

    app.say(f"\nSaved to {out}. To do exactly this, and nothing if anything changed: qpki apply {out}")
    app.say(f"To hold another run to it: qpki apply --expect-digest {plan_digest(found)}")


def _document(found: Plan) -> bytes:
    from reconciler.plan.wire import to_json

    return to_json(found, tool=_TOOL, version=tools.own_version())


def _require_replaceable(out: Path) -> None:
    """Refuse to write a plan over what is none: a manifest could not be had again."""
    from pki.errors import NewerFormatError
    from pki.store import files
    from reconciler.plan.wire import PlanFileError, read

    if not out.exists():
        return
    try:
        read(files.read(out, limit=None), out)
    except NewerFormatError:
        return
    except PlanFileError as error:
        raise click.BadParameter(
            f"{str(out)!r} is there and is not a plan; choose another name", param_hint="'--out'"
        ) from error
