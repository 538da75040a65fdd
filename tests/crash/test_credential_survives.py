"""Whatever step of a credential's life fails or is killed, the next run gets there, with nothing lost or made twice.

Each operation is run once for every write, fsync, link, rename, signature and key generation in it, in a forked process
that is killed, or whose call fails, at exactly that point; then it is run again as a reconciler does: what the record
says has happened is only put in order, and else it is done.
"""

from __future__ import annotations

import os
import shutil
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from pki.algorithms import algorithm
from pki.authority import Authority
from pki.credentials import Credential, EnrollRequest, enroll, mend_credential, renew, revoke
from pki.errors import PkiError
from pki.keys import FileKey, TokenKeyChoice, create_key, list_token_keys, open_signer
from pki.ports import Ports
from pki.signers.base import spki_sha256
from pki.store import files, meta
from pki.store.forms import Status
from pki.store.journal import Intent, Journal
from pki.store.layout import KeyLayout
from tests.support import killer
from tests.support.enrolling import BOTH, WEB, csr, of
from tests.support.issue import CATALOG, PORTS, new_ca
from tests.support.tokens import FixedSecrets, SoftHsm, softhsm_token

POINTS = [("kill", "before"), ("kill", "after"), ("kill", "half"), ("enospc", "before"), ("eio", "half")]
KEY_CALLS = ("pki.signers.software:SoftwareSigner.sign", "pki.signers.software:generate")
TOKEN_CALLS = ("pki.signers.pkcs11.keygen:_generate", "pki.signers.software:SoftwareSigner.sign")
P256 = algorithm("ecdsa-p256")
CSR = csr()

Operation = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """`before` makes the world, `run` is struck, and `again` is what a reconciler does then."""

    before: Operation
    run: Operation
    again: Operation


def ca(home: Path, name: str = "root") -> Authority:
    return Authority.open(home / "ca" / name, PORTS)


def wanted(home: Path, *profiles: str) -> EnrollRequest:
    request = EnrollRequest(
        directory=home / "credential", profiles=(), variables=WEB, key=FileKey(), id="web", holder="credential/web"
    )
    return of(request, *profiles or BOTH[:1])


def web(home: Path) -> Credential:
    return Credential.open(home / "credential", "web")


def two_cas(home: Path) -> None:
    for name in ("root", "root.2"):
        new_ca(CATALOG.get("ec/root-ca"), home / "ca" / name, variables={"cn": "Root"})


def enrolled(home: Path) -> None:
    two_cas(home)
    enroll(ca(home), wanted(home))


def renewed(home: Path) -> None:
    enrolled(home)
    renew(ca(home, "root.2"), web(home), wanted(home), new_keys=True)


def renewing(*profiles: str, new_keys: bool) -> Case:
    def run(home: Path) -> None:
        renew(ca(home, "root.2"), web(home), wanted(home, *profiles), new_keys=new_keys)

    def again(home: Path) -> None:
        if web(home).meta.generation == 1:
            run(home)
        mend_credential(ca(home, "root.2"), web(home))

    return Case(enrolled, run, again)


def enroll_csr(home: Path) -> None:
    enroll(ca(home), replace(wanted(home), key=CSR))


def enroll_csr_again(home: Path) -> None:
    if not files.exists(home / "credential" / "web" / "credential.meta.json"):
        enroll_csr(home)


def revoke_all(home: Path) -> None:
    revoke([ca(home), ca(home, "root.2")], web(home), "keyCompromise")


def revoke_again(home: Path) -> None:
    if web(home).meta.status is Status.VALID:
        revoke_all(home)


CASES = {
    "renew, same key": renewing(new_keys=False),
    "renew, new key": renewing(new_keys=True),
    "renew, one more profile": renewing(*BOTH, new_keys=False),
    "enroll a CSR": Case(two_cas, enroll_csr, enroll_csr_again),
    "revoke two generations": Case(renewed, revoke_all, revoke_again),
}


def is_struck(operation: Operation, home: Path, number: int, mode: str, when: str, calls: tuple[str, ...]) -> bool:
    """Run the operation in a child with a fault at its n-th call; say whether there was an n-th call."""

    def strike() -> int:
        trigger = killer.arm(number, mode=mode, when=when, calls=calls)
        try:
            operation(home)
        except (PkiError, OSError):
            if not trigger.reached:
                raise
        return int(trigger.reached)

    outcome = in_child(strike)
    assert outcome in (0, 1, -signal.SIGKILL)
    return outcome != 0


def in_child(work: Callable[[], int | None]) -> int:
    """Do work in a process of its own, and return what it returns, or the signal that killed it as a negative number.

    A PKCS#11 module that was loaded here would not survive the fork of the next child.
    """
    child = os.fork()
    if child == 0:
        code = 3
        try:
            code = work() or 0
        except BaseException:  # noqa: BLE001 - the child must not go on as a second pytest
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def journaled(authority: Authority) -> list[Intent]:
    """Return every certificate that the CA ever meant to sign, but its own."""
    lines = [line for line in authority.layout.journal.read_bytes().splitlines(keepends=True) if b'"done"' not in line]
    copy = authority.layout.root.with_name("intents")
    copy.write_bytes(b"".join(lines))
    found = [intent for intent in Journal(copy).unfinished() if intent.kind == "certificate"]
    return [intent for intent in found if intent.serial != authority.certificate.serial]


def assert_in_order(home: Path, *, killed: bool) -> None:
    """The credential is whole, its keys are there, and each serial that was journaled is accounted for.

    Certificates that no record names are revoked when the renewal fails, but for one that it failed to file. Of a
    process that was killed any can be left. The journal says whose they would have been, for a reconciler to revoke.
    """
    found = web(home)
    named = {each.serial for each in (*found.meta.previous, *found.meta.certificates)}
    for certificate, record in zip(found.certificates(), found.meta.certificates, strict=True):
        assert certificate.serial == record.serial
        for ref in record.storage:
            with open_signer(ref, base=found.layout.directory, secrets=PORTS.secrets) as signer:
                assert spki_sha256(signer.spki) == record.spki_sha256
    expected = "R" if found.meta.status is Status.REVOKED else "V"
    for name in ("root", "root.2"):
        authority = ca(home, name)
        authority.generate_crl()
        rows = {entry.serial: entry.status for entry in authority.ledger.entries(authority.now())}
        intents = journaled(authority)
        assert {intent.serial for intent in intents} == rows.keys()
        assert {rows[serial] for serial in named & rows.keys()} <= {expected}
        orphans = [intent for intent in intents if rows[intent.serial] == "V" and intent.serial not in named]
        assert {intent.holder for intent in orphans} <= {"credential/web"}
        assert killed or len(orphans) <= 1
    assert len(list(found.layout.directory.glob("private/*.pem"))) <= 1 + len(found.meta.previous)


def assert_survives(
    case: Case, tmp_path: Path, mode: str, when: str, calls: tuple[str, ...], check: Callable[[Path], None]
) -> int:
    """Return the number of points that were tried."""
    pristine = tmp_path / "pristine"
    pristine.mkdir(exist_ok=True)
    case.before(pristine)
    for number in count(1):
        home = tmp_path / "home"
        shutil.copytree(pristine, home)
        struck = is_struck(case.run, home, number, mode, when, calls)
        if struck:
            case.again(home)
        check(home)
        assert mode != "kill" or not list(home.rglob(".qpki-*.tmp"))
        shutil.rmtree(home)
        if not struck:
            return number - 1
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "when"), POINTS, ids=lambda value: value)
@pytest.mark.parametrize("name", CASES)
def test_a_fault_at_any_point_loses_nothing(name, mode, when, tmp_path, record_property):
    tried = assert_survives(
        CASES[name], tmp_path, mode, when, KEY_CALLS, lambda home: assert_in_order(home, killed=mode == "kill")
    )

    record_property("points", tried)
    assert tried >= 5


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "when"), POINTS, ids=lambda value: value)
def test_a_standalone_key_is_one_key_at_any_point(mode, when, tmp_path, record_property):
    def make(home: Path) -> None:
        create_key(KeyLayout(home / "key", "common"), P256, FileKey(), PORTS)

    def again(home: Path) -> None:
        if not files.exists(KeyLayout(home / "key", "common").meta):
            make(home)

    def check(home: Path) -> None:
        record = meta.load_key(KeyLayout(home / "key", "common").meta)
        with open_signer(record.storage, base=home / "key/common", secrets=PORTS.secrets) as signer:
            assert spki_sha256(signer.spki) == record.spki_sha256
        assert len(list((home / "key/common/private").glob("*.pem"))) == 1

    tried = assert_survives(Case(lambda _: None, make, again), tmp_path, mode, when, KEY_CALLS, check)
    record_property("points", tried)
    assert tried >= 5


@pytest.fixture
def hsm(tmp_path) -> SoftHsm:
    return softhsm_token(tmp_path / "hsm")


@pytest.mark.slow
@pytest.mark.hsm
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("later", [False, True], ids=["enroll", "rekey"])
def test_a_key_on_a_token_is_made_once(later, when, hsm, tmp_path, record_property):
    """Killed at every step around its generation; the next run finds it by label and id, and makes no second one."""
    tokens = hsm.directory / "tokens"
    ports = Ports(secrets=FixedSecrets(), clock=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))
    label, key_id = ("web.g2", "2" * 16) if later else ("web", "1" * 16)
    key = TokenKeyChoice(hsm.config_path, label, key_id, generate=True, adopt=True)

    def run(home: Path) -> None:
        request, authority = replace(wanted(home), key=[key]), Authority.open(home / "ca/root", ports)
        if later:
            renew(authority, web(home), request, new_keys=True)
        else:
            enroll(authority, request)

    def again(home: Path) -> None:
        record = home / "credential" / "web" / "credential.meta.json"
        if not files.exists(record) or web(home).meta.generation == int(later):
            assert in_child(lambda: run(home)) == 0
        mend_credential(ca(home), web(home))

    def check(home: Path) -> None:
        assert in_child(lambda: assert_one_key(home)) == 0
        shutil.rmtree(tokens)
        shutil.copytree(hsm.directory / "empty", tokens)

    def assert_one_key(home: Path) -> None:
        (found,) = list_token_keys(hsm.config_path, ports.secrets)
        assert (found.label, found.key_id) == (label, key_id)
        certificate = web(home).meta.certificates[0]
        assert found.spki_sha256 == certificate.spki_sha256 == spki_sha256(web(home).certificates()[0].spki)

    shutil.copytree(tokens, hsm.directory / "empty")
    case = Case(enrolled if later else two_cas, run, again)
    tried = assert_survives(case, tmp_path, "kill", when, TOKEN_CALLS, check)
    record_property("points", tried)
    assert tried >= 5
