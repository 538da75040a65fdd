"""The builtin profiles: their names, what each is for, and that nothing of ours is in anyone's certificate."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.algorithms import SchemeChoice
from pki.findings import FindingsError
from pki.names import display
from pki.profiles.catalog import Catalog
from pki.profiles.compile import compile_template
from pki.profiles.durations import parse_duration
from pki.profiles.loader import load_profile
from pki.profiles.model import Profile
from pki.profiles.templates import literals, texts
from tests.support.profiles import ISSUER, NOW, compiled, extension, names_of

CATALOG = Catalog()
PROFILES = [CATALOG.get(name) for name in CATALOG.names()]
each = pytest.mark.parametrize("policy", PROFILES, ids=lambda policy: policy.name)

FULL = (
    "root-ca", "issuing-ca", "tls-server", "tls-client", "ocsp-responder", "timestamping", "code-signing", "signing",
    "encryption", "email",
)  # fmt: skip
NAMES = {
    *(f"{family}/{kind}" for family in ("ec", "rsa") for kind in FULL),
    *(f"ed/{kind}" for kind in ("root-ca", "issuing-ca", "tls-server", "tls-client", "signing")),
    *(f"ml/{kind}" for kind in FULL if kind not in {"encryption", "email"}),
    "ml/email-sign",
    "rsa-pss/tls-server",
    *(f"eidas/{kind}" for kind in ("qc-esign", "qc-eseal", "qc-web", "qc-tsa")),
}
_VALUES = {
    "organization": "Example",
    "organizationIdentifier": "VATFR-12345678901",
    "country": "FR",
    "pds_url": "https://pki.example.com/pds",
}


def test_the_builtins_are_those_that_qpki_users_know() -> None:
    assert set(CATALOG.names()) == NAMES


@each
def test_a_builtin_is_named_as_it_is_filed_and_described(policy: Profile) -> None:
    assert CATALOG.text(policy.name).startswith("# ")
    assert f"\nname: {policy.name}\ndescription: {policy.description}\n" in CATALOG.text(policy.name)
    assert all(variable.description for variable in policy.variables.values())


@each
def test_what_tells_one_issuer_from_another_is_an_optional_variable_of_each(policy: Profile) -> None:
    wanted = {"organization", "ou", "country", "state", "locality"} - (
        {"ou"} if policy.name == "eidas/qc-web" else set()
    )
    urls = {"crl_urls", "ca_issuers_urls", "ocsp_urls"}

    assert wanted | urls | {"validity"} <= policy.variables.keys()
    assert all(policy.variables[name].default is None for name in wanted | urls)
    if not policy.name.startswith("eidas/"):
        assert not any(policy.variables[name].required for name in wanted | urls)


@each
def test_no_organization_url_or_policy_of_ours_is_in_a_profile(policy: Profile) -> None:
    fixed = [text for _, text in texts(literals({"subject": [a.value for a in policy.subject], **policy.extensions}))]
    defaults = [str(variable.default) for variable in policy.variables.values() if variable.default is not None]

    assert not any(re.search(r"://|acme|example", text, re.IGNORECASE) for text in [*map(str, fixed), *defaults])
    assert [text for text in defaults if re.fullmatch(r"[\d.]+\.\d+", text)] == [
        text for text in defaults if text.startswith("0.4.0.194112.1.")
    ]


@each
def test_the_default_lifetime_is_the_profiles_and_can_be_changed(policy: Profile) -> None:
    assert policy.validity == "{{ validity }}"
    assert parse_duration(policy.variables["validity"].default) >= timedelta(days=199)
    assert policy.beyond_issuer == "refuse"


def test_a_website_certificate_ends_within_what_browsers_take() -> None:
    """CA/Browser Forum ballot SC-081v3: at most 200 days since 2026-03-15."""
    assert parse_duration(CATALOG.get("eidas/qc-web").variables["validity"].default) < timedelta(days=200)


def test_the_seed_documents_variables_make_a_server_certificate() -> None:
    template = compiled(CATALOG.get("ec/tls-server"), cn="server.example.com", dns_names="server.example.com")

    assert display(template.subject) == "CN=server.example.com"
    assert names_of(template) == ["DNS:server.example.com"]
    assert template.not_after - template.not_before == timedelta(days=365)


@pytest.mark.parametrize("name", sorted(name for name in NAMES if name.endswith(("tls-server", "qc-web"))))
def test_a_servers_common_name_is_among_its_dns_names(name: str) -> None:
    declared = CATALOG.get(name).variables
    required = {key: value for key, value in _VALUES.items() if key in declared and declared[key].required}

    template = compiled(CATALOG.get(name), cn="a.example.com", dns_names="b.example.com", **required)

    assert names_of(template) == ["DNS:a.example.com", "DNS:b.example.com"]


def test_a_root_allows_one_ca_below_and_an_issuing_ca_none() -> None:
    root = compile_template(CATALOG.get("ec/root-ca"), {"cn": "Root"}, issuer=None, now=NOW)
    issuing = compiled(CATALOG.get("ec/issuing-ca"), cn="Issuing")

    assert (root.path_length, issuing.path_length) == (1, 0)
    assert compiled(CATALOG.get("ec/issuing-ca"), cn="Issuing", path_length="").path_length is None
    assert all(policy.is_ca == policy.name.endswith("-ca") for policy in PROFILES)


@pytest.mark.parametrize("name", ["ec/email", "rsa/email", "ml/email-sign"])
def test_an_email_address_stands_in_the_alternative_names(name: str) -> None:
    template = compiled(CATALOG.get(name), cn="Alice", email="alice@example.com")

    assert (display(template.subject), names_of(template)) == ("CN=Alice", ["email:alice@example.com"])


@pytest.mark.parametrize("family", ["ec", "rsa", "ml"])
def test_time_stamping_is_alone_and_critical_and_responders_are_not_checked(family: str) -> None:
    stamping = extension(compiled(CATALOG.get(f"{family}/timestamping"), cn="TSU"), x509.ExtendedKeyUsage)
    responder = compiled(CATALOG.get(f"{family}/ocsp-responder"), cn="OCSP")

    assert (stamping.critical, list(stamping.value)) == (True, [ExtendedKeyUsageOID.TIME_STAMPING])
    assert not extension(responder, x509.OCSPNoCheck).critical


def test_rsa_pss_is_asked_of_the_issuer() -> None:
    assert CATALOG.get("rsa-pss/tls-server").signature == SchemeChoice("rsassa-pss", "sha256")
    assert {policy.name for policy in PROFILES if policy.signature != SchemeChoice()} == {"rsa-pss/tls-server"}


def test_a_device_is_claimed_only_by_who_says_so() -> None:
    values = {**_VALUES, "cn": "Seal"}
    sscd = bytes.fromhex("300806060400 8e460104")
    plain, claimed = (
        extension(compiled(CATALOG.get("eidas/qc-eseal"), **values, **more), x509.UnrecognizedExtension).value.value
        for more in ({}, {"qscd": "true"})
    )

    assert sscd not in plain
    assert sscd in claimed


@pytest.mark.parametrize("name", ["*.co.uk", "*.com", "evil_host.example", "10.0.0.1"])
def test_a_server_profile_refuses_names_that_nobody_should_have(name: str) -> None:
    with pytest.raises(FindingsError):
        compile_template(CATALOG.get("ec/tls-server"), {"dns_names": name}, issuer=ISSUER, now=NOW)


def test_loading_a_builtin_takes_milliseconds() -> None:
    """A regression to the pure-Python YAML parser, or a validator that is compiled each time, costs ten times this."""
    text = CATALOG.text("eidas/qc-web")
    load_profile(text, "warm")
    started = time.process_time()
    for _ in range(10):
        load_profile(text, "again")

    assert time.process_time() - started < 0.5
