"""Many processes at one CA: nothing is lost and nothing is twice."""

import subprocess
import sys
from pathlib import Path

import pytest

PROCESSES = 50


def qpki(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "reconciler", *arguments], cwd=cwd, capture_output=True, text=True, check=True
    )


@pytest.mark.slow
def test_fifty_parallel_issues_give_fifty_serials_files_and_rows(tmp_path):
    qpki("ca", "init", "--profile", "ec/root-ca", "--var", "cn=Root", "--dir", "ca", cwd=tmp_path)
    qpki("csr", "gen", "--algorithm", "ecdsa-p256", "--keyout", "k.key", "--cn", "a.example.com", "--dns",
         "a.example.com", "--out", "a.csr", cwd=tmp_path)  # fmt: skip
    command = [sys.executable, "-P", "-m", "reconciler", "cert", "issue", "--ca-dir", "ca", "--profile",
               "ec/tls-server", "--csr", "a.csr"]  # fmt: skip
    running = [
        subprocess.Popen([*command, "--out", f"{n}.crt"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for n in range(PROCESSES)
    ]
    complaints = [(process.communicate()[1], process.returncode) for process in running]
    filed = {path.stem for path in tmp_path.glob("ca/certs/*.crt")}
    rows = [line.split("\t")[3] for line in (tmp_path / "ca" / "index.txt").read_text().splitlines()]

    assert [complaint for complaint in complaints if complaint[1]] == []
    assert len(filed) == PROCESSES
    assert sorted(rows) == sorted(filed)
    assert {path.read_bytes() for path in tmp_path.glob("*.crt")} == {
        path.read_bytes() for path in tmp_path.glob("ca/certs/*.crt")
    }
