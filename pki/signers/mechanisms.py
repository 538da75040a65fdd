"""PKCS#11 operations as data: what a token is asked for each signature scheme and each kind of key.

Nothing here talks to a token. Names are those of PKCS#11 without their prefix: `ECDSA` is CKM_ECDSA, `EC` is CKK_EC.

A scheme with a separate digest can be asked for in two ways. `prehash`: we hash, the token signs the digest; every
token we know can do that, and a large CRL need not travel. `hash-and-sign`: the token hashes too. The first that the
token lists is taken, unless the configuration says which.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from pki.algorithms import SCHEMES, Algorithm, Family, SignatureScheme
from pki.errors import TokenError, UnsupportedAlgorithmError


class Approach(StrEnum):
    """Who hashes; `WHOLE` is for algorithms that take no digest."""

    PREHASH = "prehash"
    HASH_AND_SIGN = "hash-and-sign"
    WHOLE = "whole"


class Encoding(StrEnum):
    """The form of a digest that the token is given."""

    BARE = "bare"
    DIGEST_INFO = "digest-info"


@dataclass(frozen=True, slots=True)
class PssParameters:
    """CK_RSA_PKCS_PSS_PARAMS: hash, mask generation function, salt length in bytes."""

    hash: str
    mgf: str
    salt_length: int


@dataclass(frozen=True, slots=True)
class MechanismSpec:
    """One way to ask for a signature by a scheme of ours. `digest` is what we compute, None if the token hashes."""

    mechanism: str
    approach: Approach
    digest: str | None = None
    encoding: Encoding = Encoding.BARE
    pss: PssParameters | None = None

    def prepare(self, message: bytes, key: Algorithm) -> bytes:
        """Return what C_Sign is given for `message`."""
        if self.digest is None:
            return message
        digest = hashlib.new(self.digest, message).digest()
        if self.encoding is Encoding.DIGEST_INFO:
            return _DIGEST_INFO[self.digest] + digest
        # FIPS 186-5 section 6.4.1 takes the leftmost bits; some tokens refuse a digest longer than the curve's order.
        return digest[: _field_bytes(key)] if key.family is Family.EC else digest

    def finish(self, signature: bytes, key: Algorithm) -> bytes:
        """Return the signature as X.509 carries it.

        Raises:
            TokenError: it has not the length that the key's size prescribes.
        """
        return ecdsa_signature(signature, _field_bytes(key)) if key.family is Family.EC else signature


@dataclass(frozen=True, slots=True)
class GenerationSpec:
    """How to ask for a key pair. `ec_params` are the forms of CKA_EC_PARAMS to try, in order."""

    mechanism: str
    kind: str
    ec_params: tuple[bytes, ...] = ()
    modulus_bits: int | None = None
    parameter_set: int | None = None


# RFC 8017 section 9.2, note 1: DER of DigestInfo up to the digest itself
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def _ecdsa(scheme: SignatureScheme) -> tuple[MechanismSpec, ...]:
    return (
        MechanismSpec("ECDSA", Approach.PREHASH, scheme.digest),
        MechanismSpec(f"ECDSA_{_upper(scheme)}", Approach.HASH_AND_SIGN),
    )


def _pkcs1(scheme: SignatureScheme) -> tuple[MechanismSpec, ...]:
    return (
        MechanismSpec("RSA_PKCS", Approach.PREHASH, scheme.digest, Encoding.DIGEST_INFO),
        MechanismSpec(f"{_upper(scheme)}_RSA_PKCS", Approach.HASH_AND_SIGN),
    )


def _pss(scheme: SignatureScheme) -> tuple[MechanismSpec, ...]:
    # RFC 4055 section 3.1: MGF1 with the same hash, a salt as long as the digest. Never left to the token's default.
    digest = str(scheme.digest)
    parameters = PssParameters(_upper(scheme), _upper(scheme), hashlib.new(digest).digest_size)
    return (
        MechanismSpec("RSA_PKCS_PSS", Approach.PREHASH, digest, pss=parameters),
        MechanismSpec(f"{_upper(scheme)}_RSA_PKCS_PSS", Approach.HASH_AND_SIGN, pss=parameters),
    )


def _upper(scheme: SignatureScheme) -> str:
    return str(scheme.digest).upper()


def _whole(mechanism: str) -> Callable[[SignatureScheme], tuple[MechanismSpec, ...]]:
    # No parameters means pure Ed25519 (PKCS#11 3.0 section 2.3.14), and ML-DSA hedged with an empty context (3.2).
    return lambda _: (MechanismSpec(mechanism, Approach.WHOLE),)


_BY_KIND = {
    "ecdsa": _ecdsa,
    "pkcs1v15": _pkcs1,
    "rsassa-pss": _pss,
    "ed25519": _whole("EDDSA"),
    "ml-dsa": _whole("ML_DSA"),
}

Sizes = tuple[int, int] | None
"""The least and greatest key size of CK_MECHANISM_INFO, None when it was not asked for."""

SIGNING = {scheme.name: _BY_KIND[scheme.kind](scheme) for scheme in SCHEMES.values()}
"""The ways to ask for each scheme, in order of preference."""

_PARAMETER_SETS = {"ml-dsa-44": 1, "ml-dsa-65": 2, "ml-dsa-87": 3}

_ED25519_PARAMS = (
    bytes.fromhex("06032b6570"),  # OBJECT IDENTIFIER of RFC 8410
    bytes.fromhex("130c") + b"edwards25519",  # PrintableString, PKCS#11 3.0 section 2.3.5
)


def generation(algorithm: Algorithm) -> GenerationSpec:
    match algorithm.family:
        case Family.EC:
            return GenerationSpec("EC_KEY_PAIR_GEN", "EC", ec_params=(algorithm.parameters or b"",))
        case Family.RSA:
            return GenerationSpec("RSA_PKCS_KEY_PAIR_GEN", "RSA", modulus_bits=algorithm.bits)
        case Family.ED:
            return GenerationSpec("EC_EDWARDS_KEY_PAIR_GEN", "EC_EDWARDS", ec_params=_ED25519_PARAMS)
        case Family.ML_DSA:
            return GenerationSpec("ML_DSA_KEY_PAIR_GEN", "ML_DSA", parameter_set=_PARAMETER_SETS[algorithm.name])


def choose(scheme: SignatureScheme, offered: Collection[str], approach: str | None = None) -> MechanismSpec:
    """Return how to ask a token that lists the mechanisms `offered`; `approach` is the configuration's override.

    Raises:
        UnsupportedAlgorithmError: the token lists none that fits.
    """
    wanted = [spec for spec in SIGNING[scheme.name] if approach in (None, spec.approach)]
    for spec in wanted:
        if spec.mechanism in offered:
            return spec
    hint = f"the configuration asks for {approach}: see `mechanisms`" if approach else None
    raise UnsupportedAlgorithmError(
        f"the token cannot sign with {scheme}: it does not list {_mechanisms(spec.mechanism for spec in wanted)}",
        hint=hint,
    )


def supports(algorithm: Algorithm, offered: Collection[str], sizes: Sizes = None) -> bool:
    """Say whether a token that lists `offered` can make such a key and sign with it."""
    listed = generation(algorithm).mechanism in offered and any(
        spec.mechanism in offered for spec in SIGNING[algorithm.scheme]
    )
    return listed and _fits(algorithm, sizes)


def require_support(algorithm: Algorithm, offered: Collection[str], sizes: Sizes = None) -> None:
    """Refuse what the token's own list does not offer; a vendor's name promises nothing.

    Raises:
        UnsupportedAlgorithmError: it does not offer it.
    """
    if supports(algorithm, offered, sizes):
        return
    if supports(algorithm, offered) and sizes:
        raise UnsupportedAlgorithmError(
            f"the token makes {generation(algorithm).kind} keys of {sizes[0]} to {sizes[1]} bits: {algorithm} is none"
        )
    needed = (generation(algorithm).mechanism, *(spec.mechanism for spec in SIGNING[algorithm.scheme]))
    missing = _mechanisms(name for name in needed if name not in offered)
    if algorithm.family is Family.ML_DSA:
        raise UnsupportedAlgorithmError(
            f"HSM mode takes classical algorithms only, unless the token lists the standard mechanism: {algorithm} "
            f"needs {missing}, which this token does not list",
            hint="keep post-quantum keys in files (software mode), or use an ecdsa-* or rsa-* profile",
        )
    raise UnsupportedAlgorithmError(f"the token cannot make {algorithm} keys: it does not list {missing}")


def ecdsa_signature(raw: bytes, field_bytes: int) -> bytes:
    """Return Ecdsa-Sig-Value (RFC 3279 section 2.2.3) of r and s side by side, each as wide as the field.

    Raises:
        TokenError: the length is another; stripped zeros cannot be told from a cut signature.
    """
    if len(raw) != 2 * field_bytes:
        raise TokenError(f"the token returned an ECDSA signature of {len(raw)} bytes, not {2 * field_bytes}")
    return encode_dss_signature(int.from_bytes(raw[:field_bytes]), int.from_bytes(raw[field_bytes:]))


def _fits(algorithm: Algorithm, sizes: Sizes) -> bool:
    """RSA and EC keys are counted in bits everywhere, others as each token likes; zero means that it does not say."""
    if algorithm.family not in (Family.RSA, Family.EC) or sizes is None or not sizes[1]:
        return True
    return sizes[0] <= algorithm.bits <= sizes[1]


def _field_bytes(key: Algorithm) -> int:
    return (key.bits + 7) // 8


def _mechanisms(names: Iterable[str]) -> str:
    return ", ".join(f"CKM_{name}" for name in names)
