from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.algorithms import SCHEMES
from pki.x509 import der
from pki.x509.certificates import certificate_tbs
from tests.support import x509_objects as make


def pyca_builder(template, *, serial, public_key, issuer_name, key_ids) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(template.subject)
        .issuer_name(issuer_name)
        .serial_number(serial)
        .not_valid_before(template.not_before)
        .not_valid_after(template.not_after)
        .public_key(public_key)
        .add_extension(x509.SubjectKeyIdentifier(key_ids[0]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(key_ids[1], None, None), critical=False)
    )
    for extension in template.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder


@pytest.mark.parametrize(("scheme_name", "key_name"), make.SCHEME_KEYS.items())
def test_tbs_is_what_pyca_would_have_encoded(scheme_name, key_name):
    """For every scheme that pyca knows, its own builder makes the same to-be-signed bytes."""
    scheme, key = SCHEMES[scheme_name], make.private_key(key_name)
    template = make.template(key=key_name, not_after=datetime(2055, 1, 1, tzinfo=UTC))
    tbs = certificate_tbs(template, serial=0xFEDCBA, spki=make.spki_of(key), issuer=None, scheme=scheme)
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    oracle = pyca_builder(
        template, serial=0xFEDCBA, public_key=key.public_key(), issuer_name=template.subject, key_ids=(key_id, key_id)
    ).sign(key, make.digest_of(scheme), rsa_padding=make.padding_of(scheme))

    assert oracle.tbs_certificate_bytes == tbs

    assert oracle.public_bytes(Encoding.DER) == der.assemble(tbs, scheme, oracle.signature)
