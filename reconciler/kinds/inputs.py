"""What decides the content of a certificate or CRL, as one digest: where it is the same, nothing need be compiled."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.kinds.authority import CrlSpec, DistributionPointSpec, UrlsSpec

if TYPE_CHECKING:
    from hashlib import _Hash

_GENERATION = re.compile(r"\{\{\s*generation\s*\}\}")
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def resolve_urls(urls: UrlsSpec, generation: int) -> UrlsSpec:
    """Return the URLs of one generation of a CA: `{{ generation }}` is its number."""
    return UrlsSpec(*(_resolved(texts, generation) for texts in (urls.crl, urls.ca_issuers, urls.ocsp)))


def resolve_distribution_point(spec: CrlSpec, generation: int) -> DistributionPointSpec | None:
    """Return what the CRLs of one generation say of where they are and what they cover."""
    point = spec.distribution_point
    return point and replace(point, urls=_resolved(point.urls, generation))


def certificate_inputs(
    profiles: Sequence[str],
    digests: Mapping[str, str],
    variables: Mapping[str, Any],
    urls: UrlsSpec | None,
    csr_sha256: str | None = None,
) -> str:
    """Return the SHA-256 in hex over all that decides what certificates say, but for the time and the issuer's name.

    `urls` are the resolved ones of the generation that signs; None for a root. `csr_sha256` is of the file.
    """
    return inputs_of(shared_inputs(profiles, digests, urls), variables, csr_sha256)


def shared_inputs(profiles: Sequence[str], digests: Mapping[str, str], urls: UrlsSpec | None) -> _Hash:
    """Return the beginning of the digest, which is the same for all certificates of these profiles under one issuer."""
    named = [[profile, digests.get(profile)] for profile in profiles]
    pointed = urls and [urls.crl, urls.ca_issuers, urls.ocsp]
    return hashlib.sha256(_CANONICAL.encode([named, pointed]).encode())


def inputs_of(shared: _Hash, variables: Mapping[str, Any], csr_sha256: str | None) -> str:
    """Return the digest that `shared` begins; this half is computed for every certificate on every plan."""
    digest = shared.copy()
    digest.update(_CANONICAL.encode([csr_sha256, variables]).encode())
    return digest.hexdigest()


def crl_inputs(spec: CrlSpec, generation: int) -> str:
    """Return the SHA-256 in hex over all that decides what a CRL says, but for the time and the revocations."""
    point = resolve_distribution_point(spec, generation)
    said = [spec.validity.total_seconds(), point and [point.urls, point.only], spec.keep_expired]
    return hashlib.sha256(_CANONICAL.encode(said).encode()).hexdigest()


def _resolved(texts: Sequence[str], generation: int) -> tuple[str, ...]:
    return tuple(_GENERATION.sub(str(generation), text) for text in texts)
