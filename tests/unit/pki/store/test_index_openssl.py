"""OpenSSL's own tools read our index, and we read what they make of it."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest

from pki.store import index
from pki.store.index import IndexEntry

pytestmark = pytest.mark.interop

SOON = datetime(2040, 1, 31, 10, 30, 0, tzinfo=UTC)
LATE = datetime(2065, 1, 31, 10, 30, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 31, 10, 30, 0, tzinfo=UTC)
REVOKED_AT = datetime(2025, 11, 23, 9, 0, 5, tzinfo=UTC)
BIG = 0x5F3A000000000000000000000000000000000C4D

REASONS = {
    None: None,
    "unspecified": "Unspecified",
    "keyCompromise": "Key Compromise",
    "cACompromise": "CA Compromise",
    "affiliationChanged": "Affiliation Changed",
    "superseded": "Superseded",
    "cessationOfOperation": "Cessation Of Operation",
    "certificateHold": "Certificate Hold",
    "privilegeWithdrawn": "Unspecified",
    "aACompromise": "Unspecified",
}
"""Our reason, and the one that a CRL made by OpenSSL from our index shows."""

ENTRIES = [
    IndexEntry("V", SOON, None, None, 0x0A, "/C=FR/O=Example/CN=one"),
    IndexEntry("V", SOON, None, None, 0x0B, "/C=FR/O=Example/CN=one"),  # a renewal: the same subject, also valid
    IndexEntry("V", LATE, None, None, BIG, "/CN=caf\\xC3\\xA9 \\x09"),
    IndexEntry("V", LONG_AGO, None, None, 0x0C, "/CN=old"),
    *(
        IndexEntry("R", LATE, REVOKED_AT, reason, 0x100 + number, f"/CN={reason}")
        for number, reason in enumerate(REASONS)
    ),
]

CONFIG = """
[ca]
default_ca = ours
[ours]
database = {folder}/index.txt
new_certs_dir = {folder}
certificate = {folder}/ca.crt
private_key = {folder}/ca.key
default_md = sha256
default_crl_days = 7
"""


def openssl(folder, *arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def ca(tmp_path):
    """A directory that `openssl ca -config ca.conf` works in, with an index of ours."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key"]
    openssl(tmp_path, "req", "-x509", *key, "-out", "ca.crt", "-subj", "/CN=CA")
    (tmp_path / "ca.conf").write_text(CONFIG.format(folder=tmp_path))
    index.append(tmp_path / "index.txt", *ENTRIES)
    return tmp_path


@pytest.mark.parametrize(
    ("serial", "status"),
    [(0x0A, "Valid (V)"), (BIG, "Valid (V)"), (0x100, "Revoked (R)"), (0xDEAD, "not present in db")],
)
def test_openssl_ca_status_finds_a_certificate(ca, serial, status):
    done = subprocess.run(
        ["openssl", "ca", "-config", "ca.conf", "-status", index.serial_hex(serial)],
        cwd=ca,
        capture_output=True,
        text=True,
        check=False,
    )

    assert status in done.stdout + done.stderr


def test_openssl_ca_updatedb_marks_what_expired_and_we_read_all_of_it(ca):
    openssl(ca, "ca", "-config", "ca.conf", "-updatedb")

    expected = [
        IndexEntry("E", *[getattr(entry, name) for name in IndexEntry.__slots__[1:]]) if entry.serial == 0x0C else entry
        for entry in ENTRIES
    ]
    assert index.read(ca / "index.txt") == expected


def test_openssl_ca_gencrl_lists_what_we_revoked_with_reasons_and_dates(ca):
    openssl(ca, "ca", "-config", "ca.conf", "-gencrl", "-out", "ca.crl")
    text = openssl(ca, "crl", "-in", "ca.crl", "-noout", "-text")

    shown = {block.split("\n")[0].strip(): block for block in text.split("Serial Number: ")[1:]}
    for number, reason in enumerate(REASONS.values()):
        block = shown[f"{0x100 + number:04X}"]
        assert "Revocation Date: Nov 23 09:00:05 2025 GMT" in block
        assert (reason in block) if reason else ("Reason Code" not in block)
    assert len(shown) == len(REASONS)


def test_openssl_ocsp_answers_from_our_index(ca):
    def ask(serial: int) -> str:
        return openssl(
            ca, "ocsp", "-index", "index.txt", "-CA", "ca.crt", "-rsigner", "ca.crt", "-rkey", "ca.key",
            "-issuer", "ca.crt", "-serial", f"0x{serial:X}", "-text", "-noverify",
        )  # fmt: skip

    assert "Cert Status: good" in ask(BIG)
    assert "Cert Status: revoked" in ask(0x102)
    assert "Revocation Reason: keyCompromise (0x1)" in ask(0x102)
    assert "Cert Status: unknown" in ask(0xDEAD)


@pytest.mark.parametrize(
    ("flags", "reason", "invalidity_date"),
    [
        (["-crl_reason", "keyCompromise"], "keyCompromise", None),
        (["-crl_reason", "CACompromise"], "cACompromise", None),
        (["-crl_compromise", "20251101000000Z"], "keyCompromise", datetime(2025, 11, 1, tzinfo=UTC)),
        (["-crl_CA_compromise", "20251101000000Z"], "cACompromise", datetime(2025, 11, 1, tzinfo=UTC)),
        (["-crl_hold", "holdInstructionReject"], "certificateHold", None),
        ([], None, None),
    ],
)
def test_we_read_what_openssl_ca_revoke_writes(ca, flags, reason, invalidity_date):
    openssl(ca, "req", "-x509", "-key", "ca.key", "-out", "leaf.crt", "-subj", "/CN=leaf", "-set_serial", "0x7A")
    index.append(ca / "index.txt", IndexEntry("V", SOON, None, None, 0x7A, "/CN=leaf"))

    openssl(ca, "ca", "-config", "ca.conf", "-revoke", "leaf.crt", *flags)

    entry = index.find(ca / "index.txt", 0x7A)
    assert (entry.status, entry.reason, entry.invalidity_date) == ("R", reason, invalidity_date)


def test_what_we_revoke_with_an_invalidity_date_openssl_lists_with_it(ca):
    entry = IndexEntry("R", LATE, REVOKED_AT, "keyCompromise", 0x77, "/CN=x", datetime(2025, 11, 1, tzinfo=UTC))
    index.append(ca / "index.txt", entry)

    openssl(ca, "ca", "-config", "ca.conf", "-gencrl", "-out", "ca.crl")
    text = openssl(ca, "crl", "-in", "ca.crl", "-noout", "-text")

    block = next(block for block in text.split("Serial Number: ") if block.startswith("77\n"))
    assert "Key Compromise" in block
    assert "Invalidity Date" in block
    assert "Nov  1 00:00:00 2025 GMT" in block


@pytest.mark.parametrize(("reason", "shown"), [("superseded", "Superseded"), ("privilegeWithdrawn", "Unspecified")])
def test_an_invalidity_date_that_openssl_has_no_word_for_does_not_trip_it(ca, reason, shown):
    entry = IndexEntry("R", LATE, REVOKED_AT, reason, 0x78, "/CN=x", datetime(2025, 11, 1, tzinfo=UTC))
    index.append(ca / "index.txt", entry)

    openssl(ca, "ca", "-config", "ca.conf", "-gencrl", "-out", "ca.crl")
    text = openssl(ca, "crl", "-in", "ca.crl", "-noout", "-text")

    block = next(block for block in text.split("Serial Number: ") if block.startswith("78\n"))
    assert shown in block
