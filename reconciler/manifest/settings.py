"""The Workspace: settings, and lists of what moves, leaves or comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from reconciler.kinds.renewal import Renewal
from reconciler.kinds.workspace import Imported, Moved, Removal, Removed, WorkspaceSpec
from reconciler.manifest.declarations import DEFAULTS, Declaration
from reconciler.manifest.reading import Place, Reading
from reconciler.model import Address


def workspace_spec(reading: Reading, declaration: Declaration | None) -> WorkspaceSpec:
    """Return the settings; the defaults where a workspace is not there or not valid."""
    if declaration is None or not declaration.valid:
        return replace(DEFAULTS, profiles=_default_profiles(reading))
    spec, place = declaration.spec, declaration.place
    crl = spec.get("crl", {})
    return WorkspaceSpec(
        name=declaration.name,
        where=declaration.where,
        include=tuple(spec.get("include", DEFAULTS.include)),
        profiles=_profiles(reading, place, spec),
        state=_state(reading, place, spec),
        horizon=_horizon(reading, place.at("horizon"), spec.get("horizon")),
        crl_validity=given_duration(reading, place.at("crl", "validity"), crl.get("validity"), DEFAULTS.crl_validity),
        crl_refresh_before=given_duration(
            reading, place.at("crl", "refreshBefore"), crl.get("refreshBefore"), DEFAULTS.crl_refresh_before
        ),
        renewal=renewal(reading, place.at("renewal"), spec.get("renewal"), DEFAULTS.renewal),
        ca_renewal=renewal(reading, place.at("caRenewal"), spec.get("caRenewal"), DEFAULTS.ca_renewal),
        moved=tuple(_moved(place, spec.get("moved", []))),
        removed=tuple(_removed(place, spec.get("removed", []))),
        imported=tuple(_imported(reading, place, spec.get("import", []))),
    )


def renewal(reading: Reading, place: Place, given: Mapping[str, str] | None, default: Renewal) -> Renewal:
    """Return `renewal: {before: 30d}` or `{before: 20%}` as it is meant."""
    if given is None:
        return default
    before = given["before"]
    if before.endswith("%"):
        return Renewal(share=int(before[:-1]) / 100)
    return Renewal(before=reading.duration(place.at("before"), before))


def given_duration(reading: Reading, place: Place, text: str | None, default: timedelta) -> timedelta:
    """Return the duration that was given, or the default if none was or if it is reported as none."""
    return default if text is None else reading.duration(place, text) or default


def _horizon(reading: Reading, place: Place, text: str | None) -> timedelta:
    found = None if text is None else reading.span(place, text)
    return DEFAULTS.horizon if found is None else found


def _profiles(reading: Reading, place: Place, spec: Mapping[str, Any]) -> tuple[str, ...]:
    if "profiles" not in spec:
        return _default_profiles(reading)
    return tuple(_given_directories(reading, place, spec["profiles"]))


def _default_profiles(reading: Reading) -> tuple[str, ...]:
    return tuple(path for path in DEFAULTS.profiles if _directory(reading, path))


def _given_directories(reading: Reading, place: Place, given: list[str]) -> Iterator[str]:
    for n, text in enumerate(given):
        at = place.at("profiles", n)
        path = reading.path(at, text)
        if path is not None and not _directory(reading, path):
            reading.error(at, "path.missing", f"there is no directory {path}", "make it, or leave it out of `profiles`")
        elif path is not None:
            yield path


def _directory(reading: Reading, path: str) -> bool:
    return Path(reading.root, path).is_dir()


def _state(reading: Reading, place: Place, spec: Mapping[str, Any]) -> str:
    if "state" not in spec:
        return DEFAULTS.state
    return reading.path(place.at("state"), spec["state"]) or DEFAULTS.state


def _moved(place: Place, given: list[Mapping[str, str]]) -> Iterator[Moved]:
    for n, entry in enumerate(given):
        yield Moved(Address.parse(entry["from"]), Address.parse(entry["to"]), place.at("moved", n).where)


def _removed(place: Place, given: list[Mapping[str, str]]) -> Iterator[Removed]:
    for n, entry in enumerate(given):
        where = place.at("removed", n).where
        reason = {"reason": entry["reason"]} if "reason" in entry else {}
        yield Removed(Address.parse(entry["address"]), Removal(entry["action"]), where, **reason)


def _imported(reading: Reading, place: Place, given: list[Mapping[str, str]]) -> Iterator[Imported]:
    for n, entry in enumerate(given):
        at = place.at("import", n)
        yield Imported(
            target=Address.parse(entry["to"]),
            where=at.where,
            directory=reading.path(at.at("from"), entry["from"]) if "from" in entry else None,
            hsm=reading.path(at.at("hsm"), entry["hsm"]) if "hsm" in entry else None,
            label=entry.get("label"),
            key_id=entry.get("id"),
            spki_sha256=entry.get("spkiSha256"),
        )
