"""What a command costs before it does anything, against the interpreter with click, which is the least it can be.

A plan is held against the imports that it cannot do without.

    python -m benchmarks.startup
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import CHECKOUT, command_seconds

TURNS = 15
QPKI = [sys.executable, "-m", "reconciler"]
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "qpki --help": [*QPKI, "--help"],
    "qpki cert issue --help": [*QPKI, "cert", "issue", "--help"],
    "qpki --version": [*QPKI, "--version"],
    "qpki profile list": [*QPKI, "profile", "list"],
}
FLOOR = "python -c 'import click'"
PLAN = "qpki plan, ten resources, no change"
PLAN_FLOOR = "import click, yaml, cryptography.x509"
TEN_RESOURCES = """\
apiVersion: qpki.io/v1
kind: Workspace
metadata: {name: ten}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: root}
spec: {profile: ec/root-ca, variables: {cn: Root}}
---
apiVersion: qpki.io/v1
kind: CertificateAuthority
metadata: {name: issuing}
spec: {issuer: root, profile: ec/issuing-ca, variables: {cn: Issuing}}
""" + "".join(
    f"""\
---
apiVersion: qpki.io/v1
kind: Credential
metadata: {{name: c{number}}}
spec: {{issuer: issuing, profiles: [ec/tls-client], variables: {{cn: c{number}}}}}
"""
    for number in range(8)
)


def main() -> None:
    taken = command_seconds(COMMANDS, turns=TURNS)
    print(f"{'command':<28}{'takes':>10}{'of click':>12}{'above click':>14}")
    floor = taken[FLOOR]
    for name, seconds in taken.items():
        print(f"{name:<28}{seconds * 1000:>7.0f} ms{seconds / floor:>12.2f}{(seconds - floor) * 1000:>11.0f} ms")
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "qpki.yaml").write_text(TEN_RESOURCES)
        subprocess.run([*QPKI, "apply", "--auto-approve", "-C", home], cwd=CHECKOUT, check=True, capture_output=True)
        plan = {PLAN_FLOOR: [sys.executable, "-c", PLAN_FLOOR], PLAN: [*QPKI, "plan", "-C", home]}
        taken = command_seconds(plan, turns=TURNS)
    for name, seconds in taken.items():
        print(f"{name:<40}{seconds * 1000:>7.0f} ms{seconds / taken[PLAN_FLOOR]:>12.2f}")


if __name__ == "__main__":
    main()
