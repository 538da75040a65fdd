"""A variable that cannot be what its declaration says is refused where it is declared."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pki.profiles.model import Constraints, Variable, VariableType, Wildcard
from tests.support.profiles import load_problems, profile


def declared(text: str) -> Variable:
    # A list fits where a list is taken, everything else anywhere.
    use = 'extensions: {crlDistributionPoints: {urls: ["{{ x }}"]}}\n'
    return profile(f"{use}variables:\n  x: {text}\n").variables["x"]


def refused(text: str) -> list[tuple[int | None, str]]:
    body = f'extensions: {{crlDistributionPoints: {{urls: ["{{{{ x }}}}"]}}}}\nvariables:\n  x: {text}\n'
    return [(line, message) for _, line, message in load_problems(body)]


def test_a_declaration_is_read_whole() -> None:
    text = """
      type: dns_names
      description: Hosts
      default: [a.example.com]
      pattern: ^[a-z.*]+$
      enum: [a.example.com, "*.example.com"]
      minLength: 3
      maxLength: 40
      allow_single_label: true
      wildcard: {allowed: true, single_label: true, forbid_public_suffix: true}
      constraints: {allowed_suffixes: [Bücher.de, .example.com], denied_prefixes: [X], min_items: 1, max_items: 3}"""

    assert declared(text) == Variable(
        name="x",
        type=VariableType.DNS_NAMES,
        description="Hosts",
        default=["a.example.com"],
        pattern="^[a-z.*]+$",
        enum=("a.example.com", "*.example.com"),
        min_length=3,
        max_length=40,
        allow_single_label=True,
        wildcard=Wildcard(allowed=True, forbid_public_suffix=True),
        constraints=Constraints(
            allowed_suffixes=("xn--bcher-kva.de", ".example.com"),
            denied_prefixes=("x",),
            min_items=1,
            max_items=3,
        ),
    )


def test_bounds_of_durations_are_durations() -> None:
    variable = declared("{type: duration, required: true, min_duration: 1d, max_duration: 1y}")

    assert (variable.min_duration, variable.max_duration) == (timedelta(days=1), timedelta(days=365))


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("{type: integer, pattern: a}", ["`variables.x.pattern`: it means nothing for a variable of type integer"]),
        ("{type: string, min: 1, wildcard: {}}", ["`variables.x.min`: it means", "`variables.x.wildcard`: it means"]),
        ("{type: string, constraints: {allowed_ranges: [10.0.0.0/8]}}", ["constraints.allowed_ranges`: it means"]),
        ("{type: uri, constraints: {allowed_suffixes: [x]}}", ["constraints.allowed_suffixes`: it means"]),
        ("{type: boolean, enum: [true]}", ["`variables.x.enum`: it means"]),
        ("{type: string, pattern: (a}", ["`variables.x.pattern`: the pattern '(a' is not valid"]),
        ("{type: duration, max_duration: 0d}", ["`variables.x.max_duration`: '0d' is not a duration"]),
        ("{type: ip_list, constraints: {allowed_ranges: [10.0.0.1/8, x]}}", ["10.0.0.1/8 has host bits", "[1]`: 'x'"]),
        ("{type: dns_name, constraints: {allowed_suffixes: [a_b.example]}}", ["allowed_suffixes[0]`: 'a_b.example'"]),
        ("{type: email, constraints: {allowed_suffixes: ['@a_b']}}", ["allowed_suffixes[0]`: 'a_b' is not"]),
        ("{type: uri, constraints: {allowed_hosts: ['http://x']}}", ["allowed_hosts[0]`: 'http://x' is not"]),
        ("{type: string, required: true, default: a}", ["`variables.x.default`: a required variable has no default"]),
        ("{type: integer, default: a}", ["`variables.x.default`: it must be a whole number"]),
        ("{type: dns_names, default: [a_b.example, c.example]}", ["`variables.x.default`: 'a_b.example'"]),
        ("{type: string, default: abc, maxLength: 2}", ["`variables.x.default`: 'abc' has more than 2"]),
        ("{type: integer, enum: [1, a]}", ["`variables.x.enum[1]`: it must be a whole number"]),
        ("{type: dns_name, enum: [A.example]}", ["`variables.x.enum[0]`: 'a.example' is not one of A.example"]),
        ("{type: integer, min: 2, max: 1}", ["`variables.x.min`: the least, 2, is more than the most, 1"]),
        ("{type: string, minLength: 2, maxLength: 1}", ["`variables.x.minLength`: the least"]),
        ("{type: list, constraints: {min_items: 2, max_items: 1}}", ["`variables.x.constraints`: the least"]),
        ("{type: duration, min_duration: 2d, max_duration: 1d}", ["`variables.x.min_duration`: the least"]),
    ],
)  # fmt: skip
def test_a_declaration_that_makes_no_sense_is_refused_at_its_place(text: str, reasons: list[str]) -> None:
    found = refused(text)

    assert [line for line, _ in found] == [3] * len(reasons)
    assert all(reason in message for reason, (_, message) in zip(reasons, found, strict=True))


def test_an_option_of_a_list_is_checked_without_counting() -> None:
    assert declared("{type: list, enum: [a, b], constraints: {min_items: 2}}").enum == ("a", "b")


def test_an_empty_default_is_no_default() -> None:
    assert declared('{type: dns_name, default: ""}').default == ""


def test_a_star_that_stands_for_several_labels_is_refused() -> None:
    ((_, message),) = refused("{type: dns_name, wildcard: {allowed: true, single_label: false}}")

    assert "must be true: the star always stands for one label" in message
