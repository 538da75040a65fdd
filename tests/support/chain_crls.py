"""Chains of the table in `chain_cases` that turn on revocation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography import x509

from pki.x509.crls import Crl
from pki.x509.path import Fault
from tests.support.chain_cases import SECOND, Case, case, chain, issuing, root, www
from tests.support.chains import AT, DAY, Entity, crl, issue, leaf

HOLD = x509.ReasonFlags.certificate_hold


def checked(crls: Sequence[Crl], fault: Fault | None = None, **options: Any) -> Case:
    """Return a case for the usual chain with those CRLs, all of them required."""
    return chain(fault=fault, crls=crls, require_crls=True, **options)


def scope(**changes: Any) -> tuple[x509.IssuingDistributionPoint, bool]:
    fields = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**fields, **changes}), True


def places(*urls: str) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(url) for url in urls]


def published_at(url: str) -> tuple[x509.CRLDistributionPoints, bool]:
    return x509.CRLDistributionPoints([x509.DistributionPoint(places(url), None, None, None)]), False


@case
def current_crls_that_list_nobody() -> Case:
    return checked([crl(root()), crl(issuing())])


@case
def current_crls_that_list_others() -> Case:
    return checked([crl(root(), [www()]), crl(issuing(), [issuing(), root()])])


@case
def no_crls_and_none_required() -> Case:
    return chain()


@case
def no_crl_for_the_leaf() -> Case:
    return checked([crl(root())], Fault.CRL_MISSING)


@case
def no_crl_for_the_issuing_ca() -> Case:
    return checked([crl(issuing())], Fault.CRL_MISSING)


@case
def a_revoked_leaf() -> Case:
    return checked([crl(root()), crl(issuing(), [(www(), x509.ReasonFlags.key_compromise)])], Fault.REVOKED)


@case
def a_revoked_leaf_when_no_crl_is_required() -> Case:
    return chain(crls=[crl(issuing(), [www()])], fault=Fault.REVOKED)


@case
def a_revoked_issuing_ca() -> Case:
    return checked([crl(root(), [issuing()]), crl(issuing())], Fault.REVOKED)


@case
def a_leaf_on_hold() -> Case:
    return checked([crl(root()), crl(issuing(), [(www(), HOLD)])], Fault.REVOKED)


@case
def a_leaf_whose_hold_was_lifted() -> Case:
    held = crl(issuing(), [(www(), HOLD)], number=1, this_update=AT - 3 * DAY)
    return checked(
        [held, crl(root()), crl(issuing(), number=2)], incomparable={"pyhanko": "lets every current CRL count"}
    )


@case
def the_last_second_of_a_crl() -> Case:
    return checked(
        [crl(root()), crl(issuing(), next_update=AT)],
        incomparable={"openssl": "ends one second earlier"},
    )


@case
def a_crl_that_is_out_of_date() -> Case:
    return checked([crl(root()), crl(issuing(), next_update=AT - 2 * SECOND)], Fault.CRL_EXPIRED)


@case
def a_crl_that_is_out_of_date_though_none_is_required() -> Case:
    return chain(
        crls=[crl(issuing(), next_update=AT - 2 * SECOND)],
        fault=Fault.CRL_EXPIRED,
    )


@case
def a_leaf_revoked_by_a_crl_that_is_out_of_date() -> Case:
    old = crl(issuing(), [www()], next_update=AT - 2 * SECOND)
    return checked([crl(root()), old], Fault.REVOKED)


@case
def a_crl_from_the_future() -> Case:
    return checked([crl(root()), crl(issuing(), this_update=AT + 2 * SECOND)], Fault.CRL_NOT_YET_VALID)


@case
def a_crl_that_somebody_else_signed() -> Case:
    forged = crl(issuing(), signed_by=issue("Forger"))
    return checked([crl(root()), forged], Fault.CRL_SIGNATURE)


@case
def a_forged_crl_beside_the_real_one() -> Case:
    return checked(
        [crl(root()), crl(issuing(), [www()], number=9, signed_by=issue("Forger")), crl(issuing())],
        incomparable={"openssl": "stops at the first CRL with the highest number"},
    )


@case
def a_crl_by_an_older_key_of_the_ca() -> Case:
    """It is about other certificates, though it has the CA's name."""
    old = issue("Issuing CA", root(), key="ecdsa-p384")
    return checked([crl(root()), crl(old, [www()])], Fault.CRL_MISSING)


@case
def a_ca_that_may_not_sign_crls() -> Case:
    middle = issue("No CRLs", root(), usage=("key_cert_sign",))
    return Case(
        leaf("Unrevocable", middle),
        [middle],
        [root()],
        Fault.CRL_UNUSABLE,
        crls=[crl(root()), crl(middle)],
        require_crls=True,
    )


def _scoped(fault: Fault | None = None, *, leaf_crl: dict[str, Any], ca_crl: dict[str, Any] | None = None) -> Case:
    upper = crl(root(), extra=[scope(**ca_crl)]) if ca_crl else crl(root())
    return checked([upper, crl(issuing(), extra=[scope(**leaf_crl)])], fault)


@case
def crls_for_ca_and_for_user_certificates() -> Case:
    return _scoped(leaf_crl={"only_contains_user_certs": True}, ca_crl={"only_contains_ca_certs": True})


@case
def a_crl_for_ca_certificates_that_is_no_help_for_the_leaf() -> Case:
    return _scoped(Fault.CRL_MISSING, leaf_crl={"only_contains_ca_certs": True})


@case
def a_crl_for_user_certificates_that_is_no_help_for_the_ca() -> Case:
    upper = crl(root(), extra=[scope(only_contains_user_certs=True)])
    return checked([upper, crl(issuing())], Fault.CRL_MISSING)


@case
def a_crl_for_attribute_certificates() -> Case:
    return _scoped(Fault.CRL_MISSING, leaf_crl={"only_contains_attribute_certs": True})


@case
def an_indirect_crl() -> Case:
    why = dict.fromkeys(("pyhanko", "openssl"), "reads indirect CRLs")
    indirect = crl(issuing(), extra=[scope(indirect_crl=True)])
    return checked([crl(root()), indirect], Fault.CRL_UNUSABLE, incomparable=why)


@case
def a_crl_for_some_reasons_only() -> Case:
    some = frozenset([x509.ReasonFlags.key_compromise])
    return _scoped(Fault.CRL_UNUSABLE, leaf_crl={"only_some_reasons": some})


def _sharded(fault: Fault | None, *, url: str | None) -> Case:
    end = leaf("Sharded", issuing(), extra=[published_at(url)] if url else [])
    shard = crl(issuing(), extra=[scope(full_name=places("http://crl.example.com/1.crl"))])
    return Case(end, [issuing()], [root()], fault, crls=[crl(root()), shard], require_crls=True)


@case
def a_crl_from_where_the_leaf_says() -> Case:
    return _sharded(None, url="http://crl.example.com/1.crl")


@case
def a_crl_from_elsewhere_than_the_leaf_says() -> Case:
    return _sharded(Fault.CRL_MISSING, url="http://crl.example.com/2.crl")


@case
def a_crl_from_somewhere_when_the_leaf_says_nothing() -> Case:
    return _sharded(Fault.CRL_MISSING, url=None)


@case
def a_crl_with_a_critical_extension_that_nobody_knows() -> Case:
    unknown = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), True)
    return checked([crl(root()), crl(issuing(), extra=[unknown])], Fault.CRL_UNUSABLE)


@case
def a_crl_whose_entry_has_a_critical_extension_that_nobody_knows() -> Case:
    """RFC 5280 section 5.3: such a CRL says nothing about anybody."""
    unknown = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), True)
    odd = crl(issuing(), [root()], entry_extra=[unknown])
    return checked([crl(root()), odd], Fault.CRL_UNUSABLE, incomparable={"pyhanko": "looks at the entry asked for"})


@case
def a_delta_crl_alone() -> Case:
    delta = crl(issuing(), extra=[(x509.DeltaCRLIndicator(1), True)], number=2)
    return checked([crl(root()), delta], Fault.CRL_UNUSABLE)


@case
def a_revoked_ca_of_ml_dsa() -> Case:
    top = issue("Quantum root", key="ml-dsa-44")
    middle = issue("Quantum CA", top, key="ml-dsa-44")
    end: Entity = leaf("Quantum leaf", middle)
    return Case(
        end,
        [middle],
        [top],
        Fault.REVOKED,
        crls=[crl(top, [middle]), crl(middle)],
        require_crls=True,
        incomparable={"openssl": "OpenSSL 3.0 has no ML-DSA"},
    )
