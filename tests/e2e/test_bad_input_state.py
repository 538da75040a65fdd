"""State that was cut, exchanged or written by a newer qpki, keys that are not the recorded ones, wrong passphrases.

Nothing is signed with it, nothing is changed, and the error says which file it is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pki.signers import software
from tests.e2e.conftest import PASSPHRASE
from tests.support.process import Site

ISSUE = "cert issue --ca-dir ca --profile ./server.yaml --csr www.csr"
CRL = "crl gen --ca-dir ca"
READ = "cert list --ca-dir ca"
ENROLL = "credential enroll bob --ca-dir ca --profile ./client.yaml --var cn=bob"
BELOW = "ca init --dir below --parent ca --profile ./issuing.yaml --var cn=Below"
SHOW = "credential info alice"

KEY = "ca/private/ca.ecdsa-p256.key"
META = "ca/ca.meta.json"

Damage = Callable[[Site], None]


def write(name: str, data: bytes) -> Damage:
    return lambda site: (site / name).write_bytes(data) and None


def cut(name: str) -> Damage:
    return lambda site: os.truncate(site / name, (site / name).stat().st_size // 2)


def cut_by(name: str, octets: int) -> Damage:
    return lambda site: os.truncate(site / name, (site / name).stat().st_size - octets)


def add(name: str, text: str) -> Damage:
    return lambda site: (site / name).write_text((site / name).read_text() + text) and None


def remove(name: str) -> Damage:
    return lambda site: (site / name).unlink()


def replace(name: str, pattern: str, by: str) -> Damage:
    def damage(site: Site) -> None:
        text, count = re.subn(pattern, by, (site / name).read_text(), count=1)
        assert count == 1
        (site / name).write_text(text)

    return damage


def copy(source: str, name: str) -> Damage:
    return lambda site: (site / name).write_bytes((site / source).read_bytes()) and None


@pytest.mark.parametrize(
    ("damage", "commands", "says"),
    [
        pytest.param(cut(META), [READ, ISSUE, CRL, BELOW], f"{META} is not complete JSON", id="the record is cut"),
        pytest.param(write(META, b""), [ISSUE], f"{META} is not complete JSON", id="the record is empty"),
        pytest.param(write(META, b"[]"), [ISSUE], f"{META}: must be an object", id="the record is a list"),
        pytest.param(
            write(META, b"<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n"),
            [ISSUE],
            "git merge conflict",
            id="the record has a merge conflict",
        ),
        pytest.param(
            replace(META, '"format": 1', '"format": 99'),
            [READ, ISSUE, CRL, BELOW],
            f"{META} has format 99, this qpki reads up to 1",
            id="the record is from a newer version",
        ),
        pytest.param(
            replace(META, '"path": "private/', '"path": "../locked/private/'),
            [ISSUE, CRL],
            "path '../locked/private/ca.ecdsa-p256.key' is not allowed",
            id="the record leads elsewhere",
        ),
        pytest.param(remove(META), [READ, ISSUE, CRL], f"{META} is not there", id="the record is gone"),
        pytest.param(
            copy("locked/ca.crt", "ca/ca.crt"),
            [READ, ISSUE, CRL, ENROLL, BELOW],
            "ca/ca.crt is not the certificate that ca.meta.json records",
            id="ca.crt is of another CA",
        ),
        pytest.param(cut("ca/ca.crt"), [ISSUE, CRL], "ca/ca.crt: ", id="ca.crt is cut in half"),
        pytest.param(remove("ca/ca.crt"), [READ, ISSUE, CRL], "ca/ca.crt is not there", id="ca.crt is gone"),
        pytest.param(cut("ca/crl/ca.crl"), [CRL], "ca/crl/ca.crl: ", id="the last CRL is cut in half"),
        pytest.param(
            replace("ca/index.txt", "^V\t", "X\t"), [READ, CRL], "ca/index.txt:1: not a row of", id="a row is damaged"
        ),
        pytest.param(
            replace("ca/index.txt", "^V\t[0-9]+", "V\t991332000000"),
            [READ],
            "ca/index.txt:1: '991332000000Z' is not a time",
            id="a row has no time",
        ),
        pytest.param(
            cut_by("ca/index.txt", 5), [READ, CRL, ISSUE, ENROLL], "the last row is cut off", id="the index is cut"
        ),
        pytest.param(
            add("ca/index.txt", "V\t30"),
            [READ, CRL, ISSUE, ENROLL, BELOW],
            "the last row is cut off",
            id="a row is begun that nobody was writing",
        ),
        pytest.param(
            add("ca/journal/issued.jsonl", '{"event":\n'),
            [READ, CRL, ISSUE, ENROLL],
            "ca/journal/issued.jsonl:",
            id="a line of the journal is cut",
        ),
        pytest.param(
            add("ca/journal/issued.jsonl", '{"event":"x","serial":"0x1"}\n'),
            [ISSUE],
            "neither an intent nor the mark that one is done",
            id="a line of the journal is none",
        ),
        pytest.param(
            cut("credentials/alice/credential.meta.json"),
            [SHOW, "credential revoke alice"],
            "credentials/alice/credential.meta.json is not complete JSON",
            id="a credential's record is cut in half",
        ),
        pytest.param(
            replace("credentials/alice/credential.meta.json", '"format": 1', '"format": 99'),
            [SHOW],
            "credentials/alice/credential.meta.json has format 99",
            id="a credential's record is from a newer version",
        ),
        pytest.param(
            copy("www.crt", "credentials/alice/cert.pem"),
            ["credential export alice"],
            "credentials/alice/cert.pem is not the certificate on record",
            id="a credential's certificate is another",
        ),
        pytest.param(
            cut("credentials/alice/chain.pem"),
            ["credential export alice --bundle all"],
            "credentials/alice/chain.pem: ",
            id="a credential's chain is cut in half",
        ),
        pytest.param(remove(KEY), [ISSUE, CRL, ENROLL, BELOW], f"private key {KEY} is not there", id="the key is gone"),
        pytest.param(
            copy("www.key", KEY),
            [ISSUE, CRL, ENROLL, BELOW],
            f"{KEY} holds another key than the one on record",
            id="the key is another",
        ),
        pytest.param(cut(KEY), [CRL], f"{KEY}: ", id="the key is cut in half"),
        pytest.param(write(KEY, b"hello\n"), [CRL], f"{KEY}: the file holds no private keys", id="the key is a text"),
        pytest.param(
            copy("www.crt", KEY), [CRL], f"{KEY}: the file holds no private keys", id="the key is a certificate"
        ),
        pytest.param(write(KEY, bytes(100_000)), [CRL], f"{KEY} is larger than", id="the key is a huge file"),
    ],
)
def test_damaged_state_is_named_and_left_as_it_is(site, damage, commands, says):
    damage(site)

    for command in commands:
        refused = site.refused(command, here=True)
        assert says in refused.error
        assert refused.hint


def test_after_the_repair_that_the_hint_names_the_ca_goes_on(site):
    index = site / "ca" / "index.txt"
    whole = index.read_bytes()
    index.write_bytes(whole[:-5])
    assert "compare it with git or a backup" in site.refused(ISSUE, here=True).hint

    index.write_bytes(whole)
    site.ok(ISSUE)

    assert len(site.ok(f"{READ} -o json").json["certificates"]) == 3


def test_an_error_in_a_record_has_its_line(site):
    cut(META)(site)

    line = len((site / META).read_text().splitlines())
    assert f"line {line} column" in site.refused(READ, here=True).error


LOCKED = "locked/private/ca.ecdsa-p256.key"
LOCKED_CRL = "crl gen --ca-dir locked"


@pytest.mark.parametrize(
    ("command", "env", "says"),
    [
        pytest.param(
            LOCKED_CRL, {"CA_PASSPHRASE": "wrong"}, f"{LOCKED}: the passphrase does not open", id="a wrong passphrase"
        ),
        pytest.param(
            LOCKED_CRL, {"CA_PASSPHRASE": None}, "environment variable CA_PASSPHRASE is not set", id="an unset variable"
        ),
        pytest.param(
            LOCKED_CRL, {"CA_PASSPHRASE": ""}, "environment variable CA_PASSPHRASE is empty", id="an empty variable"
        ),
        pytest.param(
            f"{LOCKED_CRL} --ca-passphrase-env OTHER",
            {},
            "environment variable OTHER is not set",
            id="another unset variable",
        ),
        pytest.param(
            f"{LOCKED_CRL} --ca-passphrase-file missing", {}, "'missing' does not exist", id="a file that is not there"
        ),
        pytest.param(
            f"{LOCKED_CRL} --ca-passphrase-file root.yaml",
            {},
            "other users can read it (mode 0644)",
            id="a file that others can read",
        ),
        pytest.param(
            f"{LOCKED_CRL} --ca-passphrase-file root.yaml --ca-passphrase-env X",
            {},
            "exclude each other",
            id="two sources",
        ),
        pytest.param(
            "credential enroll bob --ca-dir locked --profile ./client.yaml --var cn=bob",
            {"CA_PASSPHRASE": "wrong"},
            f"{LOCKED}: the passphrase does not open",
            id="a wrong passphrase while enrolling",
        ),
        pytest.param(
            "ca init --dir below --parent locked --profile ./issuing.yaml --var cn=Below",
            {"CA_PASSPHRASE": "wrong"},
            f"{LOCKED}: the passphrase does not open",
            id="a wrong passphrase of the parent",
        ),
        pytest.param(
            "ca init --dir new --profile ./root.yaml --var cn=x --passphrase-env NEW",
            {},
            "environment variable NEW is not set",
            id="an unset variable for a new CA",
        ),
        pytest.param(
            "credential enroll bob --ca-dir ca --profile ./client.yaml --var cn=bob --passphrase-env NEW",
            {"NEW": ""},
            "environment variable NEW is empty",
            id="an empty variable for a new credential",
        ),
        pytest.param(
            "key gen --out x.key --passphrase-env NEW",
            {},
            "environment variable NEW is not set",
            id="an unset variable for a new key",
        ),
        pytest.param(
            "csr gen --keyout x.key --cn x --out x.csr --passphrase-env NEW",
            {},
            "environment variable NEW is not set",
            id="an unset variable for a new request",
        ),
        pytest.param(f"key info {LOCKED}", {}, "no terminal is attached", id="no source and no terminal"),
        pytest.param(
            "key info www.key --passphrase-env CA_PASSPHRASE",
            {},
            "www.key is not encrypted",
            id="a passphrase for a plain key",
        ),
    ],
)
def test_a_passphrase_that_is_not_right_or_not_there_stops_everything(shared, command, env, says):
    """An unset variable above all: it never means "no encryption"."""
    refused = shared.refused(command, here=True, **env)

    assert says in refused.error
    assert refused.hint
    assert PASSPHRASE not in refused.stderr


def test_an_encrypted_key_that_was_replaced_by_a_plain_one_signs_nothing(site):
    """Even by the same key: who took the encryption away?"""
    signer = software.load((site / LOCKED).read_bytes(), PASSPHRASE)
    (site / LOCKED).write_bytes(signer.to_pem(None))

    refused = site.refused(LOCKED_CRL, here=True)

    assert refused.error == f"{LOCKED} is not encrypted, but a passphrase is named for it"
    assert "may have been replaced" in refused.hint


def test_the_key_files_are_readable_by_their_owner_alone(site):
    site.ok(f"{ENROLL}")
    keys = [path for path in Path(site.directory).rglob("*") if path.parent.name == "private"]

    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    assert {path.parent.stat().st_mode & 0o777 for path in keys} == {0o700}
    assert len(keys) == 4
    assert json.loads((site / META).read_text())["keys"][0]["storage"]["path"] == "private/ca.ecdsa-p256.key"
