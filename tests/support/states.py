"""Real state in a workspace, made by the library: a root, an issuing CA below it, a credential and a standalone key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pki.authority import Authority, CaRequest, create_ca
from pki.credentials import EnrollRequest, enroll
from pki.findings import Location
from pki.keyrefs import SoftwareKeyRef
from pki.keys import FileKey
from pki.ports import Ports
from pki.store import files, meta
from pki.store.layout import KeyLayout
from reconciler.kinds.workspace import WorkspaceSpec
from reconciler.observe import observe
from reconciler.snapshot import Fault, Generation, ObservedCredential, Snapshot
from tests.support.issue import CATALOG, NOW, PORTS

WORKSPACE = WorkspaceSpec("test", Location("qpki.yaml"))
URLS = meta.CaUrls(crl=("http://pki.example.com/issuing.crl",))
WEB = {"cn": "www.example.com", "dns_names": ["www.example.com"]}


@dataclass(frozen=True)
class State:
    """A workspace; only its state is there."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> State:
        state = cls(root)
        above = state.add_ca("root", "ec/root-ca")
        issuing = state.add_ca("issuing", "ec/issuing-ca", above, urls=URLS)
        state.enroll(issuing, "web")
        for authority in (above, issuing):
            authority.generate_crl()
        state.add_key("spare")
        return state

    def copy(self, root: Path) -> State:
        shutil.copytree(self.root, root, symlinks=True)
        return State(root)

    def path(self, relative: str) -> Path:
        return self.root / "state" / relative

    def add_ca(self, name: str, profile: str, parent: Authority | None = None, **choices: Any) -> Authority:
        variables = {"cn": f"Test {name.partition('.')[0]}"}
        request = CaRequest(
            directory=self.path(f"ca/{name}"),
            profile=CATALOG.get(profile),
            variables=variables,
            key=FileKey(),
            parent=parent,
        )
        return create_ca(replace(request, **choices), PORTS)

    def ca(self, name: str, now: datetime = NOW) -> Authority:
        return Authority.open(self.path(f"ca/{name}"), Ports(secrets=PORTS.secrets, clock=lambda: now))

    def enroll(self, authority: Authority, name: str, *profiles: str) -> None:
        wanted = [CATALOG.get(profile) for profile in profiles or ["ec/tls-server"]]
        request = EnrollRequest(
            directory=self.path("credential"), profiles=wanted, variables=WEB, key=FileKey(), id=name
        )
        enroll(authority, request)

    def add_key(self, name: str) -> None:
        layout = KeyLayout(self.path("key"), name)
        files.make_directory(layout.directory)
        record = meta.KeyMeta(
            id=name,
            algorithm="ecdsa-p256",
            created=NOW,
            storage=SoftwareKeyRef("private/key.pem"),
            spki_sha256="0" * 64,
        )
        files.write(layout.meta, meta.dump(record))

    def edit(self, relative: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Change a JSON file by hand."""
        path = self.path(relative)
        data = json.loads(path.read_bytes())
        change(data)
        path.write_text(json.dumps(data), encoding="utf-8")

    def observe(self) -> Snapshot:
        return observe(self.root, WORKSPACE)

    def generation(self, name: str) -> Generation:
        found = self.observe().generation(name)
        assert found is not None
        return found

    def credential(self, name: str = "web") -> ObservedCredential:
        return self.observe().credentials[name]


def told(faults: tuple[Fault, ...]) -> list[tuple[str, str, bool]]:
    """Return (path below state, detail, mendable) of each fault."""
    return [(fault.path.removeprefix("state/"), fault.detail, fault.mendable) for fault in faults]
