"""CAs, credentials and keys become typed specs; what they leave out comes from the workspace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pki.findings import Location
from reconciler.kinds.authority import CaSpec, CrlSpec, DistributionPointSpec, OnIssuerRekey, UrlsSpec
from reconciler.kinds.credential import CredentialSpec, RevokedSpec
from reconciler.kinds.desired import HsmFacts
from reconciler.kinds.keys import KeySpec, Rotation, StandaloneKeySpec
from reconciler.kinds.renewal import Renewal
from reconciler.kinds.workspace import CA_RENEWAL, RENEWAL
from tests.support.manifests import ca, credential, document, load, refused, settings

HSM = "type: pkcs11\npkcs11: {lib: /x.so, token: T, pin_env: T_PIN}\n"


def test_a_ca_that_says_little_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, ca()).cas["root"] == CaSpec(
        name="root",
        issuer=None,
        profile="ec/root-ca",
        variables={"cn": "Root"},
        key=KeySpec(),
        crl=CrlSpec(timedelta(days=7), timedelta(days=3)),
        renewal=CA_RENEWAL,
        where=Location("pki/all.yaml", 2, 1),
    )


def test_a_ca_that_says_all(tmp_path: Path) -> None:
    spec = """
        issuer: root
        profile: ec/issuing-ca
        variables: {cn: Issuing}
        key: {hsm: ./hsm/x.yaml, label: k, id: "0a0b", rotation: always}
        generation: 3
        onIssuerRekey: reissue
        renewal: {before: 60d}
        urls: {caIssuers: ["http://x.example/ca.crt"], ocsp: ["http://ocsp.example"]}
        crl:
          validity: 30d
          refreshBefore: 10d
          urls: ["http://x.example/{{generation}}.crl", "ldap://x.example/cn=a"]
          issuingDistributionPoint: {urls: ["http://x.example/{{ generation }}.crl"], only: user-certs}
          keepExpired: true
        lifecycle: {preventDestroy: true}
    """
    found = load(tmp_path, ca(), ca("issuing", spec), hsm__x_dot_yaml=HSM)

    assert found.cas["issuing"] == CaSpec(
        name="issuing",
        issuer="root",
        profile="ec/issuing-ca",
        variables={"cn": "Issuing"},
        key=KeySpec(hsm="hsm/x.yaml", label="k", key_id="0a0b"),
        crl=CrlSpec(
            timedelta(days=30),
            timedelta(days=10),
            DistributionPointSpec(("http://x.example/{{ generation }}.crl",), "user-certs"),
            keep_expired=True,
        ),
        renewal=Renewal(before=timedelta(days=60)),
        where=Location("pki/all.yaml", 9, 1),
        urls=UrlsSpec(
            crl=("http://x.example/{{ generation }}.crl", "ldap://x.example/cn=a"),
            ca_issuers=("http://x.example/ca.crt",),
            ocsp=("http://ocsp.example",),
        ),
        rotation=Rotation.ALWAYS,
        on_issuer_rekey=OnIssuerRekey.REISSUE,
        generation=3,
        prevent_destroy=True,
    )
    assert found.hsms == {"hsm/x.yaml": HsmFacts("T", "T_PIN")}


def test_the_workspace_gives_what_a_ca_leaves_out(tmp_path: Path) -> None:
    spec = "crl: {validity: 20d, refreshBefore: 5d}\ncaRenewal: {before: 30d}"
    found = load(tmp_path, settings(spec), ca("root", "profile: ec/root-ca\nvariables: {cn: R}\ncrl: {validity: 10d}"))

    assert found.cas["root"].crl == CrlSpec(timedelta(days=10), timedelta(days=5))
    assert found.cas["root"].renewal == Renewal(before=timedelta(days=30))


def test_a_credential_that_says_little_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, ca(), credential()).credentials["web"] == CredentialSpec(
        name="web",
        issuer="root",
        profiles=("ec/tls-client",),
        variables={"cn": "web"},
        keys=(KeySpec(),),
        renewal=RENEWAL,
        where=Location("pki/all.yaml", 9, 1),
    )


def test_a_credential_that_says_all(tmp_path: Path) -> None:
    spec = """
        issuer: root
        profiles: [ec/tls-server, ec/tls-client]
        variables: {cn: www.example.com, dns_names: [www.example.com]}
        keys:
          - {passphraseEnv: PASS, rotation: never}
          - {hsm: hsm/x.yaml, label: k, existing: true}
        renewal: {before: 25%}
        revoked: {reason: keyCompromise, at: 2026-11-20T10:00:00+01:00}
        lifecycle: {preventDestroy: true}
    """
    found = load(tmp_path, ca(), document("Credential", "web", spec), hsm__x_dot_yaml=HSM).credentials["web"]

    assert found == CredentialSpec(
        name="web",
        issuer="root",
        profiles=("ec/tls-server", "ec/tls-client"),
        variables={"cn": "www.example.com", "dns_names": ["www.example.com"]},
        keys=(KeySpec(passphrase_env="PASS"), KeySpec(hsm="hsm/x.yaml", label="k", existing=True)),
        renewal=Renewal(share=0.25),
        where=Location("pki/all.yaml", 9, 1),
        rotation=Rotation.NEVER,
        revoked=RevokedSpec("keyCompromise", datetime(2026, 11, 20, 9, 0, tzinfo=UTC)),
        prevent_destroy=True,
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("", Rotation.ALWAYS),
        ("key: {passphraseEnv: P}", Rotation.ALWAYS),
        ("key: {rotation: never}", Rotation.NEVER),
        ("key: {hsm: hsm/x.yaml}", Rotation.NEVER),
        ("key: {hsm: hsm/x.yaml, rotation: always}", Rotation.ALWAYS),
        ("key: {resource: shared}", Rotation.NEVER),
        ("csr: web.csr", Rotation.NEVER),
    ],
)
def test_a_key_is_renewed_with_its_certificate_unless_it_is_worth_keeping(
    tmp_path: Path, key: str, expected: Rotation
) -> None:
    shared = document("Key", "shared", "algorithm: ecdsa-p256")
    found = load(tmp_path, ca(), shared, credential(more=key), hsm__x_dot_yaml=HSM, web_dot_csr="csr")

    assert found.credentials["web"].rotation is expected


def test_a_csr_is_known_by_its_hash(tmp_path: Path) -> None:
    found = load(tmp_path, ca(), credential(more="csr: ./in/web.csr"), in__web_dot_csr="csr").credentials["web"]

    assert found.csr == "in/web.csr"
    assert found.csr_sha256 == "c27338c453067b437471afbce792704d816112c6031bb996b62c698ea599ef80"


def test_a_standalone_key(tmp_path: Path) -> None:
    spec = "algorithm: rsa-3072\nhsm: hsm/x.yaml\nid: '01'\nexisting: true\nlifecycle: {preventDestroy: true}"
    found = load(tmp_path, document("Key", "shared", spec), hsm__x_dot_yaml=HSM)

    assert found.keys["shared"] == StandaloneKeySpec(
        name="shared",
        algorithm="rsa-3072",
        key=KeySpec(hsm="hsm/x.yaml", key_id="01", existing=True),
        where=Location("pki/all.yaml", 2, 1),
        prevent_destroy=True,
    )


@pytest.mark.parametrize(
    ("key", "at", "code"),
    [
        ("{pin: '1234'}", "pin", "schema.refused-key"),
        ("{passphrase: hunter2}", "passphrase", "schema.refused-key"),
        ("{hsm: hsm/x.yaml, pin: 1234}", "pin", "schema.refused-key"),
        ("{hsm: hsm/x.yaml, passphraseEnv: P}", "passphraseEnv", "schema.refused-key"),
        ("{passphraseEnv: P, passphraseFile: p}", "passphraseFile", "schema.refused-key"),
        ("{resource: shared, hsm: hsm/x.yaml}", "hsm: hsm", "schema.refused-key"),
        ("{label: x}", "{", "schema.dependentRequired"),
        ("{hsm: hsm/x.yaml, existing: true}", "{", "schema.anyOf"),
        ("{hsm: hsm/x.yaml, id: 01}", "01", "schema.type"),
        ("{hsm: hsm/x.yaml, id: 'A0'}", "'A0'", "schema.pattern"),
        ("{hsm: /hsm/x.yaml}", "/hsm", "path.outside"),
        ("{hsm: hsm/y.yaml}", "hsm/y", "path.missing"),
        ("{passphraseFile: ../p}", "../p", "path.outside"),
        ("{resource: nokey}", "nokey", "key.unknown"),
        ("{resource: shared, rotation: always}", "always", "key.rotation"),
        ("{hsm: hsm/x.yaml, label: l, existing: true, rotation: always}", "always", "key.rotation"),
    ],
)
def test_a_key_that_contradicts_itself_is_refused_there(tmp_path: Path, key: str, at: str, code: str) -> None:
    shared = document("Key", "shared", "algorithm: ecdsa-p256")
    (found,) = refused(tmp_path, ca(), shared, credential(more=f"key: {key}"), hsm__x_dot_yaml=HSM)
    where = found.where

    assert found.code == code
    assert where is not None
    line = (tmp_path / where.source).read_text().splitlines()[(where.line or 0) - 1]
    assert line[(where.column or 0) - 1 :].startswith(at)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("issuer: root", "schema.oneOf"),
        ("issuer: root\nprofile: ec/tls-client\nprofiles: [ec/tls-client]", "schema.oneOf"),
        ("profile: ec/tls-client", "schema.missing-key"),
        ("issuer: root\nprofiles: [ec/tls-client, ec/tls-client]", "schema.uniqueItems"),
        ("issuer: root\nprofile: ec/tls-client\nkey: {}\ncsr: x", "schema.refused-key"),
        ("issuer: root\nprofile: ec/tls-client\nkey: {}\nkeys: [{}]", "schema.refused-key"),
        ("issuer: root\nprofile: ec/tls-client\nkeys: [{}, {}]", "credential.key-count"),
        ("issuer: root\nprofile: ec/tls-client\nkeys: [{rotation: never}, {rotation: always}]", "credential.rotation"),
        ("issuer: root\nprofile: ec/tls-client\ncsr: none.csr", "path.missing"),
        ("issuer: root\nprofile: ec/tls-client\ncsr: pki", "document.unreadable"),
        ("issuer: root\nprofile: ec/tls-client\nrevoked: {reason: removeFromCRL}", "schema.enum"),
        ("issuer: root\nprofile: ec/tls-client\nrevoked: {reason: superseded, at: 2026-11-20}", "schema.pattern"),
        (
            "issuer: root\nprofile: ec/tls-client\nrevoked: {reason: superseded, at: 2026-13-20T10:00:00Z}",
            "manifest.value",
        ),
        ("issuer: root\nprofile: ec/tls-client\nrenewal: {before: 100%}", "schema.pattern"),
    ],
)
def test_a_credential_that_contradicts_itself_is_refused(tmp_path: Path, spec: str, code: str) -> None:
    found = refused(tmp_path, ca(), document("Credential", "web", spec))

    assert code in [finding.code for finding in found]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("variables: {cn: R}", "schema.missing-key"),
        ("profile: ec/root-ca\ngeneration: 0", "schema.minimum"),
        ("profile: ec/root-ca\nonIssuerRekey: never", "schema.enum"),
        ("profile: ec/root-ca\nurls: {ocsp: ['ldap://x.example']}", "schema.pattern"),
        ("profile: ec/root-ca\nurls: {caIssuers: ['https://x.example']}", "schema.pattern"),
        ("profile: ec/root-ca\nurls: {caIssuers: ['http://x .example']}", "manifest.value"),
        ("profile: ec/root-ca\ncrl: {urls: ['http://x.example/{{ number }}']}", "manifest.value"),
        ("profile: ec/root-ca\ncrl: {urls: ['http://x.example/{{ generation']}", "manifest.value"),
        ("profile: ec/root-ca\ncrl: {issuingDistributionPoint: {}}", "schema.minProperties"),
        ("profile: ec/root-ca\nkey: {pem: '-----BEGIN PRIVATE KEY-----'}", "schema.refused-key"),
    ],
)
def test_a_ca_that_contradicts_itself_is_refused(tmp_path: Path, spec: str, code: str) -> None:
    assert code in [finding.code for finding in refused(tmp_path, ca("root", spec))]


def test_no_finding_repeats_a_secret(tmp_path: Path) -> None:
    """Neither the message, nor the line that is shown."""
    spec = "profile: ec/root-ca\nkey: {pin: '0815', passphrase: hunter2, passphraseEnv: 's3 cret', lable: x}"
    found = refused(tmp_path, ca("root", spec))

    assert len(found) == 4
    assert not any(secret in repr(found) for secret in ("0815", "hunter2", "s3 cret"))


def test_no_finding_shows_a_line_of_a_file_with_a_private_key(tmp_path: Path) -> None:
    pasted = "key: -----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n"
    found = refused(tmp_path, pasted)

    assert found[0].code == "yaml.syntax"
    assert "MIGH" not in repr(found)
