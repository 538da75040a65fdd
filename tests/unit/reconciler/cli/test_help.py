"""Help is part of what a command promises: complete, readable at 80 columns, with examples, and without secrets."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import click
import pytest

from reconciler.cli import reference
from reconciler.cli.main import cli
from reconciler.cli.verbs import Verb, VerbGroup
from tests.support.cli import Cli

COMMANDS = list(reference.commands())
PATHS = [context.command_path for context in COMMANDS]

PROMISED = """
init, validate, plan, apply, explain, graph, show, due,
ca init, ca info, ca list, ca export, cert issue, cert list, cert info, cert revoke, cert verify,
crl gen, crl info, crl verify, credential enroll, credential list, credential info, credential revoke,
credential export, key gen, key list, key info, key pub, csr gen, csr info, csr verify,
hsm list, hsm test, hsm info, hsm mechanisms, profile list, profile show, profile vars, profile export,
profile lint, inspect, schema, completion, version
"""


def test_every_promised_command_is_there_and_no_other():
    promised = {f"qpki {path}" for path in re.split(r",\s+", PROMISED.strip())}

    assert set(PATHS) == promised


@pytest.mark.parametrize("context", COMMANDS, ids=PATHS)
def test_every_command_has_examples_of_itself(context):
    command = context.command

    assert isinstance(command, Verb)
    for example in command.examples:
        words = shlex.split(example.replace("\\\n", " ").replace('eval "$(', "").replace(')"', ""))
        assert " ".join(words).startswith(context.command_path)
        assert all(len(line) <= 100 for line in example.splitlines())
        assert example.splitlines()[0] in context.get_help()


@pytest.mark.parametrize("context", COMMANDS, ids=PATHS)
def test_every_option_says_what_it_is_for(context):
    options = [param for param in context.command.params if isinstance(param, click.Option)]

    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("context", COMMANDS, ids=PATHS)
def test_no_option_carries_a_secret(context):
    """Secrets are named by where they are: a variable, or a file."""
    options = [name for param in context.command.params for name in (*param.opts, *param.secondary_opts)]
    secret = [name for name in options if re.search(r"pin|passphrase|password|secret", name)]

    assert [name for name in secret if not name.endswith(("-env", "-file"))] == []


@pytest.mark.parametrize("context", COMMANDS, ids=PATHS)
def test_paths_are_named_alike_in_every_command(context):
    """`-o` is the form of the result everywhere, `--out` a file, `-d` the CA, `-P` the profile."""
    meanings = {name: param.name for param in context.command.params for name in param.opts}
    usual = {"-o": "output", "--out": "out", "-d": "ca_dir", "-P": ("profile", "profiles"), "-c": "cred_dir"}

    assert [name for name, what in usual.items() if name in meanings and meanings[name] not in what] == []


@pytest.mark.parametrize("context", COMMANDS, ids=PATHS)
def test_every_result_comes_as_text_or_json(context):
    raw = {"qpki ca export", "qpki credential export", "qpki key pub", "qpki profile export", "qpki schema"}
    names = [param.name for param in context.command.params]

    assert ("output" in names) is (context.command_path not in raw | {"qpki completion"})


@pytest.mark.parametrize("path", [[], ["ca"], ["cert"], ["credential"], ["key"], ["hsm"], ["profile"]], ids=str)
def test_summaries_fit_at_80_columns(path):
    listed = Cli(env={"COLUMNS": "80"}).ok(*path, "--help").stdout.partition("Commands:")[2]

    assert listed
    assert "..." not in listed
    assert max(map(len, listed.splitlines())) <= 80


def test_the_command_line_loads_nothing_of_the_standard_library_that_only_a_run_needs():
    """`--help` and shell completion must answer at once: what one command needs, it imports itself."""
    of_a_run = {"json", "shutil", "socket", "subprocess", "traceback"}
    script = (
        "import sys, click; before = set(sys.modules); import reconciler.cli.main; print(*set(sys.modules) - before)"
    )

    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()

    assert "reconciler.cli.apply" in loaded
    assert of_a_run.isdisjoint(loaded)


def test_help_is_one_h_away():
    assert Cli().ok("ca", "init", "-h").stdout == Cli().ok("ca", "init", "--help").stdout


@pytest.mark.parametrize(("alias", "name"), [("key generate", "key gen"), ("cred list", "credential list")])
def test_other_names_lead_to_the_same_command(alias, name):
    usage = Cli().ok(*alias.split(), "--help").stdout.partition("\n")[2]

    assert usage == Cli().ok(*name.split(), "--help").stdout.partition("\n")[2]


def test_a_verb_without_examples_cannot_be_made():
    with pytest.raises(TypeError, match="examples"):

        @VerbGroup().command("x")
        def x() -> None: ...


def test_the_document_is_what_help_says():
    """`python -m reconciler.cli.reference` brings docs/cli.md up to date."""
    existing = reference.DOCUMENT.read_text(encoding="utf-8")

    assert reference.document(existing) == existing


def test_the_document_has_every_command_and_exit_code():
    from reconciler.errors import ExitCode

    existing = reference.DOCUMENT.read_text(encoding="utf-8")
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", existing, re.MULTILINE)}

    assert codes == {int(code) for code in ExitCode}
    assert [path for path in PATHS if f"\n## {path}\n" not in existing] == []


def test_groups_alone_show_their_help_and_fail():
    """A script that forgets the verb must not go on; a person sees what there is."""
    outcome = Cli()("ca")

    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "init" in outcome.stderr
    assert outcome.error == "a command is missing"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["frobnicate"], "no such command 'frobnicate'", "see `qpki --help`"),
        (["crl", "gne"], "no such command 'gne'. Did you mean 'gen'?", "see `qpki crl --help`"),
        (["ca", "init"], "missing option '-P' / '--profile'", "see `qpki ca init --help`"),
        (["--frob"], "no such option '--frob'", "see `qpki --help`"),
        (["ca", "info", "-o", "xml"], "'xml' is not one of 'text', 'json'", "see `qpki ca info --help`"),
        (["schema", "nothing"], "there is no schema 'nothing'; one of: ca-meta", "see `qpki schema --help`"),
    ],
)
def test_usage_errors_are_errors_like_others(arguments, message, hint):
    """Click would end with 2, which is kept for pending changes."""
    refused = Cli().refused(*arguments)

    assert message in refused.error
    assert refused.hint == hint


def test_the_value_of_a_secret_option_is_never_repeated():
    for argument in ("--passphrase=hunter2", "--pin=hunter2", "-phunter2"):
        refused = Cli().refused("key", "gen", argument, "--out", "x.key")

        assert "hunter2" not in refused.stderr


def test_the_global_options_are_before_the_command():
    assert cli.params[0].name == "quiet"
    assert Cli().ok("--quiet", "--debug", "--color", "never", "schema").stdout
