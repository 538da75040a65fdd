"""Rules on the subject's public key, and on what a key of its kind may be used for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

from pki import der
from pki.algorithms import NULL, Family
from pki.errors import PkiError
from pki.findings import Severity
from pki.x509 import signatures
from pki.x509.lint.candidate import Candidate
from pki.x509.lint.rules import Rulebook

RULES: Rulebook[Candidate] = Rulebook()

_RSA, _EC = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
_ED25519, _ML_DSA = "1.3.101.112", "2.16.840.1.101.3.4.3."
_OID_TAG = 0x06
_UNCOMPRESSED = 0x04

_ENCIPHER = frozenset({"keyEncipherment", "dataEncipherment"})
_AGREE = frozenset({"keyAgreement", "encipherOnly", "decipherOnly"})
_SIGN = frozenset({"digitalSignature", "nonRepudiation", "keyCertSign", "cRLSign"})


@RULES.rule("rfc5280.4.1.2.7.unsupported-key")
def _unsupported(candidate: Candidate) -> Iterator[str]:
    if candidate.algorithm is None:
        yield "the key's type, curve or size is none of those that are supported"


@RULES.rule("rfc5280.4.1.2.7.invalid-key")
def _invalid(candidate: Candidate) -> Iterator[str]:
    try:
        signatures.public_key(candidate.spki)
    except PkiError:
        yield "the key is not valid: off its curve, or of the wrong length"


@RULES.rule("rfc3279.2.3.1.rsa-parameters-not-null")
def _rsa_parameters(candidate: Candidate) -> Iterator[str]:
    oid, parameters, _ = candidate.key
    if oid == _RSA and parameters != NULL:
        yield "the parameters of an RSA key are NULL"


@RULES.rule("rfc5480.2.1.1.not-a-named-curve")
def _named_curve(candidate: Candidate) -> Iterator[str]:
    oid, parameters, _ = candidate.key
    if oid == _EC and (not parameters or parameters[0] != _OID_TAG):
        yield "the parameters of an EC key are the OID of a named curve"


@RULES.rule("rfc5480.2.2.compressed-point", Severity.WARNING)
def _compressed(candidate: Candidate) -> Iterator[str]:
    oid, _, content = candidate.key
    if oid == _EC and content[:1] != bytes([_UNCOMPRESSED]):
        yield "the point is compressed, which few verifiers read"


@RULES.rule("rfc8410.3.ed25519-key-parameters-present")
def _ed_parameters(candidate: Candidate) -> Iterator[str]:
    oid, parameters, _ = candidate.key
    if oid == _ED25519 and parameters is not None:
        yield "an Ed25519 key has no parameters"


@RULES.rule("rfc9881.4.ml-dsa-key-parameters-present")
def _ml_dsa_parameters(candidate: Candidate) -> Iterator[str]:
    oid, parameters, _ = candidate.key
    if oid.startswith(_ML_DSA) and parameters is not None:
        yield "an ML-DSA key has no parameters"


@RULES.rule("fips186-5.A.1.1.rsa-exponent")
def _rsa_exponent(candidate: Candidate) -> Iterator[str]:
    exponent = rsa.public_exponent if (rsa := _rsa_key(candidate)) else 65537
    if not 2**16 < exponent < 2**256 or exponent % 2 == 0:
        yield f"the RSA exponent {exponent} is not an odd number between 2^16 and 2^256"


@RULES.rule("fips186-5.A.1.1.rsa-modulus")
def _rsa_modulus(candidate: Candidate) -> Iterator[str]:
    rsa = _rsa_key(candidate)
    if rsa and math.gcd(rsa.modulus, _small_primes()) != 1:
        yield "the RSA modulus has a small factor"


@cache
def _small_primes() -> int:
    """Return the product of the primes below 752, as SP 800-56B section 6.4.2.2 tries them."""
    return math.prod(n for n in range(2, 752) if all(n % divisor for divisor in range(2, math.isqrt(n) + 1)))


def _rsa_key(candidate: Candidate) -> der.RsaPublicKey | None:
    oid, _, content = candidate.key
    try:
        return der.decode(der.RsaPublicKey, content, "the RSA key") if oid == _RSA else None
    except PkiError:
        return None


def _usages(code: str, family: Family, forbidden: frozenset[str]) -> None:
    """Enter a rule on what keys of a family may be used for."""

    @RULES.rule(code)
    def _check(candidate: Candidate) -> Iterator[str]:
        wrong = candidate.usages & forbidden
        if candidate.algorithm and candidate.algorithm.family is family and wrong:
            yield f"a key of type {candidate.algorithm} is not for {', '.join(sorted(wrong))}"


_usages("rfc3279.2.3.1.rsa-key-usage", Family.RSA, _AGREE)
_usages("rfc8813.3.ec-key-usage", Family.EC, _ENCIPHER)
_usages("rfc9295.3.ed25519-key-usage", Family.ED, _ENCIPHER | _AGREE)
_usages("rfc9881.5.ml-dsa-key-usage", Family.ML_DSA, _ENCIPHER | _AGREE)
