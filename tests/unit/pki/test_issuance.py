"""A key is used once, after everything else was checked, and its work is checked too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from pki import issuance
from pki.algorithms import SCHEMES, Algorithm, SchemeChoice, SignatureScheme, algorithm
from pki.der import assemble
from pki.errors import IssuanceError, KeyMismatchError, UnsupportedAlgorithmError
from pki.findings import LintError
from pki.issuance import IssuingKey, issue_certificate, issue_crl, issue_self_signed, sign_request
from pki.profiles.compile import compile_template
from pki.profiles.model import CertificateTemplate, IssuerFacts
from pki.signers import software
from pki.x509.certificates import Certificate
from pki.x509.crls import CrlTemplate
from pki.x509.requests import parse_request, verify_request
from pki.x509.signatures import verify
from tests.support.issue import CATALOG, NOW

SERIAL = 0x1234567890ABCDEF1234


@dataclass
class WatchedSigner:
    """A real key that keeps count, and can be told to return a wrong signature."""

    inner: software.SoftwareSigner
    faulty: bool = False
    uses: int = 0

    @property
    def algorithm(self) -> Algorithm:
        return self.inner.algorithm

    @property
    def spki(self) -> bytes:
        return self.inner.spki

    def sign(self, message: bytes, scheme: SignatureScheme) -> bytes:
        self.uses += 1
        return self.inner.sign(message + b"!" if self.faulty else message, scheme)


def watched(name: str = "ecdsa-p384") -> WatchedSigner:
    return WatchedSigner(software.generate(algorithm(name)))


def root_template() -> CertificateTemplate:
    return compile_template(CATALOG.get("ec/root-ca"), {"cn": "Root"}, issuer=None, now=NOW)


def nothing(_tbs: bytes) -> None:
    """Stand for a journal that nobody reads."""


def root(signer: WatchedSigner) -> Certificate:
    return issue_self_signed(root_template(), serial=SERIAL, signer=signer, intend=nothing)


def leaf_template(ca: Certificate) -> CertificateTemplate:
    facts = IssuerFacts(ca.subject, ca.not_before, ca.not_after, ca.path_length)
    return compile_template(CATALOG.get("ec/tls-server"), {"cn": "a.example.com"}, issuer=facts, now=NOW)


def test_the_intent_is_recorded_before_the_key_is_used():
    signer = watched()
    seen: list[tuple[bytes, int]] = []
    certificate = issue_self_signed(
        root_template(), serial=SERIAL, signer=signer, intend=lambda tbs: seen.append((tbs, signer.uses))
    )

    assert seen == [(certificate.tbs, 0)]
    assert signer.uses == 1


def test_what_cannot_be_recorded_is_not_signed():
    signer = watched()

    def full_disk(_tbs: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        issue_self_signed(root_template(), serial=SERIAL, signer=signer, intend=full_disk)
    assert signer.uses == 0


def test_content_that_breaks_a_rule_is_not_signed():
    signer = watched()
    ca = root(signer)
    template = replace(leaf_template(ca), not_after=ca.not_after + timedelta(days=1))
    with pytest.raises(LintError) as caught:
        issue_certificate(
            template, spki=watched("ecdsa-p256").spki, serial=SERIAL + 1, issuer=IssuingKey(signer, ca), intend=nothing
        )

    assert signer.uses == 1  # for the root itself
    assert all(finding.clause for finding in caught.value.findings)


def test_a_signature_that_does_not_verify_is_not_handed_out():
    with pytest.raises(IssuanceError, match="does not verify"):
        root(WatchedSigner(watched().inner, faulty=True))


def test_what_holds_other_bytes_than_were_linted_is_not_handed_out():
    """The signature is right for what was linted, and what would be handed out says something else."""
    signer, ca = watched(), root(watched())
    linted, scheme = ca.tbs, ca.scheme
    signature = signer.sign(linted, scheme)

    issuance._verify(assemble(linted, scheme, signature), linted, scheme, signer.spki)
    with pytest.raises(IssuanceError, match="does not verify"):
        issuance._verify(assemble(root(watched()).tbs, scheme, signature), linted, scheme, signer.spki)


def test_a_key_that_is_not_the_certificates_is_refused_before_it_signs():
    ca, other = root(watched()), watched()
    with pytest.raises(KeyMismatchError, match="not the key of its certificate"):
        IssuingKey(other, ca)

    assert other.uses == 0


def test_a_key_of_another_size_than_the_profiles_is_refused_before_it_signs():
    signer = watched("ecdsa-p256")
    with pytest.raises(KeyMismatchError, match="asks for ecdsa-p384"):
        root(signer)

    assert signer.uses == 0


def test_the_profile_says_how_the_issuer_signs_and_else_the_ca_does():
    signer = watched()
    key = IssuingKey(signer, root(signer), SchemeChoice(digest="sha512"))

    assert key.scheme(SchemeChoice()) == SCHEMES["ecdsa-sha512"]
    assert key.scheme(SchemeChoice(digest="sha256")) == SCHEMES["ecdsa-sha256"]
    with pytest.raises(UnsupportedAlgorithmError):
        key.scheme(SchemeChoice("rsassa-pss"))


def test_a_crl_without_a_rising_number_is_not_signed():
    signer = watched()
    key = IssuingKey(signer, root(signer))
    template = CrlTemplate(number=5, this_update=NOW, next_update=NOW + timedelta(days=7))
    first = issue_crl(template, issuer=key, previous=None, intend=nothing)
    with pytest.raises(LintError):
        issue_crl(template, issuer=key, previous=first, intend=nothing)

    assert signer.uses == 2


@pytest.mark.parametrize("name", ["ecdsa-p256", "rsa-2048", "ed25519", "ml-dsa-44"])
def test_a_request_proves_possession_of_its_key(name):
    signer = software.generate(algorithm(name))
    request = parse_request(sign_request(root_template().subject, (), signer=signer))
    verify_request(request)

    assert request.spki == signer.spki


def test_a_self_signed_certificate_verifies_by_its_own_key():
    certificate = root(watched())
    verify(certificate.spki, certificate.scheme, certificate.tbs, certificate.signature)

    assert certificate.serial == SERIAL
