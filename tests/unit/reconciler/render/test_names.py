import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from pki.names import display, distinguished_name, openssl_oneline
from reconciler.render.names import from_index, joined


@pytest.mark.parametrize(
    ("oneline", "shown"),
    [
        ("/CN=x", "CN=x"),
        ("/C=FR/O=A\\/B/CN=\\xC3\\xA9t\\xC3\\xA9", "CN=été,O=A/B,C=FR"),
        ("/O=A, B/emailAddress=a@b", "emailAddress=a@b,O=A\\, B"),
        ("/CN=a\\+b=c", "CN=a\\+b=c"),
        ("/CN=\\xFF", "CN=\\\\xff"),
        ("/1.2.3.4=x/CN=y", "CN=y,1.2.3.4=x"),
        ("", ""),
    ],
)
def test_a_subject_of_the_index_is_shown_as_certificates_show_theirs(oneline, shown):
    assert from_index(oneline) == shown


@given(st.lists(st.text("aé,+/= 日b", min_size=1, max_size=9).map(str.strip).filter(bool), min_size=1, max_size=3))
def test_the_index_and_the_certificate_show_the_same_subject(values):
    name = distinguished_name(zip(("cn", "o", "ou"), values, (None,) * 3, strict=False))

    assert from_index(openssl_oneline(name)) == display(name)


def test_short_names_are_in_capitals():
    assert joined([("c", "FR"), ("ou", "x"), ("serialNumber", "1")]) == "serialNumber=1,OU=x,C=FR"
    assert joined([]) == display(x509.Name([]))
