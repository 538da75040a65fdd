"""`qpki apply` over credentials, in this process: made, renewed, reissued, revoked, moved, imported and let go."""

from __future__ import annotations

import json
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
from pki.store.layout import CaLayout
from pki.x509.certificates import parse_certificates
from pki.x509.crls import parse_crl
from pki.x509.requests import parse_request
from tests.support.audits import audited, names
from tests.support.checkout import ROOT
from tests.support.workspaces import TWO_TIER, Home, assert_accounted_for, assert_converged

KEPT = TWO_TIER.replace(
    "profiles: [ec/tls-server, ec/tls-client]", "profiles: [ec/tls-server]\n  key: {rotation: never}"
)
SINGLE = KEPT.replace("  key: {rotation: never}\n", "")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.make(tmp_path / "home", SINGLE)


def declared(home: Home, before: str, after: str) -> None:
    text = (home.directory / "qpki.yaml").read_text()
    assert before in text
    home.declare(text.replace(before, after))


def record(home: Home, name: str = "web") -> dict:
    return json.loads((home.directory / "state/credential" / name / "credential.meta.json").read_bytes())


def certificates(home: Home, name: str = "web", file: str = "cert.pem") -> list:
    return parse_certificates((home.directory / "state/credential" / name / file).read_bytes())


def layout(home: Home, name: str = "issuing") -> CaLayout:
    return CaLayout(home.directory / "state/ca" / name)


def revoked_on_crl(home: Home, name: str = "issuing") -> dict[int, str | None]:
    return {each.serial: each.reason for each in parse_crl(layout(home, name).crl_der.read_bytes()).revocations}


def assert_in_order(home: Home) -> None:
    assert_converged(home)
    assert_accounted_for(home)
    audited(home.directory)


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
    assert record(home)["certificates"][0]["issuer_key_id"] == _key_id(home, signer)
    assert_in_order(home)
    home.now += timedelta(days=300)
    home.applied()
    later = "issuing" if policy == "keep" else "issuing.2"
    assert record(home)["certificates"][0]["issuer_key_id"] == _key_id(home, later)
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


def test_a_moved_credential_keeps_its_certificate(home: Home) -> None:
    home.applied()
    (before,) = certificates(home)
    declared(home, "metadata: {name: web}", "metadata: {name: site}")
    declared(
        home,
        "metadata: {name: test}",
        "metadata: {name: test}\nspec: {moved: [{from: credential/web, to: credential/site}]}",
    )
    assert home.changes() == [("credential/site", "move")]
    home.applied()
    assert certificates(home, "site") == [before]
    assert record(home, "site")["id"] == "site"
    assert ("moved", "credential/site") in names(audited(home.directory))
    assert_in_order(home)


def test_a_moved_ca_takes_all_its_generations_along(home: Home) -> None:
    home.applied()
    declared(home, "name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2")
    home.applied()
    declared(home, "metadata: {name: issuing}", "metadata: {name: tls}")
    declared(home, "issuer: issuing", "issuer: tls")
    declared(home, "metadata: {name: test}", "metadata: {name: test}\nspec: {moved: [{from: ca/issuing, to: ca/tls}]}")
    home.applied()
    assert sorted(path.name for path in (home.directory / "state/ca").iterdir()) == ["root", "tls", "tls.2"]
    assert_in_order(home)


def test_a_move_that_was_cut_short_goes_on(home: Home) -> None:
    """Killed between the two directories of a CA: the newest has its new name, the oldest has not."""
    home.applied()
    declared(home, "name: issuing}\nspec:", "name: issuing}\nspec:\n  generation: 2")
    home.applied()
    cas = home.directory / "state/ca"
    (cas / "issuing.2").rename(cas / "tls.2")
    declared(home, "metadata: {name: issuing}", "metadata: {name: tls}")
    declared(home, "issuer: issuing", "issuer: tls")
    declared(home, "metadata: {name: test}", "metadata: {name: test}\nspec: {moved: [{from: ca/issuing, to: ca/tls}]}")
    home.applied()
    assert sorted(path.name for path in cas.iterdir()) == ["root", "tls", "tls.2"]
    assert_in_order(home)


WITHOUT_WEB = SINGLE[: SINGLE.rindex("---\n")]


def removed(action: str) -> str:
    entry = f"spec: {{removed: [{{address: credential/web, action: {action}}}]}}"
    return WITHOUT_WEB.replace("metadata: {name: test}", f"metadata: {{name: test}}\n{entry}")


def test_what_is_forgotten_stays_as_it_is_and_can_be_taken_back(home: Home) -> None:
    home.applied()
    (before,) = certificates(home)
    home.declare(removed("forget"))
    assert home.changes() == [("credential/web", "forget")]
    home.applied()
    assert certificates(home) == [before]
    assert_converged(home)
    home.declare(SINGLE)
    assert home.changes() == [("credential/web", "adopt")]
    home.applied()
    assert "forgotten" not in record(home)
    assert_in_order(home)


def test_what_is_removed_and_revoked_is_on_the_crl(home: Home) -> None:
    home.applied()
    (before,) = certificates(home)
    home.declare(removed("revoke"))
    home.applied()
    assert revoked_on_crl(home) == {before.serial: "cessationOfOperation"}
    assert names(audited(home.directory))[-4:-1] == [
        ("certificate-revoked", "credential/web"),
        ("forgotten", "credential/web"),
        ("crl-signed", "crl/issuing"),
    ]
    assert_converged(home)


def test_a_removed_ca_is_revoked_by_its_issuer(home: Home) -> None:
    home.applied()
    serial = parse_certificates(layout(home).certificate.read_bytes())[0].serial
    text = WITHOUT_WEB[: WITHOUT_WEB.rindex("---\n")]
    entries = "{address: credential/web, action: forget}, {address: ca/issuing, action: revoke, reason: cACompromise}"
    home.declare(text.replace("metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{removed: [{entries}]}}"))
    home.applied()
    assert revoked_on_crl(home, "root") == {serial: "cACompromise"}
    assert_converged(home)


def test_a_ca_and_a_credential_are_imported_as_they_are(home: Home, tmp_path: Path) -> None:
    """Into another workspace, without their keys being touched, and nothing is left to do afterwards."""
    home.applied()
    other = Home.make(tmp_path / "other", SINGLE)
    for kind, name in (("ca", "root"), ("ca", "issuing"), ("credential", "web")):
        shutil.copytree(home.directory / "state" / kind / name, other.directory / "old" / name)
    entries = ", ".join(
        f"{{to: {address}, from: old/{address.partition('/')[2]}}}"
        for address in ("ca/root", "ca/issuing", "credential/web")
    )
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    assert [each for each in other.changes() if each[0].startswith(("ca/", "credential/"))] == [
        ("ca/root", "adopt"),
        ("ca/issuing", "adopt"),
        ("credential/web", "adopt"),
    ]
    other.applied()
    assert certificates(other) == certificates(home)
    assert other.directory.joinpath("state/ca/root/private").stat().st_mode & 0o777 == 0o700
    assert_converged(other)
    other.now += timedelta(days=300)
    other.applied()
    assert_converged(other)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda old: (old / "issuing/index.txt").write_text("nonsense\n"), "index.txt"),
        (lambda old: next((old / "root/certs").iterdir()).unlink(), "has it as valid"),
        (lambda old: (old / "root/crl/ca.crl").write_bytes((old / "issuing/crl/ca.crl").read_bytes()), "ca.crl"),
        (lambda old: (old / "root/link").symlink_to("/etc/passwd"), "symbolic link"),
    ],
    ids=["index", "certificate", "crl", "link"],
)
def test_what_is_not_whole_is_not_imported(home: Home, tmp_path: Path, spoil, said: str) -> None:
    home.applied()
    other = Home.make(tmp_path / "other", SINGLE)
    for name in ("root", "issuing"):
        shutil.copytree(home.directory / "state/ca" / name, other.directory / "old" / name)
    spoil(other.directory / "old")
    entries = "{to: ca/root, from: old/root}, {to: ca/issuing, from: old/issuing}"
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    outcome = other.apply()
    assert outcome.exit_code in (1, 4)
    assert said in outcome.stdout
    name = "issuing" if said == "index.txt" else "root"
    assert not (other.directory / "state/ca" / name / "ca.meta.json").exists()


def test_a_csr_gets_a_certificate_and_no_key(home: Home) -> None:
    from tests.support.cli import Cli

    cli = Cli()
    home.directory.joinpath("csr").mkdir()
    out = home.directory / "csr/web.csr"
    cli.ok(
        "csr",
        "gen",
        "--keyout",
        home.directory / "web.key",
        "--cn",
        "www.example.com",
        "--dns",
        "www.example.com",
        "--out",
        out,
    )
    declared(home, "variables: {cn: www.example.com, dns_names: [www.example.com]}", "csr: csr/web.csr")
    home.applied()
    assert not (home.directory / "state/credential/web/private").exists()
    assert_in_order(home)
    out.unlink()
    (home.directory / "web.key").unlink()
    cli.ok(
        "csr",
        "gen",
        "--keyout",
        home.directory / "web.key",
        "--cn",
        "www.example.com",
        "--dns",
        "www.example.com",
        "--out",
        out,
    )
    assert ("credential/web", "rekey") in home.changes()
    home.applied()
    assert_in_order(home)


SHARED = (
    SINGLE.replace("profiles: [ec/tls-server]", "profiles: [ec/tls-server]\n  key: {resource: shared}")
    + """\
---
apiVersion: qpki.io/v1
kind: Key
metadata: {name: shared}
spec: {algorithm: ecdsa-p256}
"""
)
RENAMED = SHARED.replace("shared", "common").replace(
    "metadata: {name: test}", "metadata: {name: test}\nspec: {moved: [{from: key/shared, to: key/common}]}"
)


def test_a_shared_key_is_used_by_those_who_name_it(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", SHARED)
    home.applied()
    storage = record(home)["certificates"][0]["storage"]
    assert storage == [{"type": "software", "path": "../../key/shared/private/key.pem"}]
    assert ("key-adopted", "credential/web") in names(audited(home.directory))
    assert_in_order(home)


@pytest.mark.parametrize("killed", [False, True], ids=["in one go", "killed between the key and its holder"])
def test_a_shared_key_that_moves_stays_the_key_of_its_holders(tmp_path: Path, *, killed: bool) -> None:
    home = Home.make(tmp_path / "home", SHARED)
    home.applied()
    before = certificates(home)
    home.declare(RENAMED)
    if killed:
        home.applied("--only", "key/*")
    assert ("credential/web", "update") in home.changes()
    home.applied()
    assert certificates(home) == before
    assert record(home)["certificates"][0]["storage"][0]["path"] == "../../key/common/private/key.pem"
    assert_in_order(home)


def test_another_source_of_a_passphrase_is_noted_and_no_key_changes(home: Home) -> None:
    home.env = {"OLD_PASS": "correct horse", "NEW_PASS": "correct horse"}
    for name in ("issuing", "web"):
        declared(
            home,
            f"metadata: {{name: {name}}}\nspec:",
            f"metadata: {{name: {name}}}\nspec:\n  key: {{passphraseEnv: OLD_PASS}}",
        )
    home.applied()
    before = certificates(home)
    declared(home, "OLD_PASS", "NEW_PASS")
    assert home.changes() == [("ca/issuing", "update"), ("credential/web", "update")]
    home.applied()
    home.env = {"NEW_PASS": "correct horse"}
    assert certificates(home) == before
    assert record(home)["certificates"][0]["storage"][0]["passphrase_env"] == "NEW_PASS"
    home.now += timedelta(days=5)
    home.applied()
    assert_in_order(home)


def test_a_note_in_the_record_does_not_take_an_old_key_for_a_new_one(home: Home) -> None:
    """The holder is to use a shared key from now on, and something else changes at the same time."""
    home.applied()
    before = record(home)["certificates"][0]["storage"]
    home.declare(
        SHARED.replace("key: {resource: shared}", "key: {resource: shared}\n  lifecycle: {preventDestroy: true}")
    )
    home.applied()
    found = record(home)
    assert found["previous"][0]["storage"] == before
    assert found["certificates"][0]["storage"] == [{"type": "software", "path": "../../key/shared/private/key.pem"}]
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


def test_a_ca_of_another_issuer_is_not_imported(home: Home, tmp_path: Path) -> None:
    """It is called the same, and another key signed it."""
    home.applied()
    other = Home.make(tmp_path / "other", SINGLE)
    shutil.copytree(home.directory / "state/ca/issuing", other.directory / "old/issuing")
    declared(
        other, "metadata: {name: test}", "metadata: {name: test}\nspec: {import: [{to: ca/issuing, from: old/issuing}]}"
    )
    outcome = other.apply("-o", "json")
    results = {each["address"]: each for each in outcome.json["outcomes"]}
    assert (outcome.exit_code, results["ca/issuing"]["result"]) == (1, "failed")
    assert "old/issuing is not what is declared" in results["ca/issuing"]["error"]
    assert results["credential/web"]["because"] == "ca/issuing"


def test_a_credential_whose_key_is_not_in_its_directory_is_not_imported(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", SHARED)
    home.applied()
    other = Home.make(tmp_path / "other", SINGLE)
    for kind, name in (("ca", "root"), ("ca", "issuing"), ("credential", "web")):
        shutil.copytree(home.directory / "state" / kind / name, other.directory / "old" / name)
    places = ("ca/root", "ca/issuing", "credential/web")
    entries = ", ".join(f"{{to: {address}, from: old/{address.partition('/')[2]}}}" for address in places)
    declared(other, "metadata: {name: test}", f"metadata: {{name: test}}\nspec: {{import: [{entries}]}}")
    outcome = other.apply("-o", "json")
    results = {each["address"]: each for each in outcome.json["outcomes"]}
    assert results["credential/web"]["result"] == "failed"
    assert "is not in old/web" in results["credential/web"]["error"]


def test_a_standalone_key_follows_the_manifest_and_can_be_let_go(tmp_path: Path) -> None:
    home = Home.make(tmp_path / "home", SINGLE + SHARED[SHARED.rindex("---") :])
    home.applied()
    path = home.directory / "state/key/shared/key.meta.json"
    declared(home, "spec: {algorithm: ecdsa-p256}", "spec: {algorithm: ecdsa-p256, lifecycle: {preventDestroy: true}}")
    assert home.changes() == [("key/shared", "update")]
    home.applied()
    assert json.loads(path.read_bytes())["prevent_destroy"] is True
    declared(home, "{preventDestroy: true}", "{preventDestroy: false}")
    home.applied()
    entry = "spec: {removed: [{address: key/shared, action: forget}]}"
    home.declare(SINGLE.replace("metadata: {name: test}", f"metadata: {{name: test}}\n{entry}"))
    home.applied()
    assert "forgotten" in json.loads(path.read_bytes())
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


def test_a_profile_in_the_place_of_another_gets_a_key_of_its_own(tmp_path: Path) -> None:
    """The key of the profile that stays goes on: its rotation is never."""
    manifests = TWO_TIER.replace("ec/tls-client]", "ec/tls-client]\n  key: {rotation: never}")
    home = Home.make(tmp_path / "home", manifests)
    home.applied()
    before = {each["profile"]: each["spki_sha256"] for each in record(home)["certificates"]}
    declared(home, "ec/tls-client]", "ec/code-signing]")
    assert ("credential/web", "reissue") in home.changes()
    home.applied()
    after = {each["profile"]: each["spki_sha256"] for each in record(home)["certificates"]}
    assert after["ec/tls-server"] == before["ec/tls-server"]
    assert after["ec/code-signing"] not in before.values()
    made = [entry["spki_sha256"] for entry in audited(home.directory) if entry["event"] == "key-generated"]
    assert made[-1] == after["ec/code-signing"]
    assert len(made) == len(set(made)) == 5
    assert_in_order(home)


def test_a_certificate_that_no_record_came_to_name_is_revoked(home: Home) -> None:
    """A run died between the CA's books and the credential's record: nobody has that certificate."""
    home.applied()
    ports = Ports(SystemSecrets(), clock=lambda: home.now)
    key = software.generate(ALGORITHMS["ecdsa-p256"])
    request = parse_request(
        sign_request(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x.example.com")]), [], signer=key)
    )
    variables = {"cn": "x.example.com"}
    authority = Authority.open(layout(home).root, ports)
    orphan = authority.issue(Catalog().get("ec/tls-server"), variables, request, holder="credential/ghost").certificate
    by_hand = authority.issue(Catalog().get("ec/tls-server"), variables, request).certificate
    assert home.changes() == [("crl/issuing", "refresh")]
    home.applied()
    assert revoked_on_crl(home) == {orphan.serial: "superseded"}
    assert index.find(layout(home).index, by_hand.serial).status == "V"
    told = [entry for entry in audited(home.directory) if entry["event"] == "certificate-revoked"]
    assert [(entry["address"], entry["reason"]) for entry in told] == [("crl/issuing", "superseded")]
    assert_converged(home)


def _key_id(home: Home, name: str) -> str:
    meta = json.loads((home.directory / "state/ca" / name / "ca.meta.json").read_bytes())
    return meta["certificate"]["subject_key_id"]
