"""Private keys in PKCS#8 files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pki.algorithms import Algorithm
from pki.errors import KeyExistsError, KeyNotFoundError, PassphraseError, PathEscapeError, PkiError, about
from pki.keyrefs import SoftwareKeyRef, shared_key_name
from pki.keys.choices import FileKey, OpenKey
from pki.ports import SecretRef, SecretSource
from pki.signers import software
from pki.signers.base import require_algorithm, spki_sha256
from pki.store import files
from pki.store.layout import KeyLayout, inside

MAX_KEY_FILE = 64 * 1024
"""Bytes; an ML-DSA or RSA-4096 key in PEM takes far less."""

_RESTORE = "restore the file from your backup"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a private key file shows without its passphrase; `algorithm` and `spki_sha256` are None when encrypted."""

    path: Path
    encrypted: bool
    algorithm: Algorithm | None = None
    spki_sha256: str | None = None


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
    secret = None if passphrase is None else secrets.read(passphrase, purpose(path))
    signer = software.generate(algorithm)
    files.create(path, signer.to_pem(secret), mode=0o600)
    return signer


def load_file_key(path: Path, *, passphrase: SecretRef | None, secrets: SecretSource) -> software.SoftwareSigner:
    """Return the key in `path`; an encrypted one without a source is asked for on the terminal."""
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
    secret = secrets.read(passphrase or SecretRef(), purpose(path)) if encrypted else None
    with about(path, hint=f"check where its passphrase comes from, or {_RESTORE}" if encrypted else _RESTORE):
        return software.load(pem, secret)


def list_file_keys(directory: Path) -> list[KeyFile]:
    """Return the private keys among the files under `directory`, by path; files that are none are passed over."""
    candidates = sorted(path for path in directory.rglob("*") if path.suffix in {".key", ".pem"} and path.is_file())
    return [key for path in candidates if (key := _key_file(path)) is not None]


def open_or_make(
    choice: FileKey, algorithm: Algorithm, *, base: Path, default: str, wanted_by: str, secrets: SecretSource
) -> OpenKey:
    """Return the key in `base / default`, made if it is not there; raises as `pki.keys.prepare` does."""
    path = inside(base, default)
    files.sweep(path.parent)
    if path.exists():
        signer = load_file_key(path, passphrase=choice.passphrase, secrets=secrets)
        with about(path):
            require_algorithm(signer, algorithm, wanted_by)
    else:
        files.make_directory(path.parent, mode=0o700)
        signer = generate_file_key(algorithm, path, passphrase=choice.passphrase, secrets=secrets)
    return OpenKey(signer, software_ref(default, choice.passphrase, base))


def software_ref(path: str, passphrase: SecretRef | None, base: Path) -> SoftwareKeyRef:
    """Return the reference, from `base`, to a key file and the source of its passphrase."""
    if passphrase is None:
        return SoftwareKeyRef(path)
    return SoftwareKeyRef(path, passphrase.env, None if passphrase.file is None else relative(passphrase.file, base))


def recorded_passphrase(ref: SoftwareKeyRef, base: Path) -> SecretRef | None:
    if ref.passphrase_env is None and ref.passphrase_file is None:
        return None
    return SecretRef(ref.passphrase_env, None if ref.passphrase_file is None else base / ref.passphrase_file)


def recorded_path(path: str, base: Path) -> Path:
    """Return where a key file is that a record in `base` names: inside `base`, or the file of a standalone key.

    Raises:
        PathEscapeError: it is neither, or a symbolic link is on the way to a standalone key.
    """
    name = shared_key_name(path)
    if name is None:
        return inside(base, path)
    folder = base.absolute().parent.parent / "key"
    found = inside(KeyLayout(folder, name).directory, "private/key.pem")
    if any(map(os.path.islink, (found, found.parent, found.parent.parent, folder))):
        raise PathEscapeError(
            f"{found} is reached by way of a symbolic link", hint="put the real directory in its place"
        )
    return found


def relative(path: Path, base: Path) -> str:
    """Return `path` as state files record it: relative to the directory that holds them, with forward slashes."""
    return Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()


def purpose(path: Path) -> str:
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
