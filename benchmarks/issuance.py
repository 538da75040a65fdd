"""How fast certificates are issued, as a share of what the key alone can sign, measured in one run.

The floor is the same key signing the same to-be-signed bytes and nothing else. Above it: a CA issuing in this process
(lint, journal with fsync, sign, verify, file with fsync, index), and `qpki cert issue` as one process a certificate.

Run it as `python -m benchmarks.issuance`; SoftHSM2 is measured when it is installed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pki.profiles.compile import compile_template
from pki.profiles.loader import load_profile
from pki.x509.requests import parse_request

from pki.authority import Authority, CaRequest, create_ca
from pki.keys import KeyChoice
from pki.ports import Ports, SystemSecrets

SECONDS = 2.0
COMMANDS = 5
SOFTWARE = ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "ml-dsa-65")

CA_PROFILE = """
name: bench/ca
algorithm: {algorithm}
validity: 3650d
subject: {{cn: Bench CA}}
extensions:
  basicConstraints: {{critical: true, ca: true}}
  keyUsage: {{critical: true, values: [keyCertSign, cRLSign]}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    raw: float
    in_process: float
    per_command: float

    def __str__(self) -> str:
        return (
            f"{self.name:<22}{self.raw:>10.0f}{self.in_process:>12.0f}{self.in_process / self.raw:>9.1%}"
            f"{self.per_command * 1000:>16.0f}"
        )


def rate(work: Callable[[], object]) -> float:
    """Return calls a second, over at least `SECONDS`, after one call to warm up."""
    work()
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < SECONDS:
        work()
        calls += 1
    return calls / elapsed


def measure(name: str, algorithm: str, key: KeyChoice, root: Path) -> Row:
    profile = load_profile(CA_PROFILE.format(algorithm=algorithm), "bench.yaml", "bench/ca")
    ports = Ports(secrets=SystemSecrets())
    ca = create_ca(CaRequest(directory=root / "ca", profile=profile, variables={}, key=key), ports)
    csr = root / "leaf.csr"
    csr.write_bytes(_request(root))
    with ca.key() as issuer:
        scheme = issuer.scheme(profile.signature)
        raw = rate(lambda: issuer.signer.sign(ca.certificate.tbs, scheme))
        leaf, request = _leaf(), parse_request(csr.read_bytes())

        def issue() -> None:
            template = compile_template(leaf, {}, issuer=ca.facts(), now=ca.now(), requested=request.names)
            ca.issue_template(template, request.spki, issuer)

        in_process = rate(issue)
    return Row(name, raw, in_process, _per_command(ca, csr))


def _per_command(ca: Authority, csr: Path) -> float:
    """Return the median seconds of one `qpki cert issue`."""
    command = [sys.executable, "-m", "reconciler", "cert", "issue", "--ca-dir", str(ca.layout.root)]
    command += ["--profile", "ec/tls-server", "--csr", str(csr), "--out", str(csr.with_suffix(".crt"))]
    return median_seconds(command)


def median_seconds(command: list[str], times: int = COMMANDS) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[times // 2]
