"""Chains of the table in `chain_cases` that turn on policies, purposes and host names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.x509.path import Fault, Purpose
from tests.support.chain_cases import CASES, DNS, Case, case, chain, issuing, root
from tests.support.chains import Entity, issue, leaf

GOLD, SILVER, FOREIGN = "1.3.6.1.4.1.55555.2.1", "1.3.6.1.4.1.55555.2.2", "1.3.6.1.4.1.55555.3.1"
ANY = "2.5.29.32.0"

Extra = tuple[x509.ExtensionType, bool]


def asserts(*policies: str) -> Extra:
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(policy), None) for policy in policies]
    ), False


def demands(*, explicit: int | None = None, mapping: int | None = None) -> Extra:
    return x509.PolicyConstraints(explicit, mapping), True


def maps(source: str, target: str) -> Extra:
    def sequence(*parts: bytes) -> bytes:
        return b"\x30" + bytes([sum(map(len, parts))]) + b"".join(parts)

    def oid(text: str) -> bytes:
        return x509.ExtendedKeyUsage([x509.ObjectIdentifier(text)]).public_bytes()[2:]

    value = sequence(sequence(oid(source), oid(target)))
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), value), True


def policy_case(
    ca: Sequence[Extra], end: Sequence[Extra], fault: Fault | None = None, policies: Sequence[str] = (GOLD,)
) -> Case:
    """Return a case for a leaf below a CA, with those extensions, for those required policies."""
    middle = issue("Policy CA", root(), extra=ca)
    return Case(leaf("Policy leaf", middle, extra=end), [middle], [root()], fault, policies=policies)


@case
def a_policy_that_all_assert() -> Case:
    return policy_case([asserts(GOLD)], [asserts(GOLD)])


@case
def a_policy_below_any_policy() -> Case:
    return policy_case([asserts(ANY)], [asserts(SILVER, GOLD)])


@case
def any_policy_in_the_leaf() -> Case:
    return policy_case([asserts(GOLD)], [asserts(ANY)])


@case
def one_of_the_policies_required() -> Case:
    return policy_case([asserts(GOLD, SILVER)], [asserts(SILVER)], policies=[GOLD, SILVER])


@case
def a_policy_that_the_leaf_lacks() -> Case:
    return policy_case([asserts(GOLD)], [], Fault.POLICY)


@case
def a_policy_that_the_ca_lacks() -> Case:
    return policy_case([], [asserts(GOLD)], Fault.POLICY)


@case
def another_policy_than_required() -> Case:
    return policy_case([asserts(ANY)], [asserts(SILVER)], Fault.POLICY)


@case
def policies_that_do_not_meet_when_none_is_required() -> Case:
    return policy_case([asserts(GOLD)], [asserts(SILVER)], policies=[])


@case
def policies_that_do_not_meet_when_the_ca_requires_one() -> Case:
    return policy_case([asserts(GOLD), demands(explicit=0)], [asserts(SILVER)], Fault.POLICY, policies=[])


@case
def a_policy_required_by_the_leaf_itself() -> Case:
    return policy_case([], [demands(explicit=0)], Fault.POLICY, policies=[])


@case
def a_policy_required_further_down_than_the_path_goes() -> Case:
    return policy_case([demands(explicit=2)], [], policies=[])


@case
def a_policy_required_just_as_the_path_ends() -> Case:
    """The leaf counts too (section 6.1.5 (a)), so that one more certificate is no reprieve."""
    return policy_case([demands(explicit=1)], [], Fault.POLICY, policies=[])


@case
def a_policy_mapped_to_a_foreign_one() -> Case:
    return policy_case([asserts(GOLD), maps(GOLD, FOREIGN)], [asserts(FOREIGN)])


@case
def a_policy_mapped_below_any_policy() -> Case:
    return policy_case([asserts(ANY), maps(GOLD, FOREIGN)], [asserts(FOREIGN)])


@case
def a_foreign_policy_is_not_the_one_it_was_mapped_from() -> Case:
    return policy_case([asserts(GOLD), maps(GOLD, FOREIGN)], [asserts(FOREIGN)], Fault.POLICY, policies=[FOREIGN])


@case
def a_policy_that_was_mapped_away() -> Case:
    return policy_case([asserts(GOLD), maps(GOLD, FOREIGN)], [asserts(GOLD)], Fault.POLICY)


def _below_inhibitor(inhibit: Extra, ca: Sequence[Extra], end: Sequence[Extra]) -> Case:
    upper = issue("Inhibitor", root(), extra=[asserts(ANY), inhibit])
    lower = issue("Inhibited", upper, extra=ca)
    return Case(leaf("Policy leaf", lower, extra=end), [lower, upper], [root()], Fault.POLICY, policies=[GOLD])


@case
def a_mapping_that_a_higher_ca_inhibits() -> Case:
    return _below_inhibitor(demands(mapping=0), [asserts(GOLD), maps(GOLD, FOREIGN)], [asserts(FOREIGN)])


@case
def any_policy_that_a_higher_ca_inhibits() -> Case:
    return _below_inhibitor((x509.InhibitAnyPolicy(0), True), [asserts(ANY)], [asserts(GOLD)])


@case
def a_mapping_of_a_policy_that_the_ca_does_not_assert() -> Case:
    return policy_case([asserts(GOLD), maps(SILVER, FOREIGN)], [asserts(GOLD)])


@case
def a_mapping_from_any_policy() -> Case:
    return policy_case([asserts(GOLD), maps(ANY, FOREIGN)], [asserts(GOLD)], Fault.POLICY)


SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY_USE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
STAMP, CODE = ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING
EMAIL, OCSP = ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.OCSP_SIGNING

EkuRow = tuple[Purpose, Sequence[x509.ObjectIdentifier], Sequence[str], bool, dict[str, str]]
_USAGE = {"pyhanko": "looks at the extended key usage alone"}
_ANY = {"pyhanko": "takes any extended key usage for a stated one"}
EKUS: dict[str, EkuRow] = {
    "a server": (Purpose.SERVER, [SERVER], ["digital_signature"], True, {}),
    "a server that encrypts keys": (Purpose.SERVER, [SERVER], ["key_encipherment"], True, {}),
    "a server that may do anything": (Purpose.SERVER, [], ["digital_signature"], True, {}),
    "a server whose key may only commit": (Purpose.SERVER, [SERVER], ["content_commitment"], False, _USAGE),
    "a client as a server": (Purpose.SERVER, [CLIENT], ["digital_signature"], False, {}),
    "a client": (Purpose.CLIENT, [CLIENT, SERVER], ["digital_signature"], True, {}),
    "a client that may only encrypt": (Purpose.CLIENT, [CLIENT], ["key_encipherment"], False, _USAGE),
    "a mail address": (Purpose.EMAIL, [EMAIL], ["content_commitment"], True, {}),
    "a server as a mail address": (Purpose.EMAIL, [SERVER], ["digital_signature"], False, {}),
    "a code signer": (Purpose.CODE, [CODE], ["digital_signature"], True, {}),
    "a code signer that does not say so": (Purpose.CODE, [], ["digital_signature"], False, {}),
    "a code signer by any extended key usage": (Purpose.CODE, [ANY_USE], ["digital_signature"], False, _ANY),
    "an OCSP responder": (Purpose.OCSP, [OCSP], ["digital_signature"], True, {}),
    "an OCSP responder that does not say so": (Purpose.OCSP, [], ["digital_signature"], False, {}),
    "a time-stamper with a second purpose": (Purpose.TIMESTAMP, [STAMP, CODE], ["digital_signature"], False, _USAGE),
    "a time-stamper whose purpose is not critical": (Purpose.TIMESTAMP, [STAMP], ["digital_signature"], False, _USAGE),
}


def _eku_case(sentence: str) -> None:
    def make() -> Case:
        purpose, ekus, usage, allowed, why = EKUS[sentence]
        end = leaf("Purposeful", issuing(), eku=ekus, usage=usage)
        return chain(
            end,
            fault=None if allowed else Fault.PURPOSE,
            purpose=purpose,
            incomparable=why,
        )

    CASES[f"{sentence}, by extended key usage"] = cache(make)


for _sentence in EKUS:
    _eku_case(_sentence)


@case
def a_time_stamper() -> Case:
    critical = (x509.ExtendedKeyUsage([STAMP]), True)
    return chain(leaf("Stamper", issuing(), extra=[critical]), purpose=Purpose.TIMESTAMP)


def _limited_ca(*ekus: x509.ObjectIdentifier) -> Entity:
    return issue("Limited CA", root(), eku=ekus)


@case
def a_server_below_a_ca_for_servers() -> Case:
    limited = _limited_ca(SERVER)
    return Case(leaf("Server", limited, eku=[SERVER]), [limited], [root()], purpose=Purpose.SERVER)


@case
def a_server_below_a_ca_for_any_purpose() -> Case:
    limited = _limited_ca(ANY_USE)
    return Case(
        leaf("Server", limited, eku=[SERVER]),
        [limited],
        [root()],
        purpose=Purpose.SERVER,
        incomparable={"openssl": "wants the purpose itself in a CA"},
    )


@case
def a_server_below_a_ca_for_clients() -> Case:
    limited = _limited_ca(CLIENT)
    return Case(
        leaf("Server", limited, eku=[SERVER]),
        [limited],
        [root()],
        Fault.PURPOSE,
        purpose=Purpose.SERVER,
        incomparable={"pyhanko": "looks at the leaf alone"},
    )


HostRow = tuple[str, Sequence[x509.GeneralName], bool, str]
"""The last is why OpenSSL judges otherwise, where it does."""
_COMMON_NAME = "falls back to the common name"
_ADDRESS = x509.IPAddress(ip_address("2001:db8::1"))
HOSTS: dict[str, HostRow] = {
    "its name": ("www.example.com", [DNS("www.example.com")], True, ""),
    "one of its names": ("www.example.com", [DNS("example.com"), DNS("www.example.com")], True, ""),
    "its name in capitals": ("WWW.Example.COM", [DNS("www.example.com")], True, ""),
    "capitals in the certificate": ("www.example.com", [DNS("WWW.EXAMPLE.COM")], True, ""),
    "its absolute name": ("www.example.com.", [DNS("www.example.com")], True, "does not know the final dot"),
    "another name": ("mail.example.com", [DNS("www.example.com")], False, ""),
    "a name below its name": ("a.www.example.com", [DNS("www.example.com")], False, ""),
    "a name below the wildcard": ("www.example.com", [DNS("*.example.com")], True, ""),
    "the name above the wildcard": ("example.com", [DNS("*.example.com")], False, ""),
    "two labels below the wildcard": ("a.b.example.com", [DNS("*.example.com")], False, ""),
    "a wildcard that is part of a label": (
        "www1.example.com",
        [DNS("www*.example.com")],
        False,
        "takes partial wildcards",
    ),
    "a wildcard in the second label": ("www.a.example.com", [DNS("www.*.example.com")], False, ""),
    "a wildcard for a whole top-level domain": ("example.com", [DNS("*.com")], False, ""),
    "its address": ("2001:DB8:0::1", [_ADDRESS], True, ""),
    "another address": ("2001:db8::2", [_ADDRESS], False, ""),
    "an address that stands there as a name": ("192.0.2.1", [DNS("192.0.2.1")], False, ""),
    "nothing but a common name": (
        "www.example.com",
        [x509.RFC822Name("www@example.com")],
        False,
        "falls back to the common name",
    ),
    "no names at all": ("www.example.com", [], False, _COMMON_NAME),
}


def _host_case(sentence: str) -> None:
    def make() -> Case:
        hostname, names, allowed, openssl = HOSTS[sentence]
        end = leaf("www.example.com", issuing(), names=names, eku=[SERVER])
        why = {"pyhanko": "compares no host names"} | ({"openssl": openssl} if openssl else {})
        return chain(end, fault=None if allowed else Fault.HOSTNAME, hostname=hostname, incomparable=why)

    CASES[f"a server reached by {sentence}"] = cache(make)


for _sentence in HOSTS:
    _host_case(_sentence)
