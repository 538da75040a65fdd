"""Differences, as people read certificates."""

from __future__ import annotations

import pytest

from reconciler.diff import Difference, differences


def test_equal_things_do_not_differ_whether_lists_or_tuples():
    assert differences({"a": ["x"], "b": {"c": ("y",)}}, {"b": {"c": ["y"]}, "a": ("x",)}) == ()
    assert differences(None, {}) == ()


def test_a_text_changes_from_one_to_the_other():
    assert (Difference("subject", "CN=a", "CN=b"),) == differences({"subject": "CN=a"}, {"subject": "CN=b"})


def test_of_a_list_what_leaves_and_what_comes():
    assert (Difference("subjectAltName", ("DNS:a",), ("DNS:c", "DNS:d")),) == differences(
        {"subjectAltName": ["DNS:a", "DNS:b"]}, {"subjectAltName": ["DNS:b", "DNS:c", "DNS:d"]}
    )


def test_of_a_list_that_grows_nothing_leaves():
    assert (Difference("keyUsage", (), ("critical",)),) == differences(
        {"keyUsage": ["a"]}, {"keyUsage": ["critical", "a"]}
    )


def test_an_item_that_is_there_twice_and_then_once_leaves_once():
    assert (Difference("a", ("x",), ()),) == differences({"a": ["x", "x", "y"]}, {"a": ["y", "x"]})


def test_a_list_in_another_order_is_shown_whole():
    assert (Difference("a", (1, 2), (2, 1)),) == differences({"a": [1, 2]}, {"a": [2, 1]})


def test_what_is_new_or_gone_is_shown_whole_and_none_is_not_there():
    assert (Difference("a", ("x",), None), Difference("b", None, "y")) == differences(
        {"a": ["x"], "c": None}, {"b": "y"}
    )


@pytest.mark.parametrize("before", [None, {}])
def test_all_of_what_is_new_differs(before):
    assert (Difference("subject", None, "CN=a"), Difference("x", None, ("y",))) == differences(
        before, {"x": ["y"], "subject": "CN=a"}
    )


def test_a_field_inside_a_mapping_has_dots():
    before, after = {"urls": {"crl": ["http://a"], "ocsp": []}}, {"urls": {"crl": ["http://b"], "ocsp": []}}

    assert (Difference("urls.crl", ("http://a",), ("http://b",)),) == differences(before, after)


def test_a_mapping_in_a_list_is_one_item():
    one, other, third = {"id": 1}, {"id": 2}, {"id": 3}

    assert (Difference("rules", ({"id": 2},), ({"id": 3},)),) == differences(
        {"rules": [one, other]}, {"rules": [one, third]}
    )


def test_a_text_that_becomes_a_list_is_shown_as_both():
    assert (Difference("a", "x", ("x",)),) == differences({"a": "x"}, {"a": ["x"]})


def test_sets_are_compared_in_one_order():
    assert (Difference("a", (), ("c",)),) == differences({"a": {"b", "a"}}, {"a": frozenset({"c", "a", "b"})})


def test_fields_come_as_a_certificate_is_read_and_others_by_name():
    after = dict.fromkeys(("1.2.3", "keyUsage", "subjectAltName", "zzz", "lifetime", "algorithm", "subject"), "x")

    assert [each.field for each in differences({"subject": "CN=a"}, after)] == [
        "subject",
        "algorithm",
        "lifetime",
        "subjectAltName",
        "keyUsage",
        "1.2.3",
        "zzz",
    ]


def test_names_with_quotes_and_brackets_are_names():
    assert (Difference("x['y\"", 1, 2), Difference("z", 0, 3)) == differences(
        {"x['y\"": 1, "z": 0}, {"x['y\"": 2, "z": 3}
    )


def test_certificates_of_several_profiles_are_read_one_after_the_other():
    after = {"b/x": {"keyUsage": ["a"], "subject": "CN=b"}, "a/x": {"zzz": "1", "subject": "CN=a"}}
    told = ["a/x.subject", "a/x.zzz", "b/x.subject", "b/x.keyUsage"]

    assert [each.field for each in differences(None, after)] == told
    assert [each.field for each in differences({"c": "1"}, {**after, "c": "1"})] == told
    assert differences({"a": {"x": "1"}}, {"a": {}}) == (Difference("a.x", "1", None),)


def test_a_mapping_that_becomes_a_text_is_shown_whole():
    assert differences({"a": {"x": "1"}}, {"a": "y"}) == (Difference("a", {"x": "1"}, "y"),)
