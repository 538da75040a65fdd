"""The graph of a workspace, with what a plan does to it: facts, Mermaid and DOT.

Lines lead from what signs to what is signed. Members of one set, which hang from the same CA and share one fate, are
one node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.graph import ResourceGraph
from reconciler.kinds.desired import Manifest
from reconciler.model import Address, Kind
from reconciler.plan.model import Change, Plan
from reconciler.render.changes import BLOCKED, symbol
from reconciler.render.layout import Facts, inline

_MERMAID = {Kind.KEY: '{{{{"{}"}}}}', Kind.CA: '["{}"]', Kind.CREDENTIAL: '(["{}"])', Kind.CRL: '[/"{}"/]'}
_DOT = {Kind.KEY: "hexagon", Kind.CA: "box", Kind.CREDENTIAL: "ellipse", Kind.CRL: "note"}
_COLORS = {
    "+": ("create", "#dafbe1", "#1a7f37"),
    "~": ("renew", "#fff8c5", "#9a6700"),
    "±": ("rekey", "#fbefff", "#8250df"),
    "!": ("revoke", "#ffebe9", "#cf222e"),
    ">": ("move", "#ddf4ff", "#0969da"),
    ".": ("forget", "#eaeef2", "#59636e"),
    BLOCKED: ("blocked", "#ffebe9", "#cf222e"),
}
"""Of a symbol: its class, what fills a node, and its line."""
_PLAIN = re.compile(r"[^\w ./,:()*±~+!>-]")


def graph_facts(manifest: Manifest, graph: ResourceGraph, plan: Plan) -> dict[str, Any]:
    changes = {change.address: change for change in plan.changes}
    groups = _groups(manifest, graph, changes)
    nodes = [
        {
            "id": f"n{number}",
            "kind": members[0].kind.value,
            "label": label,
            "members": [str(member) for member in members],
            "action": changes[members[0]].action.value if members[0] in changes else None,
            "blocked": members[0] in changes and bool(changes[members[0]].blocked),
            "symbol": symbol(changes[members[0]]) if members[0] in changes else None,
        }
        for number, (label, members) in enumerate(groups.items())
    ]
    ids = {member: node["id"] for node, members in zip(nodes, groups.values(), strict=True) for member in members}
    edges = {
        (ids[below], ids[address]): None
        for address, targets in graph.essential().items()
        for below in targets
        if below in ids
    }
    return {"nodes": nodes, "edges": [{"from": start, "to": end} for start, end in edges]}


def mermaid(facts: Facts) -> str:
    """Return a flowchart as GitHub and GitLab draw it in a `mermaid` code block."""
    lines = ["flowchart TD"]
    for node in facts["nodes"]:
        shape = _MERMAID[Kind(node["kind"])].format(_PLAIN.sub(_mermaid_entity, _label(node)))
        lines.append(f"  {node['id']}{shape}")
    lines += [f"  {edge['from']} --> {edge['to']}" for edge in facts["edges"]]
    for sign, (name, fill, stroke) in _COLORS.items():
        if members := [node["id"] for node in facts["nodes"] if node["symbol"] == sign]:
            lines += [f"  classDef {name} fill:{fill},stroke:{stroke}", f"  class {','.join(members)} {name}"]
    return "\n".join(lines)


def dot(facts: Facts) -> str:
    """Return a digraph for Graphviz."""
    lines = ["digraph qpki {", '  node [fontname="sans-serif", style=filled, fillcolor=white];']
    for node in facts["nodes"]:
        _, fill, stroke = _COLORS.get(node["symbol"], ("", "white", "black"))
        shape = _DOT[Kind(node["kind"])]
        lines.append(
            f'  {node["id"]} [label={_quoted(_label(node))}, shape={shape}, fillcolor="{fill}", color="{stroke}"];'
        )
    lines += [f"  {edge['from']} -> {edge['to']};" for edge in facts["edges"]]
    return "\n".join([*lines, "}"])


def _groups(manifest: Manifest, graph: ResourceGraph, changes: Mapping[Address, Change]) -> dict[str, list[Address]]:
    """Return the addresses by the label of their node."""
    sets: dict[tuple[object, ...], list[Address]] = {}
    for address, below in graph.edges.items():
        spec = manifest.credentials.get(address.name) if address.kind is Kind.CREDENTIAL else None
        change = changes.get(address)
        fate = (change.action, bool(change.blocked)) if change else None
        key: tuple[object, ...] = (spec.fleet, below, fate) if spec and spec.fleet else (address,)
        sets.setdefault(key, []).append(address)
    return dict(_labelled(sets.values(), manifest))


def _labelled(groups: Iterable[list[Address]], manifest: Manifest) -> Iterator[tuple[str, list[Address]]]:
    for members in groups:
        first = members[0]
        if len(members) == 1:
            yield str(first), members
        else:
            yield f"{first} and {len(members) - 1} more of {manifest.credentials[first.name].fleet}", members


def _label(node: Facts) -> str:
    return inline(f"{node['symbol']} {node['label']}" if node["symbol"] else node["label"])


def _mermaid_entity(found: re.Match[str]) -> str:
    return f"#{ord(found[0])};"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
