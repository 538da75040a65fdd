"""A CRL is held against its record, its other form and its CA's key."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pki.der import assemble, pem
from pki.x509.crls import CrlTemplate, crl_tbs, parse_crl
from reconciler.snapshot import CrlState
from tests.support.issue import NOW
from tests.support.states import State, told

DER, PEM = "ca/issuing/crl/ca.crl", "ca/issuing/crl/ca.crl.pem"


def crl_of(state: State) -> tuple[CrlState | None, list[tuple[str, str, bool]]]:
    generation = state.generation("issuing")
    return generation.crl, told(generation.crl_faults)


def test_it_says_what_it_lists(state):
    serial = state.credential().record.certificates[0].serial
    authority = state.ca("issuing")
    authority.revoke([serial], "keyCompromise")
    assert state.generation("issuing").crl.serials == frozenset()

    crl = authority.generate_crl(timedelta(days=9))

    assert crl_of(state) == (CrlState(crl.number, NOW, NOW + timedelta(days=9), frozenset({serial})), [])


def test_a_ca_that_never_published_one_has_none(state):
    state.add_ca("fresh", "ec/root-ca")

    generation = state.generation("fresh")
    assert (generation.crl, generation.crl_faults) == (None, ())


@pytest.mark.parametrize(
    ("lost", "faults"),
    [
        ([DER], [(DER, "is missing", True)]),
        ([PEM], [(PEM, "is missing", True)]),
        ([DER, PEM], [(DER, "is missing", False), (PEM, "is missing", False)]),
    ],
)
def test_one_form_is_enough_to_restore_the_other(state, lost, faults):
    before, _ = crl_of(state)
    for path in lost:
        state.path(path).unlink()

    assert crl_of(state) == (before if len(lost) == 1 else None, faults)


def test_a_file_that_is_no_crl_is_damaged(state):
    before, _ = crl_of(state)
    state.path(DER).write_bytes(b"\x30\x00")

    crl, [(path, detail, mendable)] = crl_of(state)

    assert (crl, path, mendable) == (before, DER, True)
    assert detail.startswith("is damaged: ")


def test_a_signature_that_does_not_hold_is_damage(state):
    crl = bytearray(state.path(DER).read_bytes())
    crl[-1] ^= 1
    state.path(DER).write_bytes(crl)
    state.path(PEM).write_bytes(pem("X509 CRL", bytes(crl)))

    detail = "is damaged: the ECDSA-SHA256 signature does not hold"
    assert crl_of(state) == (None, [(DER, detail, False), (PEM, detail, False)])


def test_the_crl_of_another_ca_is_no_crl_of_this_one(state):
    for form in ("ca.crl", "ca.crl.pem"):
        state.path(f"ca/issuing/crl/{form}").write_bytes(state.path(f"ca/root/crl/{form}").read_bytes())

    crl, faults = crl_of(state)

    assert crl is None
    assert [mendable for _, _, mendable in faults] == [False, False]


def test_forms_that_differ_are_told_and_the_newer_is_it(state):
    old = state.path(PEM).read_bytes()
    newer = state.ca("issuing").generate_crl()
    state.path(PEM).write_bytes(old)

    crl, faults = crl_of(state)

    assert (crl.number, faults) == (newer.number, [(PEM, "is not the same CRL as its other form", True)])


def test_a_crl_newer_than_its_record_is_told(state):
    record = state.path("ca/issuing/ca.meta.json").read_bytes()
    recorded = state.generation("issuing").record.crl.number
    newer = state.ca("issuing").generate_crl()
    state.path("ca/issuing/ca.meta.json").write_bytes(record)

    crl, faults = crl_of(state)

    assert crl.number == newer.number
    assert faults == [(DER, f"is number {newer.number}, and number {recorded} is on record", False)]


@pytest.mark.parametrize("field", ["this_update", "next_update"])
def test_dates_are_held_against_the_record(state, field):
    state.edit("ca/issuing/ca.meta.json", lambda record: record["crl"].update({field: "2020-01-01T00:00:00Z"}))

    assert crl_of(state)[1] == [(DER, "has other dates than those on record", False)]


def test_without_the_cas_certificate_the_signature_is_left_alone(state):
    state.path("ca/root/ca.crt").unlink()
    generation = state.generation("root")

    assert generation.crl is not None
    assert generation.crl_faults == ()


def test_a_crl_without_an_end_is_none_of_ours(state):
    authority = state.ca("issuing")
    crl = parse_crl(state.path(DER).read_bytes())
    template = CrlTemplate(number=crl.number, this_update=NOW, next_update=NOW + timedelta(days=7))
    with authority.key() as key:
        scheme = crl.scheme
        tbs = without_next_update(crl_tbs(template, key.identity, scheme))
        state.path(DER).write_bytes(assemble(tbs, scheme, key.signer.sign(tbs, scheme)))
    state.path(PEM).unlink()

    detail = "is damaged: it has no number or no nextUpdate"
    assert crl_of(state) == (None, [(DER, detail, False), (PEM, "is missing", False)])


def without_next_update(tbs: bytes) -> bytes:
    from cryptography.hazmat import asn1

    from pki.x509.crls import TBSCertList

    fields = asn1.decode_der(TBSCertList, tbs)
    return asn1.encode_der(
        TBSCertList(
            version=fields.version,
            signature=fields.signature,
            issuer=fields.issuer,
            this_update=fields.this_update,
            next_update=None,
            revoked_certificates=None,
            crl_extensions=fields.crl_extensions,
        )
    )
