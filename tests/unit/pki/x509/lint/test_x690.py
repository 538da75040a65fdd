from __future__ import annotations

import pytest

from pki.x509.lint import x690

DISTINGUISHED = {
    "nothing in a sequence": "3000",
    "TRUE": "0101ff",
    "a negative number": "0202ff7f",
    "a number with its sign octet": "02020080",
    "an empty bit string": "030100",
    "a bit string with unused bits": "030204f0",
    "an OID": "06032a8648",
    "NULL": "0500",
    "a time": "170d3236313132333132303030305a",
    "a time with a fraction": "1811323035313031303130303030303 02e355a".replace(" ", ""),
    "a length in the long form": "048180" + "00" * 128,
    "a tag of two octets": "1f8101020500",
    "a set in order": "3106020101020102",
}
NOT_DISTINGUISHED = {
    "nothing": ("", "cut off"),
    "a tag alone": ("30", "cut off"),
    "too little content": ("3003", "cut off"),
    "too little content inside": ("30020202", "cut off"),
    "too much content": ("300000", "1 octets follow"),
    "an indefinite length": ("30800000", "indefinite or longer"),
    "a long length that fits the short form": ("30810100", "indefinite or longer"),
    "a long length with a leading zero": ("04820080" + "00" * 128, "indefinite or longer"),
    "TRUE as 1": ("010101", "not in its distinguished form"),
    "an empty number": ("0200", "not in its distinguished form"),
    "a padded number": ("0202007f", "not in its distinguished form"),
    "a padded negative number": ("0202ff80", "not in its distinguished form"),
    "a padded enumeration": ("0a020001", "not in its distinguished form"),
    "an empty bit string without its first octet": ("0300", "not in its distinguished form"),
    "eight unused bits": ("030208f0", "not in its distinguished form"),
    "unused bits that are set": ("030204ff", "not in its distinguished form"),
    "unused bits of nothing": ("030104", "not in its distinguished form"),
    "an OID without an arc": ("0600", "not in its distinguished form"),
    "an OID that is cut off": ("06022a86", "not in its distinguished form"),
    "an OID with a padded arc": ("06032a8001", "not in its distinguished form"),
    "NULL with content": ("050100", "not in its distinguished form"),
    "a time without seconds": ("170b323631313233313230305a", "not in its distinguished form"),
    "a fraction that ends in zero": ("1811323035313031303130303030303 02e305a".replace(" ", ""), "distinguished form"),
    "values in values without end": ("3080" * 100, "indefinite or longer"),
    "a set out of order": ("3106020102020101", "not in order"),
}


@pytest.mark.parametrize("kind", DISTINGUISHED)
def test_distinguished_values_pass(kind):
    assert not list(x690.breaches(bytes.fromhex(DISTINGUISHED[kind])))


@pytest.mark.parametrize("kind", NOT_DISTINGUISHED)
def test_other_encodings_of_the_same_are_found(kind):
    data, sentence = NOT_DISTINGUISHED[kind]

    (breach,) = x690.breaches(bytes.fromhex(data))

    assert sentence in breach


def test_depth_is_bounded():
    nested = b""
    for _ in range(100):
        nested = b"\x30" + (bytes([len(nested)]) if len(nested) < 128 else bytes([0x81, len(nested)])) + nested

    (breach,) = x690.breaches(nested)

    assert breach == "values are nested more than 64 deep"
