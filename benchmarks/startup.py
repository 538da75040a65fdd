"""What a command costs before it does anything, against the interpreter with click, which is the least it can be.

python -m benchmarks.startup
"""

from __future__ import annotations

import sys

from benchmarks.timing import command_seconds

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


def main() -> None:
    taken = command_seconds(COMMANDS, turns=TURNS)
    print(f"{'command':<28}{'takes':>10}{'of click':>12}{'above click':>14}")
    floor = taken[FLOOR]
    for name, seconds in taken.items():
        print(f"{name:<28}{seconds * 1000:>7.0f} ms{seconds / floor:>12.2f}{(seconds - floor) * 1000:>11.0f} ms")


if __name__ == "__main__":
    main()
