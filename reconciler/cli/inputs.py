"""Option values as the library wants them; combinations that make no sense are usage errors here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cryptography.x509 import Extension, Name, SubjectAlternativeName

    from pki.authority import Authority
    from pki.documents import Document
    from pki.findings import Finding
    from pki.profiles.catalog import Catalog
    from pki.profiles.model import Profile
    from pki.store.meta import CaUrls
    from pki.x509.crls import Crl
    from reconciler.cli.app import App

    WantedNames = tuple[Name, list[Extension[SubjectAlternativeName]]]


def variables(pairs: Iterable[tuple[str, str]], var_file: Path | None) -> dict[str, Any]:
    """Return the variables of `--var-file` with those of `--var` over them; a name given twice makes a list."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    flags = {name: _one_or_many(values) for name, values in given.items()}
    return _read_variables(var_file, overridden=flags.keys()) | flags


def refuse_without(missing: str, given: Mapping[str, object]) -> None:
    """Refuse options that mean nothing without the `missing` one."""
    stray = [option for option, value in given.items() if value is not None]
    if stray:
        raise click.UsageError(f"{stray[0]} means nothing without {missing}")


def only_one(given: Mapping[str, object]) -> None:
    """Refuse more than one of these."""
    if sum(value is not None for value in given.values()) > 1:
        raise click.UsageError(f"{' and '.join(given)} exclude each other")


def profiles(names: Sequence[str]) -> list[Profile]:
    """Return the named profiles; an item may be several, separated by commas."""
    known = catalog()
    return [known.get(name.strip()) for item in names for name in item.split(",") if name.strip()]


def profile(name: str) -> Profile:
    return catalog().get(name)


def catalog(directories: Sequence[Path] = ()) -> Catalog:
    from pki.profiles.catalog import Catalog

    return Catalog(directories)


def urls(crl: Sequence[str], ca_issuers: Sequence[str], ocsp: Sequence[str]) -> CaUrls:
    from pki.store.meta import CaUrls

    return CaUrls(crl=tuple(crl), ca_issuers=tuple(ca_issuers), ocsp=tuple(ocsp))


def validity(days: int | None, validity: timedelta | None) -> timedelta:
    """Return how long a CRL is good for; either option alone, a week without both."""
    from pki.authority import DEFAULT_CRL_VALIDITY

    only_one({"--days": days, "--validity": validity})
    if days is not None:
        return timedelta(days=days)
    return validity or DEFAULT_CRL_VALIDITY


def wanted_names(
    *,
    cn: str | None,
    organization: str | None,
    unit: str | None,
    country: str | None,
    dns: Sequence[str],
    emails: Sequence[str],
    ips: Sequence[str],
    uris: Sequence[str],
) -> WantedNames:
    """Return the subject and the extensions that a request is to ask for.

    Raises:
        UsageError: a name is not fit to stand in a certificate, or there is none.
    """
    from ipaddress import ip_address

    from cryptography import x509

    from pki.names import distinguished_name

    given = {"c": country, "o": organization, "ou": unit, "cn": cn}
    try:
        subject = distinguished_name([(name, value, None) for name, value in given.items() if value is not None])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    names: list[x509.GeneralName] = [
        *map(x509.DNSName, dns),
        *(x509.IPAddress(ip_address(address)) for address in ips),
        *map(x509.RFC822Name, emails),
        *map(x509.UniformResourceIdentifier, uris),
    ]
    if not names and not subject.rdns:
        raise click.UsageError("a request needs a name: add --cn, or --dns, --ip, --email or --uri")
    # RFC 5280 section 4.2.1.6: critical where it is all there is to name the subject
    wanted = x509.Extension(x509.SubjectAlternativeName.oid, not subject.rdns, x509.SubjectAlternativeName(names))
    return subject, [wanted] if names else []


def module(lib: Path | None, hsm_config: Path | None) -> tuple[Path, Mapping[str, str]]:
    """Return the PKCS#11 module, and the variables that it wants set."""
    from pki.signers.config import load_config

    only_one({"--lib": lib, "--hsm-config": hsm_config})
    if lib is not None:
        return lib, {}
    if hsm_config is None:
        raise click.UsageError("which module? Add --lib or --hsm-config")
    config = load_config(hsm_config)
    return config.lib, config.env


def publish(app: App, authority: Authority, validity: timedelta) -> Crl:
    """Publish a CRL after a revocation, which stands whatever becomes of the CRL, and say so before."""
    app.say("Revoked. Publishing the CRL...")
    return authority.generate_crl(validity)


def _read_variables(file: Path | None, overridden: Collection[str]) -> dict[str, Any]:
    if file is None:
        return {}
    from pki.documents import read_document

    document = read_document(file, "var-file")
    # What a profile refuses is found later, inside the command; the context sees it pass by.
    click.get_current_context().with_resource(_located(document, document.data.keys() - overridden))
    return dict(document.data)


@contextmanager
def _located(document: Document, names: Collection[str]) -> Iterator[None]:
    """Give findings about these variables their place in the document."""
    from pki.findings import FindingsError

    try:
        yield
    except FindingsError as error:
        error.findings = tuple(_at_variable(finding, document, names) for finding in error.findings)
        raise


def _at_variable(finding: Finding, document: Document, names: Collection[str]) -> Finding:
    if finding.variable is None or finding.variable not in names:
        return finding
    return replace(finding, where=document.locate((finding.variable,)))


def _one_or_many(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else [part for value in values for part in value.split(",")]
