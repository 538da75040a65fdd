"""URLs of a CA, which can hold `{{ generation }}`."""

from __future__ import annotations

import re

from pki import names
from pki.profiles.templates import references
from reconciler.kinds.authority import GENERATION

_GENERATION = re.compile(r"\{\{\s*generation\s*\}\}")


def url(text: str) -> str:
    """Return a URL in its plain form.

    Raises:
        ValueError: it is none, or holds another variable.
    """
    if unknown := [name for name in references(text) if name != "generation"]:
        raise ValueError(f"{text!r}: a URL has no variable `{unknown[0]}`; there is {GENERATION}")
    plain = _GENERATION.sub(GENERATION, text)
    names.uri(plain.replace(GENERATION, "1"))
    return plain
