"""The options of commands that plan: which workspace, as of when, how far ahead, and what of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.app import App
from reconciler.cli.types import HORIZON, INSTANT

if TYPE_CHECKING:
    from reconciler.plan.model import Selection
    from reconciler.render.plans import Fleets
    from reconciler.workflow import Workspace

workspace = click.option(
    "-C",
    "--workspace",
    "workspace",
    type=options.DIRECTORY,
    default=".",
    show_default=True,
    help="The workspace, or a directory in it: `qpki.yaml` is looked for upwards.",
)

now = click.option(
    "--now", type=INSTANT, metavar="TIME", help="Plan as of this time, such as 2026-11-23T09:00:00Z.  [default: now]"
)

horizon = click.option(
    "--horizon",
    type=HORIZON,
    metavar="DURATION",
    help="Act on what comes due within this time, 0s for only what is due.  [default: the workspace's]",
)


def _selection(only: tuple[str, ...], exclude: tuple[str, ...], replace: tuple[str, ...]) -> Selection:
    from reconciler.plan.model import Selection

    return Selection(only, exclude, replace)


selection = options.gathered(
    "selection",
    _selection,
    click.option(
        "--only",
        multiple=True,
        metavar="GLOB",
        help="Only these addresses, such as 'crl/*', and what they depend on; may be repeated, as the next two.",
    ),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Not these, nor what depends on them."),
    click.option(
        "--replace",
        multiple=True,
        metavar="ADDRESS",
        help="Give this CA or credential a new key, or make this CRL anew.",
    ),
)


def opened(app: App, directory: Path) -> Workspace:
    """Load the workspace that a command is to work on."""
    from reconciler.workflow import Workspace

    return Workspace.open(directory, app.ports)


def fleets(found: Workspace) -> Fleets:
    """Return the members of sets, by address."""
    return {each.address: each.fleet for each in found.manifest.credentials.values() if each.fleet}
