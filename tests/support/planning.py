"""State that is as a manifest wants it, made by hand, and templates that need no certificate to be parsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from pki.errors import PkiError, ProfileError
from pki.findings import Finding, FindingsError, Severity
from pki.keyrefs import KeyRef, SoftwareKeyRef, TokenKeyRef
from pki.profiles.model import IssuerFacts
from pki.store.meta import CaUrls, CrlFacts
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.desired import Manifest, Resource
from reconciler.kinds.inputs import certificate_inputs, crl_inputs, resolve_urls
from reconciler.kinds.keys import KeySpec
from reconciler.model import Action, Address, Kind, ReasonCode
from reconciler.plan.context import generation_name
from reconciler.plan.model import Change, Compiled, Content, Plan, Selection
from reconciler.plan.planner import make_plan
from reconciler.snapshot import Generation, Observed, ObservedCa, ObservedCredential, ObservedKey, Snapshot
from tests.support import observed as state
from tests.support.desired import desired
from tests.support.plans import NOW

DIGESTS = {name: f"{number:064x}" for number, name in enumerate(("ec/root-ca", "ec/issuing-ca", "ec/tls-server"))}
LIFETIMES = {"ec/root-ca": 3650, "ec/issuing-ca": 1825, "ec/tls-server": 90, "ec/tls-client": 90, "ec/short": 1}


@dataclass(slots=True)
class Fake:
    """Implements `Templates`: what a certificate says is its variables, and what its issuer's certificates point to.

    `lifetimes` are of profiles, in days; `algorithms` of those that are not on P-256; `broken` ones cannot be compiled.
    `files` has what certificates on record say, by path.
    """

    now: datetime = NOW
    lifetimes: dict[str, int] = field(default_factory=lambda: dict(LIFETIMES))
    algorithms: dict[str, str] = field(default_factory=dict)
    broken: dict[str, PkiError] = field(default_factory=dict)
    files: dict[str, Content] = field(default_factory=dict)
    issuers: dict[str, IssuerFacts] = field(default_factory=dict)
    storages: dict[str, KeyRef] = field(default_factory=dict)
    csr_keys: dict[str, str] = field(default_factory=dict)
    notices: tuple[Finding, ...] = ()
    compiled: list[str] = field(default_factory=list)
    """The profiles that were compiled, in order."""

    def compile(
        self,
        profile: str,
        variables: Mapping[str, Any],
        *,
        issuer: IssuerFacts | None,
        csr: str | None = None,
        beside: Sequence[str] = (),
    ) -> Compiled:
        self.compiled.append(profile)
        if profile in self.broken:
            raise self.broken[profile]
        end = self.now + timedelta(days=self.lifetimes[profile])
        clipped = issuer is not None and end > issuer.not_after
        end = min(end, issuer.not_after) if issuer else end
        notices = (Finding(Severity.NOTICE, "validity.clipped", f"ends at {end}, not later"),) if clipped else ()
        others = {name for name in variables for other in beside if name.startswith(other)}
        mine = {name: value for name, value in variables.items() if name not in others}
        content = self.content(profile, mine, issuer, end - self.now)
        return Compiled(
            content=content,
            not_before=self.now,
            not_after=end,
            clipped=clipped,
            facts=IssuerFacts(x509.Name([]), self.now, end) if content.is_ca else None,
            notices=(*self.notices, *notices),
            spki_sha256=self.csr_keys.get(csr) if csr else None,
        )

    def content(
        self, profile: str, variables: Mapping[str, Any], issuer: IssuerFacts | None, lifetime: timedelta
    ) -> Content:
        urls = issuer.defaults.get("crl_urls") if issuer else None
        names = [name for name in variables if name != "cn"]
        fields = {"subject": f"CN={variables.get('cn')}", **{name: variables[name] for name in names}}
        if urls:
            fields["crlDistributionPoints"] = list(urls)
        return Content(fields, self.algorithms.get(profile, "ecdsa-p256"), lifetime, is_ca=profile.endswith("-ca"))

    def recorded(self, path: str, profile: str | None = None) -> Content:
        del profile
        if path not in self.files:
            raise PkiError(f"{path} is not there")
        return self.files[path]

    def issuer(self, directory: str) -> IssuerFacts:
        if directory not in self.issuers:
            raise PkiError(f"there is no CA in {directory}")
        return self.issuers[directory]

    def storage(self, directory: str) -> KeyRef:
        if directory not in self.storages:
            raise PkiError(f"there is no CA in {directory}")
        return self.storages[directory]


@dataclass(slots=True)
class Bench:
    """A manifest, state, and what files say: in order, until a test changes something."""

    manifest: Manifest
    snapshot: Snapshot
    templates: Fake
    now: datetime = NOW

    def plan(self, *, horizon: timedelta = timedelta(days=1), **selection: tuple[str, ...]) -> Plan:
        self.templates.now = self.now
        chosen = Selection(**selection)
        return make_plan(self.manifest, self.snapshot, self.templates, now=self.now, horizon=horizon, selection=chosen)

    def change(self, address: str, **choices: Any) -> Change:
        """Return the one change that an address has."""
        (found,) = [change for change in self.plan(**choices).changes if str(change.address) == address]
        return found

    def declare(self, *resources: Resource) -> None:
        """Put resources into the manifest, in the place of those of the same name."""
        tables: list[tuple[type, str]] = [(CaSpec, "cas"), (CredentialSpec, "credentials")]
        for each in resources:
            table = next((name for kind, name in tables if isinstance(each, kind)), "keys")
            self.manifest = replace(self.manifest, **{table: {**getattr(self.manifest, table), each.name: each}})

    def undeclare(self, text: str) -> None:
        kind, name = Address.parse(text)
        table = {Kind.CA: "cas", Kind.CREDENTIAL: "credentials", Kind.KEY: "keys"}[kind]
        left = {each: spec for each, spec in getattr(self.manifest, table).items() if each != name}
        self.manifest = replace(self.manifest, **{table: left})

    def settings(self, **settings: Any) -> None:
        """Change what the workspace says."""
        self.manifest = replace(self.manifest, workspace=replace(self.manifest.workspace, **settings))

    def edit(self, text: str, **record: Any) -> None:
        """Change the record of a credential, a key, or the present generation of a CA."""
        self.touch(text, lambda each: replace(each, record=replace(each.record, **record)))

    def touch(self, text: str, change: Callable[[Any], Any]) -> None:
        """Change what is observed of a credential or key, or of the generation of a CA (`ca/issuing.2`)."""
        kind, name = Address.parse(text)
        if kind is Kind.CREDENTIAL:
            table = {**self.snapshot.credentials, name: change(self.snapshot.credentials[name])}
            self.snapshot = replace(self.snapshot, credentials=table)
        elif kind is Kind.KEY:
            self.snapshot = replace(self.snapshot, keys={**self.snapshot.keys, name: change(self.snapshot.keys[name])})
        else:
            ca = self.snapshot.cas[name.partition(".")[0]]
            generations = tuple(change(each) if each.name == name else each for each in ca.generations)
            self.snapshot = replace(self.snapshot, cas={**self.snapshot.cas, ca.name: ObservedCa(ca.name, generations)})

    def drop(self, text: str) -> None:
        """Take something out of state."""
        kind, name = Address.parse(text)
        table = {Kind.CA: "cas", Kind.CREDENTIAL: "credentials", Kind.KEY: "keys"}[kind]
        left = {each: seen for each, seen in getattr(self.snapshot, table).items() if each != name}
        self.snapshot = replace(self.snapshot, **{table: left})

    def forget(self, text: str, at: datetime = NOW) -> None:
        """Mark something in state as forgotten."""
        self.edit(text, forgotten=at)
        address = Address.parse(text)
        tables = {Kind.CA: self.snapshot.cas, Kind.CREDENTIAL: self.snapshot.credentials, Kind.KEY: self.snapshot.keys}
        marked: Observed = tables[address.kind][address.name]
        self.drop(text)
        self.snapshot = replace(self.snapshot, forgotten={**self.snapshot.forgotten, address: marked})

    def generation(self, name: str) -> Generation:
        found = self.snapshot.generation(name)
        assert found is not None
        return found


def bench(*resources: Resource, digests: Mapping[str, str] = DIGESTS, **manifest: Any) -> Bench:
    """Return a workspace whose state is as these resources want it."""
    wanted = replace(desired(*resources, **manifest), profile_digests=digests)
    templates = Fake()
    found: list[Observed] = [_key(each.name, each.key) for each in wanted.keys.values()]
    for spec in wanted.cas.values():
        numbers = range(1, spec.generation + 1)
        generations = [settled_generation(wanted, templates, spec, number) for number in numbers]
        found.append(ObservedCa(spec.name, tuple(generations)))
    found += [settled_credential(wanted, templates, spec) for spec in wanted.credentials.values()]
    return Bench(wanted, state.in_state(*found), templates)


def settled_generation(
    manifest: Manifest, templates: Fake, spec: CaSpec, number: int = 1, *, signed_by: str | None = None
) -> Generation:
    """Return a generation of a CA as its spec wants it, ten days old, with a CRL two days old."""
    name = generation_name(spec.name, number)
    above = manifest.cas[spec.issuer] if spec.issuer is not None else None
    signer = signed_by or (generation_name(above.name, above.generation) if above else None)
    lifetime = timedelta(days=templates.lifetimes[spec.profile])
    began = NOW - timedelta(days=10)
    made = state.generation(
        name,
        issuer=signer,
        storage=stored(spec.key, f"state/ca/{name}", f"ca-{spec.name}", "private/ca.ecdsa-p256.key"),
        certificate=replace(
            state.facts(100 + number, name), not_before=began, not_after=began + lifetime, serial=_serial(name)
        ),
        crl=state.crl(),
        prevent_destroy=spec.prevent_destroy,
        profile=spec.profile,
    )
    urls = resolve_urls(spec.urls, number)
    record = replace(
        made.record,
        keys=tuple(replace(key, algorithm="ecdsa-p256") for key in made.record.keys),
        profile_digest=manifest.profile_digests.get(spec.profile),
        variables=dict(spec.variables),
        urls=CaUrls(crl=urls.crl, ca_issuers=urls.ca_issuers, ocsp=urls.ocsp),
        inputs_digest=certificate_inputs(
            (spec.profile,), manifest.profile_digests, spec.variables, _urls_above(above, signer)
        ),
        crl=CrlFacts(
            number=7,
            this_update=NOW - timedelta(days=2),
            next_update=NOW + timedelta(days=6),
            inputs_digest=crl_inputs(spec.crl, number),
        ),
    )
    templates.issuers[f"state/ca/{name}"] = IssuerFacts(x509.Name([]), began, began + lifetime)
    content = templates.content(spec.profile, spec.variables, _facts(above, signer), lifetime)
    templates.files[f"state/ca/{name}/ca.crt"] = content
    templates.files[f"state/ca/{signer or name}/{'certs' if signer else 'own'}/{_serial(name):X}.crt"] = content
    return replace(made, record=record)


def settled_credential(
    manifest: Manifest, templates: Fake, spec: CredentialSpec, *, signed_by: str | None = None, age: int = 10
) -> ObservedCredential:
    """Return a credential as its spec wants it, `age` days old."""
    above = manifest.cas[spec.issuer]
    signer = signed_by or generation_name(above.name, above.generation)
    urls = _urls_above(above, signer)
    certificates = []
    for position, profile in enumerate(spec.profiles):
        days = templates.lifetimes[profile]
        suffix = "" if len(spec.profiles) == 1 else "." + profile.replace("/", "-")
        key = spec.keys[position] if position < len(spec.keys) else spec.keys[0]
        storage = stored(key, f"state/credential/{spec.name}", f"credential-{spec.name}", f"private/key{suffix}.pem")
        made = state.certificate(
            _serial(spec.name) + position,
            age=age,
            days=days - age,
            storage=() if spec.csr else (storage,),
            issuer_key_id=state.key_id(signer),
            path=f"cert{suffix}.pem",
        )
        digest = manifest.profile_digests.get(profile)
        certificates.append(replace(made, profile=profile, profile_digest=digest))
        content = templates.content(profile, spec.variables, _facts(above, signer), timedelta(days=days))
        templates.files[f"state/credential/{spec.name}/cert{suffix}.pem"] = content
        templates.files[f"state/ca/{signer}/certs/{_serial(spec.name) + position:X}.crt"] = content
    found = state.credential_in_state(spec.name, *certificates, issuer=signer, prevent_destroy=spec.prevent_destroy)
    record = replace(
        found.record,
        profiles=spec.profiles,
        variables=dict(spec.variables),
        inputs_digest=certificate_inputs(
            spec.profiles, manifest.profile_digests, spec.variables, urls, spec.csr_sha256
        ),
    )
    return replace(found, record=record)


def stored(key: KeySpec, directory: str, label: str, file: str) -> KeyRef:
    """Return where a record in a directory of state says that a key is, as its spec wants it."""
    if key.resource is not None:
        return SoftwareKeyRef(f"../../key/{key.resource}/private/key.pem")
    up = "/".join([".."] * (directory.count("/") + 1))
    if key.hsm is not None:
        return TokenKeyRef(f"{up}/{key.hsm}", key.label or label, key.key_id)
    return SoftwareKeyRef(file, key.passphrase_env, key.passphrase_file and f"{up}/{key.passphrase_file}")


def codes(change: Change) -> list[ReasonCode]:
    return [reason.code for reason in change.reasons]


def steps(plan: Plan) -> list[str]:
    """Return what a plan does, in order: `renew credential/web`, and `x` before what is blocked."""
    return [f"{'x ' if each.blocked else ''}{each.action} {each.address}" for each in plan.changes]


def done(change: Change) -> tuple[Action, list[ReasonCode], bool]:
    """Return what a change does, why, and whether it is blocked."""
    return change.action, codes(change), bool(change.blocked)


def refusal(message: str = "the profile is wrong") -> FindingsError:
    return FindingsError(message, [Finding(Severity.ERROR, "profile.wrong", message)])


def no_profile(name: str) -> ProfileError:
    return ProfileError(f"there is no profile {name!r}", hint="did you mean another?")


def _key(name: str, key: KeySpec) -> ObservedKey:
    return state.key_in_state(name, stored(key, f"state/key/{name}", f"key-{name}", "private/key.pem"))


def _serial(name: str) -> int:
    return int.from_bytes(name.encode()) << 8


def _number(signer: str) -> int:
    return int(signer.partition(".")[2] or 1)


def _urls_above(above: CaSpec | None, signer: str | None) -> Any:
    return resolve_urls(above.urls, _number(signer)) if above and signer else None


def _facts(above: CaSpec | None, signer: str | None) -> IssuerFacts | None:
    if above is None or signer is None:
        return None
    urls = resolve_urls(above.urls, _number(signer))
    return IssuerFacts(x509.Name([]), NOW, NOW, defaults={"crl_urls": urls.crl})
