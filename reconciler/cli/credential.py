"""`qpki credential`: keys and certificates of end entities, under one name with one life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import inputs, keychoice, options, reading
from reconciler.cli.app import App
from reconciler.cli.verbs import VerbGroup

if TYPE_CHECKING:
    from pki.keys import KeyChoice
    from pki.ports import SecretRef


@click.group(cls=VerbGroup)
def credential() -> None:
    """Enroll and revoke credentials: keys with certificates.

    A credential is one or more keys with their certificates, under one name, with one life.
    """


credential_id = click.argument("credential_id", metavar="ID")


@credential.command(
    "enroll",
    examples=[
        "qpki credential enroll alice --ca-dir ./issuing-ca --profile ec/tls-client --var cn=alice",
        (
            "qpki credential enroll --ca-dir ./hsm-ca --cred-dir ./hsm-ca/credentials \\\n"
            "  --profile ec/tls-server --var cn=server.example.com --var dns_names=server.example.com \\\n"
            "  --hsm-config ./hsm.yaml --key-label server-key"
        ),
    ],
)
@click.argument("credential_id", metavar="[ID]", required=False)
@click.option(
    "--id", "id_option", metavar="ID", help="The same as the argument.  [default: made from the name and date]"
)
@options.profiles
@options.variables
@options.ca_dir
@options.cred_dir
@options.key(generate=True)
@options.ca_passphrase
@options.output
@click.pass_obj
def enroll(  # noqa: PLR0913 - one parameter per option
    app: App,
    *,
    credential_id: str | None,
    id_option: str | None,
    profiles: Sequence[str],
    variables: Mapping[str, Any],
    ca_dir: Path,
    cred_dir: Path,
    key: KeyChoice,
    ca_passphrase: SecretRef | None,
    output: str,
) -> None:
    """Make keys, and issue their certificates.

    There is one key for each profile: on a token with --hsm-config, otherwise in a file of the credential's directory.
    --passphrase-env and --passphrase-file encrypt it; --ca-passphrase-env and --ca-passphrase-file open the CA's. With
    several profiles, the keys on a token are labelled LABEL-1, LABEL-2 and so on, in the order of the profiles.
    """
    from pki.authority import Authority
    from pki.credentials import EnrollRequest, enroll
    from reconciler.render import credentials

    inputs.only_one({"ID": credential_id, "--id": id_option})
    request = EnrollRequest(
        directory=cred_dir,
        profiles=inputs.profiles(profiles),
        variables=variables,
        key=key,
        id=id_option if credential_id is None else credential_id,
    )
    enrolled = enroll(Authority.open(ca_dir, app.ports, passphrase=ca_passphrase), request)
    refs = [ref for certificate in enrolled.meta.certificates for ref in certificate.storage]
    app.warn_of_plain_keys(keychoice.plain_keys(enrolled.layout.directory, refs))
    app.show(credentials.credential_facts(enrolled, app.ports.clock()), credentials.enrolled_text, output)


@credential.command("list", examples=["qpki credential list"])
@options.cred_dir
@options.output
@click.pass_obj
def list_(app: App, cred_dir: Path, output: str) -> None:
    """List the credentials.

    Those whose records are damaged are told on stderr, and end the command with exit code 1.
    """
    from pki.credentials import Credential, credential_ids
    from reconciler.render import credentials

    found, damaged = reading.each(
        credential_ids(cred_dir),
        lambda name: credentials.credential_facts(Credential.open(cred_dir, name), app.ports.clock()),
    )
    facts = {"directory": str(cred_dir), "credentials": found, "damaged": len(damaged)}
    app.show(facts, credentials.list_text, output)
    reading.require_all(damaged, "credential")


@credential.command("info", examples=["qpki credential info alice"])
@credential_id
@options.cred_dir
@options.output
@click.pass_obj
def info(app: App, credential_id: str, cred_dir: Path, output: str) -> None:
    """Show a credential: status, certificates, keys."""
    from pki.credentials import Credential
    from reconciler.render import credentials

    found = Credential.open(cred_dir, credential_id)
    app.show(credentials.credential_facts(found, app.ports.clock()), credentials.credential_text, output)


@credential.command("export", examples=["qpki credential export alice --bundle all --out alice.pem"])
@credential_id
@options.cred_dir
@click.option(
    "-b",
    "--bundle",
    type=click.Choice(["cert", "chain", "all"]),
    default="cert",
    show_default=True,
    help="Its certificates, those of the CAs above, or both. Never its keys.",
)
@options.encoding
@options.out
@click.pass_obj
def export(app: App, credential_id: str, cred_dir: Path, bundle: str, encoding: str, out: Path | None) -> None:
    """Write a credential's certificates, never its keys.

    They go to a file with --out, or to stdout.
    """
    from pki.credentials import Credential

    found = Credential.open(cred_dir, credential_id)
    chosen = found.certificates() if bundle in ("cert", "all") else []
    chosen += found.chain() if bundle in ("chain", "all") else []
    app.deliver(reading.encoded(chosen, encoding), out)


@credential.command("revoke", examples=["qpki credential revoke alice --ca-dir ./issuing-ca --reason superseded"])
@credential_id
@options.ca_dir
@options.cred_dir
@options.reason
@click.option("--gen-crl", is_flag=True, help="Publish a new CRL at once.")
@options.crl_validity
@options.ca_passphrase
@options.output
@click.pass_obj
def revoke(  # noqa: PLR0913 - one parameter per option
    app: App,
    *,
    credential_id: str,
    ca_dir: Path,
    cred_dir: Path,
    reason: str,
    validity: timedelta,
    ca_passphrase: SecretRef | None,
    output: str,
    gen_crl: bool,
) -> None:
    """Revoke all certificates of a credential.

    The next CRL lists them; --gen-crl publishes that one now.
    """
    from pki.authority import Authority
    from pki.credentials import Credential, revoke
    from reconciler.render import credentials

    authority = Authority.open(ca_dir, app.ports, passphrase=ca_passphrase)
    revoked = revoke(authority, Credential.open(cred_dir, credential_id), reason)
    crl = inputs.publish(app, authority, validity) if gen_crl else None
    app.show(credentials.revoked_facts(authority, revoked, crl), credentials.revoked_text, output)
