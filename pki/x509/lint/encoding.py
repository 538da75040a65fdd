"""Rules on the fields and their encoding, which hold before names and extensions are read (RFC 5280 section 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.algorithms import NULL
from pki.errors import EncodingError, PkiError
from pki.findings import Severity
from pki.x509.lint import x690
from pki.x509.lint.candidate import Candidate
from pki.x509.lint.rules import Rule, Rulebook

RULES: Rulebook[Candidate] = Rulebook()

_V3 = 2
MAX_SERIAL_OCTETS = 20
_MIN_SERIAL_BITS = 64
_FIRST_GENERALIZED_YEAR = 2050
_RSASSA_PSS, _MGF1 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"
_DIGESTS = {f"2.16.840.1.101.3.4.2.{arc}": octets for arc, octets in ((1, 32), (2, 48), (3, 64))}


@asn1.sequence
class _PssParameters:
    hash_algorithm: Annotated[asn1.TLV, asn1.Explicit(0)]
    mask_gen_algorithm: Annotated[asn1.TLV, asn1.Explicit(1)]
    salt_length: Annotated[int, asn1.Explicit(2)]


def _malformed(error: EncodingError) -> Iterator[str]:
    yield f"this is not a TBSCertificate in DER: {error.__cause__}"


def _unreadable(candidate: Candidate) -> Iterator[str]:
    try:
        _ = candidate.readable
    except EncodingError as error:
        yield str(error)


MALFORMED = Rule("rfc5280.4.1.malformed", Severity.ERROR, _malformed)
UNREADABLE = Rule("rfc5280.4.1.unreadable-name-or-extension", Severity.ERROR, _unreadable)


@RULES.rule("x690.10.1.not-distinguished")
def _der(candidate: Candidate) -> Iterator[str]:
    yield from x690.breaches(candidate.tbs)


@RULES.rule("x690.11.5.default-encoded")
def _default(candidate: Candidate) -> Iterator[str]:
    for extension in candidate.fields.extensions or ():
        if extension.critical is False:
            yield f"extension {extension.extn_id.dotted_string} encodes critical FALSE, which is the default"


@RULES.rule("x690.11.2.2.key-usage-trailing-zeros")
def _named_bits(candidate: Candidate) -> Iterator[str]:
    value = candidate.raw(x509.KeyUsage.oid)
    # tag, length, unused bits, octets: the last bit that is written must be set
    if value and len(value) > 3 and not value[-1] >> value[2] & 1:  # noqa: PLR2004 (the octets just named)
        yield "keyUsage is written with trailing zero bits"


@RULES.rule("rfc5280.4.2.extension-not-der")
def _extension_der(candidate: Candidate) -> Iterator[str]:
    for extension in candidate.fields.extensions or ():
        for problem in x690.breaches(extension.extn_value):
            yield f"extension {extension.extn_id.dotted_string} does not hold DER: {problem}"


@RULES.rule("rfc5280.4.2.duplicate-extension")
def _duplicate_extension(candidate: Candidate) -> Iterator[str]:
    oids = [extension.extn_id.dotted_string for extension in candidate.fields.extensions or ()]
    for oid in sorted({oid for oid in oids if oids.count(oid) > 1}):
        yield f"extension {oid} is there more than once"


@RULES.rule("rfc5280.4.1.2.9.no-extensions")
def _empty_extensions(candidate: Candidate) -> Iterator[str]:
    if candidate.fields.extensions == []:
        yield "the list of extensions is empty rather than absent"


@RULES.rule("rfc5280.4.1.2.1.not-version-3")
def _version(candidate: Candidate) -> Iterator[str]:
    if candidate.fields.version != _V3:
        yield f"the version is {(candidate.fields.version or 0) + 1}, not 3"


@RULES.rule("rfc5280.4.1.2.2.serial-not-positive")
def _serial_sign(candidate: Candidate) -> Iterator[str]:
    if candidate.fields.serial_number <= 0:
        yield f"the serial number {candidate.fields.serial_number} is not positive"


@RULES.rule("rfc5280.4.1.2.2.serial-too-long")
def _serial_length(candidate: Candidate) -> Iterator[str]:
    octets = candidate.fields.serial_number.bit_length() // 8 + 1
    if octets > MAX_SERIAL_OCTETS:
        yield f"the serial number has {octets} octets; at most {MAX_SERIAL_OCTETS} are allowed"


# A number of 64 random bits has leading zeros now and then: short is a reason to look, not a breach.
@RULES.rule("cabf-br.7.1.serial-short", Severity.WARNING)
def _serial_entropy(candidate: Candidate) -> Iterator[str]:
    bits = candidate.fields.serial_number.bit_length()
    if bits < _MIN_SERIAL_BITS:
        yield f"the serial number has {bits} bits; it should hold {_MIN_SERIAL_BITS} that nobody can predict"


@RULES.rule("rfc5280.4.1.1.2.not-the-signature-algorithm")
def _signature_algorithm(candidate: Candidate) -> Iterator[str]:
    announced = der.octets(candidate.fields.signature)
    if announced != der.algorithm_identifier(candidate.scheme.oid, candidate.scheme.parameters):
        yield f"the signature field does not name {candidate.scheme}, by which the certificate will be signed"


@RULES.rule("rfc4055.5.rsa-parameters-not-null")
def _rsa_parameters(candidate: Candidate) -> Iterator[str]:
    oid, parameters = candidate.signature_algorithm
    if oid.startswith("1.2.840.113549.1.1.") and oid != _RSASSA_PSS and parameters != NULL:
        yield "the parameters of an RSA PKCS #1 signature are NULL"


@RULES.rule("rfc4055.3.1.pss-parameters")
def _pss_parameters(candidate: Candidate) -> Iterator[str]:
    oid, parameters = candidate.signature_algorithm
    if oid != _RSASSA_PSS:
        return
    try:
        pss = der.decode(_PssParameters, parameters or b"", "RSASSA-PSS-params")
        hash_oid, _ = der.split_algorithm_identifier(der.octets(pss.hash_algorithm))
        mask_oid, mask_hash = der.split_algorithm_identifier(der.octets(pss.mask_gen_algorithm))
    except PkiError:
        yield "the parameters of RSASSA-PSS name a hash, a mask generation function and a salt length, no more"
        return
    if (mask_oid, mask_hash) != (_MGF1, der.octets(pss.hash_algorithm)) or pss.salt_length != _DIGESTS.get(hash_oid):
        yield "RSASSA-PSS must use MGF1 with the hash of the message, and a salt as long as the hash"


@RULES.rule("rfc5758.3.2.ecdsa-parameters-present")
def _ecdsa_parameters(candidate: Candidate) -> Iterator[str]:
    oid, parameters = candidate.signature_algorithm
    if oid.startswith("1.2.840.10045.4.") and parameters is not None:
        yield "an ECDSA signature has no parameters"


@RULES.rule("rfc8410.3.ed-parameters-present")
def _ed_parameters(candidate: Candidate) -> Iterator[str]:
    oid, parameters = candidate.signature_algorithm
    if oid in {"1.3.101.112", "1.3.101.113"} and parameters is not None:
        yield "an Ed25519 or Ed448 signature has no parameters"


@RULES.rule("rfc9881.2.ml-dsa-parameters-present")
def _ml_dsa_parameters(candidate: Candidate) -> Iterator[str]:
    oid, parameters = candidate.signature_algorithm
    if oid.startswith("2.16.840.1.101.3.4.3.") and parameters is not None:
        yield "an ML-DSA signature has no parameters"


@RULES.rule("rfc5280.4.1.2.4.empty-issuer")
def _empty_issuer(candidate: Candidate) -> Iterator[str]:
    if not candidate.fields.issuer.data:
        yield "the issuer is an empty name"


@RULES.rule("rfc5280.4.1.2.4.not-the-issuers-name")
def _issuer_name(candidate: Candidate) -> Iterator[str]:
    expected = candidate.issuer.subject_der if candidate.issuer else der.octets(candidate.fields.subject)
    if der.octets(candidate.fields.issuer) != expected:
        yield "the issuer is not, octet for octet, the subject of the issuer's certificate"


@RULES.rule("rfc5280.4.1.2.5.ends-before-it-begins")
def _validity_order(candidate: Candidate) -> Iterator[str]:
    begin, end = (time.as_datetime() for time in _times(candidate))
    if end < begin:
        yield f"notAfter {end} is before notBefore {begin}"


@RULES.rule("rfc5280.4.1.2.5.time-type")
def _time_type(candidate: Candidate) -> Iterator[str]:
    for time in _times(candidate):
        yield from wrong_time_type(time)


@RULES.rule("rfc5280.4.1.2.5.2.fraction-of-a-second")
def _time_fraction(candidate: Candidate) -> Iterator[str]:
    for time in _times(candidate):
        if time.as_datetime().microsecond:
            yield f"{time.as_datetime()} has a fraction of a second"


def _times(candidate: Candidate) -> tuple[asn1.UTCTime | asn1.GeneralizedTime, asn1.UTCTime | asn1.GeneralizedTime]:
    return candidate.fields.validity.not_before, candidate.fields.validity.not_after


def wrong_time_type(time: asn1.UTCTime | asn1.GeneralizedTime) -> Iterator[str]:
    """Yield a sentence for a GeneralizedTime before 2050; a UTCTime cannot name a later year."""
    moment: datetime = time.as_datetime()
    if isinstance(time, asn1.GeneralizedTime) and moment.year < _FIRST_GENERALIZED_YEAR:
        yield f"{moment} is a GeneralizedTime; dates through 2049 are UTCTime"


@RULES.rule("rfc5280.4.1.2.8.unique-identifier")
def _unique_identifiers(candidate: Candidate) -> Iterator[str]:
    if candidate.fields.issuer_unique_id or candidate.fields.subject_unique_id:
        yield "unique identifiers must not be there"


@RULES.rule("rfc5280.4.2.1.9.path-length-without-ca")
def _path_length_without_ca(candidate: Candidate) -> Iterator[str]:
    if candidate.basic_constraints.path_length is not None and not candidate.is_ca:
        yield "a path length stands in a certificate that is not a CA's"


@RULES.rule("rfc5280.4.2.1.3.encipher-only-without-key-agreement")
def _encipher_only(candidate: Candidate) -> Iterator[str]:
    if candidate.usages & {"encipherOnly", "decipherOnly"} and "keyAgreement" not in candidate.usages:
        yield "encipherOnly and decipherOnly mean nothing without keyAgreement"
