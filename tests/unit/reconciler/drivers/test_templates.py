"""What the planner is told of certificates to be, of those on record, and of who signs them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pki.algorithms import ALGORITHMS
from pki.authority import CaRenewal, renew_ca
from pki.errors import EncodingError, PathEscapeError, PkiError, RequestError, StateCorruptError, StoreError
from pki.findings import FindingsError
from pki.issuance import sign_request
from pki.profiles.catalog import Catalog
from pki.signers import software
from pki.signers.base import spki_sha256
from reconciler.drivers.templates import ProfileTemplates
from tests.support.issue import CATALOG, NOW
from tests.support.states import WEB, State


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> State:
    return State.make(tmp_path_factory.mktemp("state"))


@pytest.fixture
def state(made, tmp_path) -> State:
    return made.copy(tmp_path / "workspace")


def templates(state: State, now=NOW, catalog: Catalog = CATALOG) -> ProfileTemplates:
    return ProfileTemplates(state.root, "state", catalog, now)


def write_csr(state: State, algorithm: str = "ecdsa-p256", *, damage: bool = False) -> str:
    signer = software.generate(ALGORITHMS[algorithm])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "csr.example.com")])
    names = x509.SubjectAlternativeName([x509.DNSName("csr.example.com")])
    request = bytearray(sign_request(subject, [x509.Extension(names.oid, critical=False, value=names)], signer=signer))
    if damage:
        request[-1] ^= 1
    (state.root / "csr").mkdir(exist_ok=True)
    (state.root / "csr/web.csr").write_bytes(request)
    return spki_sha256(signer.spki)


class TestCompile:
    def test_what_would_be_issued_now(self, made):
        compiled = templates(made).compile("ec/tls-server", WEB, issuer=made.ca("issuing").facts())

        assert compiled.content.fields["subjectAltName"] == ["DNS:www.example.com"]
        assert (compiled.not_before, compiled.not_after) == (NOW, NOW + compiled.content.lifetime)
        assert (compiled.clipped, compiled.facts, compiled.spki_sha256) == (False, None, None)

    def test_a_ca_comes_with_what_certificates_below_it_are_compiled_under(self, made):
        compiled = templates(made).compile("ec/issuing-ca", {"cn": "New"}, issuer=made.ca("root").facts())

        below = templates(made).compile("ec/tls-server", WEB, issuer=compiled.facts)
        assert compiled.content.is_ca
        assert compiled.facts.path_length == 0
        assert below.not_after < compiled.facts.not_after

    def test_an_end_that_is_the_issuers_is_no_choice(self, made, tmp_path):
        (tmp_path / "short.yaml").write_text(
            "algorithm: ecdsa-p256\nvalidity: 30y\nbeyondIssuer: clip\nsubject: {cn: a}\nextensions: {}\n"
        )
        facts = made.ca("issuing").facts()
        compiled = templates(made, catalog=Catalog([tmp_path])).compile("short", {}, issuer=facts)

        assert compiled.clipped
        assert compiled.not_after == facts.not_after
        assert [notice.code for notice in compiled.notices] == ["validity.clipped"]

    def test_what_cannot_be_made_says_every_reason(self, made):
        with pytest.raises(FindingsError) as caught:
            templates(made).compile("ec/tls-server", {"who": 1, "what": 1}, issuer=None)

        assert [finding.variable for finding in caught.value.findings] == ["who", "what"]

    def test_variables_of_the_profiles_beside_are_left_out(self, made):
        variables = {**WEB, "email": "alice@example.com"}
        issuer = made.ca("issuing").facts()

        compiled = templates(made).compile("ec/tls-server", variables, issuer=issuer, beside=["ec/email"])

        assert "alice" not in str(compiled.content)
        with pytest.raises(FindingsError, match="email"):
            templates(made).compile("ec/tls-server", variables, issuer=issuer)
        with pytest.raises(FindingsError, match="nobody"):
            templates(made).compile("ec/tls-server", {**WEB, "nobody": 1}, issuer=issuer, beside=["ec/email"])


class TestRequests:
    def compile(self, state: State):
        return templates(state).compile("ec/tls-server", {}, issuer=state.ca("issuing").facts(), csr="csr/web.csr")

    def test_a_csr_proposes_names_and_brings_its_key(self, state):
        key = write_csr(state)

        compiled = self.compile(state)

        assert compiled.content.fields["subject"] == "CN=csr.example.com"
        assert compiled.content.fields["subjectAltName"] == ["DNS:csr.example.com"]
        assert compiled.spki_sha256 == key

    def test_one_for_another_kind_of_key_is_refused(self, state):
        write_csr(state, "ed25519")

        with pytest.raises(RequestError, match=r"csr/web\.csr: the CSR's key is ed25519, but .* asks for ecdsa-p256"):
            self.compile(state)

    def test_one_that_was_changed_is_refused(self, state):
        write_csr(state, damage=True)

        with pytest.raises(RequestError, match=r"^csr/web\.csr: the request's own signature does not hold"):
            self.compile(state)

    def test_one_that_is_not_there_is_refused(self, state):
        with pytest.raises(StoreError):
            self.compile(state)

    def test_one_outside_is_refused(self, state):
        with pytest.raises(PathEscapeError):
            templates(state).compile("ec/tls-server", {}, issuer=None, csr="../web.csr")

    def test_it_is_read_once(self, state):
        write_csr(state)
        source, issuer = templates(state), state.ca("issuing").facts()
        first = source.compile("ec/tls-server", {}, issuer=issuer, csr="csr/web.csr")
        (state.root / "csr/web.csr").unlink()

        assert source.compile("ec/tls-server", {}, issuer=issuer, csr="csr/web.csr") == first


class TestRecorded:
    def test_a_certificate_on_record_says_what_one_issued_today_would(self, made):
        recorded = templates(made).recorded("state/credential/web/cert.pem", "ec/tls-server")
        compiled = templates(made).compile("ec/tls-server", WEB, issuer=made.ca("issuing").facts())

        assert recorded == compiled.content

    def test_the_signature_is_told_as_far_as_the_profile_decides_it(self, made):
        path = "state/credential/web/cert.pem"

        assert "signature" not in templates(made).recorded(path).fields
        assert "signature" not in templates(made).recorded(path, "ec/tls-server").fields
        assert templates(made).recorded(path, "rsa-pss/tls-server").fields["signature"] == "ecdsa with sha256"

    def test_a_profile_that_is_gone_decides_nothing(self, made):
        path = "state/credential/web/cert.pem"

        assert templates(made).recorded(path, "gone/away") == templates(made).recorded(path)

    @pytest.mark.parametrize(
        ("path", "error"),
        [
            ("state/credential/web/none.pem", StoreError),
            ("state/credential/web/credential.meta.json", EncodingError),
            ("../cert.pem", PathEscapeError),
        ],
    )
    def test_what_cannot_be_read_is_told_with_its_path(self, made, path, error):
        with pytest.raises(error) as caught:
            templates(made).recorded(path)

        assert path in caught.value.message


class TestIssuer:
    def test_it_is_what_the_library_compiles_under(self, made):
        for name in ("root", "issuing"):
            assert templates(made).issuer(f"state/ca/{name}") == made.ca(name).facts()

    @pytest.mark.parametrize("found", ["lost", "another's"])
    def test_a_copy_does_where_the_file_is_lost(self, state, found):
        expected = state.ca("issuing").facts()
        other = state.path("ca/root/ca.crt").read_bytes()
        state.path("ca/issuing/ca.crt").write_bytes(b"lost" if found == "lost" else other)

        assert templates(state).issuer("state/ca/issuing") == expected

    def test_its_own_copy_does_too(self, state):
        later = state.ca("root", NOW + timedelta(days=100))
        renewed = renew_ca(later, CaRenewal(profile=CATALOG.get("ec/root-ca"), variables={"cn": "Test root"}))
        state.path("ca/root/ca.crt").unlink()

        assert templates(state).issuer("state/ca/root") == renewed.facts()

    def test_without_any_copy_it_cannot_be_known(self, state):
        state.path("ca/root/ca.crt").unlink()

        with pytest.raises(StateCorruptError, match="no file in state holds the certificate") as caught:
            templates(state).issuer("state/ca/root")

        assert caught.value.hint is not None

    def test_where_there_is_no_ca_there_is_no_issuer(self, made):
        with pytest.raises(StoreError):
            templates(made).issuer("state/ca/none")

    def test_of_a_record_without_facts_the_file_is_all_there_is(self, state):
        expected = state.ca("root").facts()
        state.edit("ca/root/ca.meta.json", lambda record: record.pop("certificate"))

        assert templates(state).issuer("state/ca/root") == expected
        state.path("ca/root/ca.crt").unlink()
        with pytest.raises(PkiError):
            templates(state).issuer("state/ca/root")

    def test_it_is_read_once(self, state):
        source = templates(state)
        before = source.issuer("state/ca/root")
        state.path("ca/root/ca.meta.json").unlink()

        assert source.issuer("state/ca/root") is before


class TestStorage:
    def test_it_is_what_the_record_says(self, made):
        assert templates(made).storage("state/ca/root") == made.ca("root").meta.keys[0].storage


def test_an_error_of_a_link_that_leads_out_does_not_tell_where_the_workspace_is(state):
    state.path("ca/out").symlink_to("/etc")

    with pytest.raises(PathEscapeError, match=r"^state/ca/out leads out of the workspace$") as caught:
        templates(state).storage("state/ca/out")

    assert str(state.root) not in (caught.value.hint or "")


@pytest.mark.parametrize(
    "ask",
    [
        lambda source: source.recorded("state/credential/none/cert.pem"),
        lambda source: source.storage("state/ca/none"),
        lambda source: source.issuer("state/ca/none"),
        lambda source: source.compile("ec/tls-server", {}, issuer=None, csr="csr/none.csr"),
    ],
)
def test_errors_do_not_tell_where_the_workspace_is(made, ask):
    with pytest.raises(StoreError) as caught:
        ask(templates(made))

    assert str(made.root) not in f"{caught.value} {caught.value.message}"
