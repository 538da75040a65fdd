"""`qpki apply` over credentials, in this process: made, renewed, reissued, revoked, restored."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pki.algorithms import ALGORITHMS
from pki.authority import Authority
from pki.issuance import sign_request
from pki.ports import Ports, SystemSecrets
from pki.profiles.catalog import Catalog
from pki.signers import software
from pki.store import index
from pki.x509.certificates import parse_certificates
from pki.x509.crls import parse_crl
from pki.x509.requests import parse_request
from tests.support.audits import audited
from tests.support.checkout import ROOT
from tests.support.cli import Cli
from tests.support.single import (
    KEPT,
    assert_in_order,
    certificates,
    declared,
    key_id,
    layout,
    record,
    revoked_on_crl,
)
from tests.support.workspaces import TWO_TIER, Home, assert_converged


def test_several_profiles_are_several_certificates_with_one_record(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", TWO_TIER)
    home.applied()
    assert record(home)["profiles"] == ["ec/tls-server", "ec/tls-client"]
    assert len({key.name for key in (home.directory / "state/credential/web/private").iterdir()}) == 2
    assert_in_order(home)


def test_a_renewal_makes_a_new_key_and_keeps_the_old_certificate_on_record(home: Home) -> None:
    home.applied()
    (old,) = certificates(home)
    home.now += timedelta(days=300)
    assert ("credential/web", "rekey") in home.changes()
    home.applied()
    (new,) = certificates(home)
    assert new.spki != old.spki
    assert [each["serial"] for each in record(home)["previous"]] == [f"0x{old.serial_hex}"]
    assert index.find(layout(home).index, old.serial).status == "V"
    assert_in_order(home)


def test_a_renewal_without_rotation_keeps_the_key(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", KEPT)
    home.applied()
    (old,) = certificates(home)
    home.now += timedelta(days=300)
    assert ("credential/web", "renew") in home.changes()
    home.applied()
    (new,) = certificates(home)
    assert (new.spki, new.serial != old.serial) == (old.spki, True)
    generated = [entry for entry in audited(home.directory) if entry["event"] == "key-generated"]
    assert len([entry for entry in generated if entry["address"] == "credential/web"]) == 1
    assert_in_order(home)


def test_other_content_is_a_new_certificate(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", KEPT)
    home.applied()
    declared(home, "dns_names: [www.example.com]", "dns_names: [www.example.com, example.com]")
    assert ("credential/web", "reissue") in home.changes()
    home.applied()
    names = certificates(home)[0].extension(x509.SubjectAlternativeName).get_values_for_type(x509.DNSName)
    assert names == ["www.example.com", "example.com"]
    assert_in_order(home)


def test_a_revocation_takes_all_generations_and_the_crl_lists_them(home: Home) -> None:
    home.applied()
    home.now += timedelta(days=300)
    home.applied()
    serials = {int(each["serial"], 16) for each in (*record(home)["certificates"], *record(home)["previous"])}
    declared(home, "dns_names: [www.example.com]}", "dns_names: [www.example.com]}\n  revoked: {reason: keyCompromise}")
    assert home.changes() == [("credential/web", "revoke"), ("crl/issuing", "refresh")]
    home.applied()
    assert revoked_on_crl(home) == dict.fromkeys(serials, "keyCompromise")
    assert record(home)["status"] == "revoked"
    told = [entry for entry in audited(home.directory) if entry["event"] == "certificate-revoked"]
    assert {int(entry["serial"], 16) for entry in told} == serials
    assert {(entry["reason"], entry["issuer"]) for entry in told} == {("keyCompromise", "ca/issuing")}
    assert_in_order(home)


def test_a_revocation_can_be_dated_back(home: Home) -> None:
    home.applied()
    text = "dns_names: [www.example.com]}\n  revoked: {reason: keyCompromise, at: 2026-11-20T10:00:00Z}"
    declared(home, "dns_names: [www.example.com]}", text)
    home.applied()
    (revoked,) = parse_crl(layout(home).crl_der.read_bytes()).revocations
    assert revoked.invalidity_date.isoformat() == "2026-11-20T10:00:00+00:00"
    assert_in_order(home)


def test_what_is_no_longer_revoked_gets_a_new_key_and_stays_on_the_crl(home: Home) -> None:
    home.applied()
    text = "dns_names: [www.example.com]}\n  revoked: {reason: superseded}"
    declared(home, "dns_names: [www.example.com]}", text)
    home.applied()
    listed = revoked_on_crl(home)
    declared(home, "\n  revoked: {reason: superseded}", "")
    assert home.changes() == [("credential/web", "rekey")]
    home.applied()
    assert record(home)["status"] == "valid"
    assert revoked_on_crl(home) == listed
    assert_in_order(home)


@pytest.mark.parametrize(
    ("policy", "signer"), [("reissue", "issuing.2"), ("at-renewal", "issuing"), ("keep", "issuing")]
)
def test_a_new_key_of_the_ca_takes_what_stands_below_with_it_or_not(home: Home, policy: str, signer: str) -> None:
    home.applied()
    declared(home, "name: issuing}\nspec:", f"name: issuing}}\nspec:\n  generation: 2\n  onIssuerRekey: {policy}")
    home.applied()
    assert record(home)["certificates"][0]["issuer_key_id"] == key_id(home, signer)
    assert_in_order(home)
    home.now += timedelta(days=300)
    home.applied()
    later = "issuing" if policy == "keep" else "issuing.2"
    assert record(home)["certificates"][0]["issuer_key_id"] == key_id(home, later)
    assert_in_order(home)


def test_the_crl_of_an_old_generation_lives_as_long_as_what_it_issued(home: Home) -> None:
    home.applied()
    declared(home, "name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2\n  onIssuerRekey: reissue")
    home.applied()
    before = parse_crl(layout(home).crl_der.read_bytes()).number
    home.now += timedelta(days=5)
    home.applied()
    assert parse_crl(layout(home).crl_der.read_bytes()).number > before
    home.now += timedelta(days=400)
    home.applied()
    after = parse_crl(layout(home).crl_der.read_bytes()).number
    home.now += timedelta(days=5)
    assert "crl/issuing" not in dict(home.changes())
    home.applied()
    assert parse_crl(layout(home).crl_der.read_bytes()).number == after


def test_a_certificate_of_an_old_generation_is_revoked_there(home: Home) -> None:
    home.applied()
    (old,) = certificates(home)
    declared(home, "name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2\n  onIssuerRekey: reissue")
    home.applied()
    (new,) = certificates(home)
    declared(home, "dns_names: [www.example.com]}", "dns_names: [www.example.com]}\n  revoked: {reason: superseded}")
    home.applied()
    assert revoked_on_crl(home, "issuing") == {old.serial: "superseded"}
    assert revoked_on_crl(home, "issuing.2") == {new.serial: "superseded"}
    assert_in_order(home)


def test_derived_files_are_restored_from_what_the_ca_has_on_file(home: Home) -> None:
    home.applied()
    directory = home.directory / "state/credential/web"
    before = {path.name: path.read_bytes() for path in directory.glob("*.pem")}
    (directory / "cert.pem").unlink()
    (directory / "fullchain.pem").write_text("altered")
    assert home.changes() == [("credential/web", "update")]
    home.applied()
    assert {path.name: path.read_bytes() for path in directory.glob("*.pem")} == before
    assert_in_order(home)


def test_a_renewed_ca_is_in_the_chains_below_it(home: Home) -> None:
    home.applied()
    home.now += timedelta(days=9 * 365)
    home.applied()
    chain = certificates(home, file="chain.pem")
    assert chain[0] == parse_certificates(layout(home).certificate.read_bytes())[0]
    assert_in_order(home)


def request_by_hand(key: Path, csr: Path) -> None:
    name = "www.example.com"
    Cli().ok("csr", "gen", "--keyout", key, "--cn", name, "--dns", name, "--out", csr)


def test_a_csr_gets_a_certificate_and_no_key(home: Home) -> None:
    home.directory.joinpath("csr").mkdir()
    made = home.directory / "web.key", home.directory / "csr/web.csr"
    request_by_hand(*made)
    declared(home, "variables: {cn: www.example.com, dns_names: [www.example.com]}", "csr: csr/web.csr")
    home.applied()
    assert not (home.directory / "state/credential/web/private").exists()
    assert_in_order(home)
    for path in made:
        path.unlink()
    request_by_hand(*made)
    assert ("credential/web", "rekey") in home.changes()
    home.applied()
    assert_in_order(home)


def test_a_profile_that_makes_the_same_certificates_is_only_noted(home: Home) -> None:
    """It allows shorter names only. No key is used, and nothing is issued."""
    shorter = {
        "root-ca.yaml": ("required: true,", "required: true, maxLength: 60,"),
        "tls-server.yaml": ("maxLength: 64", "maxLength: 60"),
    }
    own = home.directory / "profiles/ec"
    own.mkdir(parents=True)
    for name in shorter:
        shutil.copy(ROOT / "pki/profiles/builtin/ec" / name, own)
    home.applied()
    before = record(home), certificates(home)
    for name, (old, new) in shorter.items():
        text = (own / name).read_text()
        assert text.count(old) == 1
        (own / name).write_text(text.replace(old, new))
    assert home.changes() == [("ca/root", "update"), ("credential/web", "update")]
    home.applied()
    after = record(home)
    assert certificates(home) == before[1]
    for name in ("inputs_digest", "certificates"):
        assert after[name] != before[0][name]
    assert_in_order(home)


def test_a_crl_with_a_distribution_point_says_what_it_covers(home: Home) -> None:
    url = "http://pki.example.com/issuing-{{ generation }}.crl"
    point = f'crl: {{issuingDistributionPoint: {{urls: ["{url}"], only: user-certs}}}}'
    declared(home, "name: issuing}\nspec:", f"name: issuing}}\nspec:\n  {point}")
    home.applied()
    found = parse_crl(layout(home).crl_der.read_bytes()).distribution_point
    assert found is not None
    assert (found.only_contains_user_certs, found.only_contains_ca_certs) == (True, False)
    assert [name.value for name in found.full_name or ()] == ["http://pki.example.com/issuing-1.crl"]
    assert_in_order(home)


def test_a_certificate_that_no_record_came_to_name_is_revoked(home: Home) -> None:
    """A run died between the CA's books and the credential's record: nobody has that certificate."""
    home.applied()
    ports = Ports(SystemSecrets(), clock=lambda: home.now)
    key = software.generate(ALGORITHMS["ecdsa-p256"])
    request = parse_request(
        sign_request(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x.example.com")]), [], signer=key)
    )
    profile, variables = Catalog().get("ec/tls-server"), {"cn": "x.example.com"}
    authority = Authority.open(layout(home).root, ports)
    template = authority.template_for(request, profile, variables, home.now)
    with authority.key() as signer:
        orphan = authority.issue_template(template, request.spki, signer, holder="credential/ghost").certificate
    by_hand = authority.issue(profile, variables, request).certificate
    assert home.changes() == [("crl/issuing", "refresh")]
    home.applied()
    assert revoked_on_crl(home) == {orphan.serial: "superseded"}
    assert index.find(layout(home).index, by_hand.serial).status == "V"
    told = [entry for entry in audited(home.directory) if entry["event"] == "certificate-revoked"]
    assert [(entry["address"], entry["reason"]) for entry in told] == [("crl/issuing", "superseded")]
    assert_converged(home)
