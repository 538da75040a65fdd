"""Which key is meant, and what it is once it is open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pki.keyrefs import KeyRef
from pki.ports import SecretRef
from pki.signers.base import Signer


@dataclass(frozen=True, slots=True)
class FileKey:
    """A key in a PKCS#8 file at the holder's usual place, made when it is not there; plain without a passphrase."""

    passphrase: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class TokenKeyChoice:
    """A key on a token, found by label, id or both, or generated under them.

    `adopt`, with `generate` and both names: the key that has this label and this id is used if it is there, because an
    earlier run made it and died before it could record it.
    """

    config: Path
    label: str | None = None
    key_id: str | None = None
    generate: bool = False
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class SharedKey:
    """The standalone key whose `key.meta.json` is in `directory`; it is found there, never made."""

    directory: Path


KeyChoice = FileKey | TokenKeyChoice | SharedKey


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A key ready to sign, and the reference that finds it again from the directory it was opened for."""

    signer: Signer
    ref: KeyRef
