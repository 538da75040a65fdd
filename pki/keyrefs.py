"""Where a private key lives, as state files record it: a PKCS#8 file or an object on a PKCS#11 token.

The JSON shapes are the `storage` objects of `ca.meta.json` and `credential.meta.json`. Paths are kept as written,
relative to the file that holds them; whoever opens the key resolves them. Names of secrets are recorded, secrets never.

A key file is below the directory of its holder's record, with one exception: a holder in `ca/NAME` or `credential/NAME`
of a state directory may use the key of a standalone key beside it, `../../key/NAME/private/key.pem`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pki.errors import StateCorruptError

_SHARED = re.compile(r"\.\./\.\./key/([A-Za-z0-9_][A-Za-z0-9._-]*)/private/key\.pem")


@dataclass(frozen=True, slots=True)
class SoftwareKeyRef:
    """A PKCS#8 PEM file."""

    path: str
    passphrase_env: str | None = None
    passphrase_file: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return _present(
            type="software", path=self.path, passphrase_env=self.passphrase_env, passphrase_file=self.passphrase_file
        )

    def __str__(self) -> str:
        return f"file {self.path}"


@dataclass(frozen=True, slots=True)
class TokenKeyRef:
    """A key on a token: the HSM config that finds the token, the label (CKA_LABEL) and the id (CKA_ID, hex)."""

    config: str
    label: str | None = None
    key_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return _present(type="pkcs11", config=self.config, label=self.label, key_id=self.key_id)

    def __str__(self) -> str:
        names = [f'label "{self.label}"'] if self.label is not None else []
        names += [f"id {self.key_id}"] if self.key_id is not None else []
        return f"key with {' and '.join(names)} in {self.config}"


KeyRef = SoftwareKeyRef | TokenKeyRef


def key_ref(storage: Mapping[str, Any]) -> KeyRef:
    """Return the reference that a `storage` object describes.

    Raises:
        StateCorruptError: the type is unknown or a field is missing.
    """
    match storage.get("type"):
        case "software" if isinstance(storage.get("path"), str):
            return SoftwareKeyRef(storage["path"], storage.get("passphrase_env"), storage.get("passphrase_file"))
        case "pkcs11" if isinstance(storage.get("config"), str) and (storage.get("label") or storage.get("key_id")):
            return TokenKeyRef(storage["config"], storage.get("label"), storage.get("key_id"))
        case kind:
            raise StateCorruptError(f"a key's storage of type {kind!r} is unknown or lacks a field")


def shared_key_name(path: str) -> str | None:
    """Return the name of the standalone key whose file a recorded path is; None when it is a file of the holder."""
    found = _SHARED.fullmatch(path)
    return found[1] if found else None


def is_own_path(path: str) -> bool:
    """Say whether a recorded path can be of a key file of its holder, or of the standalone key that it uses."""
    pure = PurePosixPath(path)
    return shared_key_name(path) is not None or not (pure.is_absolute() or ".." in pure.parts)


def _present(**fields: str | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
