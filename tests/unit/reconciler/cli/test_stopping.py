"""Signals while changes are made: the step in hand is finished, nothing more is begun."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pki.errors import StoreError
from pki.ports import Ports, SystemSecrets
from reconciler.apply import Stop, Verdict
from reconciler.cli.apply import _exit_code
from reconciler.cli.stopping import Interruption
from reconciler.workflow import Terms, Workspace
from tests.support.audits import audited
from tests.support.checkout import ROOT
from tests.support.process import Site, Terminal
from tests.support.single import ROOTS
from tests.support.workspaces import Home, assert_converged


class Struck:
    """An observer that sends this process a signal when the first step begins, and again at every further one."""

    def __init__(self, number: signal.Signals, times: int = 1) -> None:
        self.number, self.times = number, times

    def started(self, _change) -> None:
        for _ in range(self.times):
            os.kill(os.getpid(), self.number)

    def ended(self, _outcome) -> None: ...


def apply_struck(home: Home, observer: Struck):
    workspace = Workspace.open(home.directory, Ports(SystemSecrets(), clock=lambda: home.now))
    interruption = Interruption(Stop())
    terms = Terms(
        actor="alice",
        holder="alice@here",
        version="0",
        stop=interruption.stop,
        guard=interruption.awaited,
        observer=observer,
    )
    return workspace.apply(workspace.plan(), terms), interruption


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_step_in_hand_is_finished_and_the_rest_is_left(tmp_path: Path, capfd, number, code: int) -> None:
    home = Home.make(tmp_path / "home", ROOTS)
    before = signal.getsignal(number)

    report, interruption = apply_struck(home, Struck(number))

    assert [each.verdict for each in report.outcomes] == [Verdict.DONE, Verdict.LEFT, Verdict.LEFT, Verdict.LEFT]
    assert _exit_code(report, interruption) == code
    assert signal.getsignal(number) is before
    assert "Once more ends it at once" in capfd.readouterr().err
    finished = audited(home.directory)[-1]
    assert (finished["event"], finished["interrupted"], finished["left"]) == ("apply-finished", True, 3)
    home.applied()
    assert_converged(home)


def test_a_second_signal_ends_it_at_once_and_the_next_run_goes_on(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", ROOTS)
    script = (
        "import sys; from pathlib import Path; from signal import SIGINT\n"
        "from tests.support.workspaces import Home\n"
        "from tests.unit.reconciler.cli.test_stopping import Struck, apply_struck\n"
        "apply_struck(Home(Path(sys.argv[1])), Struck(SIGINT, times=2))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(home.directory)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.endswith("Ended at once; the next apply settles what was left open.\n")
    assert "was killed" in home.applied().stderr
    assert_converged(home)


class Spoiler(Struck):
    """An observer that makes the audit log one that cannot be written, when the first step begins."""

    def __init__(self, log: Path) -> None:
        super().__init__(signal.SIGINT, times=0)
        self.log = log

    def started(self, change) -> None:
        if not self.log.is_symlink():
            self.log.rename(self.log.with_name("elsewhere"))
            self.log.symlink_to("elsewhere")
        super().started(change)


def test_a_log_that_cannot_be_written_stops_the_run_with_what_is_in_hand_finished(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", ROOTS)
    log = home.directory / "state" / "audit.jsonl"
    with pytest.raises(StoreError, match=r"audit\.jsonl"):
        apply_struck(home, Spoiler(log))
    assert sorted(path.name for path in (home.directory / "state/ca").iterdir()) == ["one"]
    log.unlink()
    log.with_name("elsewhere").rename(log)
    home.applied()
    told = [entry for entry in audited(home.directory) if entry.get("address") == "ca/one"]
    assert [(entry["event"], entry.get("recovered")) for entry in told] == [
        ("key-generated", True),
        ("certificate-issued", True),
    ]
    assert_converged(home)


@pytest.mark.slow
def test_ctrl_c_on_a_terminal_is_reported_with_what_is_left(tmp_path: Path) -> None:
    """RSA-4096: the step takes long enough to be interrupted."""
    (tmp_path / "qpki.yaml").write_text(ROOTS.replace("ec/root-ca", "rsa/root-ca"))
    with Terminal.open() as terminal:
        stopped = terminal.run(Site(tmp_path), "apply --auto-approve --parallelism 1", "ca/one: creating...", "\x03")
    assert stopped.exit_code == 130
    assert "not begun" in stopped.stdout
    assert "Stopping when the step in hand is finished" in stopped.stderr
