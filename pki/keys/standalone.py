"""Keys that stand alone, each in a directory with its record: before a certificate, or shared by several holders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pki.algorithms import Algorithm
from pki.errors import AlreadyExistsError, KeyAccessError, KeyMismatchError
from pki.keys.choices import FileKey, KeyChoice, OpenKey, SharedKey, TokenKeyChoice
from pki.keys.opening import prepare
from pki.ports import Ports
from pki.signers.base import spki_sha256
from pki.store import files, meta
from pki.store.layout import GITIGNORE, KeyLayout, inside
from pki.store.meta import KeyMeta

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process that makes the same key; RSA-4096 in a slow token takes less."""


def create_key(
    layout: KeyLayout,
    algorithm: Algorithm,
    choice: KeyChoice,
    ports: Ports,
    *,
    prevent_destroy: bool = False,
) -> KeyMeta:
    """Make a key, or take the one that a killed run made, then write the record that makes it exist.

    Raises:
        AlreadyExistsError: there is a key of that name; it is left as it is.
        KeyMismatchError, KeyAccessError, SecretError: as for `prepare`; no record is written.
    """
    if isinstance(choice, SharedKey):
        raise KeyAccessError(
            f"key {layout.id} cannot be another standalone key", hint="whoever uses it can use the other one itself"
        )
    return _record(layout, algorithm, choice, ports, pin=None, prevent_destroy=prevent_destroy)


def adopt_key(
    layout: KeyLayout,
    algorithm: Algorithm,
    choice: TokenKeyChoice,
    ports: Ports,
    *,
    spki: str | None = None,
    prevent_destroy: bool = False,
) -> KeyMeta:
    """Record a key that is on a token. `spki` is the SHA-256 in hex that its SubjectPublicKeyInfo must have.

    Raises:
        AlreadyExistsError: there is a key of that name; it is left as it is.
        KeyNotFoundError, KeyAmbiguousError: not exactly one key answers to the choice.
        KeyMismatchError: one does, but it is not an `algorithm` key, or not the one that `spki` says.
    """
    found = TokenKeyChoice(choice.config, choice.label, choice.key_id)
    return _record(layout, algorithm, found, ports, pin=spki, prevent_destroy=prevent_destroy)


def _record(
    layout: KeyLayout,
    algorithm: Algorithm,
    choice: FileKey | TokenKeyChoice,
    ports: Ports,
    *,
    pin: str | None,
    prevent_destroy: bool,
) -> KeyMeta:
    _require_free(layout)
    with prepare(
        choice,
        algorithm,
        base=layout.directory,
        default="private/key.pem",
        wanted_by=f"key {layout.id}",
        secrets=ports.secrets,
    ) as make_key:
        if pin is not None:
            _require_pin(make_key(), pin)  # it is there already: opening it makes nothing
        with _exclusive(layout):
            _require_free(layout)
            files.write(inside(layout.directory, ".gitignore"), GITIGNORE)
            key = make_key()
            record = KeyMeta(
                id=layout.id,
                algorithm=algorithm.name,
                created=ports.clock(),
                storage=key.ref,
                spki_sha256=spki_sha256(key.signer.spki),
                prevent_destroy=prevent_destroy,
            )
            files.write(layout.meta, meta.dump(record))
    return meta.load_key(layout.meta)


@contextmanager
def _exclusive(layout: KeyLayout) -> Iterator[None]:
    files.make_directory(layout.directory, mode=0o700)
    with files.locked(inside(layout.directory, ".lock"), timeout=LOCK_TIMEOUT):
        files.sweep(layout.directory)
        yield


def _require_free(layout: KeyLayout) -> None:
    if files.exists(layout.meta):
        raise AlreadyExistsError(f"key {layout.id} exists in {layout.root}", hint="choose another name")


def _require_pin(key: OpenKey, pin: str) -> None:
    found = spki_sha256(key.signer.spki)
    if found != pin.lower():
        raise KeyMismatchError(
            f"{key.ref} is another key than expected: the SHA-256 of its public half is {found}",
            hint="check the label and id, and that it is the right token; nothing was recorded",
        )
