"""What the files of a workspace declare: documents of known kinds, each held to the schema of its kind."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pki.documents import Document, check, load_stream
from pki.findings import DocumentError, Location
from pki.schemas import closest
from reconciler.kinds.workspace import WorkspaceSpec
from reconciler.manifest.reading import Place, Reading

ROOT_FILE = "qpki.yaml"

SCHEMAS: Mapping[str, str] = {
    "Workspace": "workspace",
    "CertificateAuthority": "certificate-authority",
    "Credential": "credential",
    "CredentialSet": "credential-set",
    "Key": "key",
    "Profile": "profile-resource",
    "Policy": "policy",
}
"""The schema of each kind."""

DEFAULTS = WorkspaceSpec("", Location(ROOT_FILE))


@dataclass(frozen=True, slots=True)
class Declaration:
    """One document. An invalid one has a name, so that others can refer to it, and a `spec` that is not to be read."""

    kind: str
    name: str
    document: Document
    valid: bool

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.document.data.get("spec", {})
        return spec

    @property
    def place(self) -> Place:
        return Place(self.document, ("spec",))

    @property
    def where(self) -> Location:
        return self.document.where or Location(self.document.source)

    @property
    def name_place(self) -> Location:
        return self.document.locate(("metadata", "name"))


def read_declarations(reading: Reading) -> list[Declaration]:
    """Return what `qpki.yaml` and the files that it includes declare, in the order of files and lines."""
    declared = _declared(reading, ROOT_FILE)
    workspace = next((each for each in declared if each.kind == "Workspace"), None)
    if workspace is None and not reading.unread:
        at = Location(ROOT_FILE, 1, 1)
        reading.error(at, "workspace.missing", "a document of `kind: Workspace` is missing", "`qpki init` writes one")
    for path in _included(reading, workspace):
        declared += _declared(reading, path)
    for each in declared:
        if each.kind == "Workspace" and each is not workspace:
            message = f"a workspace has one `kind: Workspace`, in {ROOT_FILE}"
            reading.error(each.where, "workspace.several", message, "keep one of them")
    return declared


def _declared(reading: Reading, path: str) -> list[Declaration]:
    try:
        text = reading.read_text(path)
    except DocumentError as error:
        reading.take(error)
        return []
    stream = load_stream(text, path)
    reading.findings += stream.findings
    if stream.rest:
        reading.unread.append(stream.rest)
    return [found for document in stream.documents if (found := _classified(reading, document))]


def _classified(reading: Reading, document: Document) -> Declaration | None:
    data = document.data
    if not isinstance(data, dict):
        hint = "begin with `apiVersion: qpki.io/v1` and a `kind`"
        reading.error(Place(document), "manifest.not-a-resource", "a resource is a mapping", hint)
        return None
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in SCHEMAS:
        known = f"one of: {', '.join(SCHEMAS)}"
        message = f"there is no kind {kind!r}" if isinstance(kind, str) else "`kind` is missing"
        hint = (closest(kind, SCHEMAS) if isinstance(kind, str) else None) or known
        reading.error(Place(document, ("kind",)), "manifest.unknown-kind", message, hint)
        return None
    findings = check(document, SCHEMAS[kind])
    reading.findings += findings
    return Declaration(kind, _name(data), document, valid=not findings)


def _name(data: Mapping[str, Any]) -> str:
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _included(reading: Reading, workspace: Declaration | None) -> list[str]:
    """Return the files that a workspace includes, each once, in the order of patterns and names.

    Even an invalid workspace includes what it says, so that what is wrong in there can be told too.
    """
    spec = workspace.spec if workspace and isinstance(workspace.spec, dict) else {}
    patterns = _texts(spec.get("include"))
    own = [spec.get("state", DEFAULTS.state), *(_texts(spec.get("profiles")) or DEFAULTS.profiles)]
    apart = tuple(f"{PurePosixPath(path)}/" for path in own if isinstance(path, str))
    found: dict[str, None] = {}
    followed: list[str] = []
    for n, pattern in enumerate(patterns or DEFAULTS.include):
        at = workspace.place.at("include", n) if workspace and patterns else Location(ROOT_FILE, 1, 1)
        matches = _matches(reading, at, pattern)
        if matches is None:
            continue
        if patterns and not matches:
            reading.warning(at, "workspace.include-empty", f"`include`: {pattern} matches no file")
        found |= dict.fromkeys(path for path in matches if path != ROOT_FILE and not path.startswith(apart))
        followed.append(pattern)
    _warn_of_other_suffix(reading, followed, found)
    return list(found)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _matches(reading: Reading, at: Place | Location, pattern: str) -> list[str] | None:
    """Return the files that a pattern matches, but for hidden ones; None, and a finding, if it cannot be followed."""
    if not any(wildcard in pattern for wildcard in "*?["):
        path = reading.existing(at, pattern, "file")
        return [path] if path else None
    if reading.path(at, pattern) is None:
        return None
    try:
        found = _visible(reading, pattern)
    except ValueError as error:
        reading.error(at, "workspace.include-pattern", f"`include`: {pattern}: {error}", "write such as pki/**/*.yaml")
        return None
    return [path for path in found if reading.path(at, path) is not None]


def _visible(reading: Reading, pattern: str) -> list[str]:
    paths = (path.relative_to(reading.root) for path in reading.root.glob(pattern) if path.is_file())
    return sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))


def _warn_of_other_suffix(reading: Reading, patterns: Iterable[str], included: Container[str]) -> None:
    """Tell of files that look like manifests and that nothing reads."""
    for pattern in patterns:
        if pattern.endswith("*.yaml"):
            for path in _visible(reading, f"{pattern.removesuffix('.yaml')}.yml"):
                if path not in included:
                    hint = f"call it {PurePosixPath(path).stem}.yaml, or include it"
                    reading.warning(Location(path), "workspace.not-included", "nothing includes this file", hint)
