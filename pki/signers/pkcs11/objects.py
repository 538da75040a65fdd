"""Key objects on a token, read once into plain values."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pkcs11
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.exceptions import PKCS11Error

from pki.errors import KeyAccessError, KeyAmbiguousError, PkiError
from pki.signers.base import TokenKey, spki_sha256
from pki.signers.pkcs11.failures import GONE, LOST
from pki.signers.pkcs11.interrupts import held_back
from pki.signers.pkcs11.publickeys import PublicKey, public_key

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_NAMES = (Attribute.LABEL, Attribute.ID, Attribute.KEY_TYPE)
_PRIVATE = (
    Attribute.SIGN,
    Attribute.EXTRACTABLE,
    Attribute.SENSITIVE,
    Attribute.PRIVATE,
    Attribute.TOKEN,
    Attribute.ALWAYS_AUTHENTICATE,
)
# CKA_VALUE is the public key in a public ML-DSA object and the secret in a private one: only the first is read.
_PUBLIC_HALF = (Attribute.MODULUS, Attribute.PUBLIC_EXPONENT, Attribute.EC_PARAMS, Attribute.EC_POINT)
_WANTED = {
    ObjectClass.PRIVATE_KEY: _NAMES + _PRIVATE + _PUBLIC_HALF,
    ObjectClass.PUBLIC_KEY: (*_NAMES, *_PUBLIC_HALF, Attribute.PARAMETER_SET, Attribute.VALUE),
    ObjectClass.SECRET_KEY: _NAMES,
}


_SEARCHES = 3
"""How often to search while other programs delete what is found before it is read."""


@dataclass(frozen=True, slots=True)
class KeyObject:
    """A key object. `handle` is the binding's; `values` holds what the token tells, by name without CKA_."""

    handle: Any
    kind: str
    label: str
    key_id: bytes
    values: Mapping[str, Any]

    def __str__(self) -> str:
        return f'"{self.label}" (id {self.key_id.hex() or "none"}, {self.kind})'


def search(
    session: pkcs11.Session, object_class: ObjectClass, *, label: str | None = None, key_id: bytes | None = None
) -> list[KeyObject]:
    """Return the key objects of that class, label and id; the caller holds the module's lock.

    On an exhausted login a token shows no private object and no error: see `require_login`.
    """
    template: dict[Attribute, Any] = {Attribute.CLASS: object_class}
    if label is not None:
        template[Attribute.LABEL] = label
    if key_id is not None:
        template[Attribute.ID] = key_id
    for _ in range(_SEARCHES - 1):
        with suppress(*GONE):
            return [read_key(handle, object_class) for handle in _find(session, template)]
    return [read_key(handle, object_class) for handle in _find(session, template)]


def read_key(handle: Any, object_class: ObjectClass) -> KeyObject:  # noqa: ANN401  the binding makes classes at run time
    values = _attributes(handle, _WANTED[object_class])
    kind = values.get(Attribute.KEY_TYPE, "unknown")
    return KeyObject(
        handle=handle,
        kind=kind.name if isinstance(kind, KeyType) else f"type {kind}",
        label=values.get(Attribute.LABEL, ""),
        key_id=values.get(Attribute.ID, b""),
        values={Attribute(name).name: value for name, value in values.items()},
    )


def require_login(session: pkcs11.Session) -> None:
    """Make sure that an empty listing means "no keys" and not "logged out".

    Only a logged-in user may make a private object, even one that lives in this session alone.

    Raises:
        UserNotLoggedIn: the token has logged this process out; anything else the token says proves nothing.
    """
    probe = {
        Attribute.CLASS: ObjectClass.DATA,
        Attribute.TOKEN: False,
        Attribute.PRIVATE: True,
        Attribute.LABEL: "qpki login probe",
        Attribute.VALUE: b"\0",
    }
    try:
        with held_back():
            session.create_object(probe).destroy()
    except PKCS11Error as error:
        if isinstance(error, LOST):
            raise


def public_half(private: KeyObject, publics: Sequence[KeyObject]) -> PublicKey:
    """Return the public key of a private object: its own public attributes, or the public object that goes with it.

    Raises:
        KeyAmbiguousError: several public objects go with it, and they differ.
        KeyAccessError: there is none, or it is not a valid key.
        UnsupportedAlgorithmError: it is of a type that is not ours.
    """
    with suppress(KeyAccessError):
        return public_key(private.kind, private.values)
    found = {public_key(public.kind, public.values) for public in _partners(private, publics)}
    if len(found) > 1:
        raise KeyAmbiguousError(
            f"{len(found)} different public keys go with the private key {private}",
            hint="objects of one label and id cannot be told apart: rename or remove the stray ones",
        )
    if not found:
        raise KeyAccessError(
            f"the token has no public key for the private key {private}",
            hint="store its public key object on the token, with the same CKA_ID and CKA_LABEL",
        )
    return found.pop()


def known_public_half(private: KeyObject, publics: Sequence[KeyObject]) -> PublicKey | None:
    """Return the public half where there is one that we understand; a listing shows the others too."""
    try:
        return public_half(private, publics)
    except PkiError:
        return None


def token_key(private: KeyObject, public: PublicKey | None) -> TokenKey:
    return TokenKey(
        label=private.label,
        key_id=private.key_id.hex(),
        kind=private.kind,
        algorithm=public.algorithm if public else None,
        can_sign=bool(private.values.get("SIGN")),
        extractable=private.values.get("EXTRACTABLE"),
        sensitive=private.values.get("SENSITIVE"),
        spki_sha256=spki_sha256(public.spki) if public else None,
    )


def _partners(private: KeyObject, publics: Iterable[KeyObject]) -> list[KeyObject]:
    """Return the public objects of the same type and id; of the same label where there are such."""
    near = [public for public in publics if (public.kind, public.key_id) == (private.kind, private.key_id)]
    exact = [public for public in near if public.label == private.label]
    return exact or (near if private.key_id else [])


def _attributes(handle: Any, wanted: Sequence[Attribute]) -> dict[int, Any]:  # noqa: ANN401  the same
    try:
        values: dict[int, Any] = handle.get_attributes(list(wanted))
    except PKCS11Error as error:
        if isinstance(error, LOST):
            raise
        return {name: value for name in wanted for value in _attribute(handle, name)}
    return values


def _attribute(handle: Any, name: Attribute) -> Iterator[Any]:  # noqa: ANN401  the same
    """Some tokens answer none of several attributes when one is missing: ask one by one."""
    try:
        yield handle[name]
    except PKCS11Error as error:
        if isinstance(error, LOST):
            raise
    except IndexError:  # what the binding raises when the token says "unavailable" without an error
        return


def _find(session: pkcs11.Session, template: Mapping[Attribute, Any]) -> list[Any]:
    # The search is exhausted at once: an unfinished one blocks every other operation of its session.
    with held_back(), _quiet_search():
        try:
            return list(session.get_objects(dict(template)))
        except PKCS11Error as error:
            failure = type(error)(*error.args)  # without the traceback, which would keep the dead search alive
    raise failure


@contextmanager
def _quiet_search() -> Iterator[None]:
    """Keep a second traceback off stderr.

    When a search fails at its start, the binding ends it once more as it is collected. That fails too, where nobody can
    catch it, and Cython prints it through both hooks.
    """
    previous = sys.unraisablehook, sys.excepthook

    def unraisable(event: UnraisableHookArgs) -> None:
        if not isinstance(event.exc_value, PKCS11Error):
            previous[0](event)

    def uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if not isinstance(error, PKCS11Error):
            previous[1](kind, error, traceback)

    sys.unraisablehook, sys.excepthook = unraisable, uncaught
    try:
        yield
    finally:
        sys.unraisablehook, sys.excepthook = previous
