"""A profile, variables, an issuer and a time decide a certificate, the same one every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509

from pki.algorithms import SchemeChoice, algorithm
from pki.findings import FindingsError, Severity
from pki.names import display
from pki.profiles.compile import compile_template
from tests.support.profiles import (
    ISSUER,
    NOW,
    compile_problems,
    compiled,
    extension,
    names_of,
    profile,
)

SERVER = """
subject: {c: "{{ country }}", o: "{{ organization }}", cn: "{{ cn }}"}
extensions:
  basicConstraints: {ca: false}
  extKeyUsage: {values: [serverAuth]}
  subjectAltName: {dns: "{{ names }}", ip: "{{ ips }}", dns_include_cn: true}
  crlDistributionPoints: {urls: ["{{ crl_urls }}"]}
  authorityInfoAccess: {ocsp: "http://{{ ocsp_host }}/{{ n }}"}
variables:
  cn: {type: dns_name}
  names: {type: dns_names}
  ips: {type: ip_list}
  country: {type: string}
  organization: {type: string}
  crl_urls: {type: list, default: ["http://default.example/crl"]}
  ocsp_host: {type: dns_name}
  n: {type: integer, default: 7}
"""
CA = """
subject: {cn: "{{ cn }}"}
extensions:
  basicConstraints: {ca: true, pathLen: "{{ depth }}"}
  keyUsage: {values: [keyCertSign]}
variables: {cn: {type: string}, depth: {type: integer}}
"""


def test_a_certificate_is_decided() -> None:
    policy = profile(SERVER + "signature: {hash: sha384}\n")

    template = compiled(policy, cn="WWW.example.com", names="b.example.com,www.example.com", organization="My, Org")

    assert template.profile == "test/profile"
    assert template.profile_digest == policy.digest
    assert template.algorithm == algorithm("ecdsa-p256")
    assert template.signature == SchemeChoice(None, "sha384")
    assert display(template.subject) == r"CN=www.example.com,O=My\, Org"
    assert names_of(template) == ["DNS:www.example.com", "DNS:b.example.com"]
    assert template.not_before == NOW
    assert template.not_after == NOW + timedelta(days=30)
    assert template.notices == ()
    assert not template.is_ca
    assert template.path_length is None


def test_the_same_input_gives_the_same_template() -> None:
    assert compiled(profile(SERVER), names="a.example") == compiled(profile(SERVER), names=["a.example"])


def test_a_ca_knows_its_path_length() -> None:
    template = compiled(profile(CA), cn="CA", depth="0")

    assert template.is_ca
    assert template.path_length == 0
    assert compiled(profile(CA), cn="CA").path_length is None


def test_a_template_without_basic_constraints_is_not_a_ca() -> None:
    template = compiled(profile("subject: {cn: x}"))

    assert (template.is_ca, template.path_length) == (False, None)


def test_times_are_utc_and_whole_seconds() -> None:
    now = datetime(2026, 11, 23, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    template = compile_template(profile("subject: {cn: x}"), {}, issuer=ISSUER, now=now)

    assert template.not_before == NOW
    assert template.not_before.tzinfo is UTC
    assert template.not_after.microsecond == 0


def test_an_unset_variable_takes_its_attribute_entry_and_extension_with_it() -> None:
    template = compiled(profile(SERVER), names="a.example", crl_urls="")

    assert display(template.subject) == ""
    assert extension(template, x509.CRLDistributionPoints) is None
    assert extension(template, x509.AuthorityInformationAccess) is None


def test_a_variable_stands_inside_a_longer_text() -> None:
    access = extension(
        compiled(profile(SERVER), names="a.example", ocsp_host="o.example"), x509.AuthorityInformationAccess
    )

    assert [entry.access_location.value for entry in access.value] == ["http://o.example/7"]


def crl_urls(**variables: str) -> list[str]:
    issuer = replace(ISSUER, defaults={"crl_urls": ("http://issuer.example/crl",), "unknown": ("x",), "n": ()})
    template = compile_template(profile(SERVER), {"names": "a.example", **variables}, issuer=issuer, now=NOW)
    found = extension(template, x509.CRLDistributionPoints)
    return [name.value for point in found.value for name in point.full_name] if found else []


def test_the_callers_value_comes_before_the_issuers_and_that_before_the_default() -> None:
    points = extension(compiled(profile(SERVER), names="a.example"), x509.CRLDistributionPoints)

    assert crl_urls(crl_urls="http://mine.example/crl") == ["http://mine.example/crl"]
    assert crl_urls(crl_urls="") == []
    assert crl_urls() == ["http://issuer.example/crl"]
    assert points.value[0].full_name[0].value == "http://default.example/crl"


def test_alternative_names_are_critical_exactly_when_the_subject_is_empty() -> None:
    assert extension(compiled(profile(SERVER), names="a.example"), x509.SubjectAlternativeName).critical
    assert not extension(compiled(profile(SERVER), cn="a.example"), x509.SubjectAlternativeName).critical


@pytest.mark.parametrize(
    ("body", "variables", "expected"),
    [
        (SERVER, {"nams": "a.example"}, [("variable.unknown", "the profile has no variable `nams`")]),
        (SERVER, {"names": "a.example", "n": "x"}, [("variable.refused", "`n`: it must be a whole number, not 'x'")]),
        (
            SERVER,
            {"names": "a.example", "country": "fr", "organization": "x" * 65},
            [
                ("subject.refused", "subject `c`: a country is two capital letters (ISO 3166-1), not 'fr'"),
                ("subject.refused", "subject `o`: o has at most 64 characters, not 65"),
            ],
        ),
        (
            SERVER,
            {"names": "a.example", "crl_urls": "x"},
            [
                (
                    "profile.value",
                    "`extensions.crlDistributionPoints.urls[0]`: 'x' is not an absolute URI in ASCII, such as http://host/path",
                )
            ],
        ),
        (
            SERVER,
            {},
            [
                ("subject.empty", "the certificate would name nobody"),
                ("names.missing", "a server certificate needs a DNS name or an IP address"),
            ],
        ),
        (SERVER, {"organization": "x"}, [("names.missing", "a server certificate needs a DNS name or an IP address")]),
        (CA, {}, [("subject.empty", "a CA has a subject")]),
        (CA, {"cn": "Issuer"}, [("subject.issuer", "the CA would have its issuer's own name, and look self-issued")]),
        (
            CA,
            {"cn": "CA", "depth": "-1"},
            [
                (
                    "profile.value",
                    "`extensions.basicConstraints.pathLen`: it must be a whole number from 0 up, not -1",
                )
            ],
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_for_every_reason(
    body: str, variables: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert expected == compile_problems(profile(body), **variables)


def test_an_ip_address_is_enough_for_a_server() -> None:
    assert names_of(compiled(profile(SERVER), ips="192.0.2.1")) == ["IP:192.0.2.1"]


LIFE = "subject: {cn: x}\nvariables: {life: {type: string}}\n"
OWN_LIFE = 'algorithm: ecdsa-p256\nvalidity: "{{ life }}"\n'


def test_a_certificate_may_end_with_its_issuer_to_the_second() -> None:
    assert compiled(profile(LIFE, OWN_LIFE), life="3650d").not_after == ISSUER.not_after


def test_a_certificate_that_outlives_its_issuer_is_refused() -> None:
    assert compile_problems(profile(LIFE, OWN_LIFE), life="3650d1s") == [
        (
            "validity.beyond-issuer",
            "the certificate would end at 2036-11-20T12:00:01Z, after its issuer, which ends at 2036-11-20T12:00:00Z",
        )
    ]


def test_a_profile_may_shorten_it_and_says_so() -> None:
    template = compiled(profile(LIFE + "beyondIssuer: clip\n", OWN_LIFE), life="3650d1s")

    assert template.not_after == ISSUER.not_after
    assert [(notice.severity, notice.code) for notice in template.notices] == [(Severity.NOTICE, "validity.clipped")]


@pytest.mark.parametrize("policy", ["refuse", "clip"])
@pytest.mark.parametrize("shift", [timedelta(days=-31), timedelta(days=3650), timedelta(days=4000)])
def test_an_issuer_that_is_not_valid_now_issues_nothing(policy: str, shift: timedelta) -> None:
    issuer = replace(ISSUER, not_before=ISSUER.not_before - shift, not_after=ISSUER.not_after - shift)

    ((code, message),) = compile_problems(
        profile(f"{LIFE}beyondIssuer: {policy}\n", OWN_LIFE), issuer=issuer, life="1d"
    )

    assert code == "validity.issuer-not-valid"
    assert message.startswith("the issuer is not valid now, only from 20")


def test_without_an_issuer_there_is_nothing_to_outlive() -> None:
    template = compile_template(profile(CA), {"cn": "Root"}, issuer=None, now=NOW)

    assert template.not_after == NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("life", "reason"),
    [
        ("x", "'x' is not a duration"),
        ("", "it is not set"),
        ("9000y", "it ends after the year 9999"),
        ("999999999y", "longer than time itself"),
    ],
)
def test_a_validity_that_is_none_is_refused(life: str, reason: str) -> None:
    ((code, message),) = compile_problems(profile(LIFE, OWN_LIFE), life=life)

    assert code == "validity.refused"
    assert reason in message


@pytest.mark.parametrize(
    ("issuers", "own", "codes"),
    [
        (None, None, []),
        (None, 5, []),
        (2, 1, []),
        (2, 2, ["path-length.limited"]),
        (2, None, ["path-length.limited"]),
        (1, 0, []),
    ],
)
def test_a_path_length_that_the_issuers_makes_idle_is_noticed(
    issuers: int | None, own: int | None, codes: list[str]
) -> None:
    variables = {"cn": "CA"} | ({} if own is None else {"depth": own})

    template = compile_template(profile(CA), variables, issuer=replace(ISSUER, path_length=issuers), now=NOW)

    assert [notice.code for notice in template.notices] == codes


def test_an_issuer_with_path_length_0_signs_no_ca() -> None:
    issuer = replace(ISSUER, path_length=0)

    assert compile_problems(profile(CA), issuer=issuer, cn="CA") == [
        ("path-length.exhausted", "the issuer has path length 0: it signs no CA certificates")
    ]
    assert compile_template(profile(SERVER), {"names": "a.example"}, issuer=issuer, now=NOW)


def test_a_single_reason_is_the_error_and_several_are_counted() -> None:
    with pytest.raises(FindingsError, match=r"^profile test/profile cannot make this certificate: 2 problems$"):
        compiled(profile(SERVER), cn="a_b", names="c_d")
    with pytest.raises(FindingsError, match=r"certificate: the profile has no variable `nams`$") as caught:
        compiled(profile(SERVER), nams="x")
    assert caught.value.hint == "did you mean `names`?"


def test_a_value_is_never_read_as_a_template() -> None:
    policy = profile("subject: {o: '{{ a }}', ou: 'x {{ a }}'}\nvariables: {a: {type: string}, b: {type: string}}\n"
                     "extensions: {subjectAltName: {uri: 'urn:{{ b }}'}}")  # fmt: skip

    assert display(compiled(policy, a="{{ b }}", b="secret").subject) == "OU=x {{ b }},O={{ b }}"


def test_a_refused_value_points_to_what_the_variables_take() -> None:
    """The profile is called as commands find it: a file by its path."""
    with pytest.raises(FindingsError) as caught:
        compiled(profile(SERVER), cn="not a host")

    assert caught.value.hint == f"see `qpki profile vars {profile(SERVER).source}` for what each variable takes"
