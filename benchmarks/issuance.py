"""How fast certificates are issued, against what the key alone can sign, both measured in one run.

The floor is the CA's key signing a certificate's bytes and nothing else. Above it: a CA in this process that issues for
a CSR (verify the CSR, compile the profile, lint, journal, sign, verify, file, index; several waits for the disk), and
`qpki cert issue`, a process for each certificate.

    python -m benchmarks.issuance [--directory DIR]

SoftHSM2 is measured where it is installed. A directory in memory (/dev/shm) shows what is left without the disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.timing import command_seconds, seconds
from pki.algorithms import ALGORITHMS
from pki.authority import Authority, CaRequest, create_ca
from pki.issuance import IssuingKey, sign_request
from pki.keys import FileKey, KeyChoice, TokenKeyChoice
from pki.names import distinguished_name
from pki.ports import Ports, SecretSource, SystemSecrets
from pki.profiles.catalog import Catalog
from pki.profiles.compile import compile_template
from pki.profiles.loader import load_profile
from pki.signers import software
from pki.x509.requests import parse_request, verify_request

TURNS, COMMANDS = 20, 7
LEAF = "ec/tls-server"
CA_PROFILE = """
algorithm: {algorithm}
validity: 3650d
subject: {{cn: Benchmark CA}}
extensions:
  basicConstraints: {{critical: true, ca: true}}
  keyUsage: {{critical: true, values: [keyCertSign, cRLSign]}}
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """A CA key to measure: where it is, and what a process needs to use it."""

    name: str
    algorithm: str
    key: KeyChoice = field(default_factory=FileKey)
    secrets: SecretSource = field(default_factory=SystemSecrets)
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds for a signature, for a certificate in this process, and for one by a command."""

    name: str
    sign: float
    issue: float
    command: float

    def __str__(self) -> str:
        return (
            f"{self.name:<22}{1 / self.sign:>10,.0f}{1 / self.issue:>12,.0f}{self.sign / self.issue:>9.1%}"
            f"{self.command * 1000:>12,.0f} ms{self.sign / self.command:>10.2%}"
        )


HEADER = f"{'key of the CA':<22}{'signs/s':>10}{'issues/s':>12}{'ratio':>9}{'a command':>15}{'ratio':>10}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Issuance against the raw signing rate of the same key.")
    parser.add_argument("--directory", type=Path, help="where the CAs are made; the usual temporary one if not said")
    with tempfile.TemporaryDirectory(dir=parser.parse_args().directory) as directory:
        folder = Path(directory)
        print(f"a durable append to a file takes {_append_seconds(folder) * 1000:.2f} ms here\n\n{HEADER}")
        for subject in _subjects(folder):
            print(_measure(subject, folder / subject.name), flush=True)


def _subjects(folder: Path) -> list[Subject]:
    in_software = [Subject(name, name) for name in ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "ml-dsa-65")]
    return [*in_software, _softhsm(folder / "token")] if shutil.which("softhsm2-util") else in_software


def _softhsm(folder: Path) -> Subject:
    from tests.support.tokens import FixedSecrets, softhsm_token  # noqa: PLC0415 - only where SoftHSM2 is installed

    token = softhsm_token(folder)
    key = TokenKeyChoice(token.config_path, label="benchmark", generate=True)
    return Subject("ecdsa-p256 SoftHSM2", "ecdsa-p256", key, FixedSecrets(), token.environment)


def _measure(subject: Subject, folder: Path) -> Row:
    folder.mkdir()
    csr = folder / "leaf.csr"
    csr.write_bytes(_request())
    ca = _authority(subject, folder / "ca")
    with ca.key() as key:
        work = {"sign": _signing(ca, key), "issue": _issuing(ca, key, csr.read_bytes())}
        in_process = seconds(work, turns=TURNS)
    command = [sys.executable, "-m", "reconciler", "cert", "issue", "--ca-dir", str(ca.layout.root)]
    command += ["--profile", LEAF, "--csr", str(csr)]
    by_command = command_seconds({"command": command}, turns=COMMANDS, environment=subject.environment)
    return Row(subject.name, **in_process, **by_command)


def _authority(subject: Subject, directory: Path) -> Authority:
    profile = load_profile(CA_PROFILE.format(algorithm=subject.algorithm), "benchmark.yaml", "benchmark/ca")
    wanted = CaRequest(directory=directory, profile=profile, variables={}, key=subject.key)
    return create_ca(wanted, Ports(secrets=subject.secrets))


def _signing(ca: Authority, key: IssuingKey) -> Callable[[], object]:
    message, scheme = ca.certificate.tbs, ca.certificate.scheme
    return lambda: key.signer.sign(message, scheme)


def _issuing(ca: Authority, key: IssuingKey, csr: bytes) -> Callable[[], object]:
    """Return what `Authority.issue` does, with the CA's key open from one certificate to the next."""
    profile, facts = Catalog().get(LEAF), ca.facts()

    def issue() -> None:
        request = parse_request(csr)
        verify_request(request)
        template = compile_template(profile, {}, issuer=facts, now=ca.now(), requested=request.names)
        ca.issue_template(template, request.spki, key)

    return issue


def _request() -> bytes:
    subject = distinguished_name([("cn", "www.example.com", None)])
    return sign_request(subject, (), signer=software.generate(ALGORITHMS["ecdsa-p256"]))


def _append_seconds(folder: Path) -> float:
    """Return what the disk asks for each of the several times that a certificate is made safe from a power cut."""
    with (folder / "append").open("ab", buffering=0) as file:

        def append() -> None:
            file.write(b"x" * 300)
            os.fsync(file.fileno())

        return seconds({"append": append}, turns=5)["append"]


if __name__ == "__main__":
    main()
