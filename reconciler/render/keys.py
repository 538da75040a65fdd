"""Private keys, in files and on tokens, as facts and text: where they are and what they are, nothing that is secret."""

from __future__ import annotations

from pathlib import Path
from posixpath import join, normpath
from typing import Any

from pki.keys import KeyFile
from pki.signers.base import Signer, TokenKey, spki_sha256
from reconciler.render.layout import Facts, fields

_PATHS = frozenset({"path", "passphrase_file", "config"})
"""The fields of `storage` that are paths, relative to the record."""


def file_key_facts(key: KeyFile) -> dict[str, Any]:
    return {
        "type": "private-key",
        "path": str(key.path),
        "encrypted": key.encrypted,
        "algorithm": key.algorithm and key.algorithm.name,
        "spki_sha256": key.spki_sha256,
    }


def new_file_facts(signer: Signer, path: Path, *, encrypted: bool) -> dict[str, Any]:
    return {**signer_facts(signer), "path": str(path), "encrypted": encrypted}


def signer_facts(signer: Signer) -> dict[str, Any]:
    return {"type": "private-key", "algorithm": signer.algorithm.name, "spki_sha256": spki_sha256(signer.spki)}


def token_key_facts(key: TokenKey) -> dict[str, Any]:
    return {
        "type": "token-key",
        "label": key.label,
        "key_id": key.key_id,
        "kind": key.kind,
        "algorithm": key.algorithm and key.algorithm.name,
        "can_sign": key.can_sign,
        "extractable": key.extractable,
        "sensitive": key.sensitive,
        "spki_sha256": key.spki_sha256,
    }


def list_text(facts: Facts) -> str:
    blocks = [key_text(key) for key in facts["keys"]]
    if not blocks:
        return f"No private keys found in {facts['where']}"
    return "\n\n".join([f"Private keys in {facts['where']}:", *blocks])


def key_text(facts: Facts) -> str:
    """Render one key; what its kind does not have, or does not show, has no row."""
    return fields(
        [
            ("Path", facts.get("path")),
            ("Label", facts.get("label")),
            ("ID", facts.get("key_id")),
            ("Type", facts.get("kind")),
            ("Algorithm", facts["algorithm"]),
            ("Encrypted", facts.get("encrypted")),
            ("CanSign", facts.get("can_sign")),
            ("Extractable", facts.get("extractable")),
            ("SPKI SHA-256", facts["spki_sha256"]),
        ]
    )


def generated_text(facts: Facts) -> str:
    return f"Key generated successfully!\n{key_text(facts)}"


def information_text(facts: Facts) -> str:
    return f"Private key:\n{key_text(facts)}"


def storage_facts(storage: Facts, directory: str) -> dict[str, Any]:
    """Return the `storage` object of a record in that directory, with its paths as they are seen from here."""
    return {name: normpath(join(directory, value)) if name in _PATHS else value for name, value in storage.items()}


def where(storage: Facts) -> str:
    """Return where a key is, from its `storage_facts`."""
    if storage["type"] == "software":
        return str(storage["path"])
    names = [f"label={storage['label']}"] if "label" in storage else []
    names += [f"id={storage['key_id']}"] if "key_id" in storage else []
    return f"HSM {', '.join(names)} ({storage['config']})"
