"""The values of a profile's variables: read as their type says, brought to normal form, held to every constraint."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pki import names
from pki.findings import Finding, Severity
from pki.profiles.durations import parse_duration
from pki.profiles.model import Profile, Variable, VariableType
from pki.profiles.patterns import compile_pattern
from pki.schemas import closest

MAX_TEXT = 1024
MAX_ITEMS = 1000


class RefusedError(ValueError):
    """A value that its variable does not take, for all of these reasons."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


def resolve(variables: Mapping[str, Variable], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Return the values of the variables that are set, and what is wrong with those given.

    An empty text or list means "not set", also where there is a default. Text is read by the declared type: `"5"` is an
    integer to an integer variable, and only list variables split at commas.
    """
    findings = [_unknown(name, variables) for name in given if name not in variables]
    values: dict[str, Any] = {}
    for name, variable in variables.items():
        raw = given.get(name, variable.default)
        if raw is None or raw in ("", [], ()):
            findings += [_missing(variable)] if variable.required else []
            continue
        try:
            values[name] = accept(variable, raw)
        except RefusedError as error:
            findings += [_finding("variable.refused", name, f"`{name}`: {reason}") for reason in error.reasons]
    return values, findings


def own_variables(profile: Profile, profiles: Sequence[Profile], variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return those of a credential's variables that are for one of its profiles.

    These are the profile's own, and those that none of `profiles` has: they are for `resolve` to refuse.
    """
    others = {name for other in profiles for name in other.variables} - profile.variables.keys()
    return {name: value for name, value in variables.items() if name not in others} if others else variables


def _finding(code: str, variable: str, message: str, hint: str | None = None) -> Finding:
    return Finding(Severity.ERROR, code, message, hint=hint, variable=variable)


def _unknown(name: str, variables: Mapping[str, Variable]) -> Finding:
    hint = closest(name, variables) or f"it has: {', '.join(variables) or 'none'}"
    return _finding("variable.unknown", name, f"the profile has no variable `{name}`", hint)


def _missing(variable: Variable) -> Finding:
    about = f" ({variable.description})" if variable.description else ""
    return _finding("variable.missing", variable.name, f"`{variable.name}` is required{about}")


def accept(variable: Variable, given: Any) -> Any:  # noqa: ANN401  what a YAML file or a command line holds
    """Return `given` as the variable's type, in normal form.

    Raises:
        RefusedError: it is not of that type, or breaks a constraint.
    """
    try:
        value = _read(variable.type, given)
    except ValueError as error:
        raise RefusedError([str(error)]) from error
    reasons: list[str] = []
    items = value if isinstance(value, list) else [value]
    normal = list(dict.fromkeys(_normal(variable, item, reasons) for item in items))
    if not reasons:
        reasons = [reason for item in normal for reason in _objections(variable, item)]
        reasons += _count_objections(variable, normal) if variable.type.is_list else []
    if reasons:
        raise RefusedError(reasons)
    return normal if variable.type.is_list else normal[0]


def _read_text(given: Any) -> str:  # noqa: ANN401  not yet known to be text
    if not isinstance(given, str):
        raise ValueError(f"it must be text, not {given!r}; quote it")  # noqa: TRY004  the caller's value, not a bug
    if len(given) > MAX_TEXT:
        raise ValueError(f"it has at most {MAX_TEXT} characters, not {len(given)}")
    return given


def _read_integer(given: Any) -> int:  # noqa: ANN401  the same
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    text = _read_text(given)
    if not re.fullmatch(r"-?[0-9]{1,40}", text):
        raise ValueError(f"it must be a whole number, not {given!r}")
    return int(text)


def _read_boolean(given: Any) -> bool:  # noqa: ANN401  the same
    if given is True or given == "true":
        return True
    if given is False or given == "false":
        return False
    raise ValueError(f"it must be true or false, not {given!r}")


def _read_list(given: Any) -> list[str]:  # noqa: ANN401  the same
    items = given.split(",") if isinstance(given, str) else given
    if not isinstance(items, list | tuple):
        raise ValueError(f"it must be a list, not {given!r}")  # noqa: TRY004  the caller's value, not a bug
    if len(items) > MAX_ITEMS:
        raise ValueError(f"it has at most {MAX_ITEMS} items, not {len(items)}")
    return [_read_text(item).strip() for item in items]


def _read(kind: VariableType, given: Any) -> Any:  # noqa: ANN401  the same
    if kind.is_list:
        return _read_list(given)
    if kind is VariableType.INTEGER:
        return _read_integer(given)
    return _read_boolean(given) if kind is VariableType.BOOLEAN else _read_text(given)


def _normal(variable: Variable, item: Any, reasons: list[str]) -> Any:  # noqa: ANN401  a value of the type
    try:
        return _normal_form(variable, item)
    except ValueError as error:
        reasons.append(str(error))
        return item


def _normal_form(variable: Variable, item: Any) -> Any:  # noqa: ANN401  the same
    if isinstance(item, bool | int):
        return item
    names.plain_text(item)
    if variable.type is VariableType.LIST and (
        variable.constraints.allowed_schemes or variable.constraints.allowed_hosts
    ):
        return names.uri(item)
    return _NORMAL_FORMS[variable.type](variable, item)


def _duration(_: Variable, item: str) -> str:
    parse_duration(item)
    return item


def _dns_name(variable: Variable, item: str) -> str:
    return names.dns_name(item, wildcard=variable.wildcard.allowed, single_label=variable.allow_single_label)


_NORMAL_FORMS: dict[VariableType, Callable[[Variable, str], str]] = {
    VariableType.STRING: lambda _, item: item,
    VariableType.LIST: lambda _, item: item,
    VariableType.IP_LIST: lambda _, item: names.ip(item),
    VariableType.DNS_NAME: _dns_name,
    VariableType.DNS_NAMES: _dns_name,
    VariableType.EMAIL: lambda _, item: names.email(item),
    VariableType.URI: lambda _, item: names.uri(item),
    VariableType.OID: lambda _, item: names.oid(item).dotted_string,
    VariableType.DURATION: _duration,
}


def _objections(variable: Variable, value: Any) -> Iterator[str]:  # noqa: ANN401  the same
    if variable.enum and value not in variable.enum:
        yield f"{value!r} is not one of {', '.join(map(str, variable.enum))}"
    if isinstance(value, str):
        yield from _text_objections(variable, value)
    if variable.min is not None and value < variable.min:
        yield f"{value} is less than {variable.min}"
    if variable.max is not None and value > variable.max:
        yield f"{value} is more than {variable.max}"
    if variable.min_duration is not None and parse_duration(value) < variable.min_duration:
        yield f"{value} is shorter than {variable.min_duration}"
    if variable.max_duration is not None and parse_duration(value) > variable.max_duration:
        yield f"{value} is longer than {variable.max_duration}"


def _text_objections(variable: Variable, value: str) -> Iterator[str]:
    if variable.pattern is not None and not compile_pattern(variable.pattern).search(value):
        yield f"{value!r} does not match {variable.pattern}"
    if variable.min_length is not None and len(value) < variable.min_length:
        yield f"{value!r} has fewer than {variable.min_length} characters"
    if variable.max_length is not None and len(value) > variable.max_length:
        yield f"{value!r} has more than {variable.max_length} characters"
    if value.startswith("*.") and variable.wildcard.forbid_public_suffix and _is_public_suffix(value[2:]):
        yield f"{value!r} covers all of a public suffix"
    yield from _constraint_objections(variable, value)


def _constraint_objections(variable: Variable, value: str) -> Iterator[str]:
    limits = variable.constraints
    if limits.allowed_suffixes and not any(_ends_at_label(value, suffix) for suffix in limits.allowed_suffixes):
        yield f"{value!r} does not end in {' or '.join(limits.allowed_suffixes)}"
    if any(value.lower().startswith(prefix.lower()) for prefix in limits.denied_prefixes):
        yield f"{value!r} begins with one of {', '.join(limits.denied_prefixes)}, which is denied"
    if limits.allowed_ranges and not any(_in_range(value, network) for network in limits.allowed_ranges):
        yield f"{value} is not in {' or '.join(limits.allowed_ranges)}"
    if limits.allowed_schemes and urlsplit(value).scheme not in limits.allowed_schemes:
        yield f"{value!r} is not of scheme {' or '.join(limits.allowed_schemes)}"
    if limits.allowed_hosts and (urlsplit(value).hostname or "") not in limits.allowed_hosts:
        yield f"{value!r} is not at {' or '.join(limits.allowed_hosts)}"


def _count_objections(variable: Variable, items: list[Any]) -> Iterator[str]:
    limits = variable.constraints
    if limits.min_items is not None and len(items) < limits.min_items:
        yield f"it has fewer than {limits.min_items} items"
    if limits.max_items is not None and len(items) > limits.max_items:
        yield f"it has more than {limits.max_items} items"


def _ends_at_label(value: str, suffix: str) -> bool:
    """Say whether `value` is `suffix` or ends in it just after a dot or an at sign: `badexample.com` is not below."""
    value, suffix = value.lower(), suffix.lower()
    if value == suffix:
        return True
    return value.endswith(suffix) and (suffix[0] in ".@" or value[-len(suffix) - 1] in ".@")


def _in_range(value: str, network: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(network)


@cache
def _public_suffixes() -> Any:  # noqa: ANN401  publicsuffixlist.PublicSuffixList, imported late
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415  reads a 300 kB list, and only wildcards need it

    return PublicSuffixList()


def _is_public_suffix(name: str) -> bool:
    return bool(_public_suffixes().is_public(name))
