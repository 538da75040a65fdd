"""What `qpki apply` takes for 1,000 new P-256 credentials, against what cannot be saved.

The floor of the same run: as many P-256 keys made and signatures by one key, and every file that the apply left,
written again with an fsync of each. Above it is what makes them certificates: profile, lint, journal, verify, records.

    python -m benchmarks.apply [--credentials N] [--directory DIR]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.timing import CHECKOUT
from pki.algorithms import ALGORITHMS, SchemeChoice, select_scheme
from pki.signers import software

MANIFEST = """\
apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: benchmark}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: root}
spec: {profile: ec/root-ca, variables: {cn: Benchmark CA}}
---
apiVersion: qpki.io/v1
kind: CredentialSet
metadata: {name: device}
spec:
  template: {issuer: root, profiles: [ec/tls-client], variables: {cn: "{{ name }}"}}
  membersFrom: devices.csv
"""
TBS = bytes(500)
"""About as long as what is signed for an end entity."""


def main() -> None:
    parser = argparse.ArgumentParser(description="An apply against key generation, signing and writing alone.")
    parser.add_argument("--credentials", type=int, default=1000)
    parser.add_argument(
        "--directory", type=Path, help="where the workspace is made; the usual temporary one if not said"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        report(Path(directory) / "home", options.credentials)


def report(home: Path, number: int) -> None:
    home.mkdir()
    (home / "qpki.yaml").write_text(MANIFEST)
    (home / "devices.csv").write_text("name\n")
    apply(home)
    rows = "".join(f"d{each:06}\n" for each in range(number))
    (home / "devices.csv").write_text(f"name\n{rows}")
    before = {path for path in home.rglob("*") if path.is_file()}
    taken = timed(lambda: apply(home))
    made = [path.read_bytes() for path in home.rglob("*") if path.is_file() and path not in before]
    again = timed(lambda: apply(home))

    floors = {
        "keys made": timed(lambda: [software.generate(ALGORITHMS["ecdsa-p256"]) for _ in range(number)]),
        "signatures": timed(lambda: sign(number)),
        f"{len(made)} files written and fsynced": timed(lambda: write(home.parent / "again", made)),
    }
    for name, seconds in floors.items():
        print(f"{name:<40}{seconds:>8.2f} s")
    print(f"{'floor':<40}{sum(floors.values()):>8.2f} s")
    print(f"{f'apply of {number} credentials':<40}{taken:>8.2f} s{taken / sum(floors.values()):>8.2f} x the floor")
    print(f"{'apply again, nothing to do':<40}{again:>8.2f} s")


def apply(home: Path) -> None:
    command = [sys.executable, "-P", "-m", "reconciler", "--quiet", "apply", "--auto-approve", "-C", str(home)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(CHECKOUT)})


def sign(number: int) -> None:
    signer = software.generate(ALGORITHMS["ecdsa-p256"])
    scheme = select_scheme(signer.algorithm, SchemeChoice())
    for _ in range(number):
        signer.sign(TBS, scheme)


def write(directory: Path, contents: list[bytes]) -> None:
    directory.mkdir()
    for number, content in enumerate(contents):
        with (directory / str(number)).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
