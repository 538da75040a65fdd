"""What holds for the differences of any two mappings."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.diff import READING_ORDER, differences

texts = st.text(max_size=6)
values = texts | st.integers() | st.lists(texts, max_size=4)
names = st.sampled_from(READING_ORDER) | st.text("ab.'[]\"1", max_size=3)
contents = st.dictionaries(names, values, max_size=5)
nested = st.dictionaries(
    st.text("abc", min_size=1, max_size=2), values | st.dictionaries(st.text("xyz"), values), max_size=4
)


@given(contents)
def test_nothing_differs_from_itself_as_lists_or_tuples(content):
    other = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}

    assert differences(content, other) == ()


@given(contents, contents)
def test_fields_that_differ_are_told_and_no_others(before, after):
    told = {each.field for each in differences(before, after)}

    assert told == {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@given(contents, contents)
def test_what_is_after_follows_from_what_was_before_and_the_differences(before, after):
    for each in differences(before, after):
        old, new = before.get(each.field), after.get(each.field)
        if not (isinstance(old, list) and isinstance(new, list)):
            assert (thawed(each.before), thawed(each.after)) == (old, new)
        elif sorted(old) == sorted(new):
            assert (list(each.before), list(each.after)) == (old, new)
        else:
            assert sorted([*old, *each.after]) == sorted([*new, *each.before])


@given(contents, contents)
def test_turning_the_sides_turns_every_difference(before, after):
    forth, back = differences(before, after), differences(after, before)

    assert [(each.field, each.before, each.after) for each in forth] == [
        (each.field, each.after, each.before) for each in back
    ]


@given(contents, contents)
def test_differences_come_in_reading_order_once_each(before, after):
    told = [each.field for each in differences(before, after)]
    known = [name for name in READING_ORDER if name in told]

    assert told[: len(known)] == known
    assert told[len(known) :] == sorted(set(told) - set(known))


@given(nested, nested)
def test_differences_inside_mappings_are_where_their_dots_lead(before, after):
    for each in differences(before, after):
        old, new = at(before, each.field), at(after, each.field)
        assert old != new
        if each.before is None or each.after is None:
            assert (thawed(each.before), thawed(each.after)) == (old, new)


def at(value: Any, path: str) -> Any:
    """Return the value that dots lead to; names in these tests have none."""
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def thawed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
