from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from pki.algorithms import SCHEMES, algorithm, select_scheme
from pki.x509 import der
from pki.x509.requests import parse_request, request_tbs, verify_request
from tests.support import x509_objects as make

SAN = make.extension(make.san(dns=["www.example.com", "example.com"], ips=["192.0.2.1"]))


def request(subject=None, extensions=(), key_name="ecdsa-p256", scheme=None) -> bytes:
    """A request made by our encoder, signed by its key."""
    key = make.private_key(key_name)
    scheme = scheme or select_scheme(algorithm(key_name))
    tbs = request_tbs(make.name() if subject is None else subject, make.spki_of(key), extensions)
    return der.assemble(tbs, scheme, make.sign(key, scheme, tbs))


def foreign(subject=None, extensions=(), key=None, digest=None) -> bytes:
    """A request made by pyca's builder."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(make.name() if subject is None else subject)
    for extension in extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key or make.private_key(), digest or hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
@pytest.mark.parametrize("extensions", [(), (SAN,), (SAN, make.key_usage("digital_signature"))], ids=len)
def test_tbs_is_what_pyca_would_have_encoded(scheme_name, key_name, extensions):
    """For every scheme that pyca knows, its own builder makes the same to-be-signed bytes."""
    scheme, key = SCHEMES[scheme_name], make.private_key(key_name)
    builder = x509.CertificateSigningRequestBuilder().subject_name(make.name())
    for extension in extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    oracle = builder.sign(key, make.digest_of(scheme), rsa_padding=make.padding_of(scheme))

    tbs = request_tbs(make.name(), make.spki_of(key), extensions)

    assert oracle.tbs_certrequest_bytes == tbs
    assert oracle.public_bytes(Encoding.DER) == der.assemble(tbs, scheme, oracle.signature)
    verify_request(parse_request(oracle.public_bytes(Encoding.PEM)))
