"""One table of chains, good and bad, for our path validator and for other people's.

Each case is a function whose name says what is special about the chain; its verdict is the fault, or None when the path
holds. Where another validator may judge differently, the case says which and why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.x509.oid import NameOID

from pki.x509.crls import Crl
from pki.x509.path import Fault, Purpose
from tests.support.chains import AT, CA_USAGE, Entity, common_name, crl, issue, leaf

DNS = x509.DNSName
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Case:
    """What a validator is given. `incomparable` maps a validator to why its verdict is another matter."""

    leaf: Entity
    intermediates: Sequence[Entity]
    anchors: Sequence[Entity]
    fault: Fault | None = None
    at: datetime = AT
    crls: Sequence[Crl] = ()
    require_crls: bool = False
    purpose: Purpose | None = None
    hostname: str | None = None
    policies: Sequence[str] = ()
    incomparable: dict[str, str] = field(default_factory=dict)


CASES: dict[str, Callable[[], Case]] = {}


def case(make: Callable[[], Case]) -> Callable[[], Case]:
    CASES[make.__name__.replace("_", " ")] = cache(make)
    return CASES[make.__name__.replace("_", " ")]


@cache
def root() -> Entity:
    return issue("Root")


@cache
def issuing() -> Entity:
    return issue("Issuing CA", root())


@cache
def www() -> Entity:
    return leaf("www", issuing(), names=[DNS("www.example.com")])


def chain(end: Entity | None = None, *, fault: Fault | None = None, **options: Any) -> Case:
    """Return a case for a leaf below the usual issuing CA and root."""
    return Case(end or www(), [issuing()], [root()], fault, **options)


def below(issuer: Entity, *, fault: Fault | None = None, **options: Any) -> Case:
    """Return a case for an ordinary leaf below that issuing CA and the usual root."""
    return Case(leaf("Below", issuer, names=[DNS("www.example.com")]), [issuer], [root()], fault, **options)


# Shapes of paths


@case
def a_leaf_below_an_issuing_ca() -> Case:
    return chain()


@case
def a_leaf_below_the_root() -> Case:
    return Case(leaf("Direct", root()), [], [root()])


@case
def a_chain_without_key_identifiers() -> Case:
    top = issue("Plain root", key_ids=False)
    middle = issue("Plain CA", top, key_ids=False)
    return Case(
        leaf("Plain leaf", middle, key_ids=False),
        [middle],
        [top],
        incomparable={"openssl": "-x509_strict wants key identifiers"},
    )


@case
def more_certificates_than_needed_in_any_order() -> Case:
    stranger = issue("Stranger")
    middle = issue("Middle", root())
    lower = issue("Lower", middle)
    return Case(leaf("Deep", lower), [stranger, lower, www(), middle], [stranger, root()])


@case
def an_issuing_ca_as_trust_anchor() -> Case:
    return Case(www(), [], [issuing()])


@case
def a_self_signed_certificate_that_is_the_anchor() -> Case:
    return Case(root(), [], [root()])


@case
def a_leaf_that_is_the_anchor() -> Case:
    return Case(www(), [], [www()], incomparable={"pyhanko": "wants a path below the anchor"})


@case
def two_ways_up_of_which_one_has_expired() -> Case:
    other = issue("Other root")
    old = issue("Issuing CA", other, key=issuing().key, end=AT - SECOND)
    return Case(www(), [old, issuing()], [other, root()])


@case
def an_issuing_ca_with_a_new_key_and_the_old_name() -> Case:
    renewed = issue("Issuing CA", root(), key="ecdsa-p384")
    return Case(leaf("Of the new key", renewed), [issuing(), renewed], [root()])


@case
def a_rollover_certificate_between_two_keys_of_the_root() -> Case:
    """New with old (RFC 4210 section 4.4): self-issued, so that it does not count against the root's path length."""
    old = issue("Rolling root", path_length=1)
    new = issue("Rolling root", old, key="ecdsa-p384")
    middle = issue("Below the new key", new)
    return Case(leaf("Rolled", middle), [middle, new], [old], incomparable={"pyhanko": "stumbles over it"})


@case
def a_missing_issuing_ca() -> Case:
    return Case(www(), [], [root()], Fault.UNTRUSTED)


@case
def no_trust_anchor() -> Case:
    return Case(www(), [issuing(), root()], [], Fault.UNTRUSTED)


@case
def a_self_signed_leaf_that_nobody_trusts() -> Case:
    return Case(issue("Alone"), [], [root()], Fault.UNTRUSTED)


@case
def an_issuer_with_another_key_identifier() -> Case:
    stranger = x509.AuthorityKeyIdentifier(b"another key identifier", None, None)
    return chain(leaf("Astray", issuing(), authority_key_id=stranger), fault=Fault.UNTRUSTED)


@case
def an_issuer_with_another_serial_number_than_the_leaf_says() -> Case:
    wrong = x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(common_name("Root"))], 99)
    return chain(leaf("Astray", issuing(), authority_key_id=wrong), fault=Fault.UNTRUSTED)


@case
def an_impostor_root_of_the_same_name_and_key_identifier() -> Case:
    """The forger copies all that builds paths; only the signature tells."""
    impostor = issue("Root", key="ecdsa-p384", key_ids=False, extra=[(root().key_id, False)])
    return Case(www(), [issuing()], [impostor], Fault.SIGNATURE, incomparable={"openssl": "wants an AKI in the root"})


@case
def certificates_that_issue_each_other_and_no_way_up() -> Case:
    one, two = issue("One"), issue("Two")
    ring = [issue("One", two, key=one.key), issue("Two", one, key=two.key)]
    return Case(leaf("In a ring", one), ring, [root()], Fault.UNTRUSTED)


# Signatures and algorithms


@case
def a_leaf_that_somebody_else_signed() -> Case:
    return chain(leaf("Forged", issuing(), signed_by=issue("Forger")), fault=Fault.SIGNATURE)


@case
def an_issuing_ca_that_somebody_else_signed() -> Case:
    return below(issue("Forged CA", root(), signed_by=issue("Forger")), fault=Fault.SIGNATURE)


@case
def a_leaf_changed_after_it_was_signed() -> Case:
    der = www().der.replace(b"www.example.com", b"www.example.org")
    return chain(Entity(x509.load_der_x509_certificate(der), www().key), fault=Fault.SIGNATURE)


@case
def a_self_signed_anchor_whose_own_signature_is_wrong() -> Case:
    broken = issue("Broken root", signed_by=issue("Forger"))
    return Case(
        broken,
        [],
        [broken],
        Fault.SIGNATURE,
        incomparable={"pyhanko": "trusts anchors as they are", "openssl": "trusts anchors as they are"},
    )


def _algorithm_case(name: str, key: str, *, pss: bool = False) -> None:
    def make() -> Case:
        top = issue(f"{name} root", key=key, pss=pss)
        middle = issue(f"{name} CA", top, key=key, pss=pss)
        end = leaf(f"{name} leaf", middle, key=key)
        why = {"openssl": "OpenSSL 3.0 has no ML-DSA"} if key.startswith("ml-dsa") else {}
        return Case(end, [middle], [top], crls=[crl(top), crl(middle)], require_crls=True, incomparable=why)

    CASES[f"a chain of {name}"] = cache(make)


for _name, _key in (
    ("P-256", "ecdsa-p256"),
    ("P-384", "ecdsa-p384"),
    ("P-521", "ecdsa-p521"),
    ("RSA", "rsa-2048"),
    ("Ed25519", "ed25519"),
    ("ML-DSA-44", "ml-dsa-44"),
    ("ML-DSA-65", "ml-dsa-65"),
    ("ML-DSA-87", "ml-dsa-87"),
):
    _algorithm_case(_name, _key)
_algorithm_case("RSA-PSS", "rsa-2048", pss=True)


@case
def an_ml_dsa_root_above_classical_keys() -> Case:
    top = issue("Quantum root", key="ml-dsa-87")
    middle = issue("Classical CA", top, key="rsa-2048")
    return Case(
        leaf("Mixed", middle, key="ed25519"), [middle], [top], incomparable={"openssl": "OpenSSL 3.0 has no ML-DSA"}
    )


@case
def a_forged_ml_dsa_signature() -> Case:
    top = issue("Quantum root", key="ml-dsa-65")
    forger = issue("Quantum forger", key="ml-dsa-65")
    return Case(
        leaf("Forged", top, signed_by=forger),
        [],
        [top],
        Fault.SIGNATURE,
        incomparable={"openssl": "OpenSSL 3.0 has no ML-DSA"},
    )


_OUR_TABLE = {"pyhanko": "the table of algorithms is ours", "openssl": "the table of algorithms is ours"}


@case
def a_leaf_with_an_rsa_key_of_1024_bits() -> Case:
    weak = rsa.generate_private_key(65537, 1024)
    return chain(leaf("Weak", issuing(), key=weak), fault=Fault.ALGORITHM, incomparable=_OUR_TABLE)


@case
def a_ca_on_a_curve_outside_the_table() -> Case:
    odd = issue("Odd CA", root(), key=ec.generate_private_key(ec.SECP256K1()))
    return below(odd, fault=Fault.ALGORITHM, incomparable=_OUR_TABLE)


@case
def an_ed448_leaf() -> Case:
    return chain(
        leaf("Big", issuing(), key=ed448.Ed448PrivateKey.generate()), fault=Fault.ALGORITHM, incomparable=_OUR_TABLE
    )


# Dates


@case
def the_first_second() -> Case:
    return chain(leaf("Fresh", issuing(), start=AT))


@case
def the_last_second() -> Case:
    return chain(leaf("Last", issuing(), end=AT), incomparable={"openssl": "ends one second earlier"})


@case
def an_expired_leaf() -> Case:
    return chain(leaf("Old", issuing(), end=AT - 2 * SECOND), fault=Fault.EXPIRED)


@case
def a_leaf_before_its_time() -> Case:
    return chain(leaf("Early", issuing(), start=AT + 2 * SECOND), fault=Fault.NOT_YET_VALID)


@case
def an_expired_issuing_ca() -> Case:
    return below(issue("Old CA", root(), end=AT - 2 * SECOND), fault=Fault.EXPIRED)


@case
def an_expired_root() -> Case:
    top = issue("Old root", end=AT - 2 * SECOND)
    return Case(leaf("Orphan", top), [], [top], Fault.EXPIRED, incomparable={"pyhanko": "trusts anchors for ever"})


# What a CA must be


@case
def a_leaf_that_signed_another_leaf() -> Case:
    pretender = leaf("Pretender", issuing(), usage=CA_USAGE)
    return Case(leaf("Of a leaf", pretender), [pretender, issuing()], [root()], Fault.NOT_A_CA)


@case
def a_ca_without_basic_constraints() -> Case:
    return below(issue("No constraints", root(), ca=None), fault=Fault.NOT_A_CA)


@case
def a_ca_that_says_it_is_none() -> Case:
    return below(issue("Not a CA", root(), ca=False, usage=("digital_signature",)), fault=Fault.NOT_A_CA)


@case
def a_ca_that_may_only_sign_crls() -> Case:
    return below(issue("CRL signer", root(), usage=("crl_sign",)), fault=Fault.NOT_A_CA)


@case
def a_ca_without_key_usage() -> Case:
    return below(
        issue("Any use", root(), usage=None), incomparable={"openssl": "-x509_strict wants a key usage in CAs"}
    )


@case
def a_root_that_is_no_ca() -> Case:
    top = issue("Old style root", ca=None, usage=None)
    return Case(
        leaf("Below it", top), [], [top], Fault.NOT_A_CA, incomparable={"pyhanko": "trusts anchors as they are"}
    )


@case
def a_path_length_that_is_just_enough() -> Case:
    upper = issue("Upper", root(), path_length=1)
    lower = issue("Lower", upper, path_length=0)
    return Case(leaf("Deep", lower), [upper, lower], [root()])


@case
def a_path_length_that_is_exceeded() -> Case:
    upper = issue("Upper", root(), path_length=0)
    lower = issue("Lower", upper)
    return Case(leaf("Too deep", lower), [upper, lower], [root()], Fault.PATH_LENGTH)


@case
def a_path_length_of_the_root_that_is_exceeded() -> Case:
    top = issue("Short root", path_length=0)
    middle = issue("One too many", top)
    return Case(leaf("Too deep", middle), [middle], [top], Fault.PATH_LENGTH)


@case
def a_path_of_ten_certificates() -> Case:
    authorities = [root()]
    for depth in range(8):
        authorities.append(issue(f"Level {depth}", authorities[-1]))
    return Case(leaf("Depth", authorities[-1]), authorities[1:], [root()])


@case
def a_critical_extension_that_nobody_knows() -> Case:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    return chain(leaf("Odd", issuing(), extra=[(unknown, True)]), fault=Fault.CRITICAL_EXTENSION)


@case
def a_ca_with_a_critical_extension_that_nobody_knows() -> Case:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    return below(issue("Odd CA", root(), extra=[(unknown, True)]), fault=Fault.CRITICAL_EXTENSION)


@case
def an_extension_that_nobody_knows_and_that_is_not_critical() -> Case:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    return chain(leaf("Odd", issuing(), extra=[(unknown, False)]))


# Name constraints


def constrained(
    *, permitted: Sequence[x509.GeneralName] = (), excluded: Sequence[x509.GeneralName] = ()
) -> tuple[x509.NameConstraints, bool]:
    return x509.NameConstraints(list(permitted) or None, list(excluded) or None), True


NAMES: dict[str, tuple[tuple[x509.NameConstraints, bool], x509.GeneralName, bool]] = {
    "a host below the permitted domain": (constrained(permitted=[DNS("example.com")]), DNS("a.b.example.com"), True),
    "the permitted domain itself": (constrained(permitted=[DNS("example.com")]), DNS("example.com"), True),
    "a host outside the permitted domain": (constrained(permitted=[DNS("example.com")]), DNS("example.org"), False),
    "a host that only ends like the domain": (
        constrained(permitted=[DNS("example.com")]),
        DNS("badexample.com"),
        False,
    ),
    "a host in the excluded domain": (constrained(excluded=[DNS("example.com")]), DNS("www.example.com"), False),
    "a host when only addresses are permitted": (
        constrained(permitted=[x509.IPAddress(ip_network("192.0.2.0/24"))]),
        DNS("www.example.com"),
        True,
    ),
    "an address in the permitted network": (
        constrained(permitted=[x509.IPAddress(ip_network("192.0.2.0/24"))]),
        x509.IPAddress(ip_address("192.0.2.7")),
        True,
    ),
    "an address outside the permitted network": (
        constrained(permitted=[x509.IPAddress(ip_network("192.0.2.0/24"))]),
        x509.IPAddress(ip_address("198.51.100.7")),
        False,
    ),
    "a mailbox at the permitted host": (
        constrained(permitted=[x509.RFC822Name("example.com")]),
        x509.RFC822Name("someone@example.com"),
        True,
    ),
    "a mailbox at another host": (
        constrained(permitted=[x509.RFC822Name("example.com")]),
        x509.RFC822Name("someone@mail.example.com"),
        False,
    ),
}


def _name_case(sentence: str) -> None:
    def make() -> Case:
        constraints, name, allowed = NAMES[sentence]
        limited = issue("Limited CA", root(), extra=[constraints])
        end = leaf("Named", limited, names=[name])
        why = {"pyhanko": "cannot compare addresses"} if isinstance(name, x509.IPAddress) else {}
        return Case(end, [limited], [root()], None if allowed else Fault.NAME_CONSTRAINTS, incomparable=why)

    CASES[f"{sentence} by name constraints"] = cache(make)


for _sentence in NAMES:
    _name_case(_sentence)


@case
def name_constraints_on_the_subject() -> Case:
    organization = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")])
    limited = issue("Limited CA", root(), extra=[constrained(permitted=[x509.DirectoryName(organization)])])
    inside = x509.Name([*organization, x509.NameAttribute(NameOID.COMMON_NAME, "Inside")])
    return Case(issue(inside, limited, ca=None, usage=("digital_signature",)), [limited], [root()])


@case
def a_subject_outside_the_name_constraints() -> Case:
    organization = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")])
    limited = issue("Limited CA", root(), extra=[constrained(permitted=[x509.DirectoryName(organization)])])
    return Case(leaf("Outside", limited), [limited], [root()], Fault.NAME_CONSTRAINTS)


@case
def name_constraints_two_levels_up() -> Case:
    limited = issue("Limited CA", root(), extra=[constrained(permitted=[DNS("example.com")])])
    lower = issue("Lower", limited)
    end = leaf("Named", lower, names=[DNS("www.example.org")])
    return Case(end, [lower, limited], [root()], Fault.NAME_CONSTRAINTS)


@case
def name_constraints_that_a_lower_ca_would_widen() -> Case:
    limited = issue("Limited CA", root(), extra=[constrained(permitted=[DNS("example.com")])])
    lower = issue("Lower", limited, extra=[constrained(permitted=[DNS("example.org")])])
    end = leaf("Named", lower, names=[DNS("www.example.org")])
    return Case(end, [lower, limited], [root()], Fault.NAME_CONSTRAINTS)


@case
def name_constraints_of_the_root() -> Case:
    top = issue("Limited root", extra=[constrained(permitted=[DNS("example.com")])])
    end = leaf("Named", top, names=[DNS("www.example.org")])
    return Case(end, [], [top], Fault.NAME_CONSTRAINTS)
