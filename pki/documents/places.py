"""Documents, and where in the text each part of them stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from pki.findings import Location

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and where it came from.

    Parts that an alias repeats are one object: read, do not change. `text` is the document's own part of the file, and
    `before` the number of lines above that part.
    """

    data: Any
    source: str
    text: str = field(default="", repr=False)
    where: Location | None = None
    """Where the data begins."""
    before: int = 0

    def locate(self, path: Sequence[str | int], *, key: bool = False) -> Location:
        """Return where the value at `path` stands, or with `key` its key; the nearest parent when it is not there."""
        if not self.text:
            return Location(self.source)
        mark = _mark(_compose(self.text), path, key=key)
        return Location(self.source, self.before + mark.line + 1, mark.column + 1)


@lru_cache(maxsize=4)
def _compose(text: str) -> yaml.Node:
    """Return the node graph of a text that was read before, and so is known to be sound."""
    node = yaml.compose(text, Loader=LOADER)
    return node or yaml.ScalarNode("", "")  # a document that was read has a root


def _mark(node: yaml.Node, path: Iterable[str | int], *, key: bool) -> yaml.Mark:
    mark = node.start_mark
    for step in path:
        entry = _entry(node, step)
        if entry is None:
            break
        mark = entry[0].start_mark if key else entry[1].start_mark
        node = entry[1]
    return mark


def _entry(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the key node and the value node of one step; a list item is its own key."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None
