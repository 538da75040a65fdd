"""Keys by reference: make them, open them, list them, wherever they live.

Files and tokens meet here and nowhere above: callers choose a `FileKey` or a `TokenKeyChoice`, get a `Signer`, and
record the `KeyRef` that finds it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pki.algorithms import Algorithm
from pki.errors import KeyExistsError, KeyMismatchError, KeyNotFoundError, PassphraseError, PkiError, about
from pki.keyrefs import KeyRef, SoftwareKeyRef, TokenKeyRef
from pki.ports import SecretRef, SecretSource
from pki.signers import software
from pki.signers.base import Signer, TokenKey, require_algorithm, spki_sha256
from pki.store import files, layout

if TYPE_CHECKING:
    from pki.signers.pkcs11 import PkcsToken

MAX_KEY_FILE = 64 * 1024
"""Bytes; an ML-DSA or RSA-4096 key in PEM takes far less."""

_RESTORE = "restore the file from your backup"


@dataclass(frozen=True, slots=True)
class FileKey:
    """A key in a PKCS#8 file at the holder's usual place, made when it is not there; plain without a passphrase."""

    passphrase: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class TokenKeyChoice:
    """A key on a token, found by label, id or both, or generated under them."""

    config: Path
    label: str | None = None
    key_id: str | None = None
    generate: bool = False


KeyChoice = FileKey | TokenKeyChoice


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A key ready to sign, and the reference that finds it again from the directory it was opened for."""

    signer: Signer
    ref: KeyRef


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a private key file shows without its passphrase; `algorithm` and `spki_sha256` are None when encrypted."""

    path: Path
    encrypted: bool
    algorithm: Algorithm | None = None
    spki_sha256: str | None = None


@contextmanager
def prepare(
    choice: KeyChoice, algorithm: Algorithm, *, base: Path, default: str, wanted_by: str, secrets: SecretSource
) -> Iterator[Callable[[], OpenKey]]:
    """Give a function that opens the chosen key, making it first where that is asked for, for use in the block.

    Until it is called nothing is made, so that a wrong PIN, an unset variable or the wrong key leave nothing behind. It
    returns an `algorithm` key or raises. `base`, which need not exist yet, is the directory that references are
    relative to; `default` is the key file's usual path in it. A key file that a crashed run left there is used, never
    overwritten.

    Raises:
        KeyMismatchError: there is a key, of another type or size; `wanted_by` says who asked for this one.
        KeyAccessError: it cannot be opened or made.
        SecretError: its PIN or passphrase cannot be had.
    """
    if isinstance(choice, FileKey):
        if choice.passphrase is not None:
            secrets.read(choice.passphrase, _purpose(layout.inside(base, default)))
        yield lambda: _file_key(choice, algorithm, base=base, default=default, wanted_by=wanted_by, secrets=secrets)
        return
    with open_token(choice.config, secrets) as token:
        if choice.generate:
            token.require_room(algorithm, label=_required_label(choice), key_id=choice.key_id)
            yield lambda: _new_token_key(token, choice, algorithm, base)
            return
        signer = token.signer(label=choice.label, key_id=choice.key_id)
        require_algorithm(signer, algorithm, wanted_by)
        key = OpenKey(signer, TokenKeyRef(relative(choice.config, base), choice.label, choice.key_id))
        yield lambda: key


@contextmanager
def open_signer(
    ref: KeyRef,
    *,
    base: Path,
    secrets: SecretSource,
    pin_spki: str | None = None,
    passphrase: SecretRef | None = None,
) -> Iterator[Signer]:
    """Open the key that state refers to; `passphrase` overrides the source that `ref` names.

    Raises:
        KeyMismatchError: the key's public half has another SHA-256 than `pin_spki`.
        KeyAccessError: it cannot be opened.
    """
    if isinstance(ref, SoftwareKeyRef):
        path = layout.inside(base, ref.path)
        signer = _load_file(path, passphrase or recorded_passphrase(ref, base), secrets)
        if pin_spki is not None and spki_sha256(signer.spki) != pin_spki:
            raise KeyMismatchError(
                f"{path} holds another key than the one on record (SPKI SHA-256 {pin_spki[:16]}...)",
                hint="restore the key file; nothing was signed",
            )
        yield signer
        return
    with open_token(base / ref.config, secrets) as token:
        yield token.signer(label=ref.label, key_id=ref.key_id, spki_sha256=pin_spki)


def generate_file_key(
    algorithm: Algorithm, path: Path, *, passphrase: SecretRef | None, secrets: SecretSource
) -> software.SoftwareSigner:
    """Make a key and write it to `path`, mode 0600, encrypted when a passphrase source is given.

    Raises:
        KeyExistsError: something is at `path`; it is left as it is.
        SecretError: the source gives nothing; no key is made.
    """
    if path.exists():
        raise KeyExistsError(f"{path} exists", hint="a key is never overwritten: choose another path")
    secret = None if passphrase is None else secrets.read(passphrase, _purpose(path))
    signer = software.generate(algorithm)
    files.create(path, signer.to_pem(secret), mode=0o600)
    return signer


def load_file_key(path: Path, *, passphrase: SecretRef | None, secrets: SecretSource) -> software.SoftwareSigner:
    """Return the key in `path`; an encrypted one without a source is asked for on the terminal."""
    return _load_file(path, passphrase, secrets)


def generate_token_key(
    algorithm: Algorithm, config: Path, *, label: str, key_id: str | None, secrets: SecretSource
) -> TokenKey:
    """Make a key on the token that `config` finds; raises as `Token.generate` does."""
    with open_token(config, secrets) as token:
        return token.generate(algorithm, label=label, key_id=key_id)


def list_token_keys(config: Path, secrets: SecretSource) -> Sequence[TokenKey]:
    with open_token(config, secrets) as token:
        return token.keys()


def list_file_keys(directory: Path) -> list[KeyFile]:
    """Return the private keys among the files under `directory`, by path; files that are none are passed over."""
    candidates = sorted(path for path in directory.rglob("*") if path.suffix in {".key", ".pem"} and path.is_file())
    return [key for path in candidates if (key := _key_file(path)) is not None]


def open_token(config: Path, secrets: SecretSource) -> PkcsToken:
    """Open the token that an HSM config file finds, logged in, for a `with` block."""
    from pki.signers import config as hsm_config  # noqa: PLC0415 - a run without a token never loads the PKCS#11 side
    from pki.signers import pkcs11  # noqa: PLC0415 - the same

    return pkcs11.open_token(hsm_config.load_config(config), secrets)


def relative(path: Path, base: Path) -> str:
    """Return `path` as state files record it: relative to the directory that holds them, with forward slashes."""
    return Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()


def recorded_passphrase(ref: SoftwareKeyRef, base: Path) -> SecretRef | None:
    if ref.passphrase_env is None and ref.passphrase_file is None:
        return None
    return SecretRef(ref.passphrase_env, None if ref.passphrase_file is None else base / ref.passphrase_file)


def _file_key(
    choice: FileKey, algorithm: Algorithm, *, base: Path, default: str, wanted_by: str, secrets: SecretSource
) -> OpenKey:
    path = layout.inside(base, default)
    files.sweep(path.parent)
    signer: Signer
    if path.exists():
        signer = _load_file(path, choice.passphrase, secrets)
        with about(path):
            require_algorithm(signer, algorithm, wanted_by)
    else:
        files.make_directory(path.parent, mode=0o700)
        signer = generate_file_key(algorithm, path, passphrase=choice.passphrase, secrets=secrets)
    source = choice.passphrase
    file = None if source is None or source.file is None else relative(source.file, base)
    return OpenKey(signer, SoftwareKeyRef(default, source.env if source else None, file))


def _new_token_key(token: PkcsToken, choice: TokenKeyChoice, algorithm: Algorithm, base: Path) -> OpenKey:
    made = token.generate(algorithm, label=_required_label(choice), key_id=choice.key_id)
    signer = token.signer(label=made.label, key_id=made.key_id, spki_sha256=made.spki_sha256)
    return OpenKey(signer, TokenKeyRef(relative(choice.config, base), made.label, made.key_id))


def _load_file(path: Path, passphrase: SecretRef | None, secrets: SecretSource) -> software.SoftwareSigner:
    if not path.exists():
        raise KeyNotFoundError(f"private key {path} is not there", hint=_RESTORE)
    pem = files.read(path, limit=MAX_KEY_FILE)
    with about(path, hint=_RESTORE):
        encrypted = software.is_encrypted(pem)
    if not encrypted and passphrase is not None:
        raise PassphraseError(
            f"{path} is not encrypted, but a passphrase is named for it",
            hint="a key that should be encrypted and is not may have been replaced; nothing was signed",
        )
    secret = secrets.read(passphrase or SecretRef(), _purpose(path)) if encrypted else None
    with about(path, hint=f"check where its passphrase comes from, or {_RESTORE}" if encrypted else _RESTORE):
        return software.load(pem, secret)


def _purpose(path: Path) -> str:
    """Return what a prompt for the passphrase of a key file says."""
    return f"{'' if path.exists() else 'new '}passphrase of {path}"


def _key_file(path: Path) -> KeyFile | None:
    try:
        pem = files.read(path, limit=MAX_KEY_FILE)
        if b"PRIVATE KEY-----" not in pem:
            return None
        if software.is_encrypted(pem):
            return KeyFile(path, encrypted=True)
        signer = software.load(pem, None)
    except PkiError:
        return None
    return KeyFile(path, encrypted=False, algorithm=signer.algorithm, spki_sha256=spki_sha256(signer.spki))


def _required_label(choice: TokenKeyChoice) -> str:
    if choice.label is None:
        raise KeyNotFoundError("a new key on a token needs a label", hint="add --key-label")
    return choice.label
