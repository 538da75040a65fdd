"""Drawings of a workspace: what signs what, and what a plan does to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import manifest as manifests
from reconciler.graph import ResourceGraph
from reconciler.model import Action, Reason, ReasonCode
from reconciler.plan.model import Change, Plan
from reconciler.render.graphs import dot, graph_facts, mermaid
from tests.support.plans import address, blocked, make
from tests.support.workspaces import TWO_TIER

SHARED = """\
---
apiVersion: qpki.io/v1
kind: Key
metadata: {name: shared}
spec: {algorithm: ecdsa-p256}
---
apiVersion: qpki.io/v1
kind: CredentialSet
metadata: {name: device}
spec:
  template: {issuer: issuing, profile: ec/tls-client, variables: {cn: "{{ name }}"}}
  members: [{name: a}, {name: b}, {name: c}]
"""


@pytest.fixture
def drawn(tmp_path: Path):
    (tmp_path / "qpki.yaml").write_text(TWO_TIER + SHARED, encoding="utf-8")
    found = manifests.load(tmp_path)

    def draw(plan: Plan):
        return graph_facts(found, ResourceGraph.of(found), plan)

    return draw


def change(text: str, action: Action = Action.CREATE, **more: object) -> Change:
    return Change(address(text), action, (Reason(ReasonCode.MISSING, "x"),), **more)  # type: ignore[arg-type]  # by name


def test_lines_lead_from_what_signs_to_what_is_signed(drawn):
    facts = drawn(make())
    labels = {node["id"]: node["label"] for node in facts["nodes"]}

    assert {(labels[edge["from"]], labels[edge["to"]]) for edge in facts["edges"]} == {
        ("ca/root", "ca/issuing"),
        ("ca/root", "crl/root"),
        ("ca/issuing", "crl/issuing"),
        ("ca/issuing", "credential/web"),
        ("ca/issuing", "credential/device-a and 2 more of device"),
    }
    assert "key/shared" in labels.values()


def test_members_of_a_set_with_another_fate_stand_apart(drawn):
    facts = drawn(make(change("credential/device-b"), change("ca/root", Action.REKEY)))

    assert [
        (node["label"], node["members"], node["action"]) for node in facts["nodes"] if "device" in node["label"]
    ] == [
        ("credential/device-a and 1 more of device", ["credential/device-a", "credential/device-c"], None),
        ("credential/device-b", ["credential/device-b"], "create"),
    ]


def test_mermaid_colors_what_the_plan_changes(drawn):
    shown = mermaid(drawn(make(change("ca/root", Action.REKEY), change("credential/web", blocked=blocked().blocked))))

    assert shown.splitlines()[:3] == ["flowchart TD", '  n0{{"key/shared"}}', '  n1["± ca/root"]']
    assert '(["x credential/web"])' in shown
    assert "classDef rekey fill:#fbefff,stroke:#8250df\n  class n1 rekey\n" in shown
    assert "classDef create" not in shown


def test_dot_is_a_digraph(drawn):
    lines = dot(drawn(make(change("ca/root")))).splitlines()

    assert (lines[0], lines[-1]) == ("digraph qpki {", "}")
    assert '  n1 [label="+ ca/root", shape=box, fillcolor="#dafbe1", color="#1a7f37"];' in lines
    assert "  n1 -> n2;" in lines


def test_a_label_cannot_leave_its_quotes():
    node = {"id": "n0", "kind": "ca", "label": 'a"]\n<b>\\"', "symbol": None, "members": [], "action": None}
    facts = {"nodes": [node], "edges": []}

    assert mermaid(facts) == 'flowchart TD\n  n0["a#34;#93;#92;n#60;b>#92;#34;"]'
    assert 'label="a\\"]\\\\n<b>\\\\\\""' in dot(facts)
