"""The fault injector does what it says, or the crash tests prove nothing."""

from __future__ import annotations

import pytest

from tests.support import killer

THREE_WRITES = """
import os
with open("log", "wb", buffering=0) as log:
    for letter in (b"AAAA", b"BBBB", b"CCCC"):
        os.write(log.fileno(), letter)
print("done")
"""


@pytest.fixture
def program(tmp_path):
    """Write a program, and give a function that runs it with a fault."""

    def write(text: str):
        (tmp_path / "program.py").write_text(text)
        return lambda number, **choices: killer.run(number, [str(tmp_path / "program.py")], cwd=tmp_path, **choices)

    return write


@pytest.mark.parametrize(
    ("when", "left"), [("before", b"AAAA"), ("half", b"AAAABB"), ("after", b"AAAABBBB")]
)  # fmt: skip
@pytest.mark.parametrize(("mode", "status"), [("kill", None), ("enospc", 1), ("eio", 1)])
def test_the_nth_call_breaks_before_half_way_or_after(program, tmp_path, when, left, mode, status):
    fault = program(THREE_WRITES)(2, mode=mode, when=when)

    assert (fault.reached, fault.status, fault.stdout) == (True, status, "")
    assert (tmp_path / "log").read_bytes() == left


@pytest.mark.parametrize(("mode", "words"), [("enospc", "No space left on device"), ("eio", "Input/output error")])
def test_a_failure_is_the_one_that_the_system_would_give(program, words, mode):
    assert words in program(THREE_WRITES)(1, mode=mode).stderr


def test_a_killed_program_runs_no_handler(program, tmp_path):
    fault = program(f"try:\n  import os; os.mkdir('x')\nfinally:\n  open('handled', 'w')\n{THREE_WRITES}")(1)

    assert (fault.reached, fault.stderr) == (True, "")
    assert not (tmp_path / "handled").exists()


@pytest.mark.parametrize(
    ("ending", "status", "stderr"),
    [
        ("", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit('sorry')", 1, "sorry\n"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt\n"),
    ],
)
def test_without_an_nth_call_the_program_ends_as_it_does_alone(program, ending, status, stderr):
    fault = program(THREE_WRITES + ending)(4)

    assert (fault.reached, fault.status, fault.stdout) == (False, status, "done\n")
    assert fault.stderr.endswith(stderr)
    assert bool(fault.stderr) == bool(stderr)


def test_a_program_that_survives_a_failure_keeps_its_own_status(program):
    run = program("import os\ntry:\n  os.mkdir('x')\nexcept OSError:\n  raise SystemExit(5)")

    broken, whole = run(1, mode="eio"), run(2, mode="eio")

    assert (broken.reached, broken.status) == (True, 5)
    assert (whole.reached, whole.status) == (False, 0)


@pytest.mark.parametrize("name", ["plain", "Box.method", "Box.made", "Box.still"])
def test_a_call_by_name_is_counted_too(program, tmp_path, name):
    (tmp_path / "steps.py").write_text(
        "def plain(): return 7\n"
        "class Box:\n"
        "  def method(self): return 7\n"
        "  @classmethod\n"
        "  def made(cls): return 7\n"
        "  @staticmethod\n"
        "  def still(): return 7\n"
    )
    text = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import steps\nprint(steps.plain() + steps.Box().method() + steps.Box.made() + steps.Box().still())\n"
    )
    import os

    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    broken = program(text)(1, calls=[f"steps:{name}"], mode="eio", env=env)
    whole = program(text)(2, calls=[f"steps:{name}"], mode="eio", env=env)

    assert (broken.reached, broken.status) == (True, 1)
    assert (whole.reached, whole.stdout) == (False, "28\n")


def test_all_faults_are_given_until_there_is_none(tmp_path):
    (tmp_path / "program.py").write_text(THREE_WRITES)

    left = {
        fault.number: (tmp_path / "log").read_bytes()
        for fault in killer.faults([str(tmp_path / "program.py")], cwd=tmp_path, mode="kill")
    }

    assert left == {1: b"", 2: b"AAAA", 3: b"AAAABBBB"}
    assert (tmp_path / "log").read_bytes() == b"AAAABBBBCCCC"


def test_a_program_that_never_stops_writing_is_an_error_and_no_endless_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(killer, "_MAX_CALLS", 3)
    (tmp_path / "program.py").write_text(THREE_WRITES)

    with pytest.raises(AssertionError, match="still writes after 3 calls"):
        list(killer.faults([str(tmp_path / "program.py")], cwd=tmp_path))


@pytest.mark.parametrize(("when", "left"), [("before", ""), ("half", "AA"), ("after", "AAAA")])
def test_a_forked_child_can_arm_itself(program, tmp_path, when, left):
    run = program(f"""
import os
from tests.support import killer
if (child := os.fork()) == 0:
    killer.arm(1, when={when!r}, calls=["os:getpid"])
    os.write(os.open("log", os.O_CREAT | os.O_WRONLY), b"AAAA")
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")

    assert run(99).stdout == "-9\n"
    assert (tmp_path / "log").read_text() == left


def test_a_module_can_be_the_program(tmp_path):
    fault = killer.run(1, ["base64", "-t"], cwd=tmp_path)

    assert (fault.reached, fault.status) == (False, 0)
    assert "Aladdin:open sesame" in fault.stdout
