import re
from datetime import UTC, datetime, timedelta

import click
import pytest

from pki.errors import IssuanceError
from reconciler.cli import types


@pytest.mark.parametrize("text", ["1a2b", "1A2B", "0x1A2B", "0X1a2b", "1A:2B", " 1A2B "])
def test_a_serial_is_read_in_every_form_that_people_copy(text):
    assert types.serial(text) == 0x1A2B


@pytest.mark.parametrize("text", ["", "0x", "0", "00", "xyz", "-1", "1 2", "1" + "0" * 40, "1.5"])
def test_what_is_no_serial_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="is not a serial number; write it in hexadecimal"):
        types.serial(text)


def test_the_largest_serial_of_the_rfc_is_read():
    assert types.serial("F" * 40) == (1 << 160) - 1


def test_a_certificate_is_named_by_serial_or_by_file(tmp_path):
    file = tmp_path / "server.crt"
    file.touch()

    assert types.serial_or_file("0xAB") == 0xAB
    assert types.serial_or_file(str(file)) == file
    with pytest.raises(ValueError, match="neither a serial number in hexadecimal nor a certificate file"):
        types.serial_or_file(str(tmp_path / "none.crt"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("keyCompromise", "keyCompromise"),
        ("KEYCOMPROMISE", "keyCompromise"),
        ("key-compromise", "keyCompromise"),
        ("caCompromise", "cACompromise"),
        ("aacompromise", "aACompromise"),
        ("cessation", "cessationOfOperation"),
        ("hold", "certificateHold"),
        ("unspecified", "unspecified"),
    ],
)
def test_a_reason_is_known_by_its_name_in_any_case_and_by_its_alias(text, name):
    assert types.reason(text) == name


def test_an_unknown_reason_is_an_error_that_lists_them_and_never_unspecified():
    with pytest.raises(IssuanceError) as caught:
        types.reason("compromised")

    assert "keyCompromise" in caught.value.hint


def test_the_reason_of_delta_crls_cannot_be_given():
    with pytest.raises(ValueError, match="delta CRLs"):
        types.reason("removeFromCRL")


@pytest.mark.parametrize(
    ("text", "pair"),
    [("cn=www", ("cn", "www")), ("a=b=c", ("a", "b=c")), ("cn=", ("cn", "")), (" cn = x ", ("cn", " x "))],
)
def test_a_variable_ends_at_the_first_equals_sign(text, pair):
    assert types.variable(text) == pair


@pytest.mark.parametrize("text", ["cn", "=www", " =x", ""])
def test_what_is_no_variable_is_refused(text):
    with pytest.raises(ValueError, match="is not NAME=VALUE"):
        types.variable(text)


@pytest.mark.parametrize("text", ["0102", "0x0102", "01:02"])
def test_a_key_id_is_hexadecimal(text):
    assert types.key_id(text) == "0102"


@pytest.mark.parametrize("text", ["1", "zz", "", "0x", "010"])
def test_a_key_id_of_half_an_octet_is_refused(text):
    with pytest.raises(ValueError, match="whole octets"):
        types.key_id(text)


@pytest.mark.parametrize(
    ("kind", "url"),
    [(types.PUBLISHED_URL, "https://x.example.com/a.crl"), (types.HTTP_URL, "ldap://x.example.com/")],
)
def test_where_relying_parties_fetch_is_no_place_that_needs_its_own_certificate(kind, url):
    with pytest.raises(click.BadParameter, match="does not begin with"):
        kind.convert(url, None, None)

    assert kind.convert("HTTP://X.example.com/", None, None) == "http://x.example.com/"


def test_a_time_needs_a_zone():
    assert types.instant("2026-11-23T09:00:00Z") == datetime(2026, 11, 23, 9, tzinfo=UTC)
    with pytest.raises(ValueError, match="lacks a time zone"):
        types.instant("2026-11-23T09:00:00")
    with pytest.raises(ValueError, match="is not a time"):
        types.instant("yesterday")


@pytest.mark.parametrize("text", ["sha256:" + "0f" * 32, "0F" * 32])
def test_the_digest_of_a_plan_is_whole(text):
    assert types.digest(text) == "sha256:" + "0f" * 32


@pytest.mark.parametrize("text", ["0f" * 6, "sha256:" + "0f" * 6, "sha512:" + "0f" * 32, ""])
def test_what_is_no_digest_or_its_short_form_approves_nothing(text):
    with pytest.raises(ValueError, match="is not the digest of a plan"):
        types.digest(text)


def test_a_duration_has_units_and_is_no_longer_than_days_can_say():
    assert types.duration("36h") == timedelta(hours=36)
    assert types.duration("36500d") == timedelta(days=types.MAX_DAYS)
    with pytest.raises(ValueError, match="'900y' is longer than 36500 days"):
        types.duration("900y")
    with pytest.raises(ValueError, match="is not a duration"):
        types.duration("soon")


def test_a_horizon_can_be_none_and_no_other_duration():
    assert types.horizon("0s") == timedelta()
    assert types.horizon("36h") == timedelta(hours=36)
    with pytest.raises(ValueError, match="is not a duration"):
        types.duration("0s")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (types.DNS, "WWW.Example.com", "www.example.com"),
        (types.DNS, "*.example.com", "*.example.com"),
        (types.DNS, "localhost", "localhost"),
        (types.IP, "2001:DB8::1", "2001:db8::1"),
        (types.EMAIL, "bob@Example.com", "bob@example.com"),
        (types.URI, "HTTP://Example.com/x", "http://example.com/x"),
    ],
)
def test_names_are_brought_to_normal_form(kind, text, value):
    assert kind.convert(text, None, None) == value


@pytest.mark.parametrize("kind", [types.DNS, types.IP, types.EMAIL, types.URI])
def test_names_that_are_none_are_usage_errors(kind):
    with pytest.raises(click.BadParameter):
        kind.convert("not a name", None, None)


def test_a_value_that_was_parsed_already_is_kept():
    assert types.SERIAL.convert(7, None, None) == 7


@pytest.mark.parametrize(
    ("kind", "typed", "offered"),
    [
        (types.REASON, "key", ["keyCompromise"]),
        (types.REASON, "remove", []),
        (types.ALGORITHM, "ml-dsa-8", ["ml-dsa-87"]),
        (types.SCHEMA, "hs", ["hsm"]),
        (types.SERIAL, "", []),
    ],
)
def test_the_shell_completes_words(kind, typed, offered):
    context = click.Context(click.Command("x"))

    assert [item.value for item in kind.shell_complete(context, click.Option(["--x"]), typed)] == offered


def test_the_shell_completes_profiles():
    context = click.Context(click.Command("x"))
    offered = [item.value for item in types.PROFILE.shell_complete(context, click.Option(["--x"]), "ec/tls-s")]

    assert offered == ["ec/tls-server"]


def test_refusals_name_what_was_written():
    with pytest.raises(click.BadParameter, match=re.escape("'zz' is not a serial number")):
        types.SERIAL.convert("zz", None, None)
