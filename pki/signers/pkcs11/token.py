"""A PKCS#11 token, open and logged in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pkcs11
from pkcs11 import Mechanism, ObjectClass

from pki.algorithms import Algorithm, SignatureScheme
from pki.errors import KeyAccessError, TokenError, UnsupportedAlgorithmError
from pki.ports import SecretSource
from pki.signers.base import Token, TokenKey
from pki.signers.config import HsmConfig
from pki.signers.mechanisms import MechanismSpec, Sizes, choose, generation, require_support, supports
from pki.signers.pkcs11.keygen import make_pair, refuse_existing, temporary_pair, unused_id
from pki.signers.pkcs11.lookup import KeyNames, KeyPair, decode_id, find_key, private_keys
from pki.signers.pkcs11.module import Module, load
from pki.signers.pkcs11.objects import known_public_half, public_half, read_key, search, token_key
from pki.signers.pkcs11.session import log_in, log_out, open_session, working_session
from pki.signers.pkcs11.signer import PkcsSigner
from pki.signers.pkcs11.slots import SlotInfo, find_token


def open_token(config: HsmConfig, secrets: SecretSource) -> PkcsToken:
    """Find the configured token and log in to it; the PIN is asked for last, and once per process.

    Close it, or use it in a `with` statement. Signers from it work until then.

    Raises:
        TokenError: the module does not load, or not exactly one token answers to the configuration.
        PinError: the token must not be asked, or refuses the PIN.
        SecretError: the PIN cannot be had.
    """
    module = load(config.lib, config.env)
    with module.call("open the token"):
        found = find_token(module, config)
        log_in(module, found, config.pin, secrets)
        token = PkcsToken(config, found.slot, module, found.token, open_session(found.token), module.run)
        module.users[found.slot.slot] += 1
        return token


@dataclass(slots=True, eq=False)
class PkcsToken:
    """A `Token` over one session of its own; `open_token` makes it."""

    config: HsmConfig = field(repr=False)
    slot: SlotInfo
    _module: Module = field(repr=False)
    _token: pkcs11.Token = field(repr=False)
    _session: pkcs11.Session = field(repr=False)
    _run: int = field(repr=False)
    _closed: bool = False
    _offered: frozenset[str] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End this use of the token; with `logout_after_use`, the last use in the process logs out.

        A token that is lost by now does not make what was done before a failure: it has closed itself.
        """
        if self._closed:
            return
        self._closed = True
        with suppress(KeyAccessError), self._module.call("close the token"):
            if self._module.is_current(self._run):
                self._module.users[self.slot.slot] -= 1
                self._session.close()
                if self.config.logout_after_use and not self._module.users[self.slot.slot]:
                    log_out(self._module, self.slot.slot)

    def keys(self) -> Sequence[TokenKey]:
        """Return every private key on the token, in the order of label and id.

        Raises:
            TokenError: the token does not answer, or has logged this process out.
        """
        with self._call("list the keys"):
            privates = private_keys(self._session)
            publics = search(self._session, ObjectClass.PUBLIC_KEY)
        found = (token_key(private, known_public_half(private, publics)) for private in privates)
        return sorted(found, key=lambda key: (key.label, key.key_id))

    def supports(self, algorithm: Algorithm) -> bool:
        return supports(algorithm, self._mechanisms(), self._sizes(algorithm))

    def require_room(self, algorithm: Algorithm, *, label: str, key_id: str | None = None) -> None:
        """Refuse what `generate` would refuse, without making anything."""
        if not label:
            raise KeyAccessError("a new key on a token needs a label")
        wanted_id = decode_id(key_id)
        require_support(algorithm, self._mechanisms(), self._sizes(algorithm))
        with self._call("look for keys of that name"):
            refuse_existing(self._session, label, wanted_id)

    def generate(self, algorithm: Algorithm, *, label: str, key_id: str | None = None) -> TokenKey:
        with self._module.alone():
            self.require_room(algorithm, label=label, key_id=key_id)
            with self._call("generate a key"), working_session(self._token, write=True) as session:
                new_id = decode_id(key_id) or unused_id(session, self.config.id_length)
                made = make_pair(session, algorithm, label, new_id)
                return token_key(made.private, made.public)

    def signer(self, *, label: str | None, key_id: str | None, spki_sha256: str | None = None) -> PkcsSigner:
        """Open a key by label, id or both; `spki_sha256` pins the public key that was recorded for it.

        The pin decides: among several keys of one name it picks the recorded one, and a key that was renamed on the
        token is found by it. A key of the right name with another public key is refused.

        Raises:
            KeyNotFoundError, KeyAmbiguousError: not exactly one key answers.
            KeyMismatchError: one does, but it is another key than recorded.
            KeyAccessError: it cannot sign, or wants its PIN for each signature.
            UnsupportedAlgorithmError: it is of a type or size that is not ours.
        """
        names = KeyNames.of(label, key_id, spki_sha256)
        with self._call("open the key"):
            pair = find_key(self._session, names)
        return self._signer(pair, lambda: find_key(self._session, names).private.handle)

    @contextmanager
    def temporary_signer(self, algorithm: Algorithm) -> Iterator[PkcsSigner]:
        """Make a key pair that lives in one session and is gone when the block ends; nothing is stored."""
        with self._call("make a temporary key"):
            session = open_session(self._token)
        try:
            with self._call("make a temporary key"):
                public_handle, private_handle = temporary_pair(session, algorithm)
                publics = [read_key(public_handle, ObjectClass.PUBLIC_KEY)]
                private = read_key(private_handle, ObjectClass.PRIVATE_KEY)
            pair = KeyPair(private, public_half(private, publics))
            yield self._signer(pair, lambda: private_handle)
        finally:
            with suppress(TokenError), self._call("remove the temporary key"):
                session.close()

    def _signer(self, pair: KeyPair, find_again: Callable[[], Any]) -> PkcsSigner:
        if pair.public.algorithm is None:
            raise UnsupportedAlgorithmError(f"the key {pair.private} is of a size that is not supported")
        _require_signing(pair)
        return PkcsSigner(
            algorithm=pair.public.algorithm,
            spki=pair.public.spki,
            key=token_key(pair.private, pair.public),
            _call=self._call,
            _handle=pair.private.handle,
            _find_again=find_again,
            _choose=self._choose,
        )

    def _choose(self, scheme: SignatureScheme) -> MechanismSpec:
        return choose(scheme, self._mechanisms(), self.config.mechanisms.get(scheme.name))

    def _mechanisms(self) -> frozenset[str]:
        if self._offered is None:
            with self._call("read the token's mechanisms"):
                listed: Iterable[Mechanism | int] = self._token.slot.get_mechanisms()
            self._offered = frozenset(each.name for each in listed if isinstance(each, Mechanism))
        return self._offered

    def _sizes(self, algorithm: Algorithm) -> Sizes:
        mechanism = generation(algorithm).mechanism
        if mechanism not in self._mechanisms():
            return None
        with self._call("read the token's mechanisms"):
            info: Any = self._token.slot.get_mechanism_info(Mechanism[mechanism])
        return info.min_key_length, info.max_key_length

    def _call(self, doing: str) -> AbstractContextManager[Any]:
        if self._closed:
            raise TokenError(f"cannot {doing}: the token was closed", hint="open it again")
        return self._module.call(doing, self._run)


def _require_signing(pair: KeyPair) -> None:
    if not pair.private.values.get("SIGN"):
        raise KeyAccessError(f"the key {pair.private} is not allowed to sign (CKA_SIGN is not set)")
    if pair.private.values.get("ALWAYS_AUTHENTICATE"):
        raise KeyAccessError(
            f"the key {pair.private} wants its PIN for each signature (CKA_ALWAYS_AUTHENTICATE): not supported",
            hint="use a key without that attribute",
        )


if TYPE_CHECKING:

    def _is_a_token(token: PkcsToken) -> Token:
        return token
