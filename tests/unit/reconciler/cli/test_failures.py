import errno
from dataclasses import replace

import click
import pytest

from pki import errors
from pki.findings import DocumentError, Finding, Location, Severity
from reconciler.cli.failures import Failure, explain
from reconciler.errors import ExitCode

FINDING = Finding(Severity.ERROR, "yaml.key", "unknown key `tokn`", Location("hsm.yaml", 3, 5), "did you mean `token`?")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (errors.StoreError("gone", hint="restore it"), Failure("gone", "restore it", ExitCode.ERROR)),
        (errors.VerificationError("it does not hold"), Failure("it does not hold", None, ExitCode.NOT_VERIFIED)),
        (errors.LockTimeoutError("held"), Failure("held", None, ExitCode.STALE)),
        (errors.StoreError("two\n  lines\x1b[1m"), Failure("two lines\\x1b[1m")),
        (
            DocumentError("hsm.yaml is not valid", [FINDING]),
            Failure(
                "hsm.yaml is not valid",
                details=("hsm.yaml:3:5: error: unknown key `tokn` [yaml.key]", "  did you mean `token`?"),
            ),
        ),
        (
            DocumentError("hsm.yaml:3:5: unknown key `tokn`", [FINDING]),
            Failure("hsm.yaml:3:5: unknown key `tokn`", "did you mean `token`?"),
        ),
        (
            DocumentError("hsm.yaml:3:5: unknown key `tokn`", [replace(FINDING, snippet="    tokn: x")]),
            Failure(
                "hsm.yaml:3:5: unknown key `tokn`",
                "did you mean `token`?",
                details=("  3 |     tokn: x", "    |     ^"),
            ),
        ),
        (click.UsageError("Missing something."), Failure("missing something", "see `qpki --help`")),
        (click.ClickException("As it is"), Failure("As it is")),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            Failure("cannot write the output: No space left on device"),
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), Failure("/x: Permission denied")),
    ],
)
def test_every_error_becomes_one_line_and_a_code(error, failure):
    assert explain(error) == failure


@pytest.mark.parametrize("error", [click.Abort(), KeyboardInterrupt(), EOFError()])
def test_an_interruption_says_so_and_what_to_do(error):
    failure = explain(error)

    assert (failure.message, failure.exit_code) == ("interrupted", 130)
    assert failure.hint.startswith("run the command again")


def test_a_fault_of_ours_is_named_with_the_way_to_report_it():
    failure = explain(KeyError("x"))

    assert failure.message == "something unforeseen: KeyError: 'x'"
    assert "qpki --debug" in failure.hint


def test_what_an_interrupted_call_left_behind_is_told():
    cause = KeyboardInterrupt()
    cause.add_note("the token may still hold the new key")
    error = click.Abort()
    error.__cause__ = cause

    assert explain(error).details == ("the token may still hold the new key",)


@pytest.mark.parametrize(
    ("option", "way_out"),
    [
        ("--pin", "pin_env"),
        ("--so-pin", "pin_env"),
        ("--passphrase", "--passphrase-env"),
        ("-p", "--passphrase-env"),
        ("--ca-passphrase", "--ca-passphrase-env"),
        ("--password", "--passphrase-env"),
    ],
)
def test_an_option_that_would_carry_a_secret_is_refused_with_the_way_to_do_it(option, way_out):
    failure = explain(click.NoSuchOption(option))

    assert failure.message == f"there is no option {option} that carries a secret"
    assert way_out in failure.hint


def test_other_unknown_options_get_a_suggestion():
    failure = explain(click.NoSuchOption("--profil", possibilities=["--profile", "--parent"]))

    assert failure.message == "no such option '--profil'. Did you mean '--profile'?"
