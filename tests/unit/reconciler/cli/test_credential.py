import pytest

from pki.x509.certificates import parse_certificates

ENROLLED = """\
Credential created successfully!

Credential ID: alice
Subject:       CN=alice,O=Example
Profiles:      ec/tls-client, ec/signing
Valid:         2026-11-23 to 2027-11-23
Directory:     ./credentials/alice

Certificates issued: 2
  [1] Serial: 1004
      Profile:     ec/tls-client
      Algorithm:   ECDSA-SHA256
      Certificate: ./credentials/alice/cert.ec-tls-client.pem
      Key:         ./credentials/alice/private/key.ec-tls-client.pem
  [2] Serial: 1005
      Profile:     ec/signing
      Algorithm:   ECDSA-SHA256
      Certificate: ./credentials/alice/cert.ec-signing.pem
      Key:         ./credentials/alice/private/key.ec-signing.pem
"""

INFO = """\
Credential ID: bob
Subject:       CN=bob
Profiles:      ec/tls-client
Status:        revoked
Revoked:       2026-11-23 12:00:00 UTC (superseded)
Created:       2026-11-23 12:00:00 UTC
Valid From:    2026-11-23 12:00:00 UTC
Valid Until:   2027-11-23 12:00:00 UTC
Directory:     ./credentials/bob

Certificates: 1
  [1] Serial: 1004
      Profile:     ec/tls-client
      Algorithm:   ECDSA-SHA256
      Certificate: ./credentials/bob/cert.pem
      Key:         ./credentials/bob/private/key.pem
"""

REVOKED = """\
Credential bob revoked successfully.
  Reason:       superseded
  Revoked:      2026-11-23 12:00:00 UTC
  Certificates: 1004
Note: Run `qpki crl gen` to publish it in a CRL.
"""


@pytest.fixture
def enroll(world):
    def enroll(*arguments):
        return world.cli(
            "credential", "enroll", "--ca-dir", world.issuing, "--cred-dir", world.home / "credentials", *arguments
        )

    return enroll


@pytest.fixture
def bob(world, enroll):
    assert enroll("bob", "--profile", "ec/tls-client", "--var", "cn=bob").exit_code == 0
    return ("--cred-dir", world.home / "credentials")


def test_enroll_makes_one_key_and_certificate_per_profile(world, enroll):
    made = enroll("alice", "-P", "ec/tls-client,ec/signing", "--var", "cn=alice", "--var", "organization=Example")

    assert world.blank(made.stdout) == ENROLLED
    assert made.stderr.count("WARNING") == 1
    for key in ("key.ec-tls-client.pem", "key.ec-signing.pem"):
        assert key in made.stderr


def test_profiles_may_be_repeated_instead(enroll):
    made = enroll("alice", "-P", "ec/tls-client", "-P", "ec/signing", "--var", "cn=alice", "-o", "json").json

    assert made["profiles"] == ["ec/tls-client", "ec/signing"]


@pytest.mark.parametrize("name", [["carol"], ["--id", "carol"]])
def test_the_id_is_an_argument_or_an_option(enroll, name):
    assert enroll(*name, "-P", "ec/tls-client", "--var", "cn=x", "-o", "json").json["id"] == "carol"


def test_without_an_id_one_is_made_from_the_name_and_the_date(enroll):
    made = enroll("-P", "ec/tls-client", "--var", "cn=Carol Doe", "-o", "json").json

    assert made["id"].startswith("carol-doe-20261123-")


def test_two_ids_are_one_too_many(enroll):
    outcome = enroll("a", "--id", "b", "-P", "ec/tls-client", "--var", "cn=x")

    assert outcome.error == "ID and --id exclude each other"


@pytest.mark.parametrize("name", ["../../x", "/etc/x", ".hidden", "a/b", "x\x00y", "-x", ""])
def test_an_id_that_could_lead_elsewhere_is_refused(world, enroll, name):
    before = sorted(world.home.rglob("*"))
    outcome = enroll("--id", name, "-P", "ec/tls-client", "--var", "cn=x")
    added = [path for path in sorted(world.home.rglob("*")) if path not in before]

    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert added == []


@pytest.mark.usefixtures("bob")
def test_an_id_is_taken_once(world, enroll):
    """The original overwrites the credential, and its certificate stays valid."""
    before = (world.home / "credentials" / "bob" / "cert.pem").read_bytes()
    outcome = enroll("bob", "-P", "ec/tls-client", "--var", "cn=other")

    assert outcome.exit_code == 1
    assert "bob" in outcome.error
    assert (world.home / "credentials" / "bob" / "cert.pem").read_bytes() == before


def test_keys_are_encrypted_with_the_passphrase_named(world, enroll, monkeypatch):
    monkeypatch.setenv("P", "hunter2")
    made = enroll("dave", "-P", "ec/tls-client", "--var", "cn=dave", "--passphrase-env", "P")
    key = world.home / "credentials" / "dave" / "private" / "key.pem"

    assert "WARNING" not in made.stderr
    assert b"ENCRYPTED" in key.read_bytes()


def test_list_shows_them_by_id(world, enroll, bob):
    enroll("alice", "-P", "ec/tls-client", "--var", "cn=Alice")

    assert world.cli.ok("credential", "list", *bob).stdout == (
        "ID     SUBJECT  PROFILES       STATUS  VALID UNTIL\n"
        "alice  Alice    ec/tls-client  valid   2027-11-23\n"
        "bob    bob      ec/tls-client  valid   2027-11-23\n"
        "\n"
        "Total: 2 credentials\n"
    )
    assert world.cli.ok("cred", "list", "-c", world.home / "none").stdout == f"No credentials in {world.home}/none\n"


def test_a_damaged_credential_hides_no_other(world, enroll, bob):
    enroll("alice", "-P", "ec/tls-client", "--var", "cn=Alice")
    (world.home / "credentials" / "alice" / "credential.meta.json").write_text("{")
    listed = world.cli("credential", "list", *bob)

    assert (listed.exit_code, listed.error) == (1, "1 credential cannot be read")
    assert listed.stdout.splitlines()[1:] == [
        "bob  bob      ec/tls-client  valid   2027-11-23",
        "",
        "Total: 1 credential",
    ]
    assert "alice/credential.meta.json is not complete JSON" in listed.stderr


@pytest.mark.usefixtures("bob")
def test_info_in_json_shows_every_path_as_it_is_seen_from_here(world, monkeypatch):
    monkeypatch.chdir(world.home)
    (certificate,) = world.cli.ok("credential", "info", "bob", "-o", "json").json["certificates"]

    assert certificate["path"] == "credentials/bob/cert.pem"
    assert certificate["storage"] == [{"type": "software", "path": "credentials/bob/private/key.pem"}]


def test_revoke_revokes_all_and_info_shows_it(world, bob):
    revoked = world.cli.ok("credential", "revoke", "bob", "-d", world.issuing, *bob, "--reason", "Superseded")

    assert revoked.stdout == REVOKED
    assert world.blank(world.cli.ok("credential", "info", "bob", *bob).stdout) == INFO


def test_revoke_publishes_a_crl_when_asked(world, bob):
    revoke = ("credential", "revoke", "bob", "-d", world.issuing, *bob)

    assert world.cli.ok(*revoke, "--gen-crl", "-o", "json").json["crl"]["revoked"] == 1
    assert "revoked" in world.cli.refused(*revoke).error


def test_a_credential_expires_without_anybody_writing_it_down(world, bob):
    world.cli.now = world.cli.now.replace(year=2028)

    assert world.cli.ok("credential", "info", "bob", *bob, "-o", "json").json["status"] == "expired"


@pytest.mark.parametrize(
    ("bundle", "names"), [("cert", ["bob"]), ("chain", ["Issuing", "Root"]), ("all", ["bob", "Issuing", "Root"])]
)
def test_export_writes_certificates_and_never_keys(world, bob, bundle, names):
    pem = world.cli.ok("credential", "export", "bob", *bob, "--bundle", bundle).stdout
    found = [certificate.subject.rfc4514_string() for certificate in parse_certificates(pem.encode())]

    assert found == [f"CN={name}" for name in names]
    assert "PRIVATE KEY" not in pem


def test_an_unknown_credential_is_one_clear_error(world, bob):
    refused = world.cli.refused("credential", "info", "nobody", *bob)

    assert "there is no such credential" in refused.error
