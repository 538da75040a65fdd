"""Keys, in files and on tokens, as facts and text."""

from __future__ import annotations

from typing import Any

from pki.algorithms import Algorithm
from pki.keys import KeyFile
from pki.signers.base import Signer, TokenKey, spki_sha256
from reconciler.render.layout import Facts, fields


def file_key_facts(key: KeyFile) -> dict[str, Any]:
    return {
        "type": "private-key",
        "path": str(key.path),
        "encrypted": key.encrypted,
        **_algorithm(key.algorithm),
        "spki_sha256": key.spki_sha256,
    }


def signer_facts(signer: Signer) -> dict[str, Any]:
    return {**_algorithm(signer.algorithm), "spki_sha256": spki_sha256(signer.spki)}


def token_key_facts(key: TokenKey) -> dict[str, Any]:
    return {
        "type": "token-key",
        "label": key.label,
        "key_id": key.key_id,
        "kind": key.kind,
        **_algorithm(key.algorithm),
        "can_sign": key.can_sign,
        "extractable": key.extractable,
        "sensitive": key.sensitive,
        "spki_sha256": key.spki_sha256,
    }


def keys_text(facts: Facts) -> str:
    """Render `{"where": ..., "keys": [...]}`, keys of files or of a token."""
    blocks = [key_text(key) for key in facts["keys"]]
    if not blocks:
        return f"No private keys found in {facts['where']}."
    return "\n\n".join([f"Private keys in {facts['where']}:", *blocks])


def key_text(facts: Facts) -> str:
    """Render one key; what does not apply to its kind has no row."""
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


def _algorithm(algorithm: Algorithm | None) -> dict[str, Any]:
    return {"algorithm": algorithm and algorithm.name}
