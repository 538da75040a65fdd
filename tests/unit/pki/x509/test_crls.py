from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding

from pki import der
from pki.algorithms import SCHEMES
from pki.errors import EncodingError, IssuanceError, UnsupportedAlgorithmError
from pki.x509.certificates import IssuerIdentity
from pki.x509.crls import (
    EXPIRED_CERTS_ON_CRL,
    REASONS,
    Crl,
    CrlTemplate,
    DistributionPoint,
    Revocation,
    RevokedCertificate,
    TBSCertList,
    crl_tbs,
    parse_crl,
    revocation_reason,
)
from tests.support import x509_objects as make

ISSUER = IssuerIdentity(make.name("CA").public_bytes(), b"key identifier")
SCHEME = SCHEMES["ecdsa-sha256"]
REVOCATIONS = (
    Revocation(0xABCDEF, make.NOW - make.DAY, "keyCompromise", make.NOW - 2 * make.DAY),
    Revocation(1 << 158, make.NOW, "unspecified"),
    Revocation(5, make.NOW),
    *(Revocation(100 + number, make.NOW, reason) for number, reason in enumerate(REASONS[1:])),
    Revocation(200, make.NOW, None, make.NOW.replace(microsecond=7)),
    Revocation(201, datetime(2051, 1, 1, tzinfo=UTC)),
)
SCOPES = {
    "no scope": None,
    "URLs": DistributionPoint(("http://crl.example/1", "ldap://crl.example/2")),
    "users": DistributionPoint(only="user"),
    "CAs at a URL": DistributionPoint(("http://crl.example/1",), only="ca"),
}


def template(revocations=REVOCATIONS, scope: DistributionPoint | None = None, number: int = 7) -> CrlTemplate:
    return CrlTemplate(number, make.NOW, make.NOW + 7 * make.DAY, revocations, scope)


def signed(*arguments, **keywords) -> Crl:
    tbs = crl_tbs(template(*arguments, **keywords), ISSUER, SCHEME)
    return parse_crl(der.assemble(tbs, SCHEME, make.sign(make.private_key(), SCHEME, tbs)))


def edited(edit) -> bytes:
    fields = asn1.decode_der(TBSCertList, crl_tbs(template(), ISSUER, SCHEME))
    edit(fields)
    return der.assemble(asn1.encode_der(fields), SCHEME, b"no signature")


def pyca_crl(template: CrlTemplate, key, scheme) -> x509.CertificateRevocationList:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(make.name("CA"))
        .last_update(template.this_update)
        .next_update(template.next_update)
        .add_extension(x509.AuthorityKeyIdentifier(ISSUER.key_id, None, None), critical=False)
        .add_extension(x509.CRLNumber(template.number), critical=False)
    )
    if template.expired_since:
        time = asn1.encode_der(asn1.GeneralizedTime(template.expired_since))
        builder = builder.add_extension(x509.UnrecognizedExtension(EXPIRED_CERTS_ON_CRL, time), critical=False)
    if template.distribution_point:
        builder = builder.add_extension(template.distribution_point.extension().value, critical=True)
    for revocation in template.revocations:
        entry = x509.RevokedCertificateBuilder().serial_number(revocation.serial).revocation_date(revocation.at)
        if revocation.reason not in (None, "unspecified"):
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(revocation.reason)), critical=False)
        if revocation.invalidity_date:
            date = revocation.invalidity_date.replace(microsecond=0)
            entry = entry.add_extension(x509.InvalidityDate(date), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key, make.digest_of(scheme), rsa_padding=make.padding_of(scheme))


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
@pytest.mark.parametrize("revocations", [(), REVOCATIONS], ids=["empty", "full"])
@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
def test_a_tbs_is_what_pyca_would_have_encoded(scheme_name, key_name, revocations, scope):
    """For every scheme that pyca knows, its own builder makes the same octets."""
    scheme = SCHEMES[scheme_name]
    wanted = template(revocations, scope)
    oracle = pyca_crl(wanted, make.private_key(key_name), scheme)

    tbs = crl_tbs(wanted, ISSUER, scheme)

    assert oracle.tbs_certlist_bytes == tbs
    assert oracle.public_bytes(Encoding.DER) == der.assemble(tbs, scheme, oracle.signature)


def test_a_crl_that_keeps_expired_certificates_says_since_when():
    wanted = replace(template(), expired_since=make.NOW - 30 * make.DAY)
    key = make.private_key()

    tbs = crl_tbs(wanted, ISSUER, SCHEME)

    assert pyca_crl(wanted, key, SCHEME).tbs_certlist_bytes == tbs


def test_the_facts_of_a_crl_are_those_of_its_template():
    crl = signed(scope=SCOPES["CAs at a URL"])

    assert (crl.number, crl.this_update, crl.next_update) == (7, make.NOW, make.NOW + 7 * make.DAY)
    assert (crl.issuer, crl.issuer_der, crl.authority_key_id) == (make.name("CA"), ISSUER.name, ISSUER.key_id)
    assert crl.scheme == SCHEME
    assert crl.distribution_point.only_contains_ca_certs
    assert crl.size == len(REVOCATIONS)


def test_entries_are_read_back():
    """A reason of unspecified is told by its absence; fractions of a second are dropped."""
    crl = signed()

    assert crl.revocations[:2] == (REVOCATIONS[0], Revocation(1 << 158, make.NOW))
    assert crl.revocations[2:-2] == REVOCATIONS[2:-2]
    assert crl.revocations[-2:] == (Revocation(200, make.NOW, None, make.NOW), REVOCATIONS[-1])


def test_one_entry_is_found_without_reading_the_others():
    crl = signed()

    assert crl.find(0xABCDEF) == REVOCATIONS[0]
    assert crl.find(6) is None


def test_an_empty_crl_has_no_entries():
    crl = signed(revocations=())

    assert crl.revocations == ()
    assert crl.size == 0
    assert crl.distribution_point is None
    assert asn1.decode_der(TBSCertList, crl.tbs).revoked_certificates is None


def test_crls_are_equal_when_their_octets_are():
    crl = signed()

    assert parse_crl(crl.pem()) == crl
    assert crl.pem().startswith(b"-----BEGIN X509 CRL-----\n")
    assert signed(number=8) != crl


def test_a_distribution_point_that_says_nothing_is_refused():
    with pytest.raises(IssuanceError, match=r"5\.2\.5"):
        DistributionPoint()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("keyCompromise", "keyCompromise"),
        ("KEYCOMPROMISE", "keyCompromise"),
        ("caCompromise", "cACompromise"),
        ("CACompromise", "cACompromise"),
        ("cessation", "cessationOfOperation"),
        ("hold", "certificateHold"),
    ],
)
def test_reasons_are_recognised_in_any_case(text, expected):
    assert revocation_reason(text) == expected


def test_an_unknown_reason_is_refused_with_those_there_are():
    with pytest.raises(IssuanceError, match="unknown revocation reason 'key-compromise'") as caught:
        revocation_reason("key-compromise")

    assert "keyCompromise, cACompromise" in caught.value.hint


def test_a_signature_that_the_table_does_not_have_can_be_carried():
    """A foreign CRL is read; only who asks for its scheme is told that it is unknown."""
    identifier = der.tlv(der.algorithm_identifier("2.16.840.1.101.3.4.3.20", None))
    fields = asn1.decode_der(TBSCertList, crl_tbs(template(), ISSUER, SCHEME))
    fields.signature = identifier
    signature = der.tlv(asn1.encode_der(asn1.BitString(b"x", 0)))
    crl = parse_crl(der.sequence([der.tlv(asn1.encode_der(fields)), identifier, signature]))

    assert crl.number == 7
    with pytest.raises(UnsupportedAlgorithmError):
        _ = crl.scheme


def test_an_odd_but_readable_issuer_is_read_without_a_warning():
    country = bytes.fromhex("300e310c300a06035504061303") + b"FRA"
    crl = parse_crl(edited(put(issuer=der.tlv(country))))

    assert [part.value for part in crl.issuer] == ["FRA"]


def put(**values):
    def edit(fields: TBSCertList) -> None:
        for name, value in values.items():
            setattr(fields, name, value)

    return edit


def twice(fields: TBSCertList) -> None:
    fields.crl_extensions += fields.crl_extensions[:1]


BROKEN = {
    "no version": (edited(put(version=None)), "not a CRL of version 2"),
    "version 1": (edited(put(version=0)), "not a CRL of version 2"),
    "two signature algorithms": (
        edited(put(signature=der.tlv(der.algorithm_identifier("1.2.840.10045.4.3.3", None)))),
        "two different signature algorithms",
    ),
    "an extension twice": (edited(twice), "has a part that is not valid"),
    "a name that is no name": (edited(put(issuer=der.tlv(b"\x05\x00"))), "has a part that is not valid"),
    "nothing in it": (der.assemble(b"\x30\x00", SCHEME, b""), "not a CRL of version 2"),
    "a certificate": (make.issue(make.template()).der, "not a CRL of version 2"),
    "another PEM": (make.issue(make.template()).pem(), "holds CERTIFICATE, not X509 CRL"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_crl_is_refused_with_a_reason(kind):
    data, reason = BROKEN[kind]

    with pytest.raises(EncodingError, match=reason):
        parse_crl(data)


@pytest.mark.parametrize(
    ("extension", "reason"),
    [
        (
            der.Extension(extn_id=x509.CRLReason.oid, critical=False, extn_value=b"\x0a\x01\x07"),
            "has a part that is not",
        ),
        (
            der.Extension(extn_id=x509.CertificateIssuer.oid, critical=True, extn_value=bytes.fromhex("3003820161")),
            "entry 05 has an unknown critical extension",
        ),
    ],
    ids=["a reason that is none", "a critical certificateIssuer"],
)
def test_a_broken_entry_is_refused_when_it_is_read(extension, reason):
    """RFC 5280 section 5.3: a CRL with a critical entry extension that is not understood says nothing about anybody."""
    entry = RevokedCertificate(user_certificate=5, revocation_date=der.time(make.NOW), crl_entry_extensions=[extension])
    crl = parse_crl(edited(put(revoked_certificates=[entry])))

    with pytest.raises(EncodingError, match=reason):
        _ = crl.revocations
    with pytest.raises(EncodingError, match=reason):
        crl.find(5)


def test_a_crl_without_a_next_update_or_number_is_read():
    crl = parse_crl(edited(put(next_update=None, crl_extensions=None)))

    assert crl.next_update is crl.number is crl.authority_key_id is None


@pytest.mark.slow
def test_twenty_thousand_entries_take_no_noticeable_time():
    """Measured in tens of milliseconds; a second is the bound that a busy machine keeps."""
    revocations = tuple(
        Revocation(number << 100, make.NOW - timedelta(seconds=number), "superseded") for number in range(1, 20_001)
    )
    start = time.perf_counter()
    tbs = crl_tbs(template(revocations), ISSUER, SCHEME)

    assert time.perf_counter() - start < 1
    assert parse_crl(der.assemble(tbs, SCHEME, b"")).revocations == revocations
