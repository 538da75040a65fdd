"""Profiles, their variables and what lint says of them, as facts and text."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pki.profiles.model import Profile, Variable
from reconciler.render.layout import Facts, count, span, table

_LIMITS = ("pattern", "enum", "min_length", "max_length", "min", "max", "min_duration", "max_duration")


def profile_facts(profile: Profile) -> dict[str, Any]:
    return {
        **profile_summary(profile),
        "signature": {"scheme": profile.signature.kind, "hash": profile.signature.digest},
        "subject": {attribute.name: attribute.value for attribute in profile.subject},
        "validity": profile.validity,
        "beyond_issuer": profile.beyond_issuer,
        "extensions": dict(profile.extensions),
        "variables": [variable_facts(variable) for variable in profile.variables.values()],
        "digest": profile.digest,
    }


def profile_summary(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "description": profile.description,
        "source": profile.source,
        "algorithm": profile.algorithm.name,
        "ca": profile.is_ca,
    }


def variable_facts(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "type": variable.type.value,
        "required": variable.required,
        "default": variable.default,
        "description": variable.description,
        "limits": _limits(variable),
    }


def profiles_text(facts: Facts) -> str:
    rows = [(profile["name"], profile["algorithm"], profile["description"]) for profile in facts["profiles"]]
    return f"{table(('NAME', 'ALGORITHM', 'DESCRIPTION'), rows)}\n\nTotal: {count(len(rows), 'profile')}"


def variables_text(facts: Facts) -> str:
    rows = [
        (entry["name"], entry["type"], entry["required"], _shown(entry["default"]), _about(entry))
        for entry in facts["variables"]
    ]
    return table(("NAME", "TYPE", "REQUIRED", "DEFAULT", "DESCRIPTION"), rows) if rows else "No variables."


def lint_text(facts: Facts) -> str:
    return "\n".join(f"VALID: {profile['name']} ({profile['source']})" for profile in facts["profiles"])


def _limits(variable: Variable) -> dict[str, Any]:
    """Return the constraints that say something, in one mapping."""
    own = {name: getattr(variable, name) for name in _LIMITS}
    wildcard = {"wildcards": True} if variable.wildcard.allowed else {}
    every = own | asdict(variable.constraints) | wildcard
    return {name: _plain(value) for name, value in every.items() if value not in (None, ())}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a constraint
    if isinstance(value, timedelta):
        return span(value)
    return list(value) if isinstance(value, tuple) else value


def _shown(default: Any) -> str | None:  # noqa: ANN401 - a default is of the variable's type
    if isinstance(default, (list, tuple)):
        return ",".join(map(str, default)) or None
    return None if default is None or default == "" else str(default)


def _about(entry: Facts) -> str:
    limits = "; ".join(_limit(name.replace("_", " "), value) for name, value in entry["limits"].items())
    return " ".join(part for part in (entry["description"], limits and f"[{limits}]") if part)


def _limit(name: str, value: Any) -> str:  # noqa: ANN401 - any value of a constraint
    if value is True:
        return name
    return f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
