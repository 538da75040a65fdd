"""docs/manifests.md says what is so: its examples are one valid workspace, and it has every field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pki.documents import load_stream
from pki.schemas import schema_text
from reconciler import manifest
from reconciler.manifest.declarations import SCHEMAS
from tests.support.checkout import ROOT

TEXT = (ROOT / "docs/manifests.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
KINDS = [document.data["kind"] for example in EXAMPLES for document in load_stream(example, "docs").documents]


def _fields(schema: Any) -> Iterator[str]:
    """Yield every key that a schema allows."""
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        yield from (key for key, value in properties.items() if "not" not in value)
        for part in schema.values():
            yield from _fields(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _fields(part)


def test_the_examples_are_one_workspace_in_which_nothing_is_wrong(tmp_path: Path) -> None:
    (devices,) = re.findall(r"```csv\n(.*?)```", TEXT, re.DOTALL)
    hsm = (ROOT / "examples/hsm/softhsm2.yaml").read_text()
    files = {"qpki.yaml": "---\n".join(EXAMPLES), "devices.csv": devices, "csr/partner.csr": "x"}
    for path, text in (files | {"hsm/softhsm2.yaml": hsm, "profiles/.gitkeep": "", "pki/none.yaml": ""}).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    found = manifest.load(tmp_path, thorough=True)

    assert found.warnings == ()
    assert list(found.cas) == ["root", "issuing"]
    assert found.credentials["device-sensor-1"].variables == {
        "cn": "sensor-1.paris.example.com", "organization": "Example",
    }  # fmt: skip
    assert found.credentials["team-bob"].variables["cn"] == "Bob Builder"


def test_there_is_an_example_of_every_kind() -> None:
    assert set(KINDS) == set(SCHEMAS)
    assert [kind for kind in SCHEMAS if f"\n## {kind}\n" not in TEXT and kind != "Profile"] == []


@pytest.mark.parametrize(
    "name", ["resource", "credential-set-member", *sorted(set(SCHEMAS.values()) - {"profile-resource"})]
)
def test_every_field_is_in_the_page(name: str) -> None:
    words = set(re.findall(r"[A-Za-z0-9]+", TEXT))

    assert sorted(set(_fields(json.loads(schema_text(name)))) - words) == []
