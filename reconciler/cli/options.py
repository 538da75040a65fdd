"""The options that commands share, so that one thing has one name and one meaning everywhere.

Options that belong together reach a command as one value: `variables` as a mapping, `key` as the library's choice of a
key. No option carries a secret: passphrases and PINs are named by where they come from, never given.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli import inputs, keychoice
from reconciler.cli.outputs import OUTPUT_FILE
from reconciler.cli.types import (
    ALGORITHM,
    DNS,
    DURATION,
    EMAIL,
    HTTP_URL,
    IP,
    KEY_ID,
    MAX_DAYS,
    PROFILE,
    PUBLISHED_URL,
    REASON,
    URI,
    VARIABLE,
)

Body = TypeVar("Body", bound=Callable[..., Any])
OptionDecorator = Callable[[Any], Any]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_DIRECTORY = click.Path(file_okay=False, path_type=Path)


def together(*decorators: OptionDecorator) -> Callable[[Body], Body]:
    """Return one decorator for several options, listed in this order."""

    def decorate(body: Body) -> Body:
        decorated: Any = body
        for decorator in reversed(decorators):
            decorated = decorator(decorated)
        return decorated  # type: ignore[no-any-return]  # an option decorator returns the function it was given

    return decorate


def gathered(name: str, build: Callable[..., object], *decorators: OptionDecorator) -> Callable[[Body], Body]:
    """Return one decorator for several options, which the command gets as the one value that `build` makes of them."""
    parameters = together(*decorators)(lambda: None).__click_params__  # type: ignore[attr-defined]  # click puts it there
    own = [parameter.name for parameter in parameters]

    def decorate(body: Body) -> Body:
        @functools.wraps(body)
        def with_value(*args: object, **given: object) -> object:
            value = build(**{option: given.pop(option) for option in own})
            return body(*args, **given, **{name: value})

        return together(*decorators)(with_value)  # type: ignore[return-value]  # callers see the command, not this

    return decorate


output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the result."
)

out = click.option("--out", type=OUTPUT_FILE, metavar="FILE", help="Write it to this file.")

encoding = click.option(
    "-f", "--format", "encoding", type=click.Choice(["pem", "der"]), default="pem", show_default=True, help="Encoding."
)

ca_dir = click.option(
    "-d", "--ca-dir", "--dir", "ca_dir", type=NEW_DIRECTORY, default="ca", show_default=True, help="The CA's directory."
)

cred_dir = click.option(
    "-c",
    "--cred-dir",
    type=NEW_DIRECTORY,
    default="credentials",
    show_default=True,
    help="The directory that holds the credentials.",
)

profile = click.option(
    "-P", "--profile", type=PROFILE, required=True, metavar="NAME|FILE", help="The profile; see `qpki profile list`."
)

profiles = click.option(
    "-P",
    "--profile",
    "profiles",
    type=PROFILE,
    multiple=True,
    required=True,
    metavar="NAME|FILE",
    help="The profile; repeated, or several separated by commas, one certificate for each.",
)

algorithm = click.option(
    "-a", "--algorithm", type=ALGORITHM, default="ecdsa-p256", show_default=True, help="Kind of the new key."
)

variables = gathered(
    "variables",
    inputs.variables,
    click.option(
        "--var",
        "pairs",
        type=VARIABLE,
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a variable of the profile; a list takes commas or several --var. See `qpki profile vars`.",
    ),
    click.option("--var-file", type=FILE, metavar="FILE", help="Variables in YAML or JSON; a --var of that name wins."),
)

hsm_config = click.option("--hsm-config", type=FILE, metavar="FILE", help="Use the HSM that this file describes.")

required_hsm_config = click.option(
    "--hsm-config", type=FILE, metavar="FILE", required=True, help="The file that describes the HSM."
)

key_label = click.option("--key-label", metavar="LABEL", help="The key's label on the token (CKA_LABEL).")

key_id = click.option("--key-id", type=KEY_ID, metavar="HEX", help="The key's id on the token (CKA_ID).")

token_key = together(hsm_config, key_label, key_id)

_passphrase_options = (
    click.option("--passphrase-env", metavar="VAR", help="Environment variable with the key file's passphrase."),
    click.option("--passphrase-file", type=FILE, metavar="FILE", help="File with it, which only you can read."),
)

passphrase = gathered("passphrase", keychoice.passphrase, *_passphrase_options)

existing_key = gathered(
    "open_key",
    keychoice.existing_key,
    click.argument("file", type=FILE, required=False),
    token_key,
    *_passphrase_options,
)

ca_passphrase = gathered(
    "ca_passphrase",
    keychoice.ca_passphrase,
    click.option(
        "--ca-passphrase-env", metavar="VAR", help="Environment variable with the passphrase of the CA's key file."
    ),
    click.option("--ca-passphrase-file", type=FILE, metavar="FILE", help="File with it, which only you can read."),
)


def key(*, generate: bool) -> Callable[[Body], Body]:
    """Return the options that choose a key in a file or on a token; `generate` says what a token does when not told."""
    return gathered(
        "key",
        functools.partial(keychoice.key_choice, by_default=generate),
        token_key,
        click.option(
            "--generate-key/--use-existing-key",
            default=None,
            help=f"Make the key on the token, or use the one there.  [default: {'make' if generate else 'use'} it]",
        ),
        *_passphrase_options,
    )


urls = gathered(
    "urls",
    inputs.urls,
    click.option("--crl-url", "crl", type=PUBLISHED_URL, multiple=True, help="Where its certificates say its CRL is."),
    click.option(
        "--ca-issuers-url", "ca_issuers", type=PUBLISHED_URL, multiple=True, help="Where they say its certificate is."
    ),
    click.option("--ocsp-url", "ocsp", type=HTTP_URL, multiple=True, help="Where they say its OCSP responder is."),
)

reason = click.option(
    "-r",
    "--reason",
    type=REASON,
    default="unspecified",
    show_default=True,
    help="Why, by RFC 5280: keyCompromise, superseded, cessationOfOperation, ...",
)

crl_validity = gathered(
    "validity",
    inputs.validity,
    click.option("--validity", type=DURATION, metavar="DURATION", help="How long the CRL is good for.  [default: 7d]"),
    click.option("--days", type=click.IntRange(1, MAX_DAYS), help="The same in days."),
)

anchors = click.option(
    "--ca",
    "anchors",
    type=FILE,
    multiple=True,
    required=True,
    metavar="FILE",
    help="A certificate to trust; may be repeated, and hold several.",
)

wanted_names = gathered(
    "wanted",
    inputs.wanted_names,
    click.option("--cn", metavar="NAME", help="Common name."),
    click.option("-O", "--organization", metavar="NAME", help="Organization."),
    click.option("--ou", "unit", metavar="NAME", help="Organizational unit."),
    click.option("-C", "--country", metavar="CODE", help="Country, two letters."),
    click.option("--dns", type=DNS, multiple=True, help="A DNS name; may be repeated, as the next three."),
    click.option("--ip", "ips", type=IP, multiple=True, help="An IP address."),
    click.option("--email", "emails", type=EMAIL, multiple=True, help="An e-mail address."),
    click.option("--uri", "uris", type=URI, multiple=True, help="A URI."),
)
