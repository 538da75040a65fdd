"""Path validation: every case of the table gets its verdict, and what is told about it is right."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ed448

from pki.algorithms import SCHEMES
from pki.der import assemble, decode
from pki.errors import VerificationError
from pki.x509.crls import TBSCertList, parse_crl
from pki.x509.path import CertificationPath, Fault, PathError, RevokedError, validate_crl, validate_path
from tests.support import chain_crls, chain_policies
from tests.support.chain_cases import CASES, Case, chain, issuing, root, www
from tests.support.chain_crls import SECOND
from tests.support.chain_policies import ANY, GOLD, Extra, asserts, policy_case
from tests.support.chains import AT, DAY, Entity, crl, issue, leaf
from tests.support.x509_objects import sign

assert chain_crls
assert chain_policies


def validate(case: Case) -> CertificationPath:
    return validate_path(
        case.leaf.parsed,
        [entity.parsed for entity in case.intermediates],
        [entity.parsed for entity in case.anchors],
        at=case.at,
        crls=case.crls,
        require_crls=case.require_crls,
        purpose=case.purpose,
        hostname=case.hostname,
        policies=case.policies,
    )


def failure(case: Case) -> PathError:
    with pytest.raises(PathError) as caught:
        validate(case)
    return caught.value


@pytest.mark.parametrize("name", [name for name, make in CASES.items() if make().fault is None])
def test_a_good_path_holds(name: str) -> None:
    case = CASES[name]()

    assert validate(case).chain[0] == case.leaf.parsed


@pytest.mark.parametrize("name", [name for name, make in CASES.items() if make().fault is not None])
def test_a_bad_path_is_refused_for_what_is_wrong_with_it(name: str) -> None:
    case = CASES[name]()

    assert failure(case).fault == case.fault


def test_the_table_has_a_case_for_every_fault_but_the_search_limit() -> None:
    assert {make().fault for make in CASES.values()} == {None, *Fault} - {Fault.TOO_COMPLEX}


def test_a_path_goes_from_the_leaf_to_the_anchor() -> None:
    crls = [crl(root(), number=7), crl(issuing(), number=8)]

    path = validate(chain(crls=crls))

    assert path.certificates == (www().parsed, issuing().parsed)
    assert path.anchor == root().parsed
    assert path.chain == (www().parsed, issuing().parsed, root().parsed)
    assert [(status.certificate, status.crl) for status in path.revocation] == [
        (www().parsed, crls[1]),
        (issuing().parsed, crls[0]),
    ]
    assert path.notices == ()


def test_a_trusted_leaf_is_its_own_path() -> None:
    path = validate(Case(root(), [], [root()]))

    assert path.chain == path.certificates == (root().parsed,)
    assert path.anchor == root().parsed
    assert path.revocation == ()


def test_unknown_revocation_is_a_notice_for_each_certificate() -> None:
    path = validate(chain())

    assert [status.crl for status in path.revocation] == [None, None]
    assert [finding.code for finding in path.notices] == ["path.crl-missing", "path.crl-missing"]
    assert "Issuing CA" in path.notices[1].message


def test_the_shortest_path_is_found_first() -> None:
    middle = issue("Middle", root())
    longer = issue("Issuing CA", middle, key=issuing().key)

    path = validate(Case(www(), [longer, middle, issuing()], [root()]))

    assert path.certificates == (www().parsed, issuing().parsed)


def test_a_path_error_is_a_verification_error_that_ends_with_code_3() -> None:
    error = failure(chain(leaf("Old", issuing(), end=AT - SECOND)))

    assert isinstance(error, VerificationError)
    assert error.exit_code == 3


SENTENCES = {
    "an expired leaf": r'certificate "CN=Old" \(serial [0-9A-F]+\) expired on 2026-11-23 11:59:58Z',
    "a leaf before its time": r"is not valid before 2026-11-23 12:00:02Z",
    "a leaf that somebody else signed": r'certificate "CN=Forged" .* was not signed by certificate "CN=Issuing CA"',
    "a missing issuing ca": r'nothing leads from certificate "CN=www" .*: its issuer "CN=Issuing CA" was not given',
    "a self signed leaf that nobody trusts": r'certificate "CN=Alone" .* is self-signed and not a trust anchor',
    "a path length that is exceeded": r'certificate "CN=Upper" .* allows 0 CAs below it, and the path has 1',
    "a leaf that signed another leaf": r'certificate "CN=Pretender" .* may not sign certificates',
    "a critical extension that nobody knows": r"not understood \(1\.3\.6\.1\.4\.1\.55555\.1\)",
    "a leaf with an rsa key of 1024 bits": r"the key of certificate .*: RSA with 1024 bits is not supported",
    "name constraints two levels up": (
        r'breaks the name constraints of certificate "CN=Limited CA" .*: DNS name www\.example\.org'
    ),
    "a policy that the leaf lacks": rf"is not valid for the policies required \({GOLD}\)",
    "a policy required by the leaf itself": r"is not valid for any policy, and one is required",
    "a client as a server, by extended key usage": r'certificate "CN=Purposeful" .* is not for purpose server',
    "a server below a ca for clients": r'certificate "CN=Limited CA" .* must not issue for purpose server',
    "a server reached by another name": r"is not for mail\.example\.com",
    "no crl for the leaf": r'no CRL says whether certificate "CN=www" .* is revoked',
    "a crl that is out of date": r'the CRL number 1 of "CN=Issuing CA" is out of date: the next one was due on 2026',
    "a crl from the future": r'the CRL number 1 of "CN=Issuing CA" is from the future: 2026-11-23 12:00:02Z',
    "a crl that somebody else signed": r'the CRL number 1 of "CN=Issuing CA" was not signed by certificate',
    "a delta crl alone": r'the CRL number 2 of "CN=Issuing CA" cannot be used: it is a delta CRL',
    "a revoked leaf": r'certificate "CN=www" .* was revoked on 2026-11-21 12:00:00Z, reason keyCompromise',
    "a revoked leaf when no crl is required": r'certificate "CN=www" .* was revoked on 2026-11-21 12:00:00Z$',
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_failure_says_in_one_sentence_what_is_wrong(name: str) -> None:
    error = failure(CASES[name]())

    with pytest.raises(PathError, match=SENTENCES[name]):
        raise error
    assert "\n" not in str(error)


def test_a_revocation_is_told_with_its_date_and_reason() -> None:
    error = failure(CASES["a revoked leaf"]())

    assert isinstance(error, RevokedError)
    assert error.certificate == www().parsed
    assert (error.revocation.reason, error.revocation.at) == ("keyCompromise", AT - DAY * 2)


def test_the_failure_of_the_path_that_came_furthest_is_told() -> None:
    """A forged issuing CA is tried and fails early; that the real one is revoked is what the user must hear."""
    forged = issue("Issuing CA", root(), key=issuing().key, signed_by=issue("Forger"))
    crls = [crl(root(), [issuing()])]

    error = failure(Case(www(), [forged, issuing()], [root()], crls=crls))

    assert error.fault is Fault.REVOKED


def test_a_certificate_without_a_subject_is_named_by_its_serial() -> None:
    nameless = leaf("", issuing(), names=[x509.DNSName("www.example.com")], end=AT - SECOND)

    assert str(failure(chain(nameless))).startswith(f"certificate {nameless.parsed.serial_hex} expired")


def test_the_hint_tells_which_hosts_a_certificate_is_for() -> None:
    assert failure(chain(hostname="www.example.org")).hint == "it is for: www.example.com"
    assert failure(chain(leaf("Nameless", issuing()), hostname="a.example")).hint == "it names no host at all"


@pytest.mark.parametrize("hostname", ["", "not a name", "-x.example.com", "192.0.2.256", "*.example.com"])
def test_what_is_no_host_name_is_refused(hostname: str) -> None:
    error = failure(chain(hostname=hostname))

    assert error.fault is Fault.HOSTNAME
    assert str(error).startswith("not a host name or IP address: ")


def test_a_host_name_outside_ascii_is_compared_as_a_labels() -> None:
    end = leaf("Bücher", issuing(), names=[x509.DNSName("xn--bcher-kva.example")])

    assert validate(chain(end, hostname="bücher.example")).certificates[0] == end.parsed


def test_a_maze_of_cross_certificates_is_given_up() -> None:
    """Every one of thirty CAs certified by every other: more paths than anybody can try, and none leads up."""
    keys = [issue("Maze", key="ecdsa-p256" if turn else "ecdsa-p384").key for turn in range(2)]
    maze = [issue("Maze", issue("Maze", key=keys[turn % 2]), key=keys[turn % 2], key_ids=False) for turn in range(30)]

    error = failure(Case(leaf("Lost", maze[0], key_ids=False), maze, [root()]))

    assert error.fault is Fault.TOO_COMPLEX


def test_a_path_of_more_than_ten_certificates_is_not_found() -> None:
    authorities = [root()]
    for depth in range(9):
        authorities.append(issue(f"Level {depth}", authorities[-1]))

    error = failure(Case(leaf("Too deep", authorities[-1]), authorities[1:], [root()]))

    assert error.fault is Fault.UNTRUSTED


def test_a_signature_by_an_algorithm_outside_the_table_is_refused() -> None:
    """The anchor's own key is outside the table, so that nothing that it signed can be believed."""
    top = issue("Ed448 root", key=ed448.Ed448PrivateKey.generate())

    assert failure(Case(leaf("Below", top), [], [top])).fault is Fault.ALGORITHM


def test_a_signature_by_a_scheme_outside_the_table_is_refused() -> None:
    """The leaf names Ed448 as its signature algorithm, though its issuer's key is one that we know."""
    ed25519_leaf = leaf("Renamed", issue("Edwards CA", key="ed25519"))
    der = ed25519_leaf.der.replace(bytes.fromhex("300506032b6570"), bytes.fromhex("300506032b6571"))
    renamed = Entity(x509.load_der_x509_certificate(der), None)

    error = failure(Case(renamed, [], [issue("Edwards CA", key="ed25519")]))

    assert error.fault is Fault.ALGORITHM
    assert "1.3.101.113" in str(error)


def test_a_key_that_is_no_point_of_its_curve_is_refused() -> None:
    point = www().key.public_key().public_numbers().y.to_bytes(32, "big")
    broken = bytes([*point[:-1], point[-1] ^ 1])
    der = www().der.replace(point, broken)

    error = failure(chain(Entity(x509.load_der_x509_certificate(der), None)))

    assert error.fault is Fault.ALGORITHM
    assert "is not valid" in str(error)


@pytest.mark.parametrize(
    "value", [b"\x30\x02\x30\x00", b"\x04\x00", b"\x30\x04\x30\x02\x05\x00"], ids=["empty", "no sequence", "no OIDs"]
)
def test_broken_policy_mappings_are_refused(value: bytes) -> None:
    broken: Extra = (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), value), True)

    error = failure(policy_case([asserts(GOLD), broken], [asserts(GOLD)]))

    assert error.fault is Fault.POLICY
    assert "invalid policy mappings" in str(error)


def test_the_policies_that_a_path_is_valid_for_are_told() -> None:
    """In the anchor's terms, among those required; without any asked for, all of them."""
    assert validate(policy_case([asserts(GOLD)], [asserts(ANY)])).policies == {GOLD}
    assert validate(policy_case([asserts(ANY)], [asserts(ANY)], policies=[])).policies == {ANY}
    assert validate(policy_case([], [asserts(GOLD)], policies=[])).policies == frozenset()


def test_any_policy_as_a_requirement_takes_whatever_there_is() -> None:
    required = [ANY]

    assert validate(policy_case([asserts(GOLD)], [asserts(GOLD)], policies=required)).policies == {GOLD}
    assert failure(policy_case([asserts(GOLD)], [], policies=required)).fault is Fault.POLICY


def test_the_newest_of_several_current_crls_counts() -> None:
    old, new = crl(issuing(), number=1, this_update=AT - 2 * DAY), crl(issuing(), number=2)

    path = validate(chain(crls=[new, old]))

    assert path.revocation[0].crl == new


def test_of_two_crls_of_one_second_the_higher_number_counts() -> None:
    one, two = crl(issuing(), number=1), crl(issuing(), number=2)

    assert validate(chain(crls=[two, one])).revocation[0].crl == two


def without_next_update(entity: Entity) -> bytes:
    """Sign a CRL without nextUpdate, which pyca's builder refuses to make."""
    tbs = decode(TBSCertList, crl(entity).tbs, "the CRL")
    tbs.next_update = None
    encoded = asn1.encode_der(tbs)
    scheme = SCHEMES["ecdsa-sha256"]
    return assemble(encoded, scheme, sign(entity.key, scheme, encoded))


def test_a_crl_that_never_ends_is_refused() -> None:
    error = failure(chain(crls=[parse_crl(without_next_update(issuing()))]))

    assert error.fault is Fault.CRL_UNUSABLE
    assert "no nextUpdate" in str(error)


def test_a_crl_in_a_scheme_outside_the_table_is_refused() -> None:
    authority = issue("Edwards CA", root(), key="ed25519")
    der = crl(authority).der.replace(bytes.fromhex("300506032b6570"), bytes.fromhex("300506032b6571"))

    error = failure(Case(leaf("Below", authority), [authority], [root()], crls=[parse_crl(der)]))

    assert error.fault is Fault.CRL_UNUSABLE


def test_a_valid_crl_names_the_ca_that_signed_it() -> None:
    renewed = issue("Issuing CA", root(), key="ecdsa-p384")

    signer = validate_crl(crl(issuing()), [root().parsed, renewed.parsed, issuing().parsed], at=AT)

    assert signer == issuing().parsed


CRLS = {
    "another CA's": (Fault.UNTRUSTED, lambda: crl(root())),
    "one by an impostor": (Fault.CRL_SIGNATURE, lambda: crl(issuing(), signed_by=issue("Forger"))),
    "one that is out of date": (Fault.CRL_EXPIRED, lambda: crl(issuing(), next_update=AT - SECOND)),
    "one from the future": (Fault.CRL_NOT_YET_VALID, lambda: crl(issuing(), this_update=AT + SECOND)),
    "a delta": (Fault.CRL_UNUSABLE, lambda: crl(issuing(), extra=[(x509.DeltaCRLIndicator(1), True)])),
}


@pytest.mark.parametrize("kind", CRLS)
def test_a_crl_that_must_not_be_used_is_refused(kind: str) -> None:
    fault, make = CRLS[kind]

    with pytest.raises(PathError) as caught:
        validate_crl(make(), [issuing().parsed], at=AT)

    assert caught.value.fault == fault
