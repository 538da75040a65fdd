"""Whatever stands in the files of a workspace, a load gives a manifest or findings with places and ways out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pki.findings import DocumentError
from reconciler import manifest
from tests.support.documents import RESOURCES, changed
from tests.support.manifests import ROOT_FILE, workspace

SYNTAX = st.text("abk12: \n-[]{}&*!|>'\"%@`,?#~<\t\\", max_size=60)


def _outcome(root: Path) -> None:
    try:
        manifest.load(root, thorough=True)
    except DocumentError as error:
        assert error.hint  # noqa: PT017 - a refusal is good too
        assert all(finding.where and not finding.where.source.startswith("/") for finding in error.findings)  # noqa: PT017 - the same


@settings(max_examples=250, deadline=None)
@given(drawn=st.lists(changed(RESOURCES), max_size=3), in_root=st.booleans())
def test_changed_resources_are_a_manifest_or_findings(drawn: list[tuple[Any, Any]], *, in_root: bool) -> None:
    documents = "".join(f"---\n{json.dumps(document)}\n" for _, document in drawn)
    with tempfile.TemporaryDirectory() as directory:
        root = workspace(
            Path(directory), qpki_dot_yaml=documents if in_root else ROOT_FILE, pki__all_dot_yaml=documents
        )
        (root / "devices.csv").write_text("name,site\na,b\n")
        _outcome(root)


@settings(max_examples=150, deadline=None)
@given(SYNTAX | st.text(max_size=60), SYNTAX, SYNTAX | st.text(max_size=40))
def test_any_text_is_a_manifest_or_findings(resources: str, more: str, rows: str) -> None:
    fleet = '{"issuer": "root", "profile": "ec/tls-client"}'
    sets = "".join(
        f"---\napiVersion: qpki.io/v1\nkind: CredentialSet\nmetadata: {{name: {kind}}}\n"
        f"spec: {{template: {fleet}, membersFrom: dev.{kind}}}\n"
        for kind in ("csv", "jsonl")
    )
    with tempfile.TemporaryDirectory() as directory:
        root = workspace(Path(directory), resources, pki__more_dot_yaml=more, pki__sets_dot_yaml=sets)
        (root / "dev.csv").write_text(f"name,ou\n{rows}", encoding="utf-8", errors="surrogatepass")
        (root / "dev.jsonl").write_text(rows, encoding="utf-8", errors="surrogatepass")
        _outcome(root)
