"""YAML that people write wrongly, or on purpose: every problem with its file, line and column, and nothing is done."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.support.cli import Outcome

Refusals = Callable[[str, str | bytes], list[Outcome]]

HSM = """\
type: pkcs11
pkcs11:
  lib: /usr/lib/softhsm/libsofthsm2.so
  token: CA-Token
  pin_env: HSM_PIN
"""
PROFILE = """\
algorithm: ecdsa-p256
validity: 90d
subject: {cn: x.example.com}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 10)}]\n" for below, name in zip("abcdefg", "bcdefgh", strict=True)
)
DEEP = "a: " + "[" * 50_000 + "\n"

USES = {
    "hsm": [
        "hsm info --hsm-config {}",
        "ca init --dir x --profile ./root.yaml --var cn=x --hsm-config {} --key-label k",
    ],
    "profile": ["profile lint {}", "cert issue --ca-dir ca --csr www.csr --profile ./{}"],
    "var-file": ["cert issue --ca-dir ca --csr www.csr --profile ./server.yaml --var-file {}"],
}
"""Commands that read each kind of document."""


@pytest.fixture
def refusals(shared) -> Refusals:
    """Give the outcomes of the commands that read such a document."""

    def run(kind: str, text: str | bytes) -> list[Outcome]:
        (shared / f"bad-{kind}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return [shared.refused(command.format(f"bad-{kind}.yaml"), here=True) for command in USES[kind]]

    return run


@pytest.mark.parametrize(
    ("added", "place", "says", "way_out"),
    [
        pytest.param('  pin: "4711"\n', "6:3", "a PIN never stands in a file", "pin_env", id="a PIN"),
        pytest.param("  so_pin: 4711\n", "6:3", "so_pin", "", id="a security officer's PIN"),
        pytest.param("  tokn: x\n", "6:3", "unknown key `tokn`", "did you mean `token`?", id="an unknown key"),
        pytest.param("  token: x\n", "6:3", "`token` is given twice", "", id="a key twice"),
        pytest.param("  slot: no\n", "6:9", "slot", "", id="a text for a number"),
        pytest.param("  env: {HSM_PIN: '4711'}\n", "6:9", "`env` must not set HSM_PIN", "export", id="a PIN under env"),
        pytest.param("  env: !!python/object:os.system {}\n", "6:8", "tags such as", "", id="a tag"),
        pytest.param("\ttoken: x\n", "6:1", "not valid YAML", "", id="a tab"),
        pytest.param("--- {}\n", "6:1", "one document is expected here", "", id="two documents"),
    ],
)
def test_an_hsm_configuration_is_refused_by_line_and_column(refusals, added, place, says, way_out):
    for refused in refusals("hsm", HSM + added):
        assert f"bad-hsm.yaml:{place}: " in refused.error
        assert says in refused.error
        assert way_out in refused.stderr
        assert "4711" not in refused.stderr


def test_a_pin_that_stands_where_the_name_of_a_variable_belongs_is_not_shown(refusals):
    for refused in refusals("hsm", HSM.replace("HSM_PIN", "4711")):
        assert "bad-hsm.yaml:5:" in refused.error
        assert "4711" not in refused.stderr


@pytest.mark.parametrize(
    ("line", "place", "says", "way_out"),
    [
        pytest.param("validty: 90d\n", "4:1", "unknown key `validty`", "did you mean `validity`?", id="an unknown key"),
        pytest.param("validity: 1d\n", "4:1", "`validity` is given twice", "", id="a key twice"),
        pytest.param(
            "extensions: {keyUsage: {values: [digitalSignatur]}}\n",
            "4:34",
            "digitalSignatur",
            "",
            id="an unknown key usage",
        ),
        pytest.param(
            "extensions: {extKeyUsage: {values: [serverAuht]}}\n", "4:37", "serverAuht", "", id="an unknown purpose"
        ),
        pytest.param(
            "extensions: {subjectAltName: {dns: ['{{ dns }}']}}\n",
            "4:37",
            "dns",
            "",
            id="a variable that is not declared",
        ),
        pytest.param("description: [\n", "5:1", "not valid YAML", "", id="a list that does not end"),
    ],
)
def test_a_profile_is_refused_by_line_and_column(refusals, line, place, says, way_out):
    for refused in refusals("profile", PROFILE + line):
        assert f"bad-profile.yaml:{place}: " in refused.error
        assert says in refused.error
        assert way_out in refused.stderr


def test_all_problems_of_a_profile_are_told_at_once(refusals):
    text = PROFILE + "validty: 90d\nextension: {}\nextensions: {keyUsage: {values: [digitalSignatur]}}\n"

    for refused in refusals("profile", text):
        places = re.findall(r"^.*bad-profile.yaml:([0-9:]+): error: ", refused.stderr, re.MULTILINE)
        assert places == ["4:1", "5:1", "6:34"]
        assert refused.error.endswith("bad-profile.yaml: 3 problems")


@pytest.mark.parametrize("kind", USES)
@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        pytest.param(BOMB, ":", "a document has at most 100000 values, aliases expanded", id="a bomb of aliases"),
        pytest.param(DEEP, ":1:67:", "a document nests at most 64 levels", id="nesting without end"),
        pytest.param("a: 1\n" * (1 << 18), ":", "it has more than 1048576 bytes", id="a huge file"),
        pytest.param("a: &a [*a]\n", ":1:8:", "alias *a stands for nothing complete", id="an alias of itself"),
        pytest.param(b"a: \xff\n", ":", "it is not UTF-8 text", id="bytes that are no text"),
        pytest.param("a: \0\n", ":1:4:", "a character that YAML does not allow", id="NUL"),
        pytest.param("", ":", "the document is empty", id="an empty file"),
        pytest.param("[]\n", ":1:1:", "", id="a list"),
    ],
)
def test_no_document_can_do_harm(refusals, kind, text, place, says):
    for refused in refusals(kind, text):
        assert f"bad-{kind}.yaml{place}" in refused.error
        assert says in refused.error


def test_a_file_of_variables_names_the_line_of_what_the_profile_refuses(refusals):
    for refused in refusals("var-file", "# names\ncn: www.example.com\ndns_names: [www.evil.org]\n"):
        assert "'www.evil.org' does not end in .example.com" in refused.error
        assert "bad-var-file.yaml:3:" in refused.stderr


@pytest.mark.parametrize("text", [BOMB, DEEP])
def test_the_command_itself_survives_them(shared, text):
    (shared / "bad.yaml").write_text(text)

    assert "bad.yaml:" in shared.refused("hsm info --hsm-config bad.yaml").error


def test_a_profile_that_is_not_there_is_named_and_a_near_one_offered(shared):
    refused = shared.refused("cert issue --ca-dir ca --csr www.csr --profile ec/tls-sever", here=True)

    assert refused.error == "there is no profile 'ec/tls-sever'"
    assert refused.hint == "did you mean `ec/tls-server`?"
    assert (
        "missing.yaml: cannot read"
        in shared.refused("cert issue --ca-dir ca --csr www.csr --profile ./missing.yaml", here=True).error
    )


def test_a_profile_that_makes_no_ca_makes_no_ca(shared):
    refused = shared.refused("ca init --dir new --profile ./client.yaml --var cn=x", here=True)

    assert refused.error == "profile client does not make a CA"
    assert refused.hint
