"""Making a key pair that cannot leave its token, and making sure of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass
from pkcs11.exceptions import PKCS11Error

from pki.algorithms import Algorithm
from pki.errors import KeyExistsError, TokenError
from pki.signers.mechanisms import GenerationSpec, generation
from pki.signers.pkcs11.failures import LOST, return_value
from pki.signers.pkcs11.interrupts import held_back
from pki.signers.pkcs11.lookup import KeyPair
from pki.signers.pkcs11.objects import KeyObject, public_half, read_key, search

_KEY_CLASSES = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY, ObjectClass.SECRET_KEY)

# Tokens differ in what they assume when an attribute is left out (opencryptoki and NSS: extractable), so none is.
KEPT_INSIDE = {Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True, Attribute.PRIVATE: True}
_HONOURED = {"EXTRACTABLE": False, "SENSITIVE": True, "PRIVATE": True, "TOKEN": True, "SIGN": True}


def refuse_existing(session: pkcs11.Session, label: str, key_id: bytes | None) -> None:
    """Refuse a name that a key on the token has: a second key of one name makes both unusable.

    Raises:
        KeyExistsError: a key of any class has that label or id.
    """
    for object_class in _KEY_CLASSES:
        found = search(session, object_class, label=label)
        if key_id is not None:
            found += search(session, object_class, key_id=key_id)
        if found:
            raise KeyExistsError(
                f"the token holds a key of that name already: {found[0]}",
                hint="choose another label and id, or use the key that is there",
            )


def unused_id(session: pkcs11.Session, length: int) -> bytes:
    """Return a random CKA_ID that no key on the token has. It never starts with zero: YubiHSM reads 0000 as "any"."""
    while True:
        key_id = secrets.token_bytes(length)
        if key_id[0] and not any(search(session, each, key_id=key_id) for each in _KEY_CLASSES):
            return key_id


def make_pair(session: pkcs11.Session, algorithm: Algorithm, label: str, key_id: bytes) -> KeyPair:
    """Make a key pair on the token and return it, read back.

    `session` can write, and no key had that label or id. If the pair is not what was asked for, or we are interrupted,
    the pair (and nothing else) is destroyed.

    Raises:
        TokenError: the token made a key that could leave it, or of another kind, or names it otherwise.
        KeyExistsError: another program made a key of that label meanwhile.
    """
    handles: tuple[Any, ...] = ()
    try:
        with held_back():
            handles = _generate(session, generation(algorithm), label=label, key_id=key_id, store=True)
        private = the_new_one(search(session, ObjectClass.PRIVATE_KEY, label=label), key_id)
        made = KeyPair(private, public_half(private, [read_key(handles[0], ObjectClass.PUBLIC_KEY)]))
        require_as_asked(made, algorithm)
    except BaseException as failure:
        if not isinstance(failure, LOST):
            _destroy(handles, label, key_id)
        raise
    return made


def temporary_pair(session: pkcs11.Session, algorithm: Algorithm) -> tuple[Any, Any]:
    """Make a pair that lives in this session alone: (public, private) of the binding."""
    with held_back():
        return _generate(
            session, generation(algorithm), label="qpki self-test", key_id=secrets.token_bytes(8), store=False
        )


def the_new_one(same_label: Sequence[KeyObject], key_id: bytes) -> KeyObject:
    """Return the key that was just made, the only one that may have its label now.

    Raises:
        KeyExistsError: another program made a key of that label meanwhile.
        TokenError: the token shows no key of that label and id.
    """
    ours = [key for key in same_label if key.key_id == key_id]
    if not ours:
        raise TokenError(
            "the token made a key, but does not show it under the label and id that it was given",
            hint="some tokens allow only short labels and ids: see `id_length` in the HSM configuration",
        )
    if len(same_label) > 1:
        raise KeyExistsError(f'another program made a key with the label "{ours[0].label}" at the same moment')
    return ours[0]


def require_as_asked(made: KeyPair, algorithm: Algorithm) -> None:
    """Refuse a key whose attributes, as the token reports them, would let it leave, or that is another than asked for.

    Raises:
        TokenError: it is.
    """
    told = {name: made.private.values.get(name) for name in _HONOURED}
    wrong = [f"CKA_{name} is {value}" for name, value in told.items() if value != _HONOURED[name]]
    if made.public.algorithm != algorithm:
        wrong.append(f"it is {made.public.algorithm or made.private.kind}, not {algorithm}")
    if wrong:
        raise TokenError(
            f"the token did not make the key as it was asked to ({', '.join(wrong)})",
            hint="check the token's key policy: it must make sensitive keys that cannot be extracted",
        )


def _destroy(handles: Sequence[Any], label: str, key_id: bytes) -> None:
    """Destroy what was just made; by handle, because another program's key can have the same names by now.

    Raises:
        TokenError: the token refuses.
    """
    try:
        for handle in handles:
            handle.destroy()
    except PKCS11Error as error:
        raise TokenError(
            f'the new key "{label}" (id {key_id.hex()}) is not to be used, but the token does not destroy it '
            f"({return_value(error)})",
            hint="delete it with the vendor's tool",
        ) from error


def _generate(
    session: pkcs11.Session, spec: GenerationSpec, *, label: str, key_id: bytes, store: bool
) -> tuple[Any, Any]:
    common: dict[str, Any] = {
        "label": label,
        "id": key_id,
        "store": store,
        "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
        "mechanism": pkcs11.Mechanism[spec.mechanism],
        "private_template": KEPT_INSIDE,
    }
    if not spec.ec_params:
        set_ = {Attribute.PARAMETER_SET: spec.parameter_set} if spec.parameter_set else None
        return session.generate_keypair(KeyType[spec.kind], spec.modulus_bits, public_template=set_, **common)
    for params in spec.ec_params[:-1]:
        try:
            return _generate_on_curve(session, spec, params, common)
        except PKCS11Error as error:  # each token has its own word for "not this form": try the next
            if isinstance(error, LOST):
                raise
    return _generate_on_curve(session, spec, spec.ec_params[-1], common)


def _generate_on_curve(
    session: pkcs11.Session, spec: GenerationSpec, params: bytes, common: dict[str, Any]
) -> tuple[Any, Any]:
    domain = session.create_domain_parameters(KeyType[spec.kind], {Attribute.EC_PARAMS: params}, local=True)
    return domain.generate_keypair(**common)
