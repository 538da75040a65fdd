"""What schemas cannot say of one resource: its profile, its variables, and times that leave it no rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pki.findings import Location
from pki.profiles.durations import format_duration
from pki.profiles.model import Profile
from reconciler.kinds.authority import GENERATION, CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.keys import Rotation
from reconciler.kinds.renewal import Renewal
from reconciler.kinds.workspace import WorkspaceSpec
from reconciler.manifest.declarations import Declaration
from reconciler.manifest.profiles import FROM_ISSUER, Locate, Profiles, lifetime
from reconciler.manifest.reading import Place, Reading

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Checks:
    reading: Reading
    workspace: WorkspaceSpec
    profiles: Profiles

    def authority(self, declaration: Declaration, spec: CaSpec) -> Profile | None:
        """Check a CA; return its profile if it has a sound one."""
        place = declaration.place
        profile = self.profiles.use(place.at("profile"), spec.profile)
        if profile:
            if not profile.is_ca:
                message = f"profile {profile.name} does not make a CA"
                hint = "choose one with `basicConstraints: {ca: true}`, such as ec/root-ca or ec/issuing-ca"
                self.reading.error(place.at("profile"), "profile.not-ca", message, hint)
            given = FROM_ISSUER if spec.issuer else NOTHING
            values = self.profiles.check([profile], spec.variables, variables_at(place), given=given)
            self._renewal(spec.renewal, [profile], values, place)
        self._crl(spec, declaration)
        self._generations(spec, declaration)
        return profile

    def credential(self, place: Place, spec: CredentialSpec, profiles: Sequence[Profile], locate: Locate) -> None:
        """Check the variables and the times of a credential whose profiles are all sound."""
        given = FROM_ISSUER if spec.csr is None else None
        values = self.profiles.check(profiles, spec.variables, locate, given=given)
        self._renewal(spec.renewal, profiles, values, place)

    def credential_profiles(self, place: Place, spec: CredentialSpec) -> list[Profile]:
        """Return the sound profiles of a credential or of the template of a fleet."""
        several = "profiles" in place.value
        found: list[Profile] = []
        for n, name in enumerate(spec.profiles):
            at = place.at("profiles", n) if several else place.at("profile")
            profile = self.profiles.use(at, name)
            if profile and profile.is_ca:
                message = f"profile {name} makes a CA"
                self.reading.error(at, "profile.is-ca", message, "declare it as `kind: CertificateAuthority`")
            elif profile:
                found.append(profile)
        return found

    def _renewal(
        self, renewal: Renewal, profiles: Iterable[Profile], values: Iterable[Mapping[str, Any]], place: Place
    ) -> None:
        """Refuse a renewal window that is open as soon as the certificate is made."""
        for profile, given in zip(profiles, values, strict=True):
            life = lifetime(profile, given)
            if life is None:
                continue
            ahead = renewal.before if renewal.before is not None else life * (renewal.share or 0.0)
            if life - ahead <= self.workspace.horizon:
                message = (
                    f"a certificate lives for {format_duration(life)}: renewed {format_duration(ahead)} before its end"
                    f" and planned {format_duration(self.workspace.horizon)} ahead (`horizon`), it would be renewed at"
                    " every run"
                )
                self.reading.error(place.at("renewal", "before"), "renewal.always-due", message, _SHORTER)

    def _crl(self, spec: CaSpec, declaration: Declaration) -> None:
        crl, horizon = spec.crl, self.workspace.horizon
        if crl.refresh_before + horizon < crl.validity:
            return
        message = (
            f"a CRL is valid for {format_duration(crl.validity)}: refreshed {format_duration(crl.refresh_before)}"
            f" before its end and planned {format_duration(horizon)} ahead (`horizon`), it would be refreshed at every"
            " run"
        )
        given = declaration.spec.get("crl", {})
        place = declaration.place.at("crl", "refreshBefore" if "refreshBefore" in given else "validity")
        hint = "keep `refreshBefore` and the workspace's `horizon` together below `validity`"
        self.reading.error(place, "crl.always-due", message, hint)

    def _generations(self, spec: CaSpec, declaration: Declaration) -> None:
        """Warn where two generations of a CA, which have a CRL each, would publish to one address."""
        if spec.generation == 1 and spec.rotation is Rotation.NEVER and "onIssuerRekey" not in declaration.spec:
            return
        for n, url in enumerate(spec.urls.crl):
            if GENERATION not in url:
                message = "each generation of a CA has a CRL of its own, but this address is the same for all"
                hint = f"write {GENERATION} into it, such as http://crl.example.com/{spec.name}-{GENERATION}.crl"
                self.reading.warning(declaration.place.at("crl", "urls", n), "crl.url-shared", message, hint)


_SHORTER = "shorten `renewal.before` or the workspace's `horizon`, or choose a longer validity"


def variables_at(place: Place) -> Locate:
    def where(variable: str | None) -> Location:
        return place.at("variables", *([variable] if variable else [])).where

    return where
