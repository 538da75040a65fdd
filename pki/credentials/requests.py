"""What is asked for: which certificates a credential is to have, and which keys they certify."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pki import keys
from pki.authority import Authority
from pki.errors import IssuanceError, KeyAccessError, KeyMismatchError, RequestError
from pki.keyrefs import KeyRef
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate, Profile
from pki.profiles.variables import own_variables
from pki.x509.requests import CertificateRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollRequest:
    """What `enroll` is asked for; without an id one is made from the common name, the date and six random digits.

    `key` is one for each profile, or one way to choose them all, or a CSR with a key of somebody else's and names for
    the one profile. `inputs_digest` and `prevent_destroy` go into the record; `holder` is the address of the resource
    that the credential is, for the journal of the CA.
    """

    directory: Path
    profiles: Sequence[Profile]
    variables: Mapping[str, Any]
    key: keys.KeyChoice | Sequence[keys.KeyChoice] | CertificateRequest
    id: str | None = None
    inputs_digest: str | None = None
    prevent_destroy: bool = False
    holder: str = ""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A public key to be certified, DER SubjectPublicKeyInfo, and where its private half is, if that is known."""

    spki: bytes
    storage: tuple[KeyRef, ...] = ()


@dataclass(frozen=True, slots=True)
class PresentKey:
    """The key of one of the certificates that a credential has."""

    profile: str
    algorithm: str
    key: SubjectKey


@dataclass(frozen=True, slots=True)
class Part:
    """One certificate to be: what it will say, which key it is for, and how its files are called."""

    template: CertificateTemplate
    source: keys.KeyChoice | SubjectKey
    suffix: str
    generation: int

    @property
    def key_path(self) -> str:
        """Where a new key file goes: never where one of an earlier generation is."""
        later = f".g{self.generation}" if self.generation > 1 else ""
        return f"private/key{self.suffix}{later}.pem"

    @property
    def path(self) -> str:
        return f"cert{self.suffix}.pem"


def compiled(authority: Authority, request: EnrollRequest, now: datetime) -> list[CertificateTemplate]:
    """Return what each certificate will say.

    Raises:
        IssuanceError: a profile is named twice, or none is.
        RequestError: the CSR's self-signature or key does not do, or it is for several profiles.
        FindingsError: a profile refuses the names or variables.
    """
    names = [profile.name for profile in request.profiles]
    if not names:
        raise IssuanceError("a credential needs a profile", hint="name at least one")
    if len(set(names)) != len(names):
        raise IssuanceError("a credential takes each profile once", hint="two of a kind are two credentials")
    if isinstance(request.key, CertificateRequest):
        if len(names) > 1:
            raise RequestError(
                "a CSR has one key, and several profiles need several", hint="make one credential for each profile"
            )
        return [authority.template_for(request.key, request.profiles[0], request.variables, now)]
    facts = authority.facts()
    return [
        compile_template(profile, own_variables(profile, request.profiles, request.variables), issuer=facts, now=now)
        for profile in request.profiles
    ]


def parts_of(
    request: EnrollRequest,
    templates: Sequence[CertificateTemplate],
    *,
    generation: int = 1,
    present: Sequence[PresentKey] = (),
) -> list[Part]:
    """Say for each certificate which key it gets: a `present` one that goes on, or else the one that was chosen.

    Alone, a certificate's files need no suffix; one of several has its profile's name.

    Raises:
        KeyAccessError: it cannot be said, or names on a token would not be unique.
        KeyMismatchError: a present key is not of the kind that its profile asks for.
    """
    several = len(templates) > 1
    return [
        Part(
            template,
            _present_key(template, present, several=several) or _chosen(request, position, generation),
            "." + re.sub(r"[^A-Za-z0-9]+", "-", template.profile) if several else "",
            generation,
        )
        for position, template in enumerate(templates)
    ]


def _present_key(template: CertificateTemplate, present: Sequence[PresentKey], *, several: bool) -> SubjectKey | None:
    """Return the key that certificates of this profile have; the only key goes on whatever the profile is called."""
    found = [each for each in present if each.profile == template.profile]
    if not found and not several and len(present) == 1:
        found = list(present)
    if not found:
        return None
    if found[0].algorithm != template.algorithm.name:
        raise KeyMismatchError(
            f"the credential's key is {found[0].algorithm}, but profile {template.profile} asks for"
            f" {template.algorithm}",
            hint="renew the credential with new keys",
        )
    return found[0].key


def _chosen(request: EnrollRequest, position: int, generation: int) -> keys.KeyChoice | SubjectKey:
    if isinstance(request.key, CertificateRequest):
        return SubjectKey(request.key.spki)
    choices = [request.key] if isinstance(request.key, keys.KeyChoice) else request.key
    if len(choices) == len(request.profiles):
        return _of_generation(choices[position], generation)
    if len(choices) != 1:
        raise KeyAccessError(
            f"{len(choices)} keys are chosen for {len(request.profiles)} profiles",
            hint="choose one for each profile, or one way to make them all",
        )
    return _of_generation(_numbered(choices[0], position + 1), generation)


def _numbered(choice: keys.KeyChoice, position: int) -> keys.KeyChoice:
    """Give each of several keys on a token a label of its own.

    Raises:
        KeyAccessError: an id was given, which can name one key only.
    """
    if not isinstance(choice, keys.TokenKeyChoice):
        return choice
    if choice.key_id is not None or choice.label is None:
        raise KeyAccessError(
            "several profiles need several keys on the token, which one key id cannot name",
            hint="give a label alone: the keys become LABEL-1, LABEL-2 and so on",
        )
    return replace(choice, label=f"{choice.label}-{position}")


def _of_generation(choice: keys.KeyChoice, generation: int) -> keys.KeyChoice:
    """Give a new key on a token, from the second generation on, a label that no earlier key has."""
    if generation == 1 or not isinstance(choice, keys.TokenKeyChoice) or not choice.generate or choice.label is None:
        return choice
    return replace(choice, label=f"{choice.label.removesuffix(f'.g{generation}')}.g{generation}")
