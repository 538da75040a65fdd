"""The `qpki` command: its groups, its global options, and the one place where an error becomes words and an exit code.

This module and all it imports load click and nothing heavier, so that `--help` and completion answer at once; commands
import what they need inside their bodies. A packaging test holds this.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

from reconciler.cli import apply, ca, cert, credential, crl, csr, hsm, key, plan, profile, tools, workspace
from reconciler.cli.app import App, wants_color
from reconciler.cli.verbs import VerbGroup
from reconciler.errors import Terminated


class Qpki(VerbGroup):
    """The root group; it ends the process for all commands."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:  # noqa: ANN401 - click's own signature, passed through
        """Run a command line and exit: 0, or with one `Error:` line and the error's own code."""
        app = extra.setdefault("obj", App())
        extra |= {"prog_name": "qpki", "standalone_mode": False}
        try:
            code = super().main(*args, **extra)
        except (Exception, KeyboardInterrupt, Terminated) as error:  # noqa: BLE001 - nothing gets past with a traceback
            code = _report(app, error)
        sys.exit(code if isinstance(code, int) else 0)


def _report(app: App, error: BaseException) -> int:
    from reconciler.cli.failures import explain

    if app.debug:
        import traceback

        traceback.print_exception(error)
    failure = explain(error)
    app.fail(failure.message, failure.hint, failure.details)
    return failure.exit_code


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted and not context.resilient_parsing:
        click.echo(f"qpki {tools.own_version()}")
        context.exit()


@click.group(
    cls=Qpki,
    aliases={"cred": "credential"},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr; warnings and errors stay.")
@click.option("--debug", is_flag=True, envvar="QPKI_DEBUG", help="Show the traceback of an error (QPKI_DEBUG=1).")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Color on the terminal; auto minds NO_COLOR, FORCE_COLOR and TERM.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_obj
def cli(app: App, color: str, *, quiet: bool, debug: bool) -> None:
    """Run a PKI: keys in files or HSMs, certificates, CRLs, and the records that prove what was done.

    `qpki COMMAND --help` tells more, with an example that works. Results go to stdout, everything else to stderr.
    """
    app.quiet, app.debug, app.color = quiet, debug, wants_color(color, os.environ)


for command in (
    workspace.init,
    workspace.validate,
    plan.plan,
    apply.apply,
    plan.explain,
    plan.graph,
    plan.show,
    plan.due,
    ca.ca,
    cert.cert,
    crl.crl,
    credential.credential,
    key.key,
    csr.csr,
    hsm.hsm,
    profile.profile,
    tools.inspect,
    tools.schema,
    tools.completion,
    tools.version,
):
    cli.add_command(command)


_NEW_OBJECTS = 50_000
"""Before cycles are looked for. Loading modules and manifests makes many objects and hardly a cycle: at Python's own
700 the search costs a short command a twentieth of its time, and more the larger a fleet is."""


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def main() -> NoReturn:
    """Run `qpki` with this process's arguments."""
    gc.set_threshold(_NEW_OBJECTS)
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks is printed as an escape: no crash after the work is done.
            stream.reconfigure(errors="backslashreplace")
    cli.main()


if __name__ == "__main__":
    main()
