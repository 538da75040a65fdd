"""Other people's path validators, asked about our cases: pyhanko-certvalidator in process, OpenSSL by its command."""

from __future__ import annotations

import asyncio
import ipaddress
import subprocess
from pathlib import Path

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from pyhanko_certvalidator import CertificateValidator, PKIXValidationParams, ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.errors import PathBuildingError, ValidationError
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy, RevocationCheckingRule
from pyhanko_certvalidator.registry import SimpleTrustManager

from pki.x509.path import Purpose
from tests.support.chain_cases import Case

PYHANKO_PURPOSES = {
    Purpose.SERVER: "server_auth",
    Purpose.CLIENT: "client_auth",
    Purpose.CODE: "code_signing",
    Purpose.EMAIL: "email_protection",
    Purpose.TIMESTAMP: "time_stamping",
    Purpose.OCSP: "ocsp_signing",
}


def pyhanko_accepts(case: Case) -> bool:
    anchors = SimpleTrustManager.build(
        trust_roots=[CertTrustAnchor(load(entity.der), derive_default_quals_from_cert=True) for entity in case.anchors]
    )
    context = ValidationContext(
        trust_manager=anchors,
        moment=case.at,
        crls=[asn1_crl.CertificateList.load(crl.der) for crl in case.crls],
        allow_fetching=False,
        revinfo_policy=CertRevTrustPolicy(revocation_rules(case)),
    )
    policies = PKIXValidationParams(
        user_initial_policy_set=frozenset(case.policies) or frozenset(["any_policy"]),
        initial_explicit_policy=bool(case.policies),
    )
    intermediates = [load(entity.der) for entity in case.intermediates]
    validator = CertificateValidator(load(case.leaf.der), intermediates, context, policies)
    try:
        asyncio.run(_ask(validator, case))
    except (PathBuildingError, ValidationError):
        return False
    return True


def revocation_rules(case: Case) -> RevocationCheckingPolicy:
    """Ask for CRLs as `openssl verify` does: for the whole path, for the leaf, or for nobody."""
    wanted, ignored = RevocationCheckingRule.CRL_REQUIRED, RevocationCheckingRule.NO_CHECK
    return RevocationCheckingPolicy(wanted if case.crls else ignored, wanted if case.require_crls else ignored)


async def _ask(validator: CertificateValidator, case: Case) -> None:
    await validator.async_validate_path()
    if case.purpose:
        optional = case.purpose in (Purpose.SERVER, Purpose.CLIENT, Purpose.EMAIL)
        await validator.async_validate_usage(set(), {PYHANKO_PURPOSES[case.purpose]}, extended_optional=optional)


def load(der: bytes) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(der)


OPENSSL_PURPOSES = {
    Purpose.SERVER: "sslserver",
    Purpose.CLIENT: "sslclient",
    Purpose.EMAIL: "smimesign",
    Purpose.TIMESTAMP: "timestampsign",
}


def openssl_accepts(case: Case, folder: Path) -> bool:
    done = subprocess.run(openssl_command(case, folder), capture_output=True, check=False)
    return done.returncode == 0


def openssl_command(case: Case, folder: Path) -> list[str]:
    def bundle(name: str, *parts: bytes) -> list[str]:
        (folder / name).write_bytes(b"".join(parts))
        return [str(folder / name)]

    command = ["openssl", "verify", "-x509_strict", "-partial_chain", "-no-CApath", "-no-CAstore"]
    command += ["-attime", str(int(case.at.timestamp())), "-policy_check"]
    command += ["-CAfile", *bundle("anchors.pem", *(entity.pem for entity in case.anchors))]
    if case.intermediates:
        command += ["-untrusted", *bundle("untrusted.pem", *(entity.pem for entity in case.intermediates))]
    if case.crls:
        command += ["-CRLfile", *bundle("crls.pem", *(crl.pem() for crl in case.crls)), "-extended_crl"]
        command += ["-crl_check_all" if case.require_crls else "-crl_check"]
    if case.purpose in OPENSSL_PURPOSES:
        command += ["-purpose", OPENSSL_PURPOSES[case.purpose]]
    if case.hostname:
        command += ["-verify_ip" if is_address(case.hostname) else "-verify_hostname", case.hostname]
    for policy in case.policies or ["2.5.29.32.0"]:
        command += ["-policy", policy]
    command += ["-explicit_policy"] if case.policies else []
    return [*command, *bundle("leaf.pem", case.leaf.pem)]


def is_address(hostname: str) -> bool:
    try:
        return bool(ipaddress.ip_address(hostname))
    except ValueError:
        return False
