"""HSM configuration files: which module, which token, and where its PIN comes from (`schemas/hsm.schema.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pki.documents import Document, read_document, refusal
from pki.findings import Finding, Severity
from pki.ports import SecretRef

DEFAULT_ID_LENGTH = 8

_SECRETS = frozenset({"PIN", "PASSWORD", "PASSPHRASE"})
"""Words in the name of a variable that holds a secret."""


@dataclass(frozen=True, slots=True)
class HsmConfig:
    """One valid configuration.

    `token`, `token_serial` and `slot` are what the token must answer to, all of them that are not None. `lib` is
    absolute. `mechanisms` maps a scheme's name to `prehash` or `hash-and-sign`; `id_length` counts bytes.
    """

    path: Path
    lib: Path
    token: str | None = None
    token_serial: str | None = None
    slot: int | None = None
    pin: SecretRef = field(default_factory=SecretRef)
    logout_after_use: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    mechanisms: Mapping[str, str] = field(default_factory=dict)
    id_length: int = DEFAULT_ID_LENGTH

    def __str__(self) -> str:
        names = {"label": self.token, "serial": self.token_serial, "slot": self.slot}
        return "token with " + " and ".join(f"{what} {name!r}" for what, name in names.items() if name is not None)


def load_config(path: Path) -> HsmConfig:
    """Read a configuration; its relative paths start at the folder that holds it.

    Raises:
        DocumentError: it cannot be read or is not valid; with every finding.
    """
    document = read_document(path, "hsm")
    settings: Mapping[str, Any] = document.data["pkcs11"]
    _refuse_secrets_in_env(document, settings)
    folder = path.absolute().parent
    pin_file = settings.get("pin_file")
    return HsmConfig(
        path=path,
        lib=folder / settings["lib"],
        token=settings.get("token"),
        token_serial=settings.get("token_serial"),
        slot=settings.get("slot"),
        pin=SecretRef(env=settings.get("pin_env"), file=folder / pin_file if pin_file else None),
        logout_after_use=settings.get("logout_after_use", False),
        env=settings.get("env", {}),
        mechanisms=settings.get("mechanisms", {}),
        id_length=settings.get("id_length", DEFAULT_ID_LENGTH),
    )


def _refuse_secrets_in_env(document: Document, settings: Mapping[str, Any]) -> None:
    """A secret under `env` would be a PIN in YAML by the back door."""
    secret = [name for name in settings.get("env", {}) if name == settings.get("pin_env") or _names_a_secret(name)]
    if secret:
        hint = f"export {secret[0]} in the shell instead, or use pin_env, pin_file or the prompt"
        raise refusal(document.source, [_secret_in_file(document, name) for name in secret], hint=hint)


def _names_a_secret(variable: str) -> bool:
    return not _SECRETS.isdisjoint(variable.upper().split("_"))


def _secret_in_file(document: Document, name: str) -> Finding:
    message = f"`env` must not set {name}: a PIN, password or passphrase never stands in this file"
    return Finding(Severity.ERROR, "hsm.pin-in-file", message, document.locate(("pkcs11", "env", name), key=True))
