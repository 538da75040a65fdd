"""A new workspace, for `qpki init`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files as resources
from pathlib import Path

from pki.errors import AlreadyExistsError
from pki.store import files

_FILES = {
    "qpki.yaml": "qpki.yaml",
    "pki/authorities.yaml": "pki/authorities.yaml",
    "pki/credentials.yaml": "pki/credentials.yaml",
    "profiles/README.md": "profiles/README.md",
    "hsm/README.md": "hsm/README.md",
    ".gitignore": "gitignore",
    ".gitattributes": "gitattributes",
}
"""What is written, and the template that it is made of; a template with a dot would act on our own repository."""
_PLACEHOLDER = b"my-pki"


def workspace_files(name: str) -> Mapping[str, bytes]:
    """Return the files of a new workspace by their paths; `name` becomes a DNS label."""
    templates = resources("reconciler.manifest") / "templates"
    label = re.sub(r"[^a-z0-9]+", "-", name.lower())[:63].strip("-").encode() or b"pki"
    texts = {path: (templates / template).read_bytes() for path, template in _FILES.items()}
    return texts | {"qpki.yaml": texts["qpki.yaml"].replace(_PLACEHOLDER, label)}


def make_workspace(directory: Path) -> list[str]:
    """Write a new workspace into a directory, which need not exist; return the paths in it.

    Raises:
        AlreadyExistsError: one of its files is there; nothing is written.
        StoreError: a file cannot be written.
    """
    texts = workspace_files(directory.absolute().name)
    taken = [path for path in texts if files.exists(directory / path)]
    if taken:
        hint = "choose another directory; `qpki init` never writes over a file"
        raise AlreadyExistsError(f"{directory} has {' and '.join(taken)} already", hint=hint)
    for path, text in texts.items():
        files.make_directory((directory / path).parent)
        files.create(directory / path, text)
    return list(texts)
