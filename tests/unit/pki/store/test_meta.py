from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pki.algorithms import SchemeChoice
from pki.errors import NewerFormatError, StateCorruptError, StoreError
from pki.keyrefs import SoftwareKeyRef, TokenKeyRef
from pki.store import meta
from pki.store.forms import Status
from pki.store.meta import CaMeta, CaUrls, CertificateFacts, CrlFacts, IssuerFacts, KeyMeta, KeyRecord

NOW = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
CREATED = datetime(2025, 1, 2, 10, 30, 0, tzinfo=UTC)

# The four examples of the seed document, sections 4 and 6, as they stand there.
SOFTWARE_CA = """{
    "profile": "ec/root-ca",
    "created": "2025-01-02T10:30:00Z",
    "keys": [
        {
            "id": "default",
            "algorithm": "ecdsa-p384",
            "storage": {
                "type": "software",
                "path": "private/ca.ecdsa-p384.key"
            }
        }
    ]
}"""
HSM_CA = """{
    "profile": "ec/root-ca",
    "created": "2025-01-02T10:30:00Z",
    "keys": [
        {
            "id": "default",
            "algorithm": "ecdsa-p384",
            "storage": {
                "type": "pkcs11",
                "config": "./hsm.yaml",
                "label": "root-ca-key"
            }
        }
    ]
}"""
HYBRID_CA = """{
    "profile": "hybrid/catalyst/root-ca",
    "created": "2025-01-02T10:30:00Z",
    "keys": [
        {
            "id": "classical",
            "algorithm": "ecdsa-p384",
            "storage": {
                "type": "pkcs11",
                "config": "./hsm.yaml",
                "label": "ca-root-classical"
            }
        },
        {
            "id": "pqc",
            "algorithm": "ml-dsa-65",
            "storage": {
                "type": "software",
                "path": "private/ca.ml-dsa-65.key"
            }
        }
    ]
}"""
CREDENTIAL = """{
    "id": "server-example-com-20250102-a1b2c3",
    "subject": {
        "common_name": "server.example.com"
    },
    "profiles": ["ec/tls-server"],
    "status": "valid",
    "created": "2025-01-02T10:30:00Z",
    "not_before": "2025-01-02T10:30:00Z",
    "not_after": "2026-01-02T10:30:00Z",
    "certificates": [
        {
            "serial": "0x1A2B3C4D",
            "role": "signature",
            "profile": "ec/tls-server",
            "algorithm": "ECDSA-SHA384",
            "fingerprint": "ABC123DEF456",
            "storage": [
                {
                    "type": "pkcs11",
                    "config": "./hsm.yaml",
                    "label": "server-key"
                }
            ]
        }
    ]
}"""


@dataclass(frozen=True)
class SomeCertificate:
    serial: int = 0x0ABC
    subject: x509.Name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])  # noqa: RUF009 - a constant
    not_before: datetime = NOW
    not_after: datetime = NOW + timedelta(days=1)
    key_id: bytes | None = b"\xab\xcd"
    fingerprint: str = "ab" * 32


@pytest.fixture
def stored(tmp_path):
    """Write a text as a file, and give its path."""

    def write(text: str):
        path = tmp_path / "x.meta.json"
        path.write_text(text)
        return path

    return write


def ca(**fields) -> CaMeta:
    key = KeyRecord(id="default", algorithm="ecdsa-p384", storage=SoftwareKeyRef("private/ca.key"))
    return CaMeta(**{"profile": "ec/root-ca", "created": NOW, "keys": (key,)} | fields)


class TestSeedExamples:
    @pytest.mark.parametrize("text", [SOFTWARE_CA, HSM_CA, HYBRID_CA], ids=["software", "hsm", "hybrid"])
    def test_a_ca_loads_as_it_is_and_is_written_with_nothing_changed_but_a_format_number(self, stored, text):
        loaded = meta.load_ca(stored(text))

        assert json.loads(meta.dump(loaded)) == json.loads(text) | {"format": 1}

    def test_a_credential_loads_as_it_is_and_is_written_with_nothing_changed_but_a_format_number(self, stored):
        loaded = meta.load_credential(stored(CREDENTIAL))

        assert json.loads(meta.dump(loaded)) == json.loads(CREDENTIAL) | {"format": 1}

    def test_what_they_say_is_understood(self, stored):
        hybrid = meta.load_ca(stored(HYBRID_CA))
        credential = meta.load_credential(stored(CREDENTIAL))

        assert (hybrid.profile, hybrid.created) == ("hybrid/catalyst/root-ca", CREATED)
        assert [(key.id, key.algorithm, key.storage) for key in hybrid.keys] == [
            ("classical", "ecdsa-p384", TokenKeyRef("./hsm.yaml", "ca-root-classical")),
            ("pqc", "ml-dsa-65", SoftwareKeyRef("private/ca.ml-dsa-65.key")),
        ]
        assert (hybrid.keys[0].spki_sha256, hybrid.keys[0].signature) == (None, SchemeChoice())
        assert (hybrid.certificate, hybrid.issuer, hybrid.crl, hybrid.urls) == (None, None, None, CaUrls())
        assert (credential.status, credential.subject) == (Status.VALID, {"common_name": "server.example.com"})
        assert credential.not_after == datetime(2026, 1, 2, 10, 30, 0, tzinfo=UTC)
        (certificate,) = credential.certificates
        assert (certificate.serial, certificate.fingerprint) == (0x1A2B3C4D, "ABC123DEF456")
        assert certificate.storage == (TokenKeyRef("./hsm.yaml", "server-key"),)


class TestRoundTrip:
    def test_every_field_of_ours_is_read_back(self, stored):
        facts = CertificateFacts.of(SomeCertificate())
        full = ca(
            profile_digest="ab" * 32,
            variables={"cn": "é", "dns_names": ["a", "b"], "days": 3, "deep": {"x": [True, None]}},
            subject={"common_name": "CA", "country": ["FR"]},
            certificate=facts,
            issuer=IssuerFacts.of(SomeCertificate(key_id=None)),
            urls=CaUrls(crl=("http://a/",), ca_issuers=("http://b/",), ocsp=("http://c/",)),
            crl=CrlFacts(number=2**159, this_update=NOW, next_update=NOW + timedelta(days=7)),
            keys=(
                KeyRecord(
                    id="default",
                    algorithm="rsa-2048",
                    storage=SoftwareKeyRef("private/ca.key", passphrase_env="CA_PASSPHRASE"),
                    spki_sha256="cd" * 32,
                    signature=SchemeChoice("rsassa-pss", "sha384"),
                ),
            ),
        )

        assert meta.load_ca(stored(meta.dump(full).decode())) == full

    def test_a_revoked_credential_is_read_back(self, stored):
        valid = meta.load_credential(stored(CREDENTIAL))
        revoked = valid.revoked(NOW, "keyCompromise")

        assert (revoked.status, revoked.revoked_at, revoked.revocation_reason) == (Status.REVOKED, NOW, "keyCompromise")
        assert meta.load_credential(stored(meta.dump(revoked).decode())) == revoked
        assert valid.status == Status.VALID

    def test_a_standalone_key_is_read_back(self, stored):
        ref = TokenKeyRef("hsm.yaml", None, "01")
        key = KeyMeta(id="k", algorithm="ed25519", created=NOW, storage=ref, spki_sha256="0" * 64)

        assert meta.load_key(stored(meta.dump(key).decode())) == key

    def test_fields_of_others_survive_an_update_at_every_level(self, stored):
        foreign = {"theirs": [1, {"a": None}], "empty": [], "null": None}
        data = json.loads(HYBRID_CA) | foreign
        data["keys"][0] |= foreign
        data["keys"][0]["storage"] |= foreign
        data["keys"][0]["signature"] = {"kind": "ecdsa"} | foreign
        data["crl"] = {"number": "1", "this_update": CREATED.isoformat(), "next_update": CREATED.isoformat()} | foreign
        data["urls"] = foreign

        loaded = meta.load_ca(stored(json.dumps(data)))
        updated = replace(loaded, profile="ec/other", crl=replace(loaded.crl, number=2))
        written = json.loads(meta.dump(updated))

        instant = "2025-01-02T10:30:00Z"
        expected = data | {"format": 1, "profile": "ec/other"}
        expected["crl"] = {"number": "2", "this_update": instant, "next_update": instant} | foreign
        assert written == expected

    def test_a_key_that_moves_takes_the_fields_of_others_with_it(self, stored):
        data = json.loads(HYBRID_CA)
        data["keys"][1]["storage"]["theirs"] = 1

        loaded = meta.load_ca(stored(json.dumps(data)))
        written = json.loads(meta.dump(replace(loaded, keys=loaded.keys[::-1])))

        assert written["keys"] == data["keys"][::-1]

    def test_of_a_list_that_shrank_no_ghost_is_left(self, stored):
        data = json.loads(CREDENTIAL)
        storage = data["certificates"][0]["storage"]
        storage += [storage[0] | {"theirs": 1}, storage[0] | {"theirs": 2}]

        loaded = meta.load_credential(stored(json.dumps(data)))
        certificate = replace(loaded.certificates[0], storage=loaded.certificates[0].storage[:2])
        written = json.loads(meta.dump(replace(loaded, certificates=(certificate,))))

        assert written["certificates"][0]["storage"] == storage[:2]

    def test_a_time_is_written_in_utc_without_fractions(self):
        moment = NOW.replace(microsecond=123_456).astimezone(timezone(timedelta(hours=2)))

        assert json.loads(meta.dump(ca(created=moment)))["created"] == "2026-11-23T09:00:00Z"

    @pytest.mark.parametrize("number", [0, 2**53 + 1, 2**159 - 1])
    def test_a_crl_number_is_exact_for_every_json_reader(self, stored, number):
        crl = CrlFacts(number=number, this_update=NOW, next_update=NOW)
        data = json.loads(meta.dump(ca(crl=crl)))

        assert data["crl"]["number"] == str(number)
        data["crl"]["number"] = number
        assert meta.load_ca(stored(json.dumps(data))).crl.number == number


class TestBadFiles:
    def test_a_record_that_is_not_there_is_no_traceback(self, tmp_path):
        with pytest.raises(StoreError, match="there is no CA here"):
            meta.load_ca(tmp_path / "ca.meta.json")
        with pytest.raises(StoreError, match="there is no such credential"):
            meta.load_credential(tmp_path / "credential.meta.json")
        with pytest.raises(StoreError, match="there is no such key"):
            meta.load_key(tmp_path / "key.meta.json")

    def test_a_record_cut_in_half_is_one_clear_error_and_stays_as_it_is(self, stored):
        path = stored(HSM_CA[: len(HSM_CA) // 2])

        with pytest.raises(StateCorruptError) as caught:
            meta.load_ca(path)

        assert f"{path} is not complete JSON" in caught.value.message
        assert "restore the file" in str(caught.value.hint)
        assert path.read_text() == HSM_CA[: len(HSM_CA) // 2]

    def test_a_record_of_a_newer_version_is_refused_as_such(self, stored):
        with pytest.raises(NewerFormatError, match="format 2"):
            meta.load_ca(stored(json.dumps(json.loads(HSM_CA) | {"format": 2, "keys": "moved"})))

    def test_a_file_of_many_megabytes_is_no_record(self, stored):
        with pytest.raises(StoreError, match="is larger than"):
            meta.load_ca(stored(" " * (meta.META_LIMIT + 1)))

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda data: data.pop("profile"), "profile is missing"),
            (lambda data: data.update(profile=7), "profile must be text that is not empty"),
            (lambda data: data.update(created="yesterday"), "created must be a time such as 2026-01-02T10:30:00Z"),
            (lambda data: data.update(keys={}), "keys must be a list"),
            (lambda data: data.update(keys=[]), "keys must be a list of at least one key"),
            (lambda data: data["keys"].append(data["keys"][0]), "keys must be a list of at least one key, each"),
            (lambda data: data["keys"].append(7), "keys[2] must be an object"),
            (lambda data: data["keys"][1].pop("id"), "keys[1].id is missing"),
            (lambda data: data["keys"][1]["storage"].update(type="tpm"), "keys[1].storage must be of type software"),
            (lambda data: data["keys"][1]["storage"].pop("path"), "keys[1].storage must be of type software"),
            (lambda data: data["keys"][1]["storage"].update(path=7), "keys[1].storage must be of type software"),
            (lambda data: data["keys"][0]["storage"].pop("label"), "keys[0].storage must be of type software"),
            (lambda data: data["keys"][0].update(storage=[]), "keys[0].storage must be of type software"),
            (lambda data: data["keys"][0].update(spki_sha256="AB" * 32), "keys[0].spki_sha256 must be a SHA-256"),
            (lambda data: data["keys"][0].update(signature="pss"), "keys[0].signature must be an object with kind"),
            (lambda data: data["keys"][0].update(signature={"kind": 7}), "keys[0].signature must be an object with"),
            (lambda data: data.update(urls={"crl": "http://a/"}), "urls.crl must be a list"),
            (lambda data: data.update(urls={"crl": ["http://a/", 7]}), "urls.crl[1] must be text"),
            (lambda data: data.update(crl={"number": "-1"}), "crl.number must be a whole number"),
            (lambda data: data.update(crl={"number": True}), "crl.number must be a whole number"),
            (lambda data: data.update(crl={"number": "1"}), "crl.this_update is missing"),
            (lambda data: data.update(certificate={"serial": "1A"}), "certificate.serial must be a serial number"),
            (lambda data: data.update(certificate={"serial": 26}), "certificate.serial must be a serial number"),
            (lambda data: data.update(subject="CN=x"), "subject must be an object"),
            (lambda data: data.update(subject={"common_name": 7}), "subject must be an object"),
            (lambda data: data.update(variables=[]), "variables must be an object"),
        ],
    )
    def test_a_wrong_field_is_named_with_what_it_must_be(self, stored, change, problem):
        data = json.loads(HYBRID_CA)
        change(data)
        path = stored(json.dumps(data))

        with pytest.raises(StateCorruptError) as caught:
            meta.load_ca(path)

        assert caught.value.message.startswith(f"{path}: {problem}")

    def test_a_status_that_is_none_is_named_with_those_that_are(self, stored):
        with pytest.raises(StateCorruptError, match="status must be one of valid, revoked, expired"):
            meta.load_credential(stored(CREDENTIAL.replace('"valid"', '"fine"')))

    def test_no_value_of_a_storage_is_repeated_in_an_error(self, stored):
        text = HSM_CA.replace('"label": "root-ca-key"', '"pin": "hunter2"')

        with pytest.raises(StateCorruptError) as caught:
            meta.load_ca(stored(text))

        assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"

    def test_a_ca_without_a_key_cannot_even_be_made(self):
        with pytest.raises(ValueError, match="at least one key"):
            ca(keys=())

    def test_a_credential_without_a_certificate_is_none(self, stored):
        record = json.loads(CREDENTIAL) | {"certificates": []}

        with pytest.raises(StateCorruptError, match="certificates must be a list of at least one certificate"):
            meta.load_credential(stored(json.dumps(record)))


class TestFacts:
    def test_of_a_certificate_are_in_upper_case_hex(self):
        facts = CertificateFacts.of(SomeCertificate())

        assert (facts.serial, facts.fingerprint, facts.subject_key_id) == (0x0ABC, "AB" * 32, "ABCD")
        assert (facts.not_before, facts.not_after) == (NOW, NOW + timedelta(days=1))

    def test_tell_a_certificate_from_another_in_either_case(self):
        facts = CertificateFacts.of(SomeCertificate())

        assert facts.describes(SomeCertificate(fingerprint="AB" * 32))
        assert replace(facts, fingerprint="ab" * 32).describes(SomeCertificate())
        assert not facts.describes(SomeCertificate(fingerprint="cd" * 32))

    def test_of_an_issuer_name_it_and_its_key(self):
        issuer = IssuerFacts.of(SomeCertificate())

        assert (issuer.subject, issuer.fingerprint, issuer.subject_key_id) == ({"common_name": "CA"}, "AB" * 32, "ABCD")
        assert IssuerFacts.of(SomeCertificate(key_id=None)).subject_key_id is None

    def test_a_name_becomes_text_and_lists(self):
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Upper"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Lower"),
                x509.NameAttribute(NameOID.COMMON_NAME, "Group"),
                x509.NameAttribute(NameOID.COMMON_NAME, "Person"),
                x509.NameAttribute(x509.ObjectIdentifier("1.2.3.4"), "odd"),
                x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x01\xff", x509.name._ASN1Type.BitString),
            ]
        )

        assert meta.subject_of(name) == {
            "country": ["FR"],
            "organizational_unit": ["Upper", "Lower"],
            "common_name": "Person",
            "1.2.3.4": ["odd"],
            "2.5.4.45": ["01ff"],
        }
