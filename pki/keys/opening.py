"""Opening a key that is chosen, or that state refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pki.algorithms import Algorithm
from pki.errors import KeyAccessError, KeyMismatchError, about
from pki.keyrefs import KeyRef, SoftwareKeyRef, TokenKeyRef, shared_key_name
from pki.keys.choices import FileKey, KeyChoice, OpenKey, SharedKey
from pki.keys.keyfiles import (
    load_file_key,
    open_or_make,
    purpose,
    recorded_passphrase,
    recorded_path,
    relative,
    software_ref,
)
from pki.keys.tokenkeys import open_token, prepare_on_token
from pki.ports import SecretRef, SecretSource
from pki.signers.base import Signer, require_algorithm, spki_sha256
from pki.store import meta
from pki.store.layout import KeyLayout, inside


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
            secrets.read(choice.passphrase, purpose(inside(base, default)))
        yield lambda: open_or_make(choice, algorithm, base=base, default=default, wanted_by=wanted_by, secrets=secrets)
    elif isinstance(choice, SharedKey):
        with _shared(choice, algorithm, base=base, wanted_by=wanted_by, secrets=secrets) as key:
            yield lambda: key
    else:
        with prepare_on_token(choice, algorithm, base=base, wanted_by=wanted_by, secrets=secrets) as make_key:
            yield make_key


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
        path = recorded_path(ref.path, base)
        signer = load_file_key(path, passphrase=passphrase or recorded_passphrase(ref, base), secrets=secrets)
        if pin_spki is not None and spki_sha256(signer.spki) != pin_spki:
            raise KeyMismatchError(
                f"{path} holds another key than the one on record (SPKI SHA-256 {pin_spki[:16]}...)",
                hint="restore the key file; nothing was signed",
            )
        yield signer
        return
    with open_token(base / ref.config, secrets) as token:
        yield token.signer(label=ref.label, key_id=ref.key_id, spki_sha256=pin_spki)


@contextmanager
def _shared(
    choice: SharedKey, algorithm: Algorithm, *, base: Path, wanted_by: str, secrets: SecretSource
) -> Iterator[OpenKey]:
    layout = KeyLayout(choice.directory.parent, choice.directory.name)
    record = meta.load_key(layout.meta)
    ref = _seen_from(base, record.storage, layout.directory)
    with open_signer(record.storage, base=layout.directory, secrets=secrets, pin_spki=record.spki_sha256) as signer:
        with about(layout.meta):
            require_algorithm(signer, algorithm, wanted_by)
        yield OpenKey(signer, ref)


def _seen_from(base: Path, storage: KeyRef, directory: Path) -> KeyRef:
    """Return the reference from `base` to what a record in `directory` refers to.

    Raises:
        KeyAccessError: it is a file that a holder in `base` may not refer to.
    """
    if isinstance(storage, TokenKeyRef):
        return TokenKeyRef(relative(directory / storage.config, base), storage.label, storage.key_id)
    path = relative(inside(directory, storage.path), base)
    if shared_key_name(path) is None:
        raise KeyAccessError(
            f"the key file of {directory} cannot be used from {base}",
            hint="keys are shared within one state directory: key/NAME with ca/NAME and credential/NAME",
        )
    return software_ref(path, recorded_passphrase(storage, directory), base)
