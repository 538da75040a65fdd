"""Certificates of every builtin profile, under CAs of its family, issued for CSRs as a user has them issued."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509

from pki.algorithms import Algorithm
from pki.authority import Authority, CaRequest, create_ca
from pki.errors import PkiError
from pki.issuance import sign_request
from pki.keys import FileKey
from pki.ports import Ports, SystemSecrets
from pki.profiles.catalog import Catalog
from pki.profiles.model import Profile, Variable, VariableType
from pki.profiles.variables import RefusedError, accept
from pki.signers import software
from pki.signers.software import SoftwareSigner
from pki.store.meta import CaUrls
from pki.x509.certificates import Certificate
from pki.x509.crls import Crl
from pki.x509.requests import CertificateRequest, parse_request

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PORTS = Ports(secrets=SystemSecrets(), clock=lambda: NOW)
CATALOG = Catalog()
URLS = CaUrls(
    crl=("http://pki.example.com/issuing.crl",),
    ca_issuers=("http://pki.example.com/issuing.crt",),
    ocsp=("http://ocsp.example.com",),
)

_BY_NAME: dict[str, Any] = {
    "country": "FR",
    "organizationIdentifier": "VATFR-12345678901",  # ETSI EN 319 412-1 section 5.1.4
    "serialNumber": "PASFR-123456789",  # the same, section 5.1.3
}
_BY_TYPE: dict[VariableType, tuple[Any, ...]] = {
    VariableType.STRING: ("Example", "FR", "EX", "1", "12345678"),
    VariableType.INTEGER: (1, 10, 2048),
    VariableType.BOOLEAN: (True,),
    VariableType.LIST: (["http://pki.example.com/file"], ["alice@example.com"], ["1.3.6.1.4.1.32473.1"], ["Example"]),
    VariableType.IP_LIST: (["192.0.2.7", "2001:db8::7"],),
    VariableType.DNS_NAME: ("www.example.com",),
    VariableType.DNS_NAMES: (["www.example.com", "example.com"],),
    VariableType.EMAIL: ("alice@example.com",),
    VariableType.URI: ("https://pki.example.com/file", "http://pki.example.com/file"),
    VariableType.OID: ("1.3.6.1.4.1.32473.1",),  # the arc for documentation, RFC 5612
    VariableType.DURATION: ("30d", "8h", "365d", "10y"),
}


def fewest(profile: Profile) -> dict[str, Any]:
    """Return a plausible value for each variable that must be given, and for the common name."""
    return _values(profile, (each for each in profile.variables.values() if each.required or each.name == "cn"))


def everything(profile: Profile) -> dict[str, Any]:
    """Return a plausible value for each variable; one with a default keeps it."""
    return _values(profile, profile.variables.values())


def no_subject(profile: Profile) -> dict[str, Any]:
    """Return a plausible value for each variable but those that only the subject needs."""
    needless = {
        name
        for name, variable in profile.variables.items()
        if not variable.required and any(f"{{{{ {name} }}}}" in attribute.value for attribute in profile.subject)
    }
    return _values(profile, (each for name, each in profile.variables.items() if name not in needless))


VALUES: dict[str, Callable[[Profile], dict[str, Any]]] = {
    "fewest": fewest,
    "everything": everything,
    "no-subject": no_subject,
}


def choices(profile: Profile) -> list[str]:
    """Return the sets of values to try a profile with; a common name that is required cannot be left out."""
    required = "cn" not in profile.variables or profile.variables["cn"].required
    return ["fewest", "everything"] if required else list(VALUES)


def _values(profile: Profile, variables: Iterable[Variable]) -> dict[str, Any]:
    return {variable.name: _plausible(variable, profile) for variable in variables}


def _plausible(variable: Variable, profile: Profile) -> Any:
    """Return the first of our examples that the variable itself accepts."""
    for example in _examples(variable, profile):
        try:
            return accept(variable, example)
        except RefusedError:
            continue
    raise AssertionError(f"no example fits `{variable.name}` of {profile.name}: add one to tests/support/issue.py")


def _examples(variable: Variable, profile: Profile) -> Sequence[Any]:
    default = [] if variable.default is None else [variable.default]
    named = [_BY_NAME[variable.name]] if variable.name in _BY_NAME else []
    common_name = [f"Example {profile.name}"] if variable.name == "cn" else []
    return (*default, *named, *variable.enum, *common_name, *_BY_TYPE[variable.type])


@dataclass(frozen=True)
class Issue:
    """A certificate, its subject's key, and the CA certificates above, nearest first; a root has none."""

    certificate: Certificate
    signer: SoftwareSigner | None = field(default=None, repr=False)
    above: tuple[Certificate, ...] = ()

    @property
    def anchor(self) -> Certificate:
        return (self.certificate, *self.above)[-1]


@dataclass(frozen=True)
class Family:
    """A root, an issuing CA under it, and a certificate of each profile of the family for each set of values.

    The issuing CA says where it publishes, the root does not. All certificates are good by the CRLs of `before`, and
    revoked by those of `after`.
    """

    root: Authority
    issuing: Authority
    issued: Mapping[tuple[str, str], Issue | PkiError]
    before: tuple[Crl, ...]
    after: tuple[Crl, ...]


@dataclass
class Estate:
    """A folder of CAs; a family is made when one of its profiles is first asked for."""

    folder: Path
    _families: dict[str, Family] = field(default_factory=dict)

    def issue(self, name: str, values: str) -> Issue:
        """Return the certificate of that profile and set of values; raises what its issuance raised."""
        found = self.family(name).issued[name, values]
        if isinstance(found, PkiError):
            raise found
        return found

    def family(self, name: str) -> Family:
        """Return the family of a profile."""
        family = family_of(CATALOG.get(name))
        if family not in self._families:
            self._families[family] = _populated(family, self.folder / family)
        return self._families[family]


@cache
def families() -> dict[str, Profile]:
    """Return the families of builtin profiles that have CAs of their own, each with its root's profile."""
    roots = filter(is_root, CATALOG.names())
    return {name.split("/")[0]: CATALOG.get(name) for name in roots}


def family_of(profile: Profile) -> str:
    """Return the family whose CAs sign for a profile: its own, or else that of its algorithm."""
    own = profile.name.split("/")[0]
    if own in families():
        return own
    return next(name for name, root in families().items() if root.algorithm.family is profile.algorithm.family)


def is_root(name: str) -> bool:
    return name.endswith("/root-ca")


def new_ca(
    profile: Profile,
    directory: Path,
    parent: Authority | None = None,
    *,
    variables: Mapping[str, Any] | None = None,
    ports: Ports = PORTS,
    urls: CaUrls = CaUrls(),  # noqa: B008 - frozen, so one value serves every call
) -> Authority:
    """Make a CA with its key in a file; without variables, with a value for each."""
    return create_ca(
        CaRequest(
            directory=directory,
            profile=profile,
            variables=everything(profile) if variables is None else variables,
            key=FileKey(),
            parent=parent,
            urls=urls,
        ),
        ports,
    )


def new_leaf(authority: Authority, profile: Profile, variables: Mapping[str, Any]) -> Issue:
    """Issue for a CSR that names nothing: the variables decide."""
    signer = subject_key(profile.algorithm)
    certificate = authority.issue(profile, variables, request(signer)).certificate
    return Issue(certificate, signer, (authority.certificate, *authority.chain))


def request(signer: SoftwareSigner) -> CertificateRequest:
    return parse_request(sign_request(x509.Name([]), (), signer=signer))


@cache
def subject_key(algorithm: Algorithm) -> SoftwareSigner:
    """Return the subjects' key: one per algorithm and test run is enough for all certificates."""
    return software.generate(algorithm)


def _populated(name: str, folder: Path) -> Family:
    root = new_ca(CATALOG.get(f"{name}/root-ca"), folder / "root")
    issuing = new_ca(CATALOG.get(f"{name}/issuing-ca"), folder / "issuing", root, urls=URLS)
    members = [profile for profile in map(CATALOG.get, CATALOG.names()) if family_of(profile) == name]
    issued = {
        (profile.name, values): _issued(root, issuing, profile, values, folder / values / profile.name)
        for profile in members
        for values in choices(profile)
    }
    before = root.generate_crl(), issuing.generate_crl()
    under = [issue for issue in issued.values() if isinstance(issue, Issue) and issue.above]
    for authority in (root, issuing):
        serials = [issue.certificate.serial for issue in under if issue.above[0] == authority.certificate]
        authority.revoke(serials, "keyCompromise")
    return Family(root, issuing, issued, before, after=(root.generate_crl(), issuing.generate_crl()))


def _issued(root: Authority, issuing: Authority, profile: Profile, values: str, directory: Path) -> Issue | PkiError:
    """Issue, or say why not: one bad profile must not take its whole family with it."""
    variables = VALUES[values](profile)
    try:
        if not profile.is_ca:
            return new_leaf(issuing, profile, variables)
        authority = new_ca(profile, directory, None if is_root(profile.name) else root, variables=variables)
    except PkiError as error:
        return error
    return Issue(authority.certificate, above=authority.chain)
