"""`qpki profile`: what certificates of a kind look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import inputs, options
from reconciler.cli.app import App
from reconciler.cli.types import PROFILE
from reconciler.cli.verbs import VerbGroup

if TYPE_CHECKING:
    from pki.profiles.catalog import Catalog


@click.group(cls=VerbGroup)
def profile() -> None:
    """See, check and copy certificate profiles."""


own_profiles = click.option(
    "--dir",
    "directories",
    type=options.DIRECTORY,
    multiple=True,
    help="A directory of your own profiles; one with a builtin's name takes its place.",
)

profile_name = click.argument("name", type=PROFILE, metavar="NAME|FILE")


@profile.command("list", examples=["qpki profile list", "qpki profile list --output json"])
@own_profiles
@options.output
@click.pass_obj
def list_(app: App, directories: Sequence[Path], output: str) -> None:
    """List the profiles by name."""
    from reconciler.render import profiles

    catalog = inputs.catalog(directories)
    found = [profiles.profile_summary(catalog.get(name)) for name in catalog.names()]
    app.show({"profiles": found}, profiles.profiles_text, output)


@profile.command("show", examples=["qpki profile show ec/tls-server"])
@profile_name
@own_profiles
@options.output
@click.pass_obj
def show(app: App, name: str, directories: Sequence[Path], output: str) -> None:
    """Print a profile.

    Its YAML as it stands, or with `-o json` what was understood of it.
    """
    from reconciler.render.profiles import profile_facts

    catalog = inputs.catalog(directories)
    if output == "json":
        app.show(profile_facts(catalog.get(name)), str, output)
    else:
        app.raw(catalog.text(name))


@profile.command("vars", examples=["qpki profile vars ec/tls-server"])
@profile_name
@own_profiles
@options.output
@click.pass_obj
def vars_(app: App, name: str, directories: Sequence[Path], output: str) -> None:
    """List a profile's variables: type, default and limits.

    `--var` and `--var-file` of other commands set them.
    """
    from reconciler.render import profiles

    found = inputs.catalog(directories).get(name)
    listed = [profiles.variable_facts(variable) for variable in found.variables.values()]
    app.show({"profile": found.name, "variables": listed}, profiles.variables_text, output)


@profile.command(
    "export",
    examples=["qpki profile export ec/tls-server --out tls-server.yaml", "qpki profile export --all ./profiles"],
)
@click.argument("name", type=PROFILE, metavar="NAME|FILE", required=False)
@own_profiles
@options.out
@click.option("--all", "into", type=options.NEW_DIRECTORY, metavar="DIRECTORY", help="Copy every profile into it.")
@click.pass_obj
def export(app: App, name: str | None, directories: Sequence[Path], out: Path | None, into: Path | None) -> None:
    """Copy profiles, to build your own on.

    The YAML goes to a file with --out, or to stdout. --all copies every profile, and over none that is there.
    """
    catalog = inputs.catalog(directories)
    inputs.only_one({"NAME": name, "--all": into})
    inputs.only_one({"--out": out, "--all": into})
    if into is not None:
        _export_all(app, catalog, into)
    elif name is not None:
        app.deliver(catalog.text(name).encode(), out)
    else:
        raise click.UsageError("which profile? Name it, or copy them --all")


@profile.command("lint", examples=["qpki profile lint tls-server.yaml"])
@click.argument("files", nargs=-1, required=True, type=options.FILE, metavar="FILE...")
@options.output
@click.pass_obj
def lint(app: App, files: Sequence[Path], output: str) -> None:
    """Check profile files.

    Every problem is listed with its line and column.
    """
    from reconciler.render import profiles

    found = [profiles.profile_summary(inputs.catalog().get(str(file.resolve()))) for file in files]
    app.show({"profiles": found}, profiles.lint_text, output)


def _export_all(app: App, catalog: Catalog, into: Path) -> None:
    from pki.store import files

    for name in catalog.names():
        path = into / f"{name}.yaml"
        files.make_directory(path.parent)
        files.create(path, catalog.text(name).encode())
        app.say(f"Written to {path}")
