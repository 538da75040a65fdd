"""Files that `--out` and `--keyout` name: what is there is replaced whole, but never what could not be had again."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import click

from reconciler.cli.types import Parsed

_LEVELS = 3
"""Where a file's CA or credential is looked for: in its directory, and in the two above."""


def output_file(text: str) -> Path:
    """Return a path that can be written.

    It is checked while the options are read, because afterwards a certificate would be issued before the failure.
    """
    path = Path(text)
    if reason := _objection(path):
        raise ValueError(reason)
    return path


def write(path: Path, data: bytes) -> None:
    """Write an artifact to the file that an option named; what it may replace is checked again, now that it does.

    Raises:
        StoreError: it must not be replaced by now, or cannot be written.
    """
    from pki.errors import StoreError
    from pki.store import files

    if reason := _objection(path):
        raise StoreError(reason, hint="it was left as it is; choose another name")
    files.write(path, data)


def require_own(context: click.Context) -> None:
    """Refuse a command line that names one file twice, once to write it: one would destroy the other.

    Raises:
        UsageError: it does.
    """
    params = context.command.params
    for output, other in product([param for param in params if param.type is OUTPUT_FILE], params):
        if other is not output and _places(context, output) & _places(context, other):
            names = " and ".join(sorted(param.get_error_hint(context) for param in (output, other)))
            raise click.UsageError(f"{names} name the same file", context)


def _places(context: click.Context, param: click.Parameter) -> set[str]:
    value = context.params.get(param.name or "")
    values = value if isinstance(value, tuple) else (value,)
    return {os.path.realpath(each) for each in values if isinstance(each, Path)}


def _objection(path: Path) -> str | None:
    """Say why a file must not, or cannot, be written there."""
    shown = repr(str(path))
    if not path.parent.is_dir():
        return f"there is no directory {str(path.parent)!r}"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return f"{shown} is no ordinary file"  # and must not become one: think of /dev/null
    if path.exists() and _holds_private_key(path):
        return f"{shown} holds a private key, which is never overwritten"
    if owner := _owner(path):
        return f"{shown} belongs to {owner}, where nothing else is written"
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return f"cannot write {shown}: its directory is read-only"
    return None


def _holds_private_key(path: Path) -> bool:
    from pki.store import files

    return any(b"PRIVATE KEY-----" in block for block in files.blocks(path))


def _owner(path: Path) -> str | None:
    """Return the CA or credential that the file is part of, or would be.

    A new file of another name is part of none: people keep requests and certificates beside a CA's own files.
    """
    real = Path(os.path.realpath(path))
    for directory in real.parents[:_LEVELS]:
        for record, (kind, own) in _layouts().items():
            if os.access(directory / record, os.F_OK):
                first, *_ = real.relative_to(directory).parts
                return f"the {kind} in {directory}" if path.exists() or first in own else None
    return None


def _layouts() -> dict[str, tuple[str, frozenset[str]]]:
    """Return what a record says that its directory is, and the names there that mean something, by its name."""
    from pki.store.layout import CaLayout, CredentialLayout

    ca, credential = CaLayout(Path("ca")), CredentialLayout(Path(), "id")
    files = (credential.meta, credential.certificate, credential.chain, credential.full_chain, credential.private)
    return {
        ca.meta.name: ("CA", CaLayout.UNCOMMITTED | {ca.meta.name, ca.crl_der.parent.name}),
        credential.meta.name: ("credential", frozenset({".gitignore", ".lock", *(file.name for file in files)})),
    }


OUTPUT_FILE = Parsed("file", output_file)
