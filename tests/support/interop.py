"""Other people's linters and verifiers: pkilint and pyhanko-certvalidator in process, OpenSSL and zlint by command."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from pkilint import etsi, finding_filter, loader, pkix
from pkilint.bin import lint_pkix_signer_signee_cert_chain as pairs
from pkilint.pkix import certificate, extension, name
from pkilint.pkix import crl as pkix_crl
from pkilint.validation import ValidationFindingSeverity, ValidationResult, ValidatorContainer
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import RevokedError, ValidationError

from pki.x509.certificates import Certificate
from pki.x509.crls import REASONS, Crl
from tests.support.issue import NOW, Issue
from tests.support.tokens import program

LATER = NOW + timedelta(minutes=1)
"""When paths are validated: pyhanko takes a revocation of this very second for one to come."""

_CERTIFICATES = loader.RFC5280CertificateDocumentLoader()
_CRLS = loader.RFC5280CertificateListDocumentLoader()


def pkilint_certificate(subject: Certificate) -> list[str]:
    """Return what pkilint's PKIX linter finds at WARNING and above."""
    return _findings(_certificate_linter().validate(_CERTIFICATES.load_der_document(subject.der).root))


def pkilint_etsi(subject: Certificate) -> list[str]:
    """Return what pkilint's linter of ETSI EN 319 412 finds, by the kind of certificate that it takes this one for."""
    document = _CERTIFICATES.load_der_document(subject.der)
    kind = etsi.determine_certificate_type(document)
    linter = certificate.create_pkix_certificate_validator_container(
        etsi.create_decoding_validators(kind), etsi.create_validators(kind)
    )
    results, _ = finding_filter.filter_results(etsi.create_etsi_finding_filters(kind), linter.validate(document.root))
    return _findings(results)


def pkilint_pair(issuer: Certificate, subject: Certificate) -> list[str]:
    """Return what pkilint finds between a certificate and its issuer's at NOTICE and above: names, key ids, policies.

    The signature is left to path validators: this linter takes every RSA signature for PKCS #1 v1.5.
    """
    documents: dict[str, object] = {}
    for role, each in (("issuer", issuer), ("subject", subject)):
        documents[role] = _CERTIFICATES.load_der_document(each.der, role, role, documents)
    issued, issuing = documents["subject"].root, documents["issuer"].root
    results = pairs.create_decoder_validation_container().validate(issuing)
    results += pairs.create_decoder_validation_container().validate(issued)
    results += pairs.create_issuer_validation_container().validate(issuing)
    return _findings(results, ValidationFindingSeverity.NOTICE)


def pkilint_crl(subject: Crl) -> list[str]:
    """Return what pkilint's PKIX CRL linter finds at WARNING and above."""
    return _findings(_crl_linter().validate(_CRLS.load_der_document(subject.der).root))


def _findings(
    results: Iterable[ValidationResult], threshold: ValidationFindingSeverity = ValidationFindingSeverity.WARNING
) -> list[str]:
    return [
        f"{found.finding.severity} {found} at {result.node.path}"
        for result in results
        for found in result.finding_descriptions
        if found.finding.severity <= threshold
    ]


@cache
def _certificate_linter() -> ValidatorContainer:
    """Return the linter of pkilint's `lint_pkix_cert`, which makes it in its `main`."""
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


@cache
def _crl_linter() -> ValidatorContainer:
    """Return the linter of pkilint's `lint_crl -p PKIX`, which makes it in its `main`."""
    return pkix_crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            pkix_crl.create_issuer_validator_container([]),
            pkix_crl.create_validity_validator_container([]),
            pkix_crl.create_extensions_validator_container([]),
        ],
    )


def zlint(subject: Certificate | Crl, folder: Path) -> dict[str, str]:
    """Return zlint's rules of RFC 5280 that are not met, by name; the test is skipped where zlint is missing.

    Left out are rules of the CA/Browser Forum, which zlint 3.6 applies to every CRL whatever the sources asked for.
    """
    (folder / "subject.pem").write_bytes(subject.pem())
    command = [program("zlint"), "-includeSources", "RFC5280", str(folder / "subject.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    verdicts = {rule: verdict["result"] for rule, verdict in json.loads(done.stdout).items() if "_cab_" not in rule}
    assert "pass" in verdicts.values()
    return {rule: verdict for rule, verdict in verdicts.items() if verdict not in {"pass", "NA", "NE", "info"}}


def pyhanko_verdict(issue: Issue, crls: Iterable[Crl], at: datetime = LATER) -> str:
    """Return what pyhanko-certvalidator makes of a path: `valid`, `revoked`, or what is wrong with it.

    Every certificate of the path but the anchor must have a CRL that covers it.
    """
    context = ValidationContext(
        trust_roots=[_asn1(issue.anchor)],
        other_certs=[_asn1(link) for link in issue.above[:-1]],
        moment=at,
        crls=[asn1_crl.CertificateList.load(crl.der) for crl in crls],
        revocation_mode="require",
    )
    validator = CertificateValidator(_asn1(issue.certificate), validation_context=context)
    try:
        asyncio.run(validator.async_validate_path())
    except RevokedError:
        return "revoked"
    except ValidationError as error:
        return error.failure_msg
    return "valid"


def openssl_verdict(
    issue: Issue, crls: Iterable[Crl], folder: Path, at: datetime = LATER, options: Iterable[str] = ()
) -> str:
    """Return what `openssl verify` makes of a path, strictly and with CRLs, in the words of `pyhanko_verdict`.

    With `-crl_check_all`, OpenSSL asks for a CRL that covers the anchor too.
    """

    def bundle(name: str, *objects: Certificate | Crl) -> str:
        (folder / name).write_bytes(b"".join(each.pem() for each in objects))
        return str(folder / name)

    command = ["openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-attime", str(int(at.timestamp()))]
    command += ["-CAfile", bundle("anchor.pem", issue.anchor)]
    if issue.above[:-1]:
        command += ["-untrusted", bundle("above.pem", *issue.above[:-1])]
    if issue.above:
        command += ["-crl_check_all" if issue.above[:-1] else "-crl_check"]
        command += ["-CRLfile", bundle("crls.pem", *published)] if (published := tuple(crls)) else []
    command += [*options, bundle("leaf.pem", issue.certificate)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 0:
        return "valid"
    return "revoked" if "certificate revoked" in done.stderr else done.stderr


def _asn1(subject: Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(subject.der)


def asn1_entries(crl: bytes) -> dict[int, tuple[datetime, str | None]]:
    """Return date and reason by serial, as asn1crypto reads them."""
    found = asn1_crl.CertificateList.load(crl)["tbs_cert_list"]["revoked_certificates"]
    return {entry["user_certificate"].native: (entry["revocation_date"].native, _asn1_reason(entry)) for entry in found}


def _asn1_reason(entry: asn1_crl.RevokedCertificate) -> str | None:
    return next((rfc_reason(each["extn_value"].native) for each in entry["crl_entry_extensions"]), None)


def rfc_reason(words: str) -> str:
    """Return the RFC's spelling: `Key Compromise` and `key_compromise` are `keyCompromise`."""
    return next(reason for reason in REASONS if reason.lower() == re.sub("[^a-z]", "", words.lower()))
