"""The profiles that resources name: there, sound, and given variables that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pki.documents import Document
from pki.findings import DocumentError, Location
from pki.profiles.catalog import Catalog
from pki.profiles.durations import parse_duration
from pki.profiles.model import Profile
from pki.profiles.templates import ABSENT, render
from pki.profiles.variables import own_variables, resolve
from reconciler.kinds.workspace import WorkspaceSpec
from reconciler.manifest.declarations import Declaration
from reconciler.manifest.reading import Place, Reading

FROM_ISSUER = frozenset({"crl_urls", "ca_issuers_urls", "ocsp_urls"})
"""Variables that an issuer can set."""

Locate = Callable[[str | None], Location]
"""Returns where the value of a variable stands; for None, or a variable that is not given, the resource."""


class Profiles:
    """The catalog of a workspace, read once."""

    def __init__(self, reading: Reading, workspace: WorkspaceSpec, declared: Iterable[Declaration]) -> None:
        self._reading = reading
        self._known: dict[str, Profile | None] = {}
        resources: dict[str, Document] = {}
        directories, files = self._directories(workspace.profiles)
        for each in (each for each in declared if each.kind == "Profile" and each.valid):
            taken = files.get(each.name)
            if taken:
                message = f"profile `{each.name}` is in {taken} too"
                reading.error(each.name_place, "manifest.duplicate", message, "keep one of the two")
            resources.setdefault(each.name, each.document)
        self.catalog = Catalog(directories, resources, root=reading.root)
        self._names = self.catalog.names()

    def use(self, place: Place, name: str) -> Profile | None:
        """Return a profile; None, and a finding, when there is no sound one."""
        if name not in self._known:
            if name not in self._names:
                self._reading.unknown(place, "profile.unknown", "profile", name, self._names)
                return None
            self._known[name] = self._load(name)
        return self._known[name]

    def load_all(self) -> None:
        """Load those of the workspace that nothing uses, too."""
        for name in self._names:
            if name not in self._known and not self.catalog.is_builtin(name):
                self._known[name] = self._load(name)

    def digests(self) -> dict[str, str]:
        """Return the digest of every profile that was used, by name."""
        return {name: profile.digest for name, profile in sorted(self._known.items()) if profile}

    def overridden(self) -> tuple[str, ...]:
        return tuple(self.catalog.overridden())

    def check(
        self, profiles: Sequence[Profile], variables: Mapping[str, Any], locate: Locate, *, given: frozenset[str] | None
    ) -> list[Mapping[str, Any]]:
        """Return the values that each profile gets; what it does not take is reported.

        `given` are variables that others set; with None, a CSR can set any.
        """
        return [
            self._values(profile, own_variables(profile, profiles, variables), locate, given=given)
            for profile in profiles
        ]

    def _values(
        self, profile: Profile, variables: Mapping[str, Any], locate: Locate, *, given: frozenset[str] | None
    ) -> Mapping[str, Any]:
        values, findings = resolve(profile.variables, variables)
        for finding in findings:
            if finding.code == "variable.missing" and (given is None or finding.variable in given):
                continue
            self._reading.findings.append(replace(finding, where=locate(finding.variable)))
        return values

    def _load(self, name: str) -> Profile | None:
        try:
            return self.catalog.get(name)
        except DocumentError as error:
            self._reading.take(error)
            return None

    def _directories(self, paths: Iterable[str]) -> tuple[list[Path], dict[str, str]]:
        """Read all profile files: return the directories that can be used, and the path of each file by profile name.

        A directory with a link that leads out of the workspace is not used at all.
        """
        sound: list[Path] = []
        files: dict[str, str] = {}
        for path in paths:
            folder = self._reading.root / path
            found = [file.relative_to(self._reading.root).as_posix() for file in sorted(folder.rglob("*.yaml"))]
            read = [self._reading.named(Location(file), file, "profile") for file in found]
            if all(read):
                sound.append(folder)
                files |= {file.removeprefix(f"{path}/").removesuffix(".yaml"): file for file in found}
        return sound, files


def lifetime(profile: Profile, values: Mapping[str, Any]) -> timedelta | None:
    """Return how long a certificate would live; None if that cannot be told."""
    text = render(profile.validity, values)
    try:
        return None if text is ABSENT else parse_duration(str(text))
    except ValueError:
        return None
