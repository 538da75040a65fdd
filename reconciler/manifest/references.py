"""What resources say of each other: names that exist, issuers without cycles, one holder for each key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pki.findings import Location
from pki.profiles.model import Profile
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.keys import KeySpec, StandaloneKeySpec
from reconciler.manifest.declarations import Declaration
from reconciler.manifest.reading import Place, Reading
from reconciler.model import Address, Kind

KINDS: Mapping[str, str] = {
    "Key": Kind.KEY,
    "CertificateAuthority": Kind.CA,
    "Credential": Kind.CREDENTIAL,
    "CredentialSet": "credential-set",
    "Profile": "profile",
    "Policy": "policy",
}
"""Among whom a name is unique: the kind of address, or other kinds in lower case."""


@dataclass(slots=True)
class Names:
    """Who has which name; an invalid declaration has its name all the same."""

    reading: Reading
    taken: dict[tuple[str, str], Location] = field(default_factory=dict)

    def claim(self, kind: str, name: str, where: Location) -> bool:
        """Say whether a name was free; a second holder is reported."""
        first = self.taken.setdefault((kind, name), where)
        if first is not where:
            message = f"{kind}/{name} is declared twice: first in {first}"
            self.reading.error(where, "manifest.duplicate", message, "give one of the two another name, or remove it")
        return first is where

    def __contains__(self, address: object) -> bool:
        return address in self.taken

    def of(self, kind: str) -> list[str]:
        return [name for taken, name in self.taken if taken == kind]

    def require(self, kind: Kind, name: str, place: Place) -> None:
        if (kind, name) not in self.taken:
            what = {Kind.CA: "CertificateAuthority", Kind.KEY: "Key"}[kind]
            self.reading.unknown(place, f"{kind}.unknown", what, name, self.of(kind))


def check_issuers(reading: Reading, cas: Mapping[str, CaSpec], declared: Mapping[str, Declaration]) -> None:
    """Report every cycle of issuers once, with its path."""
    done: set[str] = set()
    for name in cas:
        path: list[str] = []
        here: str | None = name
        while here is not None and here in cas and here not in done and here not in path:
            path.append(here)
            here = cas[here].issuer
        if here is not None and here in path:
            cycle = [*path[path.index(here) :], here]
            shown = " → ".join(str(Address(Kind.CA, each)) for each in cycle)
            hint = "a root has no issuer: leave `issuer` out of the CA at the top"
            place = declared[here].place.at("issuer")
            reading.error(place, "ca.issuer-cycle", f"these CAs would sign each other in a circle: {shown}", hint)
        done.update(path)


def check_shared_key(
    reading: Reading, keys: Mapping[str, StandaloneKeySpec], name: str, profile: Profile, place: Place
) -> None:
    """Refuse a standalone key that is not of the kind that its user's profile asks for."""
    key = keys.get(name)
    if key and key.algorithm != profile.algorithm.name:
        message = f"key/{name} is {key.algorithm}, but profile {profile.name} asks for {profile.algorithm.name}"
        reading.error(place, "key.algorithm", message, "name another key, or choose the profile for this one")


@dataclass(slots=True)
class TokenKeys:
    """Which resource makes the key of which name on which token."""

    reading: Reading
    makers: dict[tuple[str, str], str] = field(default_factory=dict)

    def claim(self, address: Address, keys: Iterable[KeySpec], places: Iterable[Place]) -> None:
        """Refuse a key that another resource makes already; the existing key of a token can have several users."""
        for key, place in zip(keys, places, strict=True):
            for what, name in _names(address, key):
                if key.hsm is None or key.existing:
                    continue
                maker = self.makers.setdefault((key.hsm, f"{what} {name}"), str(address))
                if maker != str(address):
                    message = f"{maker} makes the key of {what} {name} on {key.hsm} already"
                    hint = "give each its own, or declare a `Key` and name it as `resource` in both"
                    self.reading.error(place, "key.taken", message, hint)


def _names(address: Address, key: KeySpec) -> Iterator[tuple[str, str]]:
    yield "label", key.label or f"{address.kind}-{address.name}"
    if key.key_id is not None:
        yield "id", key.key_id
