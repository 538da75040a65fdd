"""`qpki apply` around what others did or what stands in the way: revoked by hand, blocked, lost, of another shape."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pki.authority import Authority
from pki.ports import Ports, SystemSecrets
from pki.store import index
from pki.x509.certificates import parse_certificates
from tests.support.single import SINGLE, assert_in_order, declared, layout, revoked_on_crl
from tests.support.workspaces import Home, assert_accounted_for, assert_converged


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.make(tmp_path / "home", SINGLE)
    home.applied()
    return home


def serial_of(home: Home, path: str) -> int:
    return parse_certificates((home.directory / "state" / path).read_bytes())[0].serial


def authority(home: Home, name: str) -> Authority:
    return Authority.open(home.directory / "state/ca" / name, Ports(SystemSecrets(), clock=lambda: home.now))


def revoke_by_hand(home: Home, ca: str, path: str) -> int:
    """Revoke what a file of state holds, as `qpki cert revoke` does."""
    serial = serial_of(home, path)
    authority(home, ca).revoke([serial], "superseded")
    return serial


def listed(home: Home, name: str) -> set[int]:
    return set(revoked_on_crl(home, name))


def edit(home: Home, path: str, change: Callable[[dict[str, Any]], object]) -> None:
    file = home.directory / "state" / path
    record = json.loads(file.read_bytes())
    change(record)
    file.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


def test_a_credential_that_was_revoked_by_hand_gets_another_key(home: Home) -> None:
    serial = revoke_by_hand(home, "issuing", "credential/web/cert.pem")

    assert home.changes() == [("credential/web", "rekey"), ("crl/issuing", "refresh")]
    home.applied()

    assert serial_of(home, "credential/web/cert.pem") != serial
    assert listed(home, "issuing") == {serial}
    assert_in_order(home)


def test_a_record_is_brought_in_step_with_what_was_revoked_by_hand(home: Home) -> None:
    serial = revoke_by_hand(home, "issuing", "credential/web/cert.pem")
    declared(home, "  issuer: issuing\n", "  issuer: issuing\n  revoked: {reason: keyCompromise}\n")

    assert ("credential/web", "revoke") in home.changes()
    home.applied()

    row = index.find(layout(home).index, serial)
    assert (row.status, row.reason) == ("R", "superseded")
    assert listed(home, "issuing") == {serial}
    assert_in_order(home)


def test_a_ca_that_was_revoked_by_hand_gets_another_key_and_all_below_it_new_certificates(home: Home) -> None:
    serial = revoke_by_hand(home, "root", "ca/issuing/ca.crt")

    assert home.changes() == [
        ("ca/issuing", "rekey"),
        ("credential/web", "rekey"),
        ("crl/issuing.2", "refresh"),
        ("crl/root", "refresh"),
    ]
    home.applied()

    assert listed(home, "root") == {serial}
    chain = parse_certificates((home.directory / "state/credential/web/chain.pem").read_bytes())
    assert chain[0].serial == serial_of(home, "ca/issuing.2/ca.crt")
    assert_in_order(home)


def test_crls_are_kept_alive_while_a_new_key_waits_to_be_approved(home: Home) -> None:
    declared(home, "  profile: ec/issuing-ca\n", "  profile: ec/issuing-ca\n  generation: 2\n")
    home.now += timedelta(days=6)

    home.applied("--only", "crl/*")

    assert not (home.directory / "state/ca/issuing.2").exists()
    assert home.changes("--only", "crl/*") == []
    assert ("ca/issuing", "rekey") in home.changes()


@pytest.mark.parametrize("selection", [(), ("--exclude", "ca/issuing")])
def test_a_ca_that_must_not_be_changed_signs_as_it_is(home: Home, selection: tuple[str, ...]) -> None:
    """Its new key is denied by a policy, or excluded; a renewal below it is made all the same."""
    declared(home, "  profile: ec/issuing-ca\n", "  profile: ec/issuing-ca\n  generation: 2\n")
    rule = "{id: no, effect: deny, match: [ca/issuing], algorithms: [rsa-*]}"
    (home.directory / "pki").mkdir(exist_ok=True)
    (home.directory / "pki/policy.yaml").write_text(
        f"apiVersion: qpki.io/v1\nkind: Policy\nmetadata: {{name: p}}\nspec: {{rules: [{rule}]}}\n"
    )
    home.now += timedelta(days=380)
    before = serial_of(home, "credential/web/cert.pem")

    outcome = home.apply(*selection)

    assert outcome.exit_code == (0 if selection else 4), outcome.stderr
    assert serial_of(home, "credential/web/cert.pem") != before
    assert not (home.directory / "state/ca/issuing.2").exists()
    assert_accounted_for(home)


def test_what_can_be_revoked_is_revoked_when_an_earlier_issuer_is_gone(home: Home) -> None:
    text = (home.directory / "qpki.yaml").read_text()
    issuing = next(part for part in text.split("---\n") if "name: issuing" in part)
    other = issuing.replace("name: issuing", "name: other").replace("Issuing", "Other")
    home.declare(f"{text}---\n{other}")
    home.applied()
    declared(home, "  issuer: issuing\n", "  issuer: other\n")
    home.applied()
    serial = serial_of(home, "credential/web/cert.pem")
    declared(home, f"{issuing}---\n", "")
    shutil.rmtree(home.directory / "state/ca/issuing")
    declared(home, "  issuer: other\n", "  issuer: other\n  revoked: {reason: superseded}\n")

    (revoking,) = [each for each in home.plan()["changes"] if each["action"] == "revoke"]
    assert [each["message"] for each in revoking["notices"]] == [
        "1 earlier certificate is by no CA in state, and will stay unrevoked"
    ]
    home.applied()

    assert listed(home, "other") == {serial}
    assert_converged(home)


def test_records_of_the_seeds_shape_are_completed_and_nothing_is_issued_anew(home: Home) -> None:
    for name in ("root", "issuing"):
        names = ("certificate", "issuer", "subject", "inputs_digest", "profile_digest", "generation", "variables")
        edit(home, f"ca/{name}/ca.meta.json", lambda record, names=names: [record.pop(each, None) for each in names])
    before = serial_of(home, "ca/issuing/ca.crt"), serial_of(home, "credential/web/cert.pem")

    assert home.changes() == [("ca/issuing", "update"), ("ca/root", "update")]
    home.applied()

    assert (serial_of(home, "ca/issuing/ca.crt"), serial_of(home, "credential/web/cert.pem")) == before
    assert_converged(home)
    (home.directory / "state/credential/web/chain.pem").unlink()
    (home.directory / "state/ca/issuing/chain.crt").unlink()
    home.applied()
    assert_converged(home)


def test_a_credential_without_certificates_is_damaged(home: Home) -> None:
    edit(home, "credential/web/credential.meta.json", lambda record: record.update(certificates=[]))

    (change,) = home.plan()["changes"]

    assert (change["address"], change["action"]) == ("credential/web", "update")
    assert [each["code"] for each in change["blocked"]] == ["state.damaged"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda root: (root / "state/ca/root/ca.crt").unlink(),
        lambda root: (root / "state/ca/root/ca.meta.json").write_text("{"),
        lambda root: (root / "state/credential/web/credential.meta.json").write_text("{}"),
        lambda root: (root / "state/ca/issuing/index.txt").write_text("?"),
        lambda root: shutil.rmtree(root / "state/credential/web"),
    ],
)
def test_plans_of_two_checkouts_are_the_same_bytes(
    home: Home, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    """Whatever is wrong: nothing tells on which machine, or where, a plan was made."""
    declared(home, "dns_names: [www.example.com]", "dns_names: [www.example.com, -]")
    other = Home(tmp_path / "another" / "place", now=home.now)
    shutil.copytree(home.directory, other.directory)
    for each in (home, other):
        damage(each.directory)

    plans = [each.qpki("plan", "-o", "json").stdout for each in (home, other)]

    assert plans[0] == plans[1]
    assert '"changes": []' not in plans[0]
    assert str(home.directory) not in plans[0]
