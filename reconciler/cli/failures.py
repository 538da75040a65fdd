"""Every way a command can end badly, as the lines a person reads and the code a script reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import click

from pki.errors import PkiError
from pki.findings import FindingsError
from reconciler.errors import ExitCode, Terminated
from reconciler.render.findings import finding_lines, snippet_lines
from reconciler.render.layout import inline, printable

_AFTER_INTERRUPTION = "run the command again; a CA settles what was left open when it is next used"
_AFTER_A_FAULT = "this is a fault in qpki: run it again as `qpki --debug ...` and report what it prints"
_SECRET_OPTION = re.compile(r"^(-p|--?(.*-)?(pin|passphrase|password))$")


@dataclass(frozen=True, slots=True)
class Failure:
    message: str
    hint: str | None = None
    exit_code: int = ExitCode.ERROR
    details: tuple[str, ...] = ()


def explain(error: BaseException) -> Failure:
    """Return what to say about an error; text from outside is escaped, and message and hint are one line each."""
    found = _explain(error)
    return replace(
        found,
        message=_one_line(found.message),
        hint=_one_line(found.hint) if found.hint else None,
        details=tuple(printable(line) for line in (*found.details, *_notes(error))),
    )


def _explain(error: BaseException) -> Failure:
    match error:
        case FindingsError():
            return _findings(error)
        case PkiError():
            return Failure(error.message, error.hint, error.exit_code)
        case click.ClickException():
            return _usage(error)
        case Terminated() | click.Abort() | KeyboardInterrupt() | EOFError():
            return _interruption(error)
        case OSError():
            return Failure(_of_system(error))
        case _:
            return Failure(f"something unforeseen: {type(error).__name__}: {error}", _AFTER_A_FAULT)


def _interruption(error: BaseException) -> Failure:
    if isinstance(error, Terminated):
        return Failure("terminated", _AFTER_INTERRUPTION, ExitCode.TERMINATED)
    return Failure("interrupted", _AFTER_INTERRUPTION, ExitCode.INTERRUPTED)


def _findings(error: FindingsError) -> Failure:
    """List all findings above the error; one that the error's own words tell already adds its line and its hint."""
    first = error.findings[0]
    placed = first.where is None or str(first.where) in error.message
    told = len(error.findings) == 1 and first.message in error.message and placed
    details = tuple(snippet_lines(first) if told else finding_lines(error.findings))
    return Failure(error.message, error.hint or (first.hint if told else None), error.exit_code, details)


def _notes(error: BaseException | None) -> list[str]:
    """Return what was noted on an error and on what it came from: an interrupted call can leave something behind."""
    if error is None:
        return []
    return [*getattr(error, "__notes__", []), *_notes(error.__cause__)]


def _one_line(text: str) -> str:
    return inline(" ".join(text.split()))


def _usage(error: click.ClickException) -> Failure:
    if not isinstance(error, click.UsageError):
        return Failure(error.format_message())
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Failure("a command is missing", details=(error.message, ""))
    if isinstance(error, click.NoSuchOption) and _SECRET_OPTION.match(error.option_name):
        return Failure(f"there is no option {error.option_name} that carries a secret", _secret_hint(error.option_name))
    command = error.ctx.command_path if error.ctx else "qpki"
    message = error.format_message().rstrip(".")
    if message[1:2].islower():  # not an acronym
        message = message[0].lower() + message[1:]
    return Failure(message, f"see `{command} --help`")


def _secret_hint(option: str) -> str:
    if option.endswith("pin"):
        return (
            "other users see the command line: name a variable with pin_env, or a file with pin_file, in the HSM"
            " config, or answer the prompt"
        )
    return (
        "other users see the command line: name a variable with --passphrase-env, or a file with --passphrase-file"
        " (for the CA's own key: --ca-passphrase-env, --ca-passphrase-file)"
    )


def _of_system(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else f"cannot write the output: {reason}"
