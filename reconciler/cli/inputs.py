"""Option values as the library wants them; combinations that make no sense are usage errors here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pki.keys import KeyChoice, TokenKeyChoice
    from pki.ports import SecretRef
    from pki.profiles.catalog import Catalog
    from pki.profiles.model import Profile


def variables(pairs: Iterable[tuple[str, str]], var_file: Path | None) -> dict[str, Any]:
    """Return the variables of `--var-file` with those of `--var` over them; a name given twice becomes a list."""
    given: dict[str, Any] = {}
    for name, value in pairs:
        earlier = given.get(name)
        given[name] = value if earlier is None else [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return _read_variables(var_file) | given


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
    secret = passphrase(passphrase_env, passphrase_file)
    if hsm_config is not None:
        if secret is not None:
            raise click.UsageError("a key on a token has a PIN, not a passphrase: drop --passphrase-env and -file")
        generate = by_default if generate_key is None else generate_key
        return token_key(hsm_config, key_label, key_id, generate=generate)
    from pki.keys import FileKey

    require_hsm_config({"--key-label": key_label, "--key-id": key_id, "--generate-key": generate_key})
    return FileKey(secret)


def token_key(hsm_config: Path, label: str | None, key_id: str | None, *, generate: bool = False) -> TokenKeyChoice:
    """Return a choice that names a key; without a label or id there is none to find, without a label none to make."""
    from pki.keys import TokenKeyChoice

    if label is None and (generate or key_id is None):
        wanted = "--key-label" if generate else "--key-label or --key-id"
        raise click.UsageError(f"which key on the token? Add {wanted}")
    return TokenKeyChoice(hsm_config, label, key_id, generate)


def require_hsm_config(given: dict[str, object]) -> None:
    stray = [option for option, value in given.items() if value is not None]
    if stray:
        raise click.UsageError(f"{stray[0]} is about a key on a token: add --hsm-config")


def require_one(**given: object) -> None:
    """Refuse all but exactly one of these options; they are written as Python names."""
    named = [f"--{name.replace('_', '-')}" for name in given]
    if sum(value is not None for value in given.values()) != 1:
        raise click.UsageError(f"give {' or '.join(named)}, and only one of them")


def profiles(names: Sequence[str]) -> list[Profile]:
    """Return the named profiles; an item may be several, separated by commas."""
    known = catalog()
    return [known.get(name.strip()) for item in names for name in item.split(",") if name.strip()]


def profile(name: str) -> Profile:
    return catalog().get(name)


def catalog(directories: Sequence[Path] = ()) -> Catalog:
    from pki.profiles.catalog import Catalog

    return Catalog(directories)


def _secret(env: str | None, file: Path | None, option: str) -> SecretRef | None:
    if env is not None and file is not None:
        raise click.UsageError(f"{option}-env and {option}-file exclude each other")
    if env is None and file is None:
        return None
    from pki.ports import SecretRef

    return SecretRef(env=env, file=file)


def _read_variables(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    from pki.documents import read_document

    return dict(read_document(file, "var-file").data)
