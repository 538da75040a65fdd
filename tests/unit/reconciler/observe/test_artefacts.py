"""Files that follow from records are held against them: by hash, and by what their issuers' certificates make now."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from pki.authority import CaRenewal, mend_ca, renew_ca
from pki.credentials import Credential, EnrollRequest, mend_credential, renew
from pki.der import pem
from pki.keys import FileKey
from pki.x509.certificates import serial_hex
from reconciler.snapshot import Fault
from tests.support.issue import CATALOG, NOW, PORTS
from tests.support.states import WEB, State, told

GARBAGE = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
LATER = NOW + timedelta(days=100)


def filed(state: State, ca: str, serial: int):
    return state.path(f"ca/{ca}/certs/{serial_hex(serial)}.crt")


def renew_root(state: State) -> None:
    profile = CATALOG.get("ec/root-ca")
    renew_ca(state.ca("root", LATER), CaRenewal(profile=profile, variables={"cn": "Test root"}, parent=None))


class TestCaCertificate:
    @pytest.mark.parametrize(
        ("content", "detail"),
        [
            (None, "is missing"),
            (GARBAGE, "is damaged: the PEM block CERTIFICATE is not base64"),
            (b"", "is damaged: this is neither PEM nor DER of a CERTIFICATE"),
            ("ca/root/ca.crt", "is not the certificate on record"),
            ("ca/issuing/chain.crt", "is not the certificate on record"),
        ],
    )
    def test_it_is_held_against_the_record(self, state, content, detail):
        path = state.path("ca/issuing/ca.crt")
        replacement = state.path(content).read_bytes() if isinstance(content, str) else content
        if replacement is None:
            path.unlink()
        else:
            path.write_bytes(replacement)

        faults = state.generation("issuing").faults

        assert told(faults) == [("ca/issuing/ca.crt", detail, True)]
        assert faults[0].missing == (content is None)

    def test_what_a_certificate_is_wrapped_in_does_not_matter(self, state):
        path = state.path("ca/issuing/ca.crt")
        path.write_bytes(b"Issuing CA of 2026\n\n" + path.read_bytes().replace(b"\n", b"\r\n"))

        assert state.generation("issuing").faults == ()

    def test_a_root_has_no_copy_to_restore_it_from_until_it_is_renewed(self, state):
        state.path("ca/root/ca.crt").unlink()
        assert told(state.generation("root").faults) == [("ca/root/ca.crt", "is missing", False)]

    def test_own_copies_restore_it(self, state):
        renew_root(state)
        state.path("ca/root/ca.crt").unlink()

        assert told(state.generation("root").faults) == [("ca/root/ca.crt", "is missing", True)]

    def test_a_copy_that_was_altered_restores_nothing(self, state):
        serial = state.generation("issuing").record.certificate.serial
        state.path("ca/issuing/ca.crt").unlink()
        filed(state, "root", serial).write_bytes(GARBAGE)

        assert told(state.generation("issuing").faults) == [("ca/issuing/ca.crt", "is missing", False)]


class TestCaChain:
    @pytest.mark.parametrize(
        ("content", "detail"),
        [
            (None, "is missing"),
            (GARBAGE, "is damaged: the PEM block CERTIFICATE is not base64"),
            ("ca/issuing/ca.crt", "is not the chain that the certificates of its issuers make"),
        ],
    )
    def test_it_is_what_the_issuers_make(self, state, content, detail):
        path = state.path("ca/issuing/chain.crt")
        replacement = state.path(content).read_bytes() if isinstance(content, str) else content
        if replacement is None:
            path.unlink()
        else:
            path.write_bytes(replacement)

        assert told(state.generation("issuing").faults) == [("ca/issuing/chain.crt", detail, True)]

    def test_a_renewed_issuer_makes_another_chain_for_all_below(self, state):
        renew_root(state)

        stale = "is not the chain that the certificates of its issuers make"
        assert told(state.generation("root").faults) == []
        assert told(state.generation("issuing").faults) == [("ca/issuing/chain.crt", stale, True)]
        assert told(state.credential().faults) == [
            ("credential/web/chain.pem", stale, True),
            ("credential/web/fullchain.pem", stale, True),
        ]

    def test_what_mending_writes_is_what_is_expected(self, state):
        renew_root(state)
        state.path("ca/issuing/ca.crt").unlink()

        mend_ca(state.path("ca/issuing"), PORTS, state.ca("root"))

        assert state.generation("issuing").faults == ()

    def test_above_an_issuer_that_is_not_in_state_the_file_is_all_there_is(self, state):
        shutil.rmtree(state.path("ca/root"))
        assert state.generation("issuing").faults == ()
        assert state.credential().faults == ()

        state.path("ca/issuing/chain.crt").write_bytes(GARBAGE)
        damaged = "is damaged: the PEM block CERTIFICATE is not base64"
        assert told(state.generation("issuing").faults) == [("ca/issuing/chain.crt", damaged, False)]
        assert state.credential().faults == ()

    def test_cas_that_name_each_other_as_issuers_have_no_chain(self, state):
        key_id = state.generation("issuing").record.certificate.subject_key_id
        issuer = {"subject": {}, "fingerprint": "00", "subject_key_id": key_id}
        state.edit("ca/root/ca.meta.json", lambda record: record.update(issuer=issuer))

        assert told(state.generation("root").faults) == [("ca/root/chain.crt", "is missing", False)]
        assert state.generation("issuing").faults == ()

    def test_of_two_cas_with_one_key_each_has_its_own_chain_below(self, state):
        key = next(state.path("ca/issuing/private").iterdir())
        state.path("ca/twin/private").mkdir(parents=True)
        shutil.copy(key, state.path("ca/twin/private"))
        twin = state.add_ca("twin", "ec/issuing-ca", state.ca("root"))
        state.enroll(twin, "other")

        snapshot = state.observe()

        assert snapshot.cas["twin"].record.certificate.subject_key_id == (
            snapshot.cas["issuing"].record.certificate.subject_key_id
        )
        assert {name: credential.faults for name, credential in snapshot.credentials.items()} == {
            "other": (),
            "web": (),
        }


class TestOldRecords:
    """Records of the seed document's shape have no facts about certificates."""

    def test_what_the_record_lacks_is_taken_from_the_files(self, state):
        for name in ("root", "issuing"):
            state.edit(
                f"ca/{name}/ca.meta.json",
                lambda record: [record.pop(key, None) for key in ("certificate", "issuer", "crl", "subject")],
            )

        assert state.generation("root").faults == ()
        assert state.generation("issuing").faults == ()
        assert state.credential().faults == ()
        assert [fault.detail for fault in state.generation("root").crl_faults] == ["is not on record"]
        assert sorted(each.name for each in state.observe().by_key_id().values()) == ["issuing", "root"]

    def test_a_file_that_is_no_certificate_is_none(self, state):
        state.edit("ca/root/ca.meta.json", lambda record: record.pop("certificate"))
        state.path("ca/root/ca.crt").write_bytes(GARBAGE)

        damaged = "is damaged: the PEM block CERTIFICATE is not base64"
        assert told(state.generation("root").faults) == [("ca/root/ca.crt", damaged, False)]

    def test_a_credential_without_paths_has_its_usual_file(self, state):
        def strip(record):
            certificate = record["certificates"][0]
            certificate.pop("path")
            certificate.pop("chain_path")

        state.edit("credential/web/credential.meta.json", strip)
        state.path("credential/web/chain.pem").unlink()
        assert state.credential().faults == ()

        state.path("credential/web/cert.pem").unlink()
        assert told(state.credential().faults) == [("credential/web/cert.pem", "is missing", True)]


class TestCredential:
    @pytest.mark.parametrize(
        ("file", "content", "detail"),
        [
            ("cert.pem", None, "is missing"),
            ("cert.pem", GARBAGE, "is damaged: the PEM block CERTIFICATE is not base64"),
            ("cert.pem", "ca/root/ca.crt", "is not the certificate on record"),
            ("chain.pem", None, "is missing"),
            ("chain.pem", b"", "is damaged: this is neither PEM nor DER of a CERTIFICATE"),
            ("chain.pem", "ca/root/ca.crt", "is not the chain that the certificates of its issuers make"),
            ("fullchain.pem", None, "is missing"),
            ("fullchain.pem", GARBAGE, "is damaged: the PEM block CERTIFICATE is not base64"),
            ("fullchain.pem", "ca/root/ca.crt", "is not the chain that the certificates of its issuers make"),
        ],
    )
    def test_every_file_that_people_deploy_is_checked(self, state, file, content, detail):
        path = state.path(f"credential/web/{file}")
        replacement = state.path(content).read_bytes() if isinstance(content, str) else content
        if replacement is None:
            path.unlink()
        else:
            path.write_bytes(replacement)

        faults = state.credential().faults

        assert faults == (Fault(f"state/credential/web/{file}", missing=content is None, detail=detail),)

    def test_files_wrapped_in_another_way_are_the_same(self, state):
        for file in ("cert.pem", "chain.pem", "fullchain.pem"):
            path = state.path(f"credential/web/{file}")
            path.write_bytes(b"# deployed by hand\n" + path.read_bytes())

        assert state.credential().faults == ()

    def test_large_files_are_read_to_their_end(self, state):
        path = state.path("credential/web/cert.pem")
        path.write_bytes(b"# a comment\n" * 20_000 + path.read_bytes())

        assert state.credential().faults == ()

    def test_without_the_issuers_copy_the_certificate_is_lost(self, state):
        serial = state.credential().record.certificates[0].serial
        for file in ("cert.pem", "fullchain.pem"):
            state.path(f"credential/web/{file}").unlink()
        filed(state, "issuing", serial).unlink()

        assert told(state.credential().faults) == [
            ("credential/web/cert.pem", "is missing", False),
            ("credential/web/fullchain.pem", "is missing", False),
        ]

    def test_each_of_several_certificates_has_its_files(self, state):
        state.enroll(state.ca("issuing"), "both", "ec/tls-server", "rsa/tls-server")
        assert state.credential("both").faults == ()

        for file in ("cert.ec-tls-server.pem", "fullchain.rsa-tls-server.pem"):
            state.path(f"credential/both/{file}").unlink()

        assert told(state.credential("both").faults) == [
            ("credential/both/cert.ec-tls-server.pem", "is missing", True),
            ("credential/both/fullchain.rsa-tls-server.pem", "is missing", True),
        ]

    def test_what_mending_writes_is_what_is_expected(self, state):
        renew_root(state)
        mend_ca(state.path("ca/issuing"), PORTS, state.ca("root"))
        state.path("credential/web/cert.pem").unlink()
        assert len(state.credential().faults) == 3
        assert all(fault.mendable for fault in state.credential().faults)

        mend_credential(state.ca("issuing"), Credential.open(state.path("credential"), "web"))

        assert state.credential().faults == ()

    def test_a_renewed_credential_is_whole_and_leaves_no_orphan(self, state):
        request = EnrollRequest(
            directory=state.path("credential"),
            profiles=[CATALOG.get("ec/tls-server")],
            variables=WEB,
            key=FileKey(),
            holder="credential/web",
        )
        old = Credential.open(state.path("credential"), "web")
        renew(state.ca("issuing", LATER), old, request, new_keys=True)

        snapshot = state.observe()

        assert snapshot.credentials["web"].faults == ()
        previous = snapshot.credentials["web"].record.previous
        assert [each.serial for each in previous] == [each.serial for each in old.meta.certificates]
        assert snapshot.generation("issuing").orphans == ()

    def test_a_chain_that_stands_in_another_directory_is_read_there(self, state):
        state.path("credential/web/deployed").mkdir()
        state.path("credential/web/chain.pem").rename(state.path("credential/web/deployed/chain.pem"))
        state.edit(
            "credential/web/credential.meta.json",
            lambda record: record["certificates"][0].update(chain_path="deployed/chain.pem"),
        )

        assert state.credential().faults == ()

    def test_of_an_issuer_that_is_not_in_state_no_chain_is_expected(self, state):
        shutil.rmtree(state.path("ca/issuing"))
        assert state.credential().faults == ()

        state.path("credential/web/chain.pem").write_bytes(GARBAGE)
        damaged = "is damaged: the PEM block CERTIFICATE is not base64"
        assert told(state.credential().faults) == [("credential/web/chain.pem", damaged, False)]

    def test_a_full_chain_is_still_held_against_the_chain(self, state):
        shutil.rmtree(state.path("ca/issuing"))
        state.path("credential/web/fullchain.pem").write_bytes(state.path("credential/web/chain.pem").read_bytes())

        detail = "is not the chain that the certificates of its issuers make"
        assert told(state.credential().faults) == [("credential/web/fullchain.pem", detail, False)]

    def test_a_chain_whose_certificates_do_not_parse_is_damaged(self, state):
        shutil.rmtree(state.path("ca/issuing"))
        state.path("credential/web/chain.pem").write_bytes(pem("CERTIFICATE", b"\x30\x00"))

        assert [fault.mendable for fault in state.credential().faults] == [False]

    def test_a_ca_that_is_damaged_does_not_spoil_what_it_issued(self, state):
        state.path("ca/issuing/index.txt").write_text("damaged\n")

        assert state.credential().faults == ()
