"""The quick answer and jsonschema's agree on documents that are right, and on all kinds of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from pki.documents import load_stream
from pki.profiles.catalog import Catalog
from pki.schemas import acceptance, validator
from tests.support.documents import RESOURCES, changed, schema_of

PROFILES = [load_stream(Catalog().text(name), name).documents[0].data for name in ("ec/tls-server", "eidas/qc-web")]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_a_resource_of_ours_is_accepted_by_both(resource: Any) -> None:
    assert acceptance(schema_of(resource))(resource)
    assert validator(schema_of(resource)).is_valid(resource)


@settings(max_examples=300, deadline=None)
@given(changed(RESOURCES))
def test_they_agree_on_resources_that_were_changed(drawn: tuple[Any, Any]) -> None:
    name, resource = schema_of(drawn[0]), drawn[1]

    assert acceptance(name)(resource) is validator(name).is_valid(resource)


@settings(max_examples=150, deadline=None)
@given(changed(PROFILES))
def test_they_agree_on_profiles_that_were_changed(drawn: tuple[Any, Any]) -> None:
    assert acceptance("profile")(drawn[1]) is validator("profile").is_valid(drawn[1])
