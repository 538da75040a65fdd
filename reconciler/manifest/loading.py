"""From the files of a workspace to its manifest, or to everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pki.errors import StoreError
from pki.findings import DocumentError, Finding, errors
from pki.profiles.model import Profile
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.desired import Manifest
from reconciler.kinds.keys import KeySpec, StandaloneKeySpec
from reconciler.kinds.policy import PolicySpec
from reconciler.manifest.checks import Checks, variables_at
from reconciler.manifest.declarations import ROOT_FILE, Declaration, read_declarations
from reconciler.manifest.fleets import fleet_credentials, read_fleet
from reconciler.manifest.holders import Builder, key_places
from reconciler.manifest.hsms import Hsms
from reconciler.manifest.policies import check_ids, policy_spec
from reconciler.manifest.profiles import Profiles
from reconciler.manifest.reading import Place, Reading
from reconciler.manifest.references import KINDS, Names, TokenKeys, check_issuers, check_shared_key
from reconciler.manifest.settings import workspace_spec
from reconciler.manifest.transitions import check_transitions
from reconciler.model import Address, Kind

_MANY = 16
"""Profiles, and keys, that a credential can have."""
_WAY_OUT = "docs/manifests.md explains every field; `qpki validate` lists all problems again"


def find_root(start: Path) -> Path:
    """Return the nearest directory, from `start` upwards, that has a `qpki.yaml`.

    Raises:
        StoreError: there is none.
    """
    here = start.absolute()
    for folder in (here, *here.parents):
        if (folder / ROOT_FILE).is_file():
            return folder
    raise StoreError(f"there is no {ROOT_FILE} in {start} or above", hint="`qpki init DIRECTORY` makes a workspace")


def load(root: Path, *, thorough: bool = False) -> Manifest:
    """Return what a workspace asks for; `root` has the `qpki.yaml`.

    `thorough` checks what a plan does not need as well: profiles that nothing uses, and every variable of every member
    of a fleet, where a plan looks at the first.

    Raises:
        DocumentError: it is not valid; with every finding in every file, each with its place and line.
    """
    reading = Reading(root.absolute())
    loading = _Loading(reading, read_declarations(reading))
    loading.take_all(thorough=thorough)
    loading.check_together()
    found = reading.sorted_findings()
    if errors(found):
        raise _refused(found)
    return loading.manifest(found)


def _refused(found: tuple[Finding, ...]) -> DocumentError:
    wrong = errors(found)
    if len(wrong) == 1:
        only = wrong[0]
        return DocumentError(f"{only.where}: {only.message}", found, hint=only.hint or _WAY_OUT)
    files = {finding.where.source for finding in wrong if finding.where}
    where = next(iter(files)) if len(files) == 1 else f"{len(files)} files"
    return DocumentError(f"{len(wrong)} problems in {where}", found, hint=_WAY_OUT)


class _Loading:
    """Declarations become specs, one by one; then they are held against each other."""

    def __init__(self, reading: Reading, declared: list[Declaration]) -> None:
        self._reading = reading
        self._declared = declared
        workspace = next((each for each in declared if each.kind == "Workspace"), None)
        self._workspace = workspace_spec(reading, workspace)
        self._names = Names(reading)
        self._profiles = Profiles(reading, self._workspace, declared)
        self._hsms = Hsms(reading)
        self._token_keys = TokenKeys(reading)
        self._builder = Builder(reading, self._workspace, self._hsms)
        self._checks = Checks(reading, self._workspace, self._profiles)
        self._keys: dict[str, StandaloneKeySpec] = {}
        self._cas: dict[str, CaSpec] = {}
        self._credentials: dict[str, CredentialSpec] = {}
        self._policies: list[PolicySpec] = []

    def take_all(self, *, thorough: bool) -> None:
        """Make a spec of every valid declaration whose name is free."""
        free = [each for each in self._declared if each.kind == "Workspace" or self._claim(each)]
        valid = [each for each in free if each.valid]
        takers: dict[str, Callable[[Declaration], None]] = {
            "Key": self._take_key,
            "CertificateAuthority": self._take_authority,
            "Credential": self._take_credential,
            "CredentialSet": lambda each: self._take_fleet(each, thorough=thorough),
            "Policy": lambda each: self._policies.append(policy_spec(self._reading, each)),
        }
        for kind, take in takers.items():  # keys first, and CAs before what they sign
            for each in (each for each in valid if each.kind == kind):
                take(each)
        for each in free:
            if not each.valid:
                self._check_damaged(each)
        if thorough:
            self._profiles.load_all()

    def check_together(self) -> None:
        check_issuers(self._reading, self._cas, {each.name: each for each in self._of("CertificateAuthority")})
        check_ids(self._reading, self._policies)
        check_transitions(self._reading, self._workspace, self._names, self._keys)

    def manifest(self, found: tuple[Finding, ...]) -> Manifest:
        digests = self._profiles.digests()
        return Manifest(
            workspace=self._workspace,
            cas=self._cas,
            credentials=self._credentials,
            keys=self._keys,
            policies=tuple(self._policies),
            hsms=self._hsms.facts,
            profile_digests=digests,
            overridden=self._profiles.overridden(),
            digest=self._reading.digest({f"profile:{name}": digest for name, digest in digests.items()}),
            warnings=found,
            catalog=self._profiles.catalog,
        )

    def _of(self, kind: str) -> list[Declaration]:
        return [each for each in self._declared if each.kind == kind]

    def _claim(self, declaration: Declaration) -> bool:
        kind, name = KINDS[declaration.kind], declaration.name
        return bool(name) and self._names.claim(kind, name, declaration.where)

    def _take_key(self, declaration: Declaration) -> None:
        spec = self._builder.key(declaration)
        self._keys[spec.name] = spec
        self._token_keys.claim(spec.address, [spec.key], [declaration.place])

    def _take_authority(self, declaration: Declaration) -> None:
        place = declaration.place
        spec = self._builder.authority(declaration)
        self._cas[spec.name] = spec
        if spec.issuer is not None:
            self._names.require(Kind.CA, spec.issuer, place.at("issuer"))
        profile = self._checks.authority(declaration, spec)
        self._check_keys(spec.address, [spec.key], [place.at("key")], [profile] if profile else [])

    def _take_credential(self, declaration: Declaration) -> None:
        place = declaration.place
        spec = self._builder.credential(declaration)
        self._credentials[spec.name] = spec
        self._names.require(Kind.CA, spec.issuer, place.at("issuer"))
        profiles = self._checks.credential_profiles(place, spec)
        if len(profiles) == len(spec.profiles):
            self._checks.credential(place, spec, profiles, variables_at(place))
        self._check_keys(spec.address, spec.keys, key_places(place), profiles)

    def _take_fleet(self, declaration: Declaration, *, thorough: bool) -> None:
        fleet = read_fleet(self._reading, self._builder, declaration)
        self._names.require(Kind.CA, fleet.template.issuer, fleet.place.at("issuer"))
        profiles = self._checks.credential_profiles(fleet.place, fleet.template)
        self._check_users(fleet.template.keys, key_places(fleet.place), profiles)
        taken = fleet_credentials(fleet, profiles, self._reading, self._builder, self._names)
        checked = fleet.sound and len(profiles) == len(fleet.template.profiles)
        for n, (spec, locate) in enumerate(taken):
            if checked and (thorough or n == 0):
                self._checks.credential(fleet.place, spec, profiles, locate)
            self._credentials[spec.name] = spec

    def _check_damaged(self, declaration: Declaration) -> None:
        """Check the names in a declaration that its schema refuses, so that all that is wrong is told at once."""
        for place in (declaration.place, declaration.place.at("template")):
            issuer = place.at("issuer")
            if issuer.text is not None:
                self._names.require(Kind.CA, issuer.text, issuer)
            named = (place.at("profile"), *(place.at("profiles", n) for n in range(_MANY)))
            used = [self._profiles.use(each, each.text) for each in named if each.text is not None]
            if place == declaration.place:  # a template's texts have holes
                self._check_damaged_values(place, [each for each in used if each])
            for key in (place.at("key"), *(place.at("keys", n) for n in range(_MANY))):
                hsm, resource = key.at("hsm"), key.at("resource")
                if hsm.text is not None:
                    self._hsms.use(hsm, hsm.text)
                if resource.text is not None:
                    self._names.require(Kind.KEY, resource.text, resource)

    def _check_damaged_values(self, place: Place, profiles: Sequence[Profile]) -> None:
        """Check the CSR and the variables of a CA or credential; values that the schema refuses are told already."""
        csr, variables = place.at("csr"), place.at("variables").mapping or {}
        if csr.text is not None:
            self._reading.named(csr, csr.text, "file")
        sound = {name: value for name, value in variables.items() if not isinstance(value, dict | list | float)}
        texts = {name: value for name, value in variables.items() if _is_texts(value)}
        self._profiles.check(profiles, sound | texts, variables_at(place), given=None)

    def _check_keys(
        self, address: Address, keys: Sequence[KeySpec], places: Sequence[Place], profiles: Sequence[Profile]
    ) -> None:
        self._token_keys.claim(address, keys, places)
        self._check_users(keys, places, profiles)

    def _check_users(self, keys: Sequence[KeySpec], places: Sequence[Place], profiles: Sequence[Profile]) -> None:
        """Check the standalone keys that these keys are: one key for all profiles, or one for each."""
        for n, (key, place) in enumerate(zip(keys, places, strict=True)):
            if key.resource is not None:
                self._names.require(Kind.KEY, key.resource, place.at("resource"))
                for profile in profiles if len(keys) == 1 else profiles[n : n + 1]:
                    check_shared_key(self._reading, self._keys, key.resource, profile, place.at("resource"))


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
