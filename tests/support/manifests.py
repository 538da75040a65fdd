"""Workspaces that a test writes, and what a load makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pki.findings import DocumentError, Finding
from reconciler import manifest
from reconciler.kinds.desired import Manifest

ROOT_FILE = "apiVersion: qpki.io/v1\nkind: Workspace\nmetadata: {name: test}\n"


def document(kind: str, name: str, spec: str) -> str:
    """Return a resource; `spec` is YAML of any indentation, in block or flow style."""
    indented = "".join(f"  {line}\n" for line in spec.strip("\n").splitlines())
    return f"---\napiVersion: qpki.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{indented}"


def ca(name: str = "root", spec: str = "profile: ec/root-ca\nvariables: {cn: Root}") -> str:
    return document("CertificateAuthority", name, spec)


def credential(name: str = "web", more: str = "", issuer: str = "root") -> str:
    return document("Credential", name, f"issuer: {issuer}\nprofile: ec/tls-client\nvariables: {{cn: {name}}}\n{more}")


def settings(spec: str) -> str:
    return document("Workspace", "test", spec)


def workspace(root: Path, *documents: str, **files: str) -> Path:
    """Write a workspace: documents go to `pki/all.yaml`, the first of them to `qpki.yaml` if it is the Workspace.

    A file is named by its path with `__` for `/`, `_dot_` for `.` and `_dash_` for `-`.
    """
    own = documents[:1] if documents and "kind: Workspace" in documents[0] else (ROOT_FILE,)
    rest = documents[1:] if own == documents[:1] else documents
    written = {"qpki.yaml": "".join(own), "pki/all.yaml": "".join(rest)}
    for name, text in files.items():
        written[name.replace("__", "/").replace("_dot_", ".").replace("_dash_", "-")] = text
    for path, text in written.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def load(root: Path, *documents: str, **files: str) -> Manifest:
    return manifest.load(workspace(root, *documents, **files))


def refusal(root: Path, *, thorough: bool = False) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        manifest.load(root, thorough=thorough)
    return caught.value


def refused(root: Path, *documents: str, thorough: bool = False, **files: str) -> list[Finding]:
    """Return all that is wrong with a workspace, which must be something."""
    return list(refusal(workspace(root, *documents, **files), thorough=thorough).findings)


def codes(findings: list[Finding]) -> list[tuple[str, str]]:
    """Return the place and the code of each finding."""
    return [(str(finding.where), finding.code) for finding in findings]
