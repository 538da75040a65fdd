"""The HSM configs that keys name: read once, told once, never used."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import relpath
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from pki.findings import DocumentError
from pki.signers.config import HsmConfig, load_config
from reconciler.kinds.desired import HsmFacts
from reconciler.manifest.reading import Place, Reading


class Hsms:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._facts: dict[str, HsmFacts] = {}
        self._refused: set[str] = set()

    @property
    def facts(self) -> Mapping[str, HsmFacts]:
        return MappingProxyType(self._facts)

    def use(self, place: Place, text: str) -> str:
        """Return the path of a config in its plain form; there is a finding when there is no sound one."""
        path = self._reading.named(place, text, "HSM config")
        if path is None:
            return PurePosixPath(text).as_posix()
        if path in self._facts or path in self._refused:
            return path
        try:
            self._facts[path] = self._of(load_config(self._reading.root / path))
        except DocumentError as error:
            self._refused.add(path)
            self._reading.take(error)
        return path

    def _of(self, config: HsmConfig) -> HsmFacts:
        return HsmFacts(
            token=config.token or config.token_serial or f"slot {config.slot}",
            pin_env=config.pin.env,
            pin_file=self._shown(config.pin.file) if config.pin.file else None,
        )

    def _shown(self, path: Path) -> str:
        root = self._reading.root
        return relpath(path, root) if path.is_relative_to(root) else str(path)
