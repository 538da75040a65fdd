"""From the YAML of a profile to a `Profile`, or to everything that is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from pki import names
from pki.algorithms import SchemeChoice, algorithm
from pki.documents import Document, load_yaml, located, refusal, require
from pki.findings import DocumentError
from pki.profiles import rules
from pki.profiles.declarations import declare
from pki.profiles.durations import parse_duration
from pki.profiles.extensions import build_extensions
from pki.profiles.model import Profile, SubjectAttribute, Variable
from pki.profiles.templates import literals, references, texts, whole
from pki.schemas import Problem, closest, path_text

_TAKES_LISTS = frozenset({"dns", "email", "ip", "uri", "urls", "ocsp", "caIssuers"})


def load_profile(text: str, source: str, name: str | None = None) -> Profile:
    """Return the profile that a YAML text describes.

    `source` names the text in findings. `name` is what the profile is filed under; without one, its own `name` counts,
    or else the file's.

    Raises:
        DocumentError: it is not a valid profile; with every finding.
    """
    document = load_yaml(text, source)
    require(document, "profile")
    return read_profile(document, name)


def read_profile(document: Document, name: str | None = None, at: tuple[str, ...] = ()) -> Profile:
    """Return the profile that a document accepted by its schema holds, all of it or the part that the path `at` finds.

    Raises:
        DocumentError: it is not a valid profile; with every finding.
    """
    data = document.data
    for step in at:
        data = data[step]
    variables, problems = declare(data.get("variables", {}))
    problems += _template_problems(data, variables)
    if not problems:
        problems += _content_problems(data)
    if name is not None and data.get("name", name) != name:
        problems.append(Problem(("name",), "profile.name", f"`name`: the profile is filed as {name}"))
    if problems:
        raise _refusal(document, (replace(problem, path=(*at, *problem.path)) for problem in problems))
    return _profile(data, document.source, name or data.get("name") or PurePath(document.source).stem, variables)


def _refusal(document: Document, problems: Iterable[Problem]) -> DocumentError:
    hint = "docs/profiles.md explains each part; `qpki profile export` gives a builtin profile to start from"
    return refusal(document.source, located(document, problems), hint=hint)


def _profile(data: Mapping[str, Any], source: str, name: str, variables: Mapping[str, Variable]) -> Profile:
    signature = data.get("signature", {})
    return Profile(
        name=name,
        description=data.get("description", ""),
        source=source,
        algorithm=algorithm(data["algorithm"]),
        signature=SchemeChoice(signature.get("scheme"), signature.get("hash")),
        subject=tuple(_attributes(data)),
        validity=data["validity"],
        beyond_issuer=data.get("beyondIssuer", "refuse"),
        extensions=data.get("extensions", {}),
        variables=variables,
        digest=digest(data),
    )


def digest(data: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of what a profile decides: not of its name, its descriptions, order or layout."""
    content = {key: value for key, value in data.items() if key not in {"name", "description"}}
    content["variables"] = {
        name: {key: value for key, value in variable.items() if key != "description"}
        for name, variable in data.get("variables", {}).items()
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _attributes(data: Mapping[str, Any]) -> Iterator[SubjectAttribute]:
    for name, value in data.get("subject", {}).items():
        if isinstance(value, str):
            yield SubjectAttribute(name, value)
        else:
            yield SubjectAttribute(name, value["value"], value.get("encoding"))


def _template_problems(data: Mapping[str, Any], variables: Mapping[str, Variable]) -> list[Problem]:
    problems: list[Problem] = []
    used: set[str] = set()
    for part in ("validity", "subject", "extensions"):
        for path, text in texts(data.get(part, {}), (part,)):
            try:
                found = references(text)
            except ValueError as error:
                problems.append(_problem(path, str(error)))
                continue
            used.update(found)
            problems += _misuses(path, text, found, variables)
    for name in variables.keys() - used:
        message = f"variable `{name}` is declared, but nothing uses it"
        problems.append(Problem(("variables", name), "profile.unused-variable", message, at_key=True))
    return problems


def _misuses(
    path: tuple[str | int, ...], text: str, used: Iterable[str], variables: Mapping[str, Variable]
) -> Iterator[Problem]:
    for name in used:
        if name not in variables:
            hint = closest(name, variables) or f"declare it: `variables: {{{name}: {{type: string}}}}`"
            message = f"`{path_text(path)}`: there is no variable `{name}`"
            yield Problem(path, "profile.unknown-variable", message, hint)
        elif variables[name].type.is_list and (whole(text) != name or not _takes_a_list(path)):
            yield _problem(path, f"`{name}` is a list, which does not fit in one text")


def _takes_a_list(path: tuple[str | int, ...]) -> bool:
    return path[0] == "extensions" and (isinstance(path[-1], int) or path[-1] in _TAKES_LISTS)


def _problem(path: tuple[str | int, ...], reason: str) -> Problem:
    return Problem(path, "profile.value", f"`{path_text(path)}`: {reason}")


def _content_problems(data: Mapping[str, Any]) -> list[Problem]:
    """Find what is wrong whatever the variables: rules broken, and fixed values that no certificate can hold."""
    extensions = data.get("extensions", {})
    problems = rules.check(extensions, algorithm(data["algorithm"]))
    problems += build_extensions(literals(extensions), common_name=None, empty_subject=not data.get("subject"))[1]
    problems += _subject_problems(data)
    problems += _signature_problems(data.get("signature", {}))
    if whole(data["validity"]) is None:
        problems += _validity_problems(data["validity"])
    return problems


def _subject_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    subject = data.get("subject", {})
    for attribute in _attributes(data):
        if references(attribute.value):
            continue
        try:
            names.name_attribute(attribute.name, attribute.value, attribute.encoding)
        except ValueError as error:
            yield _problem(("subject", attribute.name), str(error))
    names_block = data.get("extensions", {}).get("subjectAltName", {})
    if names_block.get("dns_include_cn") and "cn" not in subject:
        yield _problem(("extensions", "subjectAltName", "dns_include_cn"), "the subject has no `cn`")
    if not subject and names_block.get("critical") is False:
        message = "without a subject it is critical (RFC 5280 section 4.2.1.6)"
        yield _problem(("extensions", "subjectAltName", "critical"), message)


def _signature_problems(signature: Mapping[str, Any]) -> Iterator[Problem]:
    if signature.get("scheme") in {"ed25519", "ml-dsa"} and "hash" in signature:
        yield _problem(("signature", "hash"), f"{signature['scheme']} hashes by itself; leave it out")


def _validity_problems(validity: str) -> Iterator[Problem]:
    try:
        parse_duration(validity)
    except ValueError as error:
        yield _problem(("validity",), str(error))
