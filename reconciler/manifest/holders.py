"""Keys, CAs and credentials as their documents describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pki.findings import Location
from reconciler.kinds.authority import (
    CaSpec,
    CrlSpec,
    DistributionPointSpec,
    OnIssuerRekey,
    UrlsSpec,
)
from reconciler.kinds.credential import CredentialSpec, RevokedSpec
from reconciler.kinds.keys import KeySpec, Rotation, StandaloneKeySpec
from reconciler.kinds.workspace import WorkspaceSpec
from reconciler.manifest.declarations import Declaration
from reconciler.manifest.hsms import Hsms
from reconciler.manifest.reading import Place, Reading
from reconciler.manifest.settings import given_duration, renewal
from reconciler.manifest.urls import url

FILE_KEY = KeySpec()


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes specs of valid declarations; what they lack comes from the workspace."""

    reading: Reading
    workspace: WorkspaceSpec
    hsms: Hsms

    def key(self, declaration: Declaration) -> StandaloneKeySpec:
        spec = declaration.spec
        return StandaloneKeySpec(
            name=declaration.name,
            algorithm=spec["algorithm"],
            key=self.key_spec(spec, declaration.place),
            where=declaration.where,
            prevent_destroy=_prevent_destroy(spec),
        )

    def authority(self, declaration: Declaration) -> CaSpec:
        spec, place = declaration.spec, declaration.place
        key = spec.get("key", {})
        found = self.key_spec(key, place.at("key"))
        self._refuse_rotation(key, found, place.at("key"))
        return CaSpec(
            name=declaration.name,
            issuer=spec.get("issuer"),
            profile=spec["profile"],
            variables=spec.get("variables", {}),
            key=found,
            crl=self._crl(spec.get("crl", {}), place.at("crl")),
            renewal=renewal(self.reading, place.at("renewal"), spec.get("renewal"), self.workspace.ca_renewal),
            where=declaration.where,
            urls=self._urls(spec, place),
            rotation=Rotation(key.get("rotation", Rotation.NEVER)),
            on_issuer_rekey=OnIssuerRekey(spec.get("onIssuerRekey", OnIssuerRekey.AT_RENEWAL)),
            generation=spec.get("generation", 1),
            prevent_destroy=_prevent_destroy(spec),
        )

    def credential(self, declaration: Declaration) -> CredentialSpec:
        spec, place = declaration.spec, declaration.place
        csr, csr_sha256 = self.request(place.at("csr"), spec.get("csr"))
        found = self.described(declaration.name, spec, place, declaration.where)
        return replace(found, csr=csr, csr_sha256=csr_sha256)

    def request(self, place: Place | Location, given: str | None) -> tuple[str | None, str | None]:
        """Return the path of a CSR and the SHA-256 of that file: None, and a finding, where there is no file."""
        found = self.reading.named(place, given, "file") if given else None
        return found or given or None, self.reading.sha256(found) if found else None

    def described(self, name: str, spec: Mapping[str, Any], place: Place, where: Location) -> CredentialSpec:
        """Return the credential that a spec describes, a resource's own or the template of a fleet, without its CSR."""
        profiles = tuple(spec["profiles"]) if "profiles" in spec else (spec["profile"],)
        keys = self._keys(spec, place, len(profiles))
        return CredentialSpec(
            name=name,
            issuer=spec["issuer"],
            profiles=profiles,
            variables=spec.get("variables", {}),
            keys=keys,
            renewal=renewal(self.reading, place.at("renewal"), spec.get("renewal"), self.workspace.renewal),
            where=where,
            rotation=self._rotation(spec, place, keys),
            revoked=self.revoked(spec.get("revoked"), place.at("revoked", "at")),
            prevent_destroy=_prevent_destroy(spec),
        )

    def revoked(self, given: Mapping[str, str] | None, place: Place | Location) -> RevokedSpec | None:
        if given is None:
            return None
        return RevokedSpec(given["reason"], self.reading.time(place, given["at"]) if "at" in given else None)

    def key_spec(self, given: Mapping[str, Any], place: Place) -> KeySpec:
        if not given:
            return FILE_KEY
        secret = given.get("passphraseFile")
        return KeySpec(
            hsm=self.hsms.use(place.at("hsm"), given["hsm"]) if "hsm" in given else None,
            label=given.get("label"),
            key_id=given.get("id"),
            existing=given.get("existing", False),
            resource=given.get("resource"),
            passphrase_env=given.get("passphraseEnv"),
            passphrase_file=self.reading.path(place.at("passphraseFile"), secret) if secret is not None else None,
        )

    def _keys(self, spec: Mapping[str, Any], place: Place, count: int) -> tuple[KeySpec, ...]:
        given = _given_keys(spec, place)
        if len(given) not in {1, count}:
            message = f"`keys` has {len(given)} entries for {count} profiles"
            self.reading.error(place.at("keys"), "credential.key-count", message, "give one key, or one for each")
        return tuple(self.key_spec(key, at) for key, at in given)

    def _rotation(self, spec: Mapping[str, Any], place: Place, keys: Sequence[KeySpec]) -> Rotation:
        given = _given_keys(spec, place)
        for (key, at), found in zip(given, keys, strict=True):
            self._refuse_rotation(key, found, at)
        wanted = [Rotation(key["rotation"]) for key, _ in given if "rotation" in key]
        if len(set(wanted)) > 1:
            message = "the keys of a credential are renewed together, but `rotation` differs"
            self.reading.error(place.at("keys"), "credential.rotation", message, "say the same of each")
        if wanted:
            return wanted[0]
        kept = "csr" in spec or any(key.keys() & {"hsm", "resource"} for key, _ in given)
        return Rotation.NEVER if kept else Rotation.ALWAYS

    def _refuse_rotation(self, given: Mapping[str, Any], key: KeySpec, place: Place) -> None:
        if given.get("rotation") == Rotation.ALWAYS and (key.existing or key.resource):
            message = "`rotation: always`: this key is not made by a renewal, and so not replaced by one"
            hint = "leave `rotation` out; for another key, name that"
            self.reading.error(place.at("rotation"), "key.rotation", message, hint)

    def _crl(self, given: Mapping[str, Any], place: Place) -> CrlSpec:
        point = given.get("issuingDistributionPoint")
        reading, workspace = self.reading, self.workspace
        return CrlSpec(
            validity=given_duration(reading, place.at("validity"), given.get("validity"), workspace.crl_validity),
            refresh_before=given_duration(
                reading, place.at("refreshBefore"), given.get("refreshBefore"), workspace.crl_refresh_before
            ),
            distribution_point=point and self._point(point, place.at("issuingDistributionPoint")),
            keep_expired=given.get("keepExpired", False),
        )

    def _point(self, given: Mapping[str, Any], place: Place) -> DistributionPointSpec:
        return DistributionPointSpec(self._each_url(given.get("urls", []), place.at("urls")), given.get("only"))

    def _urls(self, spec: Mapping[str, Any], place: Place) -> UrlsSpec:
        given = spec.get("urls", {})
        return UrlsSpec(
            crl=self._each_url(spec.get("crl", {}).get("urls", []), place.at("crl", "urls")),
            ca_issuers=self._each_url(given.get("caIssuers", []), place.at("urls", "caIssuers")),
            ocsp=self._each_url(given.get("ocsp", []), place.at("urls", "ocsp")),
        )

    def _each_url(self, given: list[str], place: Place) -> tuple[str, ...]:
        found = (self.reading.value(place.at(n), text, url) for n, text in enumerate(given))
        return tuple(text for text in found if text is not None)


def key_places(place: Place) -> list[Place]:
    """Return where each key of the credential's spec at that place stands."""
    return [at for _, at in _given_keys(place.value, place)]


def _given_keys(spec: Mapping[str, Any], place: Place) -> list[tuple[Mapping[str, Any], Place]]:
    if "keys" in spec:
        return [(key, place.at("keys", n)) for n, key in enumerate(spec["keys"])]
    return [(spec.get("key", {}), place.at("key"))]


def _prevent_destroy(spec: Mapping[str, Any]) -> bool:
    return bool(spec.get("lifecycle", {}).get("preventDestroy", False))
