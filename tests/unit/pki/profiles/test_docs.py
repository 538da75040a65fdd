"""docs/profiles.md says what is so: its profiles load, its table is the catalog's."""

from __future__ import annotations

import re

import pytest

from pki.documents import load_yaml, require
from pki.profiles.catalog import Catalog
from pki.profiles.loader import load_profile
from pki.profiles.model import Profile
from tests.support.checkout import ROOT
from tests.support.profiles import compiled

TEXT = (ROOT / "docs/profiles.md").read_text(encoding="utf-8")
BLOCKS = {block.splitlines()[0]: block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)}


def documented(name: str) -> Profile:
    return load_profile(BLOCKS[f"# {name}"], name)


@pytest.mark.parametrize("heading", [heading for heading in BLOCKS if heading != "# vars.yaml"])
def test_every_profile_in_the_page_loads(heading: str) -> None:
    assert load_profile(BLOCKS[heading], heading).description


def test_the_variable_file_in_the_page_fits_the_profile_beside_it() -> None:
    values = require(load_yaml(BLOCKS["# vars.yaml"], "vars.yaml"), "var-file")

    template = compiled(documented("profiles/partner-ca.yaml"), **values)

    assert template.is_ca


def test_the_command_in_the_page_works_with_the_profile_beside_it() -> None:
    assert compiled(documented("profiles/web.yaml"), cn="www.example.com").extensions


def test_the_table_of_builtins_is_the_catalog() -> None:
    catalog = Catalog()
    rows = [line for line in TEXT.splitlines() if re.match(r"\| `[a-z-]+/[a-z-]+` \|", line)]

    assert rows == [_row(catalog.get(name)) for name in catalog.names()]


def _row(policy: Profile) -> str:
    usages = ", ".join(policy.extensions["keyUsage"]["values"])
    purposes = ", ".join(policy.extensions.get("extKeyUsage", {}).get("values", [])) or "–"  # noqa: RUF001  as printed
    return f"| `{policy.name}` | {policy.algorithm} | {policy.variables['validity'].default} | {usages} | {purposes} |"


@pytest.mark.parametrize(
    "word",
    [
        *("algorithm", "validity", "beyondIssuer", "subject", "extensions", "variables", "signature"),
        *("pattern", "enum", "minLength", "maxLength", "allowed_suffixes", "denied_prefixes", "allowed_ranges"),
        *("allowed_schemes", "allowed_hosts", "min_items", "max_items", "min_duration", "max_duration"),
        *("forbid_public_suffix", "allow_single_label", "dns_include_cn", "ocspNoCheck", "qcStatements", "custom"),
    ],
)
def test_every_word_of_the_language_is_in_the_page(word: str) -> None:
    assert word in TEXT
