import click
import pytest

from pki.findings import Finding, Severity
from reconciler.cli.app import App, wants_color


@pytest.mark.parametrize(
    ("choice", "environment", "wanted"),
    [
        ("auto", {}, None),
        ("auto", {"TERM": "xterm"}, None),
        ("auto", {"TERM": "dumb"}, False),
        ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": ""}, None),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"FORCE_COLOR": "0"}, None),
        ("auto", {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_color_is_decided_by_the_option_then_the_environment_then_the_terminal(choice, environment, wanted):
    assert wants_color(choice, environment) is wanted


@pytest.fixture
def app(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return App()


def test_results_go_to_stdout_in_the_form_asked_for(app, capsys):
    app.show({"name": "x"}, lambda facts: f"Name: {facts['name']}", "text")
    app.show({"name": "x"}, str, "json")

    assert capsys.readouterr() == ('Name: x\n{\n  "name": "x"\n}\n', "")


def test_text_cannot_steer_the_terminal(app, capsys):
    app.show({}, lambda _: "CN=\x1b[2J\u202eevil\nnext", "text")
    app.say("\x1b]0;title\x07")

    assert capsys.readouterr() == ("CN=\\x1b[2J\\u202eevil\nnext\n", "\\x1b]0;title\\x07\n")


def test_quiet_drops_progress_and_keeps_warnings(app, capsys):
    app.quiet = True
    app.say("working")
    app.warn("look here", "closely")
    app.note([Finding(Severity.NOTICE, "a.b", "a name was left out")])

    assert capsys.readouterr() == ("", "\nWARNING: look here\n  closely\n\nnotice: a name was left out [a.b]\n")


def test_plain_keys_are_warned_of_by_path_and_no_keys_by_nothing(app, capsys, tmp_path):
    app.warn_of_plain_keys([])
    assert capsys.readouterr().err == ""

    app.warn_of_plain_keys([tmp_path / "a.key"])
    warning = capsys.readouterr().err
    assert "WARNING: Private key is not encrypted." in warning
    assert str(tmp_path / "a.key") in warning
    assert "--passphrase-env" in warning


def test_a_failure_is_details_then_one_error_line_then_one_hint(app, capsys):
    app.fail("it broke", "mend it", ["a.yaml:1:2: error: x [y]"])

    assert capsys.readouterr() == ("", "a.yaml:1:2: error: x [y]\nError: it broke\nHint: mend it\n")


def test_labels_are_colored_when_asked_for(app, capsys):
    app.color = True
    app.fail("it broke", None)

    assert capsys.readouterr().err == f"{click.style('Error:', fg='red', bold=True)} it broke\n"


def test_artifacts_go_to_stdout_byte_for_byte_or_to_the_file(app, capsysbinary, tmp_path):
    app.deliver(b"\x30\x00\xff", None)
    assert capsysbinary.readouterr() == (b"\x30\x00\xff", b"")

    app.deliver(b"\x30\x00\xff", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"\x30\x00\xff"
    assert capsysbinary.readouterr() == (b"", f"Written to {tmp_path / 'out'}\n".encode())


def test_a_step_shows_how_it_went_even_when_it_fails(app, capsys):
    def fail() -> str:
        raise OSError("no")

    assert app.step("[1/2] Loading", lambda: "fine", "text") == "fine"
    with pytest.raises(OSError, match="no"):
        app.step("[2/2] Trying", fail, "text")

    assert capsys.readouterr().out == "[1/2] Loading... OK (fine)\n[2/2] Trying... FAILED\n"


def test_in_json_steps_are_progress(app, capsys):
    app.step("[1/1] Loading", lambda: "fine", "json")

    assert capsys.readouterr() == ("", "[1/1] Loading... OK (fine)\n")


def test_the_world_is_this_machines_unless_given(app):
    from pki.ports import random_serial, system_clock

    assert (app.ports.clock, app.ports.serials) == (system_clock, random_serial)
    assert app.ports is app.ports
