"""HSM configuration files: which module, which token, and where its PIN comes from (`schemas/hsm.schema.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pki.documents import Document, read_document
from pki.findings import DocumentError, Finding, Severity
from pki.ports import SecretRef

DEFAULT_ID_LENGTH = 8


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
    _refuse_pin_in_env(document, settings)
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


def _refuse_pin_in_env(document: Document, settings: Mapping[str, Any]) -> None:
    """A PIN under `env` would be a PIN in YAML by the back door."""
    name = settings.get("pin_env", "")
    if name in settings.get("env", {}):
        where = document.locate(("pkcs11", "env", name), key=True)
        message = f"`env` must not set {name}: `pin_env` names it, and a PIN never stands in this file"
        finding = Finding(Severity.ERROR, "hsm.pin-in-file", message, where)
        raise DocumentError(f"{where}: {message}", [finding], hint=f"export {name} in the shell instead")
