"""Option values as the library wants them; combinations that make no sense are usage errors here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pki.errors import PkiError

if TYPE_CHECKING:
    from cryptography.x509 import Extension, Name, SubjectAlternativeName

    from pki.authority import Authority
    from pki.keyrefs import KeyRef
    from pki.keys import KeyChoice, TokenKeyChoice
    from pki.ports import SecretRef, SecretSource
    from pki.profiles.catalog import Catalog
    from pki.profiles.model import Profile
    from pki.signers.base import Signer
    from pki.store.index import IndexEntry
    from pki.store.meta import CaUrls
    from pki.x509.certificates import Certificate
    from pki.x509.crls import Crl
    from pki.x509.requests import CertificateRequest
    from reconciler.cli.app import App

    OpenKey = Callable[[SecretSource], AbstractContextManager[Signer]]
    WantedNames = tuple[Name, list[Extension[SubjectAlternativeName]]]


def variables(pairs: Iterable[tuple[str, str]], var_file: Path | None) -> dict[str, Any]:
    """Return the variables of `--var-file` with those of `--var` over them; a name given twice makes a list."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return _read_variables(var_file) | {name: _one_or_many(values) for name, values in given.items()}


def passphrase(passphrase_env: str | None, passphrase_file: Path | None) -> SecretRef | None:
    """Return where a passphrase comes from, or None when no source is named."""
    return _secret(passphrase_env, passphrase_file, "--passphrase")


def ca_passphrase(ca_passphrase_env: str | None, ca_passphrase_file: Path | None) -> SecretRef | None:
    return _secret(ca_passphrase_env, ca_passphrase_file, "--ca-passphrase")


def key_choice(
    *,
    hsm_config: Path | None,
    key_label: str | None,
    key_id: str | None,
    generate_key: bool | None,
    passphrase_env: str | None,
    passphrase_file: Path | None,
    by_default: bool,
) -> KeyChoice:
    """Return which key to use or make; `by_default` says whether a token makes one when nobody says."""
    from pki.keys import FileKey

    secret = passphrase(passphrase_env, passphrase_file)
    if hsm_config is not None:
        generate = by_default if generate_key is None else generate_key
        return token_key(hsm_config, key_label, key_id, secret, generate=generate)
    refuse_without("--hsm-config", {"--key-label": key_label, "--key-id": key_id, "--generate-key": generate_key})
    return FileKey(secret)


def existing_key(
    *,
    file: Path | None,
    hsm_config: Path | None,
    key_label: str | None,
    key_id: str | None,
    passphrase_env: str | None,
    passphrase_file: Path | None,
) -> OpenKey:
    """Return what opens a key that is there, in a file or on a token, for a `with` block."""
    only_one({"FILE": file, "--hsm-config": hsm_config})
    return open_key(file, hsm_config, key_label, key_id, passphrase(passphrase_env, passphrase_file))


def open_key(
    file: Path | None, hsm_config: Path | None, label: str | None, key_id: str | None, secret: SecretRef | None
) -> OpenKey:
    from pki import keys

    if file is None:
        return functools.partial(_open_on_token, token_key(hsm_config, label, key_id, secret))
    refuse_without("--hsm-config", {"--key-label": label, "--key-id": key_id})
    return lambda secrets: nullcontext(keys.load_file_key(file, passphrase=secret, secrets=secrets))


def token_key(
    hsm_config: Path | None, label: str | None, key_id: str | None, secret: SecretRef | None, *, generate: bool = False
) -> TokenKeyChoice:
    """Return a choice that names a key; without a label or id there is none to find, without a label none to make."""
    from pki.keys import TokenKeyChoice

    if hsm_config is None:
        raise click.UsageError("which key? Name a file, or a token with --hsm-config")
    if secret is not None:
        raise click.UsageError(
            "a key on a token has a PIN, not a passphrase: drop --passphrase-env and --passphrase-file"
        )
    if label is None and (generate or key_id is None):
        raise click.UsageError(
            f"which key on the token? Add {'--key-label' if generate else '--key-label or --key-id'}"
        )
    return TokenKeyChoice(hsm_config, label, key_id, generate)


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


@contextmanager
def of(file: Path) -> Iterator[None]:
    """Name the file in what goes wrong with it: a command can read several."""
    try:
        yield
    except PkiError as error:
        if str(file) not in error.message:
            error.message = f"{file}: {error.message}"
        raise


def request(file: Path) -> CertificateRequest:
    from pki.store import files
    from pki.x509.requests import MAX_SIZE, parse_request

    with of(file):
        return parse_request(files.read(file, limit=MAX_SIZE))


def all_certificates(files: Iterable[Path]) -> list[Certificate]:
    return [certificate for file in files for certificate in certificates(file)]


def certificates(file: Path) -> list[Certificate]:
    from pki.store import files
    from pki.x509.certificates import parse_certificates

    with of(file):
        return parse_certificates(files.read(file))


def crl(file: Path) -> Crl:
    from pki.store import files
    from pki.x509.crls import parse_crl

    with of(file):
        return parse_crl(files.read(file, limit=None))


def find(authority: Authority, certificate: int | Path) -> tuple[IndexEntry, Certificate | None]:
    """Return the CA's record of a certificate, named by serial or by a file, and what is filed under its serial.

    Raises:
        StoreError: the CA did not issue it.
    """
    from pki.errors import StoreError
    from pki.store import files
    from pki.x509.certificates import parse_certificate, serial_hex

    if isinstance(certificate, int):
        serial, given = certificate, None
    else:
        given = certificates(certificate)[0]
        serial = given.serial
    path = authority.layout.issued(serial_hex(serial))
    filed = parse_certificate(files.read(path)) if files.exists(path) else None
    entry = next((row for row in authority.ledger.entries(authority.now()) if row.serial == serial), None)
    if entry is None or given not in (None, filed):
        what = f"certificate with serial {serial_hex(serial)}" if given is None else f"certificate as in {certificate}"
        raise StoreError(
            f"the CA in {authority.layout.root} has issued no {what}",
            hint="`qpki cert list` shows what it has issued",
        )
    return entry, filed


def plain_keys(base: Path, refs: Iterable[KeyRef]) -> list[Path]:
    """Return the key files among these, recorded relative to `base`, that have no passphrase."""
    from pki.keyrefs import SoftwareKeyRef

    software = [ref for ref in refs if isinstance(ref, SoftwareKeyRef)]
    return [base / ref.path for ref in software if ref.passphrase_env is None and ref.passphrase_file is None]


def publish(app: App, authority: Authority, validity: timedelta) -> Crl:
    """Publish a CRL after a revocation, which stands whatever becomes of the CRL, and say so before."""
    app.say("Revoked. Publishing the CRL...")
    return authority.generate_crl(validity)


def encoded(chosen: Sequence[Certificate], encoding: str) -> bytes:
    """Return certificates as a PEM bundle, or the one certificate as DER."""
    if encoding == "pem":
        return b"".join(certificate.pem() for certificate in chosen)
    if len(chosen) != 1:
        raise click.UsageError("DER holds one certificate: choose --format pem, or less to export")
    return chosen[0].der


def _secret(env: str | None, file: Path | None, option: str) -> SecretRef | None:
    only_one({f"{option}-env": env, f"{option}-file": file})
    if env is None and file is None:
        return None
    from pki.ports import SecretRef

    return SecretRef(env=env, file=file)


def _read_variables(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    from pki.documents import read_document

    return dict(read_document(file, "var-file").data)


def _one_or_many(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else [part for value in values for part in value.split(",")]


@contextmanager
def _open_on_token(choice: TokenKeyChoice, secrets: SecretSource) -> Iterator[Signer]:
    from pki import keys

    with keys.open_token(choice.config, secrets) as token:
        yield token.signer(label=choice.label, key_id=choice.key_id)
