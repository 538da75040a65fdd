"""A command line with a fixed clock, and a small PKI made by it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cli import Cli


@dataclass(frozen=True)
class World:
    """A root, an issuing CA under it, a server key with its CSR, and the certificate for it."""

    cli: Cli
    home: Path

    @property
    def root(self) -> Path:
        return self.home / "root-ca"

    @property
    def issuing(self) -> Path:
        return self.home / "issuing-ca"

    @property
    def key(self) -> Path:
        return self.home / "server.key"

    @property
    def csr(self) -> Path:
        return self.home / "server.csr"

    @property
    def crt(self) -> Path:
        return self.home / "server.crt"

    def blank(self, text: str) -> str:
        """Replace what differs from run to run: the directory, and hashes of keys and signatures."""
        return re.sub(r"\b[0-9A-Fa-f]{40,64}\b", "<hash>", text.replace(str(self.home), "."))


@pytest.fixture
def cli() -> Cli:
    return Cli()


@pytest.fixture
def world(cli: Cli, tmp_path: Path) -> World:
    made = World(cli, tmp_path)
    cli.ok("ca", "init", "-P", "ec/root-ca", "--var", "cn=Root", "-d", made.root)
    cli.ok("ca", "init", "-P", "ec/issuing-ca", "--var", "cn=Issuing", "-d", made.issuing, "--parent", made.root)
    cli.ok("csr", "gen", "--keyout", made.key, "--cn", "a.example.com", "--dns", "a.example.com", "--out", made.csr)
    cli.ok("cert", "issue", "-d", made.issuing, "-P", "ec/tls-server", "--csr", made.csr, "--out", made.crt)
    return made
