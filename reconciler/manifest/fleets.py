"""Fleets: each member of a CredentialSet becomes a credential, with what all of them share made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pki.findings import Location
from pki.profiles.model import Profile
from pki.profiles.templates import ABSENT, prepare, references, texts
from pki.schemas import closest
from reconciler.kinds.credential import CredentialSpec
from reconciler.manifest.declarations import Declaration
from reconciler.manifest.holders import Builder, key_places
from reconciler.manifest.members import Member, members_of
from reconciler.manifest.profiles import Locate
from reconciler.manifest.reading import Place, Reading
from reconciler.manifest.references import Names
from reconciler.model import Kind

MAX_NAME = 63


@dataclass(frozen=True, slots=True)
class Fleet:
    """A CredentialSet that was read: its template as a credential, and its members.

    `used` are the variables of members that the template names; `sound` says that each is one of some member.
    """

    declaration: Declaration
    template: CredentialSpec
    members: list[Member]
    used: frozenset[str]
    sound: bool

    @property
    def place(self) -> Place:
        return self.declaration.place.at("template")


def read_fleet(reading: Reading, builder: Builder, declaration: Declaration) -> Fleet:
    place = declaration.place.at("template")
    template = builder.described(declaration.name, declaration.spec["template"], place, declaration.where)
    for key, at in zip(template.keys, key_places(place), strict=True):
        if not key.existing and (key.label or key.key_id):
            message = "each member makes a key of its own, which cannot all have one label or id"
            hint = "leave `label` and `id` out, or share one key with `resource` or `existing`"
            reading.error(at, "fleet.key", message, hint)
    members = members_of(reading, declaration)
    offered = {name for member in members for name in member.variables} | {"name"}
    used, sound = _check_holes(reading, place, offered if members else None)
    return Fleet(declaration, template, members, used - {"name"}, sound)


def fleet_credentials(
    fleet: Fleet, profiles: Sequence[Profile], reading: Reading, builder: Builder, names: Names
) -> Iterator[tuple[CredentialSpec, Locate]]:
    """Yield the credentials of a fleet, each with what finds its variables in the files."""
    filled, place = _Template(fleet, profiles), fleet.place
    for member in fleet.members:
        spec = _member_spec(fleet, filled, member, builder)
        if len(spec.name) > MAX_NAME:
            message = f"the name {spec.name} has more than {MAX_NAME} characters"
            reading.error(member.where, "fleet.name", message, "shorten the member's name, or the set's")
        elif names.claim(Kind.CREDENTIAL, spec.name, member.where):
            yield spec, partial(_where, place, member)


def _member_spec(fleet: Fleet, filled: _Template, member: Member, builder: Builder) -> CredentialSpec:
    shared = fleet.template
    csr, csr_sha256 = builder.request(member.where, filled.csr(member))
    revoked = member.data.get("revoked")
    return CredentialSpec(
        name=f"{shared.name}-{member.name}",
        issuer=shared.issuer,
        profiles=shared.profiles,
        variables=filled.variables(member),
        keys=shared.keys,
        renewal=shared.renewal,
        where=member.where,
        rotation=shared.rotation,
        csr=csr,
        csr_sha256=csr_sha256,
        revoked=builder.revoked(revoked, member.where) if revoked else None,
        prevent_destroy=shared.prevent_destroy,
        fleet=shared.name,
    )


def _where(place: Place, member: Member, variable: str | None) -> Location:
    """Return the place of a variable: in the member or, what it does not give, in the template."""
    if variable is None or variable in member.variables or variable not in place.value.get("variables", {}):
        return member.where
    return place.at("variables", variable).where


class _Template:
    """The texts of a template that hold `{{ name }}` or variables of members, taken apart once."""

    def __init__(self, fleet: Fleet, profiles: Sequence[Profile]) -> None:
        given = fleet.template.variables
        known = {name for profile in profiles for name in profile.variables}
        csr = fleet.place.at("csr").text
        self._csr = prepare(csr) if csr is not None else None
        self._filled = [(name, prepare(value)) for name, value in given.items() if _holes(value)]
        self._fixed = {name: value for name, value in given.items() if not _holes(value)}
        self._aside = frozenset(name for name in fleet.used if known and name not in known)

    def variables(self, member: Member) -> Mapping[str, Any]:
        """Return the template's variables with the member's over them; what only fills the template is left out."""
        own = member.variables
        values = {**self._fixed, **own}
        if self._filled:
            offered = {**own, "name": member.name}
            for name, fill in self._filled:
                if name not in own and (found := fill(offered)) is not ABSENT:
                    values[name] = found
        for name in self._aside:
            values.pop(name, None)
        return values

    def csr(self, member: Member) -> str | None:
        own: str | None = member.data.get("csr")
        if own is not None or self._csr is None:
            return own
        found = self._csr({**member.variables, "name": member.name})
        return None if found is ABSENT else str(found)


def _holes(value: Any) -> list[str]:  # noqa: ANN401  the value of a variable
    try:
        return [name for _, text in texts(value) for name in references(text)]
    except ValueError:
        return []


def _check_holes(reading: Reading, place: Place, offered: set[str] | None) -> tuple[frozenset[str], bool]:
    """Return the variables that the texts of a template name, and whether all are among those `offered`, if any."""
    template = place.value
    parts = [(place.at("variables", *path), text) for path, text in texts(template.get("variables", {}))]
    parts += [(place.at("csr"), template["csr"])] if "csr" in template else []
    used: set[str] = set()
    before = len(reading.findings)
    for at, text in parts:
        for name in reading.value(at, text, references) or []:
            used.add(name)
            if offered is not None and name not in offered:
                message = f"no member has a variable `{name}`"
                reading.error(at, "fleet.unknown-variable", message, closest(name, offered))
    return frozenset(used), len(reading.findings) == before
