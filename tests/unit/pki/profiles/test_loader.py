"""A profile loads whole, or not at all and with every reason."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from pki.algorithms import SchemeChoice, algorithm
from pki.findings import DocumentError
from pki.profiles.loader import load_profile
from pki.profiles.model import SubjectAttribute
from tests.support.profiles import HEAD, load_problems, profile

FULL = """
name: own/web
description: Web servers
algorithm: rsa-3072
signature: {scheme: rsassa-pss, hash: sha384}
validity: "{{ life }}"
beyondIssuer: clip
subject:
  cn: "{{ cn }}"
  o: {value: Example, encoding: printable}
extensions:
  basicConstraints: {ca: false}
variables:
  cn: {type: string, required: true}
  life: {type: duration, default: 30d}
"""


def test_a_profile_is_read_whole() -> None:
    loaded = load_profile(FULL, "web.yaml", "own/web")

    assert loaded.name == "own/web"
    assert loaded.description == "Web servers"
    assert loaded.source == "web.yaml"
    assert loaded.algorithm == algorithm("rsa-3072")
    assert loaded.signature == SchemeChoice("rsassa-pss", "sha384")
    assert loaded.subject == (SubjectAttribute("cn", "{{ cn }}"), SubjectAttribute("o", "Example", "printable"))
    assert loaded.validity == "{{ life }}"
    assert loaded.beyond_issuer == "clip"
    assert loaded.extensions == {"basicConstraints": {"ca": False}}
    assert list(loaded.variables) == ["cn", "life"]
    assert not loaded.is_ca


def test_the_smallest_profile_leaves_the_rest_to_defaults() -> None:
    loaded = profile("")

    assert (loaded.signature, loaded.beyond_issuer, loaded.subject) == (SchemeChoice(), "refuse", ())
    assert not loaded.is_ca


def test_a_profile_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        profile("").name = "other"  # type: ignore[misc]  # what is tested


@pytest.mark.parametrize(
    ("text", "source", "name", "expected"),
    [
        (FULL, "x.yaml", None, "own/web"),
        (FULL, "x.yaml", "own/web", "own/web"),
        (HEAD, "dir/mine.yaml", None, "mine"),
        (HEAD, "dir/mine.yaml", "filed/as", "filed/as"),
    ],
)
def test_a_profile_has_the_name_it_is_filed_under_or_its_own(
    text: str, source: str, name: str | None, expected: str
) -> None:
    assert expected == load_profile(text, source, name).name


def test_a_profile_that_is_filed_under_another_name_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"web\.yaml:2:7: `name`: the profile is filed as own/api"):
        load_profile(FULL, "web.yaml", "own/api")


@pytest.mark.parametrize(
    "changed",
    [
        FULL.replace("own/web", "own/api"),
        FULL.replace("Web servers", "Anything"),
        FULL.replace("{ca: false}", "{ca:   false}  # comment"),
        FULL.replace("required: true}", "required: true, description: Name}"),
        FULL.replace("algorithm: rsa-3072\n", "") + "algorithm: rsa-3072\n",
    ],
)
def test_the_digest_does_not_depend_on_what_decides_nothing(changed: str) -> None:
    assert load_profile(FULL, "a").digest == load_profile(changed, "b").digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rsa-3072", "rsa-4096"),
        ("sha384", "sha256"),
        ("default: 30d", "default: 31d"),
        ("beyondIssuer: clip\n", ""),
        ("Example", "Other"),
        ("required: true", "required: false"),
        ("ca: false", "ca: false, critical: false"),
    ],
)
def test_the_digest_changes_with_the_policy(old: str, new: str) -> None:
    changed = load_profile(FULL.replace(old, new), "a").digest

    assert changed != load_profile(FULL, "a").digest
    assert len(changed) == 64


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("extenions: {}", [("schema.unknown-key", 1, "unknown key `extenions`")]),
        ("extensions: {keyUsge: {}}", [("schema.unknown-key", 1, "unknown key `keyUsge` in `extensions`")]),
        ("subject: {c: fr}", [("profile.value", 1, "`subject.c`: a country is two capital letters")]),
        ("subject: {cn: {value: é, encoding: ia5}}", [("profile.value", 1, "`subject.cn`: cn is an IA5String")]),
        ("subject: {cn: '{{ nam }}'}", [("profile.unknown-variable", 1, "`subject.cn`: there is no variable `nam`")]),
        ("subject: {cn: '{{ a b }}'}", [("profile.value", 1, "`subject.cn`: '{{ a b }}' has braces")]),
        ("variables: {x: {type: string}}", [("profile.unused-variable", 1, "variable `x` is declared, but nothing")]),
        (
            "signature: {scheme: ed25519, hash: sha512}",
            [("profile.value", 1, "`signature.hash`: ed25519 hashes by itself")],
        ),
        (
            "signature: {scheme: ml-dsa, hash: sha256}",
            [("profile.value", 1, "`signature.hash`: ml-dsa hashes by itself")],
        ),
        (
            "signature: {hash: sha3-256}",
            [("schema.enum", 1, "`signature.hash` must be one of sha256, sha384, sha512; SHA-1")],
        ),
        ("signature: {scheme: ed25519ph}", [("schema.enum", 1, "`signature.scheme` must be one of")]),
        (
            "signature: {pss: {salt_length: 20}}",
            [("schema.refused-key", 1, "`signature.pss` is not allowed here: with")],
        ),
        (
            "extensions: {subjectAltName: {dns_include_cn: true}}",
            [("profile.value", 1, "`extensions.subjectAltName.dns_include_cn`: the subject has no `cn`")],
        ),
        (
            "extensions: {subjectAltName: {critical: false, dns: a.b}}",
            [("profile.value", 1, "`extensions.subjectAltName.critical`: without a subject it is critical")],
        ),
        (
            "extensions: {subjectAltName: {critical: true, dns: [ok.example, a_b]}}",
            [("profile.value", 1, "`extensions.subjectAltName.dns[1]`: 'a_b'")],
        ),
    ],
)
def test_what_no_certificate_can_hold_is_refused_when_the_profile_loads(
    body: str, expected: list[tuple[str, int, str]]
) -> None:
    found = load_problems(body)

    assert [(code, line) for code, line, _ in expected] == [(code, line) for code, line, _ in found]
    assert all(message.startswith(start) for (_, _, message), (_, _, start) in zip(found, expected, strict=True))


def test_a_validity_of_nothing_is_refused() -> None:
    head = "algorithm: ed25519\nvalidity: 0d\n"

    assert load_problems("", head) == [
        ("profile.value", 0, "`validity`: '0d' is not a duration, such as 8760h, 365d, 1y or 30d12h")
    ]


@pytest.mark.parametrize(
    "use",
    [
        "subject: {cn: '{{ x }}'}",
        "subject: {email: '{{ x }}'}",
        "extensions: {crlDistributionPoints: {urls: 'http://{{ x }}/'}}",
        "extensions: {certificatePolicies: {policies: [{oid: '{{ x }}'}]}}",
    ],
)
def test_a_list_is_refused_where_one_value_is_taken(use: str) -> None:
    ((code, line, message),) = load_problems(f"{use}\nvariables: {{x: {{type: list}}}}\n")

    assert (code, line) == ("profile.value", 1)
    assert message.endswith("`x` is a list, which does not fit in one text")


def test_an_unknown_variable_comes_with_the_nearest_or_a_declaration() -> None:
    body = "subject: {cn: '{{ nam }}', o: '{{ zzz }}', ou: '{{ name }}'}\nvariables: {name: {type: string}}\n"
    with pytest.raises(DocumentError) as caught:
        profile(body)

    assert [finding.hint for finding in caught.value.findings] == [
        "did you mean `name`?",
        "declare it: `variables: {zzz: {type: string}}`",
    ]


def test_everything_wrong_is_told_in_the_order_of_the_text() -> None:
    body = """
      subject: {cn: "{{ nam }}"}
      extensions:
        crlDistributionPoints: {urls: ["{{ b c }}"]}
      variables:
        name: {type: string, min: 1}
    """

    assert [(code, line) for code, line, _ in load_problems(body)] == [
        ("profile.unknown-variable", 2),
        ("profile.value", 4),
        ("profile.unused-variable", 6),
        ("profile.variable", 6),
    ]
