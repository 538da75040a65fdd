"""Private keys on PKCS#11 tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pki.algorithms import Algorithm
from pki.errors import KeyAccessError, KeyExistsError, KeyNotFoundError
from pki.keyrefs import TokenKeyRef
from pki.keys.choices import OpenKey, TokenKeyChoice
from pki.keys.keyfiles import relative
from pki.ports import SecretSource
from pki.signers.base import TokenKey, require_algorithm

if TYPE_CHECKING:
    from pki.signers.pkcs11 import PkcsSigner, PkcsToken


def open_token(config: Path, secrets: SecretSource) -> PkcsToken:
    """Open the token that an HSM config file finds, logged in, for a `with` block."""
    from pki.signers import config as hsm_config  # noqa: PLC0415 - a run without a token never loads the PKCS#11 side
    from pki.signers import pkcs11  # noqa: PLC0415 - the same

    return pkcs11.open_token(hsm_config.load_config(config), secrets)


def generate_token_key(
    algorithm: Algorithm, config: Path, *, label: str, key_id: str | None, secrets: SecretSource
) -> TokenKey:
    """Make a key on the token that `config` finds; raises as `Token.generate` does."""
    with open_token(config, secrets) as token:
        return token.generate(algorithm, label=label, key_id=key_id)


def list_token_keys(config: Path, secrets: SecretSource) -> Sequence[TokenKey]:
    with open_token(config, secrets) as token:
        return token.keys()


@contextmanager
def prepare_on_token(
    choice: TokenKeyChoice, algorithm: Algorithm, *, base: Path, wanted_by: str, secrets: SecretSource
) -> Iterator[Callable[[], OpenKey]]:
    """Do for a token what `pki.keys.prepare` says; it stays open in the block."""
    with open_token(choice.config, secrets) as token:
        signer = _find(token, choice)
        if signer is not None:
            require_algorithm(signer, algorithm, wanted_by)
            key = OpenKey(signer, TokenKeyRef(relative(choice.config, base), choice.label, choice.key_id))
            yield lambda: key
        else:
            _require_room(token, choice, algorithm)
            yield lambda: _new_key(token, choice, algorithm, base)


def _find(token: PkcsToken, choice: TokenKeyChoice) -> PkcsSigner | None:
    """Return the key that is to be used as it is; None when one is to be made."""
    if not choice.generate:
        return token.signer(label=choice.label, key_id=choice.key_id)
    if not choice.adopt:
        return None
    if choice.label is None or choice.key_id is None:
        raise KeyAccessError(
            "a key that an earlier run may have made is known by label and id together", hint="give both"
        )
    try:
        signer = token.signer(label=choice.label, key_id=choice.key_id)
    except KeyNotFoundError:
        return None
    _require_kept_inside(signer.key)
    return signer


def _require_kept_inside(key: TokenKey) -> None:
    """Refuse a key that we cannot have made: ours never can leave the token."""
    if key.extractable is not False or key.sensitive is not True:
        raise KeyAccessError(
            f'the key "{key.label}" (id {key.key_id}) has the names of a key of ours, but it could leave the token',
            hint="somebody else made it: look into it, and rename or remove it",
        )


def _require_room(token: PkcsToken, choice: TokenKeyChoice, algorithm: Algorithm) -> None:
    try:
        token.require_room(algorithm, label=_required_label(choice), key_id=choice.key_id)
    except KeyExistsError as error:
        if choice.adopt:
            error.hint = (
                f'only a key with both the label "{choice.label}" and the id {choice.key_id} is one that an earlier '
                "run made: look at this one, then rename it or choose another label"
            )
        raise


def _new_key(token: PkcsToken, choice: TokenKeyChoice, algorithm: Algorithm, base: Path) -> OpenKey:
    made = token.generate(algorithm, label=_required_label(choice), key_id=choice.key_id)
    signer = token.signer(label=made.label, key_id=made.key_id, spki_sha256=made.spki_sha256)
    return OpenKey(signer, TokenKeyRef(relative(choice.config, base), made.label, made.key_id))


def _required_label(choice: TokenKeyChoice) -> str:
    if choice.label is None:
        raise KeyNotFoundError("a new key on a token needs a label", hint="add --key-label")
    return choice.label
