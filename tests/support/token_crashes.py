"""A program that strikes an apply with keys on a SoftHSM2 token, at one call after the other.

    python -m tests.support.token_crashes DIRECTORY MODE WHEN

`DIRECTORY` holds `before`, a workspace with a token in it, whose SoftHSM2 configuration names `DIRECTORY/work/tokens`.
Every apply is a child of this process, which never loads the PKCS#11 module itself: forking would break the module.
The last line printed is the number of points that were tried.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path

from pki.keys import list_token_keys
from pki.ports import SystemSecrets
from tests.support import killer
from tests.support.workspaces import Home, assert_accounted_for, assert_converged

KEY_CALLS = (
    "pki.signers.pkcs11.signer:PkcsSigner.sign",
    "pki.signers.pkcs11.token:make_pair",
    "pki.signers.software:SoftwareSigner.sign",
    "pki.signers.software:generate",
)


def main(directory: Path, mode: str, when: str) -> None:
    for number in count(1):
        shutil.copytree(directory / "before", directory / "work")
        home = Home(directory / "work")
        struck = in_child(lambda home=home, number=number: strike(home, number, mode, when)) != 0
        mended = in_child(lambda home=home: settle(home))
        assert mended == 0, f"point {number} of {mode} {when} did not converge"
        if not struck:
            print(number - 1)  # noqa: T201 - the result of this program
            return
        shutil.rmtree(directory / "work")


def in_child(work: Callable[[], int]) -> int:
    """Return what the work returns, or what ended the child that did it."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = work()
        except BaseException:  # noqa: BLE001 - told here, because the child ends without the interpreter's own words
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def strike(home: Home, number: int, mode: str, when: str) -> int:
    trigger = killer.arm(number, mode=mode, when=when, calls=KEY_CALLS)
    home.apply("--parallelism", 1)
    return int(trigger.reached)


def settle(home: Home) -> int:
    home.applied()
    assert_converged(home)
    assert_accounted_for(home)
    labels = [key.label for key in list_token_keys(home.directory / "hsm.yaml", SystemSecrets())]
    assert len(labels) == len(set(labels)), labels
    return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
