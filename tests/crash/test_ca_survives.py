"""Whatever step of an operation fails, the CA works afterwards and accounts for everything it meant to sign.

Each operation is run once for every write, fsync, link, rename, signature and key generation in it, in a forked process
that is killed, or whose call fails, at exactly that point: before the call, after it, or half way through the bytes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from pki.authority import Authority, CaRenewal, CaRequest, create_ca, mend_ca, renew_ca
from pki.credentials import Credential, EnrollRequest, credential_ids, enroll, revoke
from pki.errors import PkiError, StoreError
from pki.keys import FileKey
from pki.ports import Ports, SystemSecrets
from pki.profiles.catalog import Catalog
from pki.store.journal import Journal
from pki.x509.certificates import parse_certificate, serial_hex
from pki.x509.crls import parse_crl
from tests.support import killer

PORTS = Ports(secrets=SystemSecrets())
NAMES = {"cn": "a.example.com", "dns_names": ["a.example.com"]}
KEY_CALLS = ("pki.signers.software:SoftwareSigner.sign", "pki.signers.software:generate")
POINTS = [("kill", "before"), ("kill", "after"), ("kill", "half"), ("enospc", "before"), ("eio", "half")]

Operation = Callable[[Path], object]


def new_root(home: Path) -> Authority:
    profile = Catalog().get("ec/root-ca")
    return create_ca(
        CaRequest(directory=home / "root", profile=profile, variables={"cn": "Root"}, key=FileKey()), PORTS
    )


def new_issuing(home: Path) -> Authority:
    profile, parent = Catalog().get("ec/issuing-ca"), Authority.open(home / "root", PORTS)
    request = CaRequest(
        directory=home / "issuing", profile=profile, variables={"cn": "Issuing"}, key=FileKey(), parent=parent
    )
    return create_ca(request, PORTS)


def renewed_root(home: Path) -> Authority:
    renewal = CaRenewal(profile=Catalog().get("ec/root-ca"), variables={"cn": "Root"}, holder="ca/root")
    return renew_ca(Authority.open(home / "root", PORTS), renewal)


def renewed_issuing(home: Path) -> Authority:
    renewal = CaRenewal(
        profile=Catalog().get("ec/issuing-ca"),
        variables={"cn": "Issuing"},
        parent=Authority.open(home / "root", PORTS),
        holder="ca/issuing",
    )
    return renew_ca(Authority.open(home / "issuing", PORTS), renewal)


def new_credential(home: Path) -> Credential:
    profiles = [Catalog().get(name) for name in ("ec/tls-server", "ec/tls-client")]
    request = EnrollRequest(directory=home / "credentials", profiles=profiles, variables=NAMES, key=FileKey(), id="web")
    return enroll(Authority.open(home / "root", PORTS), request)


def revoke_credential(home: Path) -> Credential:
    return revoke(Authority.open(home / "root", PORTS), Credential.open(home / "credentials", "web"), "keyCompromise")


def new_crl(home: Path) -> object:
    return Authority.open(home / "root", PORTS).generate_crl()


OPERATIONS: dict[str, tuple[tuple[Operation, ...], Operation]] = {
    "ca init": ((), new_root),
    "ca init --parent": ((new_root,), new_issuing),
    "ca renewal": ((new_root,), renewed_root),
    "ca renewal --parent": ((new_root, new_issuing), renewed_issuing),
    "credential enroll": ((new_root,), new_credential),
    "credential revoke": ((new_root, new_credential), revoke_credential),
    "crl gen": ((new_root, new_credential, revoke_credential, new_crl), new_crl),
}


def is_struck(operation: Operation, home: Path, number: int, mode: str, when: str) -> bool:
    """Run the operation in a child with a fault at its n-th call; say whether there was an n-th call."""
    child = os.fork()
    if child == 0:
        os._exit(_child(operation, home, number, mode, when))
    _, status = os.waitpid(child, 0)
    outcome = os.waitstatus_to_exitcode(status)
    assert outcome in (0, 1, -signal.SIGKILL)
    return outcome != 0


def _child(operation: Operation, home: Path, number: int, mode: str, when: str) -> int:
    trigger = killer.arm(number, mode=mode, when=when, calls=KEY_CALLS)
    try:
        operation(home)
    except (PkiError, OSError):
        return 1 if trigger.reached else 2
    return int(trigger.reached)


def disowned(ca: Authority) -> set[int]:
    return {entry.serial for entry in ca.ledger.entries(ca.now()) if entry.revoked_at is not None}


def assert_accounts_for_everything(root: Path) -> None:
    """What was journaled is filed and listed, or disowned; what is filed is listed; the next CRL says so."""
    ca = Authority.open(root, PORTS)
    crl = ca.generate_crl()
    filed = {parse_certificate(path.read_bytes()).serial for path in ca.layout.certificates.glob("*.crt")}
    listed = {entry.serial for entry in ca.ledger.entries(ca.now())}
    intended = {intent.serial for intent in all_intents(ca) if intent.kind == "certificate"}

    assert filed <= listed
    assert intended <= listed | own_serials(ca)
    assert not listed & own_serials(ca)
    assert listed - filed <= disowned(ca)
    assert disowned(ca) == {revocation.serial for revocation in crl.revocations}
    assert Journal(ca.layout.journal).unfinished() == []


def assert_files_follow_the_record(root: Path) -> None:
    ca = Authority.open(root, PORTS)
    assert parse_certificate(ca.layout.certificate.read_bytes()) == ca.certificate
    assert [link.subject for link in ca.chain] == ([] if root.name == "root" else [ca.certificate.issuer])


def own_serials(ca: Authority) -> set[int]:
    """Return the serials of the CA's own certificates, each of which is in `own/` once there are several."""
    facts = (*ca.meta.previous, ca.meta.certificate)
    assert not ca.meta.previous or all(ca.layout.own(serial_hex(each.serial)).exists() for each in facts)
    return {each.serial for each in facts}


def all_intents(ca: Authority) -> list:
    path = ca.layout.root / "all-intents"
    lines = [line for line in ca.layout.journal.read_bytes().splitlines(keepends=True) if b'"done"' not in line]
    path.write_bytes(b"".join(lines))
    try:
        return Journal(path).unfinished()
    finally:
        path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "when"), POINTS, ids=lambda value: value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_fault_at_any_point_loses_nothing(name, mode, when, tmp_path):
    before, operation = OPERATIONS[name]
    pristine = tmp_path / "pristine"
    pristine.mkdir()
    for step in before:
        step(pristine)
    struck = 0
    for number in count(1):
        home = tmp_path / str(number)
        shutil.copytree(pristine, home)
        if not is_struck(operation, home, number, mode, when):
            break
        struck += 1
        converge(operation, home)
        assert mode != "kill" or not list(home.rglob(".qpki-*.tmp"))  # a call that fails may be the one that removes it
        shutil.rmtree(home)

    assert struck >= 3


def converge(operation: Operation, home: Path) -> None:
    """Run again, as people do: it works, or says that the first run had got there already."""
    try:
        operation(home)
    except StoreError as error:
        if not re.search("exists|revoked already|there is a CA", str(error)):
            raise
    for root in (home / "root", home / "issuing"):
        if root.exists():
            assert_accounts_for_everything(root)
            assert_files_follow_the_record(root)
    for name in credential_ids(home / "credentials"):
        credential = Credential.open(home / "credentials", name)
        assert len(credential.certificates()) == len(credential.meta.profiles)


@pytest.mark.slow
def test_a_ca_works_wherever_its_renewal_was_killed(tmp_path):
    """Before anything is run again: the CA signs with the certificate on record, and can be mended without its key."""
    pristine = tmp_path / "pristine"
    pristine.mkdir()
    new_root(pristine)
    first = new_issuing(pristine).certificate
    certificates = set()
    for number in count(1):
        home = tmp_path / str(number)
        shutil.copytree(pristine, home)
        if not is_struck(renewed_issuing, home, number, "kill", "after"):
            break
        issuing, root = (Authority.open(home / name, PORTS) for name in ("issuing", "root"))
        issuing.generate_crl()
        certificates.add(issuing.certificate)
        mend_ca(issuing.layout.root, PORTS, root)
        assert_files_follow_the_record(issuing.layout.root)
        assert {facts.serial for facts in (*issuing.meta.previous, issuing.meta.certificate)} >= {first.serial}

    assert number > 20
    assert first in certificates
    assert len(certificates) > 3


@pytest.mark.slow
def test_a_record_never_names_a_crl_that_is_not_there(tmp_path):
    """Wherever it was killed: the CRL is published first, in both forms, and the record follows."""
    pristine = tmp_path / "pristine"
    pristine.mkdir()
    new_root(pristine)
    new_crl(pristine)
    numbers = []
    for number in count(1):
        home = tmp_path / str(number)
        shutil.copytree(pristine, home)
        struck = is_struck(new_crl, home, number, "kill", "after")
        ca = Authority.open(home / "root", PORTS)
        published = [parse_crl(path.read_bytes()).number for path in (ca.layout.crl_der, ca.layout.crl_pem)]
        assert ca.meta.crl.number <= min(published)
        numbers.append((ca.meta.crl.number, published[0]))
        if not struck:
            break

    assert {recorded < number for recorded, number in numbers} == {True, False}


def test_a_serial_that_was_signed_and_lost_is_on_the_next_crl(tmp_path):
    """Killed right after the signature, before the certificate is on disk: nobody can prove that nobody has it."""
    new_root(tmp_path)
    for number in count(1):
        assert is_struck(new_credential, tmp_path, number, "kill", "after")
        ca = Authority.open(tmp_path / "root", PORTS)
        if any(intent.kind == "certificate" for intent in ca.ledger._journal.unfinished()):
            break
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        new_root(tmp_path)
    lost = {intent.serial for intent in ca.ledger._journal.unfinished()}
    ca.generate_crl()
    crl = parse_crl(ca.layout.crl_der.read_bytes())

    assert lost == {revocation.serial for revocation in crl.revocations}
    assert crl.this_update <= datetime.now(UTC)
