"""What the planner must know of profiles and certificates; nothing here uses a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pki.algorithms import SchemeChoice
from pki.errors import PkiError, about
from pki.keyrefs import KeyRef
from pki.profiles.catalog import Catalog
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate, IssuerFacts, Profile
from pki.profiles.variables import own_variables
from pki.signers.base import spki_sha256
from pki.store import files, meta
from pki.store.layout import CaLayout, inside
from pki.x509.certificates import issuer_facts, parse_certificate
from pki.x509.requests import CertificateRequest, parse_request, require_key, verify_request
from reconciler.drivers import content
from reconciler.drivers.copies import recorded_ca
from reconciler.plan.model import Compiled, Content


class ProfileTemplates:
    """Implements `reconciler.plan.model.Templates` for one workspace and one time of planning.

    Requests and issuers are read once, and profiles by the catalog.
    """

    def __init__(self, root: Path, state: str, catalog: Catalog, now: datetime) -> None:
        self._root = root
        self._state = state
        self._catalog = catalog
        self._now = now
        self._requests: dict[str, CertificateRequest] = {}
        self._issuers: dict[str, IssuerFacts] = {}

    def compile(
        self,
        profile: str,
        variables: Mapping[str, Any],
        *,
        issuer: IssuerFacts | None,
        csr: str | None = None,
        beside: Sequence[str] = (),
    ) -> Compiled:
        policy = self._profile(profile)
        request = self._request(csr) if csr else None
        template = compile_template(
            policy,
            own_variables(policy, [self._profile(name) for name in beside], variables),
            issuer=issuer,
            now=self._now,
            requested=request.names if request else None,
        )
        if request:
            with about(csr):
                require_key(request, template)
        return Compiled(
            content=content.of_template(template),
            not_before=template.not_before,
            not_after=template.not_after,
            clipped=any(notice.code == "validity.clipped" for notice in template.notices),
            facts=_facts(template) if template.is_ca else None,
            notices=template.notices,
            spki_sha256=spki_sha256(request.spki) if request else None,
        )

    def recorded(self, path: str, profile: str | None = None) -> Content:
        with _from(self._root), about(path):
            certificate = parse_certificate(files.read(inside(self._root, path)))
            return content.of_certificate(certificate, self._signature(profile))

    def issuer(self, directory: str) -> IssuerFacts:
        if directory not in self._issuers:
            with _from(self._root):
                record, certificate = recorded_ca(self._root, self._state, directory)
            self._issuers[directory] = issuer_facts(certificate, record.urls.variables)
        return self._issuers[directory]

    def storage(self, directory: str) -> KeyRef:
        with _from(self._root):
            return meta.load_ca(CaLayout(inside(self._root, directory)).meta).keys[0].storage

    def _profile(self, name: str) -> Profile:
        return self._catalog.get(name)

    def _signature(self, profile: str | None) -> SchemeChoice | None:
        """Return what a profile says of the signature; nothing when it is not there any more."""
        try:
            return self._profile(profile).signature if profile else None
        except PkiError:
            return None

    def _request(self, path: str) -> CertificateRequest:
        if path not in self._requests:
            with _from(self._root), about(path):
                request = parse_request(files.read(inside(self._root, path)))
                verify_request(request)
            self._requests[path] = request
        return self._requests[path]


@contextmanager
def _from(root: Path) -> Iterator[None]:
    """Have errors name files as they stand in the workspace: a plan must not tell on which machine it was made."""
    try:
        yield
    except PkiError as error:
        error.message = _relative(error.message, root)
        error.hint = error.hint and _relative(error.hint, root)
        error.args = (error.message,)
        raise


def _relative(text: str, root: Path) -> str:
    return text.replace(f"{root}/", "").replace(str(root), "the workspace")


def _facts(template: CertificateTemplate) -> IssuerFacts:
    return IssuerFacts(template.subject, template.not_before, template.not_after, template.path_length)
