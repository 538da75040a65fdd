"""What resources say of each other holds: names, issuers, keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.manifests import ca, codes, credential, document, load, refused

HSM = "type: pkcs11\npkcs11: {lib: /x.so, token: T}\n"


def below(name: str, issuer: str) -> str:
    return ca(name, f"issuer: {issuer}\nprofile: ec/issuing-ca\nvariables: {{cn: {name}}}")


def test_a_cycle_of_issuers_is_told_once_with_its_path(tmp_path: Path) -> None:
    found = refused(tmp_path, below("x", "a"), below("a", "b"), below("b", "c"), below("c", "a"), below("y", "c"))

    assert [finding.message for finding in found] == [
        "these CAs would sign each other in a circle: ca/a → ca/b → ca/c → ca/a"
    ]
    assert codes(found) == [("pki/all.yaml:14:11", "ca.issuer-cycle")]


def test_two_cycles_are_two_findings(tmp_path: Path) -> None:
    found = refused(tmp_path, below("a", "b"), below("b", "a"), below("self", "self"))

    assert [finding.message.partition(": ")[2] for finding in found] == ["ca/a → ca/b → ca/a", "ca/self → ca/self"]


def test_an_unknown_issuer_comes_with_a_suggestion(tmp_path: Path) -> None:
    found = refused(tmp_path, ca("root"), below("mid", "rot"), credential(issuer="mdi"), credential("b", issuer="zz"))

    assert [(finding.message, finding.hint) for finding in found] == [
        ("there is no CertificateAuthority `rot`", "did you mean `root`?"),
        ("there is no CertificateAuthority `mdi`", "did you mean `mid`?"),
        ("there is no CertificateAuthority `zz`", "there are: mid, root"),
    ]


def test_where_there_is_no_ca_the_hint_says_so(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, credential())

    assert found.hint == "there is none"


def test_an_unknown_key_comes_with_a_suggestion(tmp_path: Path) -> None:
    key = document("Key", "shared", "algorithm: ecdsa-p256")
    (found,) = refused(tmp_path, ca(), key, credential(more="key: {resource: sharde}"))

    assert (found.message, found.hint) == ("there is no Key `sharde`", "did you mean `shared`?")


def test_an_hsm_config_that_is_not_there_comes_with_a_suggestion(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, ca(), credential(more="key: {hsm: hsm/sofhsm.yaml}"), hsm__softhsm_dot_yaml=HSM)

    assert (found.message, found.hint) == ("there is no HSM config hsm/sofhsm.yaml", "did you mean `hsm/softhsm.yaml`?")


def test_an_hsm_config_that_is_wrong_is_told_once_where_it_is_wrong(tmp_path: Path) -> None:
    wrong = HSM.replace("token", "tokn")
    text = credential(more="key: {hsm: hsm/x.yaml}") + credential("b", more="key: {hsm: ./hsm/x.yaml}")
    found = refused(tmp_path, ca(), text, hsm__x_dot_yaml=wrong)

    assert [place for place, _ in codes(found)] == ["hsm/x.yaml:2:9", "hsm/x.yaml:2:22"]
    assert found[1].hint == "did you mean `token`?"


def test_a_pin_file_is_shown_from_the_workspace(tmp_path: Path) -> None:
    inside = HSM.replace("token: T", "token_serial: S, pin_file: ../pins/x")
    outside = HSM.replace("token: T", "slot: 3, pin_file: /run/pin")
    text = credential(more="key: {hsm: hsm/in.yaml}") + credential("b", more="key: {hsm: hsm/out.yaml}")
    found = load(tmp_path, ca(), text, hsm__in_dot_yaml=inside, hsm__out_dot_yaml=outside).hsms

    assert (found["hsm/in.yaml"].token, found["hsm/in.yaml"].pin_file) == ("S", "pins/x")
    assert (found["hsm/out.yaml"].token, found["hsm/out.yaml"].pin_file) == ("slot 3", "/run/pin")


@pytest.mark.parametrize("kind", ["CertificateAuthority", "Credential", "CredentialSet", "Key", "Policy", "Profile"])
def test_a_name_is_taken_once_for_each_kind(tmp_path: Path, kind: str) -> None:
    specs = {
        "CertificateAuthority": "profile: ec/root-ca\nvariables: {cn: R}",
        "Credential": "issuer: root\nprofile: ec/tls-client\nvariables: {cn: R}",
        "CredentialSet": "template: {issuer: root, profile: ec/tls-client}\nmembers: []",
        "Key": "algorithm: ecdsa-p256",
        "Policy": "rules: [{id: a, effect: deny, keyInHsm: true}]",
        "Profile": "algorithm: ecdsa-p256\nvalidity: 1d\nsubject: {cn: x}",
    }
    twice = document(kind, "same", specs[kind])
    (found,) = refused(tmp_path, ca(), twice, pki__b_dot_yaml=twice)

    assert codes([found]) == [("pki/b.yaml:2:1", "manifest.duplicate")]
    assert found.message.endswith("is declared twice: first in pki/all.yaml:9:1")


def test_a_name_can_be_taken_by_two_kinds(tmp_path: Path) -> None:
    found = load(tmp_path, ca("x"), credential("x", issuer="x"), document("Key", "x", "algorithm: ecdsa-p256"))

    assert [str(resource.address) for resource in found.resources()] == ["key/x", "ca/x", "credential/x"]


def test_a_shared_key_is_of_the_kind_that_the_profile_asks_for(tmp_path: Path) -> None:
    key = document("Key", "shared", "algorithm: rsa-2048")
    (found,) = refused(tmp_path, ca(), key, credential(more="key: {resource: shared}"))

    assert found.message == "key/shared is rsa-2048, but profile ec/tls-client asks for ecdsa-p256"


def test_each_of_several_shared_keys_is_held_to_its_own_profile(tmp_path: Path) -> None:
    spec = """
        issuer: root
        profiles: [ec/tls-client, rsa/tls-client]
        variables: {cn: x}
        keys: [{resource: KEY1}, {resource: KEY2}]
    """
    made = [document("Key", name, f"algorithm: {name}") for name in ("ecdsa-p256", "rsa-2048")]
    right = spec.replace("KEY1", "ecdsa-p256").replace("KEY2", "rsa-2048")
    wrong = spec.replace("KEY1", "rsa-2048").replace("KEY2", "ecdsa-p256")

    assert load(tmp_path, ca(), *made, document("Credential", "x", right)).warnings == ()
    assert [each.code for each in refused(tmp_path, ca(), *made, document("Credential", "x", wrong))] == [
        "key.algorithm", "key.algorithm",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "taken"),
    [
        ("label: k", "label: k", "label k"),
        ("id: '01', label: a", "id: '01', label: b", "id 01"),
        ("label: credential-b", "passphraseEnv: none", None),
        ("label: credential-b", "id: '07'", "label credential-b"),
        ("label: k, existing: true", "label: k, existing: true", None),
        ("label: k, existing: true", "label: k", None),
    ],
)
def test_a_key_on_a_token_has_one_maker(tmp_path: Path, one: str, other: str, taken: str | None) -> None:
    place = "" if "passphrase" in other else "hsm: hsm/x.yaml, "
    documents = (
        ca(),
        credential("a", f"key: {{hsm: hsm/x.yaml, {one}}}"),
        credential("b", f"key: {{{place}{other}}}"),
    )
    if taken is None:
        assert load(tmp_path, *documents, hsm__x_dot_yaml=HSM).warnings == ()
    else:
        (found,) = refused(tmp_path, *documents, hsm__x_dot_yaml=HSM)
        assert found.code == "key.taken"
        assert found.message == f"credential/a makes the key of {taken} on hsm/x.yaml already"


def test_one_label_on_two_tokens_is_no_conflict(tmp_path: Path) -> None:
    text = credential("a", "key: {hsm: hsm/x.yaml, label: k}") + credential("b", "key: {hsm: hsm/y.yaml, label: k}")

    assert len(load(tmp_path, ca(), text, hsm__x_dot_yaml=HSM, hsm__y_dot_yaml=HSM).hsms) == 2
