"""`qpki init` and `qpki validate`: a new workspace, and whether one says what it means."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import options, planning
from reconciler.cli.app import App
from reconciler.cli.verbs import Verb
from reconciler.errors import ExitCode


@click.command(cls=Verb, examples=["qpki init my-pki", "qpki init ."])
@click.argument("directory", type=options.NEW_DIRECTORY)
@options.output
@click.pass_obj
def init(app: App, directory: Path, output: str) -> None:
    """Make a new workspace.

    A root, an issuing CA and a credential in commented YAML, with keys in files: it plans and applies as it is. Nothing
    is written over a file that is there.
    """
    from reconciler.manifest.scaffold import make_workspace
    from reconciler.render import validation

    written = make_workspace(directory)
    app.show({"workspace": str(directory), "files": written}, validation.workspace_text, output)


@click.command(cls=Verb, examples=["qpki validate", "qpki validate --workspace my-pki -o json"])
@planning.workspace
@options.output
@click.pass_context
def validate(context: click.Context, workspace: Path, output: str) -> None:
    """Check the files of a workspace.

    Everything that is wrong is listed, each with its file, line and column. State is not looked at, and neither is any
    key or HSM.
    """
    from pki.findings import DocumentError
    from reconciler import manifest
    from reconciler.render import validation

    app: App = context.obj
    root = manifest.find_root(workspace)
    try:
        found = manifest.load(root, thorough=True)
    except DocumentError as error:
        if output == "text":
            raise
        app.show(validation.refused_facts(error.findings), str, output)
        context.exit(ExitCode.ERROR)
    if output == "text":
        app.note(found.warnings)
    app.show(validation.manifest_facts(found), validation.manifest_text, output)
