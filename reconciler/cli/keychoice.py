"""The options that choose a key, in a file or on a token, as the library wants them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.inputs import only_one, refuse_without

if TYPE_CHECKING:
    from pki.keyrefs import KeyRef
    from pki.keys import KeyChoice, TokenKeyChoice
    from pki.ports import SecretRef, SecretSource
    from pki.signers.pkcs11 import PkcsSigner
    from pki.signers.software import SoftwareSigner

    OpenKey = Callable[[SecretSource], AbstractContextManager[SoftwareSigner | PkcsSigner]]


def passphrase(passphrase_env: str | None, passphrase_file: Path | None) -> SecretRef | None:
    """Return where a passphrase comes from, or None when no source is named."""
    return _secret(passphrase_env, passphrase_file, "--passphrase")


def ca_passphrase(ca_passphrase_env: str | None, ca_passphrase_file: Path | None) -> SecretRef | None:
    return _secret(ca_passphrase_env, ca_passphrase_file, "--ca-passphrase")


def key_choice(
    *,
    hsm_config: Path | None,
    key_label: str | None,
    key_id: str | None,
    generate_key: bool | None,
    passphrase_env: str | None,
    passphrase_file: Path | None,
    by_default: bool,
) -> KeyChoice:
    """Return which key to use or make; `by_default` says whether a token makes one when nobody says."""
    from pki.keys import FileKey

    secret = passphrase(passphrase_env, passphrase_file)
    if hsm_config is not None:
        generate = by_default if generate_key is None else generate_key
        return token_key(hsm_config, key_label, key_id, secret, generate=generate)
    refuse_without("--hsm-config", {"--key-label": key_label, "--key-id": key_id, "--generate-key": generate_key})
    return FileKey(secret)


def existing_key(
    *,
    file: Path | None,
    hsm_config: Path | None,
    key_label: str | None,
    key_id: str | None,
    passphrase_env: str | None,
    passphrase_file: Path | None,
) -> OpenKey:
    """Return what opens a key that is there, in a file or on a token, for a `with` block."""
    only_one({"FILE": file, "--hsm-config": hsm_config})
    return open_key(file, hsm_config, key_label, key_id, passphrase(passphrase_env, passphrase_file))


def open_key(
    file: Path | None, hsm_config: Path | None, label: str | None, key_id: str | None, secret: SecretRef | None
) -> OpenKey:
    from pki import keys

    if file is None:
        return functools.partial(_open_on_token, token_key(hsm_config, label, key_id, secret))
    refuse_without("--hsm-config", {"--key-label": label, "--key-id": key_id})
    return lambda secrets: nullcontext(keys.load_file_key(file, passphrase=secret, secrets=secrets))


def token_key(
    hsm_config: Path | None, label: str | None, key_id: str | None, secret: SecretRef | None, *, generate: bool = False
) -> TokenKeyChoice:
    """Return a choice that names a key; without a label or id there is none to find, without a label none to make."""
    from pki.keys import TokenKeyChoice

    if hsm_config is None:
        raise click.UsageError("which key? Name a file, or a token with --hsm-config")
    if secret is not None:
        raise click.UsageError(
            "a key on a token has a PIN, not a passphrase: drop --passphrase-env and --passphrase-file"
        )
    if label is None and (generate or key_id is None):
        raise click.UsageError(
            f"which key on the token? Add {'--key-label' if generate else '--key-label or --key-id'}"
        )
    return TokenKeyChoice(hsm_config, label, key_id, generate)


def plain_keys(base: Path, refs: Iterable[KeyRef]) -> list[Path]:
    """Return the key files among these, recorded relative to `base`, that have no passphrase."""
    from pki.keyrefs import SoftwareKeyRef

    software = [ref for ref in refs if isinstance(ref, SoftwareKeyRef)]
    return [base / ref.path for ref in software if ref.passphrase_env is None and ref.passphrase_file is None]


def _secret(env: str | None, file: Path | None, option: str) -> SecretRef | None:
    only_one({f"{option}-env": env, f"{option}-file": file})
    if env is None and file is None:
        return None
    from pki.ports import SecretRef

    return SecretRef(env=env, file=file)


@contextmanager
def _open_on_token(choice: TokenKeyChoice, secrets: SecretSource) -> Iterator[PkcsSigner]:
    from pki import keys

    with keys.open_token(choice.config, secrets) as token:
        yield token.signer(label=choice.label, key_id=choice.key_id)
