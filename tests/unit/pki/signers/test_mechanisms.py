"""What a token is asked for is data, and right without a token: checked against pyca and the standards' own words."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from pki.algorithms import ALGORITHMS, SCHEMES, Family, select_scheme
from pki.errors import TokenError, UnsupportedAlgorithmError
from pki.signers.mechanisms import (
    SIGNING,
    Approach,
    PssParameters,
    choose,
    ecdsa_signature,
    generation,
    require_support,
    supports,
)

P256 = ALGORITHMS["ecdsa-p256"]
RSA = ALGORITHMS["rsa-2048"]
EVERYTHING = {spec.mechanism for specs in SIGNING.values() for spec in specs} | {
    generation(row).mechanism for row in ALGORITHMS.values()
}


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_every_scheme_can_be_asked_for(scheme):
    approaches = [spec.approach for spec in SIGNING[scheme.name]]

    assert approaches == ([Approach.PREHASH, Approach.HASH_AND_SIGN] if scheme.digest else [Approach.WHOLE])


def test_we_hash_unless_the_token_can_only_hash_itself():
    scheme = SCHEMES["ecdsa-sha256"]

    assert choose(scheme, EVERYTHING).mechanism == "ECDSA"
    assert choose(scheme, {"ECDSA_SHA256"}).mechanism == "ECDSA_SHA256"


def test_the_configuration_decides_who_hashes():
    scheme = SCHEMES["rsa-pss-sha384"]

    assert choose(scheme, EVERYTHING, "prehash").mechanism == "RSA_PKCS_PSS"
    assert choose(scheme, EVERYTHING, "hash-and-sign").mechanism == "SHA384_RSA_PKCS_PSS"


def test_a_scheme_that_the_token_does_not_list_is_refused_by_the_names_it_would_take():
    with pytest.raises(UnsupportedAlgorithmError, match="does not list CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS"):
        choose(SCHEMES["rsa-sha256"], {"ECDSA"})


def test_an_override_that_the_token_does_not_list_is_refused_and_points_at_the_configuration():
    with pytest.raises(UnsupportedAlgorithmError, match="CKM_ECDSA_SHA256") as caught:
        choose(SCHEMES["ecdsa-sha256"], {"ECDSA"}, "hash-and-sign")

    assert caught.value.hint == "the configuration asks for hash-and-sign: see `mechanisms`"


@pytest.mark.parametrize(("name", "size"), [("sha256", 32), ("sha384", 48), ("sha512", 64)])
def test_pkcs1_prehash_gives_the_token_a_digest_info(name, size):
    """RFC 8017 section 9.2: the DER of the digest's algorithm, then the digest itself, of its full length."""
    (spec, whole) = SIGNING[f"rsa-{name}"]

    prepared = spec.prepare(b"message", RSA)

    assert prepared[-size:] == hashlib.new(name, b"message").digest()
    assert prepared[:6] == bytes([0x30, len(prepared) - 2, 0x30, 13, 6, 9])
    assert prepared[-size - 4 : -size] == bytes([0x05, 0x00, 0x04, size])
    assert whole.prepare(b"message", RSA) == b"message"


@pytest.mark.parametrize(("name", "size"), [("sha256", 32), ("sha384", 48), ("sha512", 64)])
def test_pss_parameters_are_always_given(name, size):
    """The binding's own default is SHA-1 with a salt of 20 bytes: RFC 4055's is never that."""
    for spec in SIGNING[f"rsa-pss-{name}"]:
        assert spec.pss == PssParameters(name.upper(), name.upper(), size)

    assert SIGNING[f"rsa-pss-{name}"][0].prepare(b"m", RSA) == hashlib.new(name, b"m").digest()


@pytest.mark.parametrize("kind", [row for row in ALGORITHMS.values() if row.family is Family.EC], ids=str)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_ecdsa_prehash_gives_the_leftmost_bits_that_fit_the_curve(kind, digest):
    """FIPS 186-5 section 6.4.1; a token never sees an empty or over-long digest."""
    prepared = SIGNING[f"ecdsa-{digest}"][0].prepare(b"", kind)

    assert prepared == hashlib.new(digest).digest()[: (kind.bits + 7) // 8]
    assert len(prepared) >= 32


def test_algorithms_that_hash_by_themselves_get_the_whole_message():
    for name in ("ed25519", "ml-dsa-65"):
        (spec,) = SIGNING[name]

        assert (
            spec.prepare(b"message", ALGORITHMS[name]),
            spec.finish(b"raw", ALGORITHMS[name]),
        ) == (b"message", b"raw")


@given(st.sampled_from([32, 48, 66]), st.data())
def test_r_and_s_are_split_at_the_half_and_no_zero_is_lost(size, data):
    numbers = st.one_of(st.integers(0, 255), st.integers(0, (1 << 8 * size) - 1))
    r, s = data.draw(numbers), data.draw(numbers)

    assert decode_dss_signature(ecdsa_signature(r.to_bytes(size) + s.to_bytes(size), size)) == (r, s)


@pytest.mark.parametrize("length", [0, 63, 65, 70, 128])
def test_an_ecdsa_signature_of_another_length_is_refused(length):
    with pytest.raises(TokenError, match=f"{length} bytes, not 64"):
        SIGNING["ecdsa-sha256"][0].finish(bytes(length), P256)


@pytest.mark.parametrize("kind", ALGORITHMS.values(), ids=ALGORITHMS)
def test_a_kind_of_key_needs_its_generation_and_one_way_to_sign(kind):
    make, *sign = generation(kind).mechanism, *(spec.mechanism for spec in SIGNING[select_scheme(kind).name])

    assert supports(kind, EVERYTHING)
    assert all(supports(kind, {make, one}) for one in sign)
    assert not supports(kind, {make})
    assert not supports(kind, set(sign))
    require_support(kind, EVERYTHING)


def test_post_quantum_keys_are_refused_by_the_mode_rule_unless_the_token_lists_the_standard_mechanism():
    kind = ALGORITHMS["ml-dsa-65"]

    with pytest.raises(UnsupportedAlgorithmError, match="HSM mode takes classical algorithms only, unless") as caught:
        require_support(kind, {"RSA_PKCS", "ECDSA"})

    assert "software mode" in str(caught.value.hint)
    require_support(kind, {"ML_DSA", "ML_DSA_KEY_PAIR_GEN"})


def test_other_keys_are_refused_by_the_mechanism_that_is_missing():
    with pytest.raises(UnsupportedAlgorithmError, match=r"cannot make ed25519 keys: it does not list CKM_EDDSA$"):
        require_support(ALGORITHMS["ed25519"], {"EC_EDWARDS_KEY_PAIR_GEN"})


@pytest.mark.parametrize(
    ("sizes", "fits"),
    [
        ((512, 4096), True),
        ((0, 0), True),
        (None, True),
        ((2048, 2048), True),
        ((512, 1024), False),
        ((3072, 4096), False),
    ],
)
def test_a_token_that_does_not_make_keys_of_that_size_is_refused(sizes, fits):
    """CK_MECHANISM_INFO counts RSA and EC keys in bits; zeros mean that the token does not say."""
    assert supports(RSA, EVERYTHING, sizes) is fits
    if not fits:
        with pytest.raises(UnsupportedAlgorithmError, match=f"RSA keys of {sizes[0]} to {sizes[1]} bits: rsa-2048 is"):
            require_support(RSA, EVERYTHING, sizes)


def test_sizes_of_other_kinds_of_keys_are_not_compared():
    """Tokens count Edwards and ML-DSA keys in bits, in bytes or not at all."""
    assert supports(ALGORITHMS["ed25519"], EVERYTHING, (32, 57))
    assert supports(ALGORITHMS["ml-dsa-87"], EVERYTHING, (1312, 2592))


def test_generation_asks_for_the_parameters_of_the_table():
    assert generation(P256).ec_params == (P256.parameters,)
    assert generation(ALGORITHMS["rsa-4096"]).modulus_bits == 4096
    assert [generation(ALGORITHMS[f"ml-dsa-{n}"]).parameter_set for n in (44, 65, 87)] == [1, 2, 3]
    assert generation(ALGORITHMS["ed25519"]).ec_params[0] == bytes.fromhex("06032b6570")
